//! Whole deploys on the embedded cluster. The bodies that take a cluster run on a real one, too: see `real_cluster`.

use std::sync::Arc;

use plate_deploy_core::cluster::{
    ApplyMode, ClusterError, ClusterReader, ClusterWriter, Fault, Faulty, ObjectRef, Patch, Propagation, Recording,
    WriteOptions,
};
use plate_deploy_core::engine::{EngineError, Reason};
use plate_deploy_core::model::{GroupVersionKind, SyncCode};
use plate_deploy_core::pipeline::{ApproveAll, ApproveUnguarded, DeployRequest, Libraries};
use plate_deploy_core::report::{DeployReport, Outcome, StageResult};
use plate_deploy_tests::platform::{Platform, recorded_cluster};
use serde_json::json;

fn staging() -> DeployRequest {
    DeployRequest::new("staging").timeout(std::time::Duration::from_secs(60))
}

fn assert_ready(report: &DeployReport) {
    let not_ready: Vec<_> = report.applications.iter().filter(|app| !app.ready()).collect();
    assert!(not_ready.is_empty(), "{not_ready:#?}\n{:#?}", report.libraries);
    assert!(!report.applications.is_empty());
}

fn deployment(namespace: &str, name: &str) -> ObjectRef {
    ObjectRef { kind: GroupVersionKind::parse("apps/v1", "Deployment"), namespace: namespace.into(), name: name.into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_platform_deploys_and_a_second_run_does_nothing() {
    deploy_twice(recorded_cluster().await.unwrap()).await;
}

pub(crate) async fn deploy_twice(cluster: Recording) {
    let platform = Platform::example().unwrap();
    let first = platform.deployer(&cluster).await.unwrap().deploy(staging()).await.unwrap();
    assert_eq!(first.outcome, Outcome::Deployed, "{first:#?}");
    assert_ready(&first);
    assert!(!first.access.is_empty(), "the platform has an Ingress");

    let before = cluster.real_writes().len();
    let second = platform.deployer(&cluster).await.unwrap().deploy(staging()).await.unwrap();
    assert_eq!(second.outcome, Outcome::Unchanged, "{second:#?}");
    assert_eq!(
        cluster.real_writes().len(),
        before,
        "a second run writes nothing: {:?}",
        &cluster.real_writes()[before..]
    );
    assert!(second.commit.is_none());
    assert_eq!(second.revision, first.revision);
}

#[tokio::test(flavor = "multi_thread")]
async fn production_needs_an_approval() {
    let platform = Platform::example().unwrap();
    let cluster = recorded_cluster().await.unwrap();
    let deployer = platform.deployer(&cluster).await.unwrap();
    let request = DeployRequest::new("prod").timeout(std::time::Duration::from_secs(60));
    let refused = deployer.clone().approver(Arc::new(ApproveUnguarded)).deploy(request.clone()).await.unwrap();
    assert_eq!(refused.outcome, Outcome::Refused, "{refused:#?}");
    assert_eq!(cluster.real_writes(), []);
    let deployed = deployer.approver(Arc::new(ApproveAll)).deploy(request).await.unwrap();
    assert_eq!(deployed.outcome, Outcome::Deployed, "{deployed:#?}");
    assert_eq!(deployed.environment, "production");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_writes_nothing_anywhere() {
    let platform = Platform::example().unwrap();
    let cluster = recorded_cluster().await.unwrap();
    let deployer = platform.deployer(&cluster).await.unwrap();
    let head = deployer.repo().git().resolve("HEAD").await.unwrap();
    let request = staging().image("plate-server", ":9.9.9").dry_run(true);
    let (plan, report) = deployer.plan(request).await.unwrap();
    let plan = plan.unwrap();
    assert!(plan.changes().count() > 10 && plan.files.len() == 1, "{plan:#?}");
    assert_eq!(report.outcome, Outcome::Unchanged);
    assert_eq!(cluster.real_writes(), []);
    assert_eq!(deployer.repo().git().resolve("HEAD").await.unwrap(), head);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_becomes_one_commit_and_a_rollout() {
    roll_out_an_image(recorded_cluster().await.unwrap()).await;
}

pub(crate) async fn roll_out_an_image(cluster: Recording) {
    let platform = Platform::example().unwrap();
    platform.deployer(&cluster).await.unwrap().deploy(staging()).await.unwrap();
    let deployer = platform.deployer(&cluster).await.unwrap();
    let git = Arc::clone(deployer.repo().git());
    let before = git.resolve("HEAD").await.unwrap();
    let report = deployer.deploy(staging().image("plate-server", ":7.7.7")).await.unwrap();
    assert_eq!(report.outcome, Outcome::Deployed, "{report:#?}");
    let commit = report.commit.unwrap();
    let after = git.resolve("HEAD").await.unwrap();
    assert_eq!(commit.id, after.to_string());
    let changes = git.changes(Some(before), after).await.unwrap();
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert!(changes[0].path.ends_with("values-stg.yaml"));
    let key = report
        .applications
        .iter()
        .find(|a| a.name.contains("server"))
        .unwrap()
        .resources
        .iter()
        .find(|r| r.key.kind == "Deployment")
        .unwrap()
        .key
        .clone();
    let live = cluster.get(&deployment(&key.namespace, &key.name)).await.unwrap().unwrap();
    assert!(live.value().to_string().contains(":7.7.7"), "the new image runs");

    let again =
        platform.deployer(&cluster).await.unwrap().deploy(staging().image("plate-server", ":7.7.7")).await.unwrap();
    assert_eq!((again.outcome, again.commit.is_none()), (Outcome::Unchanged, true), "{again:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_is_healed_and_what_left_git_is_pruned() {
    drift_and_prune(recorded_cluster().await.unwrap()).await;
}

pub(crate) async fn drift_and_prune(cluster: Recording) {
    let platform = Platform::example().unwrap();
    let first = platform.deployer(&cluster).await.unwrap().deploy(staging()).await.unwrap();
    let app = first.applications.iter().find(|a| a.name.contains("web")).unwrap();
    let key = &app.resources.iter().find(|r| r.key.kind == "Deployment").unwrap().key;
    let at = deployment(&key.namespace, &key.name);
    let image =
        Patch::Json(json!([{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "evil:1"}]));
    cluster.patch(&at, None, &image, &WriteOptions::default()).await.unwrap();
    let service = ObjectRef { kind: GroupVersionKind::parse("v1", "Service"), ..at.clone() };
    cluster.delete(&service, Propagation::Background, &WriteOptions::default()).await.unwrap();
    // Something that says it belongs to the Application but is not in Git.
    let mut extra = plate_deploy_core::model::Manifest::new(json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "left-over", "namespace": key.namespace}}))
    .unwrap();
    let id = format!("{}:/ConfigMap:{}/left-over", app.name, key.namespace);
    extra.set_annotation("argocd.argoproj.io/tracking-id", &id);
    cluster.apply(&extra, ApplyMode::ClientSide, &WriteOptions::default()).await.unwrap();

    let statuses = platform.deployer(&cluster).await.unwrap().status(Some("stg")).await.unwrap();
    let drifted = statuses.iter().find(|a| a.name == app.name).unwrap();
    assert_eq!(drifted.sync, SyncCode::OutOfSync);
    let healed = platform.deployer(&cluster).await.unwrap().deploy(staging()).await.unwrap();
    assert_eq!(healed.outcome, Outcome::Deployed, "{healed:#?}");
    assert_eq!(healed.applications.iter().map(|a| a.pruned).sum::<usize>(), 1);
    assert!(!cluster.get(&at).await.unwrap().unwrap().value().to_string().contains("evil"));
    assert!(cluster.get(&service).await.unwrap().is_some());
    assert!(cluster.get(&ObjectRef::of(&extra)).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_cut_off_at_any_write_is_finished_by_the_next() {
    let platform = Platform::example().unwrap();
    let whole = recorded_cluster().await.unwrap();
    platform.deployer(&whole).await.unwrap().deploy(staging()).await.unwrap();
    let writes = whole.writes().len();
    assert!(writes > 20);
    // Every seventh write is enough to hit libraries, namespaces and every kind of object.
    for n in (0..writes).step_by(7) {
        cut_off_and_finish(recorded_cluster().await.unwrap(), n).await;
    }
}

/// The first run loses the cluster at write `n`; the second one has to find everything as if it had not been.
pub(crate) async fn cut_off_and_finish(cluster: Recording, n: usize) {
    let platform = Platform::example().unwrap();
    let lost = || ClusterError::Unreachable { cluster: "test".into(), message: "cut off".into() };
    let faulty = Faulty::new(Arc::new(cluster.clone()), move |i, _| match i.checked_sub(n) {
        None => None,
        // The write at which it is cut off arrives half of the time; none after it does.
        Some(0) if n.is_multiple_of(2) => Some(Fault::After(lost())),
        Some(_) => Some(Fault::Before(lost())),
    });
    let repo = platform.repo().await.unwrap();
    let request = staging().timeout(std::time::Duration::from_secs(1));
    let _ = repo.on(Arc::new(faulty)).as_embedded().approver(Arc::new(ApproveAll)).deploy(request).await;
    let report = platform.deployer(&cluster).await.unwrap().deploy(staging()).await.unwrap();
    assert!(matches!(report.outcome, Outcome::Deployed | Outcome::Unchanged), "cut off at write {n}: {report:#?}");
    assert_ready(&report);
}

#[tokio::test(flavor = "multi_thread")]
async fn libraries_can_be_left_out_or_deployed_alone() {
    let platform = Platform::example().unwrap();
    let cluster = recorded_cluster().await.unwrap();
    let only = platform.deployer(&cluster).await.unwrap().deploy(staging().libraries(Libraries::Only)).await.unwrap();
    assert_eq!(only.outcome, Outcome::Deployed, "{only:#?}");
    assert!(only.applications.is_empty() && !only.libraries.is_empty());
    let skipped =
        platform.deployer(&cluster).await.unwrap().deploy(staging().libraries(Libraries::Skip)).await.unwrap();
    assert_eq!(skipped.outcome, Outcome::Deployed, "{skipped:#?}");
    assert!(skipped.libraries.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_are_refused_with_what_would_be_right() {
    let platform = Platform::example().unwrap();
    let cluster = recorded_cluster().await.unwrap();
    let deployer = platform.deployer(&cluster).await.unwrap();
    for (request, expected) in
        [(DeployRequest::new("stagign"), "staging"), (staging().image("plate-servre", ":1"), "plate-server")]
    {
        let report = deployer.deploy(request).await.unwrap();
        assert_eq!(report.outcome, Outcome::Refused, "{report:#?}");
        assert_eq!(report.stages.last().unwrap().result, StageResult::Refused);
        assert!(report.findings[0].remedy.contains(expected), "{:?}", report.findings[0]);
    }
    assert_eq!(cluster.real_writes(), []);
    assert!(matches!(deployer.status(Some("nowhere")).await, Err(EngineError::UnknownEnvironment { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_broken_application_does_not_stop_the_others() {
    let platform = Platform::example().unwrap();
    let cluster = recorded_cluster().await.unwrap();
    let values = "helm/applications/plate-web/values-stg.yaml";
    std::fs::remove_file(platform.folder().join(values)).unwrap();
    let report = platform.deployer(&cluster).await.unwrap().deploy(staging()).await.unwrap();
    assert_eq!(report.outcome, Outcome::Failed, "{report:#?}");
    let (broken, fine): (Vec<_>, Vec<_>) = report.applications.iter().partition(|a| a.name.contains("web"));
    assert_eq!((broken.len(), broken[0].sync), (1, SyncCode::Unknown));
    assert!(broken[0].problems[0].message.contains("values-stg.yaml") && !broken[0].problems[0].remedy.is_empty());
    assert!(fine.len() >= 3 && fine.iter().all(|a| a.ready()), "{fine:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_platform_deploys_as_far_as_it_can() {
    let Some(platform) = Platform::prj_devops().unwrap() else {
        println!("NOT RUN: no prj-devops (set PLATE_SHARED)");
        return;
    };
    let cluster = recorded_cluster().await.unwrap();
    let report = platform.deployer(&cluster).await.unwrap().deploy(staging()).await.unwrap();
    let (ready, not): (Vec<_>, Vec<_>) = report.applications.iter().partition(|a| a.ready());
    let names: Vec<&str> = ready.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(
        names,
        ["plate-admin-stg", "plate-cache", "plate-ingress-stg", "plate-llm-stg", "plate-server-stg", "plate-web-stg"],
        "{not:#?}"
    );
    let reasons: Vec<(&str, &str)> = not.iter().map(|a| (a.name.as_str(), a.problems[0].code.as_str())).collect();
    assert_eq!(
        reasons,
        [
            ("openbao-cluster-secrets-manager", "sync-failed"),
            ("openbao-secrets-manager-stg", "dependency-not-vendored")
        ]
    );
    assert!(not.iter().all(|a| !a.problems[0].remedy.is_empty() && a.sync != SyncCode::Synced), "{not:#?}");

    // What cannot be deployed is tried again, under the lock; nothing else is written.
    let writes = || cluster.real_writes().iter().filter(|write| write.key.kind != "Lease").count();
    let before = writes();
    let second = platform.deployer(&cluster).await.unwrap().deploy(staging()).await.unwrap();
    assert_eq!(writes(), before);
    assert!(second.commit.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_stays_rolled_back_until_its_hold_is_lifted() {
    let platform = Platform::example().unwrap();
    let cluster = recorded_cluster().await.unwrap();
    let image = async |tag: &str| {
        let deployer = platform.deployer(&cluster).await.unwrap();
        deployer.deploy(staging().image("plate-server", tag)).await.unwrap()
    };
    let first = image(":1.1.1").await;
    let name = first.applications.iter().find(|a| a.name.contains("server")).unwrap().name.clone();
    image(":2.2.2").await;
    let deployer = platform.deployer(&cluster).await.unwrap();
    let record = deployer.history(&name).await.unwrap();
    assert_eq!(record.history.len(), 2, "{record:#?}");
    let reason = Reason { by: "kim".into(), why: "2.2.2 loses orders".into() };
    let report = deployer.roll_back(&name, 0, reason, std::time::Duration::from_secs(60)).await.unwrap();
    assert!(report.ready(), "{report:#?}");
    let runs = async |tag: &str| {
        let at = report.resources.iter().find(|r| r.key.kind == "Deployment").unwrap();
        let live = cluster.get(&deployment(&at.key.namespace, &at.key.name)).await.unwrap().unwrap();
        live.value().to_string().contains(tag)
    };
    assert!(runs(":1.1.1").await);
    let held = platform.deployer(&cluster).await.unwrap().deploy(staging()).await.unwrap();
    let problem = &held.applications.iter().find(|a| a.name == name).unwrap().problems[0];
    assert!(problem.code == "held" && problem.message.contains("kim") && runs(":1.1.1").await, "{problem}");
    deployer.lift_hold(&name).await.unwrap();
    assert!(
        platform
            .deployer(&cluster)
            .await
            .unwrap()
            .deploy(staging())
            .await
            .unwrap()
            .applications
            .iter()
            .all(|a| a.ready())
    );
    assert!(runs(":2.2.2").await);
}
