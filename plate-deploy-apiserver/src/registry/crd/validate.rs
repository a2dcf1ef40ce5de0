//! Validation of custom resources against their schema, with the messages of kube-openapi's validator.

use std::collections::HashMap;

use regex::Regex;
use serde_json::Value;

use super::structural::{EMBEDDED, INT_OR_STRING, is_true};
use crate::object::{list, map, text};
use crate::status::FieldError;

type Patterns = HashMap<String, Regex>;

/// Validates a whole object.
pub(super) fn root(object: &Value, schema: &Value, patterns: &Patterns, out: &mut Vec<FieldError>) {
    check(object, schema, "", patterns, out);
    out.sort_by(|a, b| a.field.cmp(&b.field));
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn has_type(value: &Value, wanted: &str) -> bool {
    match wanted {
        "number" => value.is_number(),
        "integer" => value.as_i64().is_some() || value.as_f64().is_some_and(|f| f.fract() == 0.0),
        other => type_name(value) == other,
    }
}

fn check(value: &Value, schema: &Value, path: &str, patterns: &Patterns, out: &mut Vec<FieldError>) {
    if value.is_null() && is_true(schema, "nullable") {
        return;
    }
    let wanted = text(schema, &["type"]);
    let int_or_string = is_true(schema, INT_OR_STRING);
    let fits = if int_or_string {
        value.is_string() || value.is_i64() || value.is_u64()
    } else {
        wanted.is_empty() || has_type(value, wanted)
    };
    if !fits {
        let wanted = if int_or_string { "integer,string" } else { wanted };
        let name = type_name(value);
        let detail = format!("{path} in body must be of type {wanted}: {name:?}");
        out.push(FieldError::type_invalid(path, name, detail));
        return;
    }
    let fail = |words: String| FieldError::invalid(path, value.clone(), format!("{path} in body {words}"));
    if let Some(Value::Array(allowed)) = schema.get("enum")
        && !allowed.contains(value)
    {
        let texts: Vec<String> =
            allowed.iter().map(|a| a.as_str().map_or_else(|| a.to_string(), str::to_owned)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        out.push(FieldError::not_supported(path, value.clone(), &texts));
    }
    match value {
        Value::Object(_) => object(value, schema, path, patterns, out),
        Value::Array(items) => array(items, schema, path, patterns, out),
        Value::String(s) => out.extend(string(s, schema, path, patterns, &fail)),
        Value::Number(n) => out.extend(number(n.as_f64().unwrap_or_default(), schema, &fail)),
        _ => {}
    }
    combinators(value, schema, path, patterns, out);
}

fn count(schema: &Value, key: &str) -> Option<usize> {
    schema.get(key).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok())
}

fn object(value: &Value, schema: &Value, path: &str, patterns: &Patterns, out: &mut Vec<FieldError>) {
    let Value::Object(fields) = value else { return };
    for required in list(schema, &["required"]).iter().filter_map(Value::as_str) {
        if !fields.contains_key(required) {
            out.push(FieldError::required(join(path, required), ""));
        }
    }
    if count(schema, "minProperties").is_some_and(|min| fields.len() < min) {
        let min = count(schema, "minProperties").unwrap_or_default();
        out.push(FieldError::invalid(
            path,
            value.clone(),
            format!("{path} in body should have at least {min} properties"),
        ));
    }
    if let Some(max) = count(schema, "maxProperties").filter(|max| fields.len() > *max) {
        out.push(FieldError::too_many(path, fields.len(), max));
    }
    if is_true(schema, EMBEDDED) && !path.is_empty() {
        for key in ["apiVersion", "kind"] {
            if fields.get(key).and_then(Value::as_str).is_none_or(str::is_empty) {
                out.push(FieldError::required(join(path, key), ""));
            }
        }
    }
    let properties = map(schema, &["properties"]);
    let additional = schema.get("additionalProperties");
    for (key, child) in fields {
        let at = join(path, key);
        match (properties.and_then(|p| p.get(key)), additional) {
            (Some(s), _) => check(child, s, &at, patterns, out),
            (None, Some(s)) if s.is_object() => check(child, s, &at, patterns, out),
            _ => {}
        }
    }
}

fn array(items: &[Value], schema: &Value, path: &str, patterns: &Patterns, out: &mut Vec<FieldError>) {
    if let Some(min) = count(schema, "minItems").filter(|min| items.len() < *min) {
        let words = format!("{path} in body should have at least {min} items");
        out.push(FieldError::invalid(path, items.len(), words));
    }
    if let Some(max) = count(schema, "maxItems").filter(|max| items.len() > *max) {
        out.push(FieldError::too_many(path, items.len(), max));
    }
    let keys: Vec<&str> = list(schema, &["x-kubernetes-list-map-keys"]).iter().filter_map(Value::as_str).collect();
    let set = text(schema, &["x-kubernetes-list-type"]) == "set" || is_true(schema, "uniqueItems");
    let mut seen = std::collections::HashSet::new();
    for (i, item) in items.iter().enumerate() {
        let id = if keys.is_empty() {
            item.to_string()
        } else {
            keys.iter().map(|k| item.get(*k).map(Value::to_string).unwrap_or_default() + "\0").collect()
        };
        if (set || !keys.is_empty()) && !seen.insert(id) {
            let shown = if keys.is_empty() {
                item.clone()
            } else {
                keys.iter()
                    .filter_map(|k| Some(((*k).to_owned(), item.get(*k)?.clone())))
                    .collect::<serde_json::Map<_, _>>()
                    .into()
            };
            out.push(FieldError::duplicate(format!("{path}[{i}]"), shown));
        }
        if let Some(s) = schema.get("items") {
            check(item, s, &format!("{path}[{i}]"), patterns, out);
        }
    }
}

fn string(
    s: &str,
    schema: &Value,
    path: &str,
    patterns: &Patterns,
    fail: &dyn Fn(String) -> FieldError,
) -> Vec<FieldError> {
    let mut out = Vec::new();
    let length = s.chars().count();
    if let Some(max) = count(schema, "maxLength").filter(|max| length > *max) {
        out.push(FieldError::too_long(path, max));
    }
    if let Some(min) = count(schema, "minLength").filter(|min| length < *min) {
        out.push(fail(format!("should be at least {min} chars long")));
    }
    let pattern = text(schema, &["pattern"]);
    if patterns.get(pattern).is_some_and(|re| !pattern.is_empty() && !re.is_match(s)) {
        out.push(fail(format!("should match '{pattern}'")));
    }
    let format = text(schema, &["format"]);
    if !format_matches(format, s) {
        out.push(fail(format!("must be of type {format}: {s:?}")));
    }
    out
}

/// The formats that the API checks and that have one obvious grammar.
fn format_matches(format: &str, s: &str) -> bool {
    match format {
        "date-time" => s.parse::<jiff::Timestamp>().is_ok(),
        "date" => s.parse::<jiff::civil::Date>().is_ok(),
        "ipv4" => s.parse::<std::net::Ipv4Addr>().is_ok(),
        "ipv6" => s.parse::<std::net::Ipv6Addr>().is_ok(),
        "uuid" => uuid::Uuid::try_parse(s).is_ok(),
        _ => true,
    }
}

fn number(n: f64, schema: &Value, fail: &dyn Fn(String) -> FieldError) -> Vec<FieldError> {
    let mut out = Vec::new();
    let bound = |key: &str| schema.get(key).and_then(|v| Some((v.as_f64()?, v.as_f64()?.to_string())));
    if let Some((min, shown)) = bound("minimum") {
        if is_true(schema, "exclusiveMinimum") && n <= min {
            out.push(fail(format!("should be greater than {shown}")));
        } else if n < min {
            out.push(fail(format!("should be greater than or equal to {shown}")));
        }
    }
    if let Some((max, shown)) = bound("maximum") {
        if is_true(schema, "exclusiveMaximum") && n >= max {
            out.push(fail(format!("should be less than {shown}")));
        } else if n > max {
            out.push(fail(format!("should be less than or equal to {shown}")));
        }
    }
    if let Some((step, shown)) = bound("multipleOf") {
        let ratio = n / step;
        if step > 0.0 && (ratio - ratio.round()).abs() > 1e-9 {
            out.push(fail(format!("should be a multiple of {shown}")));
        }
    }
    out
}

fn combinators(value: &Value, schema: &Value, path: &str, patterns: &Patterns, out: &mut Vec<FieldError>) {
    let errors = |s: &Value| {
        let mut found = Vec::new();
        check(value, s, path, patterns, &mut found);
        found
    };
    let fail = |words: &str| FieldError::invalid(path, value.clone(), format!("{path:?} must {words}"));
    for s in list(schema, &["allOf"]) {
        out.extend(errors(s));
    }
    let any = list(schema, &["anyOf"]);
    if !any.is_empty() && any.iter().all(|s| !errors(s).is_empty()) {
        out.push(fail("validate at least one schema (anyOf)"));
    }
    let one = list(schema, &["oneOf"]);
    match one.iter().filter(|s| errors(s).is_empty()).count() {
        _ if one.is_empty() => {}
        0 => out.push(fail("validate one and only one schema (oneOf). Found none valid")),
        1 => {}
        n => out.push(fail(&format!("validate one and only one schema (oneOf). Found {n} valid alternatives"))),
    }
    if schema.get("not").is_some_and(|s| errors(s).is_empty()) {
        out.push(fail("not validate the schema (not)"));
    }
}
