//! What the pipeline refuses, undoes, keeps and tells.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use plate_deploy_apiserver::controllers::{FailureRule, PodFailure, Simulation};
use plate_deploy_core::cluster::{
    ApplyMode, ClusterBackend, ClusterReader, ClusterWriter, EmbeddedCluster, EmbeddedOptions, ObjectRef, Propagation,
    Recording, WriteOptions,
};
use plate_deploy_core::engine::{Deployer, Repo};
use plate_deploy_core::git::{CommitRequest, FileEdit, GitBackend, GixGit, PushRequest, Signature};
use plate_deploy_core::lock::{DeployLock, LockRequest, LockSettings};
use plate_deploy_core::model::{GroupVersionKind, Manifest};
use plate_deploy_core::pipeline::{
    Anchor, ApproveAll, ApproveDigest, DeployRequest, LockOptions, Moment, Notification, Notifier, RollbackTo, Run,
    Safety, Stage, StageDone, StageError, Verb, VerifyOptions,
};
use plate_deploy_core::report::{DeployReport, Outcome};
use plate_deploy_tests::faults::matrix::World;
use plate_deploy_tests::faults::{Failure, Plan, PointedCluster, PointedGit, PointedJournal, Verdict};
use plate_deploy_tests::platform::{Platform, recorded_cluster};
use serde_json::json;

fn request(environment: &str) -> DeployRequest {
    DeployRequest::new(environment).timeout(Duration::from_secs(60))
}

fn ok(report: &DeployReport) {
    assert_eq!(report.outcome.exit_code(), 0, "{report:#?}");
}

fn at(version: &str, kind: &str, namespace: &str, name: &str) -> ObjectRef {
    ObjectRef { kind: GroupVersionKind::parse(version, kind), namespace: namespace.into(), name: name.into() }
}

fn server(namespace: &str) -> ObjectRef {
    at("apps/v1", "Deployment", namespace, "plate-server")
}

async fn image(cluster: &dyn ClusterReader, at: &ObjectRef) -> String {
    let live = cluster.get(at).await.unwrap().unwrap_or_else(|| panic!("{at:?} is not there"));
    live.value().pointer("/spec/template/spec/containers/0/image").unwrap().as_str().unwrap().to_owned()
}

/// The Deployment of plate-server, wherever the chart puts it.
async fn server_of(cluster: &Recording, environment: &str) -> ObjectRef {
    let namespace = if environment == "production" { "plate-prod" } else { "plate-stg" };
    let kind = GroupVersionKind::parse("apps/v1", "Deployment");
    let options = plate_deploy_core::cluster::ListOptions { namespace: Some(namespace.into()), ..Default::default() };
    let all = cluster.list(&kind, &options).await.unwrap().items;
    let name = all.iter().map(Manifest::name).find(|name| name.contains("server")).unwrap().to_owned();
    ObjectRef { name, ..server(namespace) }
}

async fn failing_cluster(image: &str, failure: PodFailure) -> Recording {
    let rule = FailureRule { image: image.into(), failure };
    let simulation = Simulation { failures: vec![rule], ..Simulation::default() };
    let cluster = EmbeddedCluster::start(EmbeddedOptions { simulation, ..EmbeddedOptions::default() }).await.unwrap();
    Recording::new(Arc::new(cluster) as Arc<dyn ClusterBackend>)
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_plan_that_was_shown_is_carried_out() {
    let platform = Platform::example().unwrap();
    let cluster = recorded_cluster().await.unwrap();
    let deployer = platform.deployer(&cluster).await.unwrap();
    let (plan, _) = deployer.plan(request("production")).await.unwrap();
    let digest = plan.unwrap().digest();
    let (again, _) = deployer.plan(request("production")).await.unwrap();
    assert_eq!(again.unwrap().digest(), digest, "the same plan has the same digest");

    let stale = deployer.clone().approver(Arc::new(ApproveDigest::new(digest.clone())));
    let report = stale.deploy(request("production").image("plate-server", ":9")).await.unwrap();
    assert_eq!(report.outcome, Outcome::Refused, "{report:#?}");
    assert!(report.summary.contains(&digest) && report.summary.contains("has changed"), "{}", report.summary);
    assert_eq!(cluster.real_writes(), []);
    ok(&stale.deploy(request("production")).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_production_deploy_is_undone_and_held() {
    let platform = Platform::example().unwrap();
    let cluster = failing_cluster(":bad", PodFailure::ImagePull).await;
    let deployer = platform.deployer(&cluster).await.unwrap();
    ok(&deployer.deploy(request("production")).await.unwrap());
    let (git, at) = (Arc::clone(deployer.repo().git()), server_of(&cluster, "production").await);
    let before = (git.resolve("main").await.unwrap(), image(&cluster, &at).await);

    let verify = VerifyOptions { fail_after: Duration::from_secs(1), ..VerifyOptions::default() };
    let bad = DeployRequest { verify, ..request("production").image("plate-server", ":bad") };
    let start = std::time::Instant::now();
    let report = deployer.deploy(bad.clone()).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(30), "it fails fast");
    assert_eq!(report.outcome, Outcome::Failed, "{report:#?}");
    let problems = format!("{:?}", report.applications);
    assert!(problems.contains("pod-failed") && problems.contains("ImagePullBackOff"), "{problems}");
    let rollback = report.rollback.as_ref().expect("it was rolled back");
    ok(rollback);
    assert_eq!(image(&cluster, &at).await, before.1);
    let head = git.resolve("main").await.unwrap();
    assert_eq!(git.changes(Some(before.0), head).await.unwrap(), [], "Git is as before, two commits later");
    assert_eq!(git.log(head, Default::default()).await.unwrap().len(), 3);

    // Nobody deploys the same again without saying that it may.
    let held = deployer.deploy(bad).await.unwrap();
    assert_eq!(held.outcome, Outcome::Refused);
    assert!(held.summary.contains("held") && held.findings[0].remedy.contains("--release-hold"), "{held:#?}");
    let again = DeployRequest { release_hold: true, ..request("production").image("plate-server", ":good") };
    ok(&deployer.deploy(again).await.unwrap());
    assert!(image(&cluster, &at).await.ends_with(":good"));

    // And by hand, to the last healthy state before this one.
    let verb = Verb::Rollback { to: RollbackTo::LastHealthy, why: "good is not".into() };
    ok(&deployer.deploy(request("production").verb(verb)).await.unwrap());
    assert_eq!(image(&cluster, &at).await, before.1);
    let entries = deployer.state().history.entries().unwrap();
    let verbs: Vec<&str> = entries.iter().map(|entry| entry.verb.as_str()).collect();
    // The undoing is over before what it undoes; what was refused at once is no history.
    assert_eq!(verbs, ["deploy", "rollback", "deploy", "deploy", "rollback"], "{entries:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_auto_rollback_leaves_it_and_staging_is_left_anyway() {
    let platform = Platform::example().unwrap();
    let cluster = failing_cluster(":bad", PodFailure::Crash).await;
    let deployer = platform.deployer(&cluster).await.unwrap();
    let verify = VerifyOptions { fail_after: Duration::from_secs(1), ..VerifyOptions::default() };
    for (environment, auto_rollback) in [("production", false), ("staging", true)] {
        let bad = request(environment).image("plate-server", ":bad");
        let bad = DeployRequest { verify: verify.clone(), auto_rollback, ..bad };
        let report = deployer.deploy(bad).await.unwrap();
        assert!(matches!(report.outcome, Outcome::Failed | Outcome::NotHealthy), "{report:#?}");
        assert!(report.rollback.is_none() && report.commit.is_some());
        let git = deployer.repo().git();
        let head = git.resolve("main").await.unwrap().to_string();
        assert_eq!(report.commit.map(|commit| commit.id), Some(head), "the commit stays");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_brings_back_what_was_lost() {
    let platform = Platform::example().unwrap();
    let cluster = recorded_cluster().await.unwrap();
    let deployer = platform.deployer(&cluster).await.unwrap();
    ok(&deployer.deploy(request("production")).await.unwrap());
    let report = deployer.deploy(request("production").verb(Verb::Backup)).await.unwrap();
    ok(&report);
    let at = server_of(&cluster, "production").await;
    let before = cluster.get(&at).await.unwrap().unwrap();
    cluster.delete(&at, Propagation::Background, &WriteOptions::default()).await.unwrap();
    let restore =
        |applications: Vec<String>| request("production").verb(Verb::Restore { backup: "latest".into(), applications });
    let refused = deployer.deploy(restore(vec!["nope".into()])).await.unwrap();
    assert_eq!(refused.outcome, Outcome::Refused);
    ok(&deployer.deploy(restore(vec!["plate-server-prod".into()])).await.unwrap());
    let after = cluster.get(&at).await.unwrap().unwrap();
    assert_eq!(before.value()["spec"], after.value()["spec"]);
    ok(&deployer.deploy(restore(Vec::new())).await.unwrap());

    let folder = deployer.repo().backups();
    let newest = folder.list("production").unwrap().pop().unwrap();
    assert!(newest.files.keys().any(|path| path.starts_with("values/")), "{newest:?}");
    assert!(newest.files.contains_key("applications/plate-server-prod/live.yaml"), "{newest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn promotion_copies_what_is_healthy_and_nothing_else() {
    let platform = Platform::example().unwrap();
    let cluster = failing_cluster("plate-admin:broken", PodFailure::NeverReady).await;
    let deployer = platform.deployer(&cluster).await.unwrap();
    let promote = |components: &[&str]| {
        let components = components.iter().map(|c| (*c).to_owned()).collect();
        request("production").verb(Verb::Promote { from: "staging".into(), components })
    };
    let staging = request("staging").image("plate-server", ":2.0.0").image("plate-admin", ":broken");
    deployer.deploy(staging.timeout(Duration::from_secs(3))).await.unwrap();
    let refused = deployer.deploy(promote(&["plate-admin"])).await.unwrap();
    assert_eq!(refused.outcome, Outcome::Refused);
    assert!(refused.summary.contains("plate-admin is not healthy in staging"), "{}", refused.summary);
    let report = deployer.deploy(promote(&[])).await.unwrap();
    ok(&report);
    assert!(report.findings.iter().any(|finding| finding.code == "not-promoted"), "{report:#?}");
    let git = deployer.repo().git();
    let head = git.resolve("main").await.unwrap();
    let changes = git.changes(Some(git.resolve("main~1").await.unwrap()), head).await.unwrap();
    assert_eq!(
        changes.iter().map(|c| c.path.as_str()).collect::<Vec<_>>(),
        ["helm/applications/plate-server/values-prod.yaml"]
    );
    let at = server_of(&cluster, "production").await;
    assert_eq!(image(&cluster, &at).await, "registry.example.com/prod/plate-server:2.0.0");
    assert!(git.commit_info(head).await.unwrap().message.starts_with("Promote staging to production"));
}

#[tokio::test(flavor = "multi_thread")]
async fn staging_can_be_deleted_production_cannot() {
    let platform = Platform::example().unwrap();
    let cluster = recorded_cluster().await.unwrap();
    let deployer = platform.deployer(&cluster).await.unwrap();
    ok(&deployer.deploy(request("staging")).await.unwrap());
    ok(&deployer.deploy(request("production")).await.unwrap());
    let (staging, production) = (server_of(&cluster, "staging").await, server_of(&cluster, "production").await);
    let delete = |environment| request(environment).verb(Verb::Delete { applications: Vec::new() });
    assert_eq!(deployer.deploy(delete("production")).await.unwrap().outcome, Outcome::Refused);
    let report = deployer.deploy(delete("staging")).await.unwrap();
    ok(&report);
    assert!(cluster.get(&staging).await.unwrap().is_none() && cluster.get(&production).await.unwrap().is_some());
}

/// Two clones of one remote; the second commits this to a file whenever the first is about to push.
async fn race(other: &'static str, from: &'static str, to: &'static str) -> (World, DeployReport, usize) {
    let platform = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/plate-gitops");
    let world = World::new(&platform).unwrap();
    let theirs = GixGit::clone_or_open(
        &world.path().join("origin.git").to_string_lossy(),
        world.path().join("theirs.git"),
        Default::default(),
    )
    .await
    .unwrap();
    let handle = tokio::runtime::Handle::current();
    let once = Arc::new(Mutex::new(false));
    let plan = Plan::new(move |point| {
        if point == "before git push" && !std::mem::replace(&mut *once.lock().unwrap(), true) {
            tokio::task::block_in_place(|| handle.block_on(push_other(&theirs, other, from, to)));
        }
        Verdict::Go
    });
    let git = PointedGit::new(Arc::new(GixGit::open(world.path().join("repo")).await.unwrap()), plan);
    let cluster = recorded_cluster().await.unwrap();
    let repo = Repo::new(&world.path().join("repo"), Arc::new(git)).state_dir(world.path().join("state"));
    let deployer = repo.repeatable().unwrap().on(Arc::new(cluster)).as_embedded().approver(Arc::new(ApproveAll));
    let report = deployer.deploy(request("staging").image("plate-server", ":2.0.0")).await.unwrap();
    let fresh = GixGit::open(world.path().join("origin.git")).await.unwrap();
    let head = fresh.resolve("main").await.unwrap();
    let commits = fresh.log(head, Default::default()).await.unwrap().len();
    (world, report, commits)
}

async fn push_other(git: &GixGit, file: &str, from: &str, to: &str) {
    git.fetch().await.unwrap();
    let head = git.resolve("main").await.unwrap();
    let files = plate_deploy_core::git::snapshot(git, head).await.unwrap();
    let text = String::from_utf8_lossy(files.read(file).unwrap()).replace(from, to);
    let who = Signature { name: "Kim".into(), email: "kim@localhost".into(), time: jiff::Timestamp::UNIX_EPOCH };
    let edits = vec![FileEdit::write(file, text)];
    let commit =
        CommitRequest { parent: Some(head), edits, message: "theirs".into(), author: who.clone(), committer: who };
    let new = git.commit(commit).await.unwrap();
    git.push(PushRequest { branch: "main".into(), new, expected: Some(head) }).await.unwrap();
}

const SERVER: &str = "helm/applications/plate-server/values-stg.yaml";

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_race_is_run_again_when_the_edits_still_fit() {
    let (world, report, commits) = race(SERVER, "replicaCount: 1", "replicaCount: 3").await;
    ok(&report);
    assert_eq!(commits, 3, "theirs and ours");
    let text = std::fs::read_to_string(world.path().join("repo").join(SERVER)).unwrap();
    assert!(text.contains("2.0.0") && text.contains("replicaCount: 3"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_race_for_the_same_value_is_refused_with_both_sides() {
    let (_world, report, commits) = race(SERVER, "1.4.0", "1.9.9").await;
    assert_eq!(report.outcome, Outcome::Refused, "{report:#?}");
    for side in ["1.4.0", "2.0.0", "1.9.9"] {
        assert!(report.summary.contains(side), "{}", report.summary);
    }
    assert_eq!(commits, 2, "theirs alone: nothing is forced");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_would_not_take_is_found_before_the_first_write() {
    let platform = Platform::example().unwrap();
    let cluster = recorded_cluster().await.unwrap();
    let deployer = platform.deployer(&cluster).await.unwrap();
    ok(&deployer.deploy(request("staging")).await.unwrap());
    let before = cluster.real_writes().len();
    // The selector of a Deployment cannot be changed.
    let chart = platform.folder().join("helm/applications/plate-web/templates/_helpers.tpl");
    let text = std::fs::read_to_string(&chart).unwrap();
    assert!(text.contains("app.kubernetes.io/name"), "{text}");
    std::fs::write(&chart, text.replace("app.kubernetes.io/name", "app.kubernetes.io/named")).unwrap();
    let report = platform.deployer(&cluster).await.unwrap().deploy(request("staging")).await.unwrap();
    assert_eq!(report.outcome, Outcome::Refused, "{report:#?}");
    let finding = report.findings.iter().find(|finding| finding.code == "immutable-field").unwrap();
    assert!(finding.message.contains("plate-web") && !finding.remedy.is_empty(), "{finding}");
    assert_eq!(cluster.real_writes().len(), before, "nothing was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_of_two_deploys_waits_or_learns_who_is_there() {
    let platform = Platform::example().unwrap();
    let cluster = recorded_cluster().await.unwrap();
    let locks = DeployLock::new(
        Arc::new(cluster.clone()),
        Arc::new(plate_deploy_core::clock::SystemClock),
        LockSettings::default(),
    );
    let first = LockRequest {
        environment: "staging".into(),
        run: "theirs".into(),
        who: "lee@build-7".into(),
        what: "deploy staging".into(),
        ..LockRequest::default()
    };
    let held = locks.acquire(&first, |_| {}).await.unwrap();
    let deployer = platform.deployer(&cluster).await.unwrap();
    let lock = |timeout| LockOptions { timeout: Duration::from_millis(timeout), break_reason: None };
    let refused = deployer.deploy(DeployRequest { lock: lock(0), ..request("staging") }).await.unwrap();
    assert_eq!(refused.outcome.exit_code(), 3, "{refused:#?}");
    assert!(
        refused.summary.contains("lee@build-7") && refused.summary.contains("deploy staging"),
        "{}",
        refused.summary
    );
    // It waits, and plans anew once the other one is done.
    let recorder = Arc::new(plate_deploy_core::report::Recorder::default());
    let patient = tokio::spawn({
        let deployer = deployer.clone().reporter(Arc::clone(&recorder) as Arc<dyn plate_deploy_core::report::Reporter>);
        async move { deployer.deploy(DeployRequest { lock: lock(120_000), ..request("staging") }).await.unwrap() }
    });
    while !format!("{:?}", recorder.events()).contains("waiting: staging is locked by lee@build-7") {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    held.release().await.unwrap();
    let report = patient.await.unwrap();
    ok(&report);
    let lock_stage = report.stages.iter().find(|stage| stage.name == "lock").unwrap();
    assert!(lock_stage.summary.contains("planned again"), "{}", lock_stage.summary);
    // A lock that is broken is broken on the record.
    let _held = locks.acquire(&first, |_| {}).await.unwrap();
    let lock = LockOptions { timeout: Duration::ZERO, break_reason: Some("lee is on holiday".into()) };
    ok(&deployer.deploy(DeployRequest { lock, ..request("staging").image("plate-server", ":3") }).await.unwrap());
    let lease = locks.read("staging").await.unwrap().unwrap();
    assert!(lease.broken.contains("lee is on holiday") && lease.holder.is_empty(), "{lease:?}");
}

/// Takes notes.
#[derive(Debug, Default)]
struct Notes {
    stages: Mutex<Vec<String>>,
    told: Mutex<Vec<Notification>>,
}

#[async_trait]
impl Stage for Notes {
    fn name(&self) -> &str {
        "smoke-test"
    }

    async fn run(&self, run: &mut Run) -> Result<StageDone, StageError> {
        self.stages.lock().unwrap().push(format!("{} {}", run.request.verb.word(), run.applications.len()));
        Ok(StageDone::done("smoke"))
    }
}

#[derive(Debug)]
struct Tell(Arc<Notes>);

#[async_trait]
impl Notifier for Tell {
    async fn notify(&self, notification: &Notification) -> Result<(), String> {
        self.0.told.lock().unwrap().push(notification.clone());
        Err("the line is dead".into())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stages_of_others_run_between_ours_and_others_are_told() {
    let platform = Platform::example().unwrap();
    let cluster = recorded_cluster().await.unwrap();
    let notes = Arc::new(Notes::default());
    let safety = Safety { notifiers: vec![Arc::new(Tell(Arc::clone(&notes)))], ..Safety::default() };
    let deployer = platform.deployer(&cluster).await.unwrap().safety(safety);
    let with = |anchor| deployer.clone().stage(anchor, Arc::clone(&notes) as Arc<dyn Stage>);
    let unknown = with(Anchor::Before("nowhere".into())).deploy(request("staging")).await.unwrap_err().to_string();
    assert!(unknown.contains("nowhere"), "{unknown}");
    let report = with(Anchor::After("sync".into())).deploy(request("staging")).await.unwrap();
    ok(&report);
    let names: Vec<&str> = report.stages.iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(names[names.len() - 3..], ["sync", "smoke-test", "verify"]);
    assert_eq!(notes.stages.lock().unwrap().len(), 1);
    let moments: Vec<Moment> = notes.told.lock().unwrap().iter().map(|n| n.moment).collect();
    assert_eq!(moments, [Moment::Started, Moment::Approved, Moment::Succeeded]);
    assert!(report.findings.iter().any(|f| f.code == "not-notified"), "a dead line does not stop a deploy");
}

/// A deployer in which these points fail; each rule fails the first so many operations whose point begins like this.
async fn faulty(platform: &Platform, cluster: &Recording, rules: &[(&'static str, usize, Failure)]) -> Deployer {
    let left: Mutex<Vec<(&'static str, usize, Failure)>> = Mutex::new(rules.to_vec());
    let plan = Plan::new(move |point| {
        let mut left = left.lock().unwrap();
        match left.iter_mut().find(|(prefix, n, _)| point.starts_with(prefix) && *n > 0) {
            Some((_, n, failure)) => {
                *n -= 1;
                Verdict::Fail(*failure)
            }
            None => Verdict::Go,
        }
    });
    let repo = platform.repo().await.unwrap();
    let git = PointedGit::new(Arc::clone(repo.git()), plan.clone());
    let dir = repo.state().dir;
    let repo = Repo::new(&platform.folder(), Arc::new(git)).state_dir(dir).repeatable().unwrap();
    let mut state = repo.state();
    state.journal = Arc::new(PointedJournal::new(Arc::clone(&state.journal), plan.clone()));
    let safety = Safety { state: Some(state), ..Safety::default() };
    let cluster = PointedCluster::new(Arc::new(cluster.clone()), plan);
    repo.on(Arc::new(cluster)).as_embedded().approver(Arc::new(ApproveAll)).safety(safety)
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_the_api_are_survived() {
    for (name, rules) in [
        ("429", vec![("before api apply", 2, Failure::TooMany)]),
        ("500", vec![("before api create", 1, Failure::Broken), ("before api apply", 1, Failure::Broken)]),
        (
            "timeout after success",
            vec![("after api apply", 2, Failure::Timeout), ("after api create", 1, Failure::Timeout)],
        ),
        (
            "conflict storm",
            vec![("before api apply", 3, Failure::Conflict), ("before api replace", 3, Failure::Conflict)],
        ),
        ("watches drop", vec![("after watch", 60, Failure::Gone)]),
    ] {
        let platform = Platform::example().unwrap();
        let cluster = recorded_cluster().await.unwrap();
        let deployer = faulty(&platform, &cluster, &rules).await;
        let wish = request("staging").image("plate-server", ":2.0.0");
        let mut report = deployer.deploy(wish.clone()).await.unwrap();
        // A retry limit of an Application may be reached: then the next deploy finishes it, with the same commit.
        for _ in 0..2 {
            if report.outcome.exit_code() != 0 {
                report = deployer.deploy(wish.clone()).await.unwrap();
            }
        }
        ok(&report);
        let git = deployer.repo().git();
        let log = git.log(git.resolve("main").await.unwrap(), Default::default()).await.unwrap();
        assert_eq!(log.len(), 2, "{name}: one commit of ours");
        let keys: Vec<_> = cluster.real_writes().into_iter().filter(|w| w.verb == "create").map(|w| w.key).collect();
        let distinct = keys.iter().collect::<BTreeSet<_>>().len();
        assert_eq!(distinct, keys.len(), "{name}: nothing was made twice");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_git_and_of_the_disk_leave_nothing_half_done() {
    for (name, rule, recovers) in [
        ("the remote hangs up once", ("before git push", 1, Failure::Gone), true),
        ("the answer of a push is lost", ("after git push", 1, Failure::Gone), true),
        ("the remote is gone", ("before git push", 9, Failure::Gone), false),
        ("the remote cannot be fetched", ("before git fetch", 1, Failure::Gone), false),
        ("the disk is full at once", ("before journal started", 1, Failure::Gone), false),
        ("the disk is full before the approval is kept", ("before journal approved", 1, Failure::Gone), false),
        ("the disk is full before the push", ("before journal pushing", 1, Failure::Gone), false),
    ] {
        let platform = Platform::example().unwrap();
        let cluster = recorded_cluster().await.unwrap();
        let deployer = faulty(&platform, &cluster, &[rule]).await;
        let wish = request("staging").image("plate-server", ":2.0.0");
        let report = deployer.deploy(wish.clone()).await.unwrap();
        assert_eq!(report.outcome.exit_code() == 0, recovers, "{name}: {report:#?}");
        let git = Arc::clone(deployer.repo().git());
        let commits = async || git.log(git.resolve("main").await.unwrap(), Default::default()).await.unwrap().len();
        assert_eq!(commits().await, if recovers { 2 } else { 1 }, "{name}");
        // The fault is gone; the same wish again ends as it should have.
        let healthy = faulty(&platform, &cluster, &[]).await;
        ok(&healthy.deploy(wish).await.unwrap());
        assert_eq!(commits().await, 2, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_taken_away_stops_the_run() {
    let platform = Platform::example().unwrap();
    let cluster = recorded_cluster().await.unwrap();
    let safety = Safety {
        lock: LockSettings { duration: Duration::from_secs(1), ..LockSettings::default() },
        ..Safety::default()
    };
    #[derive(Debug)]
    struct Thief(Recording);
    #[async_trait]
    impl Stage for Thief {
        fn name(&self) -> &str {
            "thief"
        }
        async fn run(&self, run: &mut Run) -> Result<StageDone, StageError> {
            let clock = Arc::clone(&run.services.clock);
            let locks = DeployLock::new(Arc::new(self.0.clone()), clock, run.services.safety.lock.clone());
            let take = LockRequest {
                environment: "staging".into(),
                run: "thief".into(),
                who: "thief".into(),
                break_reason: Some("test".into()),
                ..LockRequest::default()
            };
            std::mem::forget(locks.acquire(&take, |_| {}).await.unwrap());
            tokio::time::sleep(Duration::from_millis(800)).await;
            Ok(StageDone::done("taken"))
        }
    }
    let thief = Arc::new(Thief(cluster.clone()));
    let deployer = platform.deployer(&cluster).await.unwrap().safety(safety).stage(Anchor::After("lock".into()), thief);
    let report = deployer.deploy(request("staging").image("plate-server", ":2.0.0")).await.unwrap();
    assert_eq!(report.outcome, Outcome::Failed, "{report:#?}");
    assert!(report.summary.contains("the lock on staging was lost"), "{}", report.summary);
    assert!(cluster.real_writes().iter().all(|write| write.key.kind == "Lease"), "{:?}", cluster.real_writes());
    assert!(report.commit.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_and_events_in_reports_hold_no_secret() {
    let platform = Platform::example().unwrap();
    let cluster = failing_cluster(":bad", PodFailure::Crash).await;
    let namespace =
        Manifest::new(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "plate-stg"}})).unwrap();
    let secret = Manifest::new(
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "plate-stg"},
        "stringData": {"password": "planted-secret"}}),
    )
    .unwrap();
    let event =
        Manifest::new(json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e", "namespace": "plate-stg"},
        "involvedObject": {"kind": "Pod", "namespace": "plate-stg", "name": "x"}, "type": "Warning", "reason": "Failed",
        "message": "cannot log in with planted-secret"}))
        .unwrap();
    for object in [namespace, secret, event] {
        cluster.apply(&object, ApplyMode::ClientSide, &WriteOptions::default()).await.unwrap();
    }
    let verify = VerifyOptions { fail_after: Duration::from_secs(1), ..VerifyOptions::default() };
    let bad = DeployRequest { verify, ..request("staging").image("plate-web", ":bad") };
    let report = platform.deployer(&cluster).await.unwrap().deploy(bad).await.unwrap();
    let text = serde_json::to_string(&report).unwrap();
    assert!(text.contains("pod-failed") && !text.contains("planted-secret"), "{text}");
}
