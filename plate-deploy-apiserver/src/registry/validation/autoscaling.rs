//! Validation of HorizontalPodAutoscalers, in the words of `autoscaling/v2`.

use serde_json::Value;

use super::common::{Errors, child, required, selector};
use crate::names;
use crate::object::{list, text};
use crate::scheme::Quantity;
use crate::status::FieldError;

const TYPES: [(&str, &str); 5] = [
    ("ContainerResource", "containerResource"),
    ("External", "external"),
    ("Object", "object"),
    ("Pods", "pods"),
    ("Resource", "resource"),
];

/// Target, bounds, metrics and behaviour.
pub(super) fn autoscaler(object: &Value, out: &mut Errors) {
    let spec = &object["spec"];
    bounds(spec, out);
    reference(&spec["scaleTargetRef"], "spec.scaleTargetRef", out);
    for (i, m) in list(spec, &["metrics"]).iter().enumerate() {
        metric(m, &format!("spec.metrics[{i}]"), out);
    }
    for direction in ["scaleUp", "scaleDown"] {
        if let Some(rules) = spec.get("behavior").and_then(|b| b.get(direction)).filter(|r| r.is_object()) {
            scaling_rules(rules, &format!("spec.behavior.{direction}"), out);
        }
    }
}

fn bounds(spec: &Value, out: &mut Errors) {
    let number = |key: &str| spec.get(key).and_then(Value::as_i64).unwrap_or(0);
    let (min, max) = (number("minReplicas"), number("maxReplicas"));
    if min < 0 {
        out.push(FieldError::invalid("spec.minReplicas", min, "must be greater than or equal to 0"));
    }
    let outside = |m: &Value| matches!(text(m, &["type"]), "Object" | "External");
    if min == 0 && !list(spec, &["metrics"]).iter().any(outside) {
        let detail = "must specify at least one Object or External metric to support scaling to zero replicas";
        out.push(FieldError::forbidden("spec.metrics", detail));
    }
    if max < 0 {
        out.push(FieldError::invalid("spec.maxReplicas", max, "must be greater than 0"));
    }
    if max < min {
        out.push(FieldError::invalid("spec.maxReplicas", max, "must be greater than or equal to `minReplicas`"));
    }
    if max == 0 {
        out.push(FieldError::required("spec.maxReplicas", ""));
    }
}

fn reference(target: &Value, at: &str, out: &mut Errors) {
    for key in ["kind", "name"] {
        if required(target, key, "", at, out) {
            let name = text(target, &[key]);
            out.extend(names::path_segment(name).into_iter().map(|m| FieldError::invalid(child(at, key), name, m)));
        }
    }
    let (version, kind) = (text(target, &["apiVersion"]), text(target, &["kind"]));
    let at = child(at, "apiVersion");
    match version.matches('/').count() {
        0 if kind != "ReplicationController" => {
            out.push(FieldError::invalid(at, version, "apiVersion must specify API group"));
        }
        0 | 1 => {}
        _ => {
            out.push(FieldError::invalid(at, version, format!("unexpected GroupVersion string: {version}")));
        }
    }
}

fn metric(m: &Value, at: &str, out: &mut Errors) {
    let kind = text(m, &["type"]);
    let Some((_, field)) = TYPES.iter().find(|(name, _)| *name == kind) else {
        if kind.is_empty() {
            out.push(FieldError::required(child(at, "type"), "must specify a metric source type"));
        } else {
            let names: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
            out.push(FieldError::not_supported(child(at, "type"), kind, &names));
        }
        return;
    };
    for (_, other) in TYPES.iter().filter(|(_, f)| f != field && m.get(*f).is_some()) {
        let detail = "may only set the given metric source";
        out.push(FieldError::forbidden(child(at, other), detail));
    }
    let at = child(at, field);
    let Some(source) = m.get(*field).filter(|s| s.is_object()) else {
        out.push(FieldError::required(at, "must populate information for the given metric source"));
        return;
    };
    match *field {
        "resource" | "containerResource" => {
            required(source, "name", "must specify a resource name", &at, out);
            if *field == "containerResource" {
                required(source, "container", "must specify a container", &at, out);
            }
            utilization(source, &at, out);
        }
        _ => {
            if required(&source["metric"], "name", "must specify a metric name", &child(&at, "metric"), out)
                && let Some(s) = source["metric"].get("selector").filter(|s| s.is_object())
            {
                selector(s, &format!("{at}.metric.selector"), out);
            }
            let target = &source["target"];
            let given = ["value", "averageValue"].iter().any(|k| target.get(*k).is_some());
            if *field == "pods" && target.get("averageValue").is_none() {
                let detail = "must specify a positive target averageValue";
                out.push(FieldError::required(format!("{at}.target.averageValue"), detail));
            } else if !given {
                let detail = "must set either a target value for metric or a per-pod target";
                out.push(FieldError::required(format!("{at}.target.averageValue"), detail));
            }
            amounts(target, &child(&at, "target"), out);
        }
    }
}

fn utilization(source: &Value, at: &str, out: &mut Errors) {
    let target = &source["target"];
    let at = child(at, "target");
    required(target, "type", "must specify a metric target type", &at, out);
    let utilization = target.get("averageUtilization").and_then(Value::as_i64);
    let place = child(&at, "averageUtilization");
    match (utilization, target.get("averageValue").is_some()) {
        (None, false) => {
            let detail = "must set either a target raw value or a target utilization";
            out.push(FieldError::required(place, detail));
        }
        (Some(_), true) => {
            let detail = "may not set both a target raw value and a target utilization";
            out.push(FieldError::forbidden(child(&at, "averageValue"), detail));
        }
        (Some(n), false) if n < 1 => out.push(FieldError::invalid(place, n, "must be greater than 0")),
        _ => {}
    }
    amounts(target, &at, out);
}

fn amounts(target: &Value, at: &str, out: &mut Errors) {
    for key in ["value", "averageValue"] {
        let value = target.get(key).and_then(Value::as_str);
        if value.and_then(|v| Quantity::parse(v).ok()).is_some_and(|q| q.nanos() <= 0) {
            out.push(FieldError::invalid(child(at, key), value.unwrap_or_default(), "must be positive"));
        }
    }
}

fn scaling_rules(rules: &Value, at: &str, out: &mut Errors) {
    const LONGEST: i64 = 3600;
    if let Some(n) = rules.get("stabilizationWindowSeconds").and_then(Value::as_i64) {
        let at = child(at, "stabilizationWindowSeconds");
        if n < 0 {
            out.push(FieldError::invalid(at, n, "must be greater than or equal to zero"));
        } else if n > LONGEST {
            out.push(FieldError::invalid(at, n, format!("must be less than or equal to {LONGEST}")));
        }
    }
    let select = text(rules, &["selectPolicy"]);
    if !matches!(select, "" | "Disabled" | "Max" | "Min") {
        let allowed = ["Disabled", "Max", "Min"];
        out.push(FieldError::not_supported(child(at, "selectPolicy"), select, &allowed));
    }
    let policies = list(rules, &["policies"]);
    if policies.is_empty() {
        out.push(FieldError::required(child(at, "policies"), "must specify at least one Policy"));
    }
    for (i, policy) in policies.iter().enumerate() {
        let at = format!("{at}.policies[{i}]");
        let kind = text(policy, &["type"]);
        if !matches!(kind, "Pods" | "Percent") {
            out.push(FieldError::not_supported(child(&at, "type"), kind, &["Percent", "Pods"]));
        }
        for (key, most) in [("value", i64::MAX), ("periodSeconds", 1800)] {
            let n = policy.get(key).and_then(Value::as_i64).unwrap_or(0);
            if n <= 0 {
                out.push(FieldError::invalid(child(&at, key), n, "must be greater than zero"));
            } else if n > most {
                out.push(FieldError::invalid(child(&at, key), n, format!("must be less than or equal to {most}")));
            }
        }
    }
}
