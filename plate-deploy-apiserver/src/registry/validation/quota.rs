//! Validation of ResourceQuotas and LimitRanges.

use serde_json::Value;

use super::common::{Errors, child, grammar};
use crate::names;
use crate::object::{at, list, map, text};
use crate::scheme::Quantity;
use crate::status::FieldError;

fn amount(object: &Value, kind: &str, name: &str) -> Option<Quantity> {
    object.get(kind)?.get(name)?.as_str().and_then(|s| Quantity::parse(s).ok())
}

/// A LimitRange.
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
        if kind == "PersistentVolumeClaim" && ["min", "max"].iter().all(|k| limit[*k].get("storage").is_none()) {
            let detail = "either minimum or maximum storage value is required, but neither was provided";
            out.push(FieldError::required(child(&at, "limits"), detail));
        }
        order(limit, &at, out);
    }
}

/// min ≤ defaultRequest ≤ default ≤ max, of every resource.
fn order(limit: &Value, at: &str, out: &mut Errors) {
    let kinds = ["min", "defaultRequest", "default", "max"];
    let mut resources: Vec<&str> =
        kinds.iter().flat_map(|k| map(limit, &[k]).into_iter().flatten()).map(|(name, _)| name.as_str()).collect();
    resources.sort_unstable();
    resources.dedup();
    let words = |kind: &str| {
        match kind {
            "defaultRequest" => "default request",
            other => {
                if other == "default" {
                    "default"
                } else {
                    other
                }
            }
        }
        .to_owned()
    };
    for name in resources {
        for (low, high) in [
            ("min", "max"),
            ("min", "defaultRequest"),
            ("defaultRequest", "max"),
            ("defaultRequest", "default"),
            ("min", "default"),
            ("default", "max"),
        ] {
            let (Some(a), Some(b)) = (amount(limit, low, name), amount(limit, high, name)) else { continue };
            if a.nanos() > b.nanos() {
                // The place is that of the value that can be changed.
                let field = if low == "min" && high != "max" { high } else { low };
                let shown = if field == low { a.canonical() } else { b.canonical() };
                let detail = format!(
                    "{} value {} is greater than {} value {}",
                    words(low),
                    a.canonical(),
                    words(high),
                    b.canonical()
                );
                out.push(FieldError::invalid(format!("{at}.{field}[{name}]"), shown, detail));
            }
        }
    }
}

const SCOPES: [&str; 7] = [
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
    "VolumeAttributesClass",
];

/// A ResourceQuota.
pub(super) fn quota(object: &Value, out: &mut Errors) {
    for (name, value) in map(object, &["spec", "hard"]).into_iter().flatten() {
        let at = format!("spec.hard[{name}]");
        let messages = names::qualified_name(name);
        if messages.is_empty() && !name.contains('/') && !is_quota_name(name) {
            out.push(FieldError::invalid(at.clone(), name.as_str(), "must be a standard resource for quota"));
        }
        grammar(at.clone(), name, messages, out);
        let Some(q) = value.as_str().and_then(|s| Quantity::parse(s).ok()) else { continue };
        if q.nanos() < 0 {
            out.push(FieldError::invalid(at.clone(), value.clone(), "must be greater than or equal to 0"));
        }
        let whole =
            name.starts_with("count/") || matches!(name.as_str(), "pods" | "services" | "secrets" | "configmaps");
        if whole && q.nanos() % 1_000_000_000 != 0 {
            out.push(FieldError::invalid(at, value.clone(), "must be an integer"));
        }
    }
    scopes(object, out);
}

fn is_quota_name(name: &str) -> bool {
    let plain = name.strip_prefix("requests.").or_else(|| name.strip_prefix("limits.")).unwrap_or(name);
    matches!(
        plain,
        "cpu"
            | "memory"
            | "ephemeral-storage"
            | "storage"
            | "pods"
            | "resourcequotas"
            | "services"
            | "replicationcontrollers"
            | "secrets"
            | "persistentvolumeclaims"
            | "configmaps"
            | "services.nodeports"
            | "services.loadbalancers"
    ) || plain.starts_with("hugepages-")
}

/// True when a quota of that resource may be limited to a scope.
fn scope_fits(scope: &str, resource: &str) -> bool {
    let pods = resource == "pods" || resource == "count/pods";
    let compute =
        matches!(resource, "cpu" | "memory" | "requests.cpu" | "requests.memory" | "limits.cpu" | "limits.memory");
    match scope {
        "BestEffort" => pods,
        "VolumeAttributesClass" => resource.contains("storage") || resource.contains("persistentvolumeclaims"),
        _ => pods || compute,
    }
}

fn scopes(object: &Value, out: &mut Errors) {
    let given: Vec<&str> = list(object, &["spec", "scopes"]).iter().filter_map(Value::as_str).collect();
    let value = || at(object, &["spec", "scopes"]).cloned().unwrap_or_default();
    let resources: Vec<&String> = map(object, &["spec", "hard"]).into_iter().flatten().map(|(k, _)| k).collect();
    if given.iter().any(|s| !SCOPES.contains(s)) {
        out.push(FieldError::invalid("spec.scopes", value(), "unsupported scope"));
    }
    for scope in given.iter().filter(|s| SCOPES.contains(s)) {
        if resources.iter().any(|r| !scope_fits(scope, r) && is_quota_name(r)) {
            out.push(FieldError::invalid("spec.scopes", value(), "unsupported scope applied to resource"));
        }
    }
    let both = |a: &str, b: &str| given.contains(&a) && given.contains(&b);
    if both("Terminating", "NotTerminating") || both("BestEffort", "NotBestEffort") {
        out.push(FieldError::invalid("spec.scopes", value(), "conflicting scopes"));
    }
    for e in list(object, &["spec", "scopeSelector", "matchExpressions"]) {
        let (scope, operator) = (text(e, &["scopeName"]), text(e, &["operator"]));
        let path = "spec.scopeSelector.matchExpressions";
        let fits = resources.iter().all(|r| scope_fits(scope, r) || !is_quota_name(r));
        if !SCOPES.contains(&scope) {
            out.push(FieldError::invalid(path, object["spec"]["scopeSelector"].clone(), "unsupported scope"));
        } else if !fits {
            let detail = "unsupported scope applied to resource";
            out.push(FieldError::invalid(path, object["spec"]["scopeSelector"].clone(), detail));
        }
        let values = list(e, &["values"]);
        match operator {
            "In" | "NotIn" if values.is_empty() => {
                let detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
                out.push(FieldError::required(format!("{path}.values"), detail));
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                let detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
                out.push(FieldError::invalid(format!("{path}.values"), e["values"].clone(), detail));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => out.push(FieldError::invalid(format!("{path}.operator"), other, "not a valid selector operator")),
        }
    }
}
