//! Addresses and node ports of Services, and which of their fields stay when they are updated.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Registry;
use super::catalog::Resource;
use crate::object::{list, meta, text};
use crate::status::{ApiError, ApiResult, FieldError};

/// Addresses come from 10.96.0.0/12, as kubeadm and most test clusters have it; the first one is `kubernetes`.
const NETWORK: u32 = 0x0a60_0000;
const SIZE: u32 = 1 << 20;
const NODE_PORTS: std::ops::RangeInclusive<u64> = 30000..=32767;

fn address(offset: u32) -> String {
    std::net::Ipv4Addr::from(NETWORK + offset).to_string()
}

struct Taken {
    addresses: BTreeSet<String>,
    ports: BTreeSet<u64>,
}

fn taken(registry: &Registry, own_uid: &str) -> Taken {
    let mut out = Taken { addresses: BTreeSet::new(), ports: BTreeSet::new() };
    for (_, s) in registry.store().list("services", None).1 {
        if meta(&s.object, "uid") == own_uid {
            continue;
        }
        out.addresses.insert(text(&s.object, &["spec", "clusterIP"]).to_owned());
        for p in list(&s.object, &["spec", "ports"]) {
            out.ports.extend(p.get("nodePort").and_then(Value::as_u64));
        }
        out.ports.extend(s.object["spec"].get("healthCheckNodePort").and_then(Value::as_u64));
    }
    out
}

/// What an update leaves out and the old service had.
pub(super) fn keep_on_update(new: &mut Value, old: &Value) {
    let kind = text(new, &["spec", "type"]).to_owned();
    let old_kind = text(old, &["spec", "type"]);
    if kind != "ExternalName" && old_kind != "ExternalName" {
        for key in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            let unset = new["spec"].get(key).is_none_or(|v| v.is_null() || v == "");
            if let (true, Some(v)) = (unset, old["spec"].get(key)) {
                new["spec"][key] = v.clone();
            }
        }
    }
    let ports = |k: &str| matches!(k, "NodePort" | "LoadBalancer");
    drop_type_dependent(new, old, &kind, old_kind);
    if !ports(&kind) || !ports(old_kind) {
        return;
    }
    let old_ports = list(old, &["spec", "ports"]).to_vec();
    for p in new["spec"].get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        let unset = p.get("nodePort").and_then(Value::as_u64).unwrap_or(0) == 0;
        let same = old_ports.iter().find(|o| o.get("port") == p.get("port") && o.get("protocol") == p.get("protocol"));
        if let (true, Some(port)) = (unset, same.and_then(|o| o.get("nodePort"))) {
            p["nodePort"] = port.clone();
        }
    }
}

/// Drops what only the old type had and the request did not change.
fn drop_type_dependent(new: &mut Value, old: &Value, kind: &str, old_kind: &str) {
    let same = |new: &Value, key: &str| new["spec"].get(key) == old["spec"].get(key);
    let mut gone: Vec<&str> = Vec::new();
    if old_kind != "ExternalName" && kind == "ExternalName" {
        gone.extend(["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"]);
    }
    if old_kind == "LoadBalancer" && kind != "LoadBalancer" {
        gone.extend(["allocateLoadBalancerNodePorts", "loadBalancerClass", "healthCheckNodePort"]);
    }
    let ported = |k: &str| matches!(k, "NodePort" | "LoadBalancer");
    let reachable =
        |o: &Value, k: &str| ported(k) || (k == "ClusterIP" && !list(o, &["spec", "externalIPs"]).is_empty());
    if reachable(old, old_kind) && !reachable(new, kind) {
        gone.push("externalTrafficPolicy");
    }
    gone.retain(|key| same(new, key));
    if let Value::Object(spec) = &mut new["spec"] {
        for key in gone {
            spec.remove(key);
        }
    }
    let numbers =
        |o: &Value| list(o, &["spec", "ports"]).iter().map(|p| p.get("nodePort").cloned()).collect::<Vec<_>>();
    if ported(old_kind) && !ported(kind) && numbers(new) == numbers(old) {
        let ports = new["spec"].get_mut("ports").and_then(Value::as_array_mut);
        for p in ports.into_iter().flatten().filter_map(Value::as_object_mut) {
            p.remove("nodePort");
        }
    }
    if kind != "LoadBalancer" {
        new["status"] = json!({"loadBalancer": {}});
    }
}

/// Gives a service what its type needs.
pub(super) fn allocate(registry: &Registry, resource: &Resource, service: &mut Value) -> ApiResult<()> {
    let kind = text(service, &["spec", "type"]).to_owned();
    let used = taken(registry, meta(service, "uid"));
    if kind == "ExternalName" {
        if let Value::Object(spec) = &mut service["spec"] {
            for key in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
                spec.remove(key);
            }
        }
        return Ok(());
    }
    allocate_address(resource, service, &used)?;
    let wants_ports = kind == "NodePort"
        || (kind == "LoadBalancer"
            && service["spec"].get("allocateLoadBalancerNodePorts") != Some(&Value::Bool(false)));
    allocate_ports(resource, service, used, wants_ports)?;
    Ok(())
}

fn allocate_address(resource: &Resource, service: &mut Value, used: &Taken) -> ApiResult<()> {
    let given = text(service, &["spec", "clusterIP"]).to_owned();
    let first = list(service, &["spec", "clusterIPs"]).first().and_then(Value::as_str).unwrap_or_default().to_owned();
    let ip = match (given.as_str(), first.as_str()) {
        ("", "") => {
            // Kubernetes picks at random above the static band; the lowest free one keeps runs repeatable.
            let free = (256..SIZE - 1).map(address).find(|a| !used.addresses.contains(a));
            free.ok_or_else(|| ApiError::internal("failed to allocate a serviceIP: range is full"))?
        }
        ("", ip) | (ip, _) => ip.to_owned(),
    };
    if ip != "None" && used.addresses.contains(&ip) {
        let detail = "failed to allocate IP ".to_owned() + &ip + ": provided IP is already allocated";
        let e = FieldError::invalid("spec.clusterIPs", json!([ip]), detail);
        return Err(ApiError::invalid(resource.kind_target(), meta(service, "name"), &[e]));
    }
    let spec = &mut service["spec"];
    spec["clusterIP"] = ip.as_str().into();
    if list(spec, &["clusterIPs"]).is_empty() {
        spec["clusterIPs"] = json!([ip]);
    }
    let selectorless_headless =
        ip == "None" && spec.get("selector").is_none_or(|s| s.as_object().is_none_or(serde_json::Map::is_empty));
    if spec.get("ipFamilyPolicy").is_none_or(Value::is_null) {
        spec["ipFamilyPolicy"] = if selectorless_headless { "RequireDualStack" } else { "SingleStack" }.into();
    }
    if list(spec, &["ipFamilies"]).is_empty() {
        spec["ipFamilies"] = if selectorless_headless { json!(["IPv4", "IPv6"]) } else { json!(["IPv4"]) };
    }
    Ok(())
}

fn allocate_ports(resource: &Resource, service: &mut Value, mut used: Taken, wanted: bool) -> ApiResult<()> {
    let name = meta(service, "name").to_owned();
    let kind = text(service, &["spec", "type"]).to_owned();
    let mut by_number: Vec<(Value, u64)> = Vec::new();
    for (i, p) in service["spec"].get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten().enumerate() {
        let given = p.get("nodePort").and_then(Value::as_u64).unwrap_or(0);
        if kind == "ClusterIP" && given != 0 {
            let e = FieldError::forbidden(
                format!("spec.ports[{i}].nodePort"),
                "may not be used when `type` is 'ClusterIP'",
            );
            return Err(ApiError::invalid(resource.kind_target(), &name, &[e]));
        }
        if given != 0 {
            let at = format!("spec.ports[{i}].nodePort");
            if !NODE_PORTS.contains(&given) {
                let e = FieldError::invalid(
                    at,
                    given,
                    "provided port is not in the valid range. The range of valid ports is 30000-32767",
                );
                return Err(ApiError::invalid(resource.kind_target(), &name, &[e]));
            }
            let shared = by_number.iter().any(|(_, n)| *n == given);
            if used.ports.contains(&given) && !shared {
                let e = FieldError::invalid(at, given, "provided port is already allocated");
                return Err(ApiError::invalid(resource.kind_target(), &name, &[e]));
            }
            used.ports.insert(given);
            by_number.push((p["port"].clone(), given));
        } else if wanted {
            // The same port for TCP and UDP gets one node port.
            let twin = by_number.iter().find(|(port, _)| *port == p["port"]).map(|(_, n)| *n);
            let free = twin.or_else(|| NODE_PORTS.clone().find(|n| !used.ports.contains(n)));
            let free = free.ok_or_else(|| ApiError::internal("failed to allocate a nodePort: range is full"))?;
            used.ports.insert(free);
            p["nodePort"] = free.into();
            by_number.push((p["port"].clone(), free));
        }
    }
    let local = text(service, &["spec", "externalTrafficPolicy"]) == "Local" && kind == "LoadBalancer";
    if local
        && service["spec"].get("healthCheckNodePort").and_then(Value::as_u64).unwrap_or(0) == 0
        && let Some(free) = NODE_PORTS.clone().find(|n| !used.ports.contains(n))
    {
        service["spec"]["healthCheckNodePort"] = free.into();
    }
    Ok(())
}
