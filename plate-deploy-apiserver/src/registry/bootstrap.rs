//! The objects every cluster has from its start.

use serde_json::{Value, json};

use super::{Registry, WriteOptions};
use crate::storage::Key;

const NAMESPACES: [&str; 4] = ["default", "kube-system", "kube-public", "kube-node-lease"];

/// Creates what is missing; nothing here can be refused, as the names are valid and the order is right.
pub(super) fn run(registry: &Registry) {
    for name in NAMESPACES {
        ensure(
            registry,
            ("", "namespaces"),
            "",
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}),
        );
        ensure(registry, ("", "serviceaccounts"), name, default_account());
    }
    let service = json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "kubernetes", "labels": {"component": "apiserver", "provider": "kubernetes"}},
        "spec": {"clusterIP": "10.96.0.1", "type": "ClusterIP", "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}]}});
    ensure(registry, ("", "services"), "default", service);
    for (name, value, what) in [
        (
            "system-cluster-critical",
            2_000_000_000,
            "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
        ),
        (
            "system-node-critical",
            2_000_001_000,
            "Used for system critical pods that must not be moved from their current node.",
        ),
    ] {
        let class = json!({"metadata": {"name": name}, "value": value, "description": what});
        ensure(registry, ("scheduling.k8s.io", "priorityclasses"), "", class);
    }
}

/// The service account that every namespace has.
pub(crate) fn default_account() -> Value {
    json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}})
}

fn ensure(registry: &Registry, (group, plural): (&str, &str), namespace: &str, object: Value) {
    let name = crate::object::meta(&object, "name").to_owned();
    let Some(resource) = registry.resource(group, "v1", plural) else { return };
    if registry.store().get(&Key::new(&resource.storage, namespace, &name)).is_none() {
        let created = registry.create(&resource, namespace, object, &WriteOptions::manager("kube-apiserver"));
        debug_assert!(created.is_ok(), "bootstrap: {created:?}");
    }
}
