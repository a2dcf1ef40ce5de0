//! Walks over typed values, by the rules of structured-merge-diff: field sets here, and comparison, merge, removal and
//! validation beside.
//!
//! Depth is bounded by the parsers of the request bodies (128 levels).

mod compare;
mod merge;
mod validate;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::path::{OrdValue, PathElement};
use super::set::Set;
use crate::scheme::{ListKind, ListType, Scalar, StructDef, Type};

pub(super) use compare::{Comparison, compare};
pub(super) use merge::{merge, remove};
pub(super) use validate::validate;

/// The shape of a type for one value.
#[derive(Clone)]
pub(in crate::fieldmanager) enum Atom {
    Scalar(Scalar),
    List(Arc<ListType>),
    Map(MapAtom),
}

/// A struct, a map, or an object of unknown shape.
#[derive(Clone)]
pub(in crate::fieldmanager) struct MapAtom {
    def: Option<Arc<StructDef>>,
    elem: Option<Type>,
    atomic: bool,
}

impl MapAtom {
    pub(in crate::fieldmanager) fn has_field(&self, name: &str) -> bool {
        self.def.as_ref().is_some_and(|d| d.field(name).is_some())
    }

    pub(in crate::fieldmanager) fn child(&self, name: &str) -> Option<Type> {
        self.def.as_ref().and_then(|d| d.field(name)).map(|f| f.ty.clone()).or_else(|| self.elem.clone())
    }
}

impl Atom {
    /// The shape; of an untyped value it is deduced.
    pub(in crate::fieldmanager) fn of(ty: &Type, value: Option<&Value>) -> Atom {
        match ty {
            Type::Scalar(s) => Atom::Scalar(s.clone()),
            Type::List(l) => Atom::List(l.clone()),
            Type::Map(m) => Atom::Map(MapAtom { def: None, elem: Some(m.elem.clone()), atomic: m.atomic }),
            Type::Struct(r) => {
                let def = r.resolve();
                let elem = def.preserve_unknown.then_some(Type::Any);
                Atom::Map(MapAtom { atomic: def.atomic, elem, def: Some(def) })
            }
            Type::Any => match value {
                Some(Value::Array(_)) => Atom::List(Arc::new(ListType { elem: Type::Any, kind: ListKind::Atomic })),
                Some(Value::Bool(_) | Value::Number(_) | Value::String(_)) => Atom::Scalar(Scalar::Untyped),
                _ => Atom::Map(MapAtom { def: None, elem: Some(Type::Any), atomic: false }),
            },
        }
    }

    pub(super) fn same_shape(&self, other: &Atom) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

pub(super) fn as_map(v: Option<&Value>) -> Option<&Map<String, Value>> {
    v.and_then(Value::as_object)
}

pub(super) fn as_list(v: Option<&Value>) -> Option<&Vec<Value>> {
    v.and_then(Value::as_array)
}

/// The path element of a list item.
pub(super) fn item_element(list: &ListType, item: &Value) -> Result<PathElement, String> {
    let ListKind::Map(keys) = &list.kind else {
        return match item {
            Value::Object(_) => Err("associative list without keys has an element that's a map type".to_owned()),
            Value::Array(_) => Err("not supported: associative list with lists as elements".to_owned()),
            Value::Null => Err("associative list without keys has an element that's an explicit null".to_owned()),
            v => Ok(PathElement::Value(OrdValue(v.clone()))),
        };
    };
    let map = match item {
        Value::Null => return Err("associative list with keys may not have a null element".to_owned()),
        Value::Object(map) => map,
        _ => return Err("associative list with keys may not have non-map elements".to_owned()),
    };
    let mut out = Vec::with_capacity(keys.len());
    for key in keys {
        match map.get(key) {
            Some(v) => out.push((key.clone(), OrdValue(v.clone()))),
            None => {
                if let Some(default) = key_default(&list.elem, key) {
                    out.push((key.clone(), OrdValue(default)));
                }
            }
        }
    }
    if out.is_empty() {
        let names: Vec<String> = keys.iter().map(|k| format!("{k:?}")).collect();
        return Err(format!(
            "associative list with keys has an element that omits all key fields [{}] (and doesn't have default values for any key fields)",
            names.join(" ")
        ));
    }
    out.sort();
    Ok(PathElement::Key(out))
}

fn key_default(elem: &Type, key: &str) -> Option<Value> {
    match elem {
        Type::Struct(r) => r.resolve().field(key).and_then(|f| f.default.clone().or_else(|| f.zero_key())),
        _ => None,
    }
}

/// The set of all paths that an applied object names.
pub(in crate::fieldmanager) fn field_set(value: &Value, ty: &Type) -> Set {
    let mut set = Set::default();
    to_set(value, ty, &mut Vec::new(), &mut set);
    set
}

fn to_set(value: &Value, ty: &Type, path: &mut Vec<PathElement>, set: &mut Set) {
    match Atom::of(ty, Some(value)) {
        Atom::Scalar(_) => set.insert(path),
        Atom::List(l) if l.kind == ListKind::Atomic => set.insert(path),
        Atom::Map(m) if m.atomic => set.insert(path),
        Atom::List(l) => {
            let items = value.as_array().map_or(&[][..], Vec::as_slice);
            let elements: Vec<_> = items.iter().map(|i| item_element(&l, i).ok()).collect();
            let mut count: BTreeMap<&PathElement, usize> = BTreeMap::new();
            for e in elements.iter().flatten() {
                *count.entry(e).or_default() += 1;
            }
            for (item, element) in items.iter().zip(&elements) {
                let Some(element) = element else { continue };
                path.push(element.clone());
                if count.get(element) == Some(&1) {
                    to_set(item, &l.elem, path, set);
                }
                set.insert(path);
                path.pop();
            }
        }
        Atom::Map(m) => {
            for (key, child) in value.as_object().into_iter().flatten() {
                path.push(PathElement::field(key));
                if let Some(ty) = m.child(key) {
                    to_set(child, &ty, path, set);
                }
                let empty = child.is_null() || child.as_object().is_some_and(Map::is_empty);
                if empty || !m.has_field(key) {
                    set.insert(path);
                }
                path.pop();
            }
        }
    }
}
