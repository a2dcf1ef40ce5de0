//! Structural schemas: the type of the objects, pruning, defaulting.
//!
//! Schemas and objects come from request bodies whose nesting the parser bounds (128 levels), so does the recursion.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::object::{list, map, text};
use crate::scheme::{Field, ListKind, ListType, MapType, Scalar, StructDef, StructRef, Type};

pub(super) const PRESERVE: &str = "x-kubernetes-preserve-unknown-fields";
pub(super) const INT_OR_STRING: &str = "x-kubernetes-int-or-string";
pub(super) const EMBEDDED: &str = "x-kubernetes-embedded-resource";

/// True when a boolean keyword is set.
pub(super) fn is_true(schema: &Value, key: &str) -> bool {
    schema.get(key) == Some(&Value::Bool(true))
}

fn string() -> Type {
    Type::Scalar(Scalar::String("string".into()))
}

fn resource_fields() -> Vec<Field> {
    vec![
        Field::optional("apiVersion", string(), None),
        Field::optional("kind", string(), None),
        Field::optional("metadata", Type::Struct(StructRef::Builtin("meta/v1.ObjectMeta".into())), None),
    ]
}

/// The type of the custom resource: its schema with `apiVersion`, `kind` and `metadata`.
pub(super) fn root_type(schema: &Value) -> Type {
    let has_fields = map(schema, &["properties"]).is_some_and(|p| !p.is_empty());
    if !has_fields && (is_true(schema, PRESERVE) || text(schema, &["type"]).is_empty()) {
        return Type::Struct(StructRef::Custom(Arc::new(StructDef::new("Object", false, true, resource_fields()))));
    }
    object_type(schema, true)
}

fn object_type(schema: &Value, resource: bool) -> Type {
    let mut fields = if resource { resource_fields() } else { Vec::new() };
    for (name, child) in map(schema, &["properties"]).into_iter().flatten() {
        if !resource || !matches!(name.as_str(), "apiVersion" | "kind" | "metadata") {
            fields.push(Field::optional(name, type_of(child), child.get("default").cloned()));
        }
    }
    let atomic = text(schema, &["x-kubernetes-map-type"]) == "atomic";
    let def = StructDef::new("Object", atomic, is_true(schema, PRESERVE), fields);
    Type::Struct(StructRef::Custom(Arc::new(def)))
}

fn type_of(schema: &Value) -> Type {
    if is_true(schema, INT_OR_STRING) {
        return Type::Scalar(Scalar::IntOrString);
    }
    match text(schema, &["type"]) {
        "object" => {
            let fields = map(schema, &["properties"]).is_some_and(|p| !p.is_empty());
            let embedded = is_true(schema, EMBEDDED);
            match schema.get("additionalProperties") {
                Some(additional) if !fields && *additional != Value::Bool(false) => {
                    let elem = if additional.is_object() { type_of(additional) } else { Type::Any };
                    let atomic = text(schema, &["x-kubernetes-map-type"]) == "atomic";
                    Type::Map(Arc::new(MapType { elem, atomic }))
                }
                _ if fields || embedded => object_type(schema, embedded),
                _ if text(schema, &["x-kubernetes-map-type"]) == "atomic" => {
                    Type::Map(Arc::new(MapType { elem: Type::Any, atomic: true }))
                }
                _ => Type::Any,
            }
        }
        "array" => {
            let kind = match text(schema, &["x-kubernetes-list-type"]) {
                "set" => ListKind::Set,
                "map" => {
                    let keys = list(schema, &["x-kubernetes-list-map-keys"]).iter().filter_map(Value::as_str);
                    ListKind::Map(keys.map(str::to_owned).collect())
                }
                _ => ListKind::Atomic,
            };
            let elem = schema.get("items").map_or(Type::Any, type_of);
            Type::List(Arc::new(ListType { elem, kind }))
        }
        "string" => string(),
        "integer" => Type::Scalar(Scalar::Int64),
        "number" => Type::Scalar(Scalar::Float),
        "boolean" => Type::Scalar(Scalar::Bool),
        _ => Type::Any,
    }
}

/// Drops fields without schema; `resource` is true for the root and embedded resources.
pub(super) fn prune(value: &mut Value, schema: &Value, resource: bool, path: &mut String, unknown: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            let resource = resource || is_true(schema, EMBEDDED);
            let properties = map(schema, &["properties"]);
            let additional = schema.get("additionalProperties").filter(|a| **a != Value::Bool(false));
            let preserve = is_true(schema, PRESERVE) && (additional.is_none() || properties.is_none());
            let mut dropped = Vec::new();
            for (key, child) in object.iter_mut() {
                if resource && matches!(key.as_str(), "apiVersion" | "kind" | "metadata") {
                    continue;
                }
                let mark = path.len();
                if mark > 0 {
                    path.push('.');
                }
                path.push_str(key);
                match (properties.and_then(|p| p.get(key)), additional) {
                    (Some(s), _) => prune(child, s, false, path, unknown),
                    (None, Some(s)) if s.is_object() => prune(child, s, false, path, unknown),
                    (None, Some(_)) => {}
                    (None, None) if preserve => {}
                    (None, None) => {
                        unknown.push(format!("unknown field {path:?}"));
                        dropped.push(key.clone());
                    }
                }
                path.truncate(mark);
            }
            for key in dropped {
                object.remove(&key);
            }
        }
        Value::Array(items) => {
            let Some(schema) = schema.get("items") else { return };
            for (i, item) in items.iter_mut().enumerate() {
                let mark = path.len();
                path.push_str(&format!("[{i}]"));
                prune(item, schema, false, path, unknown);
                path.truncate(mark);
            }
        }
        _ => {}
    }
}

/// Drops nulls of fields that are not nullable.
pub(super) fn drop_nulls(value: &mut Value, schema: &Value) {
    match value {
        Value::Object(object) => {
            let properties = map(schema, &["properties"]);
            let additional = schema.get("additionalProperties").filter(|a| a.is_object());
            let of = |key: &String| properties.and_then(|p| p.get(key)).or(additional);
            object.retain(|key, v| {
                let known = properties.is_some_and(|p| p.contains_key(key));
                !v.is_null() || !known || of(key).is_none_or(|s| is_true(s, "nullable"))
            });
            for (key, v) in object.iter_mut() {
                if let Some(s) = of(key) {
                    drop_nulls(v, s);
                }
            }
        }
        Value::Array(items) => {
            if let Some(s) = schema.get("items") {
                items.iter_mut().for_each(|v| drop_nulls(v, s));
            }
        }
        _ => {}
    }
}

/// Fills defaults of absent fields; a null that is not allowed is replaced by the default.
pub(super) fn default(value: &mut Value, schema: &Value) {
    match value {
        Value::Object(object) => {
            let empty = Map::new();
            let properties = map(schema, &["properties"]).unwrap_or(&empty);
            for (key, child) in properties {
                let null = object.get(key).is_some_and(Value::is_null) && !is_true(child, "nullable");
                match child.get("default") {
                    Some(d) if null || !object.contains_key(key) => {
                        object.insert(key.clone(), d.clone());
                    }
                    _ => {}
                }
                if let Some(v) = object.get_mut(key) {
                    default(v, child);
                }
            }
            let additional = schema.get("additionalProperties").filter(|a| a.is_object());
            if let Some(additional) = additional {
                for (key, child) in object.iter_mut().filter(|(k, _)| !properties.contains_key(*k)) {
                    let _ = key;
                    default(child, additional);
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                items.iter_mut().for_each(|i| default(i, schema));
            }
        }
        _ => {}
    }
}

/// Compiles the patterns of a schema. Patterns that the engine cannot compile are not checked.
pub(super) fn collect_patterns(schema: &Value, out: &mut HashMap<String, regex::Regex>) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::String(p)) = map.get("pattern")
                && let (false, Ok(re)) = (out.contains_key(p), regex::Regex::new(p))
            {
                out.insert(p.clone(), re);
            }
            map.values().for_each(|v| collect_patterns(v, out));
        }
        Value::Array(list) => list.iter().for_each(|v| collect_patterns(v, out)),
        _ => {}
    }
}
