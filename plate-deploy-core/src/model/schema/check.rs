//! Validation and pruning against a [`Shape`], in the words of the API server (kube-openapi's validator).

use serde_json::Value;

use super::{Field, Shape, TextRule};
use crate::model::{FieldPath, FieldStep};

pub(super) fn schema_errors(shape: &Shape, object: &Value) -> Vec<String> {
    let mut errors = Vec::new();
    validate(shape, object, &FieldPath::root(), &mut errors);
    errors.sort();
    errors
}

fn validate(shape: &Shape, value: &Value, path: &FieldPath, errors: &mut Vec<String>) {
    if let Some(error) = type_error(shape, value, path) {
        errors.push(error);
        errors.extend(number_errors(shape, value, path));
        return;
    }
    match (shape, value) {
        (Shape::Text { rule, .. }, Value::String(text)) => errors.extend(rule_error(*rule, text, path)),
        (Shape::List { item, .. }, Value::Array(items)) => {
            for (i, element) in items.iter().enumerate() {
                validate(item, element, &path.index(i), errors);
            }
        }
        (Shape::Map { value: shape, .. }, Value::Object(map)) => {
            for (key, element) in map {
                validate(shape, element, &path.key(key), errors);
            }
        }
        (Shape::Object { fields, .. }, Value::Object(map)) => {
            for field in *fields {
                let at = path.key(field.name);
                match map.get(field.name) {
                    Some(element) => validate(field.shape, element, &at, errors),
                    None if field.required => errors.push(format!("{at}: Required value")),
                    None => {}
                }
            }
        }
        _ => {}
    }
}

/// What the validator says besides about wrong numbers, without a place of its own.
fn number_errors(shape: &Shape, value: &Value, path: &FieldPath) -> Vec<String> {
    let mut errors = Vec::new();
    let mut nowhere = |reason: String| errors.push(format!("<nil>: Invalid value: \"\": {reason}"));
    match shape {
        Shape::Integer if value.is_number() => {
            nowhere(format!("Checked value must be of type integer with format int64 in {path}"));
        }
        Shape::IntegerOrText => {
            nowhere(format!("\"{path}\" must validate at least one schema (anyOf)"));
            if value.is_number() {
                nowhere(format!("Checked value must be of type integer (default format) in {path}"));
            }
            errors.push(format!("{path}: Invalid value: {}", wrong_type(path, "integer", json_type(value))));
        }
        _ => {}
    }
    errors
}

/// The type of a JSON value in the validator's words.
fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn type_error(shape: &Shape, value: &Value, path: &FieldPath) -> Option<String> {
    let wanted = match shape {
        Shape::Text { .. } => "string",
        Shape::Bool => "boolean",
        Shape::Integer => "integer",
        Shape::IntegerOrText => "integer,string",
        Shape::List { .. } => "array",
        Shape::Map { .. } | Shape::Object { .. } | Shape::AnyObject | Shape::Metadata => "object",
    };
    let found = json_type(value);
    let whole =
        found == "number" && value.as_f64().is_some_and(|n| n.fract() == 0.0 && n.abs() < 9.007_199_254_740_992e15);
    if wanted.split(',').any(|w| w == found || (w == "integer" && whole)) {
        return None;
    }
    // A field with a format is compared by format first, which says less about what was found.
    let (wanted, found) = match (shape, found) {
        (Shape::Integer, "number") => ("int64", "float64"),
        (Shape::Integer, "boolean" | "object") => ("int64", ""),
        _ => (wanted, found),
    };
    Some(format!("{path}: Invalid value: {}", wrong_type(path, wanted, found)))
}

fn wrong_type(path: &FieldPath, wanted: &str, found: &str) -> String {
    format!("\"{found}\": {path} in body must be of type {wanted}: \"{found}\"")
}

fn rule_error(rule: TextRule, text: &str, path: &FieldPath) -> Option<String> {
    match rule {
        TextRule::None => None,
        TextRule::AtMost(most) => {
            (text.chars().count() > most).then(|| format!("{path}: Too long: may not be more than {most} bytes"))
        }
        TextRule::NotTheRoot => {
            let reason = match text {
                "" => "should be at least 1 chars long",
                "." | "/" => "should match '^.{2,}|[^./]$'",
                _ => return None,
            };
            Some(format!("{path}: Invalid value: {text:?}: {path} in body {reason}"))
        }
    }
}

pub(super) fn unknown_fields(shape: &Shape, object: &Value) -> Vec<FieldPath> {
    let mut unknown = Vec::new();
    collect_unknown(shape, object, &FieldPath::root(), &mut unknown);
    unknown.sort_by_key(ToString::to_string);
    unknown
}

fn collect_unknown(shape: &Shape, value: &Value, path: &FieldPath, unknown: &mut Vec<FieldPath>) {
    match (shape, value) {
        (Shape::List { item, .. }, Value::Array(items)) => {
            for (i, element) in items.iter().enumerate() {
                collect_unknown(item, element, &path.index(i), unknown);
            }
        }
        (Shape::Map { value: shape, .. }, Value::Object(map)) => {
            for (key, element) in map {
                collect_unknown(shape, element, &path.key(key), unknown);
            }
        }
        (Shape::Object { fields, .. }, Value::Object(map)) => {
            for (key, element) in map {
                match find(fields, key) {
                    Some(field) => collect_unknown(field.shape, element, &path.key(key), unknown),
                    None => unknown.push(path.key(key)),
                }
            }
        }
        // A scalar where the schema has no fields: the API server drops whatever keys are there.
        (Shape::Text { .. } | Shape::Bool | Shape::Integer | Shape::IntegerOrText, Value::Object(map)) => {
            unknown.extend(map.keys().map(|key| path.key(key)));
        }
        _ => {}
    }
}

pub(super) fn prune(shape: &Shape, value: &mut Value) {
    match (shape, value) {
        (Shape::List { item, .. }, Value::Array(items)) => items.iter_mut().for_each(|element| prune(item, element)),
        (Shape::Map { value: shape, .. }, Value::Object(map)) => {
            map.values_mut().for_each(|element| prune(shape, element));
        }
        (Shape::Object { fields, .. }, Value::Object(map)) => map.retain(|key, element| match find(fields, key) {
            Some(field) => {
                prune(field.shape, element);
                true
            }
            None => false,
        }),
        (Shape::Text { .. } | Shape::Bool | Shape::Integer | Shape::IntegerOrText, Value::Object(map)) => map.clear(),
        _ => {}
    }
}

pub(super) fn known_fields(shape: &Shape, path: &FieldPath) -> Vec<&'static str> {
    let mut shape = shape;
    for step in path.steps() {
        let next = match (shape, step) {
            (Shape::Object { fields, .. }, FieldStep::Key(key)) => find(fields, key).map(|field| field.shape),
            (Shape::List { item, .. }, FieldStep::Index(_)) => Some(*item),
            (Shape::Map { value, .. }, FieldStep::Key(_)) => Some(*value),
            _ => None,
        };
        let Some(next) = next else { return Vec::new() };
        shape = next;
    }
    match shape {
        Shape::Object { fields, .. } => fields.iter().map(|field| field.name).collect(),
        _ => Vec::new(),
    }
}

pub(super) fn find(fields: &'static [Field], name: &str) -> Option<&'static Field> {
    fields.iter().find(|field| field.name == name)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use crate::model::ArgoKind;

    /// Recorded from Kubernetes' own validation and pruning with Argo CD v3.6.1's CRD.
    #[test]
    fn errors_in_the_words_of_the_api_server() {
        for line in include_str!("../../../testdata/application-schema.jsonl").lines() {
            let case: Value = serde_json::from_str(line).unwrap();
            let input = &case["input"];
            let errors = ArgoKind::Application.schema_errors(input);
            assert_eq!(Value::from(errors), case["errors"], "{input}");
            let unknown = ArgoKind::Application.unknown_fields(input);
            assert_eq!(unknown.iter().map(ToString::to_string).collect::<Value>(), case["pruned"], "{input}");
            let mut pruned = input.clone();
            ArgoKind::Application.prune(&mut pruned);
            assert!(ArgoKind::Application.unknown_fields(&pruned).is_empty());
        }
    }
}
