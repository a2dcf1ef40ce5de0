//! What differs between two typed values.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Atom, as_list, as_map, item_element};
use crate::fieldmanager::path::PathElement;
use crate::fieldmanager::set::Set;
use crate::scheme::{ListKind, ListType, Type};

/// What differs between two objects.
#[derive(Default, Debug)]
pub(in crate::fieldmanager) struct Comparison {
    pub(in crate::fieldmanager) added: Set,
    pub(in crate::fieldmanager) removed: Set,
    pub(in crate::fieldmanager) modified: Set,
}

/// Compares two objects of a type.
pub(in crate::fieldmanager) fn compare(old: &Value, new: &Value, ty: &Type) -> Comparison {
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
