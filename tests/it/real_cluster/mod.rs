//! Tests on real control planes, a suite of its own as it takes minutes: what runs here starts real programs.

mod argocd;
mod deploy;
mod prj_devops;

use std::time::{Duration, Instant};

use plate_deploy_core::cluster::testing::cluster_backend_contract;
use plate_deploy_core::cluster::{ClusterReader, ListOptions};
use plate_deploy_core::model::GroupVersionKind;
use plate_deploy_tests::control_plane::ControlPlane;
use serde_json::{Value, json};

/// Polls objects of one kind until `done` says so of the list.
async fn wait_for(plane: &ControlPlane, api_version: &str, kind: &str, done: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let cluster = plane.cluster().await.unwrap();
    let kind = GroupVersionKind::parse(api_version, kind);
    let start = Instant::now();
    loop {
        let list = cluster.list(&kind, &ListOptions::default()).await.unwrap();
        let items: Vec<Value> = list.items.into_iter().map(|item| item.into_value()).collect();
        if done(&items) {
            return items;
        }
        assert!(start.elapsed() < Duration::from_secs(180), "{kind:?} did not get there: {}", states(&items));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn states(items: &[Value]) -> String {
    items.iter().map(|item| format!("\n{} {}", item["metadata"]["name"], item["status"])).collect()
}

fn pod_template(labels: &Value, restart: &str) -> Value {
    json!({"metadata": {"labels": labels}, "spec": {"restartPolicy": restart,
        "containers": [{"name": "main", "image": "example.com/app:1"}]}})
}

#[tokio::test(flavor = "multi_thread")]
async fn the_backend_keeps_its_contract() {
    let Some(plane) = ControlPlane::shared().await.unwrap() else { return };
    println!("API server: {:.1} s", plane.started_in().as_secs_f64());
    let cluster = plane.cluster().await.unwrap();
    cluster_backend_contract(&cluster, "contract").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workloads_get_ready_and_nothing_outlives_the_plane() {
    let Some(builder) = ControlPlane::builder().workloads(2).available() else { return };
    let _turn = ControlPlane::turn().await;
    let plane = builder.start().await.unwrap();
    println!("control plane with workloads: {:.1} s", plane.started_in().as_secs_f64());
    let labels = json!({"app": "web"});
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"replicas": 3, "selector": {"matchLabels": labels}, "template": pod_template(&labels, "Always")}});
    let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once", "namespace": "default"},
        "spec": {"template": pod_template(&json!({}), "Never")}});
    plane.apply(deployment).await.unwrap();
    plane.apply(job).await.unwrap();
    wait_for(&plane, "apps/v1", "Deployment", |list| list[0]["status"]["readyReplicas"] == 3).await;
    wait_for(&plane, "batch/v1", "Job", |list| list[0]["status"]["succeeded"] == 1).await;

    let usage = plane.usage();
    assert_eq!(usage.len(), 5, "{usage:?}");
    assert!(usage.iter().all(|program| program.resident > 1 << 20), "{usage:?}");
    let folder = plane.kubeconfig().parent().unwrap().to_owned();
    drop(plane);
    assert!(!folder.exists());
    let left = std::process::Command::new("pgrep").arg("-f").arg(&folder).output().unwrap();
    assert!(left.stdout.is_empty(), "still running: {}", String::from_utf8_lossy(&left.stdout));
}
