//! Kind-specific validation: what each built-in kind requires, and what may not change.

use serde_json::Value;

use crate::names;
use crate::object::{at, list, map, text};
use crate::registry::catalog::Resource;
use crate::selector::LabelSelector;
use crate::status::FieldError;

const IMMUTABLE: &str = "field is immutable";

pub(super) fn create(resource: &Resource, object: &Value) -> Vec<FieldError> {
    let mut out = Vec::new();
    match resource.builtin_name() {
        "configmaps" => data_keys(object, &["data", "binaryData"], &mut out),
        "secrets" => data_keys(object, &["data"], &mut out),
        "deployments.apps" | "daemonsets.apps" | "replicasets.apps" | "statefulsets.apps" => workload(object, &mut out),
        "customresourcedefinitions.apiextensions.k8s.io" => {
            out.extend(crate::registry::crd::validate_definition(object))
        }
        _ => {}
    }
    out
}

pub(super) fn update(resource: &Resource, new: &Value, old: &Value) -> Vec<FieldError> {
    let mut out = create(resource, new);
    match resource.builtin_name() {
        "configmaps" => immutable_data(new, old, &["data", "binaryData"], &mut out),
        "secrets" => {
            same(new, old, &["type"], &mut out);
            immutable_data(new, old, &["data"], &mut out);
        }
        "deployments.apps" | "daemonsets.apps" | "replicasets.apps" => same(new, old, &["spec", "selector"], &mut out),
        "jobs.batch" => {
            for key in
                ["selector", "completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"]
            {
                same(new, old, &["spec", key], &mut out);
            }
            if at(old, &["spec", "suspend"]) != Some(&Value::Bool(true)) {
                same(new, old, &["spec", "template"], &mut out);
            }
        }
        "rolebindings.rbac.authorization.k8s.io" | "clusterrolebindings.rbac.authorization.k8s.io"
            if new.get("roleRef") != old.get("roleRef") =>
        {
            let value = new.get("roleRef").cloned().unwrap_or_default();
            out.push(FieldError::invalid("roleRef", value, "cannot change roleRef"));
        }
        "storageclasses.storage.k8s.io" => {
            for key in ["provisioner", "reclaimPolicy", "volumeBindingMode"] {
                same(new, old, &[key], &mut out);
            }
            if new.get("parameters") != old.get("parameters") {
                out.push(FieldError::forbidden("parameters", "updates to parameters are forbidden."));
            }
        }
        "priorityclasses.scheduling.k8s.io" => {
            if new.get("value") != old.get("value") {
                out.push(FieldError::forbidden("value", "may not be changed in an update."));
            }
            same(new, old, &["preemptionPolicy"], &mut out);
        }
        "services" => {
            let (was, is) = (text(old, &["spec", "clusterIP"]), text(new, &["spec", "clusterIP"]));
            let external = |o: &Value| text(o, &["spec", "type"]) == "ExternalName";
            if !external(old) && !external(new) && !was.is_empty() && was != is {
                let value = at(new, &["spec", "clusterIPs"]).cloned().unwrap_or_default();
                out.push(FieldError::invalid("spec.clusterIPs[0]", value, "may not change once set"));
            }
        }
        "statefulsets.apps" => stateful_set(new, old, &mut out),
        _ => {}
    }
    out
}

fn same(new: &Value, old: &Value, path: &[&str], out: &mut Vec<FieldError>) {
    let (n, o) = (at(new, path), at(old, path));
    if n != o {
        out.push(FieldError::invalid(path.join("."), n.cloned().unwrap_or_default(), IMMUTABLE));
    }
}

fn data_keys(object: &Value, fields: &[&str], out: &mut Vec<FieldError>) {
    for field in fields {
        for key in map(object, &[field]).into_iter().flatten().map(|(k, _)| k) {
            let at = format!("{field}[{key}]");
            out.extend(names::config_key(key).into_iter().map(|m| FieldError::invalid(at.clone(), key.as_str(), m)));
        }
    }
}

fn immutable_data(new: &Value, old: &Value, fields: &[&str], out: &mut Vec<FieldError>) {
    let locked = |o: &Value| at(o, &["immutable"]) == Some(&Value::Bool(true));
    if !locked(old) {
        return;
    }
    if !locked(new) {
        out.push(FieldError::forbidden("immutable", "field is immutable when `immutable` is set"));
    }
    for field in fields {
        if new.get(field) != old.get(field) {
            out.push(FieldError::forbidden(*field, "field is immutable when `immutable` is set"));
        }
    }
}

fn workload(object: &Value, out: &mut Vec<FieldError>) {
    let selector = at(object, &["spec", "selector"]).filter(|s| !s.is_null());
    let Some(selector) = selector else {
        out.push(FieldError::required("spec.selector", ""));
        return;
    };
    let parsed = LabelSelector::from_object(selector);
    if parsed.is_empty() {
        let detail = "empty selector is invalid for deployment";
        let detail =
            if text(object, &["kind"]) == "Deployment" { detail } else { "empty selector is invalid for statefulset" };
        out.push(FieldError::invalid("spec.selector", selector.clone(), detail));
        return;
    }
    let template = &object["spec"]["template"];
    if !parsed.matches(template) {
        let labels = at(template, &["metadata", "labels"]).cloned().unwrap_or_default();
        out.push(FieldError::invalid(
            "spec.template.metadata.labels",
            labels,
            "`selector` does not match template `labels`",
        ));
    }
    if list(template, &["spec", "containers"]).is_empty() {
        out.push(FieldError::required("spec.template.spec.containers", ""));
    }
}

fn stateful_set(new: &Value, old: &Value, out: &mut Vec<FieldError>) {
    const MAY_CHANGE: [&str; 8] = [
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
        "podManagementPolicy",
    ];
    let fixed = |o: &Value| {
        let mut spec = map(o, &["spec"]).cloned().unwrap_or_default();
        spec.retain(|k, _| !MAY_CHANGE[..7].contains(&k.as_str()));
        spec
    };
    if fixed(new) != fixed(old) {
        let detail = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
        out.push(FieldError::forbidden("spec", detail));
    }
}
