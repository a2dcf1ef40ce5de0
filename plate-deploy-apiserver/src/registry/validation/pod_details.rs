//! Validation of the smaller parts of pod specs: identities, DNS, environment sources, handlers, volume sources.

use serde_json::Value;

use super::common::{Errors, child, grammar, port, required};
use crate::names;
use crate::object::{list, text};
use crate::status::FieldError;

const BAD_IP: &str = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";

fn id(object: &Value, key: &str, at: &str, out: &mut Errors) {
    if let Some(n) = object.get(key).and_then(Value::as_i64).filter(|n| !(0..=i64::from(i32::MAX)).contains(n)) {
        out.push(FieldError::invalid(child(at, key), n, "must be between 0 and 2147483647, inclusive"));
    }
}

/// Host aliases, DNS settings and the pod's security context.
pub(super) fn host(spec: &Value, path: &str, out: &mut Errors) {
    let context = child(path, "securityContext");
    let security = &spec["securityContext"];
    for key in ["fsGroup", "runAsUser", "runAsGroup"] {
        id(security, key, &context, out);
    }
    seccomp(security, &context, out);
    for (i, name) in list(security, &["sysctls"]).iter().map(|s| text(s, &["name"])).enumerate() {
        for (prefix, key) in [("net.", "hostNetwork"), ("fs.mqueue.", "hostIPC"), ("kernel.shm", "hostIPC")] {
            if name.starts_with(prefix) && spec[key] == true {
                let detail = format!("may not be specified when '{key}' is true");
                out.push(FieldError::invalid(format!("{context}.sysctls[{i}].name"), name, detail));
            }
        }
    }
    let dns = child(path, "dnsConfig");
    let servers = list(spec, &["dnsConfig", "nameservers"]);
    if text(spec, &["dnsPolicy"]) == "None" {
        if spec.get("dnsConfig").is_none() {
            out.push(FieldError::required(dns.clone(), "must provide `dnsConfig` when `dnsPolicy` is None"));
        } else if servers.is_empty() {
            let detail = "must provide at least one DNS nameserver when `dnsPolicy` is None";
            out.push(FieldError::required(child(&dns, "nameservers"), detail));
        }
    }
    for (i, ip) in servers.iter().filter_map(Value::as_str).enumerate() {
        ip_address(ip, format!("{dns}.nameservers[{i}]"), out);
    }
    for (i, alias) in list(spec, &["hostAliases"]).iter().enumerate() {
        let at = format!("{path}.hostAliases[{i}]");
        ip_address(text(alias, &["ip"]), child(&at, "ip"), out);
        for (j, name) in list(alias, &["hostnames"]).iter().filter_map(Value::as_str).enumerate() {
            grammar(format!("{at}.hostnames[{j}]"), name, names::dns_subdomain(name), out);
        }
    }
}

/// An address that must be one.
pub(super) fn ip_address(ip: &str, at: String, out: &mut Errors) {
    if ip.parse::<std::net::IpAddr>().is_err() {
        out.push(FieldError::invalid(at, ip, BAD_IP));
    }
}

fn seccomp(context: &Value, at: &str, out: &mut Errors) {
    let Some(profile) = context.get("seccompProfile").filter(|p| p.is_object()) else { return };
    let at = child(at, "seccompProfile");
    let local = text(profile, &["localhostProfile"]);
    match text(profile, &["type"]) {
        "Localhost" if local.is_empty() => {
            out.push(FieldError::required(
                child(&at, "localhostProfile"),
                "must be set when seccomp type is Localhost",
            ));
        }
        "Localhost" => {}
        "RuntimeDefault" | "Unconfined" if !local.is_empty() => {
            let detail = "can only be set when seccomp type is Localhost";
            out.push(FieldError::invalid(child(&at, "localhostProfile"), local, detail));
        }
        "RuntimeDefault" | "Unconfined" => {}
        "" => out.push(FieldError::required(child(&at, "type"), "type is required when seccompProfile is set")),
        other => {
            let allowed = ["Localhost", "RuntimeDefault", "Unconfined"];
            out.push(FieldError::not_supported(child(&at, "type"), other, &allowed));
        }
    }
}

/// A container's security context, lifecycle, environment sources and extended resources.
pub(super) fn container(c: &Value, path: &str, out: &mut Errors) {
    let at = child(path, "securityContext");
    let security = &c["securityContext"];
    for key in ["runAsUser", "runAsGroup"] {
        id(security, key, &at, out);
    }
    seccomp(security, &at, out);
    if security["allowPrivilegeEscalation"] == false {
        if security["privileged"] == true {
            let detail = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true";
            out.push(FieldError::invalid(at.clone(), security.clone(), detail));
        }
        if list(security, &["capabilities", "add"]).iter().any(|c| c == "CAP_SYS_ADMIN") {
            let detail = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN";
            out.push(FieldError::invalid(at, security.clone(), detail));
        }
    }
    for hook in ["postStart", "preStop"] {
        if let Some(h) = c.get("lifecycle").and_then(|l| l.get(hook)) {
            handler(h, &format!("{path}.lifecycle.{hook}"), out);
        }
    }
    for (i, source) in list(c, &["envFrom"]).iter().enumerate() {
        let given = ["configMapRef", "secretRef"].iter().filter(|k| source.get(**k).is_some()).count();
        if given == 0 {
            // Kubernetes leaves the index out of this path.
            let at = child(path, "envFrom");
            out.push(FieldError::invalid(at, "", "must specify one of: `configMapRef` or `secretRef`"));
        } else if given > 1 {
            let at = format!("{path}.envFrom[{i}]");
            out.push(FieldError::invalid(at, "", "may not have more than one field specified at a time"));
        }
    }
    for (i, variable) in list(c, &["env"]).iter().enumerate() {
        let from = &variable["valueFrom"];
        let at = format!("{path}.env[{i}].valueFrom");
        if let Some(r) = from.get("fieldRef") {
            field_ref(r, &ENV_FIELDS, &child(&at, "fieldRef"), out);
        }
        if let Some(r) = from.get("resourceFieldRef") {
            required(r, "resource", "", &child(&at, "resourceFieldRef"), out);
        }
    }
    for (name, request) in crate::object::map(c, &["resources", "requests"]).into_iter().flatten() {
        let limit = c["resources"]["limits"].get(name);
        if name.contains('/') && limit != Some(request) {
            let at = child(path, "resources");
            match limit {
                None => out.push(FieldError::required(
                    child(&at, "limits"),
                    "Limit must be set for non overcommitable resources",
                )),
                Some(_) => out.push(FieldError::invalid(
                    child(&at, "requests"),
                    request.clone(),
                    format!("must be equal to {name} limit"),
                )),
            }
        }
    }
}

const ENV_FIELDS: [&str; 8] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
];

/// A field of the downward API.
fn field_ref(r: &Value, allowed: &[&str], at: &str, out: &mut Errors) {
    if !required(r, "fieldPath", "", at, out) {
        return;
    }
    let path = text(r, &["fieldPath"]);
    let subscripted = ["metadata.labels[", "metadata.annotations["].iter().any(|p| path.starts_with(p));
    if subscripted || allowed.contains(&path) || path == "status.podIPs" {
        return;
    }
    let at = child(at, "fieldPath");
    if matches!(
        path,
        "metadata.labels"
            | "metadata.annotations"
            | "spec.restartPolicy"
            | "spec.schedulerName"
            | "status.phase"
            | "spec.hostNetwork"
            | "status.nominatedNodeName"
    ) {
        let mut all: Vec<&str> = allowed.to_vec();
        all.push("status.podIPs");
        out.push(FieldError::not_supported(at, path, &all));
        return;
    }
    let detail = format!("error converting fieldPath: field label not supported: {path}");
    out.push(FieldError::invalid(at, path, detail));
}

fn handler(h: &Value, at: &str, out: &mut Errors) {
    let kinds: Vec<&str> = ["exec", "httpGet", "tcpSocket", "sleep"]
        .into_iter()
        .filter(|k| h.get(*k).is_some_and(|v| !v.is_null()))
        .collect();
    match kinds.as_slice() {
        [] => out.push(FieldError::required(at, "must specify a handler type")),
        ["exec"] if list(h, &["exec", "command"]).is_empty() => {
            out.push(FieldError::required(format!("{at}.exec.command"), ""));
        }
        [kind @ ("httpGet" | "tcpSocket")] => port(format!("{at}.{kind}.port"), &h[*kind]["port"], out),
        [_, more @ ..] => {
            for kind in more {
                out.push(FieldError::forbidden(child(at, kind), "may not specify more than 1 handler type"));
            }
        }
    }
}

/// A path that may not climb.
pub(super) fn no_backsteps(path: &str, at: String, out: &mut Errors) {
    if path.split('/').any(|part| part == "..") {
        out.push(FieldError::invalid(at, path, "must not contain '..'"));
    }
}
