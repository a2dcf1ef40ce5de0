//! Namespaces: what a new one gets, and the end of a deleted one.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::Controller;
use crate::object::is_deleting;
use crate::registry::{DeleteOptions, Registry, WriteOptions, default_account};
use crate::storage::{Change, ChangeKind, Key};

#[derive(Debug)]
pub(super) struct NamespaceController;

impl Controller for NamespaceController {
    fn name(&self) -> &'static str {
        "namespace"
    }

    fn reset(&mut self) {}

    fn sync(&mut self, registry: &Registry, changes: &[Arc<Change>]) -> Option<Timestamp> {
        // A namespace is looked at when it changes, and when something in it goes.
        let touched: BTreeSet<&str> = changes
            .iter()
            .filter_map(|c| match (c.key.resource.as_ref(), c.kind) {
                ("namespaces", ChangeKind::Added | ChangeKind::Modified) => Some(c.key.name.as_str()),
                (_, ChangeKind::Deleted) if !c.key.namespace.is_empty() => Some(c.key.namespace.as_str()),
                _ => None,
            })
            .collect();
        for name in touched {
            let Some(stored) = registry.store().get(&Key::new("namespaces", "", name)) else { continue };
            if is_deleting(&stored.object) {
                empty(registry, name);
            } else {
                furnish(registry, name);
            }
        }
        None
    }
}

/// The service account and the root certificate every namespace has.
fn furnish(registry: &Registry, namespace: &str) {
    let ca = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kube-root-ca.crt", "annotations": {
        "kubernetes.io/description": "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters."}},
        "data": {"ca.crt": ""}});
    for (plural, object) in [("serviceaccounts", default_account()), ("configmaps", ca)] {
        let Some(resource) = registry.resource("", "v1", plural) else { continue };
        let name = crate::object::meta(&object, "name").to_owned();
        if registry.store().get(&Key::new(plural, namespace, &name)).is_none() {
            let made = registry.create(&resource, namespace, object, &WriteOptions::manager("kube-controller-manager"));
            if let Err(e) = made {
                tracing::debug!(namespace, error = %e, "cannot furnish the namespace");
            }
        }
    }
}

/// Deletes what is in a namespace, and the namespace when nothing is left.
fn empty(registry: &Registry, namespace: &str) {
    let mut left = false;
    for name in registry.store().resources() {
        let Some(resource) = registry.catalog().find_storage(&name).filter(|r| r.info.namespaced) else { continue };
        for (key, stored) in registry.store().list(&name, Some(namespace)).1 {
            if is_deleting(&stored.object) {
                left = true;
                continue;
            }
            match registry.delete(&resource, namespace, &key.name, &DeleteOptions::default()) {
                Ok(d) => left |= !d.gone,
                Err(e) => left |= e.code != 404,
            }
        }
    }
    if !left && let Err(e) = registry.finalize_namespace(namespace) {
        tracing::debug!(namespace, error = %e, "cannot end the namespace");
    }
}
