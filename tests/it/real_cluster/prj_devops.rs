//! The embedded driver must bring prj-devops to the state that real Argo CD brought it to
//! (`vectors/prj-devops/argocd-status.json`), on the same kind of control plane.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use plate_deploy_core::clock::SystemClock;
use plate_deploy_core::cluster::ClusterBackend;
use plate_deploy_core::driver::{DriverOptions, EmbeddedDriver, SyncDriver, SyncOptions, Target};
use plate_deploy_core::pipeline::{Capabilities, Sources, render_one};
use plate_deploy_core::render::NativeRenderer;
use plate_deploy_core::report::{ApplicationReport, NoReporter};
use plate_deploy_tests::control_plane::ControlPlane;
use plate_deploy_tests::platform::{Platform, shared};
use serde_json::Value;

/// What is compared of one Application: sync, health, and each resource with its sync status.
#[derive(Debug, PartialEq, Eq)]
struct State {
    sync: String,
    health: String,
    resources: BTreeSet<String>,
}

impl State {
    fn recorded(application: &Value) -> Self {
        let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let resource = |r: &Value| {
            let [group, kind, namespace, name, status] =
                ["group", "kind", "namespace", "name", "status"].map(|key| text(r, key));
            format!("{group}/{kind} {namespace}/{name} {status}")
        };
        Self {
            sync: text(application, "sync"),
            health: text(application, "health"),
            resources: application["resources"].as_array().unwrap().iter().map(resource).collect(),
        }
    }

    fn ours(report: &ApplicationReport) -> Self {
        let resource = |r: &plate_deploy_core::report::ResourceReport| {
            format!("{}/{} {}/{} {:?}", r.key.group, r.key.kind, r.key.namespace, r.key.name, r.sync)
        };
        Self {
            sync: format!("{:?}", report.sync),
            health: format!("{:?}", report.health.status),
            resources: report.resources.iter().map(resource).collect(),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reaches_what_argocd_reached() {
    let Some(platform) = Platform::prj_devops().unwrap() else {
        println!("NOT RUN: no prj-devops (set PLATE_SHARED)");
        return;
    };
    let Some(builder) = ControlPlane::builder().workloads(4).application_kinds().available() else { return };
    let _turn = ControlPlane::turn().await;
    let plane = builder.start().await.unwrap();
    let cluster: Arc<dyn ClusterBackend> = Arc::new(plane.cluster().await.unwrap());
    let ours = deploy_everything(&platform, cluster).await;

    let file = shared().unwrap().join("vectors/prj-devops/argocd-status.json");
    let recorded: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let mut different = 0;
    for application in &recorded {
        let name = application["application"].as_str().unwrap();
        let expected = State::recorded(application);
        if ours.get(name) == Some(&expected) {
            println!("equal      {name}: {} {}", expected.sync, expected.health);
        } else {
            different += 1;
            println!("different  {name}: Argo CD {expected:#?}, ours {:#?}", ours.get(name));
        }
    }
    println!("prj-devops: {} Applications, {different} different", recorded.len());
    assert_eq!((different, ours.len()), (0, recorded.len()));
}

/// Syncs the app-of-apps and all it brings, and says how each Application is afterwards.
async fn deploy_everything(platform: &Platform, cluster: Arc<dyn ClusterBackend>) -> BTreeMap<String, State> {
    let repo = platform.repo().await.unwrap();
    let loaded = repo.offline().load("HEAD").await.unwrap();
    let own = loaded.repository();
    let capabilities = Capabilities::of(&*cluster).await.unwrap();
    let (sources, renderer) = (Sources::new(Default::default()), NativeRenderer::default());
    let mut targets = Vec::new();
    for application in loaded.workspace.applications.iter().map(|app| &app.source.object) {
        if let Ok(rendered) = render_one(&sources, &renderer, application, &own, &capabilities).await {
            targets.push(Target { application: application.clone(), rendered, revision: own.revision.clone() });
        }
    }
    let driver =
        EmbeddedDriver::start(Arc::clone(&cluster), Arc::new(SystemClock), DriverOptions::default()).await.unwrap();
    // Some Applications never get healthy here, as recorded; the others are long before this.
    let options = SyncOptions::new(Duration::from_secs(25));
    for report in driver.sync(targets.clone(), options, &NoReporter).await.unwrap() {
        for problem in &report.problems {
            println!("{}: {} {}", report.name, problem.code, problem.message);
        }
    }
    let comparisons = driver.compare(&targets).await.unwrap();
    let mut states: BTreeMap<String, State> = targets
        .iter()
        .zip(&comparisons)
        .map(|(target, comparison)| (target.name().to_owned(), State::ours(&comparison.report(target))))
        .collect();
    // Those that cannot be rendered are only in the status.
    for report in repo.on(cluster).as_embedded().status(None).await.unwrap() {
        states.entry(report.name.clone()).or_insert_with(|| State::ours(&report));
    }
    states
}
