//! Strategic merge patches, as `k8s.io/apimachinery/pkg/util/strategicpatch`: `$patch`, `$retainKeys`,
//! `$setElementOrder/…` and `$deleteFromPrimitiveList/…` directives, merge keys from the schema.
//!
//! [`merge`] applies patches, [`diff`] makes them, [`order`] says where list items go.

mod diff;
mod merge;
mod order;

use serde_json::{Map, Value};

use super::kinds::{Gvk, builtin_kind};
use super::types::{PatchRule, StructDef, Type};

pub use diff::three_way_patch;

/// A patch that cannot be made or applied; the texts are Kubernetes'.
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
    merge::apply(original.clone(), patch.clone(), ty).map(Value::Object)
}

/// The rule of a field that both sides have as a map or list, and its type.
fn field_of(ty: &Type, name: &str) -> Result<(Type, PatchRule), StrategicError> {
    if let Type::Struct(r) = ty {
        let def: std::sync::Arc<StructDef> = r.resolve();
        return match def.field(name) {
            Some(field) => Ok((field.ty.clone(), field.patch.clone().unwrap_or_default())),
            None if def.preserve_unknown => Ok((Type::Any, PatchRule::default())),
            None => {
                Err(invalid(format!("unable to find api field in struct {} for the json field {name:?}", def.go_name)))
            }
        };
    }
    Ok((ty.child(Some(name)).unwrap_or(Type::Any), PatchRule::default()))
}

/// The elements' type of a list.
fn element_of(ty: &Type) -> Type {
    ty.child(None).unwrap_or(Type::Any)
}

/// The merge key's value of an item.
fn key_of<'a>(item: &'a Value, key: &str) -> Result<&'a Value, StrategicError> {
    let map = item.as_object().ok_or_else(|| invalid("list of maps with a non-map element"))?;
    map.get(key).ok_or_else(|| invalid(format!("map: {} does not contain declared merge key: {key}", outline(map))))
}

/// The names of an item's fields: its values may be secret.
fn outline(map: &Map<String, Value>) -> String {
    let names: Vec<_> = map.keys().map(String::as_str).collect();
    format!("{{{}}}", names.join(", "))
}

/// Whether a list's items are maps; an empty list has none of either.
fn holds_maps(lists: [&[Value]; 2]) -> Result<bool, StrategicError> {
    let mut items = lists.into_iter().flatten();
    let maps = items.next().is_some_and(Value::is_object);
    if items.any(|item| item.is_object() != maps) {
        return Err(invalid("list element types are not identical"));
    }
    Ok(maps)
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
        let pods = json!({"spec": {"containers": [{"name": "a"}]}});
        assert!(strategic_merge(&pods, &json!({"spec": {"containers": [{"image": "x"}]}}), &pod()).is_err());
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
