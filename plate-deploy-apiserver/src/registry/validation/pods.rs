//! Validation of pod specs, in pods and in templates.

use std::collections::BTreeSet;

use serde_json::Value;

use super::common::{Errors, child, grammar, labels, non_negative, one_of, port, port_number, required};
use super::{pod_details, scheduling};
use crate::names;
use crate::object::{list, map, text};
use crate::scheme::Quantity;
use crate::status::FieldError;

/// A pod template; `path` is that of the template.
pub(super) fn template(template: &Value, path: &str, out: &mut Errors) {
    labels(template, path, out);
    spec(&template["spec"], &child(path, "spec"), &[], out);
}

/// A pod spec; `more_volumes` are volumes that mounts may name besides the spec's own.
pub(super) fn spec(spec: &Value, path: &str, more_volumes: &[&str], out: &mut Errors) {
    let mut volumes: BTreeSet<&str> = more_volumes.iter().copied().collect();
    volumes_of(spec, path, &mut volumes, out);
    containers(spec, path, &volumes, out);
    init_containers(spec, path, &volumes, out);
    one_of(spec, "restartPolicy", &["Always", "OnFailure", "Never"], path, out);
    one_of(spec, "dnsPolicy", &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"], path, out);
    for (key, value) in map(spec, &["nodeSelector"]).into_iter().flatten() {
        let at = child(path, "nodeSelector");
        let value = value.as_str().unwrap_or_default();
        grammar(at.clone(), key, names::qualified_name(key), out);
        grammar(at, value, names::label_value(value), out);
    }
    if let Some(n) = spec.get("activeDeadlineSeconds").and_then(Value::as_i64).filter(|n| *n < 1) {
        out.push(FieldError::invalid(
            child(path, "activeDeadlineSeconds"),
            n,
            "must be between 1 and 2147483647, inclusive",
        ));
    }
    for key in ["serviceAccountName", "nodeName", "priorityClassName", "runtimeClassName"] {
        let name = text(spec, &[key]);
        if !name.is_empty() {
            grammar(child(path, key), name, names::dns_subdomain(name), out);
        }
    }
    for key in ["hostname", "subdomain"] {
        let name = text(spec, &[key]);
        if !name.is_empty() {
            grammar(child(path, key), name, names::dns_label(name), out);
        }
    }
    tolerations(spec, path, out);
    scheduling::placement(spec, path, out);
    pod_details::host(spec, path, out);
}

fn volumes_of<'a>(spec: &'a Value, path: &str, known: &mut BTreeSet<&'a str>, out: &mut Errors) {
    let (mut seen, offset) = (BTreeSet::new(), known.len());
    for (i, v) in list(spec, &["volumes"]).iter().enumerate() {
        // The volumes of claim templates stand before the spec's own.
        let at = format!("{path}.volumes[{}]", i + offset);
        let before = out.len();
        volume_source(v, &at, out);
        let name = text(v, &["name"]);
        if required(v, "name", "", &at, out) {
            grammar(child(&at, "name"), name, names::dns_label(name), out);
        }
        if seen.contains(name) {
            out.push(FieldError::duplicate(child(&at, "name"), name));
        }
        if out.len() == before {
            seen.insert(name);
            known.insert(name);
        }
    }
}

fn volume_source(volume: &Value, path: &str, out: &mut Errors) {
    let sources: Vec<(&String, &Value)> =
        volume.as_object().into_iter().flatten().filter(|(k, _)| *k != "name").collect();
    for (kind, _) in sources.iter().skip(1) {
        out.push(FieldError::forbidden(child(path, kind), "may not specify more than 1 volume type"));
    }
    let Some((kind, source)) = sources.first() else {
        out.push(FieldError::required(path, "must specify a volume type"));
        return;
    };
    let at = child(path, kind);
    match kind.as_str() {
        "configMap" => drop(required(source, "name", "", &at, out)),
        "secret" => drop(required(source, "secretName", "", &at, out)),
        "persistentVolumeClaim" => drop(required(source, "claimName", "", &at, out)),
        "hostPath" => {
            required(source, "path", "", &at, out);
            pod_details::no_backsteps(text(source, &["path"]), child(&at, "path"), out);
        }
        "nfs" => {
            required(source, "server", "", &at, out);
            required(source, "path", "", &at, out);
        }
        "csi" => drop(required(source, "driver", "", &at, out)),
        _ => {}
    }
}

fn containers(spec: &Value, path: &str, volumes: &BTreeSet<&str>, out: &mut Errors) {
    let all = list(spec, &["containers"]);
    if all.is_empty() {
        out.push(FieldError::required(child(path, "containers"), ""));
        return;
    }
    let mut seen = BTreeSet::new();
    let mut host_ports: BTreeSet<(String, i64, String)> = BTreeSet::new();
    for (i, c) in all.iter().enumerate() {
        let at = format!("{path}.containers[{i}]");
        container(c, &at, volumes, out);
        let name = text(c, &["name"]);
        if !seen.insert(name) {
            out.push(FieldError::duplicate(child(&at, "name"), name));
        }
        for key in ["livenessProbe", "readinessProbe", "startupProbe"] {
            if let Some(p) = c.get(key) {
                probe(p, &child(&at, key), out);
            }
        }
        if let Some(n) =
            c.get("livenessProbe").and_then(|p| p.get("successThreshold")).and_then(Value::as_i64).filter(|n| *n != 1)
        {
            out.push(FieldError::invalid(format!("{at}.livenessProbe.successThreshold"), n, "must be 1"));
        }
        for (j, p) in list(c, &["ports"]).iter().enumerate() {
            let Some(port) = p.get("hostPort").and_then(Value::as_i64).filter(|p| *p != 0) else { continue };
            let key = (text(p, &["protocol"]).to_owned(), port, text(p, &["hostIP"]).to_owned());
            let shown = format!("{}/{}/{}", key.0, key.2, key.1);
            if !host_ports.insert(key) {
                out.push(FieldError::duplicate(format!("{at}.ports[{j}].hostPort"), shown));
            }
        }
    }
}

fn init_containers(spec: &Value, path: &str, volumes: &BTreeSet<&str>, out: &mut Errors) {
    let mut seen: BTreeSet<&str> = list(spec, &["containers"]).iter().map(|c| text(c, &["name"])).collect();
    for (i, c) in list(spec, &["initContainers"]).iter().enumerate() {
        let at = format!("{path}.initContainers[{i}]");
        container(c, &at, volumes, out);
        let name = text(c, &["name"]);
        if !name.is_empty() && !seen.insert(name) {
            out.push(FieldError::duplicate(child(&at, "name"), name));
        }
        let restarts = text(c, &["restartPolicy"]) == "Always";
        for key in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
            if c.get(key).is_some() && !restarts {
                out.push(FieldError::forbidden(
                    child(&at, key),
                    "may not be set for init containers without restartPolicy=Always",
                ));
            }
        }
    }
}

fn container(c: &Value, path: &str, volumes: &BTreeSet<&str>, out: &mut Errors) {
    let name = text(c, &["name"]);
    if required(c, "name", "", path, out) {
        grammar(child(path, "name"), name, names::dns_label(name), out);
    }
    required(c, "image", "", path, out);
    one_of(c, "terminationMessagePolicy", &["File", "FallbackToLogsOnError"], path, out);
    ports(c, path, out);
    env(c, path, out);
    mounts(c, path, volumes, out);
    one_of(c, "imagePullPolicy", &["Always", "IfNotPresent", "Never"], path, out);
    resources(&c["resources"], &child(path, "resources"), out);
    pod_details::container(c, path, out);
}

fn ports(c: &Value, path: &str, out: &mut Errors) {
    let mut seen = BTreeSet::new();
    for (i, p) in list(c, &["ports"]).iter().enumerate() {
        let at = format!("{path}.ports[{i}]");
        let name = text(p, &["name"]);
        if !name.is_empty() {
            let messages = names::port_name(name);
            if messages.is_empty() && !seen.insert(name) {
                out.push(FieldError::duplicate(child(&at, "name"), name));
            }
            grammar(child(&at, "name"), name, messages, out);
        }
        match p.get("containerPort").and_then(Value::as_i64).unwrap_or(0) {
            0 => out.push(FieldError::required(child(&at, "containerPort"), "")),
            n => port_number(child(&at, "containerPort"), n, out),
        }
        if let Some(n) = p.get("hostPort").and_then(Value::as_i64).filter(|n| *n != 0) {
            port_number(child(&at, "hostPort"), n, out);
        }
        one_of(p, "protocol", &["SCTP", "TCP", "UDP"], &at, out);
    }
}

fn env(c: &Value, path: &str, out: &mut Errors) {
    for (i, e) in list(c, &["env"]).iter().enumerate() {
        let at = format!("{path}.env[{i}]");
        let name = text(e, &["name"]);
        if required(e, "name", "", &at, out) {
            grammar(child(&at, "name"), name, names::env_name(name), out);
        }
        let Some(from) = e.get("valueFrom").and_then(Value::as_object) else { continue };
        let at = child(&at, "valueFrom");
        if !text(e, &["value"]).is_empty() {
            out.push(FieldError::invalid(at, "", "may not be specified when `value` is not empty"));
            continue;
        }
        if from.is_empty() {
            out.push(FieldError::invalid(at, "", "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"));
            continue;
        }
        if from.len() > 1 {
            out.push(FieldError::invalid(at.clone(), "", "may not have more than one field specified at a time"));
        }
        for key in ["configMapKeyRef", "secretKeyRef"] {
            if let Some(r) = from.get(key) {
                let at = child(&at, key);
                grammar(child(&at, "name"), text(r, &["name"]), names::dns_subdomain(text(r, &["name"])), out);
                if required(r, "key", "", &at, out) {
                    grammar(child(&at, "key"), text(r, &["key"]), names::config_key(text(r, &["key"])), out);
                }
            }
        }
    }
}

fn mounts(c: &Value, path: &str, volumes: &BTreeSet<&str>, out: &mut Errors) {
    let mut seen = BTreeSet::new();
    for (i, m) in list(c, &["volumeMounts"]).iter().enumerate() {
        let at = format!("{path}.volumeMounts[{i}]");
        let name = text(m, &["name"]);
        required(m, "name", "", &at, out);
        if !volumes.contains(name) {
            out.push(FieldError::not_found(child(&at, "name"), name));
        }
        let mount = text(m, &["mountPath"]);
        required(m, "mountPath", "", &at, out);
        if !seen.insert(mount) {
            out.push(FieldError::invalid(child(&at, "mountPath"), mount, "must be unique"));
        }
        for key in ["subPath", "subPathExpr"] {
            let sub = text(m, &[key]);
            // Kubernetes leaves the index out of this one path.
            let at = format!("{path}.volumeMounts.{key}");
            if sub.starts_with('/') {
                out.push(FieldError::invalid(at.clone(), sub, "must be a relative path"));
            }
            if sub.split('/').any(|p| p == "..") {
                out.push(FieldError::invalid(at, sub, "must not contain '..'"));
            }
        }
    }
}

/// Requests and limits of a container.
pub(super) fn resources(resources: &Value, path: &str, out: &mut Errors) {
    let amount = |kind: &str, name: &str| -> Option<Quantity> { Quantity::parse(text(resources, &[kind, name])).ok() };
    for kind in ["limits", "requests"] {
        for (name, value) in map(resources, &[kind]).into_iter().flatten() {
            let at = format!("{path}.{kind}[{name}]");
            if !name.contains('/') && !is_standard(name) {
                out.push(FieldError::invalid(at.clone(), name.as_str(), "must be a standard resource for containers"));
            }
            if amount(kind, name).is_some_and(|q| q.nanos() < 0) {
                out.push(FieldError::invalid(at.clone(), value.clone(), "must be greater than or equal to 0"));
            }
            let (Some(request), Some(limit)) = (amount("requests", name), amount("limits", name)) else { continue };
            if kind == "requests" && request.nanos() > limit.nanos() {
                let detail = format!("must be less than or equal to {name} limit of {}", limit.canonical());
                out.push(FieldError::invalid(format!("{path}.requests"), value.clone(), detail));
            }
        }
    }
}

fn is_standard(name: &str) -> bool {
    matches!(name, "cpu" | "memory" | "ephemeral-storage" | "storage") || name.starts_with("hugepages-")
}

fn probe(p: &Value, path: &str, out: &mut Errors) {
    let handlers: Vec<&str> =
        ["exec", "httpGet", "tcpSocket", "grpc"].into_iter().filter(|h| p.get(*h).is_some()).collect();
    for extra in handlers.iter().skip(1) {
        out.push(FieldError::forbidden(child(path, extra), "may not specify more than 1 handler type"));
    }
    match handlers.first() {
        None => out.push(FieldError::required(path, "must specify a handler type")),
        Some(&"exec") if list(p, &["exec", "command"]).is_empty() => {
            out.push(FieldError::required(format!("{path}.exec.command"), ""));
        }
        Some(&"httpGet") => {
            port(format!("{path}.httpGet.port"), &p["httpGet"]["port"], out);
            one_of(&p["httpGet"], "scheme", &["HTTP", "HTTPS"], &child(path, "httpGet"), out);
        }
        Some(&"tcpSocket") => port(format!("{path}.tcpSocket.port"), &p["tcpSocket"]["port"], out),
        Some(&"grpc") => port(format!("{path}.grpc.port"), &p["grpc"]["port"], out),
        Some(_) => {}
    }
    for key in ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"] {
        non_negative(p, key, path, out);
    }
}

fn tolerations(spec: &Value, path: &str, out: &mut Errors) {
    for (i, t) in list(spec, &["tolerations"]).iter().enumerate() {
        let at = format!("{path}.tolerations[{i}]");
        let (key, operator, effect) = (text(t, &["key"]), text(t, &["operator"]), text(t, &["effect"]));
        if !key.is_empty() {
            grammar(child(&at, "key"), key, names::qualified_name(key), out);
        } else if operator != "Exists" {
            let detail = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            out.push(FieldError::invalid(child(&at, "operator"), operator, detail));
        }
        if t.get("tolerationSeconds").is_some() && effect != "NoExecute" {
            let detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
            out.push(FieldError::invalid(child(&at, "effect"), effect, detail));
        }
        let value = text(t, &["value"]);
        match operator {
            "Equal" | "" => {
                let messages = names::label_value(value);
                if !messages.is_empty() {
                    out.push(FieldError::invalid(child(&at, "operator"), value, messages.join(";")));
                }
            }
            "Exists" if !value.is_empty() => {
                out.push(FieldError::invalid(
                    child(&at, "operator"),
                    value,
                    "value must be empty when `operator` is 'Exists'",
                ));
            }
            "Exists" => {}
            other => out.push(FieldError::not_supported(child(&at, "operator"), other, &["Equal", "Exists"])),
        }
        one_of(t, "effect", &["NoSchedule", "PreferNoSchedule", "NoExecute"], &at, out);
    }
}

/// What an update of a pod may change: images, the deadline, the grace period, and more tolerations.
pub(super) fn update(new: &Value, old: &Value, out: &mut Errors) {
    for key in ["containers", "initContainers"] {
        if list(new, &["spec", key]).len() != list(old, &["spec", key]).len() {
            let detail = "pod updates may not add or remove containers";
            out.push(FieldError::forbidden(format!("spec.{key}"), detail));
            return;
        }
    }
    let fixed = |pod: &Value| {
        let mut spec = pod["spec"].clone();
        for key in ["containers", "initContainers"] {
            for c in
                spec.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut)
            {
                c.remove("image");
            }
        }
        if let Value::Object(spec) = &mut spec {
            for key in ["activeDeadlineSeconds", "tolerations", "ephemeralContainers"] {
                spec.remove(key);
            }
        }
        spec
    };
    let fixed = |pod: &Value, bound: bool| {
        let mut spec = fixed(pod);
        if let (false, Some(map)) = (bound, spec.as_object_mut()) {
            // The simulated scheduler binds by an update.
            map.remove("nodeName");
        }
        spec
    };
    let bound = !text(old, &["spec", "nodeName"]).is_empty();
    let kept = list(old, &["spec", "tolerations"]).iter().all(|t| list(new, &["spec", "tolerations"]).contains(t));
    if fixed(new, bound) != fixed(old, bound) || !kept {
        let detail = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
        out.push(FieldError::forbidden("spec", detail));
    }
}
