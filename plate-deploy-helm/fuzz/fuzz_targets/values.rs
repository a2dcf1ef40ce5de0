//! Values files: read, merged over a chart's defaults, computed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plate_deploy_helm::chart::{Chart, ValueRules, ValueSources};

fuzz_target!(|data: &[u8]| {
    let split = data.iter().position(|b| *b == 0).unwrap_or(data.len());
    let (first, second) = data.split_at(split);
    let mut chart = Chart::default();
    chart.metadata.name = "fuzz".to_owned();
    let files = vec![("a".to_owned(), first.to_vec()), ("b".to_owned(), second.get(1..).unwrap_or_default().to_vec())];
    if let Ok(values) = (ValueSources { files, ..ValueSources::default() }).merge() {
        let _ = chart.prepare(&values, ValueRules::default());
    }
});
