//! One sync operation on one Application: drives the state machine against the cluster.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use jiff::Timestamp;
use tokio::time::Instant;

use super::embedded::{EmbeddedDriver, View};
use super::execute::{Executed, execute};
use super::history::HistoryEntry;
use super::prepare::Prepared;
use super::{Target, announce};
use crate::cluster::ClusterError;
use crate::health::{HealthOverrides, assess};
use crate::model::{HealthStatus, Manifest, OperationPhase, ResourceKey, ResultCode, SyncQuestion, annotations};
use crate::report::{Diagnostic, Event, Reporter, Severity};
use crate::sync::{
    self, ApiKinds, Batch, Next, Observation, OperationRequest, SyncOperation, SyncRequest, SyncRules, SyncState,
};

/// Operations of one Application's batch that run at the same time.
const PARALLEL: usize = 8;
/// Longest wait for news of what a sync waits for.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// What a sync operation came to.
#[derive(Clone, Debug)]
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
    /// Somebody ended it.
    pub(super) terminated: bool,
}

/// A try of a sync: what is asked for, until when, and whom to tell.
#[derive(Clone, Copy)]
pub(super) struct Try<'a> {
    pub(super) request: &'a OperationRequest,
    pub(super) deadline: Instant,
    pub(super) reporter: &'a dyn Reporter,
}

impl Operation {
    /// An operation that was over before anything ran.
    pub(super) fn refused(phase: OperationPhase, message: String) -> Self {
        Self {
            phase,
            message,
            messages: BTreeMap::new(),
            failed: Vec::new(),
            written: 0,
            pruned: 0,
            hopeless: false,
            terminated: false,
        }
    }

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

/// Health and permissions as the state machine asks for them.
struct Rules<'a> {
    health: &'a HealthOverrides,
    prepared: &'a Prepared,
}

impl SyncRules for Rules<'_> {
    fn health(&self, live: &Manifest) -> Result<Option<HealthStatus>, String> {
        assess(live, self.health).map_err(|e| e.to_string())
    }

    fn permitted(&self, object: &Manifest, namespaced: bool) -> Result<(), String> {
        self.prepared.membership.permits(object, namespaced)
    }
}

impl EmbeddedDriver {
    /// Runs one try of a sync to its end. `before`: what earlier tries have written and deleted.
    pub(super) async fn operate(
        &self,
        target: &Target,
        view: View,
        before: (usize, usize),
        run: Try<'_>,
    ) -> Result<Operation, ClusterError> {
        let started_at = self.clock.now();
        if view.comparison.errors().next().is_some() {
            let messages: Vec<&str> = view.comparison.errors().map(|problem| problem.message.as_str()).collect();
            return Ok(Operation::refused(OperationPhase::Error, messages.join("; ")));
        }
        // A request to end an earlier operation is not meant for this one.
        self.take_termination(target.name());
        let mut state = SyncState::new(self.sync_request(target, &view, run.request, started_at));
        let (mut counts, mut view, mut terminated) = (before, view, false);
        loop {
            state.observe(self.observation(target, &view, run.request, started_at));
            if self.step(target, &view.prepared, &mut state, &mut counts, run.reporter).await? {
                break;
            }
            if self.take_termination(target.name()) || Instant::now() >= run.deadline {
                terminated = true;
                state.terminate();
                continue;
            }
            let waiting = state.message().to_owned();
            announce(target, &view.comparison, Some(state.phase()), &waiting, run.reporter);
            let left = run.deadline.saturating_duration_since(Instant::now());
            self.live.changed_for(target.name(), view.version, LOOK_AGAIN.min(left)).await;
            view = self.view(target, Some(&view.prepared)).await?;
        }
        let mut done = outcome(&state, counts);
        done.terminated = terminated;
        if done.phase == OperationPhase::Succeeded {
            self.remember(target, run.request, started_at).await?;
        }
        Ok(done)
    }

    /// A successful sync of everything goes into the history.
    async fn remember(
        &self,
        target: &Target,
        request: &OperationRequest,
        started_at: Timestamp,
    ) -> Result<(), ClusterError> {
        if request.sync.dry_run || !request.sync.resources.is_empty() {
            return Ok(());
        }
        let spec = &target.application.spec;
        let several = spec.is_multi_source();
        let entry = HistoryEntry {
            id: 0,
            revision: if several { String::new() } else { target.revision.clone() },
            deployed_at: Some(self.clock.now()),
            deploy_started_at: Some(started_at),
            source: (!several).then(|| spec.first_source().into_owned()),
            sources: if several { spec.sources.clone() } else { Vec::new() },
            revisions: if several { vec![target.revision.clone(); spec.sources.len()] } else { Vec::new() },
            initiated_by: request.initiated_by.clone(),
        };
        let object = self.application_object(&target.application);
        self.records(object.as_deref()).add(target, entry).await
    }

    fn sync_request(
        &self,
        target: &Target,
        view: &View,
        request: &OperationRequest,
        started_at: Timestamp,
    ) -> SyncRequest {
        let policy = target.application.spec.sync_policy.as_ref();
        let placed = view.prepared.placed.iter().map(|object| (**object).clone()).collect();
        let mut sync = SyncRequest::new(placed, target.namespace(), &target.revision, started_at)
            .operation(request.sync.clone())
            .behaviour(self.options.behaviour.clone());
        sync.managed_namespace_metadata = policy.and_then(|policy| policy.managed_namespace_metadata.clone());
        sync.field_manager.clone_from(&self.options.settings.diff.manager);
        let annotations = &target.application.metadata.annotations;
        if let Some(manager) = annotations.get(annotations::MIGRATION_MANAGER).filter(|name| !name.is_empty()) {
            sync.client_side_manager.clone_from(manager);
        }
        let shared = view.comparison.problems.iter().find(|p| p.code == "shared-resource");
        sync.shared_resource = shared.map(|p| p.message.clone());
        sync
    }

    fn observation(
        &self,
        target: &Target,
        view: &View,
        request: &OperationRequest,
        started_at: Timestamp,
    ) -> Observation {
        let catalog = &view.prepared.catalog;
        let kinds: ApiKinds = catalog.all().map(|kind| (kind.kind.clone(), kind.namespaced)).collect();
        let now = self.clock.now();
        let mut observation = Observation::new(Vec::new(), kinds, now);
        observation.live = view.live.values().cloned().collect();
        observation.modified = view.comparison.modified();
        observation.deletion_approved =
            target.application.metadata.annotations.get(annotations::DELETION_APPROVED).cloned();
        if request.sync.sync_options.iter().any(|option| option == "RespectIgnoreDifferences=true") {
            observation.targets = respecting_ignored(view);
        }
        let question = SyncQuestion { now, manual: !request.initiated_by.automated, started_at: Some(started_at) };
        observation.hold = view.prepared.membership.window_blocks(question);
        observation
    }

    /// Takes one step as far as it goes; whether the sync has ended.
    async fn step(
        &self,
        target: &Target,
        prepared: &Arc<Prepared>,
        state: &mut SyncState,
        counts: &mut (usize, usize),
        reporter: &dyn Reporter,
    ) -> Result<bool, ClusterError> {
        let unexpected =
            |e: sync::RecordError| ClusterError::Unsupported(format!("an answer the sync did not ask for ({e})"));
        let rules = Rules { health: self.health_overrides(), prepared };
        loop {
            match state.advance(&rules) {
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
            // Closed never; without a permit the write would still be right, only early.
            let _permit = self.writes.acquire().await;
            let executed = execute(&*self.cluster, &self.live, &operation).await;
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
            // Not every object that a sync writes is followed (a namespace it makes, for one): look again at once.
            self.live.nudge(target.name());
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

/// The targets with the live values of everything that is ignored. One that cannot be merged is applied as it is.
fn respecting_ignored(view: &View) -> Option<Vec<Manifest>> {
    let differ = view.prepared.differ.as_ref()?;
    let targets = view.prepared.placed.iter().map(|target| {
        let live = view.live.get(&target.key()).map(|live| &**live);
        differ.respecting_ignored(target, live).unwrap_or_else(|_| (**target).clone())
    });
    Some(targets.collect())
}

/// The request of a sync that somebody asked for, or that a push stands for: everything, pruning as `prune` or the
/// automated policy says.
pub(super) fn requested(target: &Target, prune: Option<bool>) -> OperationRequest {
    let policy = target.application.spec.sync_policy.clone().unwrap_or_default();
    let automated = policy.automated.as_ref().is_some_and(crate::model::application::Automated::prunes);
    OperationRequest {
        sync: SyncOperation {
            revision: target.revision.clone(),
            prune: prune.unwrap_or(automated),
            sync_options: policy.sync_options,
            ..SyncOperation::default()
        },
        retry: policy.retry.unwrap_or_default(),
        ..OperationRequest::default()
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
    Operation {
        phase: state.phase(),
        message: state.message().into(),
        messages,
        failed,
        written,
        pruned,
        hopeless,
        terminated: false,
    }
}
