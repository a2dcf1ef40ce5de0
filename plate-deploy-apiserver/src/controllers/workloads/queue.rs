//! Which objects have to be looked at, now or later.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::object::list;
use crate::registry::Registry;
use crate::storage::{Change, Key};

/// Keys to look at, each once, and times at which to look again.
#[derive(Debug, Default)]
pub(super) struct Queue {
    now: BTreeSet<Key>,
    later: BinaryHeap<Reverse<(Timestamp, Key)>>,
}

impl Queue {
    /// Looks at everything that has changed, and at the owners of it.
    pub(super) fn take(&mut self, changes: &[Arc<Change>], registry: &Registry) {
        for change in changes {
            self.now.extend(owners(&change.object, &change.key.namespace, registry));
            self.now.insert(change.key.clone());
        }
    }

    /// Looks at every object.
    pub(super) fn add_all(&mut self, registry: &Registry) {
        let store = registry.store();
        for resource in store.resources() {
            self.now.extend(store.list(&resource, None).1.into_iter().map(|(key, _)| key));
        }
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
        .collect()
}
