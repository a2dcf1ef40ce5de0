//! Go's names for types (`%T`, `typeOf`) and kinds (`kindOf`).

use std::borrow::Cow;

use super::{IntKind, ListKind, MapKind, Value};

/// Go's type name, as `%T` and Sprig's `typeOf` print it; `<nil>` for nil.
#[must_use]
pub fn type_name(value: &Value) -> Cow<'static, str> {
    Cow::Borrowed(match value {
        Value::Nil => "<nil>",
        Value::Bool(_) => "bool",
        Value::Int(_, IntKind::Int) => "int",
        Value::Int(_, IntKind::Int64) => "int64",
        Value::Int(_, IntKind::Int32) => "int32",
        Value::Uint(_) => "uint64",
        Value::Float(_) => "float64",
        Value::Str(_) => "string",
        Value::List(list) => list_type(list.kind()),
        Value::Map(map) => map_type(map.kind()),
        Value::Object(object) => return Cow::Owned(object.type_name().to_owned()),
    })
}

/// Go's name of a slice type.
#[must_use]
pub fn list_type(kind: ListKind) -> &'static str {
    match kind {
        ListKind::Any => "[]interface {}",
        ListKind::String => "[]string",
        ListKind::Int => "[]int",
        ListKind::Lists => "[][]interface {}",
        ListKind::Bytes => "[]uint8",
    }
}

/// Go's name of a map type (Helm 4's names).
#[must_use]
pub fn map_type(kind: MapKind) -> &'static str {
    match kind {
        MapKind::Any => "map[string]interface {}",
        MapKind::String => "map[string]string",
        MapKind::Values => "common.Values",
        MapKind::Bytes => "map[string][]uint8",
    }
}

/// Go's kind name, as Sprig's `kindOf` prints it; `invalid` for nil.
#[must_use]
pub fn kind_name(value: &Value) -> &'static str {
    match value {
        Value::Nil => "invalid",
        Value::Bool(_) => "bool",
        Value::Int(_, IntKind::Int) => "int",
        Value::Int(_, IntKind::Int64) => "int64",
        Value::Int(_, IntKind::Int32) => "int32",
        Value::Uint(_) => "uint64",
        Value::Float(_) => "float64",
        Value::Str(_) => "string",
        Value::List(_) => "slice",
        Value::Map(_) => "map",
        Value::Object(object) => object.kind_name(),
    }
}
