//! Responses: bodies, media types, warnings, and the Table and metadata-only forms.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};

use crate::registry::Resource;
use crate::status::{ApiError, ApiResult};
use crate::table;

/// The body of every response.
pub type ResponseBody = UnsyncBoxBody<Bytes, Infallible>;

/// How the client wants objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Full,
    Table,
    Metadata,
}

/// What the `Accept` header asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Accept {
    pub(super) form: Form,
    pub(super) yaml: bool,
}

const ACCEPTED: &str = "application/json, application/yaml";

/// Chooses the first media type of `Accept` that is served.
pub(super) fn negotiate(headers: &HeaderMap) -> ApiResult<Accept> {
    let text = headers.get(http::header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or("*/*");
    for clause in text.split(',') {
        let mut parts = clause.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        let yaml = media == "application/yaml";
        if !yaml && !matches!(media, "application/json" | "*/*" | "application/*" | "") {
            continue;
        }
        let (mut kind, mut group, mut version) = ("", "meta.k8s.io", "v1");
        for parameter in parts {
            match parameter.split_once('=') {
                Some(("as", v)) => kind = v,
                Some(("g", v)) => group = v,
                Some(("v", v)) => version = v,
                _ => {}
            }
        }
        if group != "meta.k8s.io" || !matches!(version, "v1" | "v1beta1") {
            continue;
        }
        let form = match kind {
            "" => Form::Full,
            "Table" => Form::Table,
            "PartialObjectMetadata" | "PartialObjectMetadataList" => Form::Metadata,
            _ => continue,
        };
        return Ok(Accept { form, yaml });
    }
    Err(ApiError::not_acceptable(ACCEPTED))
}

/// A response with a text body.
pub(super) fn text(code: u16, content_type: &str, body: impl Into<Bytes>) -> Response<ResponseBody> {
    let mut response = Response::new(Full::new(body.into()).boxed_unsync());
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(v) = content_type.parse() {
        response.headers_mut().insert(http::header::CONTENT_TYPE, v);
    }
    response
}

/// A response with an object.
pub(super) fn object(code: u16, value: &Value, yaml: bool) -> Response<ResponseBody> {
    if yaml {
        return text(code, "application/yaml", serde_yaml::to_string(value).unwrap_or_default());
    }
    text(code, "application/json", serde_json::to_vec(value).unwrap_or_default())
}

/// A response with an error.
pub(super) fn error(e: &ApiError) -> Response<ResponseBody> {
    object(e.code, &e.to_status(), false)
}

/// Adds `Warning` headers.
pub(super) fn warn(response: &mut Response<ResponseBody>, warnings: &[String]) {
    for w in warnings {
        let mut quoted = String::with_capacity(w.len());
        for c in w.chars().filter(|c| !c.is_control()) {
            if matches!(c, '"' | '\\') {
                quoted.push('\\');
            }
            quoted.push(c);
        }
        if let Ok(v) = http::HeaderValue::from_bytes(format!("299 - \"{quoted}\"").as_bytes()) {
            response.headers_mut().append(http::header::WARNING, v);
        }
    }
}

/// One object in the wanted form.
pub(super) fn shape(resource: &Resource, value: Value, form: Form, now: jiff::Timestamp) -> Value {
    match form {
        Form::Full => value,
        Form::Metadata => metadata_only(&value),
        Form::Table => table::of(resource, std::slice::from_ref(&value), &value["metadata"], now),
    }
}

/// `PartialObjectMetadata` of an object.
pub(super) fn metadata_only(value: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": value["metadata"]})
}

/// A list in the wanted form.
pub(super) fn shape_list(
    resource: &Resource,
    mut metadata: Value,
    mut items: Vec<Value>,
    form: Form,
    now: jiff::Timestamp,
) -> Value {
    if form != Form::Full && metadata.get("continue").is_some_and(|c| c == "") {
        // Only untyped lists write the empty token.
        if let Some(map) = metadata.as_object_mut() {
            map.remove("continue");
        }
    }
    match form {
        Form::Full => {
            if resource.info.builtin {
                // The items of a typed list do not repeat what the list says.
                for item in items.iter_mut().filter_map(Value::as_object_mut) {
                    item.remove("apiVersion");
                    item.remove("kind");
                }
            }
            json!({"kind": resource.info.list_kind, "apiVersion": resource.info.api_version(), "metadata": metadata, "items": items})
        }
        Form::Metadata => {
            let items: Vec<Value> = items.iter().map(metadata_only).collect();
            // Kubernetes does not make this list when it has nothing to put in.
            let items = if items.is_empty() { Value::Null } else { Value::Array(items) };
            json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "items": items})
        }
        Form::Table => table::of(resource, &items, &metadata, now),
    }
}
