//! Making strategic merge patches out of objects.

use serde_json::{Map, Value};

use super::{
    DELETE_PRIMITIVES, MAX_DEPTH, ORDER, PATCH, RETAIN_KEYS, StrategicError, element_of, field_of, holds_maps, invalid,
    key_of, merge, order,
};
use crate::scheme::kinds::{Gvk, builtin_kind};
use crate::scheme::types::{PatchRule, Type};

/// Which half of a difference is wanted.
#[derive(Clone, Copy, PartialEq)]
enum Half {
    /// What is new or changed.
    Changes,
    /// What is gone.
    Deletions,
}

/// The strategic patch that takes `current` to what `modified` says, removing what `original` had and `modified`
/// has not (as `CreateThreeWayMergePatch` with overwrite).
///
/// # Errors
/// For custom resources, and for lists whose items lack their merge key.
pub fn three_way_patch(
    original: &Value,
    modified: &Value,
    current: &Value,
    gvk: &Gvk,
) -> Result<Value, StrategicError> {
    let info = builtin_kind(gvk).ok_or_else(|| StrategicError::Unsupported(gvk.to_string()))?;
    let empty = Map::new();
    let map = |value: &Value| value.as_object().cloned().unwrap_or_else(|| empty.clone());
    let (original, modified, current) = (map(original), map(modified), map(current));
    let changes = diff_map(&current, &modified, &info.ty, Half::Changes, false, 0)?;
    let deletions = diff_map(&original, &modified, &info.ty, Half::Deletions, false, 0)?;
    merge::combine(deletions, changes, &info.ty).map(Value::Object)
}

fn diff_map(
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    ty: &Type,
    half: Half,
    retain_keys: bool,
    depth: usize,
) -> Result<Map<String, Value>, StrategicError> {
    if depth > MAX_DEPTH {
        return Err(invalid("object is nested too deeply"));
    }
    let mut patch = Map::new();
    for (name, wanted) in new {
        match (old.get(name), wanted) {
            (Some(Value::Object(before)), Value::Object(after)) => {
                if before == after {
                    continue;
                }
                let (child, rule) = field_of(ty, name)?;
                if rule.replace {
                    if half == Half::Changes {
                        patch.insert(name.clone(), wanted.clone());
                    }
                    continue;
                }
                let inner = diff_map(before, after, &child, half, rule.retain_keys, depth + 1)?;
                if !inner.is_empty() {
                    patch.insert(name.clone(), Value::Object(inner));
                }
            }
            (Some(Value::Array(before)), Value::Array(after)) => {
                if before == after {
                    continue;
                }
                let (child, rule) = field_of(ty, name)?;
                if rule.merge {
                    diff_list(&mut patch, name, (before, after), (&child, &rule), half, depth)?;
                } else if half == Half::Changes {
                    patch.insert(name.clone(), wanted.clone());
                }
            }
            (before, wanted) => {
                if half == Half::Changes && before != Some(wanted) {
                    patch.insert(name.clone(), wanted.clone());
                }
            }
        }
    }
    if half == Half::Deletions {
        for name in old.keys().filter(|name| !new.contains_key(*name)) {
            patch.insert(name.clone(), Value::Null);
        }
    }
    if retain_keys {
        let mut kept: Vec<&String> = new.iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| name).collect();
        kept.sort();
        let lost = old.iter().any(|(name, value)| !value.is_null() && !new.contains_key(name));
        if !kept.is_empty() && (!patch.is_empty() || lost) {
            patch.insert(RETAIN_KEYS.to_owned(), kept.into_iter().cloned().collect());
        }
    }
    Ok(patch)
}

fn diff_list(
    patch: &mut Map<String, Value>,
    name: &str,
    (old, new): (&[Value], &[Value]),
    (ty, rule): (&Type, &PatchRule),
    half: Half,
    depth: usize,
) -> Result<(), StrategicError> {
    if old.is_empty() {
        if half == Half::Changes && !new.is_empty() {
            patch.insert(name.to_owned(), Value::Array(new.to_vec()));
        }
        return Ok(());
    }
    let mut put = |key: String, items: Vec<Value>| {
        if !items.is_empty() {
            patch.insert(key, Value::Array(items));
        }
    };
    if !holds_maps([old, new])? {
        let (added, gone) = diff_scalars(old, new);
        match half {
            Half::Changes => {
                put(name.to_owned(), order::sorted_by(added, new, ""));
                put(format!("{ORDER}{name}"), new.to_vec());
            }
            Half::Deletions if !gone.is_empty() => {
                put(format!("{DELETE_PRIMITIVES}{name}"), gone);
                put(format!("{ORDER}{name}"), new.to_vec());
            }
            Half::Deletions => {}
        }
        return Ok(());
    }
    let (changed, gone) = diff_maps(old, new, &element_of(ty), rule, half, depth)?;
    let mut items = order::sorted_by(changed, new, &rule.key);
    items.extend(gone);
    let reordered = old.len() != new.len() || old.iter().zip(new).any(|(a, b)| a.get(&rule.key) != b.get(&rule.key));
    if !items.is_empty() || (half == Half::Changes && reordered) {
        let names = new.iter().map(|item| Ok(item_with(&rule.key, key_of(item, &rule.key)?)));
        put(format!("{ORDER}{name}"), names.collect::<Result<_, StrategicError>>()?);
    }
    put(name.to_owned(), items);
    Ok(())
}

fn item_with(key: &str, id: &Value) -> Value {
    Value::Object([(key.to_owned(), id.clone())].into_iter().collect())
}

/// The text Kubernetes sorts and compares scalars and merge keys by: `80` and `"80"` are the same there.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Scalars only `new` has, and those only `old` has (once each).
fn diff_scalars(old: &[Value], new: &[Value]) -> (Vec<Value>, Vec<Value>) {
    let sorted = |list: &[Value]| {
        let mut list = list.to_vec();
        list.sort_by_cached_key(text);
        list
    };
    let (old, new) = (sorted(old), sorted(new));
    let (mut added, mut gone, mut i, mut j) = (Vec::new(), Vec::new(), 0, 0);
    while let Some((a, b)) = next_pair(&old, &new, i, j) {
        match (a, b) {
            (Some(a), Some(b)) if text(a) == text(b) => (i, j) = (i + 1, j + 1),
            (Some(a), b) if b.is_none_or(|b| text(a) < text(b)) => {
                if !gone.contains(a) {
                    gone.push(a.clone());
                }
                i += 1;
            }
            (_, b) => {
                added.extend(b.cloned());
                j += 1;
            }
        }
    }
    (added, gone)
}

type Pair<'a> = (Option<&'a Value>, Option<&'a Value>);

fn next_pair<'a>(old: &'a [Value], new: &'a [Value], i: usize, j: usize) -> Option<Pair<'a>> {
    match (old.get(i), new.get(j)) {
        (None, None) => None,
        pair => Some(pair),
    }
}

/// Items that are new or changed, and delete directives for those that are gone.
fn diff_maps(
    old: &[Value],
    new: &[Value],
    element: &Type,
    rule: &PatchRule,
    half: Half,
    depth: usize,
) -> Result<(Vec<Value>, Vec<Value>), StrategicError> {
    let sorted = |list: &[Value]| -> Result<Vec<Value>, StrategicError> {
        for item in list {
            key_of(item, &rule.key)?;
        }
        let mut list = list.to_vec();
        list.sort_by_cached_key(|item| item.get(&rule.key).map(text));
        Ok(list)
    };
    let (old, new) = (sorted(old)?, sorted(new)?);
    let (mut changed, mut gone, mut i, mut j) = (Vec::new(), Vec::new(), 0, 0);
    let empty = Map::new();
    while let Some((before, after)) = next_pair(&old, &new, i, j) {
        let id = |item: Option<&Value>| item.and_then(|item| item.get(&rule.key)).map(text);
        match (before, after) {
            (Some(before), Some(after)) if id(Some(before)) == id(Some(after)) => {
                let fields = |item: &'_ Value| item.as_object().cloned().unwrap_or_else(|| empty.clone());
                let mut patch = diff_map(&fields(before), &fields(after), element, half, rule.retain_keys, depth + 1)?;
                if !patch.is_empty() {
                    patch.insert(rule.key.clone(), key_of(after, &rule.key)?.clone());
                    changed.push(Value::Object(patch));
                }
                (i, j) = (i + 1, j + 1);
            }
            (Some(before), after) if after.is_none() || id(Some(before)) < id(after) => {
                if half == Half::Deletions {
                    let mut directive = item_with(&rule.key, key_of(before, &rule.key)?);
                    if let Some(map) = directive.as_object_mut() {
                        map.insert(PATCH.to_owned(), "delete".into());
                    }
                    gone.push(directive);
                }
                i += 1;
            }
            (_, after) => {
                if half == Half::Changes {
                    changed.extend(after.cloned());
                }
                j += 1;
            }
        }
    }
    Ok((changed, gone))
}
