//! Validation of what administrators make: webhooks, volumes and the classes.

use serde_json::Value;

use super::common::{Errors, child, grammar, one_of, required, same};
use crate::names;
use crate::object::{list, text};
use crate::scheme::Quantity;
use crate::status::FieldError;

const OPERATIONS: [&str; 5] = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];

pub(super) fn webhooks(object: &Value, out: &mut Errors) {
    let mut seen = Vec::new();
    for (i, w) in list(object, &["webhooks"]).iter().enumerate() {
        let at = format!("webhooks[{i}]");
        let name = text(w, &["name"]);
        if name.is_empty() {
            out.push(FieldError::required(child(&at, "name"), ""));
        } else {
            let messages = names::dns_subdomain(name);
            if messages.is_empty() && name.split('.').count() < 3 {
                let detail = "should be a domain with at least three segments separated by dots";
                out.push(FieldError::invalid(child(&at, "name"), name, detail));
            }
            grammar(child(&at, "name"), name, messages, out);
        }
        if seen.contains(&name) {
            out.push(FieldError::duplicate(child(&at, "name"), name));
        }
        seen.push(name);
        for (j, rule) in list(w, &["rules"]).iter().enumerate() {
            webhook_rule(rule, &format!("{at}.rules[{j}]"), out);
        }
        one_of(w, "failurePolicy", &["Fail", "Ignore"], &at, out);
        one_of(w, "matchPolicy", &["Equivalent", "Exact"], &at, out);
        let effects = text(w, &["sideEffects"]);
        if effects.is_empty() {
            out.push(FieldError::required(child(&at, "sideEffects"), "must specify one of None, NoneOnDryRun"));
        } else if !matches!(effects, "None" | "NoneOnDryRun") {
            out.push(FieldError::not_supported(child(&at, "sideEffects"), effects, &["None", "NoneOnDryRun"]));
        }
        client_config(&w["clientConfig"], &child(&at, "clientConfig"), out);
        let versions = list(w, &["admissionReviewVersions"]);
        let at = child(&at, "admissionReviewVersions");
        if versions.is_empty() {
            out.push(FieldError::required(at, "must specify one of v1, v1beta1"));
        } else if !versions.iter().any(|v| v == "v1" || v == "v1beta1") {
            let detail = "must include at least one of v1, v1beta1";
            out.push(FieldError::invalid(at, w["admissionReviewVersions"].clone(), detail));
        }
    }
}

fn webhook_rule(rule: &Value, at: &str, out: &mut Errors) {
    for (key, detail) in [("apiGroups", ""), ("apiVersions", ""), ("resources", "")] {
        if list(rule, &[key]).is_empty() {
            out.push(FieldError::required(child(at, key), detail));
        }
    }
    let operations = list(rule, &["operations"]);
    if operations.is_empty() {
        out.push(FieldError::required(child(at, "operations"), ""));
    }
    for (i, o) in operations.iter().filter_map(Value::as_str).enumerate() {
        if !OPERATIONS.contains(&o) {
            out.push(FieldError::not_supported(format!("{at}.operations[{i}]"), o, &OPERATIONS));
        }
    }
    one_of(rule, "scope", &["*", "Cluster", "Namespaced"], at, out);
}

fn client_config(config: &Value, at: &str, out: &mut Errors) {
    let (url, service) = (config.get("url").and_then(Value::as_str), config.get("service"));
    match (url, service) {
        (Some(_), Some(_)) | (None, None) => {
            out.push(FieldError::required(at, "exactly one of url or service is required"));
        }
        (Some(url), None) => {
            let scheme = url.split("://").next().unwrap_or_default();
            if scheme != "https" {
                let detail = "'https' is the only allowed URL scheme; desired format: https://host[/path]";
                out.push(FieldError::invalid(child(at, "url"), scheme, detail));
            }
        }
        (None, Some(s)) => {
            let at = child(at, "service");
            required(s, "name", "service name is required", &at, out);
            required(s, "namespace", "service namespace is required", &at, out);
        }
    }
}

pub(super) fn persistent_volume(object: &Value, out: &mut Errors) {
    let spec = &object["spec"];
    if list(spec, &["accessModes"]).is_empty() {
        out.push(FieldError::required("spec.accessModes", ""));
    }
    let capacity = spec.get("capacity").and_then(Value::as_object);
    if capacity.is_none_or(serde_json::Map::is_empty) {
        out.push(FieldError::required("spec.capacity", ""));
    }
    for (name, value) in capacity.into_iter().flatten() {
        if value.as_str().and_then(|s| Quantity::parse(s).ok()).is_some_and(|q| q.nanos() <= 0) {
            out.push(FieldError::invalid(format!("spec.capacity[{name}]"), value.clone(), "must be greater than zero"));
        }
    }
    one_of(spec, "persistentVolumeReclaimPolicy", &["Delete", "Recycle", "Retain"], "spec", out);
    const SOURCES: [&str; 8] = ["hostPath", "nfs", "csi", "local", "iscsi", "rbd", "cephfs", "awsElasticBlockStore"];
    const OTHERS: [&str; 14] = [
        "gcePersistentDisk",
        "glusterfs",
        "cinder",
        "fc",
        "flocker",
        "flexVolume",
        "azureFile",
        "vsphereVolume",
        "quobyte",
        "azureDisk",
        "photonPersistentDisk",
        "portworxVolume",
        "scaleIO",
        "storageos",
    ];
    let given: Vec<&str> = SOURCES.into_iter().chain(OTHERS).filter(|s| spec.get(*s).is_some()).collect();
    match given.as_slice() {
        [] => out.push(FieldError::required("spec", "must specify a volume type")),
        [first, more @ ..] => {
            for m in more {
                out.push(FieldError::forbidden(format!("spec.{m}"), "may not specify more than 1 volume type"));
            }
            let at = format!("spec.{first}");
            match *first {
                "hostPath" | "local" => drop(required(&spec[*first], "path", "", &at, out)),
                "nfs" => {
                    required(&spec["nfs"], "server", "", &at, out);
                    required(&spec["nfs"], "path", "", &at, out);
                }
                "csi" => {
                    required(&spec["csi"], "driver", "", &at, out);
                    required(&spec["csi"], "volumeHandle", "", &at, out);
                }
                _ => {}
            }
        }
    }
}

pub(super) fn storage_class(object: &Value, out: &mut Errors) {
    if required(object, "provisioner", "", "", out) {
        let name = text(object, &["provisioner"]);
        grammar("provisioner".to_owned(), name, names::qualified_name(&name.to_lowercase()), out);
    }
    one_of(object, "reclaimPolicy", &["Delete", "Retain"], "", out);
    one_of(object, "volumeBindingMode", &["Immediate", "WaitForFirstConsumer"], "", out);
}

pub(super) fn storage_class_update(new: &Value, old: &Value, out: &mut Errors) {
    if new.get("parameters") != old.get("parameters") {
        out.push(FieldError::forbidden("parameters", "updates to parameters are forbidden."));
    }
    if new.get("provisioner") != old.get("provisioner") {
        out.push(FieldError::forbidden("provisioner", "updates to provisioner are forbidden."));
    }
    if new.get("reclaimPolicy") != old.get("reclaimPolicy") {
        out.push(FieldError::forbidden("reclaimPolicy", "updates to reclaimPolicy are forbidden."));
    }
    same(new, old, &["volumeBindingMode"], out);
}

pub(super) fn ingress_class(object: &Value, out: &mut Errors) {
    let controller = text(object, &["spec", "controller"]);
    if controller.is_empty() {
        out.push(FieldError::required("spec.controller", ""));
        return;
    }
    let (domain, path) = controller.split_once('/').unwrap_or((controller, ""));
    if path.is_empty() || domain.is_empty() {
        let detail = "must be a domain-prefixed path (such as \"acme.io/foo\")";
        out.push(FieldError::invalid("spec.controller", controller, detail));
        return;
    }
    grammar("spec.controller".to_owned(), domain, names::dns_subdomain(domain), out);
}

pub(super) fn runtime_class(object: &Value, out: &mut Errors) {
    let handler = text(object, &["handler"]);
    grammar("handler".to_owned(), handler, names::dns_label(handler), out);
}

pub(super) fn priority_class(object: &Value, out: &mut Errors) {
    const HIGHEST: i64 = 1_000_000_000;
    let value = object.get("value").and_then(Value::as_i64).unwrap_or(0);
    let name = text(object, &["metadata", "name"]);
    if name.starts_with("system-") && !matches!(name, "system-node-critical" | "system-cluster-critical") {
        let detail = "priority class names with 'system-' prefix are reserved for system use only. error: only system priority classes may use the prefix";
        out.push(FieldError::forbidden("metadata.name", detail));
    } else if value > HIGHEST && !name.starts_with("system-") {
        let detail = format!("maximum allowed value of a user defined priority is {HIGHEST}");
        out.push(FieldError::forbidden("value", detail));
    }
    one_of(object, "preemptionPolicy", &["PreemptLowerPriority", "Never"], "", out);
}
