//! Workloads in simulated time: what the workload controllers, a scheduler, kubelets, a load balancer and a storage
//! provisioner would do.
//!
//! Every object that changed, and its owner, is brought one step further. Each step looks at the whole state and writes
//! only differences, so that it may run at any time and any number of times.

mod context;
mod daemon_set;
mod deployment;
mod job;
mod network;
mod outage;
mod pod;
mod pods;
mod queue;
mod reach;
mod replica_set;
mod simulation;
mod stateful_set;
mod volume_claim;
mod watchers;

use std::sync::Arc;

use jiff::Timestamp;

pub use outage::{Outages, Part, registry_of};
pub(crate) use reach::reachable;
pub use simulation::{FailureRule, FailureRuleError, PodFailure, Simulation};

use super::Controller;
use crate::registry::Registry;
use crate::storage::Change;
use context::Context;
use queue::Queue;

/// All workload controllers.
#[derive(Debug, Default)]
pub(super) struct Workloads {
    simulation: Simulation,
    queue: Queue,
    /// Generation of the outages that the queue knows.
    seen: u64,
}

impl Workloads {
    pub(super) fn new(simulation: Simulation) -> Self {
        Self { simulation, queue: Queue::default(), seen: 0 }
    }
}

impl Controller for Workloads {
    fn name(&self) -> &'static str {
        "workloads"
    }

    fn reset(&mut self) {
        self.queue = Queue::default();
    }

    fn sync(&mut self, registry: &Registry, changes: &[Arc<Change>]) -> Option<Timestamp> {
        let outages = self.simulation.outages.clone();
        self.queue.take(changes, registry);
        if self.seen != outages.generation() {
            self.seen = outages.generation();
            self.queue.add_all(registry);
        }
        if outages.refusal().is_some() {
            // Nobody sees anything; all of it waits in the queue.
            return None;
        }
        network::ensure_node(&Context::new(registry, &self.simulation));
        while let Some(key) = self.queue.pop(registry.clock().now()) {
            let context = Context::new(registry, &self.simulation);
            let Some(object) = context.stored(&key) else { continue };
            if outages.fails(&Part::ControllerManager) && &*key.resource != "pods" {
                continue;
            }
            let again = match &*key.resource {
                "deployments.apps" => deployment::reconcile(&context, &object),
                "replicasets.apps" => replica_set::reconcile(&context, &object),
                "statefulsets.apps" => stateful_set::reconcile(&context, &object),
                "daemonsets.apps" => daemon_set::reconcile(&context, &object),
                "jobs.batch" => job::reconcile(&context, &object),
                "pods" => pod::reconcile(&context, &object),
                "persistentvolumeclaims" => volume_claim::reconcile(&context, &object),
                "services" => network::service(&context, &object),
                "ingresses.networking.k8s.io" => network::ingress(&context, &object),
                other => watchers::reconcile(&context, other, &object),
            };
            if let Some(at) = again {
                self.queue.add_at(at, key);
            }
        }
        self.queue.next_time()
    }
}
