//! Keeps Applications as Git says: a long-lived engine that acts on changes only.
//!
//! Desired states come in with [`Reconciler::set_targets`]; changes of the cluster come from the driver's watches.
//! [`Reconciler::pass`] looks at the Applications that are concerned, decides as Argo CD's automated sync does, and
//! starts operations; it never waits. [`Reconciler::changed`] waits for the next reason to make a pass. The loop is the
//! caller's:
//!
//! ```no_run
//! # use plate_deploy_core::driver::Reconciler;
//! # async fn follow(mut reconciler: Reconciler) -> Result<(), plate_deploy_core::cluster::ClusterError> {
//! loop {
//!     reconciler.pass().await?;
//!     reconciler.changed(std::time::Duration::from_secs(60)).await;
//! }
//! # }
//! ```
//!
//! A comparison is kept with the versions of the live objects it was made from: while they and the target stay the same,
//! a pass costs a few look-ups and no request.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::embedded::EmbeddedDriver;
use super::operation::{Operation, Try, requested};
use super::order::{Order, Standing, depends_on};
use super::prepare::digest;
use super::{Target, announce};
use crate::cluster::ClusterError;
use crate::model::{HealthCode, OperationPhase, SyncCode, SyncQuestion};
use crate::report::{ApplicationReport, NoReporter, Reporter};
use crate::sync::OperationRequest;
use crate::sync::autosync::{Autosync, LastOperation, ResourceSyncStatus, SyncedSources};
use crate::sync::retry::{AfterSync, after_sync};

/// Comparisons that run at the same time, in so far as they have to ask the server.
const PARALLEL: usize = 16;
/// When a sync that a window or a hold forbids is thought about again.
const ASK_AGAIN: Duration = Duration::from_secs(60);

/// How the reconciler works.
#[derive(Clone, Debug)]
pub struct ReconcilerOptions {
    /// Longest a single try of an operation may take before it is terminated. Default: 1 hour.
    pub operation_timeout: Duration,
    /// Operations at the same time; more wait for a place. Default: 64.
    pub operations: usize,
    /// Who is told.
    pub reporter: Arc<dyn Reporter>,
}

impl Default for ReconcilerOptions {
    fn default() -> Self {
        Self { operation_timeout: Duration::from_secs(3600), operations: 64, reporter: Arc::new(NoReporter) }
    }
}

/// What a pass did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pass {
    /// Applications it looked at.
    pub looked_at: usize,
    /// Of these, those that had to be compared again.
    pub compared: usize,
    /// Operations it started.
    pub started: usize,
}

/// The long-lived engine.
#[derive(Debug)]
pub struct Reconciler {
    driver: Arc<EmbeddedDriver>,
    options: ReconcilerOptions,
    managed: BTreeMap<String, Managed>,
    /// Applications by those that wait for them.
    dependants: BTreeMap<String, BTreeSet<String>>,
    dirty: BTreeSet<String>,
    /// Those for which there was no place: looked at again when an operation ends.
    queued: BTreeSet<String>,
    running: JoinSet<Finished>,
    since: u64,
}

/// One Application.
#[derive(Debug)]
struct Managed {
    target: Arc<Target>,
    digest: [u8; 32],
    verdict: Option<Verdict>,
    last: Option<LastOperation>,
    /// The target of the last operation.
    last_digest: Option<[u8; 32]>,
    operating: bool,
    retry: Option<Retry>,
    /// Somebody asks for a sync.
    asked: Option<OperationRequest>,
    look_at: Option<Instant>,
}

/// How an Application compared, and with what.
#[derive(Debug)]
struct Verdict {
    digest: [u8; 32],
    fingerprint: u64,
    report: ApplicationReport,
    statuses: Vec<ResourceSyncStatus>,
    sound: bool,
}

/// A try that waits for its time.
#[derive(Clone, Debug)]
struct Retry {
    at: Timestamp,
    attempt: i64,
    work: Work,
}

/// An operation: what to sync, and as whose request.
#[derive(Clone, Debug)]
struct Work {
    target: Arc<Target>,
    digest: [u8; 32],
    request: OperationRequest,
    attempt: i64,
}

/// An operation that has ended.
#[derive(Debug)]
struct Finished {
    name: String,
    work: Work,
    operation: Operation,
}

impl Reconciler {
    /// An engine without Applications.
    #[must_use]
    pub fn new(driver: Arc<EmbeddedDriver>, options: ReconcilerOptions) -> Self {
        Self {
            driver,
            options,
            managed: BTreeMap::new(),
            dependants: BTreeMap::new(),
            dirty: BTreeSet::new(),
            queued: BTreeSet::new(),
            running: JoinSet::new(),
            since: 0,
        }
    }

    /// The driver, for histories, holds and terminations.
    #[must_use]
    pub fn driver(&self) -> &Arc<EmbeddedDriver> {
        &self.driver
    }

    /// Replaces the desired state of all Applications. Gives how many are new or have changed. Those that are no longer
    /// named are let go: their objects stay (see [`EmbeddedDriver::delete`]).
    pub fn set_targets(&mut self, targets: Vec<Target>) -> usize {
        let names: BTreeSet<String> = targets.iter().map(|target| target.name().to_owned()).collect();
        let gone: Vec<String> = self.managed.keys().filter(|name| !names.contains(*name)).cloned().collect();
        for name in gone {
            self.managed.remove(&name);
            self.driver.live.unfollow(&name);
        }
        self.dependants.clear();
        let mut changed = 0;
        for target in targets {
            for needed in depends_on(&target) {
                self.dependants.entry(needed.to_owned()).or_default().insert(target.name().to_owned());
            }
            changed += usize::from(self.set_target(target));
        }
        changed
    }

    fn set_target(&mut self, target: Target) -> bool {
        let (name, digest) = (target.name().to_owned(), digest(&target));
        let target = Arc::new(target);
        match self.managed.get_mut(&name) {
            // The same content at a newer revision: nothing to do, but the revision is to be known.
            Some(managed) if managed.digest == digest => {
                managed.target = target;
                return false;
            }
            Some(managed) => {
                managed.target = target;
                managed.digest = digest;
                if managed.operating && self.driver.options().behaviour.supersede {
                    self.driver.terminate(&name);
                }
            }
            None => {
                let managed = Managed {
                    target,
                    digest,
                    verdict: None,
                    last: None,
                    last_digest: None,
                    operating: false,
                    retry: None,
                    asked: None,
                    look_at: None,
                };
                self.managed.insert(name.clone(), managed);
            }
        }
        self.dirty.insert(name);
        true
    }

    /// Makes the next pass look at every Application; those whose objects and target have not changed are not compared
    /// again.
    pub fn refresh(&mut self) {
        self.dirty.extend(self.managed.keys().cloned());
    }

    /// Asks for a sync of one Application, automated or not. `false`: there is no such Application.
    pub fn request_sync(&mut self, application: &str, prune: Option<bool>) -> bool {
        let Some(managed) = self.managed.get_mut(application) else { return false };
        managed.asked = Some(requested(&managed.target, prune));
        self.dirty.insert(application.to_owned());
        true
    }

    /// The desired states.
    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        self.managed.values().map(|managed| &*managed.target)
    }

    /// How the Applications are, as of the last pass that looked at them.
    pub fn reports(&self) -> impl Iterator<Item = &ApplicationReport> {
        self.managed.values().filter_map(|managed| Some(&managed.verdict.as_ref()?.report))
    }

    /// Whether an operation runs or waits for its retry.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        !self.running.is_empty()
            || self.managed.values().any(|m| m.retry.is_some())
            || !self.dirty.is_empty()
            || !self.queued.is_empty()
    }

    /// Looks at every Application that is concerned by a change, and starts what is to be done. Never waits for an
    /// operation.
    ///
    /// # Errors
    /// When the cluster cannot be asked for something that the watches do not tell.
    pub async fn pass(&mut self) -> Result<Pass, ClusterError> {
        self.collect();
        let dirty = std::mem::take(&mut self.dirty);
        let mut pass = Pass { looked_at: dirty.len(), ..Pass::default() };
        let stale: Vec<(String, Arc<Target>, [u8; 32])> = dirty.iter().filter_map(|name| self.stale(name)).collect();
        pass.compared = stale.len();
        let driver = Arc::clone(&self.driver);
        let reporter = Arc::clone(&self.options.reporter);
        let verdicts = stale.into_iter().map(|(name, target, digest)| {
            let (driver, reporter) = (&driver, &reporter);
            async move { (name, judge(driver, &target, digest, &**reporter).await) }
        });
        let verdicts: Vec<_> = stream::iter(verdicts).buffer_unordered(PARALLEL).collect().await;
        let mut look_again = BTreeSet::new();
        for (name, verdict) in verdicts {
            if self.take_verdict(&name, verdict?) {
                look_again.extend(self.dependants.get(&name).into_iter().flatten().cloned());
            }
        }
        for name in dirty.iter().chain(look_again.difference(&dirty)) {
            pass.started += usize::from(self.act(name).await?);
        }
        Ok(pass)
    }

    /// Waits until there is a reason for a pass, at most so long.
    pub async fn changed(&mut self, longest: Duration) {
        let timers = self.managed.values().flat_map(|managed| {
            let now = self.driver.clock.now();
            let retry = managed.retry.as_ref().filter(|_| !managed.operating);
            let retry = retry.map(|retry| Duration::try_from(retry.at.duration_since(now)).unwrap_or_default());
            let look = managed.look_at.map(|at| at.saturating_duration_since(Instant::now()));
            [retry, look].into_iter().flatten()
        });
        let deadline = Instant::now() + timers.min().unwrap_or(longest).min(longest);
        while self.dirty.is_empty() {
            tokio::select! {
                Some(finished) = self.running.join_next() => self.finish(finished),
                () = self.driver.live.any_change(self.since) => {}
                () = tokio::time::sleep_until(deadline) => {
                    self.wake_due();
                    return;
                }
            }
            self.collect();
        }
    }

    /// Ends all operations and waits for them.
    pub async fn shut_down(&mut self) {
        for (name, _) in self.managed.iter().filter(|(_, managed)| managed.operating) {
            self.driver.terminate(name);
        }
        while let Some(finished) = self.running.join_next().await {
            self.finish(finished);
        }
    }

    /// Takes in changes and ended operations.
    fn collect(&mut self) {
        self.since = self.driver.live.version();
        let changed = self.driver.live.take_changed();
        self.dirty.extend(changed.into_iter().filter(|name| self.managed.contains_key(name)));
        while let Some(finished) = self.running.try_join_next() {
            self.finish(finished);
        }
    }

    fn wake_due(&mut self) {
        let (now, instant) = (self.driver.clock.now(), Instant::now());
        let due = |managed: &Managed| {
            managed.retry.as_ref().is_some_and(|retry| retry.at <= now)
                || managed.look_at.is_some_and(|at| at <= instant)
        };
        self.dirty.extend(self.managed.iter().filter(|(_, m)| due(m)).map(|(name, _)| name.clone()));
    }

    /// The Application when its verdict is out of date.
    fn stale(&self, name: &str) -> Option<(String, Arc<Target>, [u8; 32])> {
        let managed = self.managed.get(name)?;
        let current = managed.verdict.as_ref().is_some_and(|verdict| {
            verdict.digest == managed.digest && verdict.fingerprint == self.driver.live.fingerprint(name)
        });
        (!current).then(|| (name.to_owned(), Arc::clone(&managed.target), managed.digest))
    }

    /// Whether the Application stands otherwise than before.
    fn take_verdict(&mut self, name: &str, verdict: Verdict) -> bool {
        let Some(managed) = self.managed.get_mut(name) else { return false };
        let stood = managed.verdict.replace(verdict).map(|verdict| verdict.report.ready());
        stood != managed.verdict.as_ref().map(|verdict| verdict.report.ready())
    }

    /// Starts what is to be done for an Application, if anything.
    async fn act(&mut self, name: &str) -> Result<bool, ClusterError> {
        let Some(managed) = self.managed.get_mut(name) else { return Ok(false) };
        managed.look_at = None;
        if managed.operating {
            return Ok(false);
        }
        if self.running.len() >= self.options.operations {
            self.queued.insert(name.to_owned());
            return Ok(false);
        }
        let Some(work) = self.next_work(name) else { return Ok(false) };
        if let Some(reason) = self.forbidden(name, &work).await? {
            self.put_off(name, work, &reason);
            return Ok(false);
        }
        self.start(name, work);
        Ok(true)
    }

    /// The operation that is due: asked for, a retry, or automated.
    fn next_work(&mut self, name: &str) -> Option<Work> {
        let (now, supersede) = (self.driver.clock.now(), self.driver.options().behaviour.supersede);
        let self_heal = self.driver.options().self_heal;
        let managed = self.managed.get_mut(name)?;
        let fresh = |request| Work { target: Arc::clone(&managed.target), digest: managed.digest, request, attempt: 0 };
        if let Some(request) = managed.asked.take() {
            managed.retry = None;
            return Some(fresh(request));
        }
        if let Some(retry) = &managed.retry {
            let newer = retry.work.digest != managed.digest;
            if newer && supersede {
                managed.retry = None;
            } else if retry.at > now {
                return None;
            } else {
                let newest = newer && retry.work.request.retry.refresh;
                let request = retry.work.request.clone();
                let mut work = if newest { fresh(request) } else { retry.work.clone() };
                work.attempt = retry.attempt;
                managed.retry = None;
                return Some(work);
            }
        }
        let verdict = managed.verdict.as_ref().filter(|verdict| verdict.sound)?;
        let revisions = vec![managed.target.revision.clone(); managed.target.application.spec.sources.len().max(1)];
        let decision = Autosync {
            spec: &managed.target.application.spec,
            operating: false,
            deleting: false,
            status: verdict.report.sync,
            revisions: &revisions,
            resources: &verdict.statuses,
            revision_has_changes: managed.last_digest != Some(managed.digest),
            last: managed.last.as_ref(),
            self_heal,
            now,
        }
        .decide();
        if let Some(wait) = decision.ask_again_in {
            managed.look_at = Some(Instant::now() + wait.to_std());
        }
        decision.operation.map(|request| fresh(*request))
    }

    /// Why an operation may not start now: an Application it waits for, a hold, a window.
    async fn forbidden(&self, name: &str, work: &Work) -> Result<Option<String>, ClusterError> {
        if let Some(path) = self.blocked(name) {
            return Ok(Some(path));
        }
        if let Some(hold) = self.driver.record(&work.target.application).await?.hold {
            return Ok(Some(hold.sentence()));
        }
        let prepared = self.driver.prepare(&work.target).await?;
        let manual = !work.request.initiated_by.automated;
        let question = SyncQuestion { now: self.driver.clock.now(), manual, started_at: None };
        Ok(prepared.membership.window_blocks(question))
    }

    /// The path of Applications that this one waits for.
    fn blocked(&self, name: &str) -> Option<String> {
        let managed = self.managed.get(name)?;
        depends_on(&managed.target).next()?;
        let names: Vec<&String> = self.managed.keys().collect();
        let targets: Vec<Target> = self.managed.values().map(|managed| bare(&managed.target)).collect();
        let standing: Vec<Standing> = self.managed.values().map(stands).collect();
        let order = Order::of(&targets);
        let n = names.iter().position(|other| *other == name)?;
        let waits = order.is_blocked(n, &standing) || !order.may_start(n, &standing);
        waits.then(|| order.path(n, &standing))
    }

    /// Keeps what may not start: a request and a retry for later; an automated sync is decided again anyway.
    fn put_off(&mut self, name: &str, work: Work, reason: &str) {
        let Some(managed) = self.managed.get_mut(name) else { return };
        if let Some(verdict) = &managed.verdict {
            self.options.reporter.report(&crate::report::Event::Application {
                name: name.to_owned(),
                sync: verdict.report.sync,
                health: verdict.report.health.status,
                phase: None,
                message: reason.to_owned(),
            });
        }
        if !work.request.initiated_by.automated {
            managed.asked = Some(work.request);
        } else if work.attempt > 0 {
            let at = self.driver.clock.now().saturating_add(ASK_AGAIN).unwrap_or(Timestamp::MAX);
            managed.retry = Some(Retry { at, attempt: work.attempt, work });
        }
        managed.look_at = Some(Instant::now() + ASK_AGAIN);
    }

    fn start(&mut self, name: &str, work: Work) {
        let Some(managed) = self.managed.get_mut(name) else { return };
        managed.operating = true;
        let (driver, reporter) = (Arc::clone(&self.driver), Arc::clone(&self.options.reporter));
        let (name, deadline) = (name.to_owned(), Instant::now() + self.options.operation_timeout);
        self.running.spawn(async move {
            let run = Try { request: &work.request, deadline, reporter: &*reporter };
            let operation = match driver.view(&work.target, None).await {
                Ok(view) => driver.operate(&work.target, view, (0, 0), run).await,
                Err(error) => Err(error),
            };
            let failed = |error: ClusterError| Operation::refused(OperationPhase::Error, error.to_string());
            Finished { name, operation: operation.unwrap_or_else(failed), work }
        });
    }

    /// Takes in how an operation ended, and whether it is tried again.
    fn finish(&mut self, finished: Result<Finished, tokio::task::JoinError>) {
        // A task that panicked says nothing more; its Application is looked at again as if it had changed.
        let Ok(Finished { name, work, operation }) = finished else {
            self.dirty.append(&mut self.queued);
            return self.refresh();
        };
        self.dirty.append(&mut self.queued);
        self.dirty.insert(name.clone());
        let Some(managed) = self.managed.get_mut(&name) else { return };
        managed.operating = false;
        managed.last_digest = Some(work.digest);
        let now = self.driver.clock.now();
        let spec = &work.target.application.spec;
        let sources =
            if spec.is_multi_source() { spec.sources.clone() } else { vec![spec.first_source().into_owned()] };
        let mut last = LastOperation {
            phase: operation.phase,
            message: operation.message.clone(),
            self_heal_attempts: work.request.sync.self_heal_attempts_count,
            synced: Some(SyncedSources { revisions: vec![work.target.revision.clone(); sources.len()], sources }),
            finished_at: Some(now),
        };
        let next = after_sync(
            &work.request.retry,
            operation.phase,
            &operation.message,
            operation.terminated,
            work.attempt,
            now,
        );
        match next {
            AfterSync::Retry { at, attempt, message } => {
                last.message = message;
                managed.retry = Some(Retry { at, attempt, work });
            }
            AfterSync::Over { phase, message } => (last.phase, last.message) = (phase, message),
        }
        managed.last = Some(last);
        // The verdict lacks what the operation said.
        managed.verdict = None;
    }
}

/// Compares one Application.
async fn judge(
    driver: &EmbeddedDriver,
    target: &Target,
    digest: [u8; 32],
    reporter: &dyn Reporter,
) -> Result<Verdict, ClusterError> {
    // First what is followed, then its fingerprint, then the look: a change in between makes the verdict stale, never
    // wrong.
    let prepared = driver.prepare(target).await?;
    let fingerprint = driver.live.fingerprint(target.name());
    let view = driver.view(target, Some(&prepared)).await?;
    announce(target, &view.comparison, None, "", reporter);
    Ok(Verdict {
        digest,
        fingerprint,
        report: view.comparison.report(target),
        statuses: view.comparison.statuses(),
        sound: view.comparison.errors().next().is_none(),
    })
}

/// The target without its manifests: enough for its place in the order.
fn bare(target: &Target) -> Target {
    let mut application = crate::model::Application::default();
    application.metadata.name.clone_from(&target.application.metadata.name);
    let needs = target.application.metadata.annotations.get_key_value(crate::model::annotations::DEPENDS_ON);
    application.metadata.annotations.extend(needs.map(|(key, value)| (key.clone(), value.clone())));
    Target { application, rendered: crate::render::Rendered::default(), revision: String::new() }
}

fn stands(managed: &Managed) -> Standing {
    let Some(verdict) = &managed.verdict else { return Standing::Pending("not looked at yet".into()) };
    let report = &verdict.report;
    if report.sync == SyncCode::Synced && report.health.status == HealthCode::Healthy {
        return Standing::Ready;
    }
    let message = match report.health.message.as_str() {
        "" => String::new(),
        message => format!(": {message}"),
    };
    Standing::Pending(format!("{:?}, {:?}{message}", report.sync, report.health.status))
}
