//! Who a request is from, and what it wants: the input of authorization.

use http::HeaderMap;

use super::Call;
use super::request::{Path, ResourcePath};
use crate::registry::{Attributes, User};
use crate::status::{ApiError, ApiResult};

/// The user of a request: the administrator, or whom it impersonates.
///
/// # Errors
/// 500 for groups without a user, as kube-apiserver answers.
pub(super) fn user(headers: &HeaderMap) -> ApiResult<User> {
    let name = headers.get("impersonate-user").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let groups: Vec<String> =
        headers.get_all("impersonate-group").iter().filter_map(|v| v.to_str().ok()).map(str::to_owned).collect();
    match (name, groups.is_empty()) {
        ("", true) => Ok(User::admin()),
        ("", false) => {
            let text = format!("requested [{}] without impersonating a user", groups.join(" "));
            Err(ApiError::internal(&text))
        }
        (name, _) => Ok(User::impersonated(name, groups)),
    }
}

/// What a request wants, as RBAC names it.
pub(super) fn attributes(call: &Call, parsed: &Path, path: &str) -> Attributes {
    let method = call.method.as_str();
    let Path::Resource(r) = parsed else {
        return Attributes { verb: method.to_lowercase(), path: path.to_owned(), ..Attributes::default() };
    };
    let is_namespace = r.group.is_empty() && r.resource == "namespaces";
    let mut name = r.name.clone();
    let verb = match method {
        "GET" | "HEAD" if r.watch || call.query.flag("watch") && r.name.is_empty() => "watch",
        "GET" | "HEAD" if r.name.is_empty() => "list",
        "GET" | "HEAD" => "get",
        "POST" => "create",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" if r.name.is_empty() => "deletecollection",
        "DELETE" => "delete",
        _ => "",
    };
    if matches!(verb, "list" | "watch" | "deletecollection")
        && let Some(selected) = call.query.get("fieldSelector").strip_prefix("metadata.name=")
    {
        name = selected.trim_start_matches('=').split(',').next().unwrap_or_default().to_owned();
    }
    let ResourcePath { group, resource, subresource, namespace, .. } = r;
    let namespace = if is_namespace { Some(r.name.clone()) } else { namespace.clone() };
    Attributes {
        verb: verb.to_owned(),
        group: group.clone(),
        resource: resource.clone(),
        subresource: subresource.clone(),
        name,
        namespace: namespace.unwrap_or_default(),
        path: String::new(),
    }
}
