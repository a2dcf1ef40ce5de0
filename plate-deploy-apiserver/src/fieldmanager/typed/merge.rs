//! Laying an applied value over a live one, and taking paths out of a value.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Atom, as_list, as_map, item_element};
use crate::fieldmanager::path::PathElement;
use crate::fieldmanager::set::Set;
use crate::scheme::{ListKind, ListType, Type};

/// Merges an applied object over a live one.
///
/// # Errors
/// When the applied object has two list items of the same key.
pub(in crate::fieldmanager) fn merge(live: &Value, applied: &Value, ty: &Type) -> Result<Value, String> {
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
    let (live_at, applied_at) = (positions(&left), positions(&right));
    for e in &right {
        if applied_at.get(e).is_some_and(|(_, count)| *count > 1) {
            return Err(format!("duplicate entries for key {e}"));
        }
    }
    // A live item that is there twice is not merged but replaced.
    let live_item = |e: &PathElement| match live_at.get(e) {
        Some((at, 1)) => live.get(*at),
        _ => None,
    };
    let mut shared = right.iter().filter(|e| live_at.contains_key(e));
    let mut next_shared = shared.next();
    let mut merged: BTreeSet<&PathElement> = BTreeSet::new();
    let mut out = Vec::with_capacity(left.len().max(right.len()));
    let (mut li, mut ri) = (0, 0);
    while li < left.len() || ri < right.len() {
        if let (Some(e), Some(r)) = (left.get(li), right.get(ri)) {
            if e == r {
                merged.insert(e);
                out.extend(merge_walk(live_item(e), Some(&applied[ri]), &l.elem)?);
                (li, ri) = (li + 1, ri + 1);
                next_shared = shared.next();
                continue;
            }
            if applied_at.contains_key(e) && next_shared.is_some_and(|n| n != e) {
                li += 1;
                continue;
            }
        }
        if let Some(e) = left.get(li) {
            if !applied_at.contains_key(e) {
                out.extend(merge_walk(Some(&live[li]), None, &l.elem)?);
                li += 1;
                continue;
            } else if merged.contains(e) {
                li += 1;
            }
        }
        if let Some(e) = right.get(ri) {
            merged.insert(e);
            out.extend(merge_walk(live_item(e), Some(&applied[ri]), &l.elem)?);
            ri += 1;
            if next_shared == Some(e) {
                next_shared = shared.next();
            }
        }
    }
    Ok(out)
}

/// Where each element is first, and how often it is there.
fn positions(elements: &[PathElement]) -> BTreeMap<&PathElement, (usize, usize)> {
    let mut out = BTreeMap::new();
    for (i, e) in elements.iter().enumerate() {
        out.entry(e).or_insert((i, 0)).1 += 1;
    }
    out
}

/// The object without the paths of `gone`.
pub(in crate::fieldmanager) fn remove(value: &Value, gone: &Set, ty: &Type) -> Value {
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
