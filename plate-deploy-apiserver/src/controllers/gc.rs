//! The garbage collector: owner references, foreground and orphan deletion.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::Controller;
use crate::object::{finalizers, is_deleting, list, meta, text};
use crate::patch::PatchKind;
use crate::registry::{DeleteOptions, Propagation, Registry, WriteOptions};
use crate::storage::{Change, ChangeKind, Key};

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

/// What is known of all objects: which exist, and who owns whom.
#[derive(Debug, Default)]
pub(super) struct GarbageCollector {
    live: HashSet<String>,
    dependents: HashMap<String, BTreeSet<Key>>,
    owners: HashMap<Key, Vec<String>>,
    /// Objects that wait for their dependents.
    waiting: BTreeSet<Key>,
}

fn owner_uids(object: &Value) -> Vec<String> {
    let owners = list(object, &["metadata", "ownerReferences"]);
    owners.iter().map(|o| text(o, &["uid"]).to_owned()).collect()
}

impl Controller for GarbageCollector {
    fn name(&self) -> &'static str {
        "garbage collector"
    }

    fn reset(&mut self) {
        *self = GarbageCollector::default();
    }

    fn sync(&mut self, registry: &Registry, changes: &[Arc<Change>]) -> Option<Timestamp> {
        // First all of them, so that an owner later in the list is known when its dependent is looked at.
        for c in changes {
            self.learn(c);
        }
        let mut suspects: BTreeSet<Key> = BTreeSet::new();
        for c in changes {
            match c.kind {
                ChangeKind::Deleted => {
                    suspects.extend(self.dependents.get(meta(&c.object, "uid")).into_iter().flatten().cloned());
                }
                _ if self.owners.contains_key(&c.key) => {
                    suspects.insert(c.key.clone());
                }
                _ => {}
            }
        }
        for key in suspects {
            self.check_owners(registry, &key);
        }
        for key in self.waiting.clone() {
            self.finish(registry, &key);
        }
        None
    }
}

impl GarbageCollector {
    fn learn(&mut self, c: &Change) {
        let uid = meta(&c.object, "uid").to_owned();
        for owner in self.owners.remove(&c.key).unwrap_or_default() {
            if let Some(set) = self.dependents.get_mut(&owner) {
                set.remove(&c.key);
            }
        }
        self.waiting.remove(&c.key);
        if c.kind == ChangeKind::Deleted {
            self.live.remove(&uid);
            // Kept for `sync`, which looks at the dependents of what went: they are removed when they go themselves.
            return;
        }
        self.live.insert(uid);
        let owners = owner_uids(&c.object);
        for owner in &owners {
            self.dependents.entry(owner.clone()).or_default().insert(c.key.clone());
        }
        if !owners.is_empty() {
            self.owners.insert(c.key.clone(), owners);
        }
        let held = finalizers(&c.object).iter().any(|f| *f == FOREGROUND || *f == ORPHAN);
        if is_deleting(&c.object) && held {
            self.waiting.insert(c.key.clone());
        }
    }

    /// Deletes an object whose owners are all gone; drops references to those that are.
    fn check_owners(&self, registry: &Registry, key: &Key) {
        let Some(stored) = registry.store().get(key) else { return };
        let owners = owner_uids(&stored.object);
        if owners.is_empty() {
            return;
        }
        let gone: Vec<&String> = owners.iter().filter(|u| !self.live.contains(*u)).collect();
        if gone.len() == owners.len() {
            delete(registry, key, Propagation::Background);
        } else if !gone.is_empty() {
            drop_owners(registry, key, |o| gone.iter().any(|g| text(o, &["uid"]) == g.as_str()));
        }
    }

    /// Ends a foreground or orphan deletion when it can.
    fn finish(&self, registry: &Registry, key: &Key) {
        let Some(stored) = registry.store().get(key) else { return };
        let uid = meta(&stored.object, "uid").to_owned();
        let dependents: Vec<Key> = self.dependents.get(&uid).into_iter().flatten().cloned().collect();
        let own = finalizers(&stored.object);
        if own.contains(&ORPHAN) {
            for d in &dependents {
                drop_owners(registry, d, |o| text(o, &["uid"]) == uid);
            }
            release(registry, key, ORPHAN);
            return;
        }
        let mut blocked = false;
        for d in dependents.iter().filter(|d| *d != key) {
            let Some(child) = registry.store().get(d) else { continue };
            let others = owner_uids(&child.object).iter().any(|u| *u != uid && self.live.contains(u));
            if others {
                drop_owners(registry, d, |o| text(o, &["uid"]) == uid);
                continue;
            }
            let owners = list(&child.object, &["metadata", "ownerReferences"]);
            blocked |= owners
                .iter()
                .any(|o| text(o, &["uid"]) == uid && o.get("blockOwnerDeletion") == Some(&Value::Bool(true)));
            if !is_deleting(&child.object) {
                delete(registry, d, Propagation::Foreground);
            }
        }
        if !blocked {
            release(registry, key, FOREGROUND);
        }
    }
}

fn delete(registry: &Registry, key: &Key, propagation: Propagation) {
    let Some(resource) = registry.catalog().find_storage(&key.resource) else { return };
    let options = DeleteOptions { propagation: Some(propagation), ..DeleteOptions::default() };
    if let Err(e) = registry.delete(&resource, &key.namespace, &key.name, &options) {
        tracing::debug!(?key, error = %e, "garbage collector");
    }
}

fn drop_owners(registry: &Registry, key: &Key, gone: impl Fn(&Value) -> bool) {
    let Some(resource) = registry.catalog().find_storage(&key.resource) else { return };
    let Some(stored) = registry.store().get(key) else { return };
    let owners = list(&stored.object, &["metadata", "ownerReferences"]);
    let left: Vec<Value> = owners.iter().filter(|o| !gone(o)).cloned().collect();
    let left = if left.is_empty() { Value::Null } else { Value::Array(left) };
    let patch = serde_json::json!({"metadata": {"ownerReferences": left}}).to_string();
    let options = WriteOptions::manager("kube-controller-manager");
    let place = (key.namespace.as_str(), key.name.as_str(), "");
    if let Err(e) = registry.patch(&resource, place, PatchKind::Merge, patch.as_bytes(), &options) {
        tracing::debug!(?key, error = %e, "garbage collector");
    }
}

fn release(registry: &Registry, key: &Key, finalizer: &str) {
    let Some(resource) = registry.catalog().find_storage(&key.resource) else { return };
    if let Err(e) = registry.remove_finalizers(&resource, &key.namespace, &key.name, &[finalizer]) {
        tracing::debug!(?key, error = %e, "garbage collector");
    }
}
