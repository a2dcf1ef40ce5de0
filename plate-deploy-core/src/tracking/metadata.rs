//! Reading and writing one label or annotation the way client-go does: `null` is empty, anything but a map of strings
//! is an error, and an emptied map disappears.

use serde_json::{Map, Value};

use super::TrackingError;
use crate::model::Manifest;

/// The value below `key`; an absent map or entry is `None`.
pub(super) fn get(object: &Manifest, field: &'static str, key: &str) -> Result<Option<String>, TrackingError> {
    Ok(checked(object, field)?.and_then(|map| map.get(key)).and_then(Value::as_str).map(str::to_owned))
}

pub(super) fn set(object: &mut Manifest, field: &'static str, key: &str, value: &str) -> Result<(), TrackingError> {
    checked(object, field)?;
    match field {
        "labels" => object.set_label(key, value),
        _ => object.set_annotation(key, value),
    }
    Ok(())
}

pub(super) fn remove(object: &mut Manifest, field: &'static str, key: &str) -> Result<(), TrackingError> {
    checked(object, field)?;
    let Some(Value::Object(metadata)) = object.value_mut().get_mut("metadata") else { return Ok(()) };
    let Some(Value::Object(map)) = metadata.get_mut(field) else { return Ok(()) };
    if map.remove(key).is_some() && map.is_empty() {
        metadata.remove(field);
    }
    Ok(())
}

fn checked<'a>(object: &'a Manifest, field: &'static str) -> Result<Option<&'a Map<String, Value>>, TrackingError> {
    let error = |problem| TrackingError::Metadata { object: object.key().to_string(), field, problem };
    let map = match object.value().pointer("/metadata").and_then(|m| m.get(field)) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(map)) => map,
        Some(_) => return Err(error("is not a map".to_owned())),
    };
    match map.iter().find(|(_, v)| !v.is_string()) {
        Some((key, _)) => Err(error(format!("has a value that is no string under key {key:?}"))),
        None => Ok(Some(map)),
    }
}
