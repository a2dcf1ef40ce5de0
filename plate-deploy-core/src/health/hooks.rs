//! Whether an object is a hook, as far as its health depends on it. (`sync` owns the full meaning of hooks.)

use serde_json::Value;

use crate::model::{Manifest, annotations};

/// Argo CD's hook types that belong to a sync (deletion hooks do not).
const ARGO_TYPES: &[&str] = &["PreSync", "Sync", "PostSync", "Skip", "SyncFail"];
/// The Helm hook types that Argo CD runs in a sync.
const HELM_TYPES: &[&str] = &["pre-install", "pre-upgrade", "post-install", "post-upgrade"];

/// The object's finalizers.
pub(super) fn finalizers(object: &Manifest) -> impl Iterator<Item = &str> {
    object
        .value()
        .pointer("/metadata/finalizers")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

/// Whether Argo CD's hook finalizer holds the object.
pub(super) fn has_finalizer(object: &Manifest) -> bool {
    finalizers(object).any(|f| f == annotations::HOOK_FINALIZER)
}

/// Whether the object is a hook of Argo CD or Helm (a `Skip` alone is none).
pub(super) fn is_hook(object: &Manifest) -> bool {
    if object.annotation(annotations::HOOK).is_some() {
        return !is_skipped(object);
    }
    object.annotation(annotations::HELM_HOOK).is_some_and(|value| value != "crd-install")
}

/// Whether `Skip` is the object's only hook type.
pub(super) fn is_skipped(object: &Manifest) -> bool {
    argo_types(object).eq(["Skip"])
}

/// Whether the object is a hook of no type that Argo CD runs.
pub(super) fn is_ignored(object: &Manifest) -> bool {
    is_hook(object)
        && argo_types(object).next().is_none()
        && !entries(object, annotations::HELM_HOOK).any(|t| HELM_TYPES.contains(&t))
}

fn argo_types(object: &Manifest) -> impl Iterator<Item = &str> {
    entries(object, annotations::HOOK).filter(|t| ARGO_TYPES.contains(t))
}

fn entries<'a>(object: &'a Manifest, annotation: &str) -> impl Iterator<Item = &'a str> {
    object.annotation(annotation).unwrap_or_default().split(',').map(str::trim).filter(|t| !t.is_empty())
}
