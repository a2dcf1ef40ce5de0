//! Ways into what was deployed: Ingress hosts and LoadBalancer addresses.

use serde_json::Value;

use crate::cluster::{ClusterReader, ObjectRef};
use crate::model::{GroupVersionKind, Manifest, ResourceKey};
use crate::report::{AccessPoint, ApplicationReport};

/// The access points of these Applications' objects. An object that cannot be read has none.
pub(super) async fn find(cluster: &dyn ClusterReader, applications: &[ApplicationReport]) -> Vec<AccessPoint> {
    let mut points = Vec::new();
    for key in applications.iter().flat_map(|app| &app.resources).map(|resource| &resource.key) {
        let version = match (key.group.as_str(), key.kind.as_str()) {
            ("networking.k8s.io", "Ingress") => "networking.k8s.io/v1",
            ("", "Service") => "v1",
            _ => continue,
        };
        let at = ObjectRef {
            kind: GroupVersionKind::parse(version, &key.kind),
            namespace: key.namespace.clone(),
            name: key.name.clone(),
        };
        if let Ok(Some(object)) = cluster.get(&at).await {
            let urls = if key.kind == "Ingress" { ingress(&object) } else { service(&object) };
            points.extend(urls.into_iter().map(|url| AccessPoint { key: ResourceKey::clone(key), url }));
        }
    }
    points
}

fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

/// `https://host/path` for every rule; https where the host has TLS.
fn ingress(object: &Manifest) -> Vec<String> {
    let object = object.value();
    let secure: Vec<&str> =
        list(object, "/spec/tls").flat_map(|tls| list(tls, "/hosts")).filter_map(Value::as_str).collect();
    let mut urls = Vec::new();
    for rule in list(object, "/spec/rules") {
        let Some(host) = rule.get("host").and_then(Value::as_str) else { continue };
        let scheme = if secure.contains(&host) { "https" } else { "http" };
        for path in list(rule, "/http/paths") {
            urls.push(format!("{scheme}://{host}{}", path.get("path").and_then(Value::as_str).unwrap_or("/")));
        }
    }
    urls
}

/// `address:port` for every port of a LoadBalancer with an address.
fn service(object: &Manifest) -> Vec<String> {
    let object = object.value();
    let addresses =
        list(object, "/status/loadBalancer/ingress").filter_map(|i| i.get("ip").or(i.get("hostname"))?.as_str());
    let ports: Vec<i64> = list(object, "/spec/ports").filter_map(|p| p.get("port")?.as_i64()).collect();
    addresses.flat_map(|address| ports.iter().map(move |port| format!("{address}:{port}"))).collect()
}
