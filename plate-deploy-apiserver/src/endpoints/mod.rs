//! HTTP requests to registry calls.

mod access;
mod discovery;
mod logs;
mod openapi;
mod request;
mod respond;
mod verbs;
mod watch;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::json;

pub use respond::ResponseBody;

use crate::registry::{Catalog, Registry, User};
use crate::status::{ApiError, ApiResult};
use request::{Path, Query, parse_path};

/// Kubernetes' limit of request bodies.
const MAX_BODY: usize = 3 * 1024 * 1024;

/// A request, read completely.
struct Call {
    registry: Arc<Registry>,
    method: Method,
    query: Query,
    headers: HeaderMap,
    body: Bytes,
    user: User,
}

/// Answers a request. Never fails: errors are Status objects.
pub async fn handle<B>(registry: Arc<Registry>, request: http::Request<B>) -> Response<ResponseBody>
where
    B: http_body::Body<Data = Bytes> + Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, MAX_BODY).collect().await {
        Ok(b) => b.to_bytes(),
        Err(e) if e.is::<LengthLimitError>() => return respond::error(&ApiError::too_large(MAX_BODY)),
        Err(e) => return respond::error(&ApiError::bad_request(format!("unable to read the request body: {e}"))),
    };
    let query = Query::parse(head.uri.query().unwrap_or_default());
    let user = match access::user(&head.headers) {
        Ok(user) => user,
        Err(e) => return respond::error(&e),
    };
    let call = Call { registry, method: head.method, query, headers: head.headers, body, user };
    route(&call, head.uri.path()).unwrap_or_else(|e| respond::error(&e))
}

fn route(call: &Call, path: &str) -> ApiResult<Response<ResponseBody>> {
    let catalog = call.registry.catalog();
    let parsed = parse_path(path);
    call.registry.check_access(&call.user, &access::attributes(call, &parsed, path))?;
    if let Path::Resource(p) = parsed {
        return verbs::resource(call, &p);
    }
    if call.method != Method::GET && call.method != Method::HEAD {
        return Err(ApiError::method_not_allowed());
    }
    let accept = call.headers.get(http::header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let aggregated = accept.split(',').any(|clause| {
        let has = |wanted: &str| clause.split(';').any(|part| part.trim() == wanted);
        has("as=APIGroupDiscoveryList") && has("v=v2")
    });
    let document = match parsed {
        Path::Root { core } if aggregated => {
            let mut response = respond::object(200, &discovery::aggregated(&catalog, core), false);
            let kind = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
            if let Ok(v) = kind.parse() {
                response.headers_mut().insert(http::header::CONTENT_TYPE, v);
            }
            return Ok(response);
        }
        Path::Root { core: true } => Some(discovery::core_versions()),
        Path::Root { core: false } => Some(discovery::group_list(&catalog)),
        Path::Group(name) => discovery::group(&catalog, &name),
        Path::Version { group, version } => discovery::resource_list(&catalog, &group, &version),
        Path::Other(segments) => return other(&catalog, &segments),
        Path::Resource(_) => None,
    };
    document.map(|d| respond::object(200, &d, false)).ok_or_else(ApiError::no_such_path)
}

fn other(catalog: &Catalog, segments: &[String]) -> ApiResult<Response<ResponseBody>> {
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    match parts.as_slice() {
        ["healthz" | "livez" | "readyz", ..] => Ok(respond::text(200, "text/plain; charset=utf-8", "ok")),
        ["version"] => Ok(respond::object(200, &version(), false)),
        ["openapi", "v2"] => Ok(respond::object(200, &openapi::swagger(catalog), false)),
        ["openapi", "v3"] => Ok(respond::object(200, &openapi::index(catalog), false)),
        ["openapi", "v3", root @ ..] => {
            let document = openapi::document(catalog, &root.join("/"));
            document.map(|d| respond::object(200, &d, false)).ok_or_else(ApiError::no_such_path)
        }
        [] => {
            let paths = ["/api", "/apis", "/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"];
            Ok(respond::object(200, &json!({ "paths": paths }), false))
        }
        _ => Err(ApiError::no_such_path()),
    }
}

/// The Kubernetes version whose API this is.
fn version() -> serde_json::Value {
    json!({"major": "1", "minor": "37", "gitVersion": "v1.37.2", "gitCommit": "", "gitTreeState": "clean", "buildDate": "",
        "goVersion": "", "compiler": "", "platform": "embedded/plate-deploy"})
}

/// The response of a request that is refused before it is routed.
#[must_use]
pub fn refuse(error: &ApiError) -> Response<ResponseBody> {
    respond::error(error)
}
