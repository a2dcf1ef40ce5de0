//! A watch that outlives its connections.

use std::sync::Arc;

use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};

use super::retry::Attempts;
use super::{ClusterReader, ListOptions, Result, WatchEvent};
use crate::model::GroupVersionKind;

/// Follows a kind from a list's resource version on: when the server ends a watch, or the connection breaks, it goes on
/// from the last object or bookmark that was seen, so that nothing is missed or told twice. The stream ends with an
/// error that going on cannot help: [`super::ClusterError::is_expired`] means list again; a failure that does not pass
/// after some attempts is given as it is.
pub fn follow(
    cluster: Arc<dyn ClusterReader>,
    kind: GroupVersionKind,
    options: ListOptions,
    resource_version: String,
) -> BoxStream<'static, Result<WatchEvent>> {
    let state =
        Follow { cluster, kind, options, version: resource_version, watch: None, attempts: Attempts::default() };
    stream::unfold(Some(state), |state| async move {
        let mut state = state?;
        match state.next().boxed().await {
            Ok(event) => Some((Ok(event), Some(state))),
            Err(error) => Some((Err(error), None)),
        }
    })
    .boxed()
}

struct Follow {
    cluster: Arc<dyn ClusterReader>,
    kind: GroupVersionKind,
    options: ListOptions,
    version: String,
    watch: Option<BoxStream<'static, Result<WatchEvent>>>,
    attempts: Attempts,
}

impl Follow {
    async fn next(&mut self) -> Result<WatchEvent> {
        loop {
            let watch = match &mut self.watch {
                Some(watch) => watch,
                none => match self.cluster.watch(&self.kind, &self.options, &self.version).await {
                    Ok(watch) => none.insert(watch),
                    Err(error) => {
                        self.pause(error).await?;
                        continue;
                    }
                },
            };
            match watch.next().await {
                Some(Ok(event)) => {
                    self.attempts = Attempts::default();
                    self.seen(&event);
                    return Ok(event);
                }
                Some(Err(error)) => {
                    self.watch = None;
                    self.pause(error).await?;
                }
                // The server ends watches from time to time.
                None => {
                    self.watch = None;
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    /// Waits before the next attempt; gives the error back when there is none.
    async fn pause(&mut self, error: super::ClusterError) -> Result<()> {
        let wait = if error.is_transient() { self.attempts.next(None) } else { None };
        match wait {
            Some(wait) => tokio::time::sleep(wait).await,
            None => return Err(error),
        }
        Ok(())
    }

    fn seen(&mut self, event: &WatchEvent) {
        let version = match event {
            WatchEvent::Applied(object) | WatchEvent::Deleted(object) => {
                object.value().pointer("/metadata/resourceVersion").and_then(serde_json::Value::as_str)
            }
            WatchEvent::Bookmark(version) => Some(version.as_str()),
        };
        if let Some(version) = version.filter(|v| !v.is_empty()) {
            version.clone_into(&mut self.version);
        }
    }
}
