//! Resources that answer a question and store nothing: access reviews and the like. Everything is allowed here.

use serde_json::{Value, json};

use crate::registry::Resource;

/// The answer to a review; `None` when the resource is not one.
pub(super) fn answer(resource: &Resource, mut body: Value) -> Option<Value> {
    let status = match resource.info.plural.as_str() {
        "selfsubjectaccessreviews" | "subjectaccessreviews" | "localsubjectaccessreviews" => json!({"allowed": true}),
        "selfsubjectreviews" => {
            json!({"userInfo": {"username": "system:admin", "groups": ["system:masters", "system:authenticated"]}})
        }
        "selfsubjectrulesreviews" => json!({"incomplete": false,
            "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}]}),
        "tokenreviews" => {
            json!({"authenticated": false, "user": {}, "error": "tokens are not supported: the embedded API has one user"})
        }
        _ => return None,
    };
    if !body.is_object() {
        body = json!({});
    }
    body["apiVersion"] = resource.info.api_version().into();
    body["kind"] = resource.info.kind.as_str().into();
    if !body["metadata"].is_object() {
        body["metadata"] = json!({});
    }
    body["status"] = status;
    Some(body)
}
