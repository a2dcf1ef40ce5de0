//! From YAML or JSON text to objects, as Argo CD splits and reads manifests.

use serde_json::Value;

use super::RenderError;
use crate::model::Manifest;
use crate::yaml;

/// The objects of a multi-document YAML text. Documents without content, and mappings with neither `apiVersion` nor
/// `kind` when `lenient`, are left out.
pub(super) fn objects(text: &str, file: &str) -> Result<Vec<Value>, RenderError> {
    let manifest_error = |message: String| RenderError::Manifest { file: file.into(), message };
    let parsed = yaml::parse(text);
    let mut objects = Vec::new();
    for document in &parsed.documents {
        let json = document.json().map_err(|e| manifest_error(e.to_string()))?;
        match json {
            Value::Null => {}
            Value::Object(map) if map.is_empty() => {}
            object => objects.push(object),
        }
    }
    match parsed.error {
        None => Ok(objects),
        // What does not look like a manifest at all may be any YAML file that happens to lie there.
        Some(_) if objects.is_empty() && !looks_like_manifest(text) => Ok(Vec::new()),
        Some(error) => Err(manifest_error(error.to_string())),
    }
}

fn looks_like_manifest(text: &str) -> bool {
    ["apiVersion:", "kind:", "metadata:"].iter().all(|key| text.contains(key))
}

/// Replaces `List` objects by their items and checks that everything is an object with a kind.
pub(super) fn expand_lists(objects: Vec<Value>) -> Result<Vec<Manifest>, RenderError> {
    let mut all = Vec::with_capacity(objects.len());
    for mut object in objects {
        match object.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => {
                for item in items {
                    all.push(manifest(item)?);
                }
            }
            Some(Value::Null) if object.get("spec").is_none() && object.get("status").is_none() => {}
            Some(other) => {
                object["items"] = other;
                all.push(manifest(object)?);
            }
            None => all.push(manifest(object)?),
        }
    }
    Ok(all)
}

fn manifest(value: Value) -> Result<Manifest, RenderError> {
    let name =
        value.pointer("/metadata/name").and_then(Value::as_str).unwrap_or("a document without a name").to_owned();
    Manifest::new(value).map_err(|source| RenderError::Object { place: name, source })
}
