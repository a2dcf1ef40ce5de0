//! Parts of the simulated world that fail while it runs, and come back.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::Value;

use crate::object::{meta, text};

/// A part of the cluster that can fail.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// kube-apiserver: no request is answered, no controller sees or changes anything. What runs keeps running.
    ApiServer,
    /// etcd: the API answers every request with an error. Otherwise as [`Part::ApiServer`].
    Etcd,
    /// kube-scheduler: new pods stay Pending.
    Scheduler,
    /// kube-controller-manager: no workload makes or replaces pods, no claim is bound.
    ControllerManager,
    /// The node: its pods are not ready, new ones cannot start.
    Node,
    /// The provisioner of a storage class: new claims stay Pending, bound ones stay bound.
    StorageClass(String),
    /// The ingress controller: new Ingresses get no address, nothing answers at the old ones.
    IngressController,
    /// The load balancer: new Services get no address, nothing answers at the old ones.
    LoadBalancer,
    /// An image registry by its host: images that no node holds, or that are always pulled, cannot be had.
    Registry(String),
    /// The pods of one workload crash: namespace, and the workload's name.
    Workload(String, String),
}

#[derive(Debug, Default)]
struct State {
    failing: BTreeSet<Part>,
    /// Images that the node holds.
    pulled: BTreeSet<String>,
    /// Grows with every change.
    generation: u64,
}

/// What fails now. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Outages(Arc<RwLock<State>>);

impl Outages {
    /// Whether the part fails.
    #[must_use]
    pub fn fails(&self, part: &Part) -> bool {
        self.read(|state| state.failing.contains(part))
    }

    /// Whether requests are refused, and in which words.
    #[must_use]
    pub fn refusal(&self) -> Option<&'static str> {
        match () {
            () if self.fails(&Part::ApiServer) => Some("the API server is not reachable (simulated outage)"),
            () if self.fails(&Part::Etcd) => Some("etcdserver: request timed out (simulated outage)"),
            () => None,
        }
    }

    /// Whether a claim of this class is not served.
    pub(super) fn class_fails(&self, class: &str) -> bool {
        self.fails(&Part::StorageClass(class.to_owned()))
    }

    /// Whether the pod's workload crashes.
    pub(super) fn crashes(&self, pod: &Value) -> bool {
        let (namespace, name) = (meta(pod, "namespace"), meta(pod, "name"));
        self.read(|state| {
            state.failing.iter().any(|part| match part {
                Part::Workload(space, workload) => {
                    space == namespace && name.strip_prefix(workload.as_str()).is_some_and(|rest| rest.starts_with('-'))
                }
                _ => false,
            })
        })
    }

    /// Whether the image of a container that does not run yet cannot be had.
    pub(super) fn cannot_pull(&self, container: &Value) -> bool {
        let image = text(container, &["image"]);
        let policy = text(container, &["imagePullPolicy"]);
        self.read(|state| {
            let out = state.failing.contains(&Part::Registry(registry_of(image).to_owned()));
            out && (policy == "Always" || !state.pulled.contains(image))
        })
    }

    /// Notes that a container runs or ran: the node holds its image.
    pub(super) fn pulled(&self, image: &str) {
        if !self.read(|state| state.pulled.contains(image)) {
            self.0.write().unwrap_or_else(PoisonError::into_inner).pulled.insert(image.to_owned());
        }
    }

    pub(super) fn generation(&self) -> u64 {
        self.read(|state| state.generation)
    }

    /// Begins (`true`) or ends an outage.
    pub(crate) fn set(&self, part: Part, fails: bool) {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if fails {
            state.failing.insert(part);
        } else {
            state.failing.remove(&part);
        }
        state.generation += 1;
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The registry of an image: its first part when that is a host, else Docker Hub.
#[must_use]
pub fn registry_of(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => "docker.io",
    }
}
