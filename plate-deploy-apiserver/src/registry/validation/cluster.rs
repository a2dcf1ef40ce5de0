//! Validation of limits, quotas, endpoints, events and leases.

use serde_json::Value;

use super::common::{Errors, child, grammar, one_of, port_number, required, same};
use crate::names;
use crate::object::{list, map, meta, text};
use crate::scheme::Quantity;
use crate::status::FieldError;

pub(super) fn limit_range(object: &Value, out: &mut Errors) {
    for (i, limit) in list(object, &["spec", "limits"]).iter().enumerate() {
        let at = format!("spec.limits[{i}]");
        let kind = text(limit, &["type"]);
        if !kind.contains('/') && !matches!(kind, "Pod" | "Container" | "PersistentVolumeClaim") {
            let detail = "must be a standard limit type or fully qualified";
            out.push(FieldError::invalid(child(&at, "type"), kind, detail));
        }
        if kind == "Pod" {
            for key in ["default", "defaultRequest"] {
                if limit.get(key).is_some() {
                    out.push(FieldError::forbidden(child(&at, key), "may not be specified when `type` is 'Pod'"));
                }
            }
        }
        for (name, max) in map(limit, &["max"]).into_iter().flatten() {
            let amount = |v: &Value| v.as_str().and_then(|s| Quantity::parse(s).ok());
            let (Some(max), Some(given)) = (amount(max), limit.get("default").and_then(|d| d.get(name))) else {
                continue;
            };
            if amount(given).is_some_and(|d| d.nanos() > max.nanos()) {
                let shown = given.as_str().unwrap_or_default();
                let detail = format!("default value {shown} is greater than max value {}", max.canonical());
                out.push(FieldError::invalid(format!("{at}.default[{name}]"), shown, detail));
            }
        }
    }
}

pub(super) fn quota(object: &Value, out: &mut Errors) {
    for (name, value) in map(object, &["spec", "hard"]).into_iter().flatten() {
        if value.as_str().and_then(|s| Quantity::parse(s).ok()).is_some_and(|q| q.nanos() < 0) {
            let detail = "must be greater than or equal to 0";
            out.push(FieldError::invalid(format!("spec.hard[{name}]"), value.clone(), detail));
        }
    }
}

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
    }
    if required(object, "addressType", "", "", out) {
        one_of(object, "addressType", &["FQDN", "IPv4", "IPv6"], "", out);
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
