//! Three-way JSON merge, for kinds whose types are not known.

use serde_json::{Map, Value};

/// What turns `current` into `modified`: changes and additions against the live object, deletions against what was
/// applied last (`jsonmergepatch.CreateThreeWayJSONMergePatch`).
pub(super) fn three_way_patch(original: &Value, modified: &Value, current: &Value) -> Value {
    let changes = keep(difference(current, modified), false);
    let deletions = keep(difference(original, modified), true);
    unite(Value::Object(deletions), &Value::Object(changes))
}

/// The merge patch that turns one object into another.
pub(super) fn patch(from: &Value, to: &Value) -> Value {
    Value::Object(difference(from, to))
}

/// The merge patch from `a` to `b`.
fn difference(a: &Value, b: &Value) -> Map<String, Value> {
    let empty = Map::new();
    let (a, b) = (a.as_object().unwrap_or(&empty), b.as_object().unwrap_or(&empty));
    let mut out = Map::new();
    for (key, new) in b {
        match a.get(key) {
            Some(old) if old == new => {}
            Some(old @ Value::Object(_)) if new.is_object() => {
                let inner = difference(old, new);
                if !inner.is_empty() {
                    out.insert(key.clone(), Value::Object(inner));
                }
            }
            _ => {
                out.insert(key.clone(), new.clone());
            }
        }
    }
    for key in a.keys().filter(|key| !b.contains_key(*key)) {
        out.insert(key.clone(), Value::Null);
    }
    out
}

/// Only the deletions of a patch, or only the rest. An empty map that was set on purpose is a value.
fn keep(patch: Map<String, Value>, deletions: bool) -> Map<String, Value> {
    let kept = patch.into_iter().filter_map(|(key, value)| match value {
        Value::Null => deletions.then_some((key, Value::Null)),
        Value::Object(inner) if inner.is_empty() => (!deletions).then_some((key, Value::Object(inner))),
        Value::Object(inner) => {
            let inner = keep(inner, deletions);
            (!inner.is_empty()).then_some((key, Value::Object(inner)))
        }
        value => (!deletions).then_some((key, value)),
    });
    kept.collect()
}

/// One patch out of two, nulls kept.
fn unite(mut base: Value, other: &Value) -> Value {
    let (Value::Object(map), Value::Object(other)) = (&mut base, other) else { return other.clone() };
    for (key, value) in other {
        let merged = match map.remove(key) {
            Some(old @ Value::Object(_)) if value.is_object() => unite(old, value),
            _ => value.clone(),
        };
        map.insert(key.clone(), merged);
    }
    base
}

/// Applies a merge patch (RFC 7396).
pub(super) fn apply(target: &Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else { return patch.clone() };
    let mut out = target.as_object().cloned().unwrap_or_default();
    for (key, value) in patch {
        if value.is_null() {
            out.remove(key);
        } else {
            let merged = apply(out.get(key).unwrap_or(&Value::Null), value);
            out.insert(key.clone(), merged);
        }
    }
    Value::Object(out)
}
