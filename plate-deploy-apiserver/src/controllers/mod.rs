//! Small controllers that make workloads behave as on a cluster: what kube-controller-manager, a scheduler, kubelets, a
//! load balancer and a storage provisioner would do, in simulated time.
//!
//! One task follows the store's changes and brings every object that changed (and its owner) one step further, until
//! nothing changes any more. Each controller looks at the whole state and writes only differences, so that it may run at
//! any time and any number of times.

mod context;
mod daemon_set;
mod deployment;
mod gc;
mod job;
mod network;
mod pod;
mod pods;
mod queue;
mod replica_set;
mod simulation;
mod stateful_set;
mod volume_claim;
mod watchers;

use std::sync::Arc;

use tokio::task::JoinHandle;

pub use simulation::{FailureRule, PodFailure, Simulation};

use crate::object::is_deleting;
use crate::registry::Registry;
use context::Context;
use queue::Queue;

/// The running controllers of one cluster; dropping them stops them.
#[derive(Debug)]
pub struct Controllers {
    task: JoinHandle<()>,
}

impl Controllers {
    /// Starts the controllers. They look at everything once, then at what changes.
    #[must_use]
    pub fn start(registry: Arc<Registry>, simulation: Simulation) -> Self {
        Self { task: tokio::spawn(run(registry, simulation)) }
    }
}

impl Drop for Controllers {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(registry: Arc<Registry>, simulation: Simulation) {
    let mut changed = registry.store().subscribe();
    let mut queue = Queue::default();
    network::ensure_node(&Context::new(&registry, &simulation));
    queue.add_everything(&registry);
    loop {
        changed.borrow_and_update();
        settle(&registry, &simulation, &mut queue);
        let next = queue.next_time();
        let alarm = async {
            match next {
                Some(at) => registry.clock().sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            alive = changed.changed() => if alive.is_err() { return },
            () = alarm => {}
        }
    }
}

/// Brings everything as far as it gets without time passing.
fn settle(registry: &Registry, simulation: &Simulation, queue: &mut Queue) {
    loop {
        let gone = queue.take_changes(registry);
        let context = Context::new(registry, simulation);
        if !gone.is_empty() {
            gc::collect(&context, &gone);
            continue;
        }
        let Some(item) = queue.pop(context.now) else { return };
        let Some(object) = context.stored(&item) else { continue };
        if is_deleting(&object) {
            gc::finish(&context, &item, &object);
        }
        let wake = match &*item.resource {
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
        if let Some(at) = wake {
            queue.add_at(at, item);
        }
    }
}
