//! Strategic merge patches, as `k8s.io/apimachinery/pkg/util/strategicpatch`: `$patch`, `$retainKeys`,
//! `$setElementOrder/…` and `$deleteFromPrimitiveList/…` directives, merge keys from the schema.

use serde_json::{Map, Value};

use super::kinds::{Gvk, builtin_kind};
use super::types::{PatchRule, StructDef, Type};

/// A patch that cannot be applied; the texts are Kubernetes'.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StrategicError {
    /// The kind is not built in, so that merge keys are not known.
    #[error("strategic merge patch is not supported for {0}")]
    Unsupported(String),
    /// The patch is not an object, or a directive has the wrong shape.
    #[error("{0}")]
    Invalid(String),
}

const PATCH: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const ORDER: &str = "$setElementOrder/";
const DELETE_PRIMITIVES: &str = "$deleteFromPrimitiveList/";
const MAX_DEPTH: usize = 200;

fn invalid(text: impl Into<String>) -> StrategicError {
    StrategicError::Invalid(text.into())
}

/// Applies a strategic merge patch to an object of a built-in kind.
///
/// # Errors
/// For custom resources, and for patches whose directives are malformed.
pub fn strategic_merge(original: &Value, patch: &Value, gvk: &Gvk) -> Result<Value, StrategicError> {
    let info = builtin_kind(gvk).ok_or_else(|| StrategicError::Unsupported(gvk.to_string()))?;
    strategic_merge_typed(original, patch, &info.ty)
}

/// As [`strategic_merge`] for a known type.
///
/// # Errors
/// For patches whose directives are malformed.
pub fn strategic_merge_typed(original: &Value, patch: &Value, ty: &Type) -> Result<Value, StrategicError> {
    let (Value::Object(original), Value::Object(patch)) = (original, patch) else {
        return Err(invalid("cannot apply a patch that is not an object"));
    };
    merge_map(original.clone(), patch, ty, 0).map(Value::Object)
}

/// The rule of a field, and its type.
fn field_of(ty: &Type, name: &str) -> (Type, PatchRule) {
    if let Type::Struct(r) = ty {
        let def: std::sync::Arc<StructDef> = r.resolve();
        if let Some(f) = def.field(name) {
            return (f.ty.clone(), f.patch.clone().unwrap_or_default());
        }
    }
    (ty.child(Some(name)).unwrap_or(Type::Any), PatchRule::default())
}

fn merge_map(
    mut base: Map<String, Value>,
    patch: &Map<String, Value>,
    ty: &Type,
    depth: usize,
) -> Result<Map<String, Value>, StrategicError> {
    if depth > MAX_DEPTH {
        return Err(invalid("patch is nested too deeply"));
    }
    match patch.get(PATCH) {
        None => {}
        Some(Value::String(s)) if s == "replace" => {
            let mut out = patch.clone();
            out.remove(PATCH);
            return Ok(out);
        }
        Some(Value::String(s)) if s == "delete" => return Ok(Map::new()),
        Some(Value::String(s)) if s == "merge" => {}
        Some(other) => return Err(invalid(format!("unknown patch type found: {other}"))),
    }
    retain_keys(&mut base, patch)?;
    for (key, value) in patch {
        if key == PATCH || key == RETAIN_KEYS || key.starts_with(ORDER) {
            continue;
        }
        if let Some(field) = key.strip_prefix(DELETE_PRIMITIVES) {
            delete_primitives(&mut base, field, value)?;
            continue;
        }
        if value.is_null() {
            base.remove(key);
            continue;
        }
        let (child, rule) = field_of(ty, key);
        let merged = match (base.remove(key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => {
                if rule.replace {
                    Value::Object(clean_map(new, depth)?)
                } else {
                    Value::Object(merge_map(old, new, &child, depth + 1)?)
                }
            }
            (Some(Value::Array(old)), Value::Array(new)) if rule.merge => {
                let elem = child.child(None).unwrap_or(Type::Any);
                Value::Array(merge_list(old, new, &elem, &rule.key, order_of(patch, key), depth + 1)?)
            }
            (_, Value::Object(new)) => match new.get(PATCH).and_then(Value::as_str) {
                Some("delete") => continue,
                _ => Value::Object(merge_map(Map::new(), new, &child, depth + 1)?),
            },
            (_, Value::Array(new)) if rule.merge => {
                let elem = child.child(None).unwrap_or(Type::Any);
                Value::Array(merge_list(Vec::new(), new, &elem, &rule.key, None, depth + 1)?)
            }
            (_, other) => other.clone(),
        };
        base.insert(key.clone(), merged);
    }
    reorder_only(&mut base, patch, ty);
    Ok(base)
}

/// A map that replaces: without directives.
fn clean_map(map: &Map<String, Value>, depth: usize) -> Result<Map<String, Value>, StrategicError> {
    merge_map(Map::new(), map, &Type::Any, depth + 1)
}

fn order_of<'a>(patch: &'a Map<String, Value>, key: &str) -> Option<&'a Vec<Value>> {
    patch.get(&format!("{ORDER}{key}")).and_then(Value::as_array)
}

fn retain_keys(base: &mut Map<String, Value>, patch: &Map<String, Value>) -> Result<(), StrategicError> {
    let Some(list) = patch.get(RETAIN_KEYS) else { return Ok(()) };
    let keys = list.as_array().ok_or_else(|| invalid("invalid patch format of retainKeys directive: not a list"))?;
    let keep: Vec<&str> = keys.iter().filter_map(Value::as_str).collect();
    for key in patch.keys() {
        if !key.starts_with('$') && !keep.contains(&key.as_str()) {
            return Err(invalid(format!("{RETAIN_KEYS} directive's list is missing the field {key} of the patch")));
        }
    }
    base.retain(|k, _| keep.contains(&k.as_str()));
    Ok(())
}

fn delete_primitives(base: &mut Map<String, Value>, field: &str, value: &Value) -> Result<(), StrategicError> {
    let gone = value.as_array().ok_or_else(|| invalid(format!("{DELETE_PRIMITIVES}{field} is not a list")))?;
    if let Some(Value::Array(items)) = base.get_mut(field) {
        items.retain(|v| !gone.contains(v));
    }
    Ok(())
}

/// `$setElementOrder/x` without `x` in the patch still orders the list.
fn reorder_only(base: &mut Map<String, Value>, patch: &Map<String, Value>, ty: &Type) {
    for (key, order) in patch {
        let Some(field) = key.strip_prefix(ORDER) else { continue };
        if patch.contains_key(field) {
            continue;
        }
        let (_, rule) = field_of(ty, field);
        if let (Some(Value::Array(items)), Some(order)) = (base.get_mut(field), order.as_array()) {
            let taken = std::mem::take(items);
            let server = taken.clone();
            *items = sort_by_order(taken, order, &rule.key, &server);
        }
    }
}

fn merge_list(
    old: Vec<Value>,
    new: &[Value],
    elem: &Type,
    key: &str,
    order: Option<&Vec<Value>>,
    depth: usize,
) -> Result<Vec<Value>, StrategicError> {
    let server: Vec<Value> = old.clone();
    let scalars = new.iter().chain(&old).all(|v| !v.is_object());
    if key.is_empty() || (scalars && !new.is_empty()) {
        let mut out = old;
        for v in new {
            if !out.contains(v) {
                out.push(v.clone());
            }
        }
        return Ok(sort_by_order(out, order.map_or(new, Vec::as_slice), "", &server));
    }
    let (mut out, items) = list_directives(old, new, key)?;
    for item in &items {
        let Value::Object(map) = item else { return Err(invalid("list of maps with a non-map element")) };
        let id = map
            .get(key)
            .ok_or_else(|| invalid(format!("map: {} does not contain declared merge key: {key}", short(item))))?;
        match out.iter_mut().find(|v| v.get(key) == Some(id)) {
            Some(slot) => {
                let Value::Object(existing) = std::mem::take(slot) else { continue };
                *slot = Value::Object(merge_map(existing, map, elem, depth + 1)?);
            }
            None => out.push(Value::Object(merge_map(Map::new(), map, elem, depth + 1)?)),
        }
    }
    // Without an explicit order the patch's own order counts.
    let own: Vec<Value> = items.into_iter().cloned().collect();
    Ok(sort_by_order(out, order.unwrap_or(&own), key, &server))
}

fn short(value: &Value) -> String {
    value.to_string().chars().take(200).collect()
}

/// Applies `$patch: replace` and `$patch: delete` items; returns the list and the items that are left to merge.
fn list_directives<'a>(
    old: Vec<Value>,
    new: &'a [Value],
    key: &str,
) -> Result<(Vec<Value>, Vec<&'a Value>), StrategicError> {
    let directive = |v: &Value| v.get(PATCH).and_then(Value::as_str).map(str::to_owned);
    if new.iter().any(|v| directive(v).as_deref() == Some("replace")) {
        let rest: Vec<&Value> = new.iter().filter(|v| directive(v).as_deref() != Some("replace")).collect();
        return Ok((Vec::new(), rest));
    }
    let (mut out, mut rest) = (old, Vec::new());
    for item in new {
        match directive(item).as_deref() {
            Some("delete") => {
                let id = item
                    .get(key)
                    .ok_or_else(|| invalid(format!("delete patch type with no merge key {key} defined")))?;
                out.retain(|v| v.get(key) != Some(id));
            }
            Some("merge") | None => rest.push(item),
            Some(other) => return Err(invalid(format!("unknown patch type found: {other}"))),
        }
    }
    Ok((out, rest))
}

/// Sorts the items that `order` names as it says; server-only items keep their place relative to their neighbours.
fn sort_by_order(items: Vec<Value>, order: &[Value], key: &str, server: &[Value]) -> Vec<Value> {
    let id = |v: &Value| if key.is_empty() { Some(v.clone()) } else { v.get(key).cloned() };
    let rank = |v: &Value| {
        let own = id(v);
        order.iter().position(|o| if key.is_empty() { Some(o) == own.as_ref() } else { o.get(key) == own.as_ref() })
    };
    let (mut named, others): (Vec<Value>, Vec<Value>) = items.into_iter().partition(|v| rank(v).is_some());
    named.sort_by_key(|v| rank(v));
    let position = |v: &Value| server.iter().position(|s| id(s) == id(v));
    let mut out = Vec::with_capacity(named.len() + others.len());
    let mut named = named.into_iter().peekable();
    for other in others {
        // An item only the server has goes before the first named item that follows it on the server.
        while let Some(n) = named.peek() {
            match (position(n), position(&other)) {
                (Some(n), Some(o)) if n > o => break,
                _ => out.extend(named.next()),
            }
        }
        out.push(other);
    }
    out.extend(named);
    out
}

/// The strategic patch that takes `current` to what `modified` says, removing what `original` had and `modified`
/// has not (as `CreateThreeWayMergePatch` with overwrite).
///
/// # Errors
/// For custom resources.
pub fn three_way_patch(
    original: &Value,
    modified: &Value,
    current: &Value,
    gvk: &Gvk,
) -> Result<Value, StrategicError> {
    let info = builtin_kind(gvk).ok_or_else(|| StrategicError::Unsupported(gvk.to_string()))?;
    let of = |v: &'_ Value| v.as_object().cloned().unwrap_or_default();
    let (original, modified, current) = (of(original), of(modified), of(current));
    Ok(Value::Object(diff_map(&original, &modified, &current, &info.ty, 0)))
}

fn diff_map(
    original: &Map<String, Value>,
    modified: &Map<String, Value>,
    current: &Map<String, Value>,
    ty: &Type,
    depth: usize,
) -> Map<String, Value> {
    let mut out = Map::new();
    if depth > MAX_DEPTH {
        return out;
    }
    for (key, new) in modified {
        let (child, rule) = field_of(ty, key);
        match (current.get(key), new) {
            (Some(now), new) if now == new => {}
            (Some(Value::Object(now)), Value::Object(new)) if !rule.replace => {
                let empty = Map::new();
                let old = original.get(key).and_then(Value::as_object).unwrap_or(&empty);
                let mut patch = diff_map(old, new, now, &child, depth + 1);
                if rule.retain_keys && !patch.is_empty() {
                    patch.insert(RETAIN_KEYS.to_owned(), new.keys().cloned().collect());
                }
                if !patch.is_empty() {
                    out.insert(key.clone(), Value::Object(patch));
                }
            }
            (Some(Value::Array(now)), Value::Array(new)) if rule.merge => {
                let old = original.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                diff_list(&mut out, key, (old, new, now), &child, &rule, depth);
            }
            _ => {
                out.insert(key.clone(), new.clone());
            }
        }
    }
    for key in original.keys().filter(|k| !modified.contains_key(*k) && current.contains_key(*k)) {
        out.insert(key.clone(), Value::Null);
    }
    out
}

type Lists<'a> = (&'a [Value], &'a [Value], &'a [Value]);

fn diff_list(
    out: &mut Map<String, Value>,
    key: &str,
    (original, modified, current): Lists<'_>,
    ty: &Type,
    rule: &PatchRule,
    depth: usize,
) {
    let elem = ty.child(None).unwrap_or(Type::Any);
    if rule.key.is_empty() {
        let added: Vec<Value> = modified.iter().filter(|v| !current.contains(v)).cloned().collect();
        let gone: Vec<Value> =
            original.iter().filter(|v| !modified.contains(v) && current.contains(v)).cloned().collect();
        if !gone.is_empty() {
            out.insert(format!("{DELETE_PRIMITIVES}{key}"), Value::Array(gone.clone()));
        }
        if !added.is_empty() || !gone.is_empty() {
            out.insert(format!("{ORDER}{key}"), Value::Array(modified.to_vec()));
        }
        if !added.is_empty() {
            out.insert(key.to_owned(), Value::Array(added));
        }
        return;
    }
    let find = |list: &[Value], id: Option<&Value>| list.iter().find(|v| v.get(&rule.key) == id).cloned();
    let of = |v: Option<Value>| v.and_then(|v| v.as_object().cloned()).unwrap_or_default();
    let mut items = Vec::new();
    for new in modified {
        let id = new.get(&rule.key);
        match find(current, id) {
            None => items.push(new.clone()),
            now => {
                let mut patch = diff_map(&of(find(original, id)), &of(Some(new.clone())), &of(now), &elem, depth + 1);
                if let (false, Some(id)) = (patch.is_empty(), id) {
                    if rule.retain_keys {
                        patch.insert(RETAIN_KEYS.to_owned(), of(Some(new.clone())).keys().cloned().collect());
                    }
                    patch.insert(rule.key.clone(), id.clone());
                    items.push(Value::Object(patch));
                }
            }
        }
    }
    for old in original {
        let id = old.get(&rule.key);
        if let (Some(id), true, true) = (id, find(modified, id).is_none(), find(current, id).is_some()) {
            let mut delete = Map::new();
            delete.insert(PATCH.to_owned(), "delete".into());
            delete.insert(rule.key.clone(), id.clone());
            items.push(Value::Object(delete));
        }
    }
    if !items.is_empty() {
        let order = modified
            .iter()
            .filter_map(|v| v.get(&rule.key))
            .map(|id| Value::Object([(rule.key.clone(), id.clone())].into_iter().collect()));
        out.insert(format!("{ORDER}{key}"), order.collect());
        out.insert(key.to_owned(), Value::Array(items));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod() -> Gvk {
        Gvk::new("", "v1", "Pod")
    }

    #[test]
    fn merges() {
        let cases = [
            (
                json!({"spec": {"containers": [{"name": "a", "image": "1"}, {"name": "b"}]}}),
                json!({"spec": {"containers": [{"name": "a", "image": "2"}, {"name": "c"}]}}),
                json!({"spec": {"containers": [{"name": "a", "image": "2"}, {"name": "c"}, {"name": "b"}]}}),
            ),
            (
                json!({"spec": {"containers": [{"name": "a"}, {"name": "b"}]}}),
                json!({"spec": {"containers": [{"name": "a", "$patch": "delete"}]}}),
                json!({"spec": {"containers": [{"name": "b"}]}}),
            ),
            (
                json!({"spec": {"containers": [{"name": "a"}, {"name": "b"}]}}),
                json!({"spec": {"containers": [{"$patch": "replace"}, {"name": "z"}]}}),
                json!({"spec": {"containers": [{"name": "z"}]}}),
            ),
            (
                json!({"metadata": {"finalizers": ["a", "b"], "labels": {"x": "1", "y": "2"}}}),
                json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"], "labels": {"x": null, "z": "3"}}}),
                json!({"metadata": {"finalizers": ["b"], "labels": {"y": "2", "z": "3"}}}),
            ),
            (
                json!({"spec": {"volumes": [{"name": "v", "emptyDir": {}}]}}),
                json!({"spec": {"volumes": [{"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/"}}]}}),
                json!({"spec": {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}}),
            ),
            (
                json!({"spec": {"tolerations": [{"key": "a"}]}}),
                json!({"spec": {"tolerations": [{"key": "b"}]}}),
                json!({"spec": {"tolerations": [{"key": "b"}]}}),
            ),
            (
                json!({"spec": {"containers": [{"name": "a"}, {"name": "srv"}, {"name": "b"}]}}),
                json!({"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}}),
                json!({"spec": {"containers": [{"name": "srv"}, {"name": "b"}, {"name": "a"}]}}),
            ),
        ];
        for (base, patch, want) in cases {
            assert_eq!(strategic_merge(&base, &patch, &pod()).unwrap(), want, "{patch}");
        }
        assert!(strategic_merge(&json!({}), &json!({"spec": {"containers": [{"image": "x"}]}}), &pod()).is_err());
        assert!(strategic_merge(&json!({}), &json!({}), &Gvk::new("x.io", "v1", "X")).is_err());
    }

    #[test]
    fn three_way_patch_reaches_the_goal_and_keeps_foreign_fields() {
        let original = json!({"metadata": {"labels": {"a": "1", "b": "2"}}, "spec": {"containers": [{"name": "x", "image": "1"}, {"name": "y"}]}});
        let modified =
            json!({"metadata": {"labels": {"a": "3"}}, "spec": {"containers": [{"name": "x", "image": "2"}]}});
        let current = json!({"metadata": {"labels": {"a": "1", "b": "2", "c": "foreign"}}, "spec": {"nodeName": "n",
            "containers": [{"name": "x", "image": "1", "imagePullPolicy": "Always"}, {"name": "y"}, {"name": "side"}]}});
        let patch = three_way_patch(&original, &modified, &current, &pod()).unwrap();
        let got = strategic_merge(&current, &patch, &pod()).unwrap();
        assert_eq!(
            got,
            json!({"metadata": {"labels": {"a": "3", "c": "foreign"}}, "spec": {"nodeName": "n",
            "containers": [{"name": "x", "image": "2", "imagePullPolicy": "Always"}, {"name": "side"}]}})
        );
    }
}
