//! The Table form of objects, which `kubectl get` prints.
//!
//! Built-in kinds have the columns that a real server sends for them where these are plain fields; others have name
//! and age. Custom resources have the columns of their definition.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::object::{at, list, text};
use crate::registry::Resource;

struct Column {
    name: String,
    kind: String,
    wide: bool,
    description: String,
    value: Source,
}

enum Source {
    Path(String),
    Age(String),
    Computed(fn(&Value) -> Value),
}

fn column(name: &str, kind: &str, value: Source) -> Column {
    Column { name: name.to_owned(), kind: kind.to_owned(), wide: false, description: String::new(), value }
}

/// The Table of some objects of a resource.
#[must_use]
pub fn of(resource: &Resource, objects: &[Value], metadata: &Value, now: Timestamp) -> Value {
    let columns = columns(resource);
    let definitions: Vec<Value> = columns
        .iter()
        .map(|c| {
            let format = if c.name == "Name" { "name" } else { "" };
            json!({"name": c.name, "type": c.kind, "format": format, "description": c.description, "priority": i32::from(c.wide)})
        })
        .collect();
    let rows: Vec<Value> = objects
        .iter()
        .map(|o| {
            let cells: Vec<Value> = columns.iter().map(|c| cell(c, o, now)).collect();
            json!({"cells": cells, "object": {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": o["metadata"]}})
        })
        .collect();
    let mut list = serde_json::Map::new();
    for key in ["resourceVersion", "continue", "remainingItemCount"] {
        if let Some(v) = metadata.get(key) {
            list.insert(key.to_owned(), v.clone());
        }
    }
    json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": list, "columnDefinitions": definitions, "rows": rows})
}

fn columns(resource: &Resource) -> Vec<Column> {
    let mut out = vec![column("Name", "string", Source::Path("metadata.name".to_owned()))];
    let age = || column("Age", "string", Source::Age("metadata.creationTimestamp".to_owned()));
    if let Some(custom) = &resource.custom {
        for c in &custom.columns {
            let path = text(c, &["jsonPath"]).trim_start_matches('.').to_owned();
            let kind = text(c, &["type"]);
            let source = if kind == "date" { Source::Age(path) } else { Source::Path(path) };
            out.push(Column {
                wide: c.get("priority").and_then(Value::as_i64).unwrap_or(0) > 0,
                description: text(c, &["description"]).to_owned(),
                ..column(text(c, &["name"]), kind, source)
            });
        }
        if custom.columns.is_empty() {
            out.push(age());
        }
        return out;
    }
    if resource.builtin_name() == "events" {
        return event_columns();
    }
    out.extend(builtin_columns(resource.builtin_name()));
    out.push(age());
    out
}

/// Events are shown without their names.
fn event_columns() -> Vec<Column> {
    let path = |name: &str, p: &str| column(name, "string", Source::Path(p.to_owned()));
    let object = |e: &Value| {
        let involved = &e["involvedObject"];
        format!("{}/{}", text(involved, &["kind"]).to_lowercase(), text(involved, &["name"])).into()
    };
    vec![
        column("Last Seen", "string", Source::Age("lastTimestamp".to_owned())),
        path("Type", "type"),
        path("Reason", "reason"),
        column("Object", "string", Source::Computed(object)),
        path("Message", "message"),
    ]
}

fn builtin_columns(resource: &str) -> Vec<Column> {
    let path = |name: &str, kind: &str, p: &str| column(name, kind, Source::Path(p.to_owned()));
    let computed = |name: &str, f: fn(&Value) -> Value| column(name, "string", Source::Computed(f));
    match resource {
        "pods" => vec![
            computed("Ready", pod_ready),
            computed("Status", pod_status),
            computed("Restarts", |p| {
                let n: i64 =
                    list(p, &["status", "containerStatuses"]).iter().filter_map(|c| c["restartCount"].as_i64()).sum();
                n.to_string().into()
            }),
        ],
        "deployments.apps" => vec![
            computed("Ready", |d| ratio(d, "readyReplicas")),
            path("Up-to-date", "string", "status.updatedReplicas"),
            path("Available", "string", "status.availableReplicas"),
        ],
        "statefulsets.apps" => vec![computed("Ready", |d| ratio(d, "readyReplicas"))],
        "replicasets.apps" | "replicationcontrollers" => vec![
            path("Desired", "integer", "spec.replicas"),
            path("Current", "integer", "status.replicas"),
            path("Ready", "integer", "status.readyReplicas"),
        ],
        "daemonsets.apps" => vec![
            path("Desired", "integer", "status.desiredNumberScheduled"),
            path("Current", "integer", "status.currentNumberScheduled"),
            path("Ready", "integer", "status.numberReady"),
            path("Up-to-date", "integer", "status.updatedNumberScheduled"),
            path("Available", "integer", "status.numberAvailable"),
        ],
        "jobs.batch" => vec![computed("Completions", |j| {
            let n = |p: &[&str]| at(j, p).and_then(Value::as_i64);
            format!("{}/{}", n(&["status", "succeeded"]).unwrap_or(0), n(&["spec", "completions"]).unwrap_or(1)).into()
        })],
        "cronjobs.batch" => vec![
            path("Schedule", "string", "spec.schedule"),
            path("Suspend", "boolean", "spec.suspend"),
            computed("Active", |c| list(c, &["status", "active"]).len().into()),
        ],
        "services" => vec![
            path("Type", "string", "spec.type"),
            path("Cluster-IP", "string", "spec.clusterIP"),
            computed("External-IP", |s| {
                let ip = list(s, &["status", "loadBalancer", "ingress"]).first().map(|i| text(i, &["ip"]).to_owned());
                ip.filter(|i| !i.is_empty()).unwrap_or_else(|| "<none>".to_owned()).into()
            }),
            computed("Port(s)", service_ports),
        ],
        "configmaps" => vec![computed("Data", |c| {
            let n = |k: &str| c.get(k).and_then(Value::as_object).map_or(0, serde_json::Map::len);
            (n("data") + n("binaryData")).into()
        })],
        "secrets" => vec![
            path("Type", "string", "type"),
            computed("Data", |c| c.get("data").and_then(Value::as_object).map_or(0, serde_json::Map::len).into()),
        ],
        "namespaces" => vec![path("Status", "string", "status.phase")],
        "persistentvolumeclaims" => vec![
            path("Status", "string", "status.phase"),
            path("Volume", "string", "spec.volumeName"),
            path("Capacity", "string", "status.capacity.storage"),
            path("StorageClass", "string", "spec.storageClassName"),
        ],
        "ingresses.networking.k8s.io" => vec![path("Class", "string", "spec.ingressClassName")],
        "serviceaccounts" => vec![computed("Secrets", |s| list(s, &["secrets"]).len().into())],
        _ => Vec::new(),
    }
}

/// What `kubectl get pods` calls the status: why a container waits or ended, or the phase.
fn pod_status(pod: &Value) -> Value {
    let reason = |status: &Value| {
        let waiting = text(status, &["state", "waiting", "reason"]);
        let ended = text(status, &["state", "terminated", "reason"]);
        if waiting.is_empty() { ended.to_owned() } else { waiting.to_owned() }
    };
    if crate::object::is_deleting(pod) {
        return "Terminating".into();
    }
    let init = list(pod, &["status", "initContainerStatuses"]);
    if let Some(held) = init.iter().find(|c| c["state"]["terminated"]["exitCode"] != 0) {
        return format!("Init:{}", reason(held)).into();
    }
    let own = list(pod, &["status", "containerStatuses"]).iter().rev().map(reason).find(|r| !r.is_empty());
    let phase = || match text(pod, &["status", "reason"]) {
        "" => text(pod, &["status", "phase"]).to_owned(),
        why => why.to_owned(),
    };
    own.unwrap_or_else(phase).into()
}

fn pod_ready(pod: &Value) -> Value {
    let statuses = list(pod, &["status", "containerStatuses"]);
    let ready = statuses.iter().filter(|c| c.get("ready") == Some(&Value::Bool(true))).count();
    format!("{ready}/{}", list(pod, &["spec", "containers"]).len()).into()
}

fn ratio(object: &Value, key: &str) -> Value {
    let n = |p: &[&str]| at(object, p).and_then(Value::as_i64).unwrap_or(0);
    format!("{}/{}", n(&["status", key]), n(&["spec", "replicas"])).into()
}

fn service_ports(service: &Value) -> Value {
    let ports = list(service, &["spec", "ports"]).iter().map(|p| {
        let node = p.get("nodePort").and_then(Value::as_i64).map(|n| format!(":{n}")).unwrap_or_default();
        format!("{}{node}/{}", p["port"], text(p, &["protocol"]))
    });
    let ports: Vec<String> = ports.collect();
    if ports.is_empty() { "<none>".into() } else { ports.join(",").into() }
}

fn cell(column: &Column, object: &Value, now: Timestamp) -> Value {
    match &column.value {
        Source::Computed(f) => f(object),
        Source::Path(p) => lookup(object, p).map_or(Value::Null, |v| match (v, column.kind.as_str()) {
            (Value::Object(_) | Value::Array(_), _) => v.to_string().into(),
            (Value::Number(n), "string") => n.to_string().into(),
            _ => v.clone(),
        }),
        Source::Age(p) => {
            lookup(object, p).and_then(Value::as_str).map_or_else(|| "<unknown>".into(), |t| age(t, now).into())
        }
    }
}

/// The simple JSON paths of printer columns: fields, indexes and `[?(@.a=="b")]` filters.
fn lookup<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    let mut at = object;
    let mut rest = path;
    while !rest.is_empty() {
        rest = rest.trim_start_matches('.');
        if let Some(inner) = rest.strip_prefix("[?(@.") {
            let (condition, tail) = inner.split_once(")]")?;
            let (field, want) = condition.split_once("==")?;
            let want = want.trim().trim_matches(['"', '\'']);
            at = at.as_array()?.iter().find(|v| text(v, &[field.trim()]) == want)?;
            rest = tail;
        } else if let Some(inner) = rest.strip_prefix('[') {
            let (index, tail) = inner.split_once(']')?;
            at = match index.parse::<usize>() {
                Ok(i) => at.get(i)?,
                Err(_) => at.get(index.trim_matches(['"', '\'']))?,
            };
            rest = tail;
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            at = at.get(&rest[..end])?;
            rest = &rest[end..];
        }
    }
    Some(at)
}

/// The age of a time as `kubectl` writes it: `45s`, `12m`, `3h5m`, `2d4h`.
fn age(time: &str, now: Timestamp) -> String {
    let Ok(then) = time.parse::<Timestamp>() else { return "<invalid>".to_owned() };
    let seconds = now.duration_since(then).as_secs();
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match seconds {
        s if s < -1 => "<invalid>".to_owned(),
        s if s < 0 => "0s".to_owned(),
        s if s < 120 => format!("{s}s"),
        s if minutes < 10 && s % 60 != 0 => format!("{minutes}m{}s", s % 60),
        _ if minutes < 180 => format!("{minutes}m"),
        _ if hours < 8 && minutes % 60 != 0 => format!("{hours}h{}m", minutes % 60),
        _ if hours < 48 => format!("{hours}h"),
        _ if hours < 192 && hours % 24 != 0 => format!("{}d{}h", hours / 24, hours % 24),
        _ => format!("{}d", hours / 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_paths() {
        let now: Timestamp = "2026-01-10T00:00:00Z".parse().unwrap();
        let cases = [
            ("2026-01-09T23:59:15Z", "45s"),
            ("2026-01-09T23:48:00Z", "12m"),
            ("2026-01-09T20:55:00Z", "3h5m"),
            ("2026-01-07T20:00:00Z", "2d4h"),
        ];
        for (t, want) in cases {
            assert_eq!(age(t, now), want);
        }
        let o = json!({"status": {"conditions": [{"type": "A", "status": "False"}, {"type": "Ready", "status": "True"}], "l": [1, 2]}});
        assert_eq!(lookup(&o, "status.conditions[?(@.type==\"Ready\")].status").unwrap(), "True");
        assert_eq!(lookup(&o, "status.l[1]").unwrap(), 2);
        assert!(lookup(&o, "status.[bogus").is_none());
    }
}
