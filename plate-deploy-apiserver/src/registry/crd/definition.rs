//! Definitions themselves: validation, and the conditions that controllers of a real server set.

use serde_json::{Value, json};

use crate::names;
use crate::object::{list, meta, text};
use crate::status::FieldError;

/// The errors of a definition.
pub(crate) fn validate_definition(object: &Value) -> Vec<FieldError> {
    let mut out = Vec::new();
    let spec = &object["spec"];
    let (group, plural) = (text(spec, &["group"]), text(spec, &["names", "plural"]));
    let expected = format!("{plural}.{group}");
    if meta(object, "name") != expected {
        let detail = "must be spec.names.plural+\".\"+spec.group".to_owned();
        out.push(FieldError::invalid("metadata.name", meta(object, "name"), detail));
    }
    if group.is_empty() {
        out.push(FieldError::required("spec.group", ""));
    } else {
        out.extend(names::dns_subdomain(group).into_iter().map(|m| FieldError::invalid("spec.group", group, m)));
        if group.split('.').count() < 2 {
            out.push(FieldError::invalid("spec.group", group, "should be a domain with at least one dot"));
        }
    }
    match text(spec, &["scope"]) {
        "" => out.push(FieldError::required("spec.scope", "")),
        "Namespaced" | "Cluster" => {}
        other => out.push(FieldError::not_supported("spec.scope", other, &["Cluster", "Namespaced"])),
    }
    for (key, path) in [("plural", "spec.names.plural"), ("singular", "spec.names.singular")] {
        let name = text(spec, &["names", key]);
        if name.is_empty() {
            out.push(FieldError::required(path, ""));
        } else {
            out.extend(names::dns1035_label(name).into_iter().map(|m| FieldError::invalid(path, name, m)));
        }
    }
    for (key, path) in [("kind", "spec.names.kind"), ("listKind", "spec.names.listKind")] {
        let name = text(spec, &["names", key]);
        if name.is_empty() {
            out.push(FieldError::required(path, ""));
            continue;
        }
        let lower = name.to_lowercase();
        let errors = names::dns1035_label(&lower).into_iter();
        out.extend(
            errors.map(|m| {
                FieldError::invalid(path, name, format!("may have mixed case, but should otherwise match: {m}"))
            }),
        );
    }
    versions(spec, &mut out);
    out
}

fn versions(spec: &Value, out: &mut Vec<FieldError>) {
    let versions = list(spec, &["versions"]);
    let mut seen: Vec<&str> = Vec::new();
    let mut stored = 0;
    for (i, v) in versions.iter().enumerate() {
        let name = text(v, &["name"]);
        stored += usize::from(v.get("storage") == Some(&Value::Bool(true)));
        if seen.contains(&name) {
            out.push(FieldError::invalid("spec.versions", name, "must contain unique version names"));
        }
        seen.push(name);
        let errors = names::dns1035_label(name).into_iter();
        out.extend(errors.map(|m| FieldError::invalid(format!("spec.versions[{i}].name"), name, m)));
        if v.get("schema").and_then(|s| s.get("openAPIV3Schema")).is_none() {
            out.push(FieldError::required(
                format!("spec.versions[{i}].schema.openAPIV3Schema"),
                "schemas are required",
            ));
            continue;
        }
        let schema = &v["schema"]["openAPIV3Schema"];
        let at = format!("spec.versions[{i}].schema.openAPIV3Schema");
        if text(schema, &["type"]).is_empty() && !super::structural::is_true(schema, super::structural::PRESERVE) {
            out.push(FieldError::required(format!("{at}.type"), "must not be empty at the root"));
        }
        structural_errors(schema, &at, out);
    }
    if stored != 1 {
        let detail = "must have exactly one version marked as storage version";
        out.push(FieldError::invalid("spec.versions", Value::Array(versions.to_vec()), detail));
    }
    let (group, kind) = (text(spec, &["group"]), text(spec, &["names", "kind"]));
    if seen.iter().any(|v| super::is_builtin_kind(group, v, kind)) {
        out.push(FieldError::invalid("spec.names.kind", kind, "is a built-in kind"));
    }
}

/// What makes a schema not structural: a place without a type.
fn structural_errors(schema: &Value, at: &str, out: &mut Vec<FieldError>) {
    use super::structural::{PRESERVE, is_true};
    for (name, s) in crate::object::map(schema, &["properties"]).into_iter().flatten() {
        structural_child(s, &format!("{at}.properties[{name}]"), out);
    }
    if let Some(items) = schema.get("items").filter(|i| i.is_object()) {
        structural_child(items, &format!("{at}.items"), out);
    } else if text(schema, &["type"]) == "array" && !is_true(schema, PRESERVE) {
        out.push(FieldError::required(format!("{at}.items"), "must be specified"));
    }
    if let Some(additional) = schema.get("additionalProperties").filter(|a| a.is_object()) {
        structural_child(additional, &format!("{at}.additionalProperties"), out);
    }
}

fn structural_child(schema: &Value, at: &str, out: &mut Vec<FieldError>) {
    use super::structural::{INT_OR_STRING, PRESERVE, is_true};
    let typed = !text(schema, &["type"]).is_empty() || is_true(schema, PRESERVE) || is_true(schema, INT_OR_STRING);
    if !typed {
        out.push(FieldError::required(format!("{at}.type"), "must not be empty for specified object fields"));
    }
    structural_errors(schema, at, out);
}

/// Accepts the names of a definition, as the naming and establishing controllers do when nothing conflicts.
pub(crate) fn accept(object: &mut Value, now: &str) {
    let names = object["spec"]["names"].clone();
    let condition = |object: &Value, kind: &str, reason: &str, message: &str| {
        let old = list(object, &["status", "conditions"])
            .iter()
            .find(|c| text(c, &["type"]) == kind && text(c, &["status"]) == "True");
        old.cloned().unwrap_or_else(
            || json!({"type": kind, "status": "True", "lastTransitionTime": now, "reason": reason, "message": message}),
        )
    };
    let accepted = condition(object, "NamesAccepted", "NoConflicts", "no conflicts found");
    let established = condition(object, "Established", "InitialNamesAccepted", "the initial names have been accepted");
    let mut stored = list(object, &["status", "storedVersions"]).to_vec();
    for v in list(object, &["spec", "versions"]) {
        if v.get("storage") == Some(&Value::Bool(true)) && !stored.contains(&v["name"]) {
            stored.push(v["name"].clone());
        }
    }
    let mut conditions: Vec<Value> = list(object, &["status", "conditions"])
        .iter()
        .filter(|c| !matches!(text(c, &["type"]), "NamesAccepted" | "Established"))
        .cloned()
        .collect();
    conditions.insert(0, established);
    conditions.insert(0, accepted);
    object["status"]["conditions"] = Value::Array(conditions);
    object["status"]["acceptedNames"] = names;
    object["status"]["storedVersions"] = Value::Array(stored);
}

/// What the strategy of the write itself sets: the version that objects are stored in.
pub(crate) fn initialize(object: &mut Value) {
    let stored = list(object, &["spec", "versions"]).iter().find(|v| v["storage"] == true).map(|v| v["name"].clone());
    let Some(stored) = stored else { return };
    let mut versions = list(object, &["status", "storedVersions"]).to_vec();
    if !versions.contains(&stored) {
        versions.push(stored);
    }
    object["status"]["storedVersions"] = Value::Array(versions);
}

/// Records kube-apiserver as the owner of the status fields that [`accept`] sets.
pub(crate) fn own_status(object: &mut Value, now: &str) {
    let mut names = serde_json::Map::new();
    for (key, _) in crate::object::map(object, &["status", "acceptedNames"]).into_iter().flatten() {
        names.insert(format!("f:{key}"), json!({}));
    }
    let condition =
        json!({".": {}, "f:lastTransitionTime": {}, "f:message": {}, "f:reason": {}, "f:status": {}, "f:type": {}});
    let entry = json!({"manager": "kube-apiserver", "operation": "Update", "apiVersion": "apiextensions.k8s.io/v1",
        "time": now, "fieldsType": "FieldsV1", "subresource": "status", "fieldsV1": {"f:status": {
            "f:acceptedNames": names,
            "f:conditions": {"k:{\"type\":\"Established\"}": condition, "k:{\"type\":\"NamesAccepted\"}": condition}}}});
    let Some(metadata) = crate::object::metadata_mut(object) else { return };
    let entries = metadata.entry("managedFields").or_insert_with(|| json!([]));
    if let Value::Array(entries) = entries {
        entries.retain(|e| e["manager"] != "kube-apiserver");
        entries.push(entry);
    }
}
