//! Between [`Value`], which belongs to one render, and `serde_json::Value`, the plain tree that crosses threads.

use serde_json::Value as Json;

use super::{List, Map, Str, Value};

impl From<&Json> for Value {
    /// Every number becomes a `float64`, as Go's JSON decoder gives it.
    fn from(json: &Json) -> Self {
        match json {
            Json::Null => Self::Nil,
            Json::Bool(b) => Self::Bool(*b),
            Json::Number(n) => Self::Float(n.as_f64().unwrap_or(f64::NAN)),
            Json::String(s) => Self::str(s.as_str()),
            Json::Array(items) => Self::List(items.iter().map(Self::from).collect::<List>()),
            Json::Object(map) => Self::Map(map.into()),
        }
    }
}

impl From<&serde_json::Map<String, Json>> for Map {
    fn from(map: &serde_json::Map<String, Json>) -> Self {
        map.iter().map(|(k, v)| (Str::from(k.as_str()), Value::from(v))).collect()
    }
}
