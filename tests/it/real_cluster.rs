//! The test machinery for real clusters, and real Argo CD on it.

use std::time::{Duration, Instant};

use plate_deploy_core::cluster::{ClusterReader, ListOptions};
use plate_deploy_core::model::GroupVersionKind;
use plate_deploy_tests::control_plane::{ARGOCD_NAMESPACE, ControlPlane, GitRepository};
use plate_deploy_tests::platform::Platform;
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

#[tokio::test(flavor = "multi_thread")]
async fn real_argocd_deploys_the_example_platform() {
    let Some(builder) = ControlPlane::builder().workloads(4).addresses().argocd().available() else { return };
    let _turn = ControlPlane::turn().await;
    let plane = builder.start().await.unwrap();
    println!("control plane with Argo CD: {:.1} s", plane.started_in().as_secs_f64());
    let platform = Platform::example().unwrap();
    let repository = GitRepository::from_folder(&platform.folder()).unwrap();
    let url = "https://git.example.com/plate/plate-gitops.git";
    assert!(repository.replace_below("environments", url, &repository.url()).unwrap() > 10);
    repository.commit("Serve from here").unwrap();
    let start = Instant::now();
    for library in ["cluster-services/banner-operator", "cluster-services/local-storage"] {
        plane.apply(library_application(&repository, library)).await.unwrap();
    }
    let root = std::fs::read_to_string(repository.folder().join("environments/argocd/app-of-apps.yaml")).unwrap();
    plane.apply(serde_yaml::from_str(&root).unwrap()).await.unwrap();
    let ready =
        |app: &Value| app["status"]["sync"]["status"] == "Synced" && app["status"]["health"]["status"] == "Healthy";
    let done = |apps: &[Value]| apps.len() == 14 && apps.iter().all(ready);
    wait_for(&plane, "argoproj.io/v1alpha1", "Application", done).await;
    println!("14 Applications Synced and Healthy after {:.1} s", start.elapsed().as_secs_f64());
    for program in plane.usage() {
        let (memory, cpu) = (program.resident >> 20, program.cpu.as_secs_f64());
        println!("  {:30} {memory:5} MiB {cpu:6.1} s", program.name);
    }
}

fn library_application(repository: &GitRepository, chart: &str) -> Value {
    let name = chart.rsplit('/').next().unwrap();
    json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": name, "namespace": ARGOCD_NAMESPACE},
        "spec": {"project": "default",
            "source": {"repoURL": repository.url(), "path": format!("helm/{chart}"), "targetRevision": "main"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": name},
            "syncPolicy": {"automated": {}, "syncOptions": ["CreateNamespace=true"]}}})
}
