//! Validation of where pods may run: affinity, topology spread, node selectors.

use serde_json::Value;

use super::common::{Errors, child, grammar, one_of, required, selector};
use crate::names;
use crate::object::{list, text};
use crate::status::FieldError;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// `affinity` and `topologySpreadConstraints` of a pod spec.
pub(super) fn placement(spec: &Value, path: &str, out: &mut Errors) {
    let affinity = &spec["affinity"];
    let at = child(path, "affinity");
    node_affinity(&affinity["nodeAffinity"], &child(&at, "nodeAffinity"), out);
    for kind in ["podAffinity", "podAntiAffinity"] {
        let at = child(&at, kind);
        for (i, term) in list(affinity, &[kind, REQUIRED]).iter().enumerate() {
            pod_term(term, &format!("{at}.{REQUIRED}[{i}]"), out);
        }
        for (i, weighted) in list(affinity, &[kind, PREFERRED]).iter().enumerate() {
            let at = format!("{at}.{PREFERRED}[{i}]");
            weight(weighted, &at, out);
            pod_term(&weighted["podAffinityTerm"], &child(&at, "podAffinityTerm"), out);
        }
    }
    for (i, c) in list(spec, &["topologySpreadConstraints"]).iter().enumerate() {
        spread(c, &format!("{path}.topologySpreadConstraints[{i}]"), out);
    }
}

fn weight(term: &Value, at: &str, out: &mut Errors) {
    let n = term.get("weight").and_then(Value::as_i64).unwrap_or(0);
    if !(1..=100).contains(&n) {
        out.push(FieldError::invalid(child(at, "weight"), n, "must be in the range 1-100"));
    }
}

fn node_affinity(affinity: &Value, at: &str, out: &mut Errors) {
    if let Some(selector) = affinity.get(REQUIRED).filter(|s| !s.is_null()) {
        node_selector(selector, &child(at, REQUIRED), out);
    }
    for (i, term) in list(affinity, &[PREFERRED]).iter().enumerate() {
        let at = format!("{at}.{PREFERRED}[{i}]");
        let n = term.get("weight").and_then(Value::as_i64).unwrap_or(0);
        if !(1..=100).contains(&n) {
            out.push(FieldError::invalid(child(&at, "weight"), n, "must be in the range 1-100"));
        }
        node_term(&term["preference"], &child(&at, "preference"), out);
    }
}

/// A node selector, of pods and of volumes.
pub(super) fn node_selector(selector: &Value, at: &str, out: &mut Errors) {
    let terms = list(selector, &["nodeSelectorTerms"]);
    let at = child(at, "nodeSelectorTerms");
    if terms.is_empty() {
        out.push(FieldError::required(at, "must have at least one node selector term"));
        return;
    }
    for (i, term) in terms.iter().enumerate() {
        node_term(term, &format!("{at}[{i}]"), out);
    }
}

fn node_term(term: &Value, at: &str, out: &mut Errors) {
    for (i, e) in list(term, &["matchExpressions"]).iter().enumerate() {
        let at = format!("{at}.matchExpressions[{i}]");
        let values = list(e, &["values"]);
        match text(e, &["operator"]) {
            "In" | "NotIn" if values.is_empty() => {
                let detail = "must be specified when `operator` is 'In' or 'NotIn'";
                out.push(FieldError::required(child(&at, "values"), detail));
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                out.push(FieldError::forbidden(child(&at, "values"), detail));
            }
            "Gt" | "Lt" if values.len() != 1 => {
                let detail = "must be specified single value when `operator` is 'Lt' or 'Gt'";
                out.push(FieldError::required(child(&at, "values"), detail));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
            other => out.push(FieldError::invalid(child(&at, "operator"), other, "not a valid selector operator")),
        }
        grammar(child(&at, "key"), text(e, &["key"]), names::qualified_name(text(e, &["key"])), out);
    }
    for (i, e) in list(term, &["matchFields"]).iter().enumerate() {
        let at = format!("{at}.matchFields[{i}]");
        if text(e, &["key"]) != "metadata.name" {
            out.push(FieldError::invalid(child(&at, "key"), text(e, &["key"]), "not a valid field selector key"));
        }
    }
}

fn pod_term(term: &Value, at: &str, out: &mut Errors) {
    for key in ["labelSelector", "namespaceSelector"] {
        if let Some(s) = term.get(key).filter(|s| !s.is_null()) {
            selector(s, &child(at, key), out);
        }
    }
    let key = text(term, &["topologyKey"]);
    required(term, "topologyKey", "can not be empty", at, out);
    grammar(child(at, "topologyKey"), key, names::qualified_name(key), out);
}

fn spread(constraint: &Value, at: &str, out: &mut Errors) {
    let skew = constraint.get("maxSkew").and_then(Value::as_i64).unwrap_or(0);
    if skew <= 0 {
        out.push(FieldError::invalid(child(at, "maxSkew"), skew, "must be greater than zero"));
    }
    if required(constraint, "topologyKey", "can not be empty", at, out) {
        let key = text(constraint, &["topologyKey"]);
        grammar(child(at, "topologyKey"), key, names::qualified_name(key), out);
    }
    let when = text(constraint, &["whenUnsatisfiable"]);
    let allowed = ["DoNotSchedule", "ScheduleAnyway"];
    if !allowed.contains(&when) {
        out.push(FieldError::not_supported(child(at, "whenUnsatisfiable"), when, &allowed));
    }
    for key in ["nodeAffinityPolicy", "nodeTaintsPolicy"] {
        one_of(constraint, key, &["Honor", "Ignore"], at, out);
    }
    if let Some(n) = constraint.get("minDomains").and_then(Value::as_i64).filter(|n| *n <= 0) {
        out.push(FieldError::invalid(child(at, "minDomains"), n, "must be greater than zero"));
    }
    if let Some(s) = constraint.get("labelSelector").filter(|s| !s.is_null()) {
        selector(s, &child(at, "labelSelector"), out);
    }
}
