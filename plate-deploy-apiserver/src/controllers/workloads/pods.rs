//! Pods from templates, for all workload controllers.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::context::{Context, owner_reference};
use crate::object::{at, list, meta};

/// A pod made from a workload's template.
pub(super) fn from_template(owner: &Value, template: &Value, name: Value, labels: &[(&str, &str)]) -> Value {
    let mut metadata = template.get("metadata").cloned().unwrap_or_else(|| json!({}));
    if let (Some(into), Some(name)) = (metadata.as_object_mut(), name.as_object()) {
        into.extend(name.clone());
        into.remove("creationTimestamp");
    }
    for (key, value) in labels {
        metadata["labels"][*key] = (*value).into();
    }
    metadata["namespace"] = meta(owner, "namespace").into();
    metadata["ownerReferences"] = json!([owner_reference(owner)]);
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template.get("spec").cloned().unwrap_or_default()})
}

/// Whether the pod's Ready condition is true.
pub(super) fn is_ready(pod: &Value) -> bool {
    list(pod, &["status", "conditions"]).iter().any(|c| c["type"] == "Ready" && c["status"] == "True")
}

/// Ten characters that name a template, of the alphabet that generated names use.
pub(super) fn template_hash(template: &Value) -> String {
    const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let digest = Sha256::digest(template.to_string());
    let letter = |byte: &u8| ALPHABET.get(usize::from(*byte) % ALPHABET.len()).map_or('b', |b| char::from(*b));
    digest.iter().take(10).map(letter).collect()
}

/// The `labels` of a selector, with more.
pub(super) fn labels_with(object: &Value, path: &[&str], more: &[(&str, &str)]) -> Value {
    let mut labels: Map<String, Value> = at(object, path).and_then(Value::as_object).cloned().unwrap_or_default();
    labels.extend(more.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())));
    Value::Object(labels)
}

/// Makes or removes pods until there are `wanted` of them; unready ones go first.
pub(super) fn scale(context: &Context<'_>, pods: &[Value], wanted: usize, make: impl Fn() -> Value, namespace: &str) {
    for _ in pods.len()..wanted {
        context.create("pods", namespace, make());
    }
    let mut extra: Vec<&Value> = pods.iter().collect();
    extra.sort_by_key(|pod| is_ready(pod));
    for pod in extra.into_iter().take(pods.len().saturating_sub(wanted)) {
        context.delete("pods", pod);
    }
}
