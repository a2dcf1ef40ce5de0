//! Checks that several kinds share.

use serde_json::Value;

use crate::names;
use crate::object::{at, list, map, text};
use crate::status::FieldError;

/// A list of errors under construction.
pub(super) type Errors = Vec<FieldError>;

/// `path.key`.
pub(super) fn child(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// A number that may not be negative.
pub(super) fn non_negative(object: &Value, key: &str, path: &str, out: &mut Errors) {
    if let Some(n) = object.get(key).and_then(Value::as_i64).filter(|n| *n < 0) {
        out.push(FieldError::invalid(child(path, key), n, "must be greater than or equal to 0"));
    }
}

/// A text that must be one of a few.
pub(super) fn one_of(object: &Value, key: &str, allowed: &[&str], path: &str, out: &mut Errors) {
    let value = text(object, &[key]);
    if !value.is_empty() && !allowed.contains(&value) {
        out.push(FieldError::not_supported(child(path, key), value, allowed));
    }
}

/// A text that must be there.
pub(super) fn required(object: &Value, key: &str, detail: &str, path: &str, out: &mut Errors) -> bool {
    let missing = object.get(key).is_none_or(|v| v.is_null() || v == "");
    if missing {
        out.push(FieldError::required(child(path, key), detail));
    }
    !missing
}

/// Adds an error for each message of a grammar.
pub(super) fn grammar(field: String, value: &str, messages: Vec<String>, out: &mut Errors) {
    out.extend(messages.into_iter().map(|m| FieldError::invalid(field.clone(), value, m)));
}

/// A port number.
pub(super) fn port_number(field: String, n: i64, out: &mut Errors) {
    if !(1..=65535).contains(&n) {
        out.push(FieldError::invalid(field, n, "must be between 1 and 65535, inclusive"));
    }
}

/// A port number or the name of a port.
pub(super) fn port(field: String, value: &Value, out: &mut Errors) {
    match value {
        Value::String(name) => grammar(field, name, names::port_name(name), out),
        v => port_number(field, v.as_i64().unwrap_or(0), out),
    }
}

/// A label selector.
pub(super) fn selector(object: &Value, path: &str, out: &mut Errors) {
    for (key, value) in map(object, &["matchLabels"]).into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        grammar(child(path, "matchLabels"), key, names::qualified_name(key), out);
        let at = format!("{path}.matchLabels[{key}]");
        out.extend(names::label_value(value).into_iter().map(|m| FieldError::invalid(at.clone(), value, m)));
    }
    for (i, e) in list(object, &["matchExpressions"]).iter().enumerate() {
        let at = format!("{path}.matchExpressions[{i}]");
        let values = list(e, &["values"]);
        match text(e, &["operator"]) {
            "In" | "NotIn" if values.is_empty() => {
                out.push(FieldError::required(
                    child(&at, "values"),
                    "must be specified when `operator` is 'In' or 'NotIn'",
                ));
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                out.push(FieldError::forbidden(child(&at, "values"), detail));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => out.push(FieldError::invalid(child(&at, "operator"), other, "not a valid selector operator")),
        }
        grammar(child(&at, "key"), text(e, &["key"]), names::qualified_name(text(e, &["key"])), out);
    }
}

/// Labels of a template.
pub(super) fn labels(object: &Value, path: &str, out: &mut Errors) {
    for (key, value) in map(object, &["metadata", "labels"]).into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        grammar(child(path, "labels"), key, names::qualified_name(key), out);
        grammar(child(path, "labels"), value, names::label_value(value), out);
    }
}

/// A field that may not change.
pub(super) fn same(new: &Value, old: &Value, path: &[&str], out: &mut Errors) {
    let (n, o) = (at(new, path), at(old, path));
    let empty = |v: Option<&Value>| v.is_none_or(Value::is_null);
    if n != o && !(empty(n) && empty(o)) {
        out.push(FieldError::invalid(path.join("."), n.cloned().unwrap_or_default(), "field is immutable"));
    }
}
