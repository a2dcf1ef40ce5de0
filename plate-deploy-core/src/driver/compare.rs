//! An Application against the cluster: what is synced, what differs, how healthy it is. Pure: dry runs that a comparison
//! needs are handed out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::prepare::Prepared;
use super::{ResourceFilter, Target};
use crate::cluster::ApiCatalog;
use crate::diff::{DiffPlan, DiffResult, DryRun, SecretFingerprints, SecretKey, has_option};
use crate::health::{HealthOverrides, ResourceHealth, aggregate};
use crate::model::hook::{is_hook, is_skipped};
use crate::model::{HealthStatus, Manifest, ResourceKey, SyncCode, annotations};
use crate::report::{Action, ApplicationReport, Diagnostic, ResourceChange, ResourceReport, Severity};
use crate::sync::autosync::ResourceSyncStatus;
use crate::tracking::Tracker;
use crate::yaml;

/// One object of an Application: as wanted, as found, and the verdict.
#[derive(Clone, Debug)]
pub struct ResourceComparison {
    /// The object.
    pub key: ResourceKey,
    /// As Git wants it, in its namespace; `None` when Git no longer has it.
    pub target: Option<Arc<Manifest>>,
    /// As it is; `None` when it is missing.
    pub live: Option<Arc<Manifest>>,
    /// The verdict.
    pub sync: SyncCode,
    /// Its health; `None` where its kind has none or it does not count.
    pub health: Option<HealthStatus>,
    /// It is a hook: it runs with a sync and is not compared.
    pub hook: bool,
    /// Both sides as they were compared; `None` for hooks.
    pub diff: Option<DiffResult>,
    /// It differs, is missing, or is extra: whatever `sync` says of an object that may not be judged.
    pub differs: bool,
    /// The verdict says nothing about the Application (`IgnoreExtraneous`).
    pub ignored: bool,
}

/// An Application against the cluster.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Its objects, wanted ones first.
    pub resources: Vec<ResourceComparison>,
    /// Synced when all are.
    pub sync: SyncCode,
    /// The worst health that counts.
    pub health: HealthStatus,
    /// What went wrong in comparing, and warnings.
    pub problems: Vec<Diagnostic>,
    pub(super) secret_key: Option<SecretKey>,
}

impl Comparison {
    /// The objects that a sync would touch.
    #[must_use]
    pub fn changes(&self, prune: bool) -> Vec<ResourceChange> {
        self.resources.iter().filter_map(|resource| resource.change(prune, self.secret_key.as_ref())).collect()
    }

    /// Live objects that differ from their target, as the sync machine asks for them.
    #[must_use]
    pub fn modified(&self) -> BTreeMap<ResourceKey, bool> {
        let compared = self.resources.iter().filter(|r| r.live.is_some() && r.diff.is_some());
        compared.map(|r| (r.key.clone(), r.sync != SyncCode::Synced)).collect()
    }

    /// The problems that forbid a sync: Argo CD's ComparisonError and InvalidSpecError.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.problems.iter().filter(|problem| problem.severity == Severity::Error)
    }

    /// Argo CD's list of the Application's resources, for the decision about an automated sync.
    #[must_use]
    pub fn statuses(&self) -> Vec<ResourceSyncStatus> {
        let listed = self.resources.iter().filter(|r| !r.hook || r.target.is_none());
        listed
            .map(|r| ResourceSyncStatus {
                group: r.key.group.clone(),
                kind: r.key.kind.clone(),
                name: r.key.name.clone(),
                status: if r.hook { SyncCode::Unknown } else { r.sync },
                requires_pruning: r.target.is_none(),
            })
            .collect()
    }

    /// The report of an Application in this state.
    #[must_use]
    pub fn report(&self, target: &Target) -> ApplicationReport {
        ApplicationReport {
            name: target.name().into(),
            namespace: target.namespace().into(),
            sync: self.sync,
            health: self.health.clone(),
            operation: None,
            revision: target.revision.clone(),
            problems: self.problems.clone(),
            resources: self.resources.iter().filter(|r| !r.hook).map(ResourceComparison::report).collect(),
            written: 0,
            pruned: 0,
        }
    }

    /// Settles the verdict on the Application from those on its objects.
    pub(super) fn conclude(&mut self) {
        let counted = || self.resources.iter().filter(|r| !r.hook && !r.ignored);
        let broken = self.problems.iter().any(|problem| problem.code == "comparison-error");
        self.sync = if broken {
            SyncCode::Unknown
        } else if counted().any(|r| r.differs) {
            SyncCode::OutOfSync
        } else {
            SyncCode::Synced
        };
    }

    /// Takes in how one object compares.
    pub(super) fn judge(&mut self, index: usize, result: Result<DiffResult, String>) {
        let Some(resource) = self.resources.get_mut(index) else { return };
        match result {
            Ok(diff) => {
                resource.differs = diff.modified || resource.live.is_none();
                if resource.sync != SyncCode::Unknown {
                    resource.sync = if resource.differs { SyncCode::OutOfSync } else { SyncCode::Synced };
                }
                resource.diff = Some(diff);
            }
            Err(error) => {
                resource.sync = SyncCode::Unknown;
                let message = format!("{}: {error}", resource.key);
                self.problems.push(Diagnostic::new(Severity::Error, "comparison-error", message));
            }
        }
    }
}

impl ResourceComparison {
    fn report(&self) -> ResourceReport {
        ResourceReport { key: self.key.clone(), sync: self.sync, health: self.health.clone(), message: String::new() }
    }

    fn change(&self, prune: bool, secret_key: Option<&SecretKey>) -> Option<ResourceChange> {
        let action = match (&self.target, &self.live) {
            _ if self.hook => Action::Hook,
            _ if self.sync == SyncCode::Synced => return None,
            (Some(_), None) => Action::Create,
            (Some(_), Some(_)) => Action::Update,
            (None, _) if prune => Action::Prune,
            (None, _) => Action::KeepExtra,
        };
        let text = |side: Option<Value>| side.map(|value| yaml::to_string(&value)).unwrap_or_default();
        let (before, after) = match (secret_key, self.key.kind.as_str(), self.key.group.as_str()) {
            (Some(key), "Secret", "") => self.hashed(key),
            // A Secret that cannot be masked is not shown at all.
            _ => self.diff.as_ref().and_then(|diff| diff.shown().ok()).unwrap_or_default(),
        };
        Some(ResourceChange { key: self.key.clone(), action, before: text(before), after: text(after) })
    }

    /// Both sides of a Secret with keyed hashes for values.
    fn hashed(&self, key: &SecretKey) -> (Option<Value>, Option<Value>) {
        let Some(diff) = &self.diff else { return (None, None) };
        let side = |value: &Option<Value>| {
            let object = Manifest::new(value.clone()?).ok()?;
            Some(SecretFingerprints::of(&object, key).masked(object))
        };
        (side(&diff.normalized_live), side(&diff.predicted_live))
    }
}

/// The targets where they belong: namespaced kinds get the destination's namespace when they name none, other kinds
/// lose theirs; of two with the same key the later one counts, and kinds that are left alone are dropped.
pub(super) fn place(
    target: &Target,
    catalog: &ApiCatalog,
    tracker: &Tracker,
    filter: &ResourceFilter,
) -> (Vec<Arc<Manifest>>, Vec<Diagnostic>) {
    let mut placed: BTreeMap<usize, Arc<Manifest>> = BTreeMap::new();
    let mut index: BTreeMap<ResourceKey, usize> = BTreeMap::new();
    let mut problems = Vec::new();
    let mut warn = |code: &str, message: String| problems.push(Diagnostic::new(Severity::Warning, code, message));
    for (n, manifest) in target.rendered.manifests.iter().enumerate() {
        let gvk = manifest.gvk();
        if filter.excludes(&gvk.group, &gvk.kind) {
            let name = manifest.name();
            warn(
                "excluded-resource",
                format!("Resource {}/{} {name} is excluded in the settings", gvk.group, gvk.kind),
            );
            continue;
        }
        let manifest = in_namespace(manifest, target, catalog, tracker);
        let key = manifest.key();
        // Hooks with a generated name have no key of their own yet.
        if key.name.is_empty() {
            placed.insert(n, Arc::new(manifest));
            continue;
        }
        if let Some(earlier) = index.insert(key.clone(), n) {
            placed.remove(&earlier);
            warn("repeated-resource", format!("Resource {key} appeared more than once among application resources."));
        }
        placed.insert(n, Arc::new(manifest));
    }
    (placed.into_values().collect(), problems)
}

fn in_namespace(manifest: &Manifest, target: &Target, catalog: &ApiCatalog, tracker: &Tracker) -> Manifest {
    let mut manifest = manifest.clone();
    let namespaced = catalog.namespaced(&manifest.gvk().group_kind()).unwrap_or(true);
    let moved = match (namespaced, manifest.namespace().is_empty()) {
        (false, false) => {
            if let Some(metadata) = manifest.value_mut().pointer_mut("/metadata").and_then(Value::as_object_mut) {
                metadata.remove("namespace");
            }
            true
        }
        (true, true) => {
            manifest.set_namespace(target.namespace());
            true
        }
        _ => false,
    };
    if moved && Tracker::tracks(&manifest) {
        // Metadata that cannot be marked fails the render, long before this.
        let _ = tracker.set(&mut manifest, target.name(), target.namespace());
    }
    manifest
}

/// Compares placed targets with what is live. `live` holds the live object of each target that has one, and the objects
/// that carry the Application's tracking. Gives the dry runs that are needed, by the resource's index, too.
pub(super) fn compare(
    prepared: &Prepared,
    live: &BTreeMap<ResourceKey, Arc<Manifest>>,
    health: &HealthOverrides,
) -> (Comparison, Vec<(usize, Box<DryRun>)>) {
    let mut comparison = Comparison { problems: prepared.problems.clone(), ..Comparison::default() };
    let wanted: BTreeSet<ResourceKey> = prepared.placed.iter().map(|manifest| manifest.key()).collect();
    for target in &prepared.placed {
        comparison.resources.push(resource(prepared, Some(target), live.get(&target.key())));
    }
    for (_, object) in live.iter().filter(|(key, _)| !wanted.contains(key)) {
        comparison.resources.push(resource(prepared, None, Some(object)));
    }
    let mut dry_runs = Vec::new();
    for index in 0..comparison.resources.len() {
        let Some(differ) = &prepared.differ else { break };
        let Some(resource) = comparison.resources.get(index).filter(|resource| !resource.hook) else { continue };
        let planned = differ.plan(resource.target.as_deref(), resource.live.as_deref());
        match planned {
            Ok(DiffPlan::Done(diff)) if resource.target.is_some() => comparison.judge(index, Ok(diff)),
            Ok(DiffPlan::Done(diff)) => {
                if let Some(extra) = comparison.resources.get_mut(index) {
                    extra.diff = Some(diff);
                }
            }
            Ok(DiffPlan::DryRun(dry_run)) => dry_runs.push((index, dry_run)),
            Err(error) => comparison.judge(index, Err(error.to_string())),
        }
    }
    judge_health(&mut comparison, prepared, health);
    comparison.conclude();
    (comparison, dry_runs)
}

/// One object before its fields are compared.
fn resource(prepared: &Prepared, target: Option<&Arc<Manifest>>, live: Option<&Arc<Manifest>>) -> ResourceComparison {
    let object = target.or(live);
    let key = object.map(|object| object.key()).unwrap_or_default();
    let hook = object.is_some_and(|object| is_hook(object) || is_skipped(object));
    let namespaced = prepared.catalog.namespaced(&key.group_kind()).unwrap_or(false);
    let forbidden = !prepared.membership.permits_kind(&key.group_kind(), &key.name, namespaced);
    let extra = target.is_none();
    let ignored =
        extra && object.is_some_and(|object| has_option(object, annotations::COMPARE_OPTIONS, "IgnoreExtraneous"));
    let sync = match (hook, forbidden || prepared.differ.is_none()) {
        (true, _) => SyncCode::Synced,
        (false, true) => SyncCode::Unknown,
        (false, false) => SyncCode::OutOfSync,
    };
    ResourceComparison {
        key,
        target: target.cloned(),
        live: live.cloned(),
        sync,
        health: None,
        hook,
        diff: None,
        differs: !hook,
        ignored,
    }
}

fn judge_health(comparison: &mut Comparison, prepared: &Prepared, overrides: &HealthOverrides) {
    let objects: Vec<_> = comparison
        .resources
        .iter()
        .map(|r| ResourceHealth { target: r.target.as_deref(), live: r.live.as_deref() })
        .collect();
    let health = aggregate(&objects, Some(&prepared.own_key), overrides);
    for (resource, health) in comparison.resources.iter_mut().zip(health.resources) {
        resource.health = health;
    }
    comparison.health = health.status;
}
