//! Decoding into the typed model with the leniency and the errors of Go's `encoding/json`.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::check::find;
use super::{ArgoKind, OBJECT_META, Shape};
use crate::model::{FieldPath, FieldStep};

/// Why Argo CD cannot decode an object; `Display` is Go's message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DecodeError {
    /// The field.
    pub path: FieldPath,
    /// Go's message.
    pub message: String,
}

impl ArgoKind {
    /// Decodes an object of this kind: `null` means the default everywhere, unknown fields are kept.
    ///
    /// # Errors
    /// [`DecodeError`] for the first field of a wrong type.
    pub(in crate::model) fn decode<T: DeserializeOwned>(self, object: &Value) -> Result<T, DecodeError> {
        if let Some(error) = first_mismatch(self, self.shape(), object, &FieldPath::root()) {
            return Err(error);
        }
        let mut clean = object.clone();
        drop_nulls(self.shape(), &mut clean);
        serde_json::from_value(clean)
            .map_err(|error| DecodeError { path: FieldPath::root(), message: format!("json: {error}") })
    }
}

fn first_mismatch(kind: ArgoKind, shape: &Shape, value: &Value, path: &FieldPath) -> Option<DecodeError> {
    match (shape, value) {
        (_, Value::Null)
        | (Shape::Text { .. }, Value::String(_))
        | (Shape::Bool, Value::Bool(_))
        | (Shape::IntegerOrText, Value::String(_))
        // RawExtension takes any JSON as it is.
        | (Shape::AnyObject, _) => None,
        (Shape::Integer, Value::Number(number)) if number.is_i64() => None,
        (Shape::IntegerOrText, Value::Number(number)) if number.as_i64().is_some_and(|n| i32::try_from(n).is_ok()) => None,
        (Shape::IntegerOrText, _) => {
            let message = format!("json: cannot unmarshal {} into Go value of type int32", go_kind(value, true));
            Some(DecodeError { path: path.clone(), message })
        }
        (Shape::List { item, .. }, Value::Array(items)) => {
            items.iter().enumerate().find_map(|(i, element)| first_mismatch(kind, item, element, &path.index(i)))
        }
        (Shape::Map { value: shape, .. }, Value::Object(map)) => {
            map.iter().find_map(|(key, element)| first_mismatch(kind, shape, element, &path.key(key)))
        }
        (Shape::Object { fields, .. }, Value::Object(map)) => map
            .iter()
            .filter_map(|(key, element)| Some((find(fields, key)?, key, element)))
            .find_map(|(field, key, element)| first_mismatch(kind, field.shape, element, &path.key(key))),
        (Shape::Metadata, Value::Object(_)) => first_mismatch(kind, &OBJECT_META, value, path),
        _ => Some(mismatch(kind, shape, value, path)),
    }
}

fn mismatch(kind: ArgoKind, shape: &Shape, value: &Value, path: &FieldPath) -> DecodeError {
    let target = match shape {
        Shape::Text { go, .. } | Shape::List { go, .. } | Shape::Map { go, .. } | Shape::Object { go, .. } => go,
        Shape::Bool => "bool",
        Shape::Integer => "int64",
        Shape::IntegerOrText => "int32",
        Shape::AnyObject => "runtime.RawExtension",
        Shape::Metadata => "v1.ObjectMeta",
    };
    let found = go_kind(value, matches!(shape, Shape::Integer));
    let field = go_path(path);
    let index = path.steps().last().is_some_and(|step| matches!(step, FieldStep::Index(_)));
    let place = match (field.is_empty(), index) {
        (true, _) => "Go value".to_owned(),
        (_, true) => format!("{}.{field}", kind.name()),
        (_, false) => format!("Go struct field {}.{field}", kind.name()),
    };
    DecodeError { path: path.clone(), message: format!("json: cannot unmarshal {found} into {place} of type {target}") }
}

/// Go writes the path as a JSON pointer with dots for its slashes.
fn go_path(path: &FieldPath) -> String {
    let steps = path.steps().iter().map(|step| match step {
        FieldStep::Key(key) => key.replace('~', "~0").replace('/', "~1"),
        FieldStep::Index(index) => index.to_string(),
    });
    steps.collect::<Vec<_>>().join(".")
}

/// What Go calls a JSON value; a number that does not fit an integer is written out.
fn go_kind(value: &Value, integer_wanted: bool) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "bool".into(),
        Value::Number(number) if integer_wanted => format!("number {number}"),
        Value::Number(_) => "number".into(),
        Value::String(_) => "string".into(),
        Value::Array(_) => "array".into(),
        Value::Object(_) => "object".into(),
    }
}

/// `null` leaves a Go field at its zero value; in a list it is a zero element.
fn drop_nulls(shape: &Shape, value: &mut Value) {
    match (shape, value) {
        (Shape::Object { fields, .. }, Value::Object(map)) => {
            map.retain(|key, element| find(fields, key).is_none() || !element.is_null());
            for (key, element) in map.iter_mut() {
                if let Some(field) = find(fields, key) {
                    drop_nulls(field.shape, element);
                }
            }
        }
        (Shape::Metadata, value) => drop_nulls(&OBJECT_META, value),
        (Shape::List { item, .. }, Value::Array(items)) => {
            for element in items {
                if element.is_null() {
                    *element = zero(item);
                } else {
                    drop_nulls(item, element);
                }
            }
        }
        (Shape::Map { value: shape, .. }, Value::Object(map)) => {
            for element in map.values_mut() {
                if element.is_null() {
                    *element = zero(shape);
                }
            }
        }
        _ => {}
    }
}

fn zero(shape: &Shape) -> Value {
    match shape {
        Shape::Text { .. } => "".into(),
        Shape::Bool => false.into(),
        Shape::Integer | Shape::IntegerOrText => 0.into(),
        Shape::List { .. } => Value::Array(Vec::new()),
        Shape::Map { .. } | Shape::Object { .. } | Shape::AnyObject | Shape::Metadata => Value::Object(Map::new()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::model::{Application, ArgoKind};

    /// Recorded from Go 1.26 with encoding/json v2.
    #[test]
    fn errors_in_the_words_of_go() {
        let cases = [
            (
                json!({"spec": {"revisionHistoryLimit": 1.5}}),
                "number 1.5 into Go struct field Application.spec.revisionHistoryLimit of type int64",
            ),
            (
                json!({"spec": {"source": {"helm": {"valueFiles": [1]}}}}),
                "number into Application.spec.source.helm.valueFiles.0 of type string",
            ),
            (json!({"spec": []}), "array into Go struct field Application.spec of type v1alpha1.ApplicationSpec"),
            (
                json!({"metadata": {"labels": {"a/b": 1}}}),
                "number into Go struct field Application.metadata.labels.a~1b of type string",
            ),
            (
                json!({"spec": {"source": {"kustomize": {"replicas": [{"count": true}]}}}}),
                "bool into Go value of type int32",
            ),
            (json!([]), "array into Go value of type v1alpha1.Application"),
        ];
        for (object, want) in cases {
            let error = Application::from_json(&object).unwrap_err();
            assert_eq!(error.to_string(), format!("json: cannot unmarshal {want}"));
        }
    }

    #[test]
    fn null_is_the_default_and_unknown_fields_stay() {
        let object = json!({
            "metadata": {"name": "x", "labels": null, "uid": "u"},
            "spec": {
                "project": null, "sources": [null], "syncPolicy": null, "stray": {"a": 1},
                "destination": {"server": "s", "odd": 1},
            },
        });
        let application = Application::from_json(&object).unwrap();
        assert_eq!(application.spec.extra["stray"], json!({"a": 1}));
        assert_eq!((application.spec.project(), application.spec.sources.len()), ("default", 1));
        let unknown = ArgoKind::Application.unknown_fields(&object);
        assert_eq!(unknown.iter().map(ToString::to_string).collect::<Vec<_>>(), ["spec.destination.odd", "spec.stray"]);
    }
}
