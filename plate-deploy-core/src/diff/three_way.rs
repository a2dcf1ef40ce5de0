//! What the live object would become when the wanted one is applied, knowing what was applied last.

use serde_json::Value;

use super::builtin::Kind;
use super::{json, json_merge};
use crate::model::annotations;

/// The object that was applied last, if the live one says so and it can be read.
pub(super) fn last_applied(live: &Value) -> Option<Value> {
    let all = live.pointer("/metadata/annotations")?.as_object()?;
    if all.values().any(|value| !value.is_string()) {
        return None;
    }
    let original: Value = serde_json::from_str(all.get(annotations::LAST_APPLIED)?.as_str()?).ok()?;
    let kind = original.get("kind")?.as_str()?;
    (!kind.is_empty()).then(|| {
        let mut original = original;
        json::normalize_numbers(&mut original);
        original
    })
}

/// The live object with its defaults, and what it would become.
///
/// # Errors
/// When lists of a built-in kind cannot be merged.
pub(super) fn diff(original: &Value, config: &Value, live: &Value) -> Result<(Value, Value), String> {
    let (original, config) = (without_namespace(original), without_namespace(config));
    match Kind::of(&original) {
        Some(kind) => built_in(&kind, &original, &config, live),
        None => {
            // What the wanted object never mentioned was filled in by the API server.
            let mentioned = json::only_mentioned(&original, live);
            let patch = json_merge::three_way_patch(&original, &config, &mentioned);
            Ok((live.clone(), json_merge::apply(live, &patch)))
        }
    }
}

fn built_in(kind: &Kind, original: &Value, config: &Value, live: &Value) -> Result<(Value, Value), String> {
    let compared = stateful_set(original, live);
    let patch = kind.three_way_patch(original, config, compared.as_ref().unwrap_or(live))?;
    let predicted = kind.merge(live, &patch)?;
    Ok((kind.with_defaults(live)?, kind.with_defaults(&predicted)?))
}

/// The API server fills in more of a StatefulSet's claim templates than anybody else can; what Git does not mention
/// there is left out of the comparison.
fn stateful_set(original: &Value, live: &Value) -> Option<Value> {
    let version = original.get("apiVersion")?.as_str()?;
    let is_set = original.get("kind")?.as_str()? == "StatefulSet"
        && (version.starts_with("apps/") || version.starts_with("extensions/"));
    if !is_set {
        return None;
    }
    const CLAIMS: &str = "/spec/volumeClaimTemplates";
    let wanted = original.pointer(CLAIMS)?.as_array()?;
    let mut live = live.clone();
    let claims = live.pointer_mut(CLAIMS).filter(|claims| claims.is_array())?;
    *claims = json::only_mentioned(&Value::Array(wanted.clone()), claims);
    Some(live)
}

/// The namespace is often only in the live object, and no annotations are the same as none.
fn without_namespace(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = json::object_at(&mut object, &["metadata"]) {
        metadata.remove("namespace");
        let none =
            metadata.get("annotations").is_some_and(|a| a.is_null() || a.as_object().is_some_and(|m| m.is_empty()));
        if none {
            metadata.remove("annotations");
        }
    }
    object
}
