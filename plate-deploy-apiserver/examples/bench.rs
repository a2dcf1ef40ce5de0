//! Start-up time and memory of the embedded API with 1,000 objects, beside running programs.
//!
//! `cargo run --release -p plate-deploy-apiserver --example bench -- [--pid PID]…` prints, for each of 10 new processes,
//! the time from opening the store file to the first answered list, and the memory it then holds; and the memory of
//! the processes named (a kube-apiserver and its etcd). docs/BENCHMARKS.md has the figures.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement")]

use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use plate_deploy_apiserver::ApiServer;
use plate_deploy_apiserver::clock::SystemClock;
use plate_deploy_apiserver::registry::{Registry, WriteOptions};
use plate_deploy_apiserver::storage::Store;
use serde_json::json;

const OBJECTS: usize = 1000;
const RUNS: usize = 10;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, path] = args.as_slice()
        && mode == "child"
    {
        return child(path);
    }
    let dir = std::env::temp_dir().join(format!("plate-deploy-bench-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join("store");
    fill(&path);
    let mut runs: Vec<(f64, f64)> = (0..RUNS).map(|_| run(&path)).collect();
    runs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (start, memory) = runs[RUNS / 2];
    println!("embedded API, {OBJECTS} objects: start to first list {start:.1} ms (median of {RUNS}), {memory:.1} MiB");
    for pid in args.iter().filter(|a| *a != "--pid") {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        println!("{} ({pid}): {:.1} MiB", name.trim(), resident(pid));
    }
    drop(std::fs::remove_dir_all(dir));
}

/// Half ConfigMaps, half Deployments with an ordinary pod template.
fn fill(path: &std::path::Path) {
    let registry = Registry::new(Store::open(path).unwrap(), Arc::new(SystemClock));
    let maps = registry.resource("", "v1", "configmaps").unwrap();
    let deployments = registry.resource("apps", "v1", "deployments").unwrap();
    for i in 0..OBJECTS / 2 {
        let labels = json!({"app.kubernetes.io/name": format!("app-{i}"), "app.kubernetes.io/managed-by": "Helm"});
        let map = json!({"metadata": {"name": format!("map-{i}"), "labels": labels}, "data": {"settings.yaml": "key: value\n".repeat(30)}});
        registry.create(&maps, "default", map, &WriteOptions::manager("bench")).unwrap();
        let deployment = json!({"metadata": {"name": format!("app-{i}"), "labels": labels}, "spec": {
            "replicas": 2, "selector": {"matchLabels": {"app": format!("app-{i}")}},
            "template": {"metadata": {"labels": {"app": format!("app-{i}")}}, "spec": {"containers": [{
                "name": "main", "image": "registry.example/app:1", "ports": [{"name": "http", "containerPort": 8080}],
                "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
                "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}}}]}}}});
        registry.create(&deployments, "default", deployment, &WriteOptions::manager("bench")).unwrap();
    }
}

fn run(path: &std::path::Path) -> (f64, f64) {
    let output = Command::new(std::env::current_exe().unwrap()).arg("child").arg(path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut numbers = text.split_whitespace().map(|n| n.parse::<f64>().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

fn child(path: &str) {
    let start = Instant::now();
    let server = ApiServer::builder().store_file(path).build().unwrap();
    let registry = server.registry();
    let deployments = registry.resource("apps", "v1", "deployments").unwrap();
    let listed = registry.list(&deployments, None, &Default::default()).unwrap().items.len();
    let elapsed = start.elapsed().as_secs_f64() * 1000.0;
    assert_eq!(listed, OBJECTS / 2);
    println!("{elapsed} {}", resident("self"));
}

/// Resident memory in MiB.
fn resident(pid: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap_or_default();
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().unwrap_or_default();
    kib / 1024.0
}
