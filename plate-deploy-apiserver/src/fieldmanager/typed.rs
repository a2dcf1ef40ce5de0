//! Walks over typed values: field sets, comparison, merge, removal, validation.
//!
//! The rules are those of structured-merge-diff. Depth is bounded by the parsers of the request bodies (128 levels).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::path::{OrdValue, PathElement};
use super::set::Set;
use crate::scheme::{ListKind, ListType, Scalar, StructDef, Type};

/// The shape of a type for one value.
#[derive(Clone)]
pub(super) enum Atom {
    Scalar(Scalar),
    List(Arc<ListType>),
    Map(MapAtom),
}

/// A struct, a map, or an object of unknown shape.
#[derive(Clone)]
pub(super) struct MapAtom {
    def: Option<Arc<StructDef>>,
    elem: Option<Type>,
    atomic: bool,
}

impl MapAtom {
    pub(super) fn has_field(&self, name: &str) -> bool {
        self.def.as_ref().is_some_and(|d| d.field(name).is_some())
    }

    pub(super) fn child(&self, name: &str) -> Option<Type> {
        self.def.as_ref().and_then(|d| d.field(name)).map(|f| f.ty.clone()).or_else(|| self.elem.clone())
    }
}

impl Atom {
    /// The shape; of an untyped value it is deduced.
    pub(super) fn of(ty: &Type, value: Option<&Value>) -> Atom {
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

    fn same_shape(&self, other: &Atom) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

fn as_map(v: Option<&Value>) -> Option<&Map<String, Value>> {
    v.and_then(Value::as_object)
}

fn as_list(v: Option<&Value>) -> Option<&Vec<Value>> {
    v.and_then(Value::as_array)
}

/// The path element of a list item.
fn item_element(list: &ListType, item: &Value) -> Result<PathElement, String> {
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
        Type::Struct(r) => r.resolve().field(key).and_then(|f| f.default.clone()),
        _ => None,
    }
}

/// The set of all paths that an applied object names.
pub(super) fn field_set(value: &Value, ty: &Type) -> Set {
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
            for (item, element) in items.iter().zip(&elements) {
                let Some(element) = element else { continue };
                path.push(element.clone());
                let duplicate = elements.iter().filter(|e| e.as_ref() == Some(element)).count() > 1;
                if !duplicate {
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

/// What differs between two objects.
#[derive(Default, Debug)]
pub(super) struct Comparison {
    pub(super) added: Set,
    pub(super) removed: Set,
    pub(super) modified: Set,
}

/// Compares two objects of a type.
pub(super) fn compare(old: &Value, new: &Value, ty: &Type) -> Comparison {
    let mut out = Comparison::default();
    compare_walk(Some(old), Some(new), ty, &mut Vec::new(), &mut out);
    out
}

fn leaf(old: Option<&Value>, new: Option<&Value>, path: &[PathElement], out: &mut Comparison) {
    match (old, new) {
        (None, _) => out.added.insert(path),
        (_, None) => out.removed.insert(path),
        (Some(a), Some(b)) if !equal(a, b) => out.modified.insert(path),
        _ => {}
    }
}

/// Equality of JSON values; 1 and 1.0 are equal.
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => x == y || x.as_f64() == y.as_f64(),
        (Value::Array(x), Value::Array(y)) => x.len() == y.len() && x.iter().zip(y).all(|(a, b)| equal(a, b)),
        (Value::Object(x), Value::Object(y)) => {
            x.len() == y.len() && x.iter().all(|(k, a)| y.get(k).is_some_and(|b| equal(a, b)))
        }
        _ => a == b,
    }
}

/// Returns true when the value was a leaf.
fn compare_atom(
    atom: &Atom,
    old: Option<&Value>,
    new: Option<&Value>,
    path: &mut Vec<PathElement>,
    out: &mut Comparison,
) -> bool {
    match atom {
        Atom::Scalar(_) => {
            leaf(old, new, path, out);
            true
        }
        Atom::List(l) => {
            let (a, b) = (as_list(old), as_list(new));
            let empty = a.is_none_or(Vec::is_empty) && b.is_none_or(Vec::is_empty);
            if l.kind == ListKind::Atomic || empty {
                leaf(old, new, path, out);
                return true;
            }
            compare_list(l, a.map_or(&[][..], Vec::as_slice), b.map_or(&[][..], Vec::as_slice), path, out);
            false
        }
        Atom::Map(m) => {
            let (a, b) = (as_map(old), as_map(new));
            let empty = a.is_none_or(Map::is_empty) && b.is_none_or(Map::is_empty);
            if m.atomic || empty {
                leaf(old, new, path, out);
                return true;
            }
            let keys: std::collections::BTreeSet<&String> =
                a.into_iter().flat_map(Map::keys).chain(b.into_iter().flat_map(Map::keys)).collect();
            for key in keys {
                let Some(ty) = m.child(key) else { continue };
                path.push(PathElement::field(key));
                compare_walk(a.and_then(|a| a.get(key)), b.and_then(|b| b.get(key)), &ty, path, out);
                path.pop();
            }
            false
        }
    }
}

fn compare_walk(
    old: Option<&Value>,
    new: Option<&Value>,
    ty: &Type,
    path: &mut Vec<PathElement>,
    out: &mut Comparison,
) {
    let (a, b) = (Atom::of(ty, old), Atom::of(ty, new));
    let was_leaf = match (old, new) {
        (None, None) => return,
        (_, None) => compare_atom(&a, old, new, path, out),
        (None, _) => compare_atom(&b, old, new, path, out),
        _ if a.same_shape(&b) => compare_atom(&b, old, new, path, out),
        _ => {
            compare_atom(&a, old, new, path, out);
            compare_atom(&b, old, new, path, out)
        }
    };
    if !was_leaf {
        match (old, new) {
            (None, _) => out.added.insert(path),
            (_, None) => out.removed.insert(path),
            _ => {}
        }
    }
}

fn compare_list(l: &ListType, old: &[Value], new: &[Value], path: &mut Vec<PathElement>, out: &mut Comparison) {
    let mut by_element: BTreeMap<PathElement, (Vec<&Value>, Vec<&Value>)> = BTreeMap::new();
    for v in old {
        if let Ok(e) = item_element(l, v) {
            by_element.entry(e).or_default().0.push(v);
        }
    }
    for v in new {
        if let Ok(e) = item_element(l, v) {
            by_element.entry(e).or_default().1.push(v);
        }
    }
    for (element, (a, b)) in by_element {
        path.push(element);
        match (a.len(), b.len()) {
            (0 | 1, 0 | 1) => compare_walk(a.first().copied(), b.first().copied(), &l.elem, path, out),
            (2.., 2..) => {
                if a.len() != b.len() || !a.iter().zip(&b).all(|(x, y)| equal(x, y)) {
                    out.modified.insert(path);
                }
            }
            (2.., _) => {
                compare_walk(None, b.first().copied(), &l.elem, path, out);
                out.removed.insert(path);
            }
            _ => {
                compare_walk(a.first().copied(), None, &l.elem, path, out);
                out.added.insert(path);
            }
        }
        path.pop();
    }
}

/// Merges an applied object over a live one.
///
/// # Errors
/// When the applied object has two list items of the same key.
pub(super) fn merge(live: &Value, applied: &Value, ty: &Type) -> Result<Value, String> {
    Ok(merge_walk(Some(live), Some(applied), ty)?.unwrap_or(Value::Null))
}

fn merge_walk(live: Option<&Value>, applied: Option<&Value>, ty: &Type) -> Result<Option<Value>, String> {
    let keep = || Ok(applied.or(live).cloned());
    let atom = Atom::of(ty, applied.filter(|v| !v.is_null()).or(live));
    match atom {
        Atom::Scalar(_) => keep(),
        Atom::List(l) => {
            let (a, b) = (as_list(live), as_list(applied));
            let empty = a.is_none_or(Vec::is_empty) && b.is_none_or(Vec::is_empty);
            if l.kind == ListKind::Atomic || empty {
                return keep();
            }
            let out = merge_list(&l, a.map_or(&[][..], Vec::as_slice), b.map_or(&[][..], Vec::as_slice))?;
            Ok((!out.is_empty()).then_some(Value::Array(out)))
        }
        Atom::Map(m) => {
            let (a, b) = (as_map(live), as_map(applied));
            let empty = a.is_none_or(Map::is_empty) && b.is_none_or(Map::is_empty);
            if m.atomic || empty {
                return keep();
            }
            let mut out = Map::new();
            let extra = b.into_iter().flat_map(Map::keys).filter(|k| a.is_none_or(|a| !a.contains_key(*k)));
            for key in a.into_iter().flat_map(Map::keys).chain(extra) {
                let child = m.child(key).unwrap_or(Type::Any);
                let merged = merge_walk(a.and_then(|a| a.get(key)), b.and_then(|b| b.get(key)), &child)?;
                if let Some(v) = merged {
                    out.insert(key.clone(), v);
                }
            }
            Ok((!out.is_empty()).then_some(Value::Object(out)))
        }
    }
}

/// Items both sides have take the applied order; items only the live side has stay before what follows them.
fn merge_list(l: &ListType, live: &[Value], applied: &[Value]) -> Result<Vec<Value>, String> {
    let index = |items: &[Value]| -> Result<Vec<PathElement>, String> {
        items.iter().enumerate().map(|(i, v)| item_element(l, v).map_err(|e| format!("element {i}: {e}"))).collect()
    };
    let (left, right) = (index(live)?, index(applied)?);
    let position = |list: &[PathElement], e: &PathElement| list.iter().position(|x| x == e);
    for (i, e) in right.iter().enumerate() {
        if position(&right, e) != Some(i) {
            return Err(format!("duplicate entries for key {e}"));
        }
    }
    // A live item that is there twice is not merged but replaced.
    let live_item = |e: &PathElement| {
        let first = position(&left, e)?;
        let twice = left.iter().filter(|x| *x == e).count() > 1;
        (!twice).then(|| &live[first])
    };
    let mut shared = right.iter().filter(|e| left.contains(e));
    let mut next_shared = shared.next();
    let mut merged: Vec<&PathElement> = Vec::new();
    let mut out = Vec::with_capacity(left.len().max(right.len()));
    let (mut li, mut ri) = (0, 0);
    while li < left.len() || ri < right.len() {
        if let (Some(e), Some(r)) = (left.get(li), right.get(ri)) {
            if e == r {
                merged.push(e);
                out.extend(merge_walk(live_item(e), Some(&applied[ri]), &l.elem)?);
                (li, ri) = (li + 1, ri + 1);
                next_shared = shared.next();
                continue;
            }
            if right.contains(e) && next_shared.is_some_and(|n| n != e) {
                li += 1;
                continue;
            }
        }
        if let Some(e) = left.get(li) {
            if !right.contains(e) {
                out.extend(merge_walk(Some(&live[li]), None, &l.elem)?);
                li += 1;
                continue;
            } else if merged.contains(&e) {
                li += 1;
            }
        }
        if let Some(e) = right.get(ri) {
            merged.push(e);
            out.extend(merge_walk(live_item(e), Some(&applied[ri]), &l.elem)?);
            ri += 1;
            if next_shared == Some(e) {
                next_shared = shared.next();
            }
        }
    }
    Ok(out)
}

/// The object without the paths of `gone`.
pub(super) fn remove(value: &Value, gone: &Set, ty: &Type) -> Value {
    match Atom::of(ty, Some(value)) {
        Atom::Scalar(_) => value.clone(),
        Atom::List(l) => {
            let Some(items) = value.as_array().filter(|i| !i.is_empty() && l.kind != ListKind::Atomic) else {
                return Value::Null;
            };
            let mut out = Vec::new();
            for item in items {
                let Ok(e) = item_element(&l, item) else { continue };
                if !gone.has(&e) {
                    out.push(gone.below(&e).map_or_else(|| item.clone(), |s| remove(item, s, &l.elem)));
                }
            }
            if out.is_empty() { Value::Null } else { Value::Array(out) }
        }
        Atom::Map(m) => {
            let Some(map) = value.as_object().filter(|o| !o.is_empty() && !m.atomic) else { return Value::Null };
            let mut out = Map::new();
            for (key, child) in map {
                let e = PathElement::field(key);
                if gone.has(&e) {
                    continue;
                }
                let ty = m.child(key).unwrap_or(Type::Any);
                out.insert(key.clone(), gone.below(&e).map_or_else(|| child.clone(), |s| remove(child, s, &ty)));
            }
            if out.is_empty() { Value::Null } else { Value::Object(out) }
        }
    }
}

/// What does not fit the type, in structured-merge-diff's words.
pub(super) fn validate(value: &Value, ty: &Type) -> Vec<String> {
    let mut out = Vec::new();
    validate_walk(value, ty, String::new(), &mut out);
    out
}

fn validate_walk(value: &Value, ty: &Type, path: String, out: &mut Vec<String>) {
    let at = |message: String| if path.is_empty() { message } else { format!("{path}: {message}") };
    if value.is_null() {
        return;
    }
    match Atom::of(ty, Some(value)) {
        Atom::Scalar(s) => {
            out.extend(scalar_error(&s, value).map(at));
        }
        Atom::List(l) => {
            let Some(items) = value.as_array() else {
                return out.push(at(format!("expected list, got &{{{}}}", go_plain(value))));
            };
            let mut seen = Vec::new();
            for (i, item) in items.iter().enumerate() {
                let element = if l.kind == ListKind::Atomic {
                    PathElement::Index(i64::try_from(i).unwrap_or(i64::MAX))
                } else {
                    match item_element(&l, item) {
                        Ok(e) if seen.contains(&e) => return out.push(at(format!("duplicate entries for key {e}"))),
                        Ok(e) => e,
                        Err(e) => return out.push(at(format!("element {i}: {e}"))),
                    }
                };
                validate_walk(item, &l.elem, format!("{path}{element}"), out);
                seen.push(element);
            }
        }
        Atom::Map(m) => {
            let Some(map) = value.as_object() else {
                return out.push(at(format!("expected map, got &{{{}}}", go_plain(value))));
            };
            for (key, child) in map {
                let here = format!("{path}.{key}");
                match m.child(key) {
                    Some(ty) => validate_walk(child, &ty, here, out),
                    None => out.push(format!("{here}: field not declared in schema")),
                }
            }
        }
    }
}

fn scalar_error(scalar: &Scalar, value: &Value) -> Option<String> {
    let wrong = |wanted: &str, form: &str| Some(format!("expected {wanted}, got {form}"));
    match (scalar, value) {
        (Scalar::Int32 | Scalar::Int64 | Scalar::Uint32 | Scalar::Float, Value::Number(_))
        | (Scalar::String(_) | Scalar::Duration | Scalar::Bytes, Value::String(_))
        | (Scalar::Bool, Value::Bool(_)) => None,
        (Scalar::Int32 | Scalar::Int64 | Scalar::Uint32 | Scalar::Float, v) => {
            wrong("numeric (int or float)", go_type_name(v))
        }
        (Scalar::String(_) | Scalar::Duration | Scalar::Bytes, v) => {
            wrong("string", &format!("&value.valueUnstructured{{Value:{}}}", go_value(v)))
        }
        (Scalar::Bool, v) => wrong("boolean", &format!("&{{{}}}", go_plain(v))),
        (_, Value::Array(_) | Value::Object(_)) => wrong("any scalar", &format!("&{{{}}}", go_plain(value))),
        _ => None,
    }
}

fn go_type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(n) if n.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// A value as Go's `%#v` prints it.
fn go_value(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".to_owned(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(go_value).collect();
            format!("[]interface {{}}{{{}}}", items.join(", "))
        }
        Value::Object(map) => {
            let items: Vec<String> = map.iter().map(|(k, v)| format!("{k:?}:{}", go_value(v))).collect();
            format!("map[string]interface {{}}{{{}}}", items.join(", "))
        }
        other => other.to_string(),
    }
}

/// A value as Go's `%v` prints it.
fn go_plain(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(s) => s.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(go_plain).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let items: Vec<String> = map.iter().map(|(k, v)| format!("{k}:{}", go_plain(v))).collect();
            format!("map[{}]", items.join(" "))
        }
        other => other.to_string(),
    }
}
