//! One sync operation on one Application: drives the state machine against the cluster.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use tokio::time::Instant;

use super::Target;
use super::embedded::{EmbeddedDriver, View, announce, prunes};
use super::execute::{Executed, execute};
use crate::cluster::ClusterError;
use crate::health::{HealthOverrides, assess};
use crate::model::{HealthStatus, Manifest, OperationPhase, ResourceKey, ResultCode, annotations};
use crate::report::{Diagnostic, Event, Reporter, Severity};
use crate::sync::{self, ApiKinds, Batch, Next, Observation, SyncOperation, SyncRequest, SyncRules, SyncState};

/// Operations of a batch that run at the same time.
const PARALLEL: usize = 8;
/// Longest wait for news of what a sync waits for.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// What a sync operation came to.
#[derive(Debug)]
pub(super) struct Operation {
    /// How it ended.
    pub(super) phase: OperationPhase,
    /// Argo CD's words for it.
    pub(super) message: String,
    /// What was said about each object.
    pub(super) messages: BTreeMap<ResourceKey, String>,
    /// The objects that failed.
    pub(super) failed: Vec<(ResourceKey, String)>,
    /// Objects written, over all tries.
    pub(super) written: usize,
    /// Objects deleted, over all tries.
    pub(super) pruned: usize,
    /// Trying again will not help: a kind is not served.
    pub(super) hopeless: bool,
}

impl Operation {
    /// Why it did not succeed, with remedies.
    pub(super) fn problems(&self, target: &Target) -> Vec<Diagnostic> {
        let mut problems: Vec<Diagnostic> = self
            .failed
            .iter()
            .map(|(key, message)| {
                let finding = Diagnostic::new(Severity::Error, "sync-failed", format!("{key}: {message}"));
                if is_missing_kind(message) {
                    let kind = key.group_kind();
                    finding.remedy(format!(
                        "the cluster does not serve {kind}: deploy the library that brings its CRD first (do not skip the libraries), or vendor the operator's chart"
                    ))
                } else {
                    finding
                }
            })
            .collect();
        if problems.is_empty() {
            problems.push(Diagnostic::new(
                Severity::Error,
                "sync-failed",
                format!("{}: {}", target.name(), self.message),
            ));
        }
        problems
    }
}

/// What discovery, Kubernetes and we say about a kind that is not served.
fn is_missing_kind(message: &str) -> bool {
    message.contains("the server could not find the requested resource")
        || message.contains("the cluster does not know the kind")
}

/// Health as the state machine asks for it.
struct HealthRules<'a>(&'a HealthOverrides);

impl SyncRules for HealthRules<'_> {
    fn health(&self, live: &Manifest) -> Result<Option<HealthStatus>, String> {
        assess(live, self.0).map_err(|e| e.to_string())
    }
}

impl EmbeddedDriver {
    /// Runs one sync to its end; `before` is the try before this one.
    pub(super) async fn operate(
        &self,
        target: &Target,
        view: View,
        before: Option<Operation>,
        deadline: Instant,
        reporter: &dyn Reporter,
    ) -> Result<Operation, ClusterError> {
        let mut state = SyncState::new(self.request(target, &view));
        let mut counts = before.map_or((0, 0), |o| (o.written, o.pruned));
        let mut view = view;
        loop {
            state.observe(self.observation(target, &view));
            if self.step(target, &mut state, &mut counts, reporter).await? {
                break;
            }
            if Instant::now() >= deadline {
                state.terminate();
                continue;
            }
            let waiting = state.message().to_owned();
            announce(target, &view.comparison, None, &waiting, reporter);
            self.live.changed(view.version, LOOK_AGAIN.min(deadline.saturating_duration_since(Instant::now()))).await;
            view = self.view(target).await?;
        }
        Ok(outcome(&state, counts))
    }

    fn request(&self, target: &Target, view: &View) -> SyncRequest {
        let policy = target.application.spec.sync_policy.clone().unwrap_or_default();
        let operation = SyncOperation {
            revision: target.revision.clone(),
            prune: prunes(target),
            sync_options: policy.sync_options,
            ..SyncOperation::default()
        };
        let mut request = SyncRequest::new(view.placed.clone(), target.namespace(), &target.revision, self.clock.now())
            .operation(operation)
            .behaviour(self.behaviour.clone());
        request.managed_namespace_metadata = policy.managed_namespace_metadata;
        let shared = view.comparison.problems.iter().find(|p| p.code == "shared-resource");
        request.shared_resource = shared.map(|p| p.message.clone());
        request
    }

    fn observation(&self, target: &Target, view: &View) -> Observation {
        let kinds: ApiKinds = view.catalog.all().map(|kind| (kind.kind.clone(), kind.namespaced)).collect();
        let mut observation = Observation::new(Vec::new(), kinds, self.clock.now());
        observation.live = view.live.values().cloned().collect();
        observation.modified = view.comparison.modified();
        observation.deletion_approved =
            target.application.metadata.annotations.get(annotations::DELETION_APPROVED).cloned();
        observation
    }

    /// Takes one step as far as it goes; whether the sync has ended.
    async fn step(
        &self,
        target: &Target,
        state: &mut SyncState,
        counts: &mut (usize, usize),
        reporter: &dyn Reporter,
    ) -> Result<bool, ClusterError> {
        let unexpected =
            |e: sync::RecordError| ClusterError::Unsupported(format!("an answer the sync did not ask for ({e})"));
        loop {
            match state.advance(&HealthRules(self.health_overrides())) {
                Next::Execute(batch) => {
                    for (operation, executed) in self.run(batch).await {
                        self.note(target, &operation, &executed, counts, reporter).await?;
                        state.record(operation.id, executed.outcome).map_err(unexpected)?;
                    }
                }
                Next::WaveApplied(_) => state.record_wave(Ok(())).map_err(unexpected)?,
                Next::Done => return Ok(true),
                _ => return Ok(false),
            }
        }
    }

    async fn run(&self, batch: Batch) -> Vec<(sync::Operation, Executed)> {
        let runs = batch.operations.into_iter().map(|operation| async {
            let executed = execute(&*self.cluster, &operation).await;
            (operation, executed)
        });
        stream::iter(runs).buffered(PARALLEL).collect().await
    }

    /// Keeps the picture of the cluster, the counts and the reporter up to date.
    async fn note(
        &self,
        target: &Target,
        operation: &sync::Operation,
        executed: &Executed,
        counts: &mut (usize, usize),
        reporter: &dyn Reporter,
    ) -> Result<(), ClusterError> {
        let deleted = matches!(operation.action, sync::Action::Prune { .. } | sync::Action::DeleteHook { .. });
        match &executed.object {
            Some(object) => self.live.observe(object.clone()),
            None if deleted => self.live.forget(&operation.object),
            None => {}
        }
        if executed.new_kinds {
            self.live.refresh_kinds().await?;
        }
        if executed.changed {
            *(if deleted { &mut counts.1 } else { &mut counts.0 }) += 1;
        }
        let failed = matches!(executed.outcome, sync::Outcome::Failed { .. });
        if executed.changed || failed {
            let message = match &executed.outcome {
                sync::Outcome::Done { message } | sync::Outcome::Failed { message } => message.clone(),
                _ => String::new(),
            };
            reporter.report(&Event::Resource {
                application: target.name().into(),
                key: operation.object.clone(),
                message,
                ok: !failed,
            });
        }
        Ok(())
    }
}

fn outcome(state: &SyncState, (written, pruned): (usize, usize)) -> Operation {
    let messages: BTreeMap<ResourceKey, String> = state.results().map(|r| (r.api_key(), r.message.clone())).collect();
    let is_failed = |r: &&sync::ResourceResult| {
        r.status == Some(ResultCode::SyncFailed)
            || matches!(r.hook_phase, Some(OperationPhase::Failed | OperationPhase::Error))
                && r.status != Some(ResultCode::Pruned)
    };
    let failed: Vec<_> = state.results().filter(is_failed).map(|r| (r.api_key(), r.message.clone())).collect();
    let hopeless = failed.iter().any(|(_, message)| is_missing_kind(message)) || is_missing_kind(state.message());
    Operation { phase: state.phase(), message: state.message().into(), messages, failed, written, pruned, hopeless }
}
