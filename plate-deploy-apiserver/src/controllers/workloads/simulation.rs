//! What the simulated world does: how long things take, and what fails.

use std::time::Duration;

use super::Outages;

/// How the simulated nodes, networks and disks behave.
#[derive(Debug, Clone)]
pub struct Simulation {
    /// Time from a pod's creation until its containers are ready. Default: 20 ms.
    pub pod_start: Duration,
    /// Pods that do not come up, by image.
    pub failures: Vec<FailureRule>,
    /// Whether LoadBalancer Services and Ingresses get an address. Default: yes.
    pub load_balancer: bool,
    /// Storage classes whose claims are bound; `None`: all. Default: all.
    pub storage_classes: Option<Vec<String>>,
    /// What fails while the cluster runs. Default: nothing. See `ApiServer::fail`.
    pub outages: Outages,
}

impl Default for Simulation {
    fn default() -> Self {
        Self {
            pod_start: Duration::from_millis(20),
            failures: Vec::new(),
            load_balancer: true,
            storage_classes: None,
            outages: Outages::default(),
        }
    }
}

/// A rule about pods that do not come up.
#[derive(Debug, Clone)]
pub struct FailureRule {
    /// Applies to containers whose image contains this text.
    pub image: String,
    /// What happens to them.
    pub failure: PodFailure,
}

/// Ways in which a container fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodFailure {
    /// `ImagePullBackOff`: the image does not exist.
    ImagePull,
    /// `CrashLoopBackOff`: it starts and dies.
    Crash,
    /// It runs and never gets ready.
    NeverReady,
    /// It needs this long to get ready.
    Slow(Duration),
}

impl Simulation {
    /// The failure of a container with this image.
    #[must_use]
    pub fn failure(&self, image: &str) -> Option<PodFailure> {
        self.failures.iter().find(|rule| image.contains(&rule.image)).map(|rule| rule.failure)
    }
}
