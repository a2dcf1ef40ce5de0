//! The tasks of a step: built anew each time, from the live objects and the earlier results.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use crate::model::{Manifest, ResultCode, SyncPhase, annotations};

use super::annotation::has_option;
use super::namespace;
use super::observation::{Observation, SyncRules};
use super::operation::Outcome;
use super::reconcile::Pairs;
use super::request::{MissingKinds, SyncRequest};
use super::result::Results;
use super::settings::Settings;
use super::task::Task;
use super::waves;
use crate::model::hook;

/// The tasks of a step, in order.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) tasks: Vec<Task>,
    /// Whether every task's kind is known and permitted.
    pub(super) valid: bool,
}

/// What a plan is built from.
pub(super) struct Planner<'a> {
    pub(super) request: &'a SyncRequest,
    pub(super) settings: &'a Settings,
    pub(super) observation: &'a Observation,
    pub(super) pairs: &'a Pairs,
    pub(super) rules: &'a dyn SyncRules,
}

impl Planner<'_> {
    /// Builds the plan. `results` gains the failures found on the way. `lookup`: the application's Namespace, when it
    /// was looked up, and what was found.
    pub(super) fn plan(&self, lookup: Option<(Manifest, Outcome)>, results: &mut Results) -> Plan {
        let mut tasks = self.object_tasks();
        if !self.settings.skip_hooks {
            tasks.extend(self.hook_tasks());
        }
        if let Some((wanted, found)) = lookup {
            let managed = self.request.managed_namespace_metadata.as_ref();
            let task = namespace::task(wanted, &found, managed);
            for task in task.iter().filter(|task| task.status.is_some()) {
                results.set(task.result());
            }
            tasks.extend(task);
        }
        for task in &mut tasks {
            if task.live.is_none()
                && let Some(target) = &task.target
            {
                task.live = self.pairs.live_of(target).cloned();
            }
        }
        let valid = self.check(&mut tasks, results);
        waves::place_prunes(&mut tasks, self.settings.prune_last);
        waves::sort(&mut tasks);
        for task in &mut tasks {
            if let Some(result) = results.get(task.key(), task.phase) {
                task.recall(result);
            }
        }
        Plan { tasks, valid }
    }

    /// Tasks of plain objects: applies and prunes. A live hook that is no longer in Git is left alone.
    fn object_tasks(&self) -> Vec<Task> {
        let mut tasks = Vec::new();
        for (key, pair) in &self.pairs.objects {
            let Some(object) = pair.target.as_ref().or(pair.live.as_ref()) else { continue };
            if !self.request.operation.selects(key) || self.observation.foreign.contains(key) || hook::is_hook(object) {
                continue;
            }
            for phase in hook::phases(object) {
                tasks.push(match &pair.target {
                    Some(target) => Task::new(phase, self.with_namespace(target), pair.live.clone()),
                    None => Task::prune(phase, Arc::clone(object)),
                });
            }
        }
        tasks
    }

    /// Tasks of hooks: one for each phase, named, and kept by the hook finalizer.
    fn hook_tasks(&self) -> Vec<Task> {
        let mut tasks = Vec::new();
        for hook in &self.pairs.hooks {
            for phase in hook::phases(hook) {
                let mut target = (**hook).clone();
                if target.name().is_empty() {
                    self.generate_name(&mut target, phase);
                }
                if !hook::has_finalizer(&target) {
                    add_hook_finalizer(&mut target);
                }
                tasks.push(Task::new(phase, self.with_namespace(&Arc::new(target)), None));
            }
        }
        tasks
    }

    /// The same name in every step of this operation: `<generateName><revision>-<phase>-<start>`.
    fn generate_name(&self, target: &mut Manifest, phase: SyncPhase) {
        let revision = &self.request.revision;
        let short = if revision.len() >= 8 { revision.get(..7).unwrap_or(revision) } else { revision };
        let prefix = target.value().pointer("/metadata/generateName").and_then(Value::as_str).unwrap_or_default();
        let suffix = format!("{short}-{phase:?}-{}", self.request.started_at.as_second()).to_lowercase();
        let name = format!("{prefix}{suffix}");
        if let Some(metadata) = target.value_mut().get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("name".into(), name.into());
        }
    }

    /// The target with its namespace set, even for a cluster-scoped kind (Argo CD; results are keyed by it).
    fn with_namespace(&self, target: &Arc<Manifest>) -> Arc<Manifest> {
        if !target.namespace().is_empty() || self.request.namespace.is_empty() {
            return Arc::clone(target);
        }
        let mut target = (**target).clone();
        target.set_namespace(&self.request.namespace);
        Arc::new(target)
    }

    /// Looks up every task's kind and asks the project. `false`: the sync is refused.
    fn check(&self, tasks: &mut [Task], results: &mut Results) -> bool {
        let defined = self.kinds_defined_here();
        let mut valid = true;
        for task in tasks {
            let Some(object) = task.object().cloned() else { continue };
            let refusal = match self.observation.kinds.lookup(task.gvk()) {
                Ok(namespaced) => {
                    task.namespaced = Some(namespaced);
                    self.rules.permitted(&object, namespaced).err()
                }
                Err(error) if error.not_found && self.tolerates_missing(task, &defined) => {
                    task.skip_dry_run = true;
                    task.namespaced = self.scope_defined_here(task);
                    None
                }
                Err(error) => Some(error.message),
            };
            if let Some(message) = refusal {
                task.note(Some(ResultCode::SyncFailed), None, &message);
                results.set(task.result());
                valid = false;
            }
        }
        valid
    }

    fn tolerates_missing(&self, task: &Task, defined: &BTreeSet<String>) -> bool {
        self.settings.skip_missing_dry_run
            || self.request.behaviour.missing_kinds != MissingKinds::Refuse
            || task.target.as_deref().is_some_and(|target| has_option(target, "SkipDryRunOnMissingResource=true"))
            || defined.contains(&format!("{}/{}", task.gvk().group, task.gvk().kind))
    }

    fn crds(&self) -> impl Iterator<Item = &Arc<Manifest>> {
        let targets = self.pairs.objects.values().filter_map(|pair| pair.target.as_ref());
        targets.chain(&self.pairs.hooks).filter(|object| waves::is_crd(object))
    }

    /// `group/Kind` of every CRD in Git.
    fn kinds_defined_here(&self) -> BTreeSet<String> {
        self.crds().filter_map(|crd| waves::crd_kind(crd)).collect()
    }

    /// Scope of a kind not served yet, as the CRD in Git says it.
    fn scope_defined_here(&self, task: &Task) -> Option<bool> {
        let kind = format!("{}/{}", task.gvk().group, task.gvk().kind);
        let crd = self.crds().find(|crd| waves::crd_kind(crd).as_ref() == Some(&kind))?;
        let scope = crd.value().pointer("/spec/scope").and_then(Value::as_str)?;
        Some(scope != "Cluster")
    }
}

fn add_hook_finalizer(target: &mut Manifest) {
    let Some(metadata) = target.value_mut().get_mut("metadata").and_then(Value::as_object_mut) else { return };
    let finalizers = metadata.entry("finalizers").or_insert_with(|| Value::Array(Vec::new()));
    if !finalizers.is_array() {
        *finalizers = Value::Array(Vec::new());
    }
    if let Some(finalizers) = finalizers.as_array_mut() {
        finalizers.push(annotations::HOOK_FINALIZER.into());
    }
}
