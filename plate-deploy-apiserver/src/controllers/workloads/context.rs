//! What every controller works with: reads from the store, writes through the registry.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::Simulation;
use crate::object::{at, list, meta, text};
use crate::patch::PatchKind;
use crate::registry::{DeleteOptions, Propagation, Registry, WriteOptions};
use crate::storage::Key;

/// Field manager of the controllers' writes.
const MANAGER: &str = "kube-controller-manager";

/// One look of one controller.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) registry: &'a Registry,
    pub(super) simulation: &'a Simulation,
    pub(super) now: Timestamp,
}

impl<'a> Context<'a> {
    pub(super) fn new(registry: &'a Registry, simulation: &'a Simulation) -> Self {
        Self { registry, simulation, now: registry.clock().now() }
    }

    /// The object of a key.
    pub(super) fn stored(&self, key: &Key) -> Option<Value> {
        self.registry.store().get(key).map(|stored| stored.object.as_ref().clone())
    }

    /// One object of a resource (`pods`, `deployments.apps`).
    pub(super) fn get(&self, resource: &str, namespace: &str, name: &str) -> Option<Value> {
        self.stored(&Key::new(resource, namespace, name))
    }

    /// The objects of a resource in a namespace.
    pub(super) fn list(&self, resource: &str, namespace: &str) -> Vec<Value> {
        let scope = (!namespace.is_empty()).then_some(namespace);
        self.registry.store().list(resource, scope).1.into_iter().map(|(_, s)| s.object.as_ref().clone()).collect()
    }

    /// Those of them that `owner` controls, by name.
    pub(super) fn owned(&self, resource: &str, owner: &Value) -> Vec<Value> {
        let uid = meta(owner, "uid");
        let mut owned = self.list(resource, meta(owner, "namespace"));
        owned.retain(|object| controller_of(object).is_some_and(|c| c == uid));
        owned
    }

    /// Creates an object; that it exists already, or cannot be made, shows in the next look.
    pub(super) fn create(&self, resource: &str, namespace: &str, object: Value) {
        let Some(resource) = self.registry.catalog().find_storage(resource) else { return };
        if let Err(error) = self.registry.create(&resource, namespace, object, &WriteOptions::manager(MANAGER)) {
            tracing::debug!(kind = %resource.info.kind, %error, "controller: create");
        }
    }

    /// Changes fields of an object (or of a subresource) by a merge patch.
    pub(super) fn patch(&self, resource: &str, object: &Value, subresource: &str, patch: &Value) {
        let Some(resource) = self.registry.catalog().find_storage(resource) else { return };
        let place = (meta(object, "namespace"), meta(object, "name"), subresource);
        let body = patch.to_string();
        let done =
            self.registry.patch(&resource, place, PatchKind::Merge, body.as_bytes(), &WriteOptions::manager(MANAGER));
        if let Err(error) = done {
            tracing::debug!(kind = %resource.info.kind, %error, "controller: patch");
        }
    }

    /// Sets fields of the status, if they are not so already. Conditions keep the time of their last change.
    pub(super) fn set_status(&self, resource: &str, object: &Value, mut status: Value) {
        let old = object.get("status").cloned().unwrap_or_else(|| json!({}));
        if let Some(conditions) = status.get_mut("conditions").and_then(Value::as_array_mut) {
            self.keep_times(conditions, list(&old, &["conditions"]));
        }
        let fields: Map<String, Value> = match status {
            Value::Object(fields) => {
                fields.into_iter().filter(|(key, value)| old.get(key).unwrap_or(&Value::Null) != value).collect()
            }
            _ => return,
        };
        if !fields.is_empty() {
            self.patch(resource, object, "status", &json!({"status": fields}));
        }
    }

    fn keep_times(&self, conditions: &mut [Value], old: &[Value]) {
        for condition in conditions {
            let before = old.iter().find(|o| o["type"] == condition["type"]);
            let same = before.filter(|o| o["status"] == condition["status"]);
            let transition = same.and_then(|o| o.get("lastTransitionTime")).cloned();
            condition["lastTransitionTime"] = transition.unwrap_or_else(|| self.registry.now().into());
            let unchanged =
                before.filter(|o| ["status", "reason", "message"].iter().all(|key| o[*key] == condition[*key]));
            if condition.get("lastUpdateTime").is_some() {
                let update = unchanged.and_then(|o| o.get("lastUpdateTime")).cloned();
                condition["lastUpdateTime"] = update.unwrap_or_else(|| self.registry.now().into());
            }
        }
    }

    /// Tells of a problem with a pod in a Warning Event, once for each reason.
    pub(super) fn warn(&self, pod: &Value, reason: &str, message: &str, component: &str) {
        let (namespace, name) = (meta(pod, "namespace"), meta(pod, "name"));
        let event =
            format!("{name}.{}-{}", reason.to_lowercase(), meta(pod, "uid").split('-').next().unwrap_or_default());
        if self.registry.store().get(&Key::new("events", namespace, &event)).is_some() {
            return;
        }
        let now = self.registry.now();
        let object = json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": event}, "type": "Warning",
            "involvedObject": {"apiVersion": "v1", "kind": "Pod", "name": name, "namespace": namespace, "uid": meta(pod, "uid")},
            "reason": reason, "message": message, "source": {"component": component}, "reportingComponent": component,
            "count": 1, "firstTimestamp": now, "lastTimestamp": now});
        self.create("events", namespace, object);
    }

    /// Deletes an object and, later, what it owns.
    pub(super) fn delete(&self, resource: &str, object: &Value) {
        let Some(resource) = self.registry.catalog().find_storage(resource) else { return };
        let options = DeleteOptions {
            propagation: Some(Propagation::Background),
            grace_seconds: Some(0),
            ..DeleteOptions::default()
        };
        if let Err(error) = self.registry.delete(&resource, meta(object, "namespace"), meta(object, "name"), &options) {
            tracing::debug!(kind = %resource.info.kind, %error, "controller: delete");
        }
    }

    /// When the object was made.
    pub(super) fn created(&self, object: &Value) -> Timestamp {
        meta(object, "creationTimestamp").parse().unwrap_or(self.now)
    }

    /// Creation plus a wait.
    pub(super) fn after_creation(&self, object: &Value, wait: Duration) -> Timestamp {
        self.created(object).saturating_add(wait).unwrap_or(self.now)
    }
}

/// The uid of the owner that controls an object.
pub(super) fn controller_of(object: &Value) -> Option<&str> {
    let owners = list(object, &["metadata", "ownerReferences"]);
    owners.iter().find(|o| o["controller"] == true).and_then(|o| o["uid"].as_str())
}

/// An ownerReference to a controller.
pub(super) fn owner_reference(owner: &Value) -> Value {
    json!({
        "apiVersion": text(owner, &["apiVersion"]), "kind": text(owner, &["kind"]), "name": meta(owner, "name"),
        "uid": meta(owner, "uid"), "controller": true, "blockOwnerDeletion": true,
    })
}

/// A number of `spec`, or a default.
pub(super) fn spec_number(object: &Value, field: &str, default: i64) -> i64 {
    at(object, &["spec", field]).and_then(Value::as_i64).unwrap_or(default)
}

/// A condition with all the fields that workloads' conditions have.
pub(super) fn condition(kind: &str, status: bool, reason: &str, message: &str) -> Value {
    json!({"type": kind, "status": if status { "True" } else { "False" }, "reason": reason, "message": message})
}
