//! The patch formats of the API, applied to one object.

use serde_json::{Map, Value};

use crate::scheme::{Type, parse_json, strategic_merge_typed};
use crate::status::{ApiError, ApiResult};

/// More operations in one JSON patch are refused.
const MAX_OPERATIONS: usize = 10_000;

/// A patch format, chosen by the content type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchKind {
    /// RFC 6902.
    Json,
    /// RFC 7386.
    Merge,
    /// Kubernetes' own, for built-in kinds.
    Strategic,
    /// Server-side apply.
    Apply,
}

impl PatchKind {
    /// The format of a content type.
    #[must_use]
    pub fn of_content_type(content_type: &str) -> Option<Self> {
        match content_type.split(';').next().unwrap_or_default().trim() {
            "application/json-patch+json" => Some(PatchKind::Json),
            "application/merge-patch+json" => Some(PatchKind::Merge),
            "application/strategic-merge-patch+json" => Some(PatchKind::Strategic),
            "application/apply-patch+yaml" => Some(PatchKind::Apply),
            _ => None,
        }
    }
}

/// Applies a JSON, merge or strategic patch; keys that occur twice are reported.
///
/// # Errors
/// 400 for malformed patches, 413 for too many operations, 422 for JSON patches that do not apply.
pub fn apply(
    kind: PatchKind,
    object: &Value,
    body: &[u8],
    ty: &Type,
    duplicates: &mut Vec<String>,
) -> ApiResult<Value> {
    let parsed = parse_json(body, duplicates);
    match kind {
        PatchKind::Json => json_patch(object, body),
        PatchKind::Merge => {
            let patch = parsed.map_err(|e| ApiError::bad_request(format!("error decoding patch: {e}")))?;
            if !patch.is_object() {
                let kind = if patch.is_array() { "array" } else { "value" };
                let text = format!(
                    "error decoding patch: json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"
                );
                return Err(ApiError::bad_request(text));
            }
            let mut out = object.clone();
            merge_patch(&mut out, &patch);
            Ok(out)
        }
        PatchKind::Strategic | PatchKind::Apply => {
            let patch = parsed.map_err(ApiError::bad_request)?;
            strategic_merge_typed(object, &patch, ty).map_err(|e| match e.to_string() {
                // Kubernetes has no status for this one error.
                text if text.contains("declared merge key") || text.starts_with("unknown patch type:") => {
                    ApiError::plain(text)
                }
                text => ApiError::bad_request(text),
            })
        }
    }
}

fn json_patch(object: &Value, body: &[u8]) -> ApiResult<Value> {
    let operations: Vec<Map<String, Value>> = serde_json::from_slice(body).map_err(|_| {
        ApiError::bad_request(
            "error decoding patch: json: cannot unmarshal into Go value of type []handlers.jsonPatchOp",
        )
    })?;
    if operations.len() > MAX_OPERATIONS {
        let text =
            format!("The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {}", operations.len());
        return Err(ApiError { message: format!("Request entity too large: {text}"), ..ApiError::too_large(0) });
    }
    // One after the other, so that the error is that of the first operation that fails.
    let mut out = object.clone();
    for mut operation in operations {
        // The library that Kubernetes uses lets `replace` add a field.
        let path = operation.get("path").and_then(Value::as_str).unwrap_or_default();
        let absent = operation.get("value").is_none_or(Value::is_null) && out.pointer(path).is_none();
        if operation.get("op").is_some_and(|op| op == "test") && absent {
            // That library takes what is absent for null.
            continue;
        }
        let parent = path.rsplit_once('/').and_then(|(parent, _)| out.pointer(parent));
        if operation.get("op").is_some_and(|op| op == "replace") && parent.is_some_and(Value::is_object) {
            operation.insert("op".to_owned(), "add".into());
        }
        let operation = serde_json::from_value(Value::Object(operation));
        let operation: json_patch::PatchOperation = operation.map_err(|e| ApiError::unprocessable(&e.to_string()))?;
        json_patch::patch(&mut out, &[operation]).map_err(|e| ApiError::unprocessable(&e.to_string()))?;
    }
    Ok(out)
}

/// RFC 7386; the depth is bounded by the parser.
fn merge_patch(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(map) = target else { return };
    for (key, value) in patch {
        if value.is_null() {
            map.remove(key);
        } else {
            merge_patch(map.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}
