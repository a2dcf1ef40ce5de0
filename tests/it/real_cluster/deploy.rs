//! The whole-deploy tests of `crate::deploy` on a real control plane with controllers, scheduler and simulated nodes.

use std::sync::Arc;
use std::time::Instant;

use plate_deploy_core::cluster::{ClusterBackend, Recording};
use plate_deploy_tests::control_plane::ControlPlane;

use crate::deploy;

/// Runs a body on a fresh control plane, when this machine has the programs.
async fn on_real<F: Future<Output = ()>>(what: &str, body: impl FnOnce(Recording) -> F) {
    let Some(builder) = ControlPlane::builder().workloads(4).addresses().available() else { return };
    let _turn = ControlPlane::turn().await;
    let plane = builder.start().await.unwrap();
    let cluster: Arc<dyn ClusterBackend> = Arc::new(plane.cluster().await.unwrap());
    let begin = Instant::now();
    body(Recording::new(cluster)).await;
    let (start, run) = (plane.started_in().as_secs_f64(), begin.elapsed().as_secs_f64());
    println!("{what}: control plane {start:.1} s, test {run:.1} s");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_platform_deploys_and_a_second_run_does_nothing() {
    on_real("deploy twice", deploy::deploy_twice).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_becomes_one_commit_and_a_rollout() {
    on_real("roll out an image", deploy::roll_out_an_image).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_is_healed_and_what_left_git_is_pruned() {
    on_real("drift and prune", deploy::drift_and_prune).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_cut_off_is_finished_by_the_next() {
    // Among the libraries, and among the Applications after a write that arrived.
    for n in [3, 18] {
        on_real(&format!("cut off at write {n}"), |cluster| deploy::cut_off_and_finish(cluster, n)).await;
    }
}
