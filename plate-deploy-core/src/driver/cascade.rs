//! Deleting an Application, with its objects where its finalizers ask for that.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::Target;
use super::embedded::EmbeddedDriver;
use crate::cluster::{self, ClusterError, ObjectRef, Patch, WriteOptions};
use crate::model::application::ObjectMeta;
use crate::model::{ResourceKey, annotations};
use crate::render::Rendered;
use crate::report::{Event, Reporter};
use crate::sync::Propagation;
use crate::sync::deletion::{Deletion, DeletionRequest, cascade};

/// Longest wait for news.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// What came of a deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// Everything that goes is gone; how many objects that were.
    Gone(usize),
    /// These need approval first (annotation `argocd.argoproj.io/deletion-approved` on the Application).
    Unapproved(Vec<ResourceKey>),
    /// These were still there when the time was over.
    Left(Vec<ResourceKey>),
}

impl EmbeddedDriver {
    /// Deletes an Application: its objects, the last wave first, where its finalizers say so, then the finalizers and
    /// the Application's own object. Asking again goes on where it was left. An Application among its objects
    /// (app-of-apps) that has such a finalizer is deleted with its own objects.
    ///
    /// # Errors
    /// When the cluster cannot be asked or refuses a deletion.
    pub async fn delete(
        &self,
        application: &crate::model::Application,
        timeout: Duration,
        reporter: &dyn Reporter,
    ) -> Result<Deleted, ClusterError> {
        let deadline = Instant::now() + timeout;
        let target =
            Target { application: application.clone(), rendered: Rendered::default(), revision: String::new() };
        let mut deleted = 0;
        if let Some(propagation) = cascade(&application.metadata.finalizers) {
            let since = self.deletion_since(application);
            let prepared = self.prepare(&target).await?;
            loop {
                let version = self.live.version_of(target.name());
                let mut live = self.live.tracked_by(target.name());
                live.retain(|object| self.is_own(object) && prepared.membership.permits_live(object));
                let policy = application.spec.sync_policy.as_ref();
                let request = DeletionRequest {
                    live: &live,
                    sync_options: policy.map(|policy| policy.sync_options.as_slice()).unwrap_or_default(),
                    own_key: Some(&prepared.own_key),
                    approved: application.metadata.annotations.get(annotations::DELETION_APPROVED).map(String::as_str),
                    since,
                };
                match request.next() {
                    Deletion::Done => break,
                    Deletion::Confirm(keys) => return Ok(Deleted::Unapproved(keys)),
                    Deletion::Wait(keys) if Instant::now() >= deadline => return Ok(Deleted::Left(keys)),
                    Deletion::Wait(keys) => {
                        self.finalize_children(&keys, deadline, reporter).await?;
                        let left = deadline.saturating_duration_since(Instant::now());
                        self.live.changed_for(target.name(), version, LOOK_AGAIN.min(left)).await;
                    }
                    Deletion::Delete(keys) => {
                        deleted += keys.len();
                        for key in keys {
                            self.delete_object(&target, &key, propagation, reporter).await?;
                        }
                    }
                }
            }
        }
        self.release(application).await?;
        self.live.unfollow(target.name());
        Ok(Deleted::Gone(deleted))
    }

    /// When the deletion of the Application's object was asked for; now, when it is none.
    fn deletion_since(&self, application: &crate::model::Application) -> jiff::Timestamp {
        let object = self.application_object(application);
        let since = object.as_ref().and_then(|o| o.value().pointer("/metadata/deletionTimestamp")?.as_str());
        since.and_then(|text| text.parse().ok()).unwrap_or_else(|| self.clock.now())
    }

    async fn delete_object(
        &self,
        target: &Target,
        key: &ResourceKey,
        propagation: Propagation,
        reporter: &dyn Reporter,
    ) -> Result<(), ClusterError> {
        let Some(object) = self.live.get(key) else { return Ok(()) };
        let at = ObjectRef::of(&object);
        let propagation = match propagation {
            Propagation::Foreground => cluster::Propagation::Foreground,
            Propagation::Background => cluster::Propagation::Background,
            Propagation::Orphan => cluster::Propagation::Orphan,
        };
        self.cluster.delete(&at, propagation, &WriteOptions::default()).await?;
        match self.cluster.get(&at).await? {
            Some(object) => self.live.observe(object),
            None => self.live.forget(key),
        }
        let application = target.name().into();
        reporter.report(&Event::Resource { application, key: key.clone(), message: "deleted".into(), ok: true });
        Ok(())
    }

    /// Applications that are being deleted wait for somebody to delete their objects: where no Argo CD does, this does.
    async fn finalize_children(
        &self,
        keys: &[ResourceKey],
        deadline: Instant,
        reporter: &dyn Reporter,
    ) -> Result<(), ClusterError> {
        let applications = keys.iter().filter(|key| key.kind == "Application" && key.group == "argoproj.io");
        for key in applications {
            let Some(object) = self.live.get(key) else { continue };
            let Ok(child) = crate::model::Application::from_json(object.value()) else { continue };
            let left = deadline.saturating_duration_since(Instant::now());
            Box::pin(self.delete(&child, left, reporter)).await?;
        }
        Ok(())
    }

    /// Takes our finalizers off the Application's object and deletes it, where it is one.
    async fn release(&self, application: &crate::model::Application) -> Result<(), ClusterError> {
        let Some(object) = self.application_object(application) else { return Ok(()) };
        let at = ObjectRef::of(&object);
        let Some(fresh) = self.cluster.get(&at).await? else { return Ok(()) };
        let metadata: ObjectMeta =
            fresh.value().get("metadata").and_then(|m| serde_json::from_value(m.clone()).ok()).unwrap_or_default();
        let kept: Vec<&String> =
            metadata.finalizers.iter().filter(|f| cascade(std::slice::from_ref(*f)).is_none()).collect();
        if kept.len() != metadata.finalizers.len() {
            let patch = Patch::Merge(json!({"metadata": {"finalizers": kept}}));
            match self.cluster.patch(&at, None, &patch, &WriteOptions::default()).await {
                Err(error) if error.is_not_found() => {}
                other => drop(other?),
            }
        }
        self.cluster.delete(&at, cluster::Propagation::Background, &WriteOptions::default()).await?;
        self.live.forget(&at.key());
        Ok(())
    }
}
