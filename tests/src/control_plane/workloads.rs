//! Controllers, scheduler and simulated nodes: Deployments get pods, pods get ready, Jobs complete.

use std::fs;
use std::path::Path;

use anyhow::Result;
use plate_deploy_core::cluster::{ClusterReader, KubeCluster, ListOptions};
use plate_deploy_core::model::GroupVersionKind;
use serde_json::json;

use super::process::Recipe;
use super::programs::{Programs, Workloads};
use super::{ControlPlane, apply, kubernetes};

/// What kwok does to nodes and pods.
const STAGES: &str = include_str!("stages.yaml");
/// What it does to Services, Ingresses and volume claims, when asked.
const ADDRESSES: &str = include_str!("addresses.yaml");

/// Starts them and waits until every node is ready.
pub(super) async fn start(
    plane: &ControlPlane,
    programs: &Programs,
    cluster: &KubeCluster,
    nodes: usize,
    addresses: bool,
) -> Result<()> {
    let Some(programs) = &programs.workloads else { return Ok(()) };
    let dir = plane.dir.path();
    let stages = if addresses { format!("{STAGES}---\n{ADDRESSES}") } else { STAGES.into() };
    fs::write(dir.join("stages.yaml"), stages)?;
    plane.processes.spawn(controller_manager(programs, dir))?;
    plane.processes.spawn(scheduler(programs, dir))?;
    plane.processes.spawn(kwok(programs, dir))?;
    for index in 0..nodes {
        let name = format!("node-{index}");
        let labels =
            json!({"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"});
        apply(cluster, json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}))
            .await?;
    }
    plane.wait("kwok", || async { ready_nodes(cluster).await >= nodes }).await
}

async fn ready_nodes(cluster: &KubeCluster) -> usize {
    let kind = GroupVersionKind::parse("v1", "Node");
    let Ok(list) = cluster.list(&kind, &ListOptions::default()).await else { return 0 };
    let ready = |node: &serde_json::Value| {
        let conditions = node.pointer("/status/conditions").and_then(|list| list.as_array());
        let ready = conditions.into_iter().flatten().any(|c| c["type"] == "Ready" && c["status"] == "True");
        // A taint stays until the node controller has seen the condition.
        ready && node.pointer("/spec/taints").is_none()
    };
    list.items.iter().filter(|node| ready(node.value())).count()
}

fn controller_manager(programs: &Workloads, dir: &Path) -> Recipe {
    Recipe::new("kube-controller-manager", &programs.controller_manager)
        .args([Path::new("--kubeconfig"), &kubernetes::kubeconfig(dir)])
        .args([Path::new("--service-account-private-key-file"), &kubernetes::service_account_key(dir)])
        .args([Path::new("--root-ca-file"), &dir.join("certs/apiserver.crt")])
        // One of each, reachable by nobody: no election, no port; and no throttle that only a large cluster needs.
        .args(["--leader-elect=false", "--secure-port=0", "--kube-api-qps=500", "--kube-api-burst=1000"])
}

fn scheduler(programs: &Workloads, dir: &Path) -> Recipe {
    Recipe::new("kube-scheduler", &programs.scheduler)
        .args([Path::new("--kubeconfig"), &kubernetes::kubeconfig(dir)])
        .args(["--leader-elect=false", "--secure-port=0", "--kube-api-qps=500", "--kube-api-burst=1000"])
}

fn kwok(programs: &Workloads, dir: &Path) -> Recipe {
    Recipe::new("kwok", &programs.kwok)
        .args([Path::new("--kubeconfig"), &kubernetes::kubeconfig(dir)])
        .args([Path::new("--config"), &dir.join("stages.yaml")])
        .args(["--manage-all-nodes", "--node-lease-duration-seconds=40", "--node-ip=127.0.0.1"])
}
