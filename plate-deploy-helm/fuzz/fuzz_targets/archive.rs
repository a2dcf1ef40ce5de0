//! Charts: an archive, and a folder with hostile files.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plate_deploy_helm::chart::{Chart, ValueRules};
use plate_deploy_helm::value::Map;

fuzz_target!(|data: &[u8]| {
    let _ = Chart::from_archive(data);
    let split = data.iter().position(|b| *b == 0).unwrap_or(data.len());
    let (metadata, values) = data.split_at(split);
    let values = values.get(1..).unwrap_or_default();
    let files = vec![
        ("Chart.yaml".to_owned(), metadata.to_vec()),
        ("values.yaml".to_owned(), values.to_vec()),
        ("values.schema.json".to_owned(), values.to_vec()),
        ("requirements.yaml".to_owned(), values.to_vec()),
        (".helmignore".to_owned(), values.to_vec()),
        ("charts/sub/Chart.yaml".to_owned(), b"apiVersion: v2\nname: sub\nversion: 1.0.0".to_vec()),
    ];
    if let Ok(chart) = Chart::from_dir_files(files) {
        let _ = chart.prepare(&Map::new(), ValueRules::default());
    }
});
