//! Validation of Services, Ingresses and NetworkPolicies.

use std::collections::BTreeSet;

use serde_json::Value;

use super::common::{Errors, child, grammar, one_of, port, port_number, required, selector};
use crate::names;
use crate::object::{list, map, text};
use crate::status::FieldError;

pub(super) fn service(object: &Value, out: &mut Errors) {
    let spec = &object["spec"];
    let kind = text(spec, &["type"]);
    let headless = text(spec, &["clusterIP"]) == "None";
    let ports = list(spec, &["ports"]);
    if ports.is_empty() && !headless && kind != "ExternalName" {
        out.push(FieldError::required("spec.ports", ""));
    }
    one_of(spec, "type", &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"], "spec", out);
    if kind == "ExternalName" {
        let name = text(spec, &["externalName"]).trim_end_matches('.');
        if name.is_empty() {
            out.push(FieldError::required("spec.externalName", ""));
        } else {
            grammar("spec.externalName".to_owned(), name, names::dns_subdomain(name), out);
        }
    }
    service_ports(ports, out);
    for (key, value) in map(spec, &["selector"]).into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        grammar("spec.selector".to_owned(), key, names::qualified_name(key), out);
        grammar("spec.selector".to_owned(), value, names::label_value(value), out);
    }
    one_of(spec, "sessionAffinity", &["ClientIP", "None"], "spec", out);
    one_of(spec, "externalTrafficPolicy", &["Cluster", "Local"], "spec", out);
    one_of(spec, "internalTrafficPolicy", &["Cluster", "Local"], "spec", out);
    for (i, family) in list(spec, &["ipFamilies"]).iter().filter_map(Value::as_str).enumerate() {
        let selects = map(spec, &["selector"]).is_some_and(|s| !s.is_empty());
        if family == "IPv6" && (!headless || selects) {
            out.push(FieldError::invalid(format!("spec.ipFamilies[{i}]"), family, "not configured on this cluster"));
        }
    }
    external(spec, kind, out);
    cluster_ip(spec, kind, headless, out);
}

/// What only services that are reached from outside may have.
fn external(spec: &Value, kind: &str, out: &mut Errors) {
    let balanced = kind == "LoadBalancer";
    let reachable =
        matches!(kind, "NodePort" | "LoadBalancer") || kind == "ClusterIP" && !list(spec, &["externalIPs"]).is_empty();
    let policy = text(spec, &["externalTrafficPolicy"]);
    if !reachable && !policy.is_empty() {
        let detail = "may only be set for externally-accessible services";
        out.push(FieldError::invalid("spec.externalTrafficPolicy", policy, detail));
    }
    let ranges = list(spec, &["loadBalancerSourceRanges"]);
    let only = "may only be used when `type` is 'LoadBalancer'";
    if !ranges.is_empty() && !balanced {
        out.push(FieldError::forbidden("spec.LoadBalancerSourceRanges", only));
    }
    for (i, range) in ranges.iter().filter_map(Value::as_str).enumerate() {
        cidr(range.trim(), format!("spec.LoadBalancerSourceRanges[{i}]"), out);
    }
    for key in ["allocateLoadBalancerNodePorts", "loadBalancerClass"] {
        if spec.get(key).is_some_and(|v| !v.is_null()) && !balanced {
            out.push(FieldError::forbidden(child("spec", key), only));
        }
    }
    for (i, ip) in list(spec, &["externalIPs"]).iter().filter_map(Value::as_str).enumerate() {
        let at = format!("spec.externalIPs[{i}]");
        super::pod_details::ip_address(ip, at.clone(), out);
        if ip.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback()) {
            out.push(FieldError::invalid(at, ip, "may not be in the loopback range (127.0.0.0/8, ::1/128)"));
        }
    }
    if text(spec, &["ipFamilyPolicy"]) == "RequireDualStack" && text(spec, &["clusterIP"]) != "None" {
        let detail = "this cluster is not configured for dual-stack services";
        out.push(FieldError::invalid("spec.ipFamilyPolicy", "RequireDualStack", detail));
    }
    let spread = ["PreferClose", "PreferSameZone", "PreferSameNode"];
    one_of(spec, "trafficDistribution", &spread, "spec", out);
}

/// A network in CIDR notation.
fn cidr(text: &str, at: String, out: &mut Errors) {
    let valid = text.split_once('/').is_some_and(|(ip, bits)| {
        let most = match ip.parse::<std::net::IpAddr>() {
            Ok(ip) if ip.is_ipv4() => 32,
            Ok(_) => 128,
            Err(_) => return false,
        };
        bits.parse::<u8>().is_ok_and(|b| b <= most)
    });
    if !valid {
        let detail = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
        out.push(FieldError::invalid(at, text, detail));
    }
}

/// Addresses that a controller wrote into the status.
pub(super) fn balancer_status(object: &Value, out: &mut Errors) {
    for (i, entry) in list(object, &["status", "loadBalancer", "ingress"]).iter().enumerate() {
        let ip = text(entry, &["ip"]);
        if !ip.is_empty() {
            super::pod_details::ip_address(ip, format!("status.loadBalancer.ingress[{i}].ip"), out);
        }
        let host = text(entry, &["hostname"]);
        if !host.is_empty() {
            grammar(format!("status.loadBalancer.ingress[{i}].hostname"), host, names::dns_subdomain(host), out);
        }
    }
}

fn service_ports(ports: &[Value], out: &mut Errors) {
    let (mut seen_names, mut seen) = (BTreeSet::new(), BTreeSet::new());
    for (i, p) in ports.iter().enumerate() {
        let at = format!("spec.ports[{i}]");
        let name = text(p, &["name"]);
        if name.is_empty() {
            if ports.len() > 1 {
                out.push(FieldError::required(child(&at, "name"), ""));
            }
        } else {
            grammar(child(&at, "name"), name, names::dns_label(name), out);
            if !seen_names.insert(name) {
                out.push(FieldError::duplicate(child(&at, "name"), name));
            }
        }
        let number = p.get("port").and_then(Value::as_i64).unwrap_or(0);
        port_number(child(&at, "port"), number, out);
        one_of(p, "protocol", &["SCTP", "TCP", "UDP"], &at, out);
        if let Some(target) = p.get("targetPort") {
            port(child(&at, "targetPort"), target, out);
        }
        let key = (text(p, &["protocol"]), number);
        if !seen.insert(key) {
            let mut shown = serde_json::Map::new();
            shown.insert("port".to_owned(), number.into());
            shown.insert("protocol".to_owned(), key.0.into());
            out.push(FieldError::duplicate(at, Value::Object(shown)));
        }
    }
}

fn cluster_ip(spec: &Value, kind: &str, headless: bool, out: &mut Errors) {
    let ip = text(spec, &["clusterIP"]);
    if ip.is_empty() {
        return;
    }
    if kind == "ExternalName" {
        out.push(FieldError::forbidden("spec.clusterIPs", "may not be set for services of type `ExternalName`"));
        return;
    }
    if headless {
        if matches!(kind, "NodePort" | "LoadBalancer") {
            let detail = format!("may not be set to 'None' for {kind} services");
            out.push(FieldError::invalid("spec.clusterIPs[0]", "None", detail));
        }
        return;
    }
    let Ok(parsed) = ip.parse::<std::net::IpAddr>() else {
        let detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
        out.push(FieldError::invalid("spec.clusterIPs[0]", ip, detail));
        return;
    };
    let std::net::IpAddr::V4(v4) = parsed else { return };
    // 10.96.0.0/12, see `services`.
    if u32::from(v4) & 0xfff0_0000 != 0x0a60_0000 {
        let detail = format!("failed to allocate IP {ip}: the provided network does not match the current range");
        let value: Value = vec![ip].into();
        out.push(FieldError::invalid("spec.clusterIPs", value, detail));
    }
}

pub(super) fn ingress(object: &Value, out: &mut Errors) {
    let spec = &object["spec"];
    let rules = list(spec, &["rules"]);
    let default = spec.get("defaultBackend");
    if rules.is_empty() && default.is_none() {
        let value = if rules.is_empty() { Value::Null } else { Value::Array(rules.to_vec()) };
        out.push(FieldError::invalid("spec", value, "either `defaultBackend` or `rules` must be specified"));
    }
    if let Some(b) = default {
        backend(b, "spec.defaultBackend", out);
    }
    let class = text(spec, &["ingressClassName"]);
    if !class.is_empty() {
        grammar("spec.ingressClassName".to_owned(), class, names::dns_subdomain(class), out);
    }
    for (i, tls) in list(spec, &["tls"]).iter().enumerate() {
        let secret = text(tls, &["secretName"]);
        if !secret.is_empty() {
            grammar(format!("spec.tls[{i}].secretName"), secret, names::dns_subdomain(secret), out);
        }
        for (j, host) in list(tls, &["hosts"]).iter().filter_map(Value::as_str).enumerate() {
            let name = host.strip_prefix("*.").unwrap_or(host);
            grammar(format!("spec.tls[{i}].hosts[{j}]"), host, names::dns_subdomain(name), out);
        }
    }
    for (i, rule) in rules.iter().enumerate() {
        let at = format!("spec.rules[{i}]");
        let host = text(rule, &["host"]);
        if let Some(rest) = host.strip_prefix("*.") {
            grammar(child(&at, "host"), host, names::dns_subdomain(rest), out);
        } else if host.contains('*') {
            let detail = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
            out.push(FieldError::invalid(child(&at, "host"), host, detail));
        } else if !host.is_empty() {
            if host.parse::<std::net::IpAddr>().is_ok() {
                out.push(FieldError::invalid(child(&at, "host"), host, "must be a DNS name, not an IP address"));
            }
            grammar(child(&at, "host"), host, names::dns_subdomain(host), out);
        }
        if rule.get("http").is_none() {
            continue;
        }
        let paths = list(rule, &["http", "paths"]);
        if paths.is_empty() {
            out.push(FieldError::required(format!("{at}.http.paths"), ""));
        }
        for (j, p) in paths.iter().enumerate() {
            ingress_path(p, &format!("{at}.http.paths[{j}]"), out);
        }
    }
}

fn ingress_path(p: &Value, at: &str, out: &mut Errors) {
    let path = text(p, &["path"]);
    match text(p, &["pathType"]) {
        "" => out.push(FieldError::required(child(at, "pathType"), "pathType must be specified")),
        "Exact" | "Prefix" => {
            if !path.starts_with('/') {
                out.push(FieldError::invalid(child(at, "path"), path, "must be an absolute path"));
            }
            for bad in ["//", "/./", "/../", "%2f", "%2F"] {
                if path.contains(bad) {
                    out.push(FieldError::invalid(child(at, "path"), path, format!("must not contain '{bad}'")));
                }
            }
        }
        "ImplementationSpecific" => {
            if !path.is_empty() && !path.starts_with('/') {
                out.push(FieldError::invalid(child(at, "path"), path, "must be an absolute path"));
            }
        }
        other => {
            let allowed = ["Exact", "ImplementationSpecific", "Prefix"];
            out.push(FieldError::not_supported(child(at, "pathType"), other, &allowed));
        }
    }
    backend(&p["backend"], &child(at, "backend"), out);
}

fn backend(b: &Value, at: &str, out: &mut Errors) {
    let (service, resource) = (b.get("service"), b.get("resource"));
    match (service, resource) {
        (Some(_), Some(_)) => out.push(FieldError::invalid(at, "", "cannot set both resource and service backends")),
        (None, None) => {
            out.push(FieldError::required(at, "must specify either `resource` or `service` to configure a backend"))
        }
        (None, Some(_)) => {}
        (Some(s), None) => {
            let at = child(at, "service");
            if required(s, "name", "", &at, out) {
                let name = text(s, &["name"]);
                grammar(child(&at, "name"), name, names::dns1035_label(name), out);
            }
            let (name, number) =
                (text(s, &["port", "name"]), s["port"].get("number").and_then(Value::as_i64).unwrap_or(0));
            match (name.is_empty(), number) {
                (true, 0) => {
                    out.push(FieldError::required(at.trim_end_matches(".service"), "port name or number is required"))
                }
                (true, n) => port_number(format!("{at}.port.number"), n, out),
                (false, 0) => grammar(format!("{at}.port.name"), name, names::port_name(name), out),
                (false, _) => {
                    out.push(FieldError::invalid(at, "", "cannot set both port name & port number"));
                }
            }
        }
    }
}

pub(super) fn network_policy(object: &Value, out: &mut Errors) {
    let spec = &object["spec"];
    selector(&spec["podSelector"], "spec.podSelector", out);
    for direction in ["ingress", "egress"] {
        for (i, rule) in list(spec, &[direction]).iter().enumerate() {
            for (j, p) in list(rule, &["ports"]).iter().enumerate() {
                let at = format!("spec.{direction}[{i}].ports[{j}]");
                one_of(p, "protocol", &["SCTP", "TCP", "UDP"], &at, out);
                if let Some(number) = p.get("port") {
                    port(child(&at, "port"), number, out);
                }
                end_port(p, &at, out);
            }
            let peers = if direction == "ingress" { "from" } else { "to" };
            for (j, p) in list(rule, &[peers]).iter().enumerate() {
                peer(p, &format!("spec.{direction}[{i}].{peers}[{j}]"), out);
            }
        }
    }
    for (i, kind) in list(spec, &["policyTypes"]).iter().filter_map(Value::as_str).enumerate() {
        if !matches!(kind, "Ingress" | "Egress") {
            out.push(FieldError::not_supported(format!("spec.policyTypes[{i}]"), kind, &["Egress", "Ingress"]));
        }
    }
}

fn end_port(p: &Value, at: &str, out: &mut Errors) {
    let Some(end) = p.get("endPort").and_then(Value::as_i64) else { return };
    let at = child(at, "endPort");
    match p.get("port") {
        None | Some(Value::Null) => {
            out.push(FieldError::invalid(at, end, "may not be specified when `port` is not specified"))
        }
        Some(Value::String(_)) => {
            out.push(FieldError::invalid(at, end, "may not be specified when `port` is non-numeric"));
        }
        Some(first) => {
            if first.as_i64().is_some_and(|first| end < first) {
                out.push(FieldError::invalid(at.clone(), end, "must be greater than or equal to `port`"));
            }
            port_number(at, end, out);
        }
    }
}

fn peer(p: &Value, at: &str, out: &mut Errors) {
    let mut given = 0;
    for key in ["podSelector", "namespaceSelector"] {
        if let Some(s) = p.get(key).filter(|s| s.is_object()) {
            given += 1;
            selector(s, &child(at, key), out);
        }
    }
    let block = p.get("ipBlock").filter(|b| b.is_object());
    if let Some(block) = block {
        let at = child(at, "ipBlock");
        if required(block, "cidr", "", &at, out) {
            cidr(text(block, &["cidr"]), child(&at, "cidr"), out);
        }
        for (i, except) in list(block, &["except"]).iter().filter_map(Value::as_str).enumerate() {
            cidr(except, format!("{at}.except[{i}]"), out);
        }
    }
    match (given, block) {
        (0, None) => out.push(FieldError::required(at, "must specify a peer")),
        (1.., Some(_)) => out.push(FieldError::forbidden(at, "may not specify both ipBlock and another peer")),
        _ => {}
    }
}
