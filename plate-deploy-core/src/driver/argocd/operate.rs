//! One Application under Argo CD: refresh, start an operation, follow it, wait for health, report.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::applications::{GROUP, same_spec};
use super::progress::Progress;
use super::report::{changed_elsewhere, in_the_way, missing, notes, out_of_time, short, unknown};
use super::{ArgoCdDriver, explain};
use crate::cluster::{ClusterError, ObjectRef, Patch, WriteOptions};
use crate::driver::Target;
use crate::driver::app_status::{LiveApplication, OperationState};
use crate::model::sync_window::matching_windows;
use crate::model::{
    AppProject, GroupVersionKind, HealthCode, OperationPhase, ResourceKey, SyncCode, SyncQuestion, annotations,
    can_sync,
};
use crate::report::{ApplicationReport, Diagnostic, Reporter, Severity};
use crate::sync::{StrategyOptions, SyncOperation, SyncStrategy};

/// Longest wait for news before everything is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// How long an Application may stay Degraded, or OutOfSync after its sync, before that is taken for final.
const GRACE: Duration = Duration::from_secs(5);
/// How often a write is tried when others change the Application at the same time.
const CONFLICTS: usize = 8;
/// Name of the operation's `info` entry by which we know it again.
const RUN: &str = "plate-deploy-run";

/// What came of asking for an operation.
pub(super) enum Started {
    /// It runs, or is about to; the id is in its `info`.
    Operation(String),
    /// It cannot be started.
    Blocked(Diagnostic),
}

impl ArgoCdDriver {
    /// Refreshes, syncs and watches one Application.
    pub(super) async fn sync_one(
        &self,
        target: &Target,
        deadline: Instant,
        reporter: &dyn Reporter,
    ) -> Result<ApplicationReport, ClusterError> {
        let key = self.key_of(target);
        let mut progress = Progress::new(target.name(), reporter);
        if Instant::now() >= deadline {
            return Ok(unknown(self.report(target, self.live(&key), None, vec![out_of_time(target)])));
        }
        let app = match self.refresh(&key, deadline).await? {
            Ok(app) => app,
            Err(problem) => return Ok(unknown(self.report(target, self.live(&key), None, vec![problem]))),
        };
        progress.tell(&app, false);
        if let Some(problem) = self.obstacle(target, &app) {
            return Ok(unknown(self.report(target, Some(app), None, vec![problem])));
        }
        let mut problems = notes(&app);
        // Automation may have seen the revision first; what it does is as good as what we would ask for.
        let mut operation = self.same_revision_underway(&key, target, deadline, &mut progress).await;
        if operation.is_none() && app.status.sync.status != SyncCode::Synced {
            let prune = app.application.spec.sync_policy.as_ref().and_then(|p| p.automated.as_ref());
            let sync = self.operation(&app, &target.revision, prune.is_some_and(|automated| automated.prunes()));
            match self.start(&key, sync, deadline, &mut progress).await? {
                Started::Operation(id) => operation = self.follow(&key, &id, deadline, &mut progress).await,
                Started::Blocked(problem) => return Ok(self.report(target, self.live(&key), None, vec![problem])),
            }
        }
        if operation.as_ref().is_none_or(|state| state.phase == OperationPhase::Succeeded) {
            self.settle(&key, operation.as_ref(), deadline, &mut progress).await;
        }
        let now = self.live(&key);
        if let Some(now) = now.as_ref().filter(|now| !same_spec(target, now) && same_spec(target, &app)) {
            problems.push(changed_elsewhere(target, now));
        }
        Ok(self.report(target, now, operation, problems))
    }

    /// Asks for a refresh and waits until it is done; `Err` holds what to tell when it is not.
    pub(super) async fn refresh(
        &self,
        key: &ResourceKey,
        deadline: Instant,
    ) -> Result<Result<LiveApplication, Diagnostic>, ClusterError> {
        let kind = if self.options.hard_refresh { "hard" } else { "normal" };
        let patch = json!({"metadata": {"annotations": {annotations::REFRESH: kind}}});
        match self.patch(key, patch).await {
            Err(error) if error.is_not_found() => return Ok(Err(missing(key))),
            other => other?,
        }
        let deadline = deadline.min(Instant::now() + self.options.refresh_timeout);
        let refreshed = self.until(deadline, || self.live(key).filter(|app| !app.refreshing)).await;
        Ok(refreshed.ok_or_else(|| self.not_reconciling(key)))
    }

    /// Follows an operation that is under way at the revision to be deployed; `None` when there is none, or it failed.
    async fn same_revision_underway(
        &self,
        key: &ResourceKey,
        target: &Target,
        deadline: Instant,
        progress: &mut Progress<'_>,
    ) -> Option<OperationState> {
        let app = self.live(key)?;
        let pending = app.operation.as_ref().and_then(|o| o.pointer("/sync/revision")).and_then(Value::as_str);
        let running = app.status.operation_state.as_ref().filter(|state| !state.phase.completed());
        let revision = pending.or_else(|| running.map(OperationState::revision));
        revision.filter(|revision| *revision == target.revision)?;
        let ended = self.until(deadline, || {
            let app = self.live(key)?;
            progress.tell(&app, true);
            let idle = app.operation.is_none() && !app.status.operating();
            idle.then_some(app.status.operation_state).flatten()
        });
        ended.await.filter(|state| state.phase == OperationPhase::Succeeded && state.revision() == target.revision)
    }

    /// What an operation on the Application asks for: its own policy, at the revision that was published.
    pub(super) fn operation(&self, app: &LiveApplication, revision: &str, prune: bool) -> SyncOperation {
        let spec = &app.application.spec;
        let (single, chart) = (!spec.is_multi_source(), !spec.first_source().chart.is_empty());
        SyncOperation {
            // Charts have versions, and several sources revisions of their own: Argo CD resolves those itself.
            revision: if single && !chart { revision.to_owned() } else { String::new() },
            prune,
            sync_strategy: Some(SyncStrategy { hook: Some(StrategyOptions::default()), apply: None }),
            sync_options: spec.sync_policy.as_ref().map(|policy| policy.sync_options.clone()).unwrap_or_default(),
            ..SyncOperation::default()
        }
    }

    /// Starts an operation. One that is under way is waited for when a person or another revision's automation began it
    /// (the latter is terminated first), and taken as ours when it syncs the same revision.
    pub(super) async fn start(
        &self,
        key: &ResourceKey,
        sync: SyncOperation,
        deadline: Instant,
        progress: &mut Progress<'_>,
    ) -> Result<Started, ClusterError> {
        let number = self.operations.fetch_add(1, Ordering::Relaxed);
        let id = format!("{}/{number}", self.engine.clock.now());
        for _ in 0..CONFLICTS {
            self.make_way(key, &sync.revision, deadline, progress).await?;
            let Some(app) = self.live(key) else { return Ok(Started::Blocked(missing(key))) };
            if app.operation.is_some() || app.status.operating() {
                return Ok(Started::Blocked(in_the_way(&app)));
            }
            let retry = app.application.spec.sync_policy.as_ref().and_then(|policy| policy.retry.clone());
            let patch = json!({
                "metadata": {"resourceVersion": app.resource_version},
                "operation": {
                    "initiatedBy": {"username": self.options.initiator},
                    "info": [{"name": RUN, "value": id}],
                    "sync": sync,
                    "retry": retry,
                },
            });
            match self.patch(key, patch).await {
                Err(error) if error.is_conflict() => self.wait(LOOK_AGAIN / 10).await,
                Err(error) if error.is_not_found() => return Ok(Started::Blocked(missing(key))),
                Err(error) => return Err(error),
                Ok(()) => return Ok(Started::Operation(id)),
            }
        }
        let text = format!("Application {} keeps changing: no operation could be started", key.name);
        Ok(Started::Blocked(Diagnostic::new(Severity::Error, "application-busy", text)))
    }

    /// Waits for an operation that is under way, and terminates automation's of another revision.
    async fn make_way(
        &self,
        key: &ResourceKey,
        revision: &str,
        deadline: Instant,
        progress: &mut Progress<'_>,
    ) -> Result<(), ClusterError> {
        let Some(app) = self.live(key).filter(|app| app.operation.is_some() || app.status.operating()) else {
            return Ok(());
        };
        let state = app.status.operation_state.clone().unwrap_or_default();
        let stale = app.status.operating()
            && state.operation.initiated_by.automated
            && !revision.is_empty()
            && state.revision() != revision;
        if stale {
            progress.note(format!("{}: stopping the automated sync of {}", key.name, short(state.revision())));
            let patch = json!({
                "metadata": {"resourceVersion": app.resource_version},
                "status": {"operationState": {"phase": "Terminating"}},
            });
            match self.patch(key, patch).await {
                // It has just ended, or will be looked at again.
                Err(error) if error.is_conflict() || error.is_not_found() || error.is_invalid() => {}
                other => other?,
            }
        } else {
            progress.note(format!("{}: waiting for the operation that is under way", key.name));
        }
        let idle = |app: &LiveApplication| app.operation.is_none() && !app.status.operating();
        self.until(deadline, || self.live(key).filter(idle)).await;
        Ok(())
    }

    /// Follows our operation until it ends; `None` when the time is over first.
    pub(super) async fn follow(
        &self,
        key: &ResourceKey,
        id: &str,
        deadline: Instant,
        progress: &mut Progress<'_>,
    ) -> Option<OperationState> {
        self.until(deadline, || {
            let app = self.live(key)?;
            let state = app.status.operation_state.as_ref()?;
            let own = state.operation.info.iter().any(|info| info.name == RUN && info.value == id);
            progress.tell(&app, own);
            (own && state.phase.completed() && app.operation.is_none()).then(|| state.clone())
        })
        .await
    }

    /// Waits until the Application is healthy, has failed for good, or the time is over. What was seen before the
    /// operation ended does not count.
    async fn settle(
        &self,
        key: &ResourceKey,
        operation: Option<&OperationState>,
        deadline: Instant,
        progress: &mut Progress<'_>,
    ) {
        let ended = operation.and_then(|state| state.finished_at);
        let mut doubtful: Option<Instant> = None;
        self.until(deadline, || {
            let app = self.live(key)?;
            progress.tell(&app, operation.is_some());
            if app.status.reconciled_at < ended {
                return None;
            }
            let (health, sync) = (app.status.health.status, app.status.sync.status);
            let settled = matches!(health, HealthCode::Healthy | HealthCode::Suspended | HealthCode::Unknown);
            if settled && sync == SyncCode::Synced || app.status.errors().next().is_some() {
                return Some(());
            }
            // Argo CD's times are whole seconds: what it said in the second in which the sync ended may be from before.
            // And controllers report a passing failure as Degraded, too.
            let in_doubt = settled && operation.is_some() || health == HealthCode::Degraded;
            doubtful = in_doubt.then(|| doubtful.unwrap_or_else(Instant::now));
            doubtful.is_some_and(|since| since.elapsed() >= GRACE).then_some(())
        })
        .await;
    }

    /// What keeps Argo CD from syncing the Application at all.
    fn obstacle(&self, target: &Target, app: &LiveApplication) -> Option<Diagnostic> {
        if let Some(condition) = app.status.errors().find(|c| c.condition_type != "SyncError") {
            return Some(explain::condition(app, condition));
        }
        let spec = &app.application.spec;
        let single = !spec.is_multi_source() && spec.first_source().chart.is_empty();
        let seen = app.status.revision();
        if single && !seen.is_empty() && seen != target.revision {
            let text = format!(
                "Argo CD sees revision {} of {} at {}, not {} that shall be deployed",
                short(seen),
                target.name(),
                spec.first_source().target_revision,
                short(&target.revision)
            );
            return Some(
                Diagnostic::new(Severity::Error, "revision-not-seen", text)
                    .remedy("push the commit to the branch that the Application tracks, or correct its targetRevision"),
            );
        }
        if app.status.sync.status == SyncCode::Synced { None } else { self.closed_window(app) }
    }

    /// The sync window that forbids a sync now.
    fn closed_window(&self, app: &LiveApplication) -> Option<Diagnostic> {
        let spec = &app.application.spec;
        let key = ResourceKey {
            group: GROUP.into(),
            kind: "AppProject".into(),
            namespace: self.installation.namespace.clone(),
            name: spec.project().into(),
        };
        let project = AppProject::from_json(self.engine.live().get(&key)?.value()).ok()?;
        let name = &app.application.metadata.name;
        let windows = &project.spec.sync_windows;
        let mine: Vec<_> = matching_windows(windows, name, &spec.destination)
            .into_iter()
            .filter_map(|n| windows.get(n).cloned())
            .collect();
        let question = SyncQuestion { now: self.engine.clock.now(), manual: true, started_at: None };
        let reason = match can_sync(&mine, question) {
            Ok(true) => return None,
            Ok(false) => mine
                .iter()
                .map(|w| format!("{} {} for {}", w.kind, w.schedule, w.duration))
                .collect::<Vec<_>>()
                .join(", "),
            Err(error) => error.to_string(),
        };
        let text = format!("a sync window of project {} forbids syncing {name} now ({reason})", spec.project());
        Some(
            Diagnostic::new(Severity::Error, "sync-window", text)
                .remedy("wait until the window lets it, or set manualSync: true on the window"),
        )
    }

    async fn patch(&self, key: &ResourceKey, patch: Value) -> Result<(), ClusterError> {
        let at = ObjectRef {
            kind: GroupVersionKind::parse("argoproj.io/v1alpha1", "Application"),
            namespace: key.namespace.clone(),
            name: key.name.clone(),
        };
        let stored = self.engine.cluster.patch(&at, None, &Patch::Merge(patch), &WriteOptions::default()).await?;
        self.engine.live().observe(stored);
        Ok(())
    }

    /// Looks again at every change until there is an answer or the time is over.
    async fn until<T>(&self, deadline: Instant, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        loop {
            let version = self.engine.live().version();
            if let Some(answer) = look() {
                return Some(answer);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            self.engine.live().changed(version, LOOK_AGAIN.min(left)).await;
        }
    }

    async fn wait(&self, longest: Duration) {
        self.engine.live().changed(self.engine.live().version(), longest).await;
    }

    fn not_reconciling(&self, key: &ResourceKey) -> Diagnostic {
        let evidence = self.installation.problems(self.engine.clock.now());
        let evidence: Vec<String> = evidence.into_iter().map(|problem| problem.message).collect();
        let because = if evidence.is_empty() { String::new() } else { format!(": {}", evidence.join("; ")) };
        let seconds = self.options.refresh_timeout.as_secs();
        let text = format!("Argo CD did not refresh {} within {seconds} s{because}", key.name);
        Diagnostic::new(Severity::Error, "argocd-not-reconciling", text).remedy(format!(
            "look at the controller in namespace {}, or deploy past it with --driver embedded",
            self.installation.namespace
        ))
    }
}
