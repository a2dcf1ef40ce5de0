//! What does not fit a type.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Atom, item_element};
use crate::fieldmanager::path::PathElement;
use crate::scheme::{ListKind, Scalar, Type};

/// What does not fit the type, in structured-merge-diff's words.
pub(in crate::fieldmanager) fn validate(value: &Value, ty: &Type) -> Vec<String> {
    let mut out = Vec::new();
    validate_walk(value, ty, String::new(), &mut out);
    out
}

fn validate_walk(value: &Value, ty: &Type, path: String, out: &mut Vec<String>) {
    let at = |message: String| if path.is_empty() { message } else { format!("{path}: {message}") };
    if value.is_null() {
        return;
    }
    match Atom::of(ty, Some(value)) {
        Atom::Scalar(s) => {
            out.extend(scalar_error(&s, value).map(at));
        }
        Atom::List(l) => {
            let Some(items) = value.as_array() else {
                return out.push(at(format!("expected list, got &{{{}}}", go_plain(value))));
            };
            let mut seen = BTreeSet::new();
            for (i, item) in items.iter().enumerate() {
                let element = if l.kind == ListKind::Atomic {
                    PathElement::Index(i64::try_from(i).unwrap_or(i64::MAX))
                } else {
                    match item_element(&l, item) {
                        Ok(e) if seen.contains(&e) => return out.push(at(format!("duplicate entries for key {e}"))),
                        Ok(e) => e,
                        Err(e) => return out.push(at(format!("element {i}: {e}"))),
                    }
                };
                validate_walk(item, &l.elem, format!("{path}{element}"), out);
                seen.insert(element);
            }
        }
        Atom::Map(m) => {
            let Some(map) = value.as_object() else {
                return out.push(at(format!("expected map, got &{{{}}}", go_plain(value))));
            };
            for (key, child) in map {
                let here = format!("{path}.{key}");
                match m.child(key) {
                    Some(ty) => validate_walk(child, &ty, here, out),
                    None => out.push(format!("{here}: field not declared in schema")),
                }
            }
        }
    }
}

fn scalar_error(scalar: &Scalar, value: &Value) -> Option<String> {
    let wrong = |wanted: &str, form: &str| Some(format!("expected {wanted}, got {form}"));
    match (scalar, value) {
        (Scalar::Int32 | Scalar::Int64 | Scalar::Uint32 | Scalar::Float, Value::Number(_))
        | (Scalar::String(_) | Scalar::Duration | Scalar::Bytes, Value::String(_))
        | (Scalar::Bool, Value::Bool(_)) => None,
        (Scalar::Int32 | Scalar::Int64 | Scalar::Uint32 | Scalar::Float, v) => {
            wrong("numeric (int or float)", go_type_name(v))
        }
        (Scalar::String(_) | Scalar::Duration | Scalar::Bytes, v) => {
            wrong("string", &format!("&value.valueUnstructured{{Value:{}}}", go_value(v)))
        }
        (Scalar::Bool, v) => wrong("boolean", &format!("&{{{}}}", go_plain(v))),
        (_, Value::Array(_) | Value::Object(_)) => wrong("any scalar", &format!("&{{{}}}", go_plain(value))),
        _ => None,
    }
}

fn go_type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(n) if n.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// A value as Go's `%#v` prints it.
fn go_value(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".to_owned(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(go_value).collect();
            format!("[]interface {{}}{{{}}}", items.join(", "))
        }
        Value::Object(map) => {
            let items: Vec<String> = map.iter().map(|(k, v)| format!("{k:?}:{}", go_value(v))).collect();
            format!("map[string]interface {{}}{{{}}}", items.join(", "))
        }
        other => other.to_string(),
    }
}

/// A value as Go's `%v` prints it.
fn go_plain(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(s) => s.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(go_plain).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let items: Vec<String> = map.iter().map(|(k, v)| format!("{k}:{}", go_plain(v))).collect();
            format!("map[{}]", items.join(" "))
        }
        other => other.to_string(),
    }
}
