//! Conversion between versions of a resource.
//!
//! Custom resources change only their `apiVersion` (strategy `None`). Of the built-in resources two have more than one
//! served version: HorizontalPodAutoscalers and Events.

use serde_json::{Map, Value, json};

use super::catalog::Resource;
use crate::scheme::{Gvk, Type, builtin_kind, decode};

/// The object in another version of its resource.
#[must_use]
pub fn convert(mut object: Value, resource: &Resource, to: &str) -> Value {
    let from = object.get("apiVersion").and_then(Value::as_str).unwrap_or(to).to_owned();
    if from == to {
        return object;
    }
    match (resource.builtin_name(), from.as_str(), to) {
        ("horizontalpodautoscalers.autoscaling", "autoscaling/v1", _) => autoscaler_to_v2(&mut object),
        ("horizontalpodautoscalers.autoscaling", _, "autoscaling/v1") => autoscaler_to_v1(&mut object),
        ("events", "v1", _) => rename(&mut object, |(core, new)| (core, new)),
        ("events", _, "v1") => rename(&mut object, |(core, new)| (new, core)),
        _ => {}
    }
    if let Value::Object(map) = &mut object {
        map.insert("apiVersion".to_owned(), to.into());
    }
    if resource.custom.is_some() {
        return object;
    }
    // The other version has its own idea of which zero values are written.
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
    let info = builtin_kind(&Gvk::from_api_version(to, kind));
    match info.map(|i| &i.ty) {
        Some(Type::Struct(ty)) => decode(object.clone(), ty, &mut Vec::new()).unwrap_or(object),
        _ => object,
    }
}

/// Field names of core/v1 and events.k8s.io/v1 events.
const EVENT_FIELDS: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

fn rename(object: &mut Value, direction: impl Fn((&'static str, &'static str)) -> (&'static str, &'static str)) {
    let Value::Object(map) = object else { return };
    for pair in EVENT_FIELDS {
        let (from, to) = direction(pair);
        if let Some(v) = map.remove(from) {
            map.insert(to.to_owned(), v);
        }
    }
}

/// Where v1 keeps what it has no fields for.
const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";

fn annotations(object: &mut Value) -> Option<&mut Map<String, Value>> {
    let metadata = crate::object::metadata_mut(object)?;
    metadata.entry("annotations").or_insert_with(|| json!({})).as_object_mut()
}

fn drop_empty_annotations(object: &mut Value) {
    if let Some(m) = crate::object::metadata_mut(object)
        && m.get("annotations").and_then(Value::as_object).is_some_and(Map::is_empty)
    {
        m.remove("annotations");
    }
}

/// `autoscaling/v1` has a target of 80 % CPU unless it says otherwise; `v2` gets it as its metric.
pub(super) fn default_autoscaler(object: &mut Value) {
    let v1 = object.get("apiVersion").is_some_and(|v| v == "autoscaling/v1");
    let annotated = crate::object::at(object, &["metadata", "annotations", METRICS]).is_some();
    if !v1 || annotated {
        return;
    }
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        spec.entry("targetCPUUtilizationPercentage").or_insert_with(|| 80.into());
    }
}

fn autoscaler_to_v2(object: &mut Value) {
    let taken: Vec<Option<Value>> = [METRICS, BEHAVIOR]
        .iter()
        .map(|key| annotations(object)?.remove(*key))
        .map(|v| v.as_ref().and_then(Value::as_str).and_then(|s| serde_json::from_str(s).ok()))
        .collect();
    drop_empty_annotations(object);
    let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else { return };
    let mut metrics = Vec::new();
    if let Some(target) = spec.remove("targetCPUUtilizationPercentage") {
        metrics.push(json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": target}}}));
    }
    let mut taken = taken.into_iter();
    if let Some(Some(Value::Array(more))) = taken.next() {
        metrics.extend(more);
    }
    if !metrics.is_empty() {
        spec.insert("metrics".to_owned(), Value::Array(metrics));
    }
    if let Some(Some(behavior)) = taken.next() {
        spec.insert("behavior".to_owned(), behavior);
    }
    if let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) {
        status.remove("currentCPUUtilizationPercentage");
        status.entry("currentMetrics").or_insert(Value::Null);
    }
}

fn autoscaler_to_v1(object: &mut Value) {
    let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else { return };
    let metrics = spec.remove("metrics").unwrap_or_default();
    let behavior = spec.remove("behavior");
    let mut rest = Vec::new();
    for metric in metrics.as_array().into_iter().flatten() {
        let resource = metric.get("resource");
        let target = resource.and_then(|r| r.get("target")).and_then(|t| t.get("averageUtilization"));
        match (resource.and_then(|r| r.get("name")).and_then(Value::as_str), target) {
            (Some("cpu"), Some(target)) if !spec.contains_key("targetCPUUtilizationPercentage") => {
                spec.insert("targetCPUUtilizationPercentage".to_owned(), target.clone());
            }
            _ => rest.push(metric.clone()),
        }
    }
    if let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) {
        status.remove("currentMetrics");
        status.remove("conditions");
        status.entry("currentReplicas").or_insert(json!(0));
    }
    if let Some(annotations) = annotations(object) {
        if !rest.is_empty() {
            annotations.insert(METRICS.to_owned(), Value::Array(rest).to_string().into());
        }
        if let Some(behavior) = behavior {
            annotations.insert(BEHAVIOR.to_owned(), behavior.to_string().into());
        }
    }
    drop_empty_annotations(object);
}
