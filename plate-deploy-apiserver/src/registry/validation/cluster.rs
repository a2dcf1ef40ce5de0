//! Validation of endpoints, events, leases and aggregated APIs.

use serde_json::Value;

use super::common::{Errors, child, grammar, one_of, port_number, required, same};
use crate::names;
use crate::object::{list, meta, text};
use crate::status::FieldError;

pub(super) fn endpoints(object: &Value, out: &mut Errors) {
    for (i, subset) in list(object, &["subsets"]).iter().enumerate() {
        let at = format!("subsets[{i}]");
        if list(subset, &["addresses"]).is_empty() && list(subset, &["notReadyAddresses"]).is_empty() {
            out.push(FieldError::required(at.clone(), "must specify `addresses` or `notReadyAddresses`"));
        }
        for key in ["addresses", "notReadyAddresses"] {
            for (j, a) in list(subset, &[key]).iter().enumerate() {
                address(text(a, &["ip"]), format!("{at}.{key}[{j}].ip"), out);
            }
        }
        let ports = list(subset, &["ports"]);
        for (j, p) in ports.iter().enumerate() {
            let at = format!("{at}.ports[{j}]");
            let name = text(p, &["name"]);
            if !name.is_empty() {
                grammar(child(&at, "name"), name, names::dns_label(name), out);
            } else if ports.len() > 1 {
                out.push(FieldError::required(child(&at, "name"), ""));
            }
            port_number(child(&at, "port"), p.get("port").and_then(Value::as_i64).unwrap_or(0), out);
            one_of(p, "protocol", &["SCTP", "TCP", "UDP"], &at, out);
        }
    }
}

fn address(ip: &str, at: String, out: &mut Errors) {
    let Ok(parsed) = ip.parse::<std::net::IpAddr>() else {
        out.push(FieldError::invalid(at.clone(), ip, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"));
        out.push(FieldError::invalid(at, ip, "must be a valid IP address"));
        return;
    };
    let reason = if parsed.is_unspecified() {
        "may not be unspecified (0.0.0.0 or ::)"
    } else if parsed.is_loopback() {
        "may not be in the loopback range (127.0.0.0/8, ::1/128)"
    } else if parsed.is_multicast() {
        "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"
    } else {
        return;
    };
    out.push(FieldError::invalid(at, ip, reason));
}

pub(super) fn endpoint_slice(object: &Value, out: &mut Errors) {
    for (i, e) in list(object, &["endpoints"]).iter().enumerate() {
        if list(e, &["addresses"]).is_empty() {
            out.push(FieldError::required(format!("endpoints[{i}].addresses"), ""));
        }
        for (j, a) in list(e, &["addresses"]).iter().filter_map(Value::as_str).enumerate() {
            slice_address(text(object, &["addressType"]), a, format!("endpoints[{i}].addresses"), j, out);
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    for (i, p) in list(object, &["ports"]).iter().enumerate() {
        let at = format!("ports[{i}]");
        let name = text(p, &["name"]);
        if !name.is_empty() {
            grammar(child(&at, "name"), name, names::dns_label(name), out);
        }
        if !seen.insert(name) {
            out.push(FieldError::duplicate(child(&at, "name"), name));
        }
        one_of(p, "protocol", &["SCTP", "TCP", "UDP"], &at, out);
    }
    if required(object, "addressType", "", "", out) {
        one_of(object, "addressType", &["FQDN", "IPv4", "IPv6"], "", out);
    }
}

fn slice_address(kind: &str, address: &str, list: String, index: usize, out: &mut Errors) {
    let at = format!("{list}[{index}]");
    let parsed = address.parse::<std::net::IpAddr>();
    match (kind, parsed) {
        ("FQDN", _) => {
            let messages = names::dns_subdomain(address);
            if messages.is_empty() && !address.contains('.') {
                let detail = "should be a domain with at least two segments separated by dots";
                out.push(FieldError::invalid(at.clone(), address, detail));
            }
            grammar(at, address, messages, out);
        }
        ("IPv4" | "IPv6", Err(_)) => self::address(address, at, out),
        ("IPv6", Ok(ip)) if ip.is_ipv4() => {
            out.push(FieldError::invalid(list, address, "must be an IPv6 address"));
        }
        ("IPv4", Ok(ip)) if ip.is_ipv6() => {
            out.push(FieldError::invalid(list, address, "must be an IPv4 address"));
        }
        ("IPv4" | "IPv6", Ok(_)) => self::address(address, at, out),
        _ => {}
    }
}

/// An APIService.
pub(super) fn api_service(object: &Value, out: &mut Errors) {
    let spec = &object["spec"];
    let number = |key: &str| spec.get(key).and_then(Value::as_i64).unwrap_or(0);
    for (key, most, limit) in [("groupPriorityMinimum", 20000, "20000"), ("versionPriority", 1000, "1000")] {
        let n = number(key);
        if n <= 0 || n > most {
            let detail = format!("must be positive and less than {limit}");
            out.push(FieldError::invalid(child("spec", key), n, detail));
        }
    }
    let Some(service) = spec.get("service").filter(|s| s.is_object()) else {
        if !text(spec, &["caBundle"]).is_empty() {
            out.push(FieldError::invalid(
                "spec.caBundle",
                text(spec, &["caBundle"]),
                "local APIServices may not have a caBundle",
            ));
        }
        return;
    };
    for key in ["namespace", "name"] {
        required(service, key, "", "spec.service", out);
    }
    if spec["insecureSkipTLSVerify"] == true && !text(spec, &["caBundle"]).is_empty() {
        let detail = "may not be true if caBundle is present";
        out.push(FieldError::invalid("spec.insecureSkipTLSVerify", true, detail));
    }
}

pub(super) fn endpoint_slice_update(new: &Value, old: &Value, out: &mut Errors) {
    same(new, old, &["addressType"], out);
}

pub(super) fn event(object: &Value, out: &mut Errors) {
    let involved = text(object, &["involvedObject", "namespace"]);
    let own = meta(object, "namespace");
    if !involved.is_empty() && involved != own {
        out.push(FieldError::invalid("involvedObject.namespace", involved, "does not match event.namespace"));
    }
    if involved.is_empty() && own != "default" && object.get("involvedObject").is_some() {
        out.push(FieldError::invalid("involvedObject.namespace", involved, "does not match event.namespace"));
    }
}

pub(super) fn lease(object: &Value, out: &mut Errors) {
    let seconds = object["spec"].get("leaseDurationSeconds").and_then(Value::as_i64);
    if let Some(n) = seconds.filter(|n| *n <= 0) {
        out.push(FieldError::invalid("spec.leaseDurationSeconds", n, "must be greater than 0"));
    }
    if let Some(n) = object["spec"].get("leaseTransitions").and_then(Value::as_i64).filter(|n| *n < 0) {
        out.push(FieldError::invalid("spec.leaseTransitions", n, "must be greater than or equal to 0"));
    }
}
