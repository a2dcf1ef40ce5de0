//! Defaulting of built-in kinds: Kubernetes' `SetDefaults_*` functions and `+default` markers.
//!
//! As in Kubernetes, a default belongs to a Go type, not to a kind: the object is walked with its schema, and each
//! struct gets the function of its type, parents before children. To add a default, add the type to
//! [`core_types`], [`workloads`] or [`policies`].

mod core_types;
mod policies;
mod workloads;

use serde_json::{Map, Value};

use super::quantity::Quantity;
use super::types::{Scalar, StructDef, StructRef, Type};

/// A defaulting function of one struct.
type SetDefaults = fn(&mut Map<String, Value>);

/// Fills the defaults of an object that [`super::decode`] has read; kinds that are not built in stay as they are.
pub fn apply(object: &mut Value) {
    let Some(info) = super::gvk_of(object).and_then(|gvk| super::builtin_kind(&gvk)) else { return };
    if let Type::Struct(r) = &info.ty {
        apply_type(object, r);
    }
}

/// As [`apply`] for a value of a known type (bodies of subresources).
pub fn apply_type(value: &mut Value, ty: &StructRef) {
    let StructRef::Builtin(name) = ty else { return };
    if let Value::Object(map) = value {
        walk(map, name, &ty.resolve());
    }
}

fn function(type_name: &str) -> Option<SetDefaults> {
    core_types::function(type_name).or_else(|| workloads::function(type_name)).or_else(|| policies::function(type_name))
}

fn walk(map: &mut Map<String, Value>, name: &str, def: &StructDef) {
    if let Some(f) = function(name) {
        f(map);
    }
    for field in &def.fields {
        if let Some(default) = &field.default {
            let unset = map.get(&field.name).is_none_or(|v| !field.pointer && (v == "" || *v == 0));
            if unset {
                map.insert(field.name.clone(), default.clone());
            }
        }
        if let Some(value) = map.get_mut(&field.name) {
            descend(value, &field.ty);
        }
    }
}

fn descend(value: &mut Value, ty: &Type) {
    match (ty, value) {
        (Type::Struct(r @ StructRef::Builtin(name)), Value::Object(map)) => walk(map, name, &r.resolve()),
        (Type::List(l), Value::Array(items)) if !matches!(l.elem, Type::Scalar(_)) => {
            items.iter_mut().for_each(|v| descend(v, &l.elem));
        }
        (Type::Map(m), Value::Object(map)) => match &m.elem {
            // SetDefaults_ResourceList: nothing below a thousandth.
            Type::Scalar(Scalar::Quantity) => map.values_mut().for_each(round_up_to_milli),
            Type::Scalar(_) => {}
            elem => map.values_mut().for_each(|v| descend(v, elem)),
        },
        _ => {}
    }
}

fn round_up_to_milli(value: &mut Value) {
    let Some(q) = value.as_str().and_then(|s| Quantity::parse(s).ok()) else { return };
    if q.nanos() % 1_000_000 != 0 {
        let milli = q.nanos().div_euclid(1_000_000) + 1;
        if let Ok(q) = Quantity::parse(&format!("{milli}m")) {
            *value = Value::from(q.canonical());
        }
    }
}

/// Sets a field that is absent, null, `""` or 0, as `if obj.X == "" { … }` and `if obj.X == nil { … }` do for fields
/// whose zero value means "not set".
fn set(map: &mut Map<String, Value>, key: &str, default: impl Into<Value>) {
    let unset = map.get(key).is_none_or(|v| v.is_null() || v == "");
    if unset {
        map.insert(key.to_owned(), default.into());
    }
}

/// Sets a numeric field whose zero means "not set".
fn set_nonzero(map: &mut Map<String, Value>, key: &str, default: i64) {
    if map.get(key).and_then(Value::as_i64).unwrap_or(0) == 0 {
        map.insert(key.to_owned(), default.into());
    }
}

fn object<'a>(map: &'a mut Map<String, Value>, key: &str) -> Option<&'a mut Map<String, Value>> {
    map.get_mut(key)?.as_object_mut()
}

fn text<'a>(map: &'a Map<String, Value>, key: &str) -> &'a str {
    map.get(key).and_then(Value::as_str).unwrap_or_default()
}
