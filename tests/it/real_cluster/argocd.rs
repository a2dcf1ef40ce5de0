//! Real Argo CD on a real control plane.

use std::time::Instant;

use plate_deploy_tests::control_plane::{ARGOCD_NAMESPACE, ControlPlane, GitRepository};
use plate_deploy_tests::platform::Platform;
use serde_json::{Value, json};

use super::wait_for;

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
