//! The embedded API beside a real kube-apiserver: equal answers, or a difference that COMPATIBILITY.md names.

use kube::Client;
use plate_deploy_apiserver::ApiServer;
use plate_deploy_tests::api_diff::{Pair, Report, corpus, known, operations};
use plate_deploy_tests::control_plane::ControlPlane;
use plate_deploy_tests::platform::shared;

/// Random requests of one run.
const OPERATIONS: usize = 5000;
const SEED: u64 = 2026;
/// Part of the answers that must be equal.
const REQUIRED: f64 = 0.99;

fn embedded() -> Client {
    Client::new(ApiServer::in_memory(), "default")
}

fn judge(report: &Report) {
    println!("{report}");
    assert!(report.equality() >= REQUIRED, "{}: less than {} equal", report.name, REQUIRED);
    let unknown: Vec<String> = report.unexplained().map(|d| format!("{}\n  {}", d.place, d.request)).collect();
    assert!(unknown.is_empty(), "{} differences are not in COMPATIBILITY.md:\n{}", unknown.len(), unknown.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_api_answers_as_a_real_one() {
    let Some(builder) = ControlPlane::builder().available() else {
        println!("NOT RUN: no kube-apiserver (set KUBEBUILDER_ASSETS, or run `cargo suite`)");
        return;
    };
    let plane = builder.start().await.unwrap();
    let real = plane.cluster().await.unwrap().client().clone();
    let seed = std::env::var("PLATE_API_DIFF_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(SEED);
    let pair = Pair { embedded: embedded(), real: real.clone() };
    judge(&operations::run(&pair, seed, OPERATIONS).await.unwrap());
    let Some(folder) = shared().map(|shared| shared.join("corpus")).filter(|folder| folder.is_dir()) else {
        println!("NOT RUN: no corpus (set PLATE_SHARED)");
        return;
    };
    let objects = corpus::objects(&folder).unwrap();
    let pair = Pair { embedded: embedded(), real };
    judge(&corpus::run(&pair, &objects).await.unwrap());
    println!("the real control plane took {:.1} s to start", plane.started_in().as_secs_f64());
    for program in plane.usage() {
        println!("{}: {} MiB", program.name, program.resident >> 20);
    }
}

/// What the harness forgives must be told to users.
#[test]
fn known_differences_are_documented() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../COMPATIBILITY.md")).unwrap();
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for entry in known::entries() {
        assert!(words.contains(entry), "COMPATIBILITY.md does not say: {entry}");
    }
}
