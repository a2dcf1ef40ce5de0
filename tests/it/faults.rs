//! The fault matrix. `PLATE_FAULTS=all` runs every point (docs/RELIABILITY.md), without it a test runs every fifth.

use std::path::Path;

use plate_deploy_core::pipeline::{DeployRequest, Libraries, RollbackTo, Verb};
use plate_deploy_tests::faults::matrix::{Job, Outcome, Scenario, World, matrix, run_to_end};

const PROGRAM: &str = env!("CARGO_BIN_EXE_fault-run");

fn platform() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/plate-gitops")
}

fn request(environment: &str) -> DeployRequest {
    DeployRequest::new(environment).timeout(std::time::Duration::from_secs(60))
}

fn job(request: DeployRequest) -> Job {
    Job { request: Some(request), ..Job::default() }
}

/// A world in which these requests were carried out.
fn world_after(requests: &[DeployRequest]) -> World {
    let world = World::new(&platform()).unwrap();
    for request in requests {
        let answer =
            run_to_end(Path::new(PROGRAM), &Job { world: world.path().into(), ..job(request.clone()) }).unwrap();
        assert_eq!(answer.code, Some(0), "{}", answer.summary);
    }
    world
}

fn scenarios() -> Vec<Scenario> {
    let staging = request("staging");
    let production = request("production");
    let image = |request: &DeployRequest, tag: &str| request.clone().image("plate-server", tag);
    vec![
        Scenario { name: "first deploy", world: world_after(&[]), job: job(image(&staging, ":7.7.7")) },
        Scenario {
            name: "production, rolled back by itself",
            world: world_after(std::slice::from_ref(&production)),
            job: Job { fail_in_the_end: true, ..job(image(&production, ":7.7.7").libraries(Libraries::Skip)) },
        },
        Scenario {
            name: "rollback",
            world: world_after(&[staging.clone(), image(&staging, ":7.7.7")]),
            job: job(staging
                .clone()
                .libraries(Libraries::Skip)
                .verb(Verb::Rollback { to: RollbackTo::LastHealthy, why: "7.7.7 leaks".into() })),
        },
        Scenario {
            name: "promotion",
            world: world_after(&[image(&staging, ":7.7.7"), production.clone()]),
            job: job(production
                .libraries(Libraries::Skip)
                .verb(Verb::Promote { from: "staging".into(), components: vec!["plate-server".into()] })),
        },
        Scenario {
            name: "delete",
            world: world_after(std::slice::from_ref(&staging)),
            job: job(staging.verb(Verb::Delete { applications: Vec::new() })),
        },
    ]
}

fn report(name: &str, outcome: &Outcome, start: std::time::Instant) -> String {
    let total: usize = outcome.points.iter().map(|(_, n)| n).sum();
    let rows: String = outcome.points.iter().map(|(name, n)| format!("  {name}: {n}\n")).collect();
    format!(
        "fault matrix on {name}: {total} distinct points, killed at {}, {} failures, {:.0} s\n{rows}",
        outcome.killed,
        outcome.failures.len(),
        start.elapsed().as_secs_f64()
    )
}

#[test]
fn killed_at_any_point_a_run_ends_as_if_it_had_not_been() {
    let start = std::time::Instant::now();
    let parallel = std::thread::available_parallelism().map_or(2, usize::from);
    let step = if std::env::var_os("PLATE_FAULTS").is_some_and(|v| v == "all") { 1 } else { 5 };
    let outcome = matrix(Path::new(PROGRAM), &scenarios(), parallel, step).unwrap();
    println!("{}", report("the embedded API", &outcome, start));
    assert!(outcome.failures.is_empty(), "{}", outcome.failures.join("\n"));
    let total: usize = outcome.points.iter().map(|(_, n)| n).sum();
    assert!(total >= 200, "{total} points");
    assert!(outcome.killed * step * 10 >= total * 9, "most points must really be reached: {outcome:?}");
}
