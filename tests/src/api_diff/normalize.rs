//! Takes out of answers what differs between any two servers.
//!
//! That is: `uid`, `resourceVersion`, all times the server sets, the random part of generated names, addresses and
//! ports the server chose (cluster IPs, node ports), continue tokens, and words of messages. Everything else counts.

use serde_json::{Map, Value};

use super::Reply;

/// An answer, comparable: of an error the status and reason, of a success the body.
#[must_use]
pub fn answer(reply: &Reply) -> Value {
    if !reply.ok() {
        return serde_json::json!({"code": reply.code, "reason": reply.reason()});
    }
    let mut body = reply.body.clone();
    object(&mut body);
    serde_json::json!({"code": reply.code, "body": body})
}

/// Normalizes one object, list or list of watch events.
pub fn object(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(object),
        Value::Object(map) => {
            if let Some(event) = map.get_mut("object") {
                object(event);
            }
            if let Some(Value::Array(items)) = map.get_mut("items") {
                items.iter_mut().for_each(object);
            }
            own_texts(map);
            metadata(map);
            match map.get("kind").and_then(Value::as_str) {
                Some("Status") => status(map),
                // Items of lists have no kind: Services are told by their fields.
                Some("Service") | None => service(map),
                Some("CustomResourceDefinition" | "APIService") => condition_times(map),
                _ => {}
            }
        }
        _ => {}
    }
}

/// The uid and a generated name, wherever else the object repeats them (selectors of Jobs, labels of Namespaces).
fn own_texts(map: &mut Map<String, Value>) {
    let Some(metadata) = map.get("metadata") else { return };
    let text = |key: &str| metadata.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (uid, name, prefix) = (text("uid"), text("name"), text("generateName"));
    let generated = !prefix.is_empty() && name.starts_with(&prefix) && name.len() == prefix.len() + 5;
    for value in map.values_mut() {
        if !uid.is_empty() {
            replace(value, &uid);
        }
        if generated {
            replace(value, &name);
        }
    }
}

fn replace(value: &mut Value, text: &str) {
    match value {
        Value::String(s) if s == text => *s = "*".into(),
        Value::Array(items) => items.iter_mut().for_each(|v| replace(v, text)),
        Value::Object(map) => map.values_mut().for_each(|v| replace(v, text)),
        _ => {}
    }
}

fn metadata(map: &mut Map<String, Value>) {
    let Some(Value::Object(metadata)) = map.get_mut("metadata") else { return };
    for key in ["uid", "resourceVersion", "continue"] {
        if metadata.get(key).is_some_and(|v| v != "") {
            metadata.insert(key.into(), "*".into());
        }
    }
    for key in ["creationTimestamp", "deletionTimestamp"] {
        if metadata.get(key).is_some_and(Value::is_string) {
            metadata.insert(key.into(), "*".into());
        }
    }
    let Some(Value::Array(entries)) = metadata.get_mut("managedFields") else { return };
    for entry in entries.iter_mut() {
        if let Some(time) = entry.get_mut("time") {
            *time = "*".into();
        }
    }
    // They are ordered by time, which is not the same second on both servers.
    let key = |e: &Value| {
        ["manager", "operation", "apiVersion", "subresource"].map(|k| e[k].as_str().unwrap_or_default().to_owned())
    };
    entries.sort_by_key(key);
}

fn status(map: &mut Map<String, Value>) {
    if let Some(uid) = map.get_mut("details").and_then(|d| d.get_mut("uid")) {
        *uid = "*".into();
    }
}

fn service(map: &mut Map<String, Value>) {
    let Some(Value::Object(spec)) = map.get_mut("spec") else { return };
    if let Some(ip) = spec.get_mut("clusterIP").filter(|ip| *ip != "None" && *ip != "") {
        *ip = "*".into();
        if let Some(Value::Array(ips)) = spec.get_mut("clusterIPs") {
            ips.iter_mut().for_each(|ip| *ip = "*".into());
        }
    }
    for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(port) = port.get_mut("nodePort") {
            *port = "*".into();
        }
    }
    if let Some(port) = spec.get_mut("healthCheckNodePort") {
        *port = "*".into();
    }
}

fn condition_times(map: &mut Map<String, Value>) {
    let conditions = map.get_mut("status").and_then(|s| s.get_mut("conditions")).and_then(Value::as_array_mut);
    for condition in conditions.into_iter().flatten() {
        if let Some(time) = condition.get_mut("lastTransitionTime") {
            *time = "*".into();
        }
    }
}

/// The first place where two values differ, with both values; `None` when they are equal.
#[must_use]
pub fn first_difference(embedded: &Value, real: &Value) -> Option<String> {
    difference(embedded, real, &mut String::new())
}

fn difference(a: &Value, b: &Value, path: &mut String) -> Option<String> {
    match (a, b) {
        _ if a == b => None,
        (Value::Object(x), Value::Object(y)) => {
            let mut keys: Vec<&String> = x.keys().chain(y.keys()).collect();
            keys.sort();
            keys.dedup();
            keys.into_iter().find_map(|key| {
                let mark = path.len();
                path.push('/');
                path.push_str(key);
                let absent = Value::from("(absent)");
                let found = difference(x.get(key).unwrap_or(&absent), y.get(key).unwrap_or(&absent), path);
                path.truncate(mark);
                found
            })
        }
        (Value::Array(x), Value::Array(y)) if x.len() == y.len() => {
            x.iter().zip(y).enumerate().find_map(|(i, (a, b))| {
                let mark = path.len();
                path.push_str(&format!("/{i}"));
                let found = difference(a, b, path);
                path.truncate(mark);
                found
            })
        }
        (Value::Array(x), Value::Array(y)) => {
            let kinds = |list: &[Value]| {
                list.iter().map(|e| e["type"].as_str().unwrap_or("item").to_owned()).collect::<Vec<_>>()
            };
            Some(format!("{path}: embedded {:?} real {:?}: {} {}", kinds(x), kinds(y), short(a), short(b)))
        }
        _ => Some(format!("{path}: embedded {} real {}", short(a), short(b))),
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.len() <= 1500 { text } else { text.chars().take(1500).chain("…".chars()).collect() }
}
