//! autoscaling HorizontalPodAutoscaler: v2 has conditions in its status, v1 in an annotation.

use serde_json::Value;

use super::typed::Typed;
use crate::health::{HealthError, degraded, healthy, progressing};
use crate::model::{HealthStatus, Manifest};

/// Where `autoscaling/v1` objects carry their conditions.
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";

/// (condition type, reason) pairs that mean the autoscaler cannot work.
const FAILURES: &[(&str, &str)] = &[
    ("AbleToScale", "FailedGetScale"),
    ("AbleToScale", "FailedUpdateScale"),
    ("ScalingActive", "FailedGetResourceMetric"),
    ("ScalingActive", "FailedGetObjectMetric"),
    ("ScalingActive", "FailedGetPodsMetric"),
    ("ScalingActive", "FailedGetExternalMetric"),
    ("ScalingActive", "FailedComputeMetricsReplicas"),
    ("ScalingActive", "InvalidSelector"),
];

pub(super) fn assess(object: &Manifest) -> Result<HealthStatus, HealthError> {
    let hpa = Typed::new(object, "HPA", &["v1", "v2"])?;
    if object.gvk().version == "v2" {
        let conditions = object.value().pointer("/status/conditions").and_then(Value::as_array);
        return Ok(judge(conditions.map(Vec::as_slice).unwrap_or_default()));
    }
    let Some(annotation) = hpa.at("/metadata/annotations").entry(CONDITIONS).text() else {
        return Ok(judge(&[]));
    };
    match serde_json::from_str::<Value>(annotation) {
        Ok(Value::Array(conditions)) => Ok(judge(&conditions)),
        Ok(Value::Null) => Ok(judge(&[])),
        Ok(_) => Err(HealthError::HpaConditions("expected a list of conditions".into())),
        Err(error) => Err(HealthError::HpaConditions(json_problem(annotation, &error))),
    }
}

fn judge(conditions: &[Value]) -> HealthStatus {
    if let Some(bad) = conditions.iter().find(|c| FAILURES.contains(&(field(c, "type"), field(c, "reason")))) {
        return degraded(field(bad, "message"));
    }
    let works =
        |c: &&Value| matches!(field(c, "type"), "AbleToScale" | "ScalingLimited") && field(c, "status") == "True";
    match conditions.iter().find(works) {
        Some(good) => healthy(field(good, "message")),
        None => progressing("Waiting to Autoscale"),
    }
}

/// A field of a condition; Go's JSON reader does not mind the case of its name.
fn field<'a>(condition: &'a Value, name: &str) -> &'a str {
    let found = condition.as_object().and_then(|map| map.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)));
    found.and_then(|(_, value)| value.as_str()).unwrap_or_default()
}

/// Go's words for the commonest kinds of broken JSON; serde's for the rest.
fn json_problem(text: &str, error: &serde_json::Error) -> String {
    let text = text.trim_start();
    let Some(first) = text.chars().next() else { return "unexpected end of JSON input".into() };
    let Some(literal) = ["null", "true", "false"].into_iter().find(|l| l.starts_with(first)) else {
        return if matches!(first, '[' | '{' | '"' | '-' | '0'..='9') {
            error.to_string()
        } else {
            format!("invalid character {first:?} looking for beginning of value")
        };
    };
    match text.chars().zip(literal.chars()).find(|(found, expected)| found != expected) {
        Some((found, expected)) => {
            format!("invalid character {found:?} in literal {literal} (expecting {expected:?})")
        }
        None if text.len() < literal.len() => "unexpected end of JSON input".into(),
        None => error.to_string(),
    }
}
