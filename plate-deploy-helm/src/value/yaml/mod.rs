//! YAML as Helm reads and writes it: `sigs.k8s.io/yaml`, which is go-yaml v2 (YAML 1.1) with JSON in between.
//!
//! Own reader and writer, because no crate agrees with go-yaml in what a scalar is, where it folds lines, when it
//! quotes, and in its error texts, and charts depend on all four.

mod analyze;
mod build;
mod chars;
mod decode;
mod emit;
mod emit_scalar;
mod error;
mod flow;
mod head;
mod node;
mod parser;
mod properties;
mod reader;
mod resolve;
mod scalars;
mod scanner;
mod sort;
mod token;

pub(crate) use build::Typed;
pub use emit::{to_yaml, to_yaml_pretty};
pub use error::{UnmarshalError, YamlError};
pub(crate) use head::head_if_any;
pub use head::{Head, head};
pub use reader::MAX_BYTES;
pub use scanner::MAX_DEPTH;

use build::{ToJson, ToTyped, ToValue};
use decode::{Build, Decoder};

use super::{List, ListKind, Map, MapKind, Value};

/// Reads the first document of a YAML stream into a template value, as `yaml.Unmarshal` into an `interface{}`.
///
/// # Errors
/// [`YamlError`] with go-yaml's text; also when the text is deeper than [`MAX_DEPTH`], larger than [`MAX_BYTES`] or
/// an alias bomb.
pub fn parse(bytes: &[u8]) -> Result<Value, YamlError> {
    decode::<ToValue>(bytes, false)
}

/// As [`parse`], into a plain tree. Numbers are floats.
///
/// # Errors
/// As [`parse`].
pub fn parse_json(bytes: &[u8]) -> Result<serde_json::Value, YamlError> {
    decode::<ToJson>(bytes, false)
}

/// As [`parse`], for a Go struct. `strict` refuses a key given twice.
///
/// # Errors
/// As [`parse`].
pub(crate) fn parse_typed(bytes: &[u8], strict: bool) -> Result<Typed, YamlError> {
    decode::<ToTyped>(bytes, strict)
}

/// Reads a document into Go's `map[string]interface{}`; an empty document is an empty map.
///
/// # Errors
/// [`UnmarshalError`], also when the document is no mapping.
pub fn unmarshal_map(bytes: &[u8]) -> Result<Map, UnmarshalError> {
    match parse(bytes)? {
        Value::Nil => Ok(Map::nil(MapKind::Any)),
        Value::Map(map) => Ok(map),
        other => Err(wrong_type(json_type(&other), "map[string]interface {}")),
    }
}

/// As [`unmarshal_map`], into a plain tree.
///
/// # Errors
/// As [`unmarshal_map`].
pub fn unmarshal_json_map(bytes: &[u8]) -> Result<serde_json::Map<String, serde_json::Value>, UnmarshalError> {
    match parse_json(bytes)? {
        serde_json::Value::Null => Ok(serde_json::Map::new()),
        serde_json::Value::Object(map) => Ok(map),
        other => Err(wrong_type(json_type(&Value::from(&other)), "map[string]interface {}")),
    }
}

/// Reads a document into Go's `[]interface{}`; an empty document is an empty list.
///
/// # Errors
/// [`UnmarshalError`], also when the document is no sequence.
pub fn unmarshal_list(bytes: &[u8]) -> Result<List, UnmarshalError> {
    match parse(bytes)? {
        Value::Nil => Ok(List::nil(ListKind::Any)),
        Value::List(list) => Ok(list),
        other => Err(wrong_type(json_type(&other), "[]interface {}")),
    }
}

fn decode<B: Build>(bytes: &[u8], strict: bool) -> Result<B::Out, YamlError> {
    parser::with_document(bytes, |doc| Decoder::new(doc, strict).run::<B>())
}

fn wrong_type(got: &str, want: &str) -> UnmarshalError {
    UnmarshalError::Decode(format!("json: cannot unmarshal {got} into Go value of type {want}"))
}

/// What Go's JSON decoder calls the type.
fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Nil => "null",
        Value::Bool(_) => "bool",
        Value::Int(..) | Value::Uint(_) | Value::Float(_) => "number",
        Value::Str(_) => "string",
        Value::List(_) => "array",
        Value::Map(_) | Value::Object(_) => "object",
    }
}
