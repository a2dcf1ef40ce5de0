//! Measurements of the GitOps engine beside real Argo CD, for the binary `bench-gitops`.
//!
//! Both do the same work on the same real control plane, one after the other: Applications of three objects each from
//! one repository, each side in a namespace of its own. [`ours`] and [`argocd`] give the same [`Figures`].

pub mod argocd;
pub mod ours;
mod workload;

use std::time::Duration;

pub use workload::Workload;

/// What one side took. `None`: not measured.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// From the first request to every object applied.
    pub applied: Option<Duration>,
    /// From the first request to every Application Synced and Healthy.
    pub healthy: Option<Duration>,
    /// A look at every Application without a change.
    pub refresh: Option<Duration>,
    /// Processor time of that look.
    pub refresh_cpu: Option<Duration>,
    /// Everything rendered anew.
    pub hard_refresh: Option<Duration>,
    /// From a commit in the repository to the change in the cluster, the median of several.
    pub push_applied: Option<Duration>,
    /// The same to the Application being Synced and Healthy again.
    pub push_healthy: Option<Duration>,
    /// Resident memory at the end, in bytes.
    pub resident: Option<u64>,
}

/// The median of some times.
#[must_use]
pub fn median(mut times: Vec<Duration>) -> Option<Duration> {
    times.sort();
    times.get(times.len() / 2).copied()
}
