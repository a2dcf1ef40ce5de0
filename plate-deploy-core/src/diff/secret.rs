//! Showing Secrets: values become plus signs, equal values equally many.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{DiffError, json, normalize};
use crate::model::{Manifest, annotations};

const MASK: &str = "++++++++";
const MORE: &str = "++++";

/// Masks the values of two states of one Secret, and of what was applied last, which both carry in an annotation;
/// `hide` names further annotations to mask. Values that are equal get equal masks, so that differences stay visible.
/// Objects of other kinds only lose the annotations in `hide`.
///
/// # Errors
/// [`DiffError::Secret`] when `data` or the annotations are no map.
pub fn hide_secret(
    target: Option<&Manifest>,
    live: Option<&Manifest>,
    hide: &[&str],
) -> Result<(Option<Manifest>, Option<Manifest>), DiffError> {
    let key = target.or(live).map(Manifest::key).unwrap_or_default();
    let is_secret = key.group.is_empty() && key.kind == "Secret";
    let applied = [applied(target), applied(live)];
    // The order decides which value gets the shortest mask: target, live, then what was applied last.
    let mut states = [
        target.map(|m| m.value().clone()),
        live.map(|m| m.value().clone()),
        applied[0].clone().and_then(Result::ok),
        applied[1].clone().and_then(Result::ok),
    ];
    if is_secret {
        states.iter_mut().flatten().for_each(normalize::secret);
        let keys = states.iter().flatten().filter_map(|state| state.get("data")?.as_object()).flat_map(Map::keys);
        let keys: BTreeSet<String> = keys.cloned().collect();
        for name in &keys {
            mask(&mut states, &["data"], name).map_err(|what| DiffError::Secret(key.clone(), what))?;
        }
    }
    for name in hide {
        mask(&mut states, &["metadata", "annotations"], name).map_err(|what| DiffError::Secret(key.clone(), what))?;
    }
    let [target, live, target_applied, live_applied] = states;
    let touched = is_secret || !hide.is_empty();
    let whole = hide.contains(&annotations::LAST_APPLIED);
    let [target_read, live_read] = applied;
    let finish = |state: Option<Value>, read: Option<Result<Value, ()>>, applied: Option<Value>| {
        let mut object = Manifest::new(state?).ok()?;
        match (read, applied) {
            (Some(Ok(_)), Some(applied)) if touched && !whole => {
                object.set_annotation(annotations::LAST_APPLIED, &json::go_text(&applied));
            }
            (Some(_), _) if is_secret || whole => object.set_annotation(annotations::LAST_APPLIED, MASK),
            _ => {}
        }
        Some(object)
    };
    Ok((finish(target, target_read, target_applied), finish(live, live_read, live_applied)))
}

/// What was applied last: `None` without the annotation, `Err` when it cannot be read.
fn applied(object: Option<&Manifest>) -> Option<Result<Value, ()>> {
    let text = object?.annotation(annotations::LAST_APPLIED)?;
    let value = serde_json::from_str::<Value>(text).ok().filter(|v| v.get("kind").is_some_and(Value::is_string));
    Some(value.ok_or(()))
}

/// Masks one key in all states.
fn mask(states: &mut [Option<Value>; 4], path: &[&str], name: &str) -> Result<(), &'static str> {
    let mut next = MASK.to_owned();
    let mut masks: BTreeMap<String, String> = BTreeMap::new();
    for state in states.iter_mut().flatten() {
        let found = path.iter().try_fold(&mut *state, |value, step| value.get_mut(*step));
        let map = match found {
            None | Some(Value::Null) => continue,
            Some(Value::Object(map)) => map,
            Some(_) => return Err(if path.len() == 1 { "data" } else { "metadata.annotations" }),
        };
        let Some(value) = map.get_mut(name) else { continue };
        let text = match &*value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let mask = masks.entry(text).or_insert_with(|| {
            let mask = next.clone();
            next.push_str(MORE);
            mask
        });
        *value = Value::from(mask.as_str());
    }
    Ok(())
}
