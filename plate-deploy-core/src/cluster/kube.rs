//! [`KubeCluster`]: the backend over `kube::Client`, for real clusters and the embedded API alike.
//!
//! Objects travel as raw JSON: typed structs would drop the fields they do not know.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::RwLock;

use super::call::Call;
use super::client_apply;
use super::retry::{Attempts, retry_after};
use super::{
    Access, AccessRequest, ApiCatalog, ApiKind, ApplyMode, ClusterError, ClusterReader, ClusterWriter, ListOptions,
    LogOptions, ObjectList, ObjectRef, Patch, Propagation, Result, WatchEvent, WriteOptions,
};
use crate::model::{GroupVersionKind, Manifest};

/// Page size of lists.
const PAGE: usize = 500;
/// Longest wait for one answer; watches have their own.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// Most bytes of a log that are read.
const LOG_BYTES: usize = 64 << 10;

/// A cluster behind a `kube::Client`.
pub struct KubeCluster {
    name: String,
    client: Client,
    catalog: RwLock<Option<Arc<ApiCatalog>>>,
    timeout: Duration,
}

impl KubeCluster {
    /// Wraps a client; `name` is what people see (the context's name).
    #[must_use]
    pub fn new(name: impl Into<String>, client: Client) -> Self {
        Self { name: name.into(), client, catalog: RwLock::new(None), timeout: REQUEST_TIMEOUT }
    }

    /// Waits this long for one answer instead of 60 s. Watches are not limited by it.
    #[must_use]
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The client, for what this seam does not cover.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The served kind, refreshing the catalog once when it is not known (a CRD may just have appeared).
    async fn kind(&self, kind: &GroupVersionKind) -> Result<ApiKind> {
        for refresh in [false, true] {
            if let Some(found) = self.catalog(refresh).await?.get(kind) {
                return Ok(found.clone());
            }
        }
        Err(ClusterError::UnknownKind { kind: kind.clone() })
    }

    async fn path(&self, at: &ObjectRef) -> Result<String> {
        Ok(format!("{}/{}", self.kind(&at.kind).await?.path(&at.namespace), at.name))
    }

    /// Sends one request, again when the failure is passing and repeating it is safe.
    async fn send(&self, call: Call<'_>) -> Result<Value> {
        let mut attempts = Attempts::default();
        loop {
            let (error, asked) = match self.send_once(&call).await {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            // A request that was refused for overload has had no effect, whatever it was.
            let refused = matches!(error, ClusterError::Api { code: 429, .. });
            let Some(wait) = attempts.next(asked).filter(|_| error.is_transient() && (refused || call.repeatable()))
            else {
                return Err(error);
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// One attempt; a failure comes with the wait that the server asked for.
    async fn send_once(&self, call: &Call<'_>) -> std::result::Result<Value, (ClusterError, Option<Duration>)> {
        let request = call.request().map_err(|e| (e, None))?.map(Body::from);
        let answer = async {
            let response = self.client.send(request).await.map_err(|e| (self.error(call, e), None))?;
            let (head, body) = response.into_parts();
            let unreachable = |message: String| ClusterError::Unreachable { cluster: self.name.clone(), message };
            let bytes = body.collect().await.map_err(|e| (unreachable(chain(&e)), None))?.to_bytes();
            if head.status.is_success() {
                return serde_json::from_slice(&bytes).map_err(|e| (unreachable(format!("no JSON ({e})")), None));
            }
            let asked = retry_after(&head.headers);
            Err((self.error(call, kube::Error::Api(Box::new(status(head.status, &bytes)))), asked))
        };
        match tokio::time::timeout(self.timeout, answer).await {
            Ok(answer) => answer,
            Err(_) => {
                let message = format!("no answer within {:?} to: {} {}", self.timeout, call.action, call.object);
                Err((ClusterError::Unreachable { cluster: self.name.clone(), message }, None))
            }
        }
    }

    fn error(&self, call: &Call<'_>, error: kube::Error) -> ClusterError {
        match error {
            kube::Error::Api(status) => ClusterError::Api {
                action: call.action,
                object: call.object.clone(),
                code: status.code,
                reason: status.reason.clone(),
                message: if call.secret {
                    "refused (details of Secrets are not shown)".into()
                } else {
                    status.message.clone()
                },
            },
            other => ClusterError::Unreachable { cluster: self.name.clone(), message: chain(&other) },
        }
    }

    async fn write(&self, call: Call<'_>) -> Result<Manifest> {
        let object = call.object.clone();
        Manifest::new(self.send(call).await?).map_err(|e| ClusterError::Api {
            action: "read the answer for",
            object,
            code: 0,
            reason: "NotAnObject".into(),
            message: e.to_string(),
        })
    }

    async fn fetch_catalog(&self) -> Result<ApiCatalog> {
        let mut kinds = Vec::new();
        for root in ["/api", "/apis"] {
            let call = Call { accept: Some(AGGREGATED), ..Call::get("discover kinds at", root, root.into()) };
            let answer = self.send(call).await?;
            if answer.get("kind").and_then(Value::as_str) != Some("APIGroupDiscoveryList") {
                return Err(ClusterError::Unsupported(format!(
                    "an API server without aggregated discovery (older than Kubernetes 1.27; {})",
                    self.name
                )));
            }
            kinds.extend(discovered_kinds(&answer));
        }
        Ok(ApiCatalog::new(kinds))
    }
}

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";

/// The kinds of an aggregated discovery answer, preferred versions first.
fn discovered_kinds(answer: &Value) -> Vec<ApiKind> {
    let mut kinds = Vec::new();
    for group in array(answer, "items") {
        let group_name = group.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        for version in array(group, "versions") {
            for resource in array(version, "resources") {
                let text = |pointer: &str| resource.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
                let kind = GroupVersionKind {
                    group: group_name.into(),
                    version: version.get("version").and_then(Value::as_str).unwrap_or_default().into(),
                    kind: text("/responseKind/kind").into(),
                };
                let verbs = array(resource, "verbs").filter_map(|v| v.as_str().map(str::to_owned)).collect();
                kinds.push(ApiKind {
                    kind,
                    plural: text("/resource").into(),
                    namespaced: text("/scope") == "Namespaced",
                    verbs,
                });
            }
        }
    }
    kinds
}

fn array<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// An error with its causes, once each.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// The Status of a failed request; a proxy on the way may have answered with something else.
fn status(code: http::StatusCode, bytes: &[u8]) -> kube::core::Status {
    let mut status = serde_json::from_slice::<kube::core::Status>(bytes).unwrap_or_else(|_| {
        let text: String = String::from_utf8_lossy(bytes).chars().take(300).collect();
        kube::core::Status::failure(&text, code.canonical_reason().unwrap_or("Failed"))
    });
    status.code = code.as_u16();
    status
}

#[async_trait]
impl ClusterReader for KubeCluster {
    fn name(&self) -> &str {
        &self.name
    }

    async fn version(&self) -> Result<String> {
        let answer = self.send(Call::get("read the version of", &self.name, "/version".into())).await?;
        Ok(answer.get("gitVersion").and_then(Value::as_str).unwrap_or_default().into())
    }

    async fn catalog(&self, refresh: bool) -> Result<Arc<ApiCatalog>> {
        if !refresh && let Some(catalog) = self.catalog.read().await.as_ref() {
            return Ok(Arc::clone(catalog));
        }
        let fresh = Arc::new(self.fetch_catalog().await?);
        *self.catalog.write().await = Some(Arc::clone(&fresh));
        Ok(fresh)
    }

    async fn get(&self, at: &ObjectRef) -> Result<Option<Manifest>> {
        let path = match self.path(at).await {
            Err(ClusterError::UnknownKind { .. }) => return Ok(None),
            other => other?,
        };
        match self.write(Call::get("get", &at.key().to_string(), path)).await {
            Ok(object) => Ok(Some(object)),
            Err(e) if e.is_not_found() => Ok(None),
            Err(e) => Err(e),
        }
    }

    async fn list(&self, kind: &GroupVersionKind, options: &ListOptions) -> Result<ObjectList> {
        let api = self.kind(kind).await?;
        let path = api.path(options.namespace.as_deref().unwrap_or_default());
        let mut items = Vec::new();
        let mut next = String::new();
        let mut pages = true;
        loop {
            let mut call = Call::get("list", &kind.group_kind().to_string(), path.clone());
            call.query = selectors(options);
            if pages {
                call.query.push(("limit", PAGE.to_string()));
            }
            if !next.is_empty() {
                call.query.push(("continue", next.clone()));
            }
            let mut page = match self.send(call).await {
                // The server has forgotten the state that the first page was of: all at once, then.
                Err(e) if e.is_expired() && !next.is_empty() => {
                    items.clear();
                    next.clear();
                    pages = false;
                    continue;
                }
                other => other?,
            };
            if let Some(Value::Array(objects)) = page.get_mut("items").map(Value::take) {
                items.extend(objects.into_iter().filter_map(|mut object| {
                    options.stripped(&mut object);
                    typed(object, kind)
                }));
            }
            let text = |pointer: &str| page.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
            next = text("/metadata/continue");
            if next.is_empty() {
                return Ok(ObjectList { items, resource_version: text("/metadata/resourceVersion") });
            }
        }
    }

    async fn watch(
        &self,
        kind: &GroupVersionKind,
        options: &ListOptions,
        resource_version: &str,
    ) -> Result<BoxStream<'static, Result<WatchEvent>>> {
        let api = self.kind(kind).await?;
        let path = api.path(options.namespace.as_deref().unwrap_or_default());
        let mut call = Call::get("watch", &kind.group_kind().to_string(), path);
        call.query = selectors(options);
        call.query.extend([
            ("watch", "true".into()),
            ("allowWatchBookmarks", "true".into()),
            ("timeoutSeconds", "290".into()),
            ("resourceVersion", resource_version.into()),
        ]);
        let events = self.client.request_events::<Value>(call.request()?).await.map_err(|e| self.error(&call, e))?;
        let (cluster, object, kind) = (self.name.clone(), call.object, kind.clone());
        let options = options.clone();
        let events = events.map(move |event| watch_event(event, &options, &kind, &cluster, &object));
        Ok(events.try_filter_map(|event| async { Ok(event) }).chain(stream::empty()).boxed())
    }

    async fn access(&self, request: &AccessRequest) -> Result<Access> {
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {
                "verb": request.verb, "group": request.group, "resource": request.resource, "namespace": request.namespace,
            }},
        });
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews".to_owned();
        let mut call = Call::get("review access to", &request.resource, path);
        call.method = http::Method::POST;
        call.body = Some(&review);
        let answer = self.send(call).await?;
        Ok(Access {
            allowed: answer.pointer("/status/allowed").and_then(Value::as_bool).unwrap_or(false),
            reason: answer.pointer("/status/reason").and_then(Value::as_str).unwrap_or_default().into(),
        })
    }

    async fn pod_log(&self, namespace: &str, pod: &str, options: &LogOptions) -> Result<String> {
        let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}/log");
        let mut call = Call::get("read the log of", pod, path);
        call.query = vec![("tailLines", options.lines.to_string()), ("limitBytes", LOG_BYTES.to_string())];
        if !options.container.is_empty() {
            call.query.push(("container", options.container.clone()));
        }
        if options.previous {
            call.query.push(("previous", "true".into()));
        }
        self.client.request_text(call.request()?).await.map_err(|e| self.error(&call, e))
    }
}

fn selectors(options: &ListOptions) -> Vec<(&'static str, String)> {
    [("labelSelector", &options.labels), ("fieldSelector", &options.fields)]
        .into_iter()
        .filter(|(_, selector)| !selector.is_empty())
        .map(|(name, selector)| (name, selector.clone()))
        .collect()
}

/// List items carry no apiVersion and kind of their own: put them in.
fn typed(mut object: Value, kind: &GroupVersionKind) -> Option<Manifest> {
    let map = object.as_object_mut()?;
    map.entry("apiVersion").or_insert_with(|| kind.api_version().into());
    map.entry("kind").or_insert_with(|| kind.kind.clone().into());
    Manifest::new(object).ok()
}

fn watch_event(
    event: std::result::Result<kube::api::WatchEvent<Value>, kube::Error>,
    options: &ListOptions,
    kind: &GroupVersionKind,
    cluster: &str,
    object: &str,
) -> Result<Option<WatchEvent>> {
    use kube::api::WatchEvent as Event;
    let status = |status: &kube::core::Status| ClusterError::Api {
        action: "watch",
        object: object.into(),
        code: status.code,
        reason: status.reason.clone(),
        message: status.message.clone(),
    };
    let kept = |mut value: Value| {
        options.stripped(&mut value);
        typed(value, kind)
    };
    match event {
        Ok(Event::Added(value) | Event::Modified(value)) => Ok(kept(value).map(WatchEvent::Applied)),
        Ok(Event::Deleted(value)) => Ok(kept(value).map(WatchEvent::Deleted)),
        Ok(Event::Bookmark(bookmark)) => Ok(Some(WatchEvent::Bookmark(bookmark.metadata.resource_version))),
        Ok(Event::Error(error)) => Err(status(&error)),
        Err(kube::Error::Api(error)) => Err(status(&error)),
        Err(other) => Err(ClusterError::Unreachable { cluster: cluster.into(), message: chain(&other) }),
    }
}

#[async_trait]
impl ClusterWriter for KubeCluster {
    async fn apply(&self, object: &Manifest, mode: ApplyMode, options: &WriteOptions) -> Result<Manifest> {
        let at = ObjectRef::of(object);
        match mode {
            ApplyMode::ServerSide { force } => {
                let path = self.path(&at).await?;
                let mut call = Call::write("apply", &at, http::Method::PATCH, path, options, object.value());
                call.content_type = "application/apply-patch+yaml";
                call.query.push(("force", force.to_string()));
                self.write(call).await
            }
            ApplyMode::ClientSide => {
                if options.expect_missing
                    && let client_apply::Plan::Create(new) = client_apply::plan(object, None)?
                {
                    match self.create(&new, options).await {
                        Err(error) if error.is_already_exists() => {}
                        other => return other,
                    }
                }
                let live = self.get(&at).await?;
                match client_apply::plan(object, live.as_ref())? {
                    client_apply::Plan::Create(object) => self.create(&object, options).await,
                    client_apply::Plan::Unchanged => {
                        live.ok_or(ClusterError::Unsupported("an empty patch of nothing".into()))
                    }
                    client_apply::Plan::Patch(patch) => self.patch(&at, None, &patch, options).await,
                }
            }
        }
    }

    async fn create(&self, object: &Manifest, options: &WriteOptions) -> Result<Manifest> {
        let at = ObjectRef::of(object);
        let path = self.kind(&at.kind).await?.path(&at.namespace);
        self.write(Call::write("create", &at, http::Method::POST, path, options, object.value())).await
    }

    async fn replace(&self, object: &Manifest, options: &WriteOptions) -> Result<Manifest> {
        let at = ObjectRef::of(object);
        let path = self.path(&at).await?;
        self.write(Call::write("replace", &at, http::Method::PUT, path, options, object.value())).await
    }

    async fn patch(
        &self,
        at: &ObjectRef,
        subresource: Option<&str>,
        patch: &Patch,
        options: &WriteOptions,
    ) -> Result<Manifest> {
        let mut path = self.path(at).await?;
        if let Some(subresource) = subresource {
            path = format!("{path}/{subresource}");
        }
        let (content_type, body) = match patch {
            Patch::Json(body) => ("application/json-patch+json", body),
            Patch::Merge(body) => ("application/merge-patch+json", body),
            Patch::Strategic(body) => ("application/strategic-merge-patch+json", body),
        };
        let mut call = Call::write("patch", at, http::Method::PATCH, path, options, body);
        call.content_type = content_type;
        self.write(call).await
    }

    async fn delete(&self, at: &ObjectRef, propagation: Propagation, options: &WriteOptions) -> Result<()> {
        let path = self.path(at).await?;
        let mut body = json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation.as_str()});
        if options.dry_run {
            body["dryRun"] = json!(["All"]);
        }
        let mut call = Call::write("delete", at, http::Method::DELETE, path, options, &body);
        // The server reads a delete's options from the body alone when there is one.
        call.query.clear();
        match self.send(call).await {
            Err(e) if e.is_not_found() => Ok(()),
            other => other.map(|_| ()),
        }
    }
}

impl fmt::Debug for KubeCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KubeCluster").field("name", &self.name).finish_non_exhaustive()
    }
}
