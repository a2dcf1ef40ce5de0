//! The driver that hands syncs to Argo CD: against a stand-in that misbehaves on cue, and against the real one.

use std::sync::Arc;
use std::time::Duration;

use plate_deploy_core::clock::SystemClock;
use plate_deploy_core::cluster::{
    ClusterBackend, ClusterReader, ClusterWriter, EmbeddedCluster, EmbeddedOptions, ListOptions, ObjectRef, Patch,
    WriteOptions,
};
use plate_deploy_core::driver::app_status::LiveApplication;
use plate_deploy_core::driver::argocd::{ArgoCdDriver, ArgoCdOptions, Installation};
use plate_deploy_core::driver::{
    ChoiceError, DriverChoice, DriverOptions, EmbeddedDriver, LiveCache, ResourceFilter, SyncDriver, SyncOptions,
    Target, choose,
};
use plate_deploy_core::engine::Repo;
use plate_deploy_core::model::{Application, HealthCode, Manifest, OperationPhase, SyncCode};
use plate_deploy_core::pipeline::{ApproveAll, DeployRequest, Libraries};
use plate_deploy_core::render::Rendered;
use plate_deploy_core::report::{ApplicationReport, DeployReport, Outcome, Recorder};
use plate_deploy_core::tracking::Tracker;
use plate_deploy_tests::control_plane::{ControlPlane, GitRepository};
use plate_deploy_tests::fake_argocd::{FakeArgoCd, Script, application_kind, install_kinds};
use plate_deploy_tests::platform::Platform;
use serde_json::{Value, json};

const REVISION: &str = "0123456789012345678901234567890123456789";
const OLDER: &str = "9999999999999999999999999999999999999999";

/// A cluster with Argo CD's settings, and a project with an optional deny window.
async fn cluster(deny: bool) -> Arc<EmbeddedCluster> {
    let cluster = EmbeddedCluster::start(EmbeddedOptions::default()).await.unwrap();
    install_kinds(&cluster).await.unwrap();
    let settings = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "argocd-cm", "namespace": "argocd", "labels": {"app.kubernetes.io/part-of": "argocd"}},
    });
    create(&cluster, settings).await;
    let window = json!([{"kind": "deny", "schedule": "* * * * *", "duration": "1h", "applications": ["*"]}]);
    let spec = if deny { json!({"syncWindows": window}) } else { json!({}) };
    let project = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
        "metadata": {"name": "default", "namespace": "argocd"}, "spec": spec,
    });
    create(&cluster, project).await;
    Arc::new(cluster)
}

async fn create(cluster: &dyn ClusterWriter, value: Value) {
    cluster.create(&Manifest::new(value).unwrap(), &WriteOptions::default()).await.unwrap();
}

fn application(name: &str) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": name, "namespace": "argocd"},
        "spec": {
            "project": "default",
            "source": {"repoURL": "https://git.example.com/shop.git", "path": "shop", "targetRevision": "main"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"},
            "syncPolicy": {"automated": {"prune": true}, "syncOptions": ["CreateNamespace=true"]},
        },
    })
}

fn target(name: &str) -> Target {
    Target {
        application: Application::from_json(&application(name)).unwrap(),
        rendered: Rendered::default(),
        revision: REVISION.into(),
    }
}

async fn engine(cluster: &Arc<EmbeddedCluster>) -> Arc<EmbeddedDriver> {
    let cluster: Arc<dyn ClusterBackend> = cluster.clone();
    Arc::new(EmbeddedDriver::start(cluster, Arc::new(SystemClock), DriverOptions::default()).await.unwrap())
}

async fn sync(cluster: &Arc<EmbeddedCluster>, name: &str) -> (ApplicationReport, Recorder) {
    let installation = Installation::find(&**cluster, None).await.unwrap().unwrap();
    assert_eq!(installation.namespace, "argocd");
    let options = ArgoCdOptions { refresh_timeout: Duration::from_secs(2), ..ArgoCdOptions::default() };
    let driver = ArgoCdDriver::new(engine(cluster).await, installation, options);
    let recorder = Recorder::default();
    let options = SyncOptions::new(Duration::from_secs(20));
    let mut reports = driver.sync(vec![target(name)], options, &recorder).await.unwrap();
    (reports.remove(0), recorder)
}

fn sees(revision: &str) -> Script {
    Script { revision: revision.into(), ..Script::default() }
}

fn codes(report: &ApplicationReport) -> Vec<&str> {
    report.problems.iter().map(|problem| problem.code.as_str()).collect()
}

async fn live(cluster: &EmbeddedCluster, name: &str) -> Manifest {
    let at = ObjectRef { kind: application_kind(), namespace: "argocd".into(), name: name.into() };
    cluster.get(&at).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_application_is_created_and_synced_to_the_published_revision() {
    let cluster = cluster(false).await;
    let _argo = FakeArgoCd::start(cluster.clone(), [("shop", sees(REVISION))]);
    let (report, recorder) = sync(&cluster, "shop").await;
    assert!(report.ready(), "{report:#?}");
    assert_eq!(
        (report.operation, report.written, report.revision.as_str()),
        (Some(OperationPhase::Succeeded), 1, REVISION)
    );
    let shop = live(&cluster, "shop").await;
    let asked = shop.value().pointer("/status/operationState/operation").unwrap();
    assert_eq!(asked["initiatedBy"]["username"], "plate-deploy");
    assert_eq!((&asked["sync"]["revision"], &asked["sync"]["prune"]), (&json!(REVISION), &json!(true)));
    assert_eq!(asked["sync"]["syncOptions"], json!(["CreateNamespace=true"]));
    assert!(!recorder.events().is_empty());

    let (again, _) = sync(&cluster, "shop").await;
    assert!(again.ready() && again.operation.is_none(), "what is Synced gets no operation: {again:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn obstacles_are_explained_and_nothing_is_started() {
    let deaf = Script { deaf: true, ..Script::default() };
    let conditions = vec![("ComparisonError".to_owned(), "rpc error: app path does not exist".to_owned())];
    let broken = Script { conditions, ..sees(REVISION) };
    for (deny, script, code, remedy) in [
        (false, deaf, "argocd-not-reconciling", "--driver embedded"),
        (false, broken, "comparison-error", "spec.source.path"),
        (false, sees(OLDER), "revision-not-seen", "push the commit"),
        (true, sees(REVISION), "sync-window", "manualSync"),
    ] {
        let cluster = cluster(deny).await;
        let _argo = FakeArgoCd::start(cluster.clone(), [("shop", script)]);
        let (report, _) = sync(&cluster, "shop").await;
        assert_eq!(codes(&report)[0], code, "{report:#?}");
        assert!(report.problems[0].remedy.contains(remedy), "{report:#?}");
        assert_eq!(report.operation, None);
        assert!(live(&cluster, "shop").await.value().pointer("/status/operationState").is_none(), "{code}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_sync_tells_the_object_and_the_remedy() {
    let cluster = cluster(false).await;
    let failure = Some("Deployment.apps \"web\" is invalid: spec.selector: field is immutable".to_owned());
    let _argo = FakeArgoCd::start(cluster.clone(), [("shop", Script { failure, ..sees(REVISION) })]);
    let (report, _) = sync(&cluster, "shop").await;
    assert_eq!((report.operation, report.sync), (Some(OperationPhase::Failed), SyncCode::OutOfSync));
    assert_eq!(codes(&report), ["sync-failed"]);
    assert!(report.problems[0].message.contains("Deployment") && report.problems[0].remedy.contains("Replace=true"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_degraded_application_is_given_up_before_the_time_is_over() {
    let cluster = cluster(false).await;
    let script = Script { health: "Degraded".into(), ..sees(REVISION) };
    let _argo = FakeArgoCd::start(cluster.clone(), [("shop", script)]);
    let start = std::time::Instant::now();
    let (report, _) = sync(&cluster, "shop").await;
    assert_eq!((report.sync, report.health.status), (SyncCode::Synced, HealthCode::Degraded));
    assert!(start.elapsed() < Duration::from_secs(15));
}

#[tokio::test(flavor = "multi_thread")]
async fn automation_at_an_older_revision_is_stopped_first() {
    let cluster = cluster(false).await;
    let mut shop = application("shop");
    shop["status"] = json!({"operationState": {
        "phase": "Running", "startedAt": "2026-01-01T00:00:00Z",
        "operation": {"initiatedBy": {"automated": true}, "sync": {"revision": OLDER}},
    }});
    create(&*cluster, shop).await;
    let _argo = FakeArgoCd::start(cluster.clone(), [("shop", sees(REVISION))]);
    let (report, recorder) = sync(&cluster, "shop").await;
    assert!(report.ready(), "{report:#?}");
    let told = format!("{:?}", recorder.events());
    assert!(told.contains("stopping the automated sync of 9999999"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_spec_is_applied_unless_an_app_of_apps_owns_it() {
    for parent in [None, Some("root:argoproj.io/Application:argocd/shop")] {
        let cluster = cluster(false).await;
        let mut shop = application("shop");
        shop["spec"]["source"]["path"] = "elsewhere".into();
        if let Some(id) = parent {
            shop["metadata"]["annotations"] = json!({"argocd.argoproj.io/tracking-id": id});
            create(&*cluster, application("root")).await;
        }
        create(&*cluster, shop).await;
        let _argo = FakeArgoCd::start(cluster.clone(), [("shop", sees(REVISION)), ("root", sees(REVISION))]);
        let (report, _) = sync(&cluster, "shop").await;
        let path = live(&cluster, "shop").await.value().pointer("/spec/source/path").cloned().unwrap();
        match parent {
            None => assert_eq!(path, "shop"),
            Some(_) => {
                assert_eq!(path, "elsewhere");
                assert!(codes(&report).contains(&"application-differs-from-git"), "{report:#?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_driver_is_chosen_by_evidence() {
    let pick = |cluster: Arc<EmbeddedCluster>, choice| async move {
        choose(choice, engine(&cluster).await, ArgoCdOptions::default())
            .await
            .map(|c| (c.driver.name().to_owned(), c.notes))
    };
    let none = Arc::new(EmbeddedCluster::start(EmbeddedOptions::default()).await.unwrap());
    assert_eq!(pick(none.clone(), DriverChoice::Auto).await.unwrap().0, "embedded");
    assert!(matches!(pick(none, DriverChoice::ArgoCd).await, Err(ChoiceError::NoArgoCd)));

    let works = cluster(false).await;
    assert_eq!(pick(works.clone(), DriverChoice::Auto).await.unwrap().0, "argocd");
    let (name, notes) = pick(works.clone(), DriverChoice::Embedded).await.unwrap();
    assert_eq!((name.as_str(), notes[0].code.as_str()), ("embedded", "past-argocd"));

    let mut idle = application("idle");
    idle["status"] = json!({"reconciledAt": "2026-01-01T00:00:00Z"});
    create(&*works, idle).await;
    let error = pick(works.clone(), DriverChoice::Auto).await.unwrap_err();
    assert!(error.to_string().contains("has not looked at any of its 1 Applications"), "{error}");
    assert!(error.remedy().contains("--driver embedded"));

    let stopped = cluster(false).await;
    let controller = json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"name": "argocd-application-controller", "namespace": "argocd", "labels": {
            "app.kubernetes.io/part-of": "argocd", "app.kubernetes.io/name": "argocd-application-controller",
        }},
        "spec": {
            "replicas": 0, "serviceName": "x", "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [
                {"name": "c", "image": "quay.io/argoproj/argocd:v3.6.1"},
            ]}},
        },
    });
    create(&*stopped, controller).await;
    let found = Installation::find(&*stopped, None).await.unwrap().unwrap();
    assert_eq!(found.version.as_deref(), Some("v3.6.1"));
    let error = pick(stopped.clone(), DriverChoice::ArgoCd).await.unwrap_err();
    assert!(error.to_string().contains("application-controller is down"), "{error}");
    let (name, notes) = pick(stopped, DriverChoice::Embedded).await.unwrap();
    assert_eq!((name.as_str(), notes[0].code.as_str()), ("embedded", "argocd-down"));
}

/// A real Argo CD, the example platform in a repository that it clones, and a way to look at what is in the cluster.
struct Real {
    plane: ControlPlane,
    repository: GitRepository,
    state: tempfile::TempDir,
}

impl Real {
    async fn start() -> Option<Self> {
        let plane = ControlPlane::builder().workloads(4).addresses().argocd().available()?.start().await.unwrap();
        let repository = GitRepository::from_folder(&Platform::example().unwrap().folder()).unwrap();
        let url =
            Repo::open(repository.folder()).await.unwrap().offline().load("HEAD").await.unwrap().workspace.repo_url;
        repository.replace_below("environments/argocd", &url, &repository.url()).unwrap();
        repository.commit("The repository's address").unwrap();
        Some(Self { plane, repository, state: tempfile::tempdir().unwrap() })
    }

    async fn deploy(&self, choice: DriverChoice, request: DeployRequest) -> DeployReport {
        let cluster = self.plane.cluster().await.unwrap();
        let name = cluster.name().to_owned();
        let options = ArgoCdOptions { refresh_timeout: Duration::from_secs(20), ..ArgoCdOptions::default() };
        let repo = Repo::open(self.repository.folder()).await.unwrap().state_dir(self.state.path());
        let deployer = repo.on(Arc::new(cluster)).driver(choice, options).confirm_context(Some(name));
        deployer.approver(Arc::new(ApproveAll)).deploy(request).await.unwrap()
    }

    /// Every tracked object and pod with its uid and resource version, Application objects apart.
    async fn objects(&self) -> Vec<(String, String, String)> {
        let cluster = self.plane.cluster().await.unwrap();
        let live = LiveCache::start(Arc::new(cluster), Tracker::default(), ResourceFilter::default()).await.unwrap();
        let mut all = Vec::new();
        for (group, kind) in [
            ("", "Pod"),
            ("apps", "Deployment"),
            ("", "Service"),
            ("", "ConfigMap"),
            ("", "Secret"),
            ("networking.k8s.io", "Ingress"),
        ] {
            for object in live.of_kind(group, kind, "").iter().filter(|object| object.namespace().starts_with("plate"))
            {
                let field = |name: &str| object.value()["metadata"][name].as_str().unwrap_or_default().to_owned();
                all.push((object.key().to_string(), field("uid"), field("resourceVersion")));
            }
        }
        all.sort();
        all
    }

    /// Asks Argo CD to look at the Applications, and waits until it has done so after `since` and finds them Synced.
    async fn all_synced_after(&self, since: jiff::Timestamp, names: &[String]) {
        let cluster = self.plane.cluster().await.unwrap();
        for name in names {
            let at = ObjectRef { kind: application_kind(), namespace: "argocd".into(), name: name.clone() };
            let refresh = json!({"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}});
            cluster.patch(&at, None, &Patch::Merge(refresh), &WriteOptions::default()).await.unwrap();
        }
        let begin = std::time::Instant::now();
        loop {
            let list = cluster.list(&application_kind(), &ListOptions::default()).await.unwrap();
            let apps = list.items.iter().filter_map(|object| LiveApplication::read(object).ok());
            let waiting: Vec<String> = apps
                .filter(|app| names.contains(&app.application.metadata.name))
                .filter(|app| app.status.reconciled_at < Some(since) || app.status.sync.status != SyncCode::Synced)
                .map(|app| {
                    format!("{} {:?} {:?}", app.application.metadata.name, app.status.sync, app.status.reconciled_at)
                })
                .collect();
            if waiting.is_empty() {
                return;
            }
            let log = || self.plane.log_tail("argocd-application-controller", 30);
            assert!(begin.elapsed() < Duration::from_secs(120), "since {since}: {waiting:#?}\n{}", log());
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    fn staging() -> DeployRequest {
        DeployRequest::new("staging").timeout(Duration::from_secs(180))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn real_argocd_deploys_and_is_handed_over_both_ways() {
    let _turn = ControlPlane::turn().await;
    let Some(real) = Real::start().await else { return };

    let first = real.deploy(DriverChoice::Auto, Real::staging()).await;
    assert_eq!(first.outcome, Outcome::Deployed, "{first:#?}");
    let names: Vec<String> = first.applications.iter().map(|app| app.name.clone()).collect();
    assert!(names.len() >= 5 && first.applications.iter().all(|app| app.ready()), "{first:#?}");
    let again = real.deploy(DriverChoice::Auto, Real::staging()).await;
    assert_eq!(again.outcome, Outcome::Unchanged, "{again:#?}");

    // A commit is deployed at once, not at the next poll.
    let begin = std::time::Instant::now();
    let image = real
        .deploy(DriverChoice::ArgoCd, Real::staging().libraries(Libraries::Skip).image("plate-server", ":9.9.9"))
        .await;
    assert_eq!(image.outcome, Outcome::Deployed, "{image:#?}");
    assert!(image.commit.is_some() && begin.elapsed() < Duration::from_secs(100));
    let server = image.applications.iter().find(|app| app.name == "plate-server-stg").unwrap();
    assert_eq!((server.operation, server.revision.clone()), (Some(OperationPhase::Succeeded), image.revision.clone()));

    // What Argo CD left is Synced for the embedded engine: nothing is written.
    let left = real.objects().await;
    let taken = real.deploy(DriverChoice::Embedded, Real::staging().libraries(Libraries::Skip)).await;
    assert_eq!(taken.outcome, Outcome::Unchanged, "{taken:#?}");
    assert_eq!(real.objects().await, left, "the embedded engine takes over without a write");

    // Argo CD goes away. A deploy through it says so, one past it works.
    real.plane.stop("argocd-application-controller").unwrap();
    let refused = real.deploy(DriverChoice::ArgoCd, Real::staging().libraries(Libraries::Skip)).await;
    assert_eq!(refused.outcome, Outcome::Failed, "{refused:#?}");
    assert!(refused.applications.iter().all(|app| codes(app).contains(&"argocd-not-reconciling")), "{refused:#?}");
    let past = real
        .deploy(DriverChoice::Embedded, Real::staging().libraries(Libraries::Skip).image("plate-server", ":9.9.10"))
        .await;
    assert_eq!(past.outcome, Outcome::Deployed, "{past:#?}");
    let before = real.objects().await;

    // It comes back, finds everything Synced, and writes nothing: no sync, no prune, no pod that restarts.
    // Argo CD's times are whole seconds.
    let back = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second()).unwrap();
    real.plane.restart("argocd-application-controller").await.unwrap();
    real.all_synced_after(back, &names).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(real.objects().await, before, "Argo CD comes back without a write");
    let cluster = real.plane.cluster().await.unwrap();
    for object in cluster.list(&application_kind(), &ListOptions::default()).await.unwrap().items {
        let app = LiveApplication::read(&object).unwrap();
        let started = app.status.operation_state.and_then(|state| state.started_at);
        assert!(started <= Some(back), "{} was synced again", object.name());
    }
}
