//! The values a document can become: template values, plain JSON, and typed trees for Go structs.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::decode::Build;
use crate::value::{Map, MapKind, Str, Value};

/// Into [`Value`].
pub(super) struct ToValue;

impl Build for ToValue {
    type Out = Value;
    type Entries = Vec<(Str, Value)>;

    fn bool(value: bool) -> Value {
        Value::Bool(value)
    }

    fn number(value: f64, _: impl FnOnce() -> String) -> Value {
        Value::Float(value)
    }

    fn string(text: Cow<'_, str>) -> Value {
        Value::str(text.as_ref())
    }

    fn list(items: Vec<Value>) -> Value {
        Value::list(items)
    }

    fn insert(entries: &mut Self::Entries, key: Cow<'_, str>, value: Value) {
        entries.push((Str::from(key.as_ref()), value));
    }

    fn map(entries: Self::Entries) -> Value {
        // Of equal keys, the map keeps the last.
        Value::Map(Map::with_kind(entries.into_iter().collect(), MapKind::Any))
    }
}

/// Into `serde_json::Value`.
pub(super) struct ToJson;

impl Build for ToJson {
    type Out = Json;
    type Entries = serde_json::Map<String, Json>;

    fn bool(value: bool) -> Json {
        Json::Bool(value)
    }

    fn number(value: f64, _: impl FnOnce() -> String) -> Json {
        serde_json::Number::from_f64(value).map_or(Json::Null, Json::Number)
    }

    fn string(text: Cow<'_, str>) -> Json {
        Json::String(text.into_owned())
    }

    fn list(items: Vec<Json>) -> Json {
        Json::Array(items)
    }

    fn insert(entries: &mut Self::Entries, key: Cow<'_, str>, value: Json) {
        entries.insert(key.into_owned(), value);
    }

    fn map(entries: Self::Entries) -> Json {
        Json::Object(entries)
    }
}

/// A decoded document for a Go struct: numbers keep the text that a string field gets.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Typed {
    #[default]
    Null,
    Bool(bool),
    Number(f64, String),
    String(String),
    List(Vec<Typed>),
    Map(std::collections::BTreeMap<String, Typed>),
}

/// Into [`Typed`].
pub(super) struct ToTyped;

impl Build for ToTyped {
    type Out = Typed;
    type Entries = std::collections::BTreeMap<String, Typed>;

    fn bool(value: bool) -> Typed {
        Typed::Bool(value)
    }

    fn number(value: f64, text: impl FnOnce() -> String) -> Typed {
        Typed::Number(value, text())
    }

    fn string(text: Cow<'_, str>) -> Typed {
        Typed::String(text.into_owned())
    }

    fn list(items: Vec<Typed>) -> Typed {
        Typed::List(items)
    }

    fn insert(entries: &mut Self::Entries, key: Cow<'_, str>, value: Typed) {
        entries.insert(key.into_owned(), value);
    }

    fn map(entries: Self::Entries) -> Typed {
        Typed::Map(entries)
    }
}
