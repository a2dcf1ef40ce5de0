//! Watches: a stream of JSON lines that follows the store's history.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use http_body::Frame;
use serde_json::{Value, json};
use tokio::sync::watch::Receiver;
use tokio::time::Instant;

use super::respond::{Form, shape};
use crate::registry::{ListOptions, Registry, Resource, too_old};
use crate::selector::{FieldSelector, LabelSelector};
use crate::status::{ApiError, ApiResult};
use crate::storage::{Change, ChangeKind};

/// What to watch.
pub(super) struct WatchRequest {
    pub(super) registry: Arc<Registry>,
    pub(super) resource: Arc<Resource>,
    pub(super) namespace: Option<String>,
    pub(super) labels: LabelSelector,
    pub(super) fields: FieldSelector,
    /// Version to start after; `None` sends the present objects first.
    pub(super) from: Option<u64>,
    /// Send the objects and then a bookmark that marks their end.
    pub(super) initial_events: bool,
    pub(super) bookmarks: bool,
    pub(super) timeout: Duration,
    pub(super) form: Form,
}

/// Time between bookmarks.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);

struct State {
    request: WatchRequest,
    changed: Receiver<u64>,
    version: u64,
    pending: Vec<u8>,
    deadline: Instant,
    next_bookmark: Instant,
    done: bool,
}

/// The body of a watch.
///
/// # Errors
/// As listing.
pub(super) fn stream(
    request: WatchRequest,
) -> ApiResult<impl Stream<Item = Result<Frame<Bytes>, Infallible>> + Send + 'static> {
    let now = Instant::now();
    let mut state = State {
        changed: request.registry.store().subscribe(),
        version: request.from.unwrap_or_default(),
        pending: Vec::new(),
        deadline: now + request.timeout,
        next_bookmark: now + BOOKMARK_EVERY,
        done: false,
        request,
    };
    if state.request.from.is_none() || state.request.initial_events {
        state.start()?;
    }
    Ok(futures::stream::unfold(state, |mut state| async move {
        let bytes = state.next().await?;
        Some((Ok(Frame::data(bytes)), state))
    }))
}

impl State {
    fn push(&mut self, kind: &str, object: Value) {
        let line = json!({"type": kind, "object": object}).to_string();
        self.pending.extend(line.as_bytes());
        self.pending.push(b'\n');
    }

    fn bookmark(&mut self, last_initial: bool) {
        let info = &self.request.resource.info;
        let mut metadata = json!({"resourceVersion": self.version.to_string()});
        if last_initial {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let object = match self.request.form {
            Form::Metadata => {
                json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
            }
            _ => json!({"kind": info.kind, "apiVersion": info.api_version(), "metadata": metadata}),
        };
        self.push("BOOKMARK", object);
    }

    /// Sends the present objects.
    fn start(&mut self) -> ApiResult<()> {
        let r = &self.request;
        let select = ListOptions { labels: r.labels.clone(), fields: r.fields.clone(), ..ListOptions::default() };
        let page = r.registry.list(&r.resource, r.namespace.as_deref(), &select)?;
        self.version = page.version;
        for object in page.items {
            let shaped = self.shaped(object);
            self.push("ADDED", shaped);
        }
        if self.request.initial_events && self.request.bookmarks {
            self.bookmark(true);
        }
        Ok(())
    }

    fn shaped(&self, object: Value) -> Value {
        shape(&self.request.resource, object, self.request.form, self.request.registry.clock().now())
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if !self.pending.is_empty() {
                return Some(Bytes::from(std::mem::take(&mut self.pending)));
            }
            if self.done || Instant::now() >= self.deadline {
                return None;
            }
            self.changed.mark_unchanged();
            self.follow();
            if !self.pending.is_empty() {
                continue;
            }
            let wake = if self.request.bookmarks { self.deadline.min(self.next_bookmark) } else { self.deadline };
            tokio::select! {
                changed = self.changed.changed() => self.done = changed.is_err(),
                () = tokio::time::sleep_until(wake) => {
                    let now = Instant::now();
                    if self.request.bookmarks && now >= self.next_bookmark && now < self.deadline {
                        self.next_bookmark = now + BOOKMARK_EVERY;
                        self.bookmark(false);
                    }
                }
            }
        }
    }

    /// Sends what changed since the last time.
    fn follow(&mut self) {
        let latest = self.request.registry.store().version();
        let changes = self.request.registry.changes_since(self.version, Some(&self.request.resource.storage));
        match changes {
            Ok(changes) => {
                for c in &changes {
                    self.send(c);
                }
                self.version = self.version.max(latest).max(changes.last().map_or(0, |c| c.version));
            }
            Err(e) => {
                self.push("ERROR", too_old(self.version, e).to_status());
                self.done = true;
            }
        }
        // A custom resource that is no longer served ends its watches.
        let info = &self.request.resource.info;
        if self.request.registry.resource(&info.group, &info.version, &info.plural).is_none() {
            self.done = true;
        }
    }

    fn send(&mut self, change: &Change) {
        let r = &self.request;
        if r.namespace.as_ref().is_some_and(|ns| *ns != change.key.namespace) {
            return;
        }
        let selects = |object: &Value| {
            r.labels.matches(object)
                && (r.fields.is_empty() || r.fields.matches(&r.registry.shown(&r.resource, object)))
        };
        let is = change.kind != ChangeKind::Deleted && selects(&change.object);
        let was = change.previous.as_ref().is_some_and(|p| selects(&p.object));
        let kind = match (was, is) {
            (false, true) => "ADDED",
            (true, true) => "MODIFIED",
            (true, false) => "DELETED",
            (false, false) => return,
        };
        let mut object = r.registry.shown(&r.resource, &change.object);
        if kind == "DELETED" && change.kind != ChangeKind::Deleted {
            // It left the selection: the client gets what it knew, with the version of the change.
            if let Some(p) = &change.previous {
                object = r.registry.shown(&r.resource, &p.object);
                crate::object::set_meta(&mut object, "resourceVersion", change.version.to_string());
            }
        }
        let shaped = self.shaped(object);
        self.push(kind, shaped);
    }
}

/// The version a watch starts from: `""` and `0` mean the present state.
///
/// # Errors
/// 400 when it is no number.
pub(super) fn parse_version(text: &str) -> ApiResult<Option<u64>> {
    match text {
        "" | "0" => Ok(None),
        _ => text.parse().map(Some).map_err(|_| {
            ApiError::bad_request(format!(
                "Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax"
            ))
        }),
    }
}
