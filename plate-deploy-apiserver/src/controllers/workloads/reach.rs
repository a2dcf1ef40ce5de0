//! Requests from outside: what an Ingress or a LoadBalancer Service would do with one.

use serde_json::Value;

use super::{Outages, Part};
use crate::object::{at, list, meta, text};
use crate::registry::Registry;
use crate::storage::Key;

/// Whether a request would be answered.
pub(crate) fn reachable(registry: &Registry, outages: &Outages, kind: &str, namespace: &str, name: &str) -> bool {
    let get = |resource: &str, name: &str| {
        registry.store().get(&Key::new(resource, namespace, name)).map(|stored| stored.object.as_ref().clone())
    };
    let (resource, controller) = match kind {
        "Ingress" => ("ingresses.networking.k8s.io", Part::IngressController),
        _ => ("services", Part::LoadBalancer),
    };
    let Some(object) = get(resource, name) else { return false };
    if outages.fails(&controller) || list(&object, &["status", "loadBalancer", "ingress"]).is_empty() {
        return false;
    }
    if kind != "Ingress" {
        return has_ready_pod(registry, &object);
    }
    let backends = backends(&object);
    backends.iter().all(|service| get("services", service).is_some_and(|service| has_ready_pod(registry, &service)))
}

/// The Services behind an Ingress.
fn backends(ingress: &Value) -> Vec<&str> {
    let paths = list(ingress, &["spec", "rules"]).iter().flat_map(|rule| list(rule, &["http", "paths"]));
    let default = text(ingress, &["spec", "defaultBackend", "service", "name"]);
    paths.map(|path| text(path, &["backend", "service", "name"])).chain([default]).filter(|s| !s.is_empty()).collect()
}

/// Whether a ready pod fits the Service's selector.
fn has_ready_pod(registry: &Registry, service: &Value) -> bool {
    let Some(selector) = at(service, &["spec", "selector"]).and_then(Value::as_object) else { return false };
    let pods = registry.store().list("pods", Some(meta(service, "namespace"))).1;
    pods.iter().map(|(_, stored)| stored.object.as_ref()).any(|pod| {
        let fits = selector.iter().all(|(key, value)| pod["metadata"]["labels"].get(key) == Some(value));
        let conditions = list(pod, &["status", "conditions"]);
        fits && conditions.iter().any(|c| c["type"] == "Ready" && c["status"] == "True")
    })
}
