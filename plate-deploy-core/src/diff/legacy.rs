//! API versions that Kubernetes no longer serves but manifests and live objects still name: they have the types of
//! today's version, and some defaults of their own.

use plate_deploy_apiserver::scheme::Gvk;
use serde_json::{Map, Value, json};

/// Today's version of a retired one; `None` when there is none with the same fields.
pub(super) fn current(gvk: &Gvk) -> Option<Gvk> {
    let (group, version) = match (gvk.group.as_str(), gvk.version.as_str(), gvk.kind.as_str()) {
        ("apps", "v1beta1" | "v1beta2", _) => ("apps", "v1"),
        ("extensions", "v1beta1", "Deployment" | "DaemonSet" | "ReplicaSet") => ("apps", "v1"),
        ("extensions", "v1beta1", "NetworkPolicy") => ("networking.k8s.io", "v1"),
        ("batch", "v1beta1", "CronJob") => ("batch", "v1"),
        ("policy", "v1beta1", "PodDisruptionBudget") => ("policy", "v1"),
        (
            "admissionregistration.k8s.io",
            "v1beta1",
            "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration",
        ) => ("admissionregistration.k8s.io", "v1"),
        ("rbac.authorization.k8s.io", "v1beta1" | "v1alpha1", _) => ("rbac.authorization.k8s.io", "v1"),
        ("storage.k8s.io", "v1beta1", "StorageClass" | "CSIDriver" | "CSINode" | "VolumeAttachment") => {
            ("storage.k8s.io", "v1")
        }
        ("scheduling.k8s.io", "v1beta1" | "v1alpha1", "PriorityClass") => ("scheduling.k8s.io", "v1"),
        ("coordination.k8s.io", "v1beta1", "Lease") => ("coordination.k8s.io", "v1"),
        _ => return None,
    };
    Some(Gvk::new(group, version, &gvk.kind))
}

/// The defaults that the retired version has and today's has not; to be filled in before today's.
pub(super) fn defaults(gvk: &Gvk, object: &mut Value) {
    match (gvk.group.as_str(), gvk.version.as_str(), gvk.kind.as_str()) {
        ("apps", "v1beta1", "StatefulSet") => {
            if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
                let strategy = spec.get("updateStrategy").and_then(|s| s.get("type")).and_then(Value::as_str);
                if strategy.unwrap_or_default().is_empty() {
                    spec.insert("updateStrategy".into(), json!({"type": "OnDelete"}));
                }
            }
            selector_from_template(object);
        }
        ("apps", "v1beta1", "Deployment") => {
            fill(object, "spec", &[("revisionHistoryLimit", json!(2))]);
            selector_from_template(object);
        }
        ("extensions", "v1beta1", "DaemonSet") => {
            if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
                let strategy = spec.get("updateStrategy").and_then(|s| s.get("type")).and_then(Value::as_str);
                if strategy.unwrap_or_default().is_empty() {
                    spec.insert("updateStrategy".into(), json!({"type": "OnDelete"}));
                }
            }
            selector_from_template(object);
        }
        ("extensions", "v1beta1", "Deployment") => {
            let none = json!(i32::MAX);
            fill(object, "spec", &[("revisionHistoryLimit", none.clone()), ("progressDeadlineSeconds", none)]);
            selector_from_template(object);
        }
        ("extensions", "v1beta1", "ReplicaSet") => selector_from_template(object),
        ("admissionregistration.k8s.io", "v1beta1", _) => {
            for webhook in object.get_mut("webhooks").and_then(Value::as_array_mut).into_iter().flatten() {
                let fields = [
                    ("admissionReviewVersions", json!(["v1beta1"])),
                    ("failurePolicy", json!("Ignore")),
                    ("matchPolicy", json!("Exact")),
                    ("sideEffects", json!("Unknown")),
                    ("timeoutSeconds", json!(30)),
                ];
                if let Some(map) = webhook.as_object_mut() {
                    fill_map(map, &fields);
                }
            }
        }
        _ => {}
    }
}

fn fill(object: &mut Value, field: &str, defaults: &[(&str, Value)]) {
    if let Some(map) = object.get_mut(field).and_then(Value::as_object_mut) {
        fill_map(map, defaults);
    }
}

fn fill_map(map: &mut Map<String, Value>, defaults: &[(&str, Value)]) {
    for (key, default) in defaults {
        let slot = map.entry(*key).or_insert(Value::Null);
        if slot.is_null() || slot.as_array().is_some_and(Vec::is_empty) {
            *slot = default.clone();
        }
    }
}

/// Before `apps/v1beta2` an absent selector meant the template's labels.
fn selector_from_template(object: &mut Value) {
    let Some(labels) = object.pointer("/spec/template/metadata/labels").cloned() else { return };
    if object.pointer("/spec/selector").is_none_or(Value::is_null)
        && let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut)
    {
        spec.insert("selector".into(), json!({"matchLabels": labels}));
    }
}
