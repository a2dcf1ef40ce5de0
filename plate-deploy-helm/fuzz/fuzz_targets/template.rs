//! A template, a zero byte, values: lexer, parser, exec and every function, with small limits.
#![no_main]

use std::sync::Arc;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use plate_deploy_helm::chart::{Capabilities, Chart, File, RenderChart};
use plate_deploy_helm::engine::{Engine, NoLookup, Release, RenderInput, RenderLimits, RenderOptions};
use plate_deploy_helm::value::{Map, yaml};

fuzz_target!(|data: &[u8]| {
    let split = data.iter().position(|b| *b == 0).unwrap_or(data.len());
    let (template, values) = data.split_at(split);
    let values = yaml::unmarshal_map(values.get(1..).unwrap_or_default()).unwrap_or_default();
    let mut chart = Chart::default();
    chart.metadata.name = "fuzz".to_owned();
    chart.templates = vec![File { name: "templates/t.yaml".to_owned(), data: Arc::from(template) }];
    let view =
        RenderChart { chart: &chart, metadata: chart.metadata.clone(), values: Map::new(), dependencies: Vec::new() };
    let release = Release { name: "r".to_owned(), namespace: "n".to_owned(), revision: 1, is_upgrade: false };
    let capabilities = Capabilities::default();
    let input =
        RenderInput { chart: &view, values: &values, release: &release, capabilities: &capabilities, lookup: &NoLookup };
    let limits = RenderLimits {
        steps: 100_000,
        depth: 1_000,
        output_bytes: 1 << 22,
        function_bytes: 1 << 24,
        time: Some(Duration::from_secs(5)),
    };
    let _ = Engine::default().render(input, &RenderOptions { limits, ..RenderOptions::default() });
});
