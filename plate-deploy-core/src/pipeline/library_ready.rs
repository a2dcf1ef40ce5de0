//! Whether what a library brings can be used by others: its CRDs are established, its webhooks have somebody behind them.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::pods::is_ready;
use crate::cluster::{ClusterReader, ListOptions, ObjectRef};
use crate::driver::Target;
use crate::model::{GroupVersionKind, Manifest};

/// Wait between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// What is still missing; empty when everything can be used. Waits until `deadline`.
pub(super) async fn wait(cluster: &dyn ClusterReader, target: &Target, deadline: Instant) -> Vec<String> {
    loop {
        let missing = missing(cluster, target).await;
        if missing.is_empty() || Instant::now() >= deadline {
            return missing;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

async fn missing(cluster: &dyn ClusterReader, target: &Target) -> Vec<String> {
    let mut missing = Vec::new();
    let mut services: BTreeSet<(String, String)> = BTreeSet::new();
    for manifest in &target.rendered.manifests {
        match manifest.kind() {
            "CustomResourceDefinition" => {
                let live = cluster.get(&ObjectRef { namespace: String::new(), ..ObjectRef::of(manifest) }).await;
                if !live.is_ok_and(|live| live.is_some_and(|crd| established(&crd))) {
                    missing.push(format!("the CRD {} is not established", manifest.name()));
                }
            }
            "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration" => {
                services.extend(webhook_services(manifest));
            }
            _ => {}
        }
    }
    for (namespace, name) in services {
        if let Some(reason) = silent(cluster, &namespace, &name).await {
            missing.push(format!("nobody answers the webhooks of {namespace}/{name}: {reason}"));
        }
    }
    missing
}

fn established(crd: &Manifest) -> bool {
    let conditions = crd.value().pointer("/status/conditions").and_then(Value::as_array);
    conditions.into_iter().flatten().any(|c| c["type"] == "Established" && c["status"] == "True")
}

/// Namespaces and names of the Services behind webhooks.
fn webhook_services(configuration: &Manifest) -> Vec<(String, String)> {
    let webhooks = configuration.value().get("webhooks").and_then(Value::as_array);
    let text = |hook: &Value, field: &str| {
        hook.pointer(&format!("/clientConfig/service/{field}")).and_then(Value::as_str).map(str::to_owned)
    };
    webhooks.into_iter().flatten().filter_map(|hook| Some((text(hook, "namespace")?, text(hook, "name")?))).collect()
}

/// Why no pod stands behind a Service; `None` when one does.
async fn silent(cluster: &dyn ClusterReader, namespace: &str, name: &str) -> Option<String> {
    let at = ObjectRef {
        kind: GroupVersionKind::parse("v1", "Service"),
        namespace: namespace.into(),
        name: name.into(),
    };
    let service = match cluster.get(&at).await {
        Ok(Some(service)) => service,
        Ok(None) => return Some("there is no such Service".into()),
        Err(error) => return Some(error.to_string()),
    };
    // A Service without a selector has its endpoints from elsewhere.
    let selector = service.value().pointer("/spec/selector").and_then(Value::as_object)?;
    let labels: Vec<String> = selector.iter().map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default())).collect();
    let options =
        ListOptions { namespace: Some(namespace.into()), labels: labels.join(","), ..ListOptions::default() };
    match cluster.list(&GroupVersionKind::parse("v1", "Pod"), &options).await {
        Ok(pods) if pods.items.iter().any(is_ready) => None,
        Ok(pods) => Some(format!("none of its {} pods is ready", pods.items.len())),
        Err(error) => Some(error.to_string()),
    }
}
