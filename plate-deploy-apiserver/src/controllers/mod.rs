//! Control loops over the registry, as kube-controller-manager runs them over the API.
//!
//! A [`Controller`] sees every change of the store once, in order, and acts through the [`Registry`]; it holds no
//! lock and sees its own writes like anyone else's. [`Manager`] feeds them: [`Manager::settle`] runs until nothing
//! changes any more (deterministic, for tests and simulated time), [`run`] follows the store in the background.

mod gc;
mod namespace;
mod protection;
mod roles;
mod workloads;

use std::sync::{Arc, Mutex, PoisonError, Weak};

use jiff::Timestamp;

pub(crate) use workloads::reachable;
pub use workloads::{FailureRule, FailureRuleError, Outages, Part, PodFailure, Simulation, registry_of};

use crate::registry::Registry;
use crate::storage::{Change, ChangeKind};

/// A control loop.
pub trait Controller: Send + std::fmt::Debug {
    /// Its name, for logs.
    fn name(&self) -> &'static str;

    /// Forgets what it knows: the next [`Controller::sync`] gets every object as an `Added` change.
    fn reset(&mut self);

    /// Reacts to changes. Called with none when the time it asked for has come. Returns when it wants to be called
    /// even if nothing changes.
    fn sync(&mut self, registry: &Registry, changes: &[Arc<Change>]) -> Option<Timestamp>;
}

/// After so many rounds without rest two controllers are fighting; the rest waits for the next change.
const MAX_ROUNDS: usize = 1000;

/// Runs controllers.
#[derive(Debug)]
pub struct Manager {
    controllers: Vec<Box<dyn Controller>>,
    /// Version up to which changes were delivered; `None` before the first round.
    seen: Option<u64>,
    wake: Option<Timestamp>,
}

impl Default for Manager {
    fn default() -> Self {
        Manager::new(builtin(Simulation::default()))
    }
}

/// The controllers that every embedded cluster with controllers runs.
#[must_use]
pub fn builtin(simulation: Simulation) -> Vec<Box<dyn Controller>> {
    vec![
        Box::new(namespace::NamespaceController),
        Box::new(gc::GarbageCollector::default()),
        Box::new(protection::VolumeProtection),
        Box::new(roles::RoleAggregation),
        Box::new(workloads::Workloads::new(simulation)),
    ]
}

impl Manager {
    /// A manager of the given controllers.
    #[must_use]
    pub fn new(controllers: Vec<Box<dyn Controller>>) -> Self {
        Manager { controllers, seen: None, wake: None }
    }

    /// The time at which a controller wants to act though nothing changes.
    #[must_use]
    pub fn wake(&self) -> Option<Timestamp> {
        self.wake
    }

    /// Looks at everything again in the next round, though nothing has changed.
    pub(crate) fn nudge(&mut self, now: Timestamp) {
        self.wake = Some(now);
    }

    /// Delivers changes until there are none; returns the number of rounds.
    pub fn settle(&mut self, registry: &Registry) -> usize {
        for round in 0..MAX_ROUNDS {
            let (changes, latest) = self.pull(registry);
            let due = self.wake.is_some_and(|t| t <= registry.clock().now());
            if changes.is_empty() && !due {
                return round;
            }
            self.seen = Some(latest);
            self.wake = self.controllers.iter_mut().filter_map(|c| c.sync(registry, &changes)).min();
        }
        tracing::warn!("controllers did not come to rest");
        MAX_ROUNDS
    }

    /// The changes since the last round; all objects at first, and when the history is too short.
    fn pull(&mut self, registry: &Registry) -> (Vec<Arc<Change>>, u64) {
        let store = registry.store();
        if let Some(Ok(changes)) = self.seen.map(|v| registry.changes_since(v, None)) {
            let latest = changes.last().map(|c| c.version).or(self.seen).unwrap_or_default();
            return (changes, latest);
        }
        self.controllers.iter_mut().for_each(|c| c.reset());
        let mut all = Vec::new();
        let version = store.version();
        for resource in store.resources() {
            for (key, stored) in store.list(&resource, None).1 {
                let (version, object) = (stored.version, stored.object);
                all.push(Arc::new(Change { version, kind: ChangeKind::Added, key, object, previous: None }));
            }
        }
        (all, version)
    }
}

/// Follows the store until the registry is dropped.
pub(crate) async fn run(registry: Weak<Registry>, manager: Arc<Mutex<Manager>>) {
    let Some(mut changed) = registry.upgrade().map(|r| r.store().subscribe()) else { return };
    loop {
        let sleep = {
            let Some(registry) = registry.upgrade() else { return };
            changed.mark_unchanged();
            let mut manager = manager.lock().unwrap_or_else(PoisonError::into_inner);
            manager.settle(&registry);
            manager.wake().map(|at| registry.clock().sleep_until(at))
        };
        tokio::select! {
            alive = changed.changed() => {
                if alive.is_err() {
                    return;
                }
            }
            () = async { match sleep { Some(s) => s.await, None => std::future::pending().await } } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::clock::ManualClock;
    use crate::registry::{DeleteOptions, Propagation, WriteOptions};
    use crate::storage::Store;

    struct World {
        registry: Arc<Registry>,
        manager: Manager,
    }

    impl World {
        fn new() -> Self {
            let clock = ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap());
            let mut w =
                World { registry: Registry::new(Store::in_memory(), Arc::new(clock)), manager: Manager::default() };
            w.settle();
            w
        }

        fn settle(&mut self) {
            assert!(self.manager.settle(&self.registry) < MAX_ROUNDS);
        }

        fn map(&self, ns: &str, name: &str, owner: Option<&Value>) -> Value {
            let maps = self.registry.resource("", "v1", "configmaps").unwrap();
            let mut object = json!({"metadata": {"name": name}});
            if let Some(o) = owner {
                object["metadata"]["ownerReferences"] = json!([{"apiVersion": "v1", "kind": "ConfigMap",
                    "name": o["metadata"]["name"], "uid": o["metadata"]["uid"], "blockOwnerDeletion": true}]);
            }
            self.registry.create(&maps, ns, object, &WriteOptions::default()).unwrap().object
        }

        fn names(&self, ns: &str) -> Vec<String> {
            let (_, all) = self.registry.store().list("configmaps", Some(ns));
            all.into_iter().map(|(k, _)| k.name).filter(|n| n != "kube-root-ca.crt").collect()
        }

        fn delete(&mut self, name: &str, propagation: Propagation) {
            let maps = self.registry.resource("", "v1", "configmaps").unwrap();
            let options = DeleteOptions { propagation: Some(propagation), ..DeleteOptions::default() };
            self.registry.delete(&maps, "default", name, &options).unwrap();
            self.settle();
        }
    }

    #[test]
    fn owned_objects_go_with_their_owner_unless_orphaned() {
        for (policy, left) in [(Propagation::Background, 0), (Propagation::Foreground, 0), (Propagation::Orphan, 2)] {
            let mut w = World::new();
            let a = w.map("default", "a", None);
            let b = w.map("default", "b", Some(&a));
            w.map("default", "c", Some(&b));
            w.settle();
            w.delete("a", policy);
            assert_eq!(w.names("default").len(), left, "{policy:?}");
        }
    }

    #[test]
    fn objects_of_absent_owners_are_removed_and_shared_ones_stay() {
        let mut w = World::new();
        let ghost = json!({"metadata": {"name": "ghost", "uid": "11111111-1111-1111-1111-111111111111"}});
        w.map("default", "lost", Some(&ghost));
        let a = w.map("default", "a", None);
        let b = w.map("default", "b", None);
        let maps = w.registry.resource("", "v1", "configmaps").unwrap();
        let reference = |o: &Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "name": o["metadata"]["name"], "uid": o["metadata"]["uid"]});
        let shared = json!({"metadata": {"name": "shared", "ownerReferences": [reference(&a), reference(&b)]}});
        w.registry.create(&maps, "default", shared, &WriteOptions::default()).unwrap();
        w.settle();
        w.delete("a", Propagation::Background);
        assert_eq!(w.names("default"), ["b", "shared"]);
        let shared = w.registry.get(&maps, "default", "shared").unwrap();
        assert_eq!(shared["metadata"]["ownerReferences"], json!([reference(&b)]));
    }

    #[test]
    fn namespaces_empty_themselves() {
        let mut w = World::new();
        let spaces = w.registry.resource("", "v1", "namespaces").unwrap();
        w.registry.create(&spaces, "", json!({"metadata": {"name": "x"}}), &WriteOptions::default()).unwrap();
        w.settle();
        let accounts = w.registry.resource("", "v1", "serviceaccounts").unwrap();
        assert!(w.registry.get(&accounts, "x", "default").is_ok());
        w.map("x", "a", None);
        let maps = w.registry.resource("", "v1", "configmaps").unwrap();
        w.registry.delete(&spaces, "", "x", &DeleteOptions::default()).unwrap();
        let refused = w.registry.create(&maps, "x", json!({"metadata": {"name": "late"}}), &WriteOptions::default());
        assert_eq!(refused.unwrap_err().code, 403);
        w.settle();
        assert_eq!(w.registry.get(&spaces, "", "x").unwrap_err().code, 404);
        assert!(w.names("x").is_empty());
    }

    #[test]
    fn unused_claims_can_be_deleted() {
        let mut w = World::new();
        let claims = w.registry.resource("", "v1", "persistentvolumeclaims").unwrap();
        let claim = json!({"metadata": {"name": "c"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
        w.registry.create(&claims, "default", claim, &WriteOptions::default()).unwrap();
        let held = w.registry.delete(&claims, "default", "c", &DeleteOptions::default()).unwrap();
        assert!(!held.gone);
        w.settle();
        assert_eq!(w.registry.get(&claims, "default", "c").unwrap_err().code, 404);
    }
}
