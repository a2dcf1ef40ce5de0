//! What the simulated world does: how long things take, and what fails.

use std::str::FromStr;
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
    /// No node has room for the pod.
    Unschedulable,
}

/// A text that is no [`FailureRule`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no failure: write image=PATTERN:KIND, where KIND is never-ready, crash-loop, image-pull, unschedulable or slow=DURATION"
)]
pub struct FailureRuleError(String);

/// `image=PATTERN:KIND`.
impl FromStr for FailureRule {
    type Err = FailureRuleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || FailureRuleError(text.to_owned());
        let (image, kind) = text.strip_prefix("image=").and_then(|rest| rest.rsplit_once(':')).ok_or_else(error)?;
        let failure = match kind {
            "never-ready" => PodFailure::NeverReady,
            "crash-loop" => PodFailure::Crash,
            "image-pull" => PodFailure::ImagePull,
            "unschedulable" => PodFailure::Unschedulable,
            slow => {
                let wait = slow.strip_prefix("slow=").and_then(|d| d.parse::<jiff::SignedDuration>().ok());
                PodFailure::Slow(wait.and_then(|d| d.try_into().ok()).ok_or_else(error)?)
            }
        };
        if image.is_empty() {
            return Err(error());
        }
        Ok(FailureRule { image: image.to_owned(), failure })
    }
}

impl Simulation {
    /// The failure of a container with this image.
    #[must_use]
    pub fn failure(&self, image: &str) -> Option<PodFailure> {
        self.failures.iter().find(|rule| image.contains(&rule.image)).map(|rule| rule.failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read() {
        let rule: FailureRule = "image=registry:5000/app:2:crash-loop".parse().unwrap();
        assert_eq!((rule.image.as_str(), rule.failure), ("registry:5000/app:2", PodFailure::Crash));
        let slow: FailureRule = "image=app:slow=90s".parse().unwrap();
        assert_eq!(slow.failure, PodFailure::Slow(Duration::from_secs(90)));
        for bad in ["", "app:crash-loop", "image=app", "image=:crash-loop", "image=app:other", "image=app:slow=x"] {
            assert!(bad.parse::<FailureRule>().is_err(), "{bad}");
        }
    }
}
