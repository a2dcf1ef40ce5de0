//! `RespectIgnoreDifferences=true`: applying the wanted object without taking ignored fields back.

use serde_json::{Map, Value};

use super::builtin::Kind;
use super::{json, json_merge};

/// The target with the live values of what the rules ignore (Argo CD's `normalizeTargetResources`). All four objects
/// are of one key: the target and the live object, each as they are and with the ignored fields removed.
///
/// # Errors
/// When lists of a built-in kind cannot be merged.
pub(super) fn respect(target: &Value, live: &Value, bare_target: &Value, bare_live: &Value) -> Result<Value, String> {
    // The status belongs to the object's controller; applying it would make the sync its owner.
    let stateless = |object: &Value| {
        let mut object = object.clone();
        json::remove_field(&mut object, &["status"]);
        object
    };
    let (live, bare) = (stateless(live), stateless(bare_live));
    let mut patched = match Kind::of(bare_target) {
        Some(kind) => kind.merge(bare_target, &kind.three_way_patch(&live, &live, &bare)?)?,
        None => json_merge::apply(bare_target, &json_merge::patch(&bare, &live)),
    };
    if let (Value::Object(patched), Value::Object(target), Value::Object(bare_target)) =
        (&mut patched, target, bare_target)
    {
        restore(patched, target, bare_target, bare_live.as_object());
    }
    Ok(patched)
}

/// A field that is merged as a whole came over from the live object although only a part of it is ignored: the rest
/// gets the target's values back, and loses what only the live object has.
fn restore(
    patched: &mut Map<String, Value>,
    target: &Map<String, Value>,
    bare_target: &Map<String, Value>,
    bare_live: Option<&Map<String, Value>>,
) {
    for (key, wanted) in target {
        let bare = bare_target.get(key);
        let live = bare_live.and_then(|live| live.get(key)).and_then(Value::as_object);
        if let (Some(Value::Object(patched)), Value::Object(wanted), Some(Value::Object(bare))) =
            (patched.get_mut(key), wanted, bare)
        {
            restore(patched, wanted, bare, live);
        } else if bare == Some(wanted) && patched.get(key) != Some(wanted) {
            patched.insert(key.clone(), wanted.clone());
        }
    }
    patched.retain(|key, _| target.contains_key(key) || !bare_live.is_some_and(|live| live.contains_key(key)));
}
