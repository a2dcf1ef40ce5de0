//! The GitOps engine on the embedded cluster: projects, windows, order, holds, deletion, and the long-lived loop.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use plate_deploy_core::clock::SystemClock;
use plate_deploy_core::cluster::{
    ApplyMode, ClusterReader, ClusterWriter, ObjectRef, Patch, Propagation, Recording, WriteOptions,
};
use plate_deploy_core::driver::{
    Deleted, DriverOptions, EmbeddedDriver, Hold, Reconciler, ReconcilerOptions, SyncDriver, SyncOptions, Target,
};
use plate_deploy_core::model::{AppProject, Application, GroupVersionKind, Manifest, OperationPhase, SyncCode};
use plate_deploy_core::render::Rendered;
use plate_deploy_core::report::{ApplicationReport, NoReporter};
use plate_deploy_core::sync::Behaviour;
use plate_deploy_core::tracking::Tracker;
use plate_deploy_tests::platform::recorded_cluster;
use serde_json::{Value, json};

const TIMEOUT: Duration = Duration::from_secs(20);

fn object(value: Value) -> Manifest {
    Manifest::new(value).unwrap()
}

fn config_map(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

/// An Application `name` for the namespace `default`, with `spec` merged over the usual one.
fn application(name: &str, metadata: Value, spec: Value) -> Application {
    let mut value = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": name},
        "spec": {"project": "default", "destination": {"server": "https://kubernetes.default.svc", "namespace": "default"},
            "source": {"repoURL": "https://git.example.com/r", "path": name},
            "syncPolicy": {"automated": {"prune": true, "selfHeal": true}}}});
    for (part, patch) in [("metadata", metadata), ("spec", spec)] {
        for (key, entry) in patch.as_object().cloned().unwrap_or_default() {
            value[part][key] = entry;
        }
    }
    Application::from_json(&value).unwrap()
}

fn target(application: Application, manifests: Vec<Value>) -> Target {
    let name = application.metadata.name.clone();
    let marked = manifests.into_iter().map(|value| {
        let mut manifest = object(value);
        Tracker::default().set(&mut manifest, &name, "default").unwrap();
        manifest
    });
    let rendered = Rendered { manifests: marked.collect(), ..Rendered::default() };
    Target { application, rendered, revision: "0123456789abcdef0123456789abcdef01234567".into() }
}

fn plain(name: &str, manifests: Vec<Value>) -> Target {
    target(application(name, json!({}), json!({})), manifests)
}

async fn driver_with(cluster: &Recording, options: DriverOptions) -> EmbeddedDriver {
    EmbeddedDriver::start(Arc::new(cluster.clone()), Arc::new(SystemClock), options).await.unwrap()
}

async fn driver(cluster: &Recording) -> EmbeddedDriver {
    driver_with(cluster, DriverOptions::default()).await
}

async fn sync(driver: &EmbeddedDriver, targets: Vec<Target>) -> Vec<ApplicationReport> {
    driver.sync(targets, SyncOptions::new(TIMEOUT), &NoReporter).await.unwrap()
}

fn at(kind: &str, name: &str) -> ObjectRef {
    let api = if kind == "Deployment" { "apps/v1" } else { "v1" };
    ObjectRef { kind: GroupVersionKind::parse(api, kind), namespace: "default".into(), name: name.into() }
}

async fn live(cluster: &Recording, kind: &str, name: &str) -> Option<Value> {
    cluster.get(&at(kind, name)).await.unwrap().map(Manifest::into_value)
}

fn problem<'a>(report: &'a ApplicationReport, code: &str) -> &'a str {
    let found = report.problems.iter().find(|problem| problem.code == code);
    found.map_or_else(|| panic!("no {code} in {report:#?}"), |problem| problem.message.as_str())
}

fn project(spec: Value) -> AppProject {
    let mut value = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": {"name": "default"},
        "spec": {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}]}});
    for (key, entry) in spec.as_object().cloned().unwrap_or_default() {
        value["spec"][key] = entry;
    }
    AppProject::from_json(&value).unwrap()
}

fn under(project: AppProject) -> DriverOptions {
    DriverOptions { projects: vec![project], ..DriverOptions::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_permits_sources_destinations_and_kinds() {
    let cases = [
        (
            json!({"sourceRepos": ["https://other"]}),
            "invalid-spec",
            "application repo https://git.example.com/r is not permitted in project 'default'",
        ),
        (
            json!({"destinations": [{"server": "*", "namespace": "other"}]}),
            "invalid-spec",
            "do not match any of the allowed destinations",
        ),
        (
            json!({"namespaceResourceBlacklist": [{"group": "", "kind": "ConfigMap"}]}),
            "sync-failed",
            "resource :ConfigMap is not permitted in project default",
        ),
    ];
    for (spec, code, text) in cases {
        let cluster = recorded_cluster().await.unwrap();
        let driver = driver_with(&cluster, under(project(spec.clone()))).await;
        let reports = sync(&driver, vec![plain("shop", vec![config_map("a", json!({}))])]).await;
        assert!(problem(&reports[0], code).contains(text), "{spec}: {reports:#?}");
        assert!(!reports[0].ready() && live(&cluster, "ConfigMap", "a").await.is_none(), "{spec}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shut_window_holds_syncs_back_unless_it_lets_manual_ones_through() {
    for (manual_sync, lets) in [(false, false), (true, true)] {
        let cluster = recorded_cluster().await.unwrap();
        let window = json!({"kind": "deny", "schedule": "* * * * *", "duration": "24h", "applications": ["*"], "manualSync": manual_sync});
        let driver = driver_with(&cluster, under(project(json!({"syncWindows": [window]})))).await;
        let wanted = plain("shop", vec![config_map("a", json!({}))]);
        let reports = sync(&driver, vec![wanted.clone()]).await;
        assert_eq!(reports[0].ready(), lets, "{reports:#?}");
        if !lets {
            assert!(problem(&reports[0], "sync-window").contains("blocked by sync window"));
        }
        let automated = SyncOptions { manual: false, ..SyncOptions::new(TIMEOUT) };
        let changed = plain("shop", vec![config_map("a", json!({"x": "y"}))]);
        let reports = driver.sync(vec![changed], automated, &NoReporter).await.unwrap();
        assert!(!reports[0].ready(), "an automated sync is held back either way");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn orphaned_objects_are_warned_of_where_the_project_asks_for_it() {
    let cluster = recorded_cluster().await.unwrap();
    let mut stray = object(config_map("stray", json!({})));
    stray.set_namespace("default");
    cluster.apply(&stray, ApplyMode::ClientSide, &WriteOptions::default()).await.unwrap();
    let driver = driver_with(&cluster, under(project(json!({"orphanedResources": {"warn": true}})))).await;
    let reports = sync(&driver, vec![plain("shop", vec![config_map("a", json!({}))])]).await;
    assert!(
        problem(&reports[0], "orphaned-resource")
            .contains("Application has 1 orphaned resources, /ConfigMap/default/stray among them")
    );
    assert!(reports[0].ready(), "it is a warning");
}

#[tokio::test(flavor = "multi_thread")]
async fn ignored_fields_keep_their_live_values_when_asked_for() {
    let deployment = |image: &str| {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 1,
            "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}},
            "spec": {"containers": [{"name": "c", "image": image}]}}}})
    };
    for (options, replicas) in [(json!([]), 1), (json!(["RespectIgnoreDifferences=true"]), 3)] {
        let cluster = recorded_cluster().await.unwrap();
        let driver = driver(&cluster).await;
        let spec = json!({"ignoreDifferences": [{"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]}],
            "syncPolicy": {"automated": {"prune": true}, "syncOptions": options}});
        let wanted = |image: &str| target(application("shop", json!({}), spec.clone()), vec![deployment(image)]);
        sync(&driver, vec![wanted("x:1")]).await;
        let scale = Patch::Merge(json!({"spec": {"replicas": 3}}));
        let scaled = cluster.patch(&at("Deployment", "web"), None, &scale, &WriteOptions::default()).await.unwrap();
        // Not to depend on the watch's speed.
        driver.live().observe(scaled);
        let reports = sync(&driver, vec![wanted("x:2")]).await;
        assert!(reports[0].ready(), "{reports:#?}");
        let found = live(&cluster, "Deployment", "web").await.unwrap();
        assert_eq!(found["spec"]["replicas"], replicas, "{options}");
        assert_eq!(found["spec"]["template"]["spec"]["containers"][0]["image"], "x:2");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_object_is_reported_before_it_is_taken_and_can_be_refused() {
    let cluster = recorded_cluster().await.unwrap();
    let driver = driver(&cluster).await;
    sync(&driver, vec![plain("first", vec![config_map("a", json!({}))])]).await;
    let options = json!({"syncPolicy": {"automated": {}, "syncOptions": ["FailOnSharedResource=true"]}});
    let second = |spec: Value| target(application("second", json!({}), spec), vec![config_map("a", json!({"x": "1"}))]);
    let planned = driver.compare(&[second(json!({}))]).await.unwrap();
    assert!(planned[0].problems.iter().any(|p| p.message == "ConfigMap/a is part of applications second and first"));
    let refused = sync(&driver, vec![second(options)]).await;
    assert_eq!(refused[0].operation, Some(OperationPhase::Failed));
    assert!(problem(&refused[0], "sync-failed").contains("Shared resource found: ConfigMap/a is part of"));
    let guarded = DriverOptions {
        behaviour: Behaviour { refuse_shared: true, ..Behaviour::default() },
        ..DriverOptions::default()
    };
    let refused = sync(&driver_with(&cluster, guarded).await, vec![second(json!({}))]).await;
    assert!(problem(&refused[0], "sync-failed").contains("Shared resource found"));
    assert!(live(&cluster, "ConfigMap", "a").await.unwrap()["data"].is_null(), "nothing was taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn applications_wait_for_those_they_depend_on() {
    let cluster = recorded_cluster().await.unwrap();
    let driver = driver(&cluster).await;
    let needing = |name: &str, needs: &str, kind: &str| {
        let notes = json!({"annotations": {"plate-deploy.dev/depends-on": needs}});
        let mut manifest = config_map(name, json!({}));
        manifest["kind"] = kind.into();
        target(application(name, notes, json!({})), vec![manifest])
    };
    let reports = sync(
        &driver,
        vec![
            needing("web", "api", "ConfigMap"),
            needing("api", "db", "ConfigMap"),
            plain("db", vec![config_map("db", json!({}))]),
        ],
    )
    .await;
    assert!(reports.iter().all(ApplicationReport::ready), "{reports:#?}");
    let order: Vec<String> = cluster.real_writes().iter().map(|write| write.key.name.clone()).collect();
    assert_eq!(order, ["db", "api", "web"]);

    let broken = vec![
        needing("web2", "api2", "ConfigMap"),
        needing("api2", "", "Nonsense"),
        needing("x", "y", "ConfigMap"),
        needing("y", "x", "ConfigMap"),
    ];
    let reports = sync(&driver, broken).await;
    let path = problem(&reports[0], "blocked");
    assert!(path.starts_with("web2 waits for api2 (OutOfSync, Missing: "), "{path}");
    assert_eq!(problem(&reports[2], "blocked"), "depends-on runs in a circle: x → y → x");
    assert!(live(&cluster, "ConfigMap", "web2").await.is_none() && live(&cluster, "ConfigMap", "x").await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn syncs_leave_a_history_and_a_hold_keeps_an_application_where_it_is() {
    let cluster = recorded_cluster().await.unwrap();
    let driver = driver(&cluster).await;
    let version = |n: &str| {
        let mut target = plain("shop", vec![config_map("a", json!({"n": n}))]);
        target.revision = n.repeat(40);
        target
    };
    for n in ["1", "2"] {
        assert!(sync(&driver, vec![version(n)]).await[0].ready());
    }
    let application = version("1").application;
    let record = driver.record(&application).await.unwrap();
    let entries: Vec<_> = record.history.iter().map(|entry| (entry.id, entry.revision.get(..1).unwrap())).collect();
    assert_eq!(entries, [(0, "1"), (1, "2")]);
    let hold = Hold { by: "kim".into(), why: "2 is broken".into(), since: Timestamp::now(), revision: "1".into() };
    driver.hold(&application, Some(&hold)).await.unwrap();
    let back = SyncOptions { keep_holds: false, ..SyncOptions::new(TIMEOUT) };
    assert!(driver.sync(vec![version("1")], back, &NoReporter).await.unwrap()[0].ready());
    let held = sync(&driver, vec![version("2")]).await;
    assert!(problem(&held[0], "held").contains("held at 1 by kim"), "{held:#?}");
    assert_eq!(live(&cluster, "ConfigMap", "a").await.unwrap()["data"]["n"], "1");
    driver.hold(&application, None).await.unwrap();
    assert!(sync(&driver, vec![version("2")]).await[0].ready());
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_an_application_goes_by_waves_and_keeps_what_asks_for_it() {
    let cluster = recorded_cluster().await.unwrap();
    let driver = driver(&cluster).await;
    let noted = |name: &str, note: &str, value: &str| {
        let mut manifest = config_map(name, json!({}));
        manifest["metadata"]["annotations"] = json!({note: value});
        manifest
    };
    let manifests = vec![
        noted("first", "argocd.argoproj.io/sync-wave", "0"),
        noted("last", "argocd.argoproj.io/sync-wave", "5"),
        noted("kept", "argocd.argoproj.io/sync-options", "Delete=false"),
    ];
    let with = |finalizers: Value| application("shop", json!({"finalizers": finalizers}), json!({}));
    assert!(sync(&driver, vec![target(with(json!([])), manifests)]).await[0].ready());
    let before = cluster.real_writes().len();
    assert_eq!(driver.delete(&with(json!([])), TIMEOUT, &NoReporter).await.unwrap(), Deleted::Gone(0), "no finalizer");
    let cascading = with(json!(["resources-finalizer.argocd.argoproj.io"]));
    assert_eq!(driver.delete(&cascading, TIMEOUT, &NoReporter).await.unwrap(), Deleted::Gone(2));
    let order: Vec<String> = cluster.real_writes()[before..].iter().map(|write| write.key.name.clone()).collect();
    assert_eq!(order, ["last", "first"]);
    assert!(live(&cluster, "ConfigMap", "kept").await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clusters_own_argocd_settings_count() {
    let cluster = recorded_cluster().await.unwrap();
    let namespace = object(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "argocd"}}));
    let settings = object(
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm", "namespace": "argocd"},
        "data": {"resource.customizations.ignoreDifferences.ConfigMap": "jsonPointers: [/data/x]",
            "resource.customizations.health.ConfigMap": "return {status = 'Degraded', message = obj.data.x}",
            "resource.exclusions": "- kinds: [Secret]"}}),
    );
    for object in [&namespace, &settings] {
        cluster.apply(object, ApplyMode::ClientSide, &WriteOptions::default()).await.unwrap();
    }
    let driver = driver(&cluster).await;
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}});
    let reports = sync(&driver, vec![plain("shop", vec![config_map("a", json!({"x": "1"})), secret])]).await;
    assert_eq!(problem(&reports[0], "excluded-resource"), "Resource /Secret s is excluded in the settings");
    assert!(live(&cluster, "Secret", "s").await.is_none());
    assert_eq!(format!("{:?}", reports[0].health.status), "Degraded");
    let comparison = driver.compare(&[plain("shop", vec![config_map("a", json!({"x": "2"}))])]).await.unwrap();
    assert_eq!(comparison[0].sync, SyncCode::Synced, "the difference is ignored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_side_diff_asks_the_server() {
    let cluster = recorded_cluster().await.unwrap();
    let driver = driver(&cluster).await;
    let wanted = |value: &str| {
        let notes = json!({"annotations": {"argocd.argoproj.io/compare-options": "ServerSideDiff=true"}});
        let policy = json!({"syncPolicy": {"automated": {}, "syncOptions": ["ServerSideApply=true"]}});
        target(application("shop", notes, policy), vec![config_map("a", json!({"x": value}))])
    };
    assert!(sync(&driver, vec![wanted("1")]).await[0].ready());
    let dry_runs = || cluster.writes().iter().filter(|write| write.dry_run).count();
    let before = dry_runs();
    let same = driver.compare(&[wanted("1")]).await.unwrap();
    assert_eq!((same[0].sync, dry_runs() - before), (SyncCode::Synced, 1), "{:?}", same[0].problems);
    let other = driver.compare(&[wanted("2")]).await.unwrap();
    assert_eq!(other[0].sync, SyncCode::OutOfSync);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_renders_nothing_wipes_nothing_out() {
    let cluster = recorded_cluster().await.unwrap();
    let driver = driver(&cluster).await;
    sync(&driver, vec![plain("shop", vec![config_map("a", json!({}))])]).await;
    let reports = sync(&driver, vec![plain("shop", vec![])]).await;
    assert!(problem(&reports[0], "sync-failed").contains("auto-sync will wipe out all resources"), "{reports:#?}");
    assert!(live(&cluster, "ConfigMap", "a").await.is_some());
    let allowed = json!({"syncPolicy": {"automated": {"prune": true, "allowEmpty": true}}});
    let reports = sync(&driver, vec![target(application("shop", json!({}), allowed), vec![])]).await;
    assert_eq!(reports[0].pruned, 1, "{reports:#?}");
}

async fn reconciler(cluster: &Recording, behaviour: Behaviour) -> Reconciler {
    let driver = driver_with(cluster, DriverOptions { behaviour, ..DriverOptions::default() }).await;
    Reconciler::new(Arc::new(driver), ReconcilerOptions::default())
}

/// Makes passes until `done` says so.
async fn until(reconciler: &mut Reconciler, done: impl AsyncFn(&mut Reconciler) -> bool) {
    let deadline = tokio::time::Instant::now() + TIMEOUT;
    loop {
        reconciler.pass().await.unwrap();
        if done(reconciler).await {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "{:#?}", reconciler.reports().collect::<Vec<_>>());
        reconciler.changed(Duration::from_secs(1)).await;
    }
}

fn all_ready(reconciler: &Reconciler, count: usize) -> bool {
    let ready = reconciler.reports().filter(|report| report.ready()).count();
    ready == count && !reconciler.is_busy()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_long_lived_engine_syncs_heals_and_rests() {
    let cluster = recorded_cluster().await.unwrap();
    let mut reconciler = reconciler(&cluster, Behaviour::default()).await;
    let targets = |value: &str| -> Vec<Target> {
        let shops = (0..20).map(|n| {
            let name = format!("shop-{n}");
            plain(&name, vec![config_map(&name, json!({"x": value}))])
        });
        shops.collect()
    };
    assert_eq!(reconciler.set_targets(targets("1")), 20);
    until(&mut reconciler, async |r| all_ready(r, 20)).await;
    let writes = cluster.writes().len();
    assert_eq!(reconciler.set_targets(targets("1")), 0, "the same again");
    reconciler.refresh();
    let pass = reconciler.pass().await.unwrap();
    assert_eq!((pass.looked_at, pass.compared, pass.started), (20, 0, 0));
    assert_eq!(cluster.writes().len(), writes, "a look without changes writes nothing");

    let drift = Patch::Merge(json!({"data": {"x": "9"}}));
    cluster.patch(&at("ConfigMap", "shop-3"), None, &drift, &WriteOptions::default()).await.unwrap();
    until(&mut reconciler, async |r| {
        all_ready(r, 20) && live(&cluster, "ConfigMap", "shop-3").await.unwrap()["data"]["x"] == "1"
    })
    .await;
    cluster.delete(&at("ConfigMap", "shop-4"), Propagation::Background, &WriteOptions::default()).await.unwrap();
    until(&mut reconciler, async |r| all_ready(r, 20) && live(&cluster, "ConfigMap", "shop-4").await.is_some()).await;
    assert_eq!(reconciler.set_targets(targets("2")), 20);
    until(&mut reconciler, async |r| {
        all_ready(r, 20) && live(&cluster, "ConfigMap", "shop-0").await.unwrap()["data"]["x"] == "2"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manual_application_waits_to_be_asked() {
    let cluster = recorded_cluster().await.unwrap();
    let mut reconciler = reconciler(&cluster, Behaviour::default()).await;
    let manual = application("shop", json!({}), json!({"syncPolicy": {}}));
    reconciler.set_targets(vec![target(manual, vec![config_map("a", json!({}))])]);
    let pass = reconciler.pass().await.unwrap();
    assert_eq!((pass.compared, pass.started), (1, 0));
    assert!(reconciler.request_sync("shop", None));
    until(&mut reconciler, async |r| all_ready(r, 1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_commit_takes_the_place_of_a_failing_one_when_asked_for() {
    for supersede in [false, true] {
        let cluster = recorded_cluster().await.unwrap();
        let mut reconciler = reconciler(&cluster, Behaviour { supersede, ..Behaviour::default() }).await;
        let policy = json!({"syncPolicy": {"automated": {}, "retry": {"limit": 5, "backoff": {"duration": "1h"}}}});
        let version = |kind: &str, revision: &str| {
            let mut manifest = config_map("a", json!({}));
            manifest["kind"] = kind.into();
            let mut target = target(application("shop", json!({}), policy.clone()), vec![manifest]);
            target.revision = revision.repeat(40);
            target
        };
        reconciler.set_targets(vec![version("Nonsense", "1")]);
        for _ in 0..3 {
            reconciler.pass().await.unwrap();
            reconciler.changed(Duration::from_millis(300)).await;
        }
        reconciler.set_targets(vec![version("ConfigMap", "2")]);
        for _ in 0..4 {
            reconciler.pass().await.unwrap();
            reconciler.changed(Duration::from_millis(300)).await;
        }
        let there = live(&cluster, "ConfigMap", "a").await.is_some();
        assert_eq!(there, supersede, "Argo CD tries the old commit again, an hour later");
    }
}
