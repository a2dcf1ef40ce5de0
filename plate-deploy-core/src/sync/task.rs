//! A task: one object in one phase, with what is wanted, what is there, and how far it is.

use std::sync::Arc;

use crate::model::{GroupVersionKind, Manifest, OperationPhase, ResourceKey, ResultCode, SyncPhase};

use super::annotation;
use super::result::ResourceResult;
use crate::model::hook::{self, DeletePolicies};

/// What never changes about a task's object.
#[derive(Debug)]
struct Facts {
    gvk: GroupVersionKind,
    key: ResourceKey,
    hook: bool,
    policies: DeletePolicies,
    images: Vec<String>,
}

/// One object in one phase. Without a target it is to be pruned; without a live object it is not there yet.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) phase: SyncPhase,
    pub(super) wave: i64,
    pub(super) target: Option<Arc<Manifest>>,
    pub(super) live: Option<Arc<Manifest>>,
    /// The kind is namespaced; `None` while it is not served.
    pub(super) namespaced: Option<bool>,
    /// The kind is not served, and that is tolerated in the dry run.
    pub(super) skip_dry_run: bool,
    pub(super) status: Option<ResultCode>,
    pub(super) state: Option<OperationPhase>,
    pub(super) message: String,
    /// The hook finalizer was taken off the live object in this step.
    pub(super) finalizer_removed: bool,
    facts: Arc<Facts>,
}

impl Task {
    /// A task for a target that may have a live object.
    pub(super) fn new(phase: SyncPhase, target: Arc<Manifest>, live: Option<Arc<Manifest>>) -> Self {
        Self::build(phase, &Arc::clone(&target), Some(target), live)
    }

    /// A task that deletes a live object.
    pub(super) fn prune(phase: SyncPhase, live: Arc<Manifest>) -> Self {
        Self::build(phase, &Arc::clone(&live), None, Some(live))
    }

    fn build(phase: SyncPhase, object: &Manifest, target: Option<Arc<Manifest>>, live: Option<Arc<Manifest>>) -> Self {
        let hook = hook::is_hook(object);
        let facts = Facts {
            gvk: object.gvk(),
            key: object.key(),
            hook,
            // A delete policy on an object that is no hook means nothing.
            policies: if hook { hook::delete_policies(object) } else { DeletePolicies::default() },
            images: images(object),
        };
        Self {
            phase,
            wave: annotation::wave(object),
            target,
            live,
            namespaced: None,
            skip_dry_run: false,
            status: None,
            state: None,
            message: String::new(),
            finalizer_removed: false,
            facts: Arc::new(facts),
        }
    }

    /// The target, or for a prune the live object.
    pub(super) fn object(&self) -> Option<&Arc<Manifest>> {
        self.target.as_ref().or(self.live.as_ref())
    }

    pub(super) fn gvk(&self) -> &GroupVersionKind {
        &self.facts.gvk
    }

    /// The key under which the result is kept: with the namespace set on the target, even for cluster-scoped kinds.
    pub(super) fn key(&self) -> &ResourceKey {
        &self.facts.key
    }

    /// The key as the API server knows the object.
    pub(super) fn api_key(&self) -> ResourceKey {
        let mut key = self.facts.key.clone();
        if self.namespaced == Some(false) {
            key.namespace.clear();
        }
        key
    }

    /// The key as the live view knows the object.
    pub(super) fn live_key(&self) -> ResourceKey {
        let mut key = self.facts.key.clone();
        if let Some(live) = &self.live {
            key.namespace = live.namespace().into();
        }
        key
    }

    pub(super) fn is_prune(&self) -> bool {
        self.target.is_none()
    }

    pub(super) fn is_hook(&self) -> bool {
        self.facts.hook
    }

    pub(super) fn is_pending(&self) -> bool {
        self.state.is_none()
    }

    pub(super) fn is_running(&self) -> bool {
        self.state == Some(OperationPhase::Running)
    }

    pub(super) fn is_completed(&self) -> bool {
        self.state.is_some_and(OperationPhase::completed)
    }

    /// Ended without success.
    pub(super) fn has_failed(&self) -> bool {
        self.is_completed() && self.state != Some(OperationPhase::Succeeded)
    }

    /// Was pruned, and the object is still going away.
    pub(super) fn is_being_deleted(&self) -> bool {
        self.status == Some(ResultCode::Pruned) && self.live.as_deref().is_some_and(has_deletion_timestamp)
    }

    pub(super) fn delete_before_creation(&self) -> bool {
        self.live.is_some() && self.is_pending() && self.facts.policies.before_creation
    }

    pub(super) fn delete_on_success(&self) -> bool {
        self.live.is_some() && self.facts.policies.succeeded
    }

    pub(super) fn delete_on_failure(&self) -> bool {
        self.live.is_some() && self.facts.policies.failed
    }

    /// Whether the live object still carries the finalizer that keeps hooks.
    pub(super) fn has_hook_finalizer(&self) -> bool {
        !self.finalizer_removed && self.live.as_deref().is_some_and(hook::has_finalizer)
    }

    /// Takes over an earlier result.
    pub(super) fn recall(&mut self, result: &ResourceResult) {
        self.status = result.status;
        self.state = result.hook_phase;
        self.message.clone_from(&result.message);
    }

    /// Notes how it went; an empty message leaves the last one.
    pub(super) fn note(&mut self, status: Option<ResultCode>, state: Option<OperationPhase>, message: &str) {
        self.status = status;
        self.state = state;
        if !message.is_empty() {
            self.message = message.into();
        }
    }

    /// The result as it stands.
    pub(super) fn result(&self) -> ResourceResult {
        ResourceResult {
            key: self.facts.key.clone(),
            version: self.facts.gvk.version.clone(),
            sync_phase: self.phase,
            status: self.status,
            message: self.message.clone(),
            hook_type: self.facts.hook.then_some(self.phase),
            hook_phase: self.state,
            cluster_scoped: self.namespaced == Some(false),
            images: self.facts.images.clone(),
        }
    }
}

/// Whether the API server is deleting the object.
pub(super) fn has_deletion_timestamp(object: &Manifest) -> bool {
    object.value().pointer("/metadata/deletionTimestamp").is_some_and(|time| !time.is_null())
}

/// Images of a pod, a pod template or a job template (Argo CD's `GetResourceImages`).
fn images(object: &Manifest) -> Vec<String> {
    ["/spec/containers", "/spec/template/spec/containers", "/spec/jobTemplate/spec/template/spec/containers"]
        .iter()
        .find_map(|path| object.value().pointer(path)?.as_array())
        .map(|containers| {
            containers.iter().filter_map(|container| container.get("image")?.as_str()).map(Into::into).collect()
        })
        .unwrap_or_default()
}
