//! Applying strategic merge patches, to objects and to other patches.

use serde_json::{Map, Value};

use super::{
    DELETE_PRIMITIVES, MAX_DEPTH, ORDER, PATCH, RETAIN_KEYS, StrategicError, element_of, field_of, holds_maps, invalid,
    key_of, order,
};
use crate::scheme::types::{PatchRule, Type};

/// What is merged into.
#[derive(Clone, Copy, PartialEq)]
enum Onto {
    /// An object: directives are carried out, deletions of absent fields mean nothing.
    Object,
    /// Another patch: directives and deletions are kept.
    Patch,
}

/// Applies a patch to an object.
pub(super) fn apply(
    original: Map<String, Value>,
    patch: Map<String, Value>,
    ty: &Type,
) -> Result<Map<String, Value>, StrategicError> {
    merge_map(original, patch, ty, Onto::Object, 0)
}

/// One patch out of two.
pub(super) fn combine(
    first: Map<String, Value>,
    second: Map<String, Value>,
    ty: &Type,
) -> Result<Map<String, Value>, StrategicError> {
    merge_map(first, second, ty, Onto::Patch, 0)
}

fn merge_map(
    mut base: Map<String, Value>,
    mut patch: Map<String, Value>,
    ty: &Type,
    onto: Onto,
    depth: usize,
) -> Result<Map<String, Value>, StrategicError> {
    if depth > MAX_DEPTH {
        return Err(invalid("patch is nested too deeply"));
    }
    match patch.get(PATCH).map(|directive| directive.as_str().unwrap_or_default()) {
        None => {}
        Some("replace") => {
            patch.remove(PATCH);
            return Ok(patch);
        }
        Some("delete") => return Ok(Map::new()),
        Some(other) => {
            let shown = Value::Object(patch.clone());
            return Err(invalid(format!("unknown patch type: {other} in map: {shown}")));
        }
    }
    retain_keys(&mut base, &mut patch, onto)?;
    ordered_lists(&mut base, &mut patch, ty, onto, depth)?;
    for (name, value) in patch {
        let (name, deletes) = match name.strip_prefix(DELETE_PRIMITIVES) {
            Some(_) if onto == Onto::Patch => {
                base.insert(name, value);
                continue;
            }
            Some(field) => (field.to_owned(), true),
            None => (name, false),
        };
        if value.is_null() {
            base.remove(&name);
            if onto == Onto::Object {
                continue;
            }
        }
        let merged = match (base.remove(&name), value) {
            (None, _) if deletes => continue,
            (None, value) => fresh(value, onto),
            (Some(Value::Object(old)), Value::Object(new)) => {
                let (child, rule) = field_of(ty, &name)?;
                let whole = rule.replace;
                Some(Value::Object(if whole { new } else { merge_map(old, new, &child, onto, depth + 1)? }))
            }
            (Some(Value::Array(old)), Value::Array(new)) if deletes => {
                Some(Value::Array(if onto == Onto::Object { without(old, &new) } else { new }))
            }
            (Some(Value::Array(old)), Value::Array(new)) => {
                let (child, rule) = field_of(ty, &name)?;
                Some(Value::Array(merge_rule(old, new, &child, &rule, onto, depth)?))
            }
            (Some(old), _) if deletes => Some(old),
            (Some(_), value) => fresh(value, onto),
        };
        if let Some(merged) = merged {
            base.insert(name, merged);
        }
    }
    Ok(base)
}

/// A value nothing is merged with: maps that are directives vanish, deletions of what is not there too.
fn fresh(mut value: Value, onto: Onto) -> Option<Value> {
    if onto == Onto::Object {
        drop_nulls(&mut value);
    }
    drop_directives(&mut value).then_some(value)
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// `false` when the value itself is a directive. (`$retainKeys` and `$setElementOrder` stay, as in Kubernetes.)
fn drop_directives(value: &mut Value) -> bool {
    match value {
        Value::Object(map) => {
            if map.contains_key(PATCH) {
                return false;
            }
            map.retain(|_, value| drop_directives(value));
        }
        Value::Array(items) => items.retain_mut(drop_directives),
        _ => {}
    }
    true
}

fn retain_keys(
    base: &mut Map<String, Value>,
    patch: &mut Map<String, Value>,
    onto: Onto,
) -> Result<(), StrategicError> {
    let Some(list) = patch.remove(RETAIN_KEYS) else { return Ok(()) };
    if onto == Onto::Patch {
        base.entry(RETAIN_KEYS).or_insert(list);
        return Ok(());
    }
    let keys = list.as_array().ok_or_else(|| invalid("invalid patch format of retainKeys directive: not a list"))?;
    let keep: Vec<&str> = keys.iter().filter_map(Value::as_str).collect();
    let missing = patch.iter().find(|(key, value)| {
        !value.is_null()
            && !key.starts_with(DELETE_PRIMITIVES)
            && !key.starts_with(ORDER)
            && !keep.contains(&key.as_str())
    });
    if let Some((key, _)) = missing {
        return Err(invalid(format!("{RETAIN_KEYS} directive's list is missing the field {key} of the patch")));
    }
    base.retain(|key, _| keep.contains(&key.as_str()));
    Ok(())
}

/// Lists with a `$setElementOrder`: merged and ordered here, and done with.
fn ordered_lists(
    base: &mut Map<String, Value>,
    patch: &mut Map<String, Value>,
    ty: &Type,
    onto: Onto,
    depth: usize,
) -> Result<(), StrategicError> {
    let directives: Vec<String> = patch.keys().filter(|key| key.starts_with(ORDER)).cloned().collect();
    for directive in directives {
        let Some(Value::Array(named)) = patch.remove(&directive) else {
            return Err(invalid("invalid patch format of setElementOrder list"));
        };
        if onto == Onto::Patch {
            let kept = base.entry(directive.clone()).or_insert_with(|| Value::Array(named.clone()));
            if kept.as_array() != Some(&named) {
                return Err(invalid("invalid patch format of setElementOrder list"));
            }
        }
        let name = directive.trim_start_matches(ORDER);
        let (child, rule) = field_of(ty, name)?;
        let (old, new) = (list_at(base, name)?, list_at(patch, name)?);
        let server = old.clone().unwrap_or_default();
        let merged = match (old, new) {
            (None, None) => continue,
            (Some(old), None) => old,
            (None, Some(new)) => {
                new.into_iter().filter_map(|mut item| drop_directives(&mut item).then_some(item)).collect()
            }
            (Some(old), Some(new)) => merge_rule(old, new, &child, &rule, onto, depth)?,
        };
        base.insert(name.to_owned(), Value::Array(order::arrange(merged, &named, &server, &rule.key)));
    }
    Ok(())
}

/// Takes a list out of a map.
fn list_at(map: &mut Map<String, Value>, name: &str) -> Result<Option<Vec<Value>>, StrategicError> {
    match map.remove(name) {
        None => Ok(None),
        Some(Value::Array(items)) => Ok(Some(items)),
        Some(_) => Err(invalid(format!("{ORDER}{name}: {name} is not a list"))),
    }
}

fn without(items: Vec<Value>, gone: &[Value]) -> Vec<Value> {
    items.into_iter().filter(|item| !gone.contains(item)).collect()
}

fn merge_rule(
    old: Vec<Value>,
    new: Vec<Value>,
    ty: &Type,
    rule: &PatchRule,
    onto: Onto,
    depth: usize,
) -> Result<Vec<Value>, StrategicError> {
    if !rule.merge {
        return Ok(new);
    }
    if old.is_empty() && new.is_empty() {
        return Ok(old);
    }
    let server = old.clone();
    if !holds_maps([&old, &new])? {
        let mut merged: Vec<Value> = Vec::with_capacity(old.len() + new.len());
        for item in old.into_iter().chain(new.iter().cloned()) {
            if !merged.contains(&item) {
                merged.push(item);
            }
        }
        return Ok(order::arrange(merged, &new, &server, ""));
    }
    if rule.key.is_empty() {
        return Err(invalid("cannot merge lists without merge key"));
    }
    let (mut merged, new) = special_items(old, new, &rule.key)?;
    let element = element_of(ty);
    for item in &new {
        let id = key_of(item, &rule.key)?;
        match merged.iter_mut().find(|other| other.get(&rule.key) == Some(id)) {
            Some(place) => {
                let (Value::Object(existing), Value::Object(item)) = (std::mem::take(place), item.clone()) else {
                    return Err(invalid("list of maps with a non-map element"));
                };
                *place = Value::Object(merge_map(existing, item, &element, onto, depth + 1)?);
            }
            None => merged.push(item.clone()),
        }
    }
    for item in &merged {
        key_of(item, &rule.key)?;
    }
    Ok(order::arrange(merged, &new, &server, &rule.key))
}

/// Carries out `$patch` items of a list; returns what to merge into and what is left to merge.
fn special_items(mut old: Vec<Value>, new: Vec<Value>, key: &str) -> Result<(Vec<Value>, Vec<Value>), StrategicError> {
    let (mut rest, mut replace) = (Vec::with_capacity(new.len()), false);
    for item in new {
        match item.get(PATCH).map(|directive| directive.as_str().unwrap_or_default()) {
            None => rest.push(item),
            Some("delete") => {
                let id = item.get(key);
                let id = id.ok_or_else(|| invalid(format!("delete patch type with no merge key {key} defined")))?;
                old.retain(|other| other.get(key) != Some(id));
            }
            Some("replace") => replace = true,
            Some("merge") => return Err(invalid("merging lists cannot yet be specified in the patch")),
            Some(other) => return Err(invalid(format!("unknown patch type found: {other}"))),
        }
    }
    Ok(if replace { (rest, Vec::new()) } else { (old, rest) })
}
