//! The order of tasks: phase, wave, kind, name; then Namespaces and CRDs before what needs them; prunes backwards.

use std::collections::BTreeMap;

use plate_deploy_helm::release::INSTALL_ORDER;

use crate::model::{Manifest, SyncPhase};

use super::annotation::has_option;
use super::task::Task;

/// Kinds of Helm's order that Argo CD's does not have: they come last, with all the kinds it does not know.
const NOT_ORDERED: [&str; 3] = ["PriorityClass", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// Place of a kind in the order in which objects are applied: Argo CD's, which is Helm 3's.
fn kind_rank(kind: &str) -> usize {
    let known = Some(kind).filter(|kind| !NOT_ORDERED.contains(kind));
    known.and_then(|kind| INSTALL_ORDER.iter().position(|known| *known == kind)).unwrap_or(INSTALL_ORDER.len())
}

/// Sorts the tasks. Where Argo CD leaves the order open (same name in two namespaces), the key decides.
pub(super) fn sort(tasks: &mut [Task]) {
    tasks.sort_by_cached_key(|task| {
        let key = task.key();
        (task.phase, task.wave, kind_rank(&key.kind), key.name.clone(), key.clone())
    });
    bubble_up(tasks, namespace_name, |object| Some(object.namespace().to_owned()).filter(|name| !name.is_empty()));
    bubble_up(tasks, crd_kind, |object| {
        let gvk = object.gvk();
        Some(format!("{}/{}", gvk.group, gvk.kind))
    });
}

/// Name of a Namespace.
fn namespace_name(object: &Manifest) -> Option<String> {
    let gvk = object.gvk();
    (gvk.kind == "Namespace" && gvk.group.is_empty()).then(|| object.name().to_owned())
}

/// Whether the object is a CRD.
pub(super) fn is_crd(object: &Manifest) -> bool {
    let gvk = object.gvk();
    gvk.kind == "CustomResourceDefinition" && gvk.group == "apiextensions.k8s.io"
}

/// `group/Kind` that a CRD defines.
pub(super) fn crd_kind(object: &Manifest) -> Option<String> {
    if !is_crd(object) {
        return None;
    }
    let text = |pointer| object.value().pointer(pointer).and_then(serde_json::Value::as_str);
    Some(format!("{}/{}", text("/spec/group")?, text("/spec/names/kind")?))
}

/// Moves each dependency in front of the first task that needs it, giving it that task's phase and wave.
fn bubble_up(
    tasks: &mut [Task],
    provides: impl Fn(&Manifest) -> Option<String>,
    needs: impl Fn(&Manifest) -> Option<String>,
) {
    let mut first_need: BTreeMap<String, usize> = BTreeMap::new();
    for i in 0..tasks.len() {
        let Some(target) = tasks[i].target.clone() else { continue };
        if let Some(provided) = provides(&target) {
            let Some(&index) = first_need.get(&provided) else { continue };
            let (phase, wave) = (tasks[index].phase, tasks[index].wave);
            tasks[i].phase = phase;
            tasks[i].wave = wave;
            tasks[index..=i].rotate_right(1);
            for first in first_need.values_mut().filter(|first| **first >= index) {
                *first += 1;
            }
        } else if let Some(needed) = needs(&target) {
            first_need.entry(needed).or_insert(i);
        }
    }
}

/// Gives prunes their waves: the waves of all prunes left, mirrored; `PruneLast` ones after the last wave of `Sync`.
pub(super) fn place_prunes(tasks: &mut [Task], prune_last: bool) {
    let mut waves: Vec<i64> = tasks.iter().filter(|task| task.is_prune()).map(|task| task.wave).collect();
    waves.sort_unstable();
    waves.dedup();
    let mirrored: BTreeMap<i64, i64> = waves.iter().copied().zip(waves.iter().rev().copied()).collect();
    for task in tasks.iter_mut().filter(|task| task.is_prune()) {
        task.wave = mirrored.get(&task.wave).copied().unwrap_or(task.wave);
    }
    // Argo CD starts from 0 here, so the last wave is never below it.
    let sync = tasks.iter().filter(|task| task.phase == SyncPhase::Sync);
    let after_last = sync.map(|task| task.wave).max().unwrap_or(0).max(0).saturating_add(1);
    for task in tasks.iter_mut().filter(|task| task.is_prune()) {
        let asked = task.live.as_deref().is_some_and(|live| has_option(live, "PruneLast=true"));
        if prune_last || asked {
            task.wave = after_last;
        }
    }
}
