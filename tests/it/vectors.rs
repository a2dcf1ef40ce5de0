//! What real Argo CD decides, as recorded: every group, except what is refused on principle.

use plate_deploy_tests::platform::shared;
use plate_deploy_tests::vectors::{self, Selection};

#[test]
fn argo_cd_decides_the_same() {
    let Some(dir) = shared().map(|shared| shared.join("vectors")).filter(|dir| dir.is_dir()) else {
        println!("NOT RUN: no recorded vectors (set PLATE_SHARED)");
        return;
    };
    let reports = vectors::run(&dir, &Selection::default()).unwrap();
    let passed: usize = reports.iter().map(|report| report.passed).sum();
    println!("{passed} vectors answered as recorded");
    // Jsonnet is refused by name (COMPATIBILITY.md).
    let refused = |id: &str| id.starts_with("jsonnet-");
    let wrong: Vec<String> = reports
        .iter()
        .flat_map(|report| report.failures.iter().map(move |failure| (report, failure)))
        .filter(|(_, failure)| !refused(&failure.id))
        .map(|(report, failure)| format!("{} {}: {}", report.group, failure.id, failure.reason))
        .collect();
    assert!(passed > 1000 && wrong.is_empty(), "{}", wrong.join("\n"));
}
