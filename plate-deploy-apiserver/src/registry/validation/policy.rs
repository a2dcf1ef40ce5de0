//! Validation of Secrets, RBAC and claims.

use serde_json::Value;

use super::common::{Errors, child, grammar, one_of, required, same, selector};
use crate::names;
use crate::object::{at, list, map, text};
use crate::scheme::Quantity;
use crate::status::FieldError;

/// What the built-in types of Secrets must hold.
pub(super) fn secret(object: &Value, out: &mut Errors) {
    let has = |key: &str| at(object, &["data", key]).is_some();
    let mut need = |key: &str| {
        if !has(key) {
            out.push(FieldError::required(format!("data[{key}]"), ""));
        }
    };
    match text(object, &["type"]) {
        "kubernetes.io/tls" => {
            need("tls.crt");
            need("tls.key");
        }
        "kubernetes.io/dockerconfigjson" => need(".dockerconfigjson"),
        "kubernetes.io/dockercfg" => need(".dockercfg"),
        "kubernetes.io/ssh-auth" => need("ssh-privatekey"),
        "kubernetes.io/basic-auth" if !has("username") && !has("password") => {
            need("username");
            need("password");
        }
        "kubernetes.io/service-account-token" => {
            let name = text(object, &["metadata", "annotations", "kubernetes.io/service-account.name"]);
            if name.is_empty() {
                out.push(FieldError::required("metadata.annotations[kubernetes.io/service-account.name]", ""));
            }
        }
        _ => {}
    }
}

/// The keys of ConfigMaps and Secrets.
pub(super) fn data_keys(object: &Value, fields: &[&str], out: &mut Errors) {
    for field in fields {
        for (key, _) in map(object, &[field]).into_iter().flatten() {
            grammar(format!("{field}[{key}]"), key, names::config_key(key), out);
            if *field == "data" && fields.contains(&"binaryData") && object["binaryData"].get(key).is_some() {
                let detail = "duplicate of key present in binaryData";
                out.push(FieldError::invalid(format!("data[{key}]"), key.as_str(), detail));
            }
        }
    }
}

/// Data that was declared immutable.
pub(super) fn immutable_data(new: &Value, old: &Value, fields: &[&str], out: &mut Errors) {
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

/// The phase of a namespace says whether it is being deleted.
pub(super) fn namespace_phase(object: &Value, out: &mut Errors) {
    let phase = text(object, &["status", "phase"]);
    let detail = match (crate::object::is_deleting(object), phase) {
        (true, "Terminating") | (false, "Active") => return,
        (true, _) => "may only be 'Terminating' if `deletionTimestamp` is not empty",
        (false, _) => "may only be 'Active' if `deletionTimestamp` is empty",
    };
    out.push(FieldError::invalid("status.Phase", phase, detail));
}

pub(super) fn role(object: &Value, namespaced: bool, out: &mut Errors) {
    for (i, rule) in list(object, &["rules"]).iter().enumerate() {
        let at = format!("rules[{i}]");
        if list(rule, &["verbs"]).is_empty() {
            out.push(FieldError::required(child(&at, "verbs"), "verbs must contain at least one value"));
        }
        if !list(rule, &["nonResourceURLs"]).is_empty() {
            let value = rule["nonResourceURLs"].clone();
            if namespaced {
                let detail = "namespaced rules cannot apply to non-resource URLs";
                out.push(FieldError::invalid(child(&at, "nonResourceURLs"), value, detail));
            } else if !list(rule, &["apiGroups"]).is_empty() || !list(rule, &["resources"]).is_empty() {
                let detail = "rules cannot apply to both regular resources and non-resource URLs";
                out.push(FieldError::invalid(child(&at, "nonResourceURLs"), value, detail));
            }
            continue;
        }
        if list(rule, &["apiGroups"]).is_empty() {
            out.push(FieldError::required(
                child(&at, "apiGroups"),
                "resource rules must supply at least one api group",
            ));
        }
        if list(rule, &["resources"]).is_empty() {
            out.push(FieldError::required(child(&at, "resources"), "resource rules must supply at least one resource"));
        }
    }
    if let Some(s) = object.get("aggregationRule").filter(|s| s.is_object()) {
        if list(s, &["clusterRoleSelectors"]).is_empty() {
            let detail = "at least one clusterRoleSelector required if aggregationRule is non-nil";
            out.push(FieldError::required("aggregationRule.clusterRoleSelectors", detail));
        }
        for (i, c) in list(s, &["clusterRoleSelectors"]).iter().enumerate() {
            selector(c, &format!("aggregationRule.clusterRoleSelectors[{i}]"), out);
        }
    }
}

pub(super) fn role_binding(object: &Value, namespaced: bool, out: &mut Errors) {
    let role = &object["roleRef"];
    let group = text(role, &["apiGroup"]);
    if group != "rbac.authorization.k8s.io" {
        out.push(FieldError::not_supported("roleRef.apiGroup", group, &["rbac.authorization.k8s.io"]));
    }
    let kinds: &[&str] = if namespaced { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
    let kind = text(role, &["kind"]);
    if !kinds.contains(&kind) {
        out.push(FieldError::not_supported("roleRef.kind", kind, kinds));
    }
    required(role, "name", "", "roleRef", out);
    for (i, s) in list(object, &["subjects"]).iter().enumerate() {
        subject(s, namespaced, &format!("subjects[{i}]"), out);
    }
}

fn subject(s: &Value, namespaced: bool, at: &str, out: &mut Errors) {
    required(s, "name", "", at, out);
    let group = text(s, &["apiGroup"]);
    match text(s, &["kind"]) {
        "ServiceAccount" => {
            let name = text(s, &["name"]);
            if !name.is_empty() {
                grammar(child(at, "name"), name, names::dns_subdomain(name), out);
            }
            if !group.is_empty() {
                out.push(FieldError::not_supported(child(at, "apiGroup"), group, &[""]));
            }
            if !namespaced {
                required(s, "namespace", "", at, out);
            }
        }
        "User" | "Group" => {
            if group != "rbac.authorization.k8s.io" {
                out.push(FieldError::not_supported(child(at, "apiGroup"), group, &["rbac.authorization.k8s.io"]));
            }
        }
        other => out.push(FieldError::not_supported(child(at, "kind"), other, &["ServiceAccount", "User", "Group"])),
    }
}

const ACCESS: [&str; 4] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

/// A claim, or a template of one; `prefix` stands before the paths.
pub(super) fn claim(object: &Value, prefix: &str, out: &mut Errors) {
    let spec = &object["spec"];
    let first = out.len();
    claim_spec(spec, out);
    for error in out.iter_mut().skip(first) {
        error.field.insert_str(0, prefix);
    }
}

fn claim_spec(spec: &Value, out: &mut Errors) {
    let modes = list(spec, &["accessModes"]);
    if modes.is_empty() {
        out.push(FieldError::required("spec.accessModes", "at least 1 access mode is required"));
    }
    for mode in modes.iter().filter_map(Value::as_str) {
        if !ACCESS.contains(&mode) {
            out.push(FieldError::not_supported("spec.accessModes", mode, &ACCESS));
        }
    }
    if modes.len() > 1 && modes.iter().any(|m| m == "ReadWriteOncePod") {
        let detail = "may not use ReadWriteOncePod with other access modes";
        out.push(FieldError::forbidden("spec.accessModes", detail));
    }
    let class = text(spec, &["storageClassName"]);
    if !class.is_empty() {
        grammar("spec.storageClassName".to_owned(), class, names::dns_subdomain(class), out);
    }
    one_of(spec, "volumeMode", &["Block", "Filesystem"], "spec", out);
    if let Some(s) = spec.get("selector").filter(|s| s.is_object()) {
        selector(s, "spec.selector", out);
    }
    match Quantity::parse(text(spec, &["resources", "requests", "storage"])) {
        Ok(q) if q.nanos() <= 0 => {
            out.push(FieldError::invalid("spec.resources[storage]", q.canonical(), "must be greater than zero"));
        }
        Ok(_) => {}
        Err(_) => out.push(FieldError::required("spec.resources[storage]", "")),
    }
}

/// A claim's spec stays, but for its size and attributes once it is bound.
pub(super) fn claim_update(new: &Value, old: &Value, out: &mut Errors) {
    let bound = text(old, &["status", "phase"]) == "Bound";
    let classless = text(old, &["spec", "storageClassName"]).is_empty();
    let fixed = |o: &Value| {
        let mut spec = o["spec"].clone();
        if let Value::Object(s) = &mut spec {
            if classless {
                // A default class may come later.
                s.remove("storageClassName");
            }
            s.remove("volumeAttributesClassName");
            if bound {
                s.remove("resources");
            }
            // The volume is filled in when the claim is bound.
            s.remove("volumeName");
        }
        spec
    };
    if fixed(new) != fixed(old) {
        let detail =
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
        out.push(FieldError::forbidden("spec", detail));
    }
    let (was, is) = (text(old, &["spec", "volumeName"]), text(new, &["spec", "volumeName"]));
    if !was.is_empty() && was != is {
        same(new, old, &["spec", "volumeName"], out);
    }
}
