//! Validation of `metadata`, as apimachinery's `ValidateObjectMeta` and `ValidateObjectMetaUpdate`.

use serde_json::Value;

use crate::names;
use crate::object::{at, finalizers, is_deleting, list, map, meta, text};
use crate::registry::catalog::Resource;
use crate::status::FieldError;

const ANNOTATIONS_LIMIT: usize = 256 * 1024;

/// The grammar of a resource's names.
fn name_messages(resource: &Resource, name: &str) -> Vec<String> {
    match resource.builtin_name() {
        "services" => names::dns_label(name),
        "namespaces" => names::dns_label(name),
        "events"
        | "poddisruptionbudgets.policy"
        | "roles.rbac.authorization.k8s.io"
        | "rolebindings.rbac.authorization.k8s.io"
        | "clusterroles.rbac.authorization.k8s.io"
        | "clusterrolebindings.rbac.authorization.k8s.io" => names::path_segment(name),
        "statefulsets.apps" => names::dns_label(name),
        _ => names::dns_subdomain(name),
    }
}

pub(super) fn create(resource: &Resource, object: &Value) -> Vec<FieldError> {
    let mut out = Vec::new();
    let (name, generate) = (meta(object, "name"), meta(object, "generateName"));
    if !generate.is_empty() {
        // A prefix may end in a dash, which a name may not.
        let prefix = generate.strip_suffix('-').map_or_else(|| generate.to_owned(), |g| format!("{g}a"));
        let errors = name_messages(resource, &prefix).into_iter();
        out.extend(errors.map(|m| FieldError::invalid("metadata.generateName", generate, m)));
    }
    if name.is_empty() {
        out.push(FieldError::required("metadata.name", "name or generateName is required"));
    } else {
        out.extend(name_messages(resource, name).into_iter().map(|m| FieldError::invalid("metadata.name", name, m)));
    }
    namespace(resource, object, &mut out);
    labels(object, &mut out);
    annotations(object, &mut out);
    owners(object, &mut out);
    for f in finalizers(object) {
        out.extend(names::qualified_name(f).into_iter().map(|m| FieldError::invalid("metadata.finalizers", f, m)));
        let qualified = f.contains('/') || matches!(f, "orphan" | "foregroundDeletion" | "kubernetes");
        if !qualified && resource.custom.is_none() && resource.builtin_name() != "leases.coordination.k8s.io" {
            let detail = "name is neither a standard finalizer name nor is it fully qualified";
            out.push(FieldError::invalid("metadata.finalizers", f, detail));
        }
    }
    out
}

fn namespace(resource: &Resource, object: &Value, out: &mut Vec<FieldError>) {
    let namespace = meta(object, "namespace");
    match (resource.info.namespaced, namespace) {
        (true, "") => out.push(FieldError::required("metadata.namespace", "")),
        (true, ns) => {
            out.extend(names::dns_label(ns).into_iter().map(|m| FieldError::invalid("metadata.namespace", ns, m)))
        }
        (false, "") => {}
        (false, _) => out.push(FieldError::forbidden("metadata.namespace", "not allowed on this type")),
    }
}

fn labels(object: &Value, out: &mut Vec<FieldError>) {
    for (key, value) in map(object, &["metadata", "labels"]).into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        out.extend(
            names::qualified_name(key).into_iter().map(|m| FieldError::invalid("metadata.labels", key.as_str(), m)),
        );
        out.extend(names::label_value(value).into_iter().map(|m| FieldError::invalid("metadata.labels", value, m)));
    }
}

fn annotations(object: &Value, out: &mut Vec<FieldError>) {
    let mut size = 0;
    for (key, value) in map(object, &["metadata", "annotations"]).into_iter().flatten() {
        let lower = key.to_lowercase();
        let messages = names::qualified_name(&lower).into_iter();
        out.extend(messages.map(|m| FieldError::invalid("metadata.annotations", key.as_str(), m)));
        size += key.len() + value.as_str().unwrap_or_default().len();
    }
    if size > ANNOTATIONS_LIMIT {
        out.push(FieldError::too_long("metadata.annotations", ANNOTATIONS_LIMIT));
    }
}

fn owners(object: &Value, out: &mut Vec<FieldError>) {
    let mut controller = String::new();
    for (i, owner) in list(object, &["metadata", "ownerReferences"]).iter().enumerate() {
        let at = format!("metadata.ownerReferences[{i}]");
        for key in ["apiVersion", "kind", "name", "uid"] {
            if text(owner, &[key]).is_empty() {
                out.push(FieldError::required(format!("{at}.{key}"), "must not be empty"));
            }
        }
        if owner.get("controller") == Some(&Value::Bool(true)) {
            let this = format!("{}/{}", text(owner, &["kind"]), text(owner, &["name"]));
            if controller.is_empty() {
                controller = this;
            } else {
                let detail = format!(
                    "Only one reference can have Controller set to true. Found \"true\" in references for {controller} and {this}"
                );
                let value = object["metadata"]["ownerReferences"].clone();
                out.push(FieldError::invalid("metadata.ownerReferences", value, detail));
            }
        }
    }
}

pub(super) fn update(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut out = Vec::new();
    if is_deleting(old) {
        let before = finalizers(old);
        let mut extra: Vec<&str> = finalizers(new).into_iter().filter(|f| !before.contains(f)).collect();
        extra.sort_unstable();
        if !extra.is_empty() {
            let list: Vec<String> = extra.iter().map(|f| format!("{f:?}")).collect();
            let detail = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                list.join(", ")
            );
            out.push(FieldError::forbidden("metadata.finalizers", detail));
        }
    }
    for key in ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"] {
        let value = |o: &Value| at(o, &["metadata", key]).cloned().unwrap_or_default();
        if value(new) != value(old) {
            out.push(FieldError::invalid(format!("metadata.{key}"), value(new), "field is immutable"));
        }
    }
    out
}
