//! An Application against the cluster: what is synced, what differs, how healthy it is. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::Target;
use crate::cluster::ApiCatalog;
use crate::diff::{DiffOptions, DiffResult, Differ};
use crate::health::{HealthOverrides, ResourceHealth, aggregate};
use crate::model::{HealthStatus, Manifest, ResourceKey, SyncCode, annotations};
use crate::report::{Action, ApplicationReport, Diagnostic, ResourceChange, ResourceReport, Severity};
use crate::sync::{is_hook, is_skipped};
use crate::yaml;

/// One object of an Application: as wanted, as found, and the verdict.
#[derive(Clone, Debug)]
pub struct ResourceComparison {
    /// The object.
    pub key: ResourceKey,
    /// As Git wants it, in its namespace; `None` when Git no longer has it.
    pub target: Option<Manifest>,
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
}

/// An Application against the cluster.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Its objects, wanted ones first.
    pub resources: Vec<ResourceComparison>,
    /// Synced when all are.
    pub sync: SyncCode,
    /// The worst health that counts.
    pub health: HealthStatus,
    /// What went wrong in comparing.
    pub problems: Vec<Diagnostic>,
}

impl Comparison {
    /// The objects that a sync would touch.
    #[must_use]
    pub fn changes(&self, prune: bool) -> Vec<ResourceChange> {
        self.resources.iter().filter_map(|resource| resource.change(prune)).collect()
    }

    /// Live objects that differ from their target, as the sync machine asks for them.
    #[must_use]
    pub fn modified(&self) -> BTreeMap<ResourceKey, bool> {
        let compared = self.resources.iter().filter(|r| r.live.is_some() && r.diff.is_some());
        compared.map(|r| (r.key.clone(), r.sync != SyncCode::Synced)).collect()
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
}

impl ResourceComparison {
    fn report(&self) -> ResourceReport {
        ResourceReport { key: self.key.clone(), sync: self.sync, health: self.health.clone(), message: String::new() }
    }

    fn change(&self, prune: bool) -> Option<ResourceChange> {
        let action = match (&self.target, &self.live) {
            _ if self.hook => Action::Hook,
            _ if self.sync == SyncCode::Synced => return None,
            (Some(_), None) => Action::Create,
            (Some(_), Some(_)) => Action::Update,
            (None, _) if prune => Action::Prune,
            (None, _) => Action::KeepExtra,
        };
        // A Secret that cannot be masked is not shown at all.
        let (before, after) = self.diff.as_ref().and_then(|diff| diff.shown().ok()).unwrap_or_default();
        let text = |side: Option<Value>| side.map(|value| yaml::to_string(&value)).unwrap_or_default();
        Some(ResourceChange { key: self.key.clone(), action, before: text(before), after: text(after) })
    }
}

/// The rules of a comparison that do not come from the Application itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    /// Users' health checks.
    pub(super) health: HealthOverrides,
    /// How differences are found, less the Application's own `ignoreDifferences`.
    pub(super) diff: DiffOptions,
}

/// The targets where they belong: namespaced kinds get the destination's namespace when they name none, other kinds
/// lose theirs; of two with the same key the later one counts.
pub(super) fn place(target: &Target, catalog: &ApiCatalog) -> (Vec<Manifest>, Vec<Diagnostic>) {
    let mut placed: BTreeMap<usize, Manifest> = BTreeMap::new();
    let mut index: BTreeMap<ResourceKey, usize> = BTreeMap::new();
    let mut problems = Vec::new();
    for (n, manifest) in target.rendered.manifests.iter().enumerate() {
        let mut manifest = manifest.clone();
        let namespaced = catalog.namespaced(&manifest.gvk().group_kind()).unwrap_or(true);
        if !namespaced {
            if let Some(metadata) = manifest.value_mut().pointer_mut("/metadata").and_then(|m| m.as_object_mut()) {
                metadata.remove("namespace");
            }
        } else if manifest.namespace().is_empty() {
            manifest.set_namespace(target.namespace());
        }
        let key = manifest.key();
        // Hooks with a generated name have no key of their own yet.
        if key.name.is_empty() {
            placed.insert(n, manifest);
            continue;
        }
        if let Some(earlier) = index.insert(key.clone(), n) {
            placed.remove(&earlier);
            problems.push(Diagnostic::new(
                Severity::Warning,
                "repeated-resource",
                format!(
                    "resource {key} appeared more than once among the application's resources; the last one counts"
                ),
            ));
        }
        placed.insert(n, manifest);
    }
    (placed.into_values().collect(), problems)
}

/// Compares placed targets with what is live. `live` holds the live object of each target that has one, and the objects
/// that carry the Application's tracking.
pub(super) fn compare(
    target: &Target,
    placed: &[Manifest],
    live: &BTreeMap<ResourceKey, Arc<Manifest>>,
    rules: &Rules,
) -> Comparison {
    let mut problems = Vec::new();
    let options = DiffOptions { ignore: target.application.spec.ignore_differences.clone(), ..rules.diff.clone() };
    let differ = match Differ::new(options) {
        Ok(differ) => Some(differ),
        Err(error) => {
            problems.push(Diagnostic::new(Severity::Error, "comparison-error", error.to_string()));
            None
        }
    };
    let mut resources: Vec<ResourceComparison> = placed
        .iter()
        .map(|manifest| wanted(manifest, live.get(&manifest.key()).cloned(), differ.as_ref(), &mut problems))
        .collect();
    let known: BTreeSet<ResourceKey> = placed.iter().map(Manifest::key).collect();
    let extras = live.iter().filter(|(key, _)| !known.contains(key));
    resources.extend(extras.map(|(key, object)| extra(key, object, differ.as_ref())));
    let health = aggregate(
        &resources
            .iter()
            .map(|r| ResourceHealth { target: r.target.as_ref(), live: r.live.as_deref() })
            .collect::<Vec<_>>(),
        None,
        &rules.health,
    );
    for (resource, health) in resources.iter_mut().zip(health.resources) {
        resource.health = health;
    }
    let out_of_sync = resources.iter().any(|r| r.sync == SyncCode::OutOfSync);
    let unknown = resources.iter().any(|r| r.sync == SyncCode::Unknown);
    let sync = if unknown {
        SyncCode::Unknown
    } else if out_of_sync {
        SyncCode::OutOfSync
    } else {
        SyncCode::Synced
    };
    Comparison { resources, sync, health: health.status, problems }
}

fn wanted(
    manifest: &Manifest,
    live: Option<Arc<Manifest>>,
    differ: Option<&Differ>,
    problems: &mut Vec<Diagnostic>,
) -> ResourceComparison {
    let hook = is_hook(manifest) || is_skipped(manifest);
    let mut comparison = ResourceComparison {
        key: manifest.key(),
        target: Some(manifest.clone()),
        live,
        sync: SyncCode::Synced,
        health: None,
        hook,
        diff: None,
    };
    if hook {
        return comparison;
    }
    let Some(differ) = differ else {
        comparison.sync = SyncCode::Unknown;
        return comparison;
    };
    match differ.diff(Some(manifest), comparison.live.as_deref()) {
        Ok(diff) => {
            comparison.sync =
                if diff.modified || comparison.live.is_none() { SyncCode::OutOfSync } else { SyncCode::Synced };
            comparison.diff = Some(diff);
        }
        Err(error) => {
            comparison.sync = SyncCode::Unknown;
            problems.push(Diagnostic::new(Severity::Error, "comparison-error", format!("{}: {error}", manifest.key())));
        }
    }
    comparison
}

/// A live object that Git no longer has.
fn extra(key: &ResourceKey, live: &Arc<Manifest>, differ: Option<&Differ>) -> ResourceComparison {
    let ignored = live
        .annotation(annotations::COMPARE_OPTIONS)
        .is_some_and(|options| options.split(',').any(|option| option.trim() == "IgnoreExtraneous"));
    let hook = is_hook(live);
    ResourceComparison {
        key: key.clone(),
        target: None,
        live: Some(Arc::clone(live)),
        sync: if ignored || hook { SyncCode::Synced } else { SyncCode::OutOfSync },
        health: None,
        hook,
        diff: differ.filter(|_| !hook).and_then(|differ| differ.diff(None, Some(live)).ok()),
    }
}
