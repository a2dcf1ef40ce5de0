//! Which objects have to be looked at, now or later.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use jiff::Timestamp;
use serde_json::Value;

use crate::object::{list, meta};
use crate::registry::Registry;
use crate::storage::{ChangeKind, Key};

/// Keys to look at, each once, and times at which to look again.
#[derive(Debug, Default)]
pub(super) struct Queue {
    now: BTreeSet<Key>,
    later: BinaryHeap<Reverse<(Timestamp, Key)>>,
    seen: u64,
}

impl Queue {
    /// Looks at every object of the cluster.
    pub(super) fn add_everything(&mut self, registry: &Registry) {
        self.seen = registry.store().version();
        for resource in registry.store().resources() {
            self.now.extend(registry.store().list(&resource, None).1.into_iter().map(|(key, _)| key));
        }
    }

    /// Looks at everything that has changed since the last time, and at the owners of it. Gives the uids of objects that
    /// are gone.
    pub(super) fn take_changes(&mut self, registry: &Registry) -> Vec<String> {
        let Ok(changes) = registry.changes_since(self.seen, None) else {
            self.add_everything(registry);
            return Vec::new();
        };
        let mut gone = Vec::new();
        for change in changes {
            if change.kind == ChangeKind::Deleted {
                gone.push(meta(&change.object, "uid").to_owned());
            }
            self.seen = self.seen.max(change.version);
            self.now.extend(owners(&change.object, &change.key.namespace, registry));
            self.now.insert(change.key.clone());
        }
        gone
    }

    /// Looks at an object again at a time.
    pub(super) fn add_at(&mut self, at: Timestamp, key: Key) {
        self.later.push(Reverse((at, key)));
    }

    /// The next object to look at.
    pub(super) fn pop(&mut self, time: Timestamp) -> Option<Key> {
        while self.later.peek().is_some_and(|Reverse((at, _))| *at <= time) {
            if let Some(Reverse((_, key))) = self.later.pop() {
                self.now.insert(key);
            }
        }
        self.now.pop_first()
    }

    /// When there is something to do although nothing changes.
    pub(super) fn next_time(&self) -> Option<Timestamp> {
        self.later.peek().map(|Reverse((at, _))| *at)
    }
}

/// The keys of an object's owners.
fn owners(object: &Value, namespace: &str, registry: &Registry) -> Vec<Key> {
    let catalog = registry.catalog();
    list(object, &["metadata", "ownerReferences"])
        .iter()
        .filter_map(|owner| {
            let field = |name: &str| owner.get(name).and_then(Value::as_str).unwrap_or_default();
            let gvk = crate::scheme::Gvk::from_api_version(field("apiVersion"), field("kind"));
            let resource = catalog.find_kind(&gvk)?;
            let namespace = if resource.info.namespaced { namespace } else { "" };
            Some(Key::new(&resource.storage, namespace, field("name")))
        })
        .chain(std::iter::once_with(|| Key::new("namespaces", "", meta(object, "namespace"))).filter(|key| !key.name.is_empty() && crate::object::is_deleting(object)))
        .collect()
}
