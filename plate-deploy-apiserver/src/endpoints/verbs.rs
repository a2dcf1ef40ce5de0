//! The verbs on resources, objects and subresources.

use std::time::Duration;

use http::{Method, Response};
use http_body_util::{BodyExt, StreamBody};
use serde_json::{Value, json};

use super::Call;
use super::request::ResourcePath;
use super::respond::{self, Accept, Form, ResponseBody};
use super::watch::{WatchRequest, parse_version, stream};
use crate::object::{list, text as text_at};
use crate::patch::PatchKind;
use crate::registry::{Body, DeleteOptions, FieldValidation, ListOptions, Resource, WriteOptions, Written};
use crate::scheme::{StructRef, Type, parse_json, parse_protobuf, parse_yaml};
use crate::selector::{FieldSelector, LabelSelector, selectable_fields};
use crate::status::{ApiError, ApiResult, FieldError, Target};

type Answer = ApiResult<Response<ResponseBody>>;

/// Default time a watch lasts when the client does not say.
const WATCH_TIMEOUT: Duration = Duration::from_secs(3600);

/// Answers a request to a resource path.
pub(super) fn resource(call: &Call, path: &ResourcePath) -> Answer {
    let resource =
        call.registry.resource(&path.group, &path.version, &path.resource).ok_or_else(ApiError::no_such_path)?;
    let namespaced = resource.info.namespaced;
    if path.namespace.is_some() && !namespaced {
        return Err(ApiError::no_such_path());
    }
    let needs_namespace = !path.name.is_empty() || call.method == Method::POST;
    if namespaced && path.namespace.is_none() && needs_namespace {
        return Err(ApiError::no_such_path());
    }
    let verb = Verb { call, path, resource: &resource, namespace: path.namespace.as_deref().unwrap_or_default() };
    if !path.subresource.is_empty() {
        return verb.subresource();
    }
    let collection = path.name.is_empty();
    match call.method.as_str() {
        "GET" | "HEAD" if !collection && path.watch => verb.watch(Some(&path.name)),
        "GET" | "HEAD" if !collection => verb.allowed("get").and_then(|()| verb.get()),
        "GET" | "HEAD" if path.watch || call.query.flag("watch") => {
            verb.allowed("watch").and_then(|()| verb.watch(None))
        }
        "GET" | "HEAD" => verb.allowed("list").and_then(|()| verb.list()),
        "POST" if collection => verb.allowed("create").and_then(|()| verb.create()),
        "PUT" if !collection => verb.allowed("update").and_then(|()| verb.replace()),
        "PATCH" if !collection => verb.allowed("patch").and_then(|()| verb.patch()),
        "DELETE" if collection => verb.allowed("deletecollection").and_then(|()| verb.delete_collection()),
        "DELETE" => verb.allowed("delete").and_then(|()| verb.delete()),
        // Paths of custom resources are not registered verb by verb: the handlers themselves refuse.
        "POST" if !resource.info.builtin => verb.create(),
        "PUT" if !resource.info.builtin => Err(ApiError::bad_request("name must be provided")),
        "PATCH" if !resource.info.builtin => {
            verb.patch_kind().and_then(|_| Err(ApiError::bad_request("name must be provided")))
        }
        _ => Err(ApiError::method_not_allowed()),
    }
}

struct Verb<'a> {
    call: &'a Call,
    path: &'a ResourcePath,
    resource: &'a std::sync::Arc<Resource>,
    namespace: &'a str,
}

fn invalid_option(kind: &str, error: FieldError) -> ApiError {
    ApiError::invalid(Target { group: "meta.k8s.io", resource: kind }, "", &[error])
}

impl Verb<'_> {
    fn allowed(&self, verb: &str) -> ApiResult<()> {
        if self.resource.info.has_verb(verb) { Ok(()) } else { Err(ApiError::method_not_allowed()) }
    }

    fn accept(&self) -> ApiResult<Accept> {
        respond::negotiate(&self.call.headers)
    }

    fn reply(&self, code: u16, value: Value, accept: Accept) -> Answer {
        let shaped = respond::shape(self.resource, value, accept.form, self.call.registry.clock().now());
        Ok(respond::object(code, &shaped, accept.yaml))
    }

    fn reply_written(&self, written: Written, accept: Accept) -> Answer {
        let code = if written.created { 201 } else { 200 };
        let mut response = self.reply(code, written.object, accept)?;
        respond::warn(&mut response, &written.warnings);
        Ok(response)
    }

    fn get(&self) -> Answer {
        let accept = self.accept()?;
        self.reply(200, self.call.registry.get(self.resource, self.namespace, &self.path.name)?, accept)
    }

    fn selectors(&self) -> ApiResult<(LabelSelector, FieldSelector)> {
        let q = &self.call.query;
        let labels = LabelSelector::parse(q.get("labelSelector")).map_err(|e| ApiError::bad_request(e.to_string()))?;
        let fields = match &self.resource.custom {
            Some(custom) => {
                let own: Vec<&str> = custom.selectable.iter().map(String::as_str).collect();
                FieldSelector::parse(q.get("fieldSelector"), &own)
            }
            None => FieldSelector::parse(q.get("fieldSelector"), selectable_fields(self.resource.builtin_name())),
        };
        Ok((labels, fields.map_err(|e| ApiError::bad_request(e.to_string()))?))
    }

    fn list_options(&self) -> ApiResult<ListOptions> {
        let q = &self.call.query;
        let (labels, fields) = self.selectors()?;
        let invalid = |field: &str, e: &str| invalid_option("ListOptions", FieldError::forbidden(field, e));
        let (version, matching) = (q.get("resourceVersion"), q.get("resourceVersionMatch"));
        if !matching.is_empty() && version.is_empty() {
            return Err(invalid(
                "resourceVersionMatch",
                "resourceVersionMatch is forbidden unless resourceVersion is provided",
            ));
        }
        if !matching.is_empty() && !q.get("continue").is_empty() {
            return Err(invalid("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided"));
        }
        let exact = parse_version(version)?.filter(|_| matching == "Exact");
        if matching == "Exact" && exact.is_none() {
            return Err(invalid(
                "resourceVersionMatch",
                "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
            ));
        }
        if !matches!(matching, "" | "Exact" | "NotOlderThan") {
            let e = FieldError::not_supported("resourceVersionMatch", matching, &["Exact", "NotOlderThan", ""]);
            return Err(invalid_option("ListOptions", e));
        }
        let limit = match q.get("limit") {
            "" => 0,
            text => text.parse::<i64>().map_err(|e| ApiError::bad_request(format!("strconv.ParseInt: {e}")))?,
        };
        let after = match q.get("continue") {
            "" => None,
            token => Some(continuation(token)?),
        };
        Ok(ListOptions { labels, fields, limit: usize::try_from(limit).unwrap_or(0), after, at_version: exact })
    }

    fn list(&self) -> Answer {
        let accept = self.accept()?;
        let options = self.list_options()?;
        if self.call.query.flag("sendInitialEvents") {
            let e = FieldError::forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list");
            return Err(invalid_option("ListOptions", e));
        }
        let page = self.call.registry.list(self.resource, self.path.namespace.as_deref(), &options)?;
        let mut metadata = json!({"resourceVersion": page.version.to_string()});
        if !self.resource.info.builtin {
            metadata["continue"] = "".into();
        }
        if let Some((version, namespace, name)) = &page.next {
            metadata["continue"] = token(*version, namespace, name).into();
        }
        if let Some(n) = page.remaining {
            metadata["remainingItemCount"] = n.into();
        }
        let now = self.call.registry.clock().now();
        let value = respond::shape_list(self.resource, metadata, page.items, accept.form, now);
        Ok(respond::object(200, &value, accept.yaml))
    }

    fn watch(&self, name: Option<&str>) -> Answer {
        let accept = self.accept()?;
        let q = &self.call.query;
        let (labels, mut fields) = self.selectors()?;
        if let Some(name) = name {
            fields = FieldSelector::parse(&format!("metadata.name={name}"), &[])
                .map_err(|e| ApiError::bad_request(e.to_string()))?;
        }
        let initial_events = q.flag("sendInitialEvents");
        if initial_events && q.get("resourceVersionMatch") != "NotOlderThan" {
            let detail = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
            return Err(invalid_option("ListOptions", FieldError::forbidden("resourceVersionMatch", detail)));
        }
        let timeout =
            q.get("timeoutSeconds").parse().ok().filter(|s| *s > 0).map_or(WATCH_TIMEOUT, Duration::from_secs);
        let body = stream(WatchRequest {
            registry: self.call.registry.clone(),
            resource: self.resource.clone(),
            namespace: self.path.namespace.clone(),
            labels,
            fields,
            from: parse_version(q.get("resourceVersion"))?,
            initial_events,
            bookmarks: q.flag("allowWatchBookmarks"),
            timeout,
            form: accept.form,
        })?;
        let mut response = Response::new(StreamBody::new(body).boxed_unsync());
        response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
        Ok(response)
    }

    /// The body as JSON, whatever its content type.
    fn parsed_body(&self) -> ApiResult<Body> {
        let kind = self.call.headers.get(http::header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let unreadable = |e: String| {
            let kind = &self.resource.info.kind;
            let head = String::from_utf8_lossy(self.call.body.get(..30).unwrap_or(&self.call.body)).into_owned();
            ApiError::bad_request(format!(
                "the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; json parse error: {e} ({head:?})"
            ))
        };
        match kind.split(';').next().unwrap_or_default().trim() {
            "" | "application/json" => {
                let mut duplicates = Vec::new();
                let value = parse_json(&self.call.body, &mut duplicates).map_err(unreadable)?;
                Ok(Body { value, duplicates })
            }
            "application/vnd.kubernetes.protobuf" if self.resource.custom.is_none() => {
                let subresource = self.resource.info.subresource(&self.path.subresource);
                let name = match subresource.map_or(&self.resource.info.ty, |s| &s.ty) {
                    Type::Struct(StructRef::Builtin(name)) => name.clone(),
                    _ => "".into(),
                };
                parse_protobuf(&self.call.body, &name).map(Body::from).map_err(unreadable)
            }
            "application/yaml" => parse_yaml(&self.call.body).map(Body::from).map_err(unreadable),
            _ => Err(ApiError::unsupported_media_type(
                "application/json, application/yaml, application/vnd.kubernetes.protobuf",
            )),
        }
    }

    fn write_options(&self, kind: &str) -> ApiResult<WriteOptions> {
        let q = &self.call.query;
        let dry_run = match q.get("dryRun") {
            "" => false,
            "All" => true,
            other => return Err(invalid_option(kind, FieldError::not_supported("dryRun", json!([other]), &["All"]))),
        };
        let validation = match q.get("fieldValidation") {
            "" | "Warn" => FieldValidation::Warn,
            "Strict" => FieldValidation::Strict,
            "Ignore" => FieldValidation::Ignore,
            other => {
                let e = FieldError::not_supported("fieldValidation", other, &["", "Ignore", "Strict", "Warn"]);
                return Err(invalid_option(kind, e));
            }
        };
        let given = q.get("fieldManager");
        if given.len() > 128 {
            return Err(invalid_option(kind, FieldError::too_long("fieldManager", 128)));
        }
        if !given.chars().all(|c| !c.is_control()) {
            let e = FieldError::invalid("fieldManager", given, "should only contain printable characters");
            return Err(invalid_option(kind, e));
        }
        let agent = self.call.headers.get(http::header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let agent = agent.split('/').next().unwrap_or_default().chars().take(128).collect::<String>();
        let manager = if given.is_empty() { agent } else { given.to_owned() };
        Ok(WriteOptions { dry_run, manager, validation, force: q.flag("force") })
    }

    fn create(&self) -> Answer {
        let accept = self.accept()?;
        let options = self.write_options("CreateOptions")?;
        let body = self.parsed_body()?;
        let review =
            self.call.registry.review(self.resource, self.namespace, &self.call.user, body.clone(), &options)?;
        if let Some(answer) = review {
            return Ok(respond::object(201, &answer, accept.yaml));
        }
        let written = self.call.registry.create(self.resource, self.namespace, body, &options)?;
        self.reply_written(written, accept)
    }

    fn replace(&self) -> Answer {
        let accept = self.accept()?;
        let options = self.write_options("UpdateOptions")?;
        let place = (self.namespace, self.path.name.as_str(), self.path.subresource.as_str());
        let written = self.call.registry.replace(self.resource, place, self.parsed_body()?, &options)?;
        self.reply_written(written, accept)
    }

    fn patch_kind(&self) -> ApiResult<PatchKind> {
        let kind = self.call.headers.get(http::header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let custom = self.resource.custom.is_some();
        PatchKind::of_content_type(kind).filter(|k| !custom || *k != PatchKind::Strategic).ok_or_else(|| {
            let strategic = if custom { "" } else { "application/strategic-merge-patch+json, " };
            ApiError::unsupported_media_type(&format!(
                "application/json-patch+json, application/merge-patch+json, {strategic}application/apply-patch+yaml"
            ))
        })
    }

    fn patch_options(&self, kind: PatchKind) -> ApiResult<WriteOptions> {
        let options = self.write_options("PatchOptions")?;
        if kind == PatchKind::Apply && self.call.query.get("fieldManager").is_empty() {
            return Err(invalid_option(
                "PatchOptions",
                FieldError::required("fieldManager", "is required for apply patch"),
            ));
        }
        if kind != PatchKind::Apply && !self.call.query.get("force").is_empty() {
            let e = FieldError::forbidden("force", "may not be specified for non-apply patch");
            return Err(invalid_option("PatchOptions", e));
        }
        Ok(options)
    }

    fn patch(&self) -> Answer {
        let accept = self.accept()?;
        let kind = self.patch_kind()?;
        let options = self.patch_options(kind)?;
        let place = (self.namespace, self.path.name.as_str(), self.path.subresource.as_str());
        let written = self.call.registry.patch(self.resource, place, kind, &self.call.body, &options)?;
        self.reply_written(written, accept)
    }

    fn delete_options(&self) -> ApiResult<DeleteOptions> {
        let q = &self.call.query;
        let value = if self.call.body.is_empty() {
            let mut options = json!({});
            if !q.get("dryRun").is_empty() {
                options["dryRun"] = json!([q.get("dryRun")]);
            }
            if !q.get("propagationPolicy").is_empty() {
                options["propagationPolicy"] = q.get("propagationPolicy").into();
            }
            let grace = q.get("gracePeriodSeconds");
            if !grace.is_empty() {
                let parsed = grace.parse::<i64>().map_err(|_| {
                    ApiError::bad_request(format!("strconv.ParseInt: parsing {grace:?}: invalid syntax"))
                })?;
                options["gracePeriodSeconds"] = parsed.into();
            }
            options
        } else {
            let body = self.parsed_body()?.value;
            let (version, kind) = (text_at(&body, &["apiVersion"]), text_at(&body, &["kind"]));
            if !matches!(kind, "" | "DeleteOptions") {
                return Err(ApiError::bad_request(format!(
                    "no kind {kind:?} is registered for version {version:?} in scheme \"pkg/runtime/scheme.go:111\""
                )));
            }
            body
        };
        if list(&value, &["dryRun"]).iter().any(|d| d != "All") {
            let e = FieldError::not_supported("dryRun", value["dryRun"].clone(), &["All"]);
            return Err(invalid_option("DeleteOptions", e));
        }
        DeleteOptions::from_object(&value)
    }

    fn delete(&self) -> Answer {
        let accept = self.accept()?;
        let options = self.delete_options()?;
        let deleted = self.call.registry.delete(self.resource, self.namespace, &self.path.name, &options)?;
        let form = if deleted.answer.get("kind") == Some(&json!("Status")) { Form::Full } else { accept.form };
        self.reply(200, deleted.answer, Accept { form, ..accept })
    }

    fn delete_collection(&self) -> Answer {
        let accept = self.accept()?;
        let select = self.list_options()?;
        let options = self.delete_options()?;
        let page =
            self.call.registry.delete_collection(self.resource, self.path.namespace.as_deref(), &select, &options)?;
        let mut metadata = json!({"resourceVersion": page.version.to_string()});
        if !self.resource.info.builtin {
            metadata["continue"] = "".into();
        }
        let now = self.call.registry.clock().now();
        let value = respond::shape_list(self.resource, metadata, page.items, accept.form, now);
        Ok(respond::object(200, &value, accept.yaml))
    }

    fn subresource(&self) -> Answer {
        let name = self.path.subresource.as_str();
        let Some(info) = self.resource.info.subresource(name) else { return Err(ApiError::no_such_path()) };
        let verb = match self.call.method.as_str() {
            "GET" | "HEAD" => "get",
            "PUT" => "update",
            "PATCH" => "patch",
            "POST" => "create",
            _ => return Err(ApiError::method_not_allowed()),
        };
        if !info.verbs.iter().any(|v| v == verb) {
            return Err(ApiError::method_not_allowed());
        }
        match (name, verb) {
            ("status", "get") => self.get(),
            ("status", "update") | ("finalize", "update") => self.replace(),
            ("status", "patch") => self.patch(),
            ("scale", _) => self.scale(verb),
            ("log", _) => super::logs::get(self.call, self.resource, self.path),
            _ => Err(ApiError::not_supported(self.resource.target(), &format!("the subresource {name:?}"))),
        }
    }

    fn scale(&self, verb: &str) -> Answer {
        let accept = self.accept()?;
        let place = (self.namespace, self.path.name.as_str());
        let value = match verb {
            "get" => self.call.registry.get_scale(self.resource, place.0, place.1)?,
            "update" => {
                let options = self.write_options("UpdateOptions")?;
                let body = self.parsed_body()?.value.to_string();
                self.call.registry.update_scale(self.resource, place, (None, body.as_bytes()), &options)?
            }
            _ => {
                let kind = PatchKind::of_content_type(
                    self.call.headers.get(http::header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default(),
                );
                let kind = kind.ok_or_else(|| ApiError::unsupported_media_type("application/merge-patch+json"))?;
                let options = self.patch_options(kind)?;
                self.call.registry.update_scale(self.resource, place, (Some(kind), &self.call.body), &options)?
            }
        };
        Ok(respond::object(200, &value, accept.yaml))
    }
}

/// The `continue` token; clients treat it as opaque.
fn token(version: u64, namespace: &str, name: &str) -> String {
    let text = format!("{version}/{namespace}/{name}");
    text.bytes().map(|b| format!("{b:02x}")).collect()
}

fn continuation(token: &str) -> ApiResult<(u64, String, String)> {
    let bad = || ApiError::bad_request("continue key is not valid: illegal token");
    let bytes: Option<Vec<u8>> =
        (0..token.len()).step_by(2).map(|i| token.get(i..i + 2).and_then(|h| u8::from_str_radix(h, 16).ok())).collect();
    let text = bytes.and_then(|b| String::from_utf8(b).ok()).ok_or_else(bad)?;
    let mut parts = text.splitn(3, '/');
    let version = parts.next().and_then(|v| v.parse().ok()).ok_or_else(bad)?;
    match (parts.next(), parts.next()) {
        (Some(namespace), Some(name)) => Ok((version, namespace.to_owned(), name.to_owned())),
        _ => Err(bad()),
    }
}
