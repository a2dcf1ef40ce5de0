//! Client-side apply as kubectl (and so Argo CD, by default) does it: a three-way merge between what was applied last,
//! what shall be, and what is.

use plate_deploy_apiserver::scheme::{Gvk, builtin_kind, three_way_patch};
use serde_json::{Map, Value};

use super::{ClusterError, Patch};
use crate::model::{Manifest, annotations};

/// What an apply has to do.
pub(super) enum Plan {
    /// The object is missing: create this one (with the last-applied annotation).
    Create(Manifest),
    /// The merge changes nothing.
    Unchanged,
    /// Send this patch.
    Patch(Patch),
}

/// Decides what an apply of `wanted` over `live` sends.
pub(super) fn plan(wanted: &Manifest, live: Option<&Manifest>) -> Result<Plan, ClusterError> {
    let modified = with_last_applied(wanted);
    let Some(live) = live else { return Ok(Plan::Create(modified)) };
    let original = match live.annotation(annotations::LAST_APPLIED) {
        None => Value::Object(Map::new()),
        Some(text) => serde_json::from_str(text).map_err(|e| ClusterError::Merge {
            key: wanted.key(),
            message: format!(
                "its {} annotation is not JSON ({e}); remove the annotation and apply again",
                annotations::LAST_APPLIED
            ),
        })?,
    };
    let gvk = wanted.gvk();
    let gvk = Gvk::new(&gvk.group, &gvk.version, &gvk.kind);
    // Built-in kinds merge by their schema's keys; the API server offers other kinds the plain merge only.
    let patch = if builtin_kind(&gvk).is_some() {
        let patch = three_way_patch(&original, modified.value(), live.value(), &gvk);
        Patch::Strategic(patch.map_err(|e| ClusterError::Merge { key: wanted.key(), message: e.to_string() })?)
    } else {
        Patch::Merge(three_way(&original, modified.value(), live.value()))
    };
    let (Patch::Strategic(body) | Patch::Merge(body) | Patch::Json(body)) = &patch;
    Ok(if body.as_object().is_some_and(Map::is_empty) { Plan::Unchanged } else { Plan::Patch(patch) })
}

/// The manifest with itself (less that annotation and server-made metadata) in the last-applied annotation.
fn with_last_applied(wanted: &Manifest) -> Manifest {
    let mut bare = wanted.clone();
    if let Some(Value::Object(entries)) = bare.value_mut().pointer_mut("/metadata/annotations") {
        entries.remove(annotations::LAST_APPLIED);
    }
    // kubectl ends the text with a newline.
    let text = format!("{}\n", bare.value());
    let mut applied = wanted.clone();
    applied.set_annotation(annotations::LAST_APPLIED, &text);
    applied
}

/// An RFC 7396 patch: sets what `modified` says and `current` does not, deletes what `original` had and `modified` has
/// not. Lists are replaced whole.
fn three_way(original: &Value, modified: &Value, current: &Value) -> Value {
    let empty = Map::new();
    let [original, modified, current] = [original, modified, current].map(|v| v.as_object().unwrap_or(&empty));
    let mut patch = Map::new();
    for key in original.keys().filter(|key| !modified.contains_key(*key) && current.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    for (key, wanted) in modified {
        let before = original.get(key).unwrap_or(&Value::Null);
        match current.get(key) {
            Some(is @ Value::Object(_)) if wanted.is_object() => {
                let inner = three_way(before, wanted, is);
                if inner.as_object().is_some_and(|inner| !inner.is_empty()) {
                    patch.insert(key.clone(), inner);
                }
            }
            Some(is) if is == wanted => {}
            None if wanted.is_null() => {}
            _ => {
                patch.insert(key.clone(), wanted.clone());
            }
        }
    }
    Value::Object(patch)
}
