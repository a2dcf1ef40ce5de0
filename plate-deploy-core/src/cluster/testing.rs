//! The contract of [`ClusterBackend`]: what every implementation must do, as functions that panic where it does not.
//!
//! Run [`cluster_backend_contract`] against an empty namespace of any cluster. It leaves nothing behind but that
//! namespace.
#![allow(clippy::unwrap_used, clippy::panic, clippy::missing_panics_doc, reason = "test code")]

use std::time::Duration;

use futures::StreamExt;
use serde_json::{Value, json};

use super::{
    AccessRequest, ApplyMode, ClusterBackend, ListOptions, ObjectRef, Patch, Propagation, WatchEvent, WriteOptions,
};
use crate::model::{GroupVersionKind, Manifest};

/// Runs the whole contract in the namespace `namespace`, which is made when it is missing.
pub async fn cluster_backend_contract(cluster: &dyn ClusterBackend, namespace: &str) {
    let ns = manifest(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}));
    cluster.apply(&ns, ApplyMode::ClientSide, &WriteOptions::default()).await.unwrap();
    discovery(cluster).await;
    missing_objects(cluster, namespace).await;
    create_replace_conflict(cluster, namespace).await;
    client_side_apply(cluster, namespace).await;
    client_side_apply_merges_lists_by_key(cluster, namespace).await;
    server_side_apply(cluster, namespace).await;
    patches(cluster, namespace).await;
    dry_run_stores_nothing(cluster, namespace).await;
    lists_and_selectors(cluster, namespace).await;
    watches(cluster, namespace).await;
    custom_kinds(cluster, namespace).await;
    deletes(cluster, namespace).await;
    access(cluster, namespace).await;
}

fn manifest(value: Value) -> Manifest {
    Manifest::new(value).unwrap()
}

fn config_map(namespace: &str, name: &str, data: Value) -> Manifest {
    manifest(
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data}),
    )
}

fn manager(name: &str) -> WriteOptions {
    WriteOptions { field_manager: name.into(), ..WriteOptions::default() }
}

async fn live(cluster: &dyn ClusterBackend, object: &Manifest) -> Value {
    cluster.get(&ObjectRef::of(object)).await.unwrap().unwrap().into_value()
}

async fn discovery(cluster: &dyn ClusterBackend) {
    assert!(cluster.version().await.unwrap().starts_with('v'));
    let catalog = cluster.catalog(false).await.unwrap();
    let deployment = catalog.get(&GroupVersionKind::parse("apps/v1", "Deployment")).unwrap();
    assert!(deployment.namespaced && deployment.can("patch"));
    assert_eq!(deployment.path("shop"), "/apis/apps/v1/namespaces/shop/deployments");
    assert!(!catalog.get(&GroupVersionKind::parse("v1", "Namespace")).unwrap().namespaced);
    let versions = catalog.api_versions();
    assert!(versions.contains(&"networking.k8s.io/v1/Ingress".to_owned()) && versions.contains(&"v1".to_owned()));
}

async fn missing_objects(cluster: &dyn ClusterBackend, namespace: &str) {
    let at = ObjectRef::of(&config_map(namespace, "not-there", json!({})));
    assert!(cluster.get(&at).await.unwrap().is_none());
    let patch = cluster.patch(&at, None, &Patch::Merge(json!({"data": {}})), &WriteOptions::default()).await;
    assert!(patch.unwrap_err().is_not_found());
    cluster.delete(&at, Propagation::Background, &WriteOptions::default()).await.unwrap();
    let unknown = manifest(
        json!({"apiVersion": "example.com/v1", "kind": "Nothing", "metadata": {"name": "x", "namespace": namespace}}),
    );
    assert!(cluster.get(&ObjectRef::of(&unknown)).await.unwrap().is_none());
    let error = cluster.create(&unknown, &WriteOptions::default()).await.unwrap_err();
    assert!(error.is_unknown_kind(), "{error}");
}

async fn create_replace_conflict(cluster: &dyn ClusterBackend, namespace: &str) {
    let first = config_map(namespace, "replaced", json!({"a": "1"}));
    let created = cluster.create(&first, &manager("one")).await.unwrap();
    assert!(cluster.create(&first, &manager("one")).await.unwrap_err().is_already_exists());
    let mut newer = created.clone();
    newer.value_mut()["data"] = json!({"a": "2"});
    let stored = cluster.replace(&newer, &manager("one")).await.unwrap();
    assert_eq!(stored.value()["data"], json!({"a": "2"}));
    assert!(cluster.replace(&newer, &manager("one")).await.unwrap_err().is_conflict(), "a stale resourceVersion");
}

async fn client_side_apply(cluster: &dyn ClusterBackend, namespace: &str) {
    let apply = |data| {
        let object = config_map(namespace, "applied", data);
        async move { cluster.apply(&object, ApplyMode::ClientSide, &manager("kubectl")).await.unwrap() }
    };
    let first = apply(json!({"a": "1", "b": "1"})).await;
    let again = apply(json!({"a": "1", "b": "1"})).await;
    assert_eq!(
        first.value()["metadata"]["resourceVersion"],
        again.value()["metadata"]["resourceVersion"],
        "an apply of the same object writes nothing"
    );
    let at = ObjectRef::of(&first);
    cluster.patch(&at, None, &Patch::Merge(json!({"data": {"other": "kept"}})), &manager("other")).await.unwrap();
    let changed = apply(json!({"a": "2"})).await;
    assert_eq!(changed.value()["data"], json!({"a": "2", "other": "kept"}), "removes what it had set, keeps the rest");
}

async fn client_side_apply_merges_lists_by_key(cluster: &dyn ClusterBackend, namespace: &str) {
    let service = |ports: Value| {
        manifest(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "lists", "namespace": namespace},
            "spec": {"ports": ports, "selector": {"app": "x"}}}))
    };
    let first = service(
        json!([{"name": "http", "port": 80, "protocol": "TCP"}, {"name": "old", "port": 81, "protocol": "TCP"}]),
    );
    let stored = cluster.apply(&first, ApplyMode::ClientSide, &manager("kubectl")).await.unwrap();
    let ip = stored.value()["spec"]["clusterIP"].clone();
    let second = service(
        json!([{"name": "http", "port": 80, "protocol": "TCP"}, {"name": "new", "port": 82, "protocol": "TCP"}]),
    );
    let stored = cluster.apply(&second, ApplyMode::ClientSide, &manager("kubectl")).await.unwrap();
    let names: Vec<_> = stored.value()["spec"]["ports"].as_array().unwrap().iter().map(|p| p["port"].clone()).collect();
    assert_eq!(names.len(), 2);
    assert!(names.contains(&json!(82)) && !names.contains(&json!(81)));
    assert_eq!(stored.value()["spec"]["clusterIP"], ip, "what the server chose stays");
}

async fn server_side_apply(cluster: &dyn ClusterBackend, namespace: &str) {
    let object = |data| config_map(namespace, "ssa", data);
    let normal = ApplyMode::ServerSide { force: false };
    cluster.apply(&object(json!({"a": "1", "mine": "x"})), normal, &manager("one")).await.unwrap();
    let error = cluster.apply(&object(json!({"a": "2"})), normal, &manager("two")).await.unwrap_err();
    assert!(error.is_conflict(), "{error}");
    cluster.apply(&object(json!({"a": "2"})), ApplyMode::ServerSide { force: true }, &manager("two")).await.unwrap();
    // What nobody else owns goes when its owner drops it; what was taken over stays.
    let stored = cluster.apply(&object(json!({})), normal, &manager("one")).await.unwrap();
    assert_eq!(stored.value()["data"], json!({"a": "2"}));
    let managers: Vec<_> =
        stored.value()["metadata"]["managedFields"].as_array().unwrap().iter().map(|m| m["manager"].clone()).collect();
    assert!(managers.contains(&json!("two")), "{managers:?}");
}

async fn patches(cluster: &dyn ClusterBackend, namespace: &str) {
    let object = config_map(namespace, "patched", json!({"a": "1", "b": "1"}));
    let at = ObjectRef::of(&cluster.create(&object, &manager("one")).await.unwrap());
    let merge = Patch::Merge(json!({"data": {"a": null, "c": "1"}}));
    assert_eq!(
        cluster.patch(&at, None, &merge, &manager("one")).await.unwrap().value()["data"],
        json!({"b": "1", "c": "1"})
    );
    let json_patch = Patch::Json(json!([{"op": "replace", "path": "/data/b", "value": "2"}]));
    assert_eq!(cluster.patch(&at, None, &json_patch, &manager("one")).await.unwrap().value()["data"]["b"], "2");
    let strategic = Patch::Strategic(json!({"data": {"$patch": "replace", "only": "x"}}));
    assert_eq!(
        cluster.patch(&at, None, &strategic, &manager("one")).await.unwrap().value()["data"],
        json!({"only": "x"})
    );
    let invalid = Patch::Merge(json!({"data": {"a": 5}}));
    assert!(cluster.patch(&at, None, &invalid, &manager("one")).await.unwrap_err().is_invalid());
}

async fn dry_run_stores_nothing(cluster: &dyn ClusterBackend, namespace: &str) {
    let dry = WriteOptions { dry_run: true, ..WriteOptions::default() };
    let object = config_map(namespace, "dry", json!({"a": "1"}));
    assert_eq!(cluster.create(&object, &dry).await.unwrap().value()["data"]["a"], "1");
    assert!(cluster.get(&ObjectRef::of(&object)).await.unwrap().is_none());
    cluster.create(&object, &WriteOptions::default()).await.unwrap();
    let changed = config_map(namespace, "dry", json!({"a": "2"}));
    let answer = cluster.apply(&changed, ApplyMode::ServerSide { force: true }, &dry).await.unwrap();
    assert_eq!(answer.value()["data"]["a"], "2");
    cluster.delete(&ObjectRef::of(&object), Propagation::Background, &dry).await.unwrap();
    assert_eq!(live(cluster, &object).await["data"]["a"], "1");
}

async fn lists_and_selectors(cluster: &dyn ClusterBackend, namespace: &str) {
    for (name, tier) in [("list-a", "front"), ("list-b", "back"), ("list-c", "front")] {
        let mut object = config_map(namespace, name, json!({}));
        object.set_label("tier", tier);
        cluster.create(&object, &WriteOptions::default()).await.unwrap();
    }
    let kind = GroupVersionKind::parse("v1", "ConfigMap");
    let names = |options: ListOptions| {
        let kind = kind.clone();
        async move {
            let list = cluster.list(&kind, &options).await.unwrap();
            assert!(list.items.iter().all(|item| item.kind() == "ConfigMap"));
            list.items.iter().map(|item| item.name().to_owned()).collect::<Vec<_>>()
        }
    };
    let here = ListOptions { namespace: Some(namespace.into()), ..ListOptions::default() };
    assert_eq!(names(ListOptions { labels: "tier=front".into(), ..here.clone() }).await, ["list-a", "list-c"]);
    assert_eq!(names(ListOptions { labels: "tier in (back, none)".into(), ..here.clone() }).await, ["list-b"]);
    assert_eq!(names(ListOptions { fields: "metadata.name=list-c".into(), ..here }).await, ["list-c"]);
}

async fn watches(cluster: &dyn ClusterBackend, namespace: &str) {
    let kind = GroupVersionKind::parse("v1", "ConfigMap");
    let here = ListOptions { namespace: Some(namespace.into()), ..ListOptions::default() };
    let from = cluster.list(&kind, &here).await.unwrap().resource_version;
    let object = config_map(namespace, "watched", json!({"a": "1"}));
    cluster.create(&object, &WriteOptions::default()).await.unwrap();
    let mut events = cluster.watch(&kind, &here, &from).await.unwrap();
    let at = ObjectRef::of(&object);
    cluster.patch(&at, None, &Patch::Merge(json!({"data": {"a": "2"}})), &WriteOptions::default()).await.unwrap();
    cluster.delete(&at, Propagation::Background, &WriteOptions::default()).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let event = tokio::time::timeout(Duration::from_secs(10), events.next()).await.expect("an event in time");
        match event.expect("the watch goes on").unwrap() {
            WatchEvent::Applied(o) if o.name() == "watched" => seen.push(o.value()["data"]["a"].clone()),
            WatchEvent::Deleted(o) if o.name() == "watched" => seen.push(json!("deleted")),
            _ => {}
        }
    }
    assert_eq!(seen, [json!("1"), json!("2"), json!("deleted")]);
}

async fn custom_kinds(cluster: &dyn ClusterBackend, namespace: &str) {
    let crd = manifest(json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.contract.example.com"},
        "spec": {"group": "contract.example.com", "scope": "Namespaced",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "properties": {"size": {"type": "integer", "minimum": 1, "default": 3}}},
                    "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}}}]}}));
    cluster.apply(&crd, ApplyMode::ClientSide, &WriteOptions::default()).await.unwrap();
    let kind = GroupVersionKind::parse("contract.example.com/v1", "Widget");
    for _ in 0..100 {
        if cluster.catalog(true).await.unwrap().get(&kind).is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let widget = |spec: Value| {
        manifest(
            json!({"apiVersion": "contract.example.com/v1", "kind": "Widget", "metadata": {"name": "w", "namespace": namespace}, "spec": spec}),
        )
    };
    let stored = cluster.create(&widget(json!({"unknown": 1})), &WriteOptions::default()).await.unwrap();
    assert_eq!(stored.value()["spec"], json!({"size": 3}), "defaults are filled in, unknown fields pruned");
    let error = cluster
        .apply(&widget(json!({"size": 0})), ApplyMode::ServerSide { force: true }, &WriteOptions::default())
        .await;
    assert!(error.unwrap_err().is_invalid());
    let at = ObjectRef::of(&stored);
    let status = Patch::Merge(json!({"status": {"phase": "Ready"}, "spec": {"size": 9}}));
    let stored = cluster.patch(&at, Some("status"), &status, &WriteOptions::default()).await.unwrap();
    assert_eq!((&stored.value()["status"]["phase"], &stored.value()["spec"]["size"]), (&json!("Ready"), &json!(3)));
    cluster.delete(&ObjectRef::of(&crd), Propagation::Background, &WriteOptions::default()).await.unwrap();
}

async fn deletes(cluster: &dyn ClusterBackend, namespace: &str) {
    let mut object = config_map(namespace, "kept", json!({}));
    object.value_mut()["metadata"]["finalizers"] = json!(["contract.example.com/keep"]);
    let at = ObjectRef::of(&object);
    cluster.create(&object, &WriteOptions::default()).await.unwrap();
    cluster.delete(&at, Propagation::Background, &WriteOptions::default()).await.unwrap();
    assert!(live(cluster, &object).await["metadata"]["deletionTimestamp"].is_string(), "a finalizer keeps it");
    let release = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    cluster.patch(&at, None, &release, &WriteOptions::default()).await.unwrap();
    assert!(cluster.get(&at).await.unwrap().is_none());
}

async fn access(cluster: &dyn ClusterBackend, namespace: &str) {
    let request = AccessRequest {
        verb: "patch".into(),
        group: "apps".into(),
        resource: "deployments".into(),
        namespace: namespace.into(),
    };
    assert!(cluster.access(&request).await.unwrap().allowed);
}
