//! Validation of what administrators make: webhooks, volumes and the classes.

use serde_json::Value;

use super::common::{Errors, child, grammar, one_of, port_number, required, same, selector};
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
        if let Some(n) = w.get("timeoutSeconds").and_then(Value::as_i64).filter(|n| !(1..=30).contains(n)) {
            let detail = "the timeout value must be between 1 and 30 seconds";
            out.push(FieldError::invalid(child(&at, "timeoutSeconds"), n, detail));
        }
        for key in ["namespaceSelector", "objectSelector"] {
            if let Some(s) = w.get(key).filter(|s| s.is_object()) {
                selector(s, &child(&at, key), out);
            }
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
        let given = list(rule, &[key]);
        if given.is_empty() {
            out.push(FieldError::required(child(at, key), detail));
        }
        let words = match key {
            "apiGroups" => "API groups",
            "apiVersions" => "API versions",
            _ => continue,
        };
        if given.len() > 1 && given.iter().any(|v| v == "*") {
            let detail = format!("if '*' is present, must not specify other {words}");
            out.push(FieldError::invalid(child(at, key), rule[key].clone(), detail));
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
            if let Some(n) = s.get("port").and_then(Value::as_i64) {
                let first = out.len();
                port_number(child(&at, "port"), n, out);
                for error in out.iter_mut().skip(first) {
                    error.detail.insert_str(0, "port is not valid: ");
                }
            }
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
    if capacity.is_some_and(|c| !c.is_empty() && (c.len() > 1 || !c.contains_key("storage"))) {
        out.push(FieldError::not_supported("spec.capacity", spec["capacity"].clone(), &["storage"]));
    }
    let class = text(spec, &["storageClassName"]);
    if !class.is_empty() {
        grammar("spec.storageClassName".to_owned(), class, names::dns_subdomain(class), out);
    }
    if let Some(affinity) = spec.get("nodeAffinity").filter(|a| a.is_object()) {
        match affinity.get("required").filter(|r| !r.is_null()) {
            Some(r) => super::scheduling::node_selector(r, "spec.nodeAffinity.required", out),
            None => {
                out.push(FieldError::required("spec.nodeAffinity.required", "must specify required node constraints"))
            }
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
                "hostPath" | "local" => {
                    required(&spec[*first], "path", "", &at, out);
                    super::pod_details::no_backsteps(text(spec, &[first, "path"]), child(&at, "path"), out);
                }
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
    for (key, _) in object.get("parameters").and_then(Value::as_object).into_iter().flatten() {
        if key.is_empty() {
            out.push(FieldError::invalid("parameters", "", "field can not be empty."));
        }
    }
    for (i, term) in list(object, &["allowedTopologies"]).iter().enumerate() {
        for (j, e) in list(term, &["matchLabelExpressions"]).iter().enumerate() {
            if list(e, &["values"]).is_empty() {
                let at = format!("allowedTopologies[{i}].matchLabelExpressions[{j}].values");
                out.push(FieldError::required(at, ""));
            }
        }
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

/// A volume's source stays as it was made.
pub(super) fn volume_update(new: &Value, old: &Value, out: &mut Errors) {
    const FREE: [&str; 9] = [
        "capacity",
        "accessModes",
        "claimRef",
        "persistentVolumeReclaimPolicy",
        "storageClassName",
        "mountOptions",
        "volumeMode",
        "nodeAffinity",
        "volumeAttributesClassName",
    ];
    let source = |o: &Value| {
        let mut spec = o["spec"].clone();
        if let Value::Object(map) = &mut spec {
            map.retain(|key, _| !FREE.contains(&key.as_str()));
        }
        spec
    };
    if source(new) != source(old) {
        let detail = "spec.persistentvolumesource is immutable after creation";
        out.push(FieldError::forbidden("spec.persistentvolumesource", detail));
    }
    same(new, old, &["spec", "volumeMode"], out);
    let affinity = |o: &Value| o["spec"].get("nodeAffinity").filter(|a| !a.is_null()).cloned();
    if affinity(old).is_some() && affinity(new) != affinity(old) {
        let detail = "field is immutable, except for updating from beta label to GA";
        out.push(FieldError::invalid("nodeAffinity", affinity(new).unwrap_or_default(), detail));
    }
}

pub(super) fn ingress_class(object: &Value, out: &mut Errors) {
    let parameters = &object["spec"]["parameters"];
    if parameters.is_object() {
        for key in ["kind", "name"] {
            required(parameters, key, "", "spec.parameters", out);
        }
        let (scope, namespace) = (text(parameters, &["scope"]), text(parameters, &["namespace"]));
        match scope {
            "Namespace" if namespace.is_empty() => {
                out.push(FieldError::required("spec.parameters.namespace", "`parameters.scope` is set to 'Namespace'"))
            }
            "Cluster" if !namespace.is_empty() => {
                out.push(FieldError::forbidden("spec.parameters.namespace", "`parameters.scope` is set to 'Cluster'"))
            }
            "Namespace" | "Cluster" => {}
            other => out.push(FieldError::not_supported("spec.parameters.scope", other, &["Cluster", "Namespace"])),
        }
    }
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
