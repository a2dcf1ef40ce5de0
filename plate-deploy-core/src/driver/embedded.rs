//! The embedded GitOps engine: compares, syncs and observes Applications on a cluster, without an Argo CD.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use tokio::time::Instant;

use super::compare::{self, Comparison, Rules};
use super::operation::Operation;
use super::{LiveCache, SyncDriver, SyncOptions, Target};
use crate::clock::Clock;
use crate::cluster::{ApiCatalog, ClusterBackend, ClusterError, ObjectRef};
use crate::diff::DiffOptions;
use crate::health::HealthOverrides;
use crate::model::application::RetryStrategy;
use crate::model::{HealthCode, Manifest, OperationPhase, ResourceKey, SyncCode, annotations};
use crate::report::{ApplicationReport, Diagnostic, Event, Reporter, Severity};
use crate::sync::Behaviour;
use crate::tracking::{Tracker, TrackingId};

/// Longest wait for news before everything is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// How long an object may stay Degraded before waiting for it is given up: controllers report a passing failure as
/// Degraded, too.
const DEGRADED_GRACE: Duration = Duration::from_secs(5);

/// How the engine decides, beyond what the Applications say.
#[derive(Clone, Debug)]
pub struct DriverOptions {
    /// How objects are marked as an Application's.
    pub tracker: Tracker,
    /// Users' health checks.
    pub health: HealthOverrides,
    /// How differences are found.
    pub diff: DiffOptions,
    /// Named departures from Argo CD. Default: stop waiting when an object has failed for good.
    pub behaviour: Behaviour,
}

impl Default for DriverOptions {
    fn default() -> Self {
        Self {
            tracker: Tracker::default(),
            health: HealthOverrides::default(),
            diff: DiffOptions::argo_defaults(),
            behaviour: Behaviour { fail_fast: true, ..Behaviour::default() },
        }
    }
}

/// The engine.
#[derive(Debug)]
pub struct EmbeddedDriver {
    pub(super) cluster: Arc<dyn ClusterBackend>,
    pub(super) live: LiveCache,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) behaviour: Behaviour,
    tracker: Tracker,
    rules: Rules,
}

/// The cluster as one Application sees it.
pub(super) struct View {
    pub(super) catalog: Arc<ApiCatalog>,
    pub(super) placed: Vec<Manifest>,
    pub(super) live: BTreeMap<ResourceKey, Arc<Manifest>>,
    pub(super) comparison: Comparison,
    /// The cache's version that this was made from.
    pub(super) version: u64,
}

impl EmbeddedDriver {
    /// Connects the engine to a cluster: lists and watches every kind.
    ///
    /// # Errors
    /// When the cluster cannot be listed.
    pub async fn start(
        cluster: Arc<dyn ClusterBackend>,
        clock: Arc<dyn Clock>,
        options: DriverOptions,
    ) -> Result<Self, ClusterError> {
        let live = LiveCache::start(Arc::clone(&cluster), options.tracker.clone()).await?;
        let rules = Rules { health: options.health, diff: options.diff };
        Ok(Self { cluster, live, clock, behaviour: options.behaviour, tracker: options.tracker, rules })
    }

    /// The picture of the cluster.
    #[must_use]
    pub fn live(&self) -> &LiveCache {
        &self.live
    }

    pub(super) fn health_overrides(&self) -> &HealthOverrides {
        &self.rules.health
    }

    /// Looks at the cluster for one Application.
    pub(super) async fn view(&self, target: &Target) -> Result<View, ClusterError> {
        let version = self.live.version();
        let catalog = self.cluster.catalog(false).await?;
        let (placed, repeated) = compare::place(target, &catalog);
        let mut live: BTreeMap<ResourceKey, Arc<Manifest>> = BTreeMap::new();
        for manifest in placed.iter().filter(|m| !m.name().is_empty()) {
            if let Some(object) = self.find(manifest, &catalog).await? {
                live.insert(manifest.key(), object);
            }
        }
        for object in self.live.tracked_by(target.name()) {
            if self.is_own(&object, target) {
                live.entry(object.key()).or_insert(object);
            }
        }
        let mut comparison = compare::compare(target, &placed, &live, &self.rules);
        comparison.problems.extend(repeated);
        comparison.problems.extend(self.shared(target, &live));
        Ok(View { catalog, placed, live, comparison, version })
    }

    /// The live object of a target, in the target's API version.
    async fn find(&self, target: &Manifest, catalog: &ApiCatalog) -> Result<Option<Arc<Manifest>>, ClusterError> {
        let gvk = target.gvk();
        if catalog.get(&gvk).is_none() {
            return Ok(None);
        }
        match self.live.get(&target.key()) {
            Some(object) if object.gvk() == gvk => Ok(Some(object)),
            None if self.live.watches(&gvk.group_kind()) => Ok(None),
            // Another version of it was listed, or the kind may not be listed at all: ask for this one.
            _ => Ok(self.cluster.get(&ObjectRef::of(target)).await?.map(Arc::new)),
        }
    }

    /// Whether the tracking on the object was made for it: some controllers copy annotations to what they create, and
    /// what an owner made is the owner's to delete (Argo CD's `isSelfReferencedObj`).
    fn is_own(&self, object: &Manifest, target: &Target) -> bool {
        let key = object.key();
        let owned = object
            .value()
            .pointer("/metadata/ownerReferences")
            .and_then(|o| o.as_array())
            .is_some_and(|o| !o.is_empty());
        match self.tracker.instance(object) {
            Some(id) => {
                id == TrackingId::of(object, target.name(), target.namespace()) || same_object(&id, &key, target)
            }
            None => !owned,
        }
    }

    /// Objects that another Application tracks, which a sync would take over.
    fn shared(&self, target: &Target, live: &BTreeMap<ResourceKey, Arc<Manifest>>) -> Vec<Diagnostic> {
        let other = |object: &Manifest| self.tracker.app_name(object).filter(|owner| owner != target.name());
        live.iter()
            .filter_map(|(key, object)| Some((key, other(object)?)))
            .map(|(key, owner)| {
                let message = format!("{key} is part of the applications {} and {owner}", target.name());
                Diagnostic::new(Severity::Warning, "shared-resource", message)
                    .remedy("keep it in one of them; each sync takes it from the other")
            })
            .collect()
    }

    /// Syncs one Application if it needs it, again as its retry policy says, and waits for its health.
    async fn sync_one(
        &self,
        target: &Target,
        deadline: Instant,
        reporter: &dyn Reporter,
    ) -> Result<ApplicationReport, ClusterError> {
        let retry =
            target.application.spec.sync_policy.as_ref().and_then(|policy| policy.retry.clone()).unwrap_or_default();
        let mut operation: Option<Operation> = None;
        for attempt in 0.. {
            let view = self.view(target).await?;
            announce(target, &view.comparison, operation.as_ref(), "", reporter);
            if view.comparison.sync == SyncCode::Synced || !syncable(&view.comparison, prunes(target)) {
                break;
            }
            let done = self.operate(target, view, operation.take(), deadline, reporter).await?;
            let failed = done.phase != OperationPhase::Succeeded;
            let again = failed.then(|| self.next_try(&retry, &done, attempt)).flatten();
            operation = Some(done);
            match again {
                Some(wait) if Instant::now() + wait < deadline => tokio::time::sleep(wait).await,
                _ => break,
            }
        }
        self.settle(target, operation, deadline, reporter).await
    }

    /// The wait before the next try; `None` when there is none: no retries left, or the failure will not go away.
    fn next_try(&self, retry: &RetryStrategy, done: &Operation, attempt: i64) -> Option<Duration> {
        if done.hopeless || (retry.limit >= 0 && attempt >= retry.limit) {
            return None;
        }
        let wait = retry.wait_before(attempt).ok()?;
        Some(Duration::from_nanos(u64::try_from(wait.nanoseconds()).unwrap_or(0)))
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
        loop {
            let view = self.view(target).await?;
            announce(target, &view.comparison, operation.as_ref(), "", reporter);
            let health = view.comparison.health.status;
            let degraded = health == HealthCode::Degraded;
            degraded_since = degraded.then(|| degraded_since.unwrap_or_else(Instant::now));
            let given_up = degraded_since.is_some_and(|since| since.elapsed() >= DEGRADED_GRACE);
            let settled = matches!(
                health,
                HealthCode::Healthy | HealthCode::Suspended | HealthCode::Unknown | HealthCode::Missing
            );
            if settled || given_up || failed || Instant::now() >= deadline {
                return Ok(self.final_report(target, &view, operation));
            }
            let wait = if degraded { Duration::from_millis(200) } else { LOOK_AGAIN };
            self.live.changed(view.version, wait.min(deadline.saturating_duration_since(Instant::now()))).await;
        }
    }

    fn final_report(&self, target: &Target, view: &View, operation: Option<Operation>) -> ApplicationReport {
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
}

/// Whether the tracking id, made for another namespace spelling, still names this object.
fn same_object(id: &TrackingId, key: &ResourceKey, target: &Target) -> bool {
    id.app == target.name()
        && id.group == key.group
        && id.kind == key.kind
        && id.name == key.name
        && (id.namespace == key.namespace || key.namespace.is_empty())
}

/// Whether a sync could change anything: an Application that differs only in what it may not prune cannot be helped.
fn syncable(comparison: &Comparison, prune: bool) -> bool {
    comparison.resources.iter().any(|r| r.sync != SyncCode::Synced && (prune || r.target.is_some()))
}

pub(super) fn prunes(target: &Target) -> bool {
    let policy = target.application.spec.sync_policy.as_ref().and_then(|policy| policy.automated.as_ref());
    policy.is_some_and(crate::model::application::Automated::prunes)
}

pub(super) fn announce(
    target: &Target,
    comparison: &Comparison,
    operation: Option<&Operation>,
    message: &str,
    reporter: &dyn Reporter,
) {
    reporter.report(&Event::Application {
        name: target.name().into(),
        sync: comparison.sync,
        health: comparison.health.status,
        phase: operation.map(|o| o.phase),
        message: if message.is_empty() { comparison.health.message.clone() } else { message.into() },
    });
}

/// The sync wave of an Application among its siblings.
pub(super) fn wave(target: &Target) -> i64 {
    let annotation = target.application.metadata.annotations.get(annotations::SYNC_WAVE);
    annotation.and_then(|wave| wave.trim().parse().ok()).unwrap_or(0)
}

#[async_trait]
impl SyncDriver for EmbeddedDriver {
    fn name(&self) -> &str {
        "embedded"
    }

    async fn compare(&self, targets: &[Target]) -> Result<Vec<Comparison>, ClusterError> {
        let mut all = Vec::with_capacity(targets.len());
        for target in targets {
            all.push(self.view(target).await?.comparison);
        }
        Ok(all)
    }

    async fn sync(
        &self,
        targets: Vec<Target>,
        options: SyncOptions,
        reporter: &dyn Reporter,
    ) -> Result<Vec<ApplicationReport>, ClusterError> {
        let deadline = Instant::now() + options.timeout;
        let mut waves: BTreeMap<i64, Vec<(usize, &Target)>> = BTreeMap::new();
        for (n, target) in targets.iter().enumerate() {
            waves.entry(wave(target)).or_default().push((n, target));
        }
        let mut reports: BTreeMap<usize, ApplicationReport> = BTreeMap::new();
        for (_, wave) in waves {
            let syncs = wave.iter().map(|(_, target)| self.sync_one(target, deadline, reporter));
            for ((n, _), report) in wave.iter().zip(join_all(syncs).await) {
                reports.insert(*n, report?);
            }
        }
        Ok(reports.into_values().collect())
    }
}
