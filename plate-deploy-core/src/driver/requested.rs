//! Syncs that somebody waits for: in the Applications' order, tried again as they say, watched until they are healthy.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use tokio::time::Instant;

use super::compare::Comparison;
use super::embedded::{EmbeddedDriver, View};
use super::operation::{Operation, Try, requested};
use super::order::{Order, Standing};
use super::{SyncOptions, Target, announce};
use crate::cluster::ClusterError;
use crate::model::{HealthCode, OperationPhase, SyncCode};
use crate::report::{ApplicationReport, Diagnostic, Event, Reporter, Severity};
use crate::sync::OperationRequest;
use crate::sync::retry::{AfterSync, after_sync};

/// Longest wait for news before everything is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// How long an object may stay Degraded before waiting for it is given up: controllers report a passing failure as
/// Degraded, too.
const DEGRADED_GRACE: Duration = Duration::from_secs(5);

/// How far an Application has come.
enum Step {
    /// Its syncs are over (`None`: none was needed); its health is next.
    Synced(Option<Operation>),
    /// It is over.
    Settled(ApplicationReport),
}

impl EmbeddedDriver {
    /// Syncs Applications, each as soon as those it waits for let it.
    pub(super) async fn sync_in_order(
        &self,
        targets: &[Target],
        options: SyncOptions,
        reporter: &dyn Reporter,
    ) -> Result<Vec<ApplicationReport>, ClusterError> {
        let deadline = Instant::now() + options.timeout;
        let order = Order::of(targets);
        let mut standing = vec![Standing::Pending("not started".into()); targets.len()];
        let mut waiting: Vec<usize> = (0..targets.len()).collect();
        let mut reports: BTreeMap<usize, ApplicationReport> = BTreeMap::new();
        let mut running = FuturesUnordered::new();
        loop {
            let blocked: Vec<usize> = waiting.iter().copied().filter(|n| order.is_blocked(*n, &standing)).collect();
            let (start, rest): (Vec<usize>, Vec<usize>) =
                waiting.into_iter().filter(|n| !blocked.contains(n)).partition(|n| order.may_start(*n, &standing));
            waiting = rest;
            for n in start {
                if let Some(target) = targets.get(n) {
                    running.push(self.sync_one(target, options, deadline, reporter).map(move |step| (n, step)).boxed());
                }
            }
            for n in &blocked {
                let path = order.path(*n, &standing);
                if let (Some(target), Some(place)) = (targets.get(*n), standing.get_mut(*n)) {
                    *place = Standing::NotReady("blocked".into());
                    reports.insert(*n, self.blocked(target, &path, reporter).await?);
                }
            }
            if !blocked.is_empty() {
                continue;
            }
            for n in &waiting {
                tell_waiting(targets.get(*n), &order.path(*n, &standing), reporter);
            }
            let Some((n, step)) = running.next().await else { break };
            let place = match step? {
                Step::Synced(operation) => {
                    if let Some(target) = targets.get(n) {
                        let settle = self.settle(target, operation, deadline, reporter);
                        running.push(settle.map(move |report| (n, report.map(Step::Settled))).boxed());
                    }
                    Standing::Synced("not healthy yet".into())
                }
                Step::Settled(report) => {
                    let place = stands(&report);
                    reports.insert(n, report);
                    place
                }
            };
            if let Some(stood) = standing.get_mut(n) {
                *stood = place;
            }
        }
        // What is left waits for a later wave's Application, or for one that waits for it.
        for n in waiting {
            if let Some(target) = targets.get(n) {
                reports.insert(n, self.blocked(target, &order.path(n, &standing), reporter).await?);
            }
        }
        Ok(reports.into_values().collect())
    }

    /// The report of an Application that was not synced because of another.
    async fn blocked(
        &self,
        target: &Target,
        path: &str,
        reporter: &dyn Reporter,
    ) -> Result<ApplicationReport, ClusterError> {
        let view = self.view(target, None).await?;
        announce(target, &view.comparison, None, path, reporter);
        let mut report = view.comparison.report(target);
        let remedy = "bring the Application it waits for to Synced and Healthy, or change depends-on";
        report.problems.push(Diagnostic::new(Severity::Error, "blocked", path).remedy(remedy));
        Ok(report)
    }

    /// Syncs one Application if it needs it, again as its retry policy says.
    async fn sync_one(
        &self,
        target: &Target,
        options: SyncOptions,
        deadline: Instant,
        reporter: &dyn Reporter,
    ) -> Result<Step, ClusterError> {
        let request = requested(target, options.prune);
        let run = Try { request: &request, deadline, reporter };
        let mut operation: Option<Operation> = None;
        for attempt in 0.. {
            let view = self.view(target, None).await?;
            announce(target, &view.comparison, operation.as_ref().map(|o| o.phase), "", reporter);
            if view.comparison.sync == SyncCode::Synced || !syncable(&view.comparison, request.sync.prune) {
                break;
            }
            if attempt == 0
                && let Some(refusal) = self.refusal(target, &view, options).await?
            {
                announce(target, &view.comparison, None, &refusal.message, reporter);
                let mut report = view.comparison.report(target);
                report.problems.push(refusal);
                return Ok(Step::Settled(report));
            }
            if let Some(message) = wipes_out(target, &view.comparison, request.sync.prune) {
                operation = Some(Operation::refused(OperationPhase::Error, message));
                break;
            }
            let before = operation.take().map_or((0, 0), |done| (done.written, done.pruned));
            let done = self.operate(target, view, before, run).await?;
            let again = self.next_try(&request, &done, attempt);
            operation = Some(done);
            match again {
                Some((wait, message)) if Instant::now() + wait < deadline => {
                    reporter.report(&Event::Note { text: format!("{}: {message}", target.name()) });
                    tokio::time::sleep(wait).await;
                }
                _ => break,
            }
        }
        Ok(Step::Synced(operation))
    }

    /// Why an Application may not be synced at all now: a hold, or a window that is shut.
    async fn refusal(
        &self,
        target: &Target,
        view: &View,
        options: SyncOptions,
    ) -> Result<Option<Diagnostic>, ClusterError> {
        if options.keep_holds
            && let Some(hold) = self.record(&target.application).await?.hold
        {
            let message = format!("{}: {}", target.name(), hold.sentence());
            return Ok(Some(
                Diagnostic::new(Severity::Error, "held", message).remedy("lift the hold to sync it again"),
            ));
        }
        let question = crate::model::SyncQuestion { now: self.clock.now(), manual: options.manual, started_at: None };
        Ok(view.prepared.membership.window_blocks(question).map(|reason| {
            let remedy = "wait for the window, or set manualSync on it in the AppProject";
            Diagnostic::new(Severity::Error, "sync-window", format!("{}: {reason}", target.name())).remedy(remedy)
        }))
    }

    /// The wait before the next try, and what to say meanwhile; `None` when there is none.
    fn next_try(&self, request: &OperationRequest, done: &Operation, attempt: i64) -> Option<(Duration, String)> {
        if done.hopeless {
            return None;
        }
        let now = self.clock.now();
        match after_sync(&request.retry, done.phase, &done.message, done.terminated, attempt, now) {
            AfterSync::Retry { at, message, .. } => {
                let wait = at.duration_since(now);
                Some((Duration::try_from(wait).unwrap_or_default(), message))
            }
            AfterSync::Over { .. } => None,
        }
    }

    /// Waits until the Application is healthy, has failed, or the time is over.
    async fn settle(
        &self,
        target: &Target,
        operation: Option<Operation>,
        deadline: Instant,
        reporter: &dyn Reporter,
    ) -> Result<ApplicationReport, ClusterError> {
        let failed = operation.as_ref().is_some_and(|o| o.phase != OperationPhase::Succeeded);
        let mut degraded_since: Option<Instant> = None;
        let mut view: Option<View> = None;
        loop {
            let now = self.view(target, view.as_ref().map(|view| &view.prepared)).await?;
            announce(target, &now.comparison, operation.as_ref().map(|o| o.phase), "", reporter);
            let health = now.comparison.health.status;
            let degraded = health == HealthCode::Degraded;
            degraded_since = degraded.then(|| degraded_since.unwrap_or_else(Instant::now));
            let given_up = degraded_since.is_some_and(|since| since.elapsed() >= DEGRADED_GRACE);
            let settled = matches!(
                health,
                HealthCode::Healthy | HealthCode::Suspended | HealthCode::Unknown | HealthCode::Missing
            );
            if settled || given_up || failed || Instant::now() >= deadline {
                return Ok(final_report(target, &now, operation));
            }
            let wait = if degraded { Duration::from_millis(200) } else { LOOK_AGAIN };
            let left = deadline.saturating_duration_since(Instant::now());
            self.live.changed_for(target.name(), now.version, wait.min(left)).await;
            view = Some(now);
        }
    }
}

fn final_report(target: &Target, view: &View, operation: Option<Operation>) -> ApplicationReport {
    let mut report = view.comparison.report(target);
    let Some(operation) = operation else { return report };
    report.operation = Some(operation.phase);
    report.written = operation.written;
    report.pruned = operation.pruned;
    if operation.phase != OperationPhase::Succeeded {
        report.problems.extend(operation.problems(target));
    }
    for resource in &mut report.resources {
        if let Some(message) = operation.messages.get(&resource.key) {
            resource.message.clone_from(message);
        }
    }
    report
}

fn stands(report: &ApplicationReport) -> Standing {
    if report.ready() {
        return Standing::Ready;
    }
    let reason = report.problems.first().map_or(report.health.message.as_str(), |problem| problem.message.as_str());
    let state = if report.sync == SyncCode::Synced {
        format!("{:?}", report.health.status)
    } else {
        format!("{:?}, {:?}", report.sync, report.health.status)
    };
    Standing::NotReady(if reason.is_empty() { state } else { format!("{state}: {reason}") })
}

fn tell_waiting(target: Option<&Target>, path: &str, reporter: &dyn Reporter) {
    let Some(target) = target else { return };
    reporter.report(&Event::Application {
        name: target.name().into(),
        sync: SyncCode::Unknown,
        health: HealthCode::Unknown,
        phase: None,
        message: path.into(),
    });
}

/// Whether a sync could change anything: an Application that differs only in what it may not prune cannot be helped.
pub(super) fn syncable(comparison: &Comparison, prune: bool) -> bool {
    comparison.resources.iter().any(|r| r.sync != SyncCode::Synced && (prune || r.target.is_some()))
}

/// Argo CD's guard against a broken source that renders nothing: a sync that would delete everything needs `allowEmpty`.
fn wipes_out(target: &Target, comparison: &Comparison, prune: bool) -> Option<String> {
    let automated = target.application.spec.sync_policy.as_ref().and_then(|policy| policy.automated.as_ref());
    let allowed = automated.is_some_and(crate::model::application::Automated::allows_empty);
    let statuses = comparison.statuses();
    let all_go = !statuses.is_empty() && statuses.iter().all(|status| status.requires_pruning);
    (prune && !allowed && all_go).then(|| {
        let revision = &target.revision;
        format!("Skipping sync attempt to [{revision}]: auto-sync will wipe out all resources")
    })
}
