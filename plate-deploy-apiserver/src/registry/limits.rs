//! The LimitRanger admission plug-in: default requests and limits of containers, and their bounds.

use serde_json::{Map, Value, json};

use super::Registry;
use super::catalog::Resource;
use crate::object::{list, map, meta, metadata_mut, text};
use crate::scheme::Quantity;
use crate::status::{ApiError, ApiResult};

const ANNOTATION: &str = "kubernetes.io/limit-ranger";

/// Applies the limit ranges of the pod's namespace.
///
/// # Errors
/// 403 when a container is outside the bounds.
pub(super) fn admit(registry: &Registry, resource: &Resource, pod: &mut Value) -> ApiResult<()> {
    let (_, ranges) = registry.store().list("limitranges", Some(meta(pod, "namespace")));
    for (_, range) in ranges {
        for limit in list(&range.object, &["spec", "limits"]) {
            if text(limit, &["type"]) == "Container" {
                set_defaults(pod, limit);
                check(resource, pod, limit)?;
            }
        }
    }
    Ok(())
}

fn set_defaults(pod: &mut Value, limit: &Value) {
    let mut notes = Vec::new();
    for (list, word) in [("containers", "container"), ("initContainers", "init container")] {
        for c in pod["spec"].get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            let name = text(c, &["name"]).to_owned();
            for (kind, defaults, verb) in [("requests", "defaultRequest", "request"), ("limits", "default", "limit")] {
                let set = fill(c, kind, map(limit, &[defaults]));
                if !set.is_empty() {
                    notes.push(format!("{} {verb} for {word} {name}", set.join(", ")));
                }
            }
        }
    }
    if notes.is_empty() {
        return;
    }
    if let Some(m) = metadata_mut(pod)
        && let Value::Object(a) = m.entry("annotations").or_insert_with(|| json!({}))
    {
        a.insert(ANNOTATION.to_owned(), format!("LimitRanger plugin set: {}", notes.join("; ")).into());
    }
}

/// Fills what is not given; returns the names of what it set.
fn fill(container: &mut Value, kind: &str, defaults: Option<&Map<String, Value>>) -> Vec<String> {
    let mut set = Vec::new();
    let Some(defaults) = defaults else { return set };
    if !container["resources"].is_object() {
        container["resources"] = json!({});
    }
    if !container["resources"][kind].is_object() {
        container["resources"][kind] = json!({});
    }
    if let Value::Object(amounts) = &mut container["resources"][kind] {
        for (name, value) in defaults {
            if !amounts.contains_key(name) {
                amounts.insert(name.clone(), value.clone());
                set.push(name.clone());
            }
        }
    }
    set
}

fn check(resource: &Resource, pod: &Value, limit: &Value) -> ApiResult<()> {
    let amount = |v: Option<&Value>| v.and_then(Value::as_str).and_then(|s| Quantity::parse(s).ok());
    let mut problems = Vec::new();
    for c in list(pod, &["spec", "containers"]) {
        let given = |kind: &str, name: &str| amount(map(c, &["resources", kind]).and_then(|m| m.get(name)));
        for (name, min) in map(limit, &["min"]).into_iter().flatten() {
            let (Some(min), request) = (amount(Some(min)), given("requests", name)) else { continue };
            match request {
                None => problems.push(format!(
                    "minimum {name} usage per Container is {}.  No request is specified",
                    min.canonical()
                )),
                Some(r) if r.nanos() < min.nanos() => problems.push(format!(
                    "minimum {name} usage per Container is {}, but request is {}",
                    min.canonical(),
                    r.canonical()
                )),
                Some(_) => {}
            }
        }
        for (name, max) in map(limit, &["max"]).into_iter().flatten() {
            let (Some(max), own) = (amount(Some(max)), given("limits", name)) else { continue };
            match own {
                None => problems
                    .push(format!("maximum {name} usage per Container is {}.  No limit is specified", max.canonical())),
                Some(l) if l.nanos() > max.nanos() => problems.push(format!(
                    "maximum {name} usage per Container is {}, but limit is {}",
                    max.canonical(),
                    l.canonical()
                )),
                Some(_) => {}
            }
        }
    }
    match problems.as_slice() {
        [] => Ok(()),
        [one] => Err(ApiError::forbidden(resource.target(), meta(pod, "name"), one)),
        many => Err(ApiError::forbidden(resource.target(), meta(pod, "name"), &format!("[{}]", many.join(", ")))),
    }
}
