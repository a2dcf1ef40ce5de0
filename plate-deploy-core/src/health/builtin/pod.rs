//! v1 Pod. Pods that are meant to end (restart policy Never or OnFailure) are Progressing while they run: they are
//! usually hooks, and an image that cannot be pulled yet must not fail the hook for good.

use super::typed::Typed;
use crate::health::node::Node;
use crate::health::{HealthError, degraded, healthy, progressing, unknown};
use crate::model::{HealthStatus, Manifest, hook};

/// Makes a pod that is no hook count as one that runs for ever.
const IGNORE_RESTART_POLICY: &str = "argocd.argoproj.io/ignore-restart-policy";

pub(super) fn assess(object: &Manifest) -> Result<HealthStatus, HealthError> {
    let pod = Typed::new(object, "Pod", &["v1"])?.node();
    let policy = pod.at("/spec/restartPolicy").str();
    let runs_on =
        policy == "Always" || (object.annotation(IGNORE_RESTART_POLICY) == Some("true") && !hook::is_hook(object));
    if runs_on && let Some(messages) = waiting_failures(pod) {
        return Ok(degraded(messages));
    }
    let message = pod.at("/status/message").str();
    Ok(match pod.at("/status/phase").str() {
        "Pending" => progressing(message),
        "Succeeded" => healthy(message),
        "Failed" if !message.is_empty() => degraded(message),
        "Failed" => degraded(failure_of(pod)),
        "Running" if runs_on => running(pod, message),
        "Running" if matches!(policy, "OnFailure" | "Never") => progressing(message),
        _ => unknown(message),
    })
}

/// The messages of containers that cannot start; `None` when there are no such containers.
fn waiting_failures(pod: Node<'_>) -> Option<String> {
    let failing = pod.at("/status/containerStatuses").items().map(|c| c.at("/state/waiting")).filter(|waiting| {
        let reason = waiting.at("/reason").str();
        reason.starts_with("Err") || reason.ends_with("Error") || reason.ends_with("BackOff")
    });
    let messages: Vec<_> = failing.map(|waiting| waiting.at("/message").str()).collect();
    (!messages.is_empty()).then(|| messages.join(", "))
}

fn running(pod: Node<'_>, message: &str) -> HealthStatus {
    if pod.condition_status("Ready") == "True" {
        healthy(message)
    } else if pod.at("/status/containerStatuses").items().any(|c| c.at("/lastState/terminated").exists()) {
        degraded(message)
    } else {
        progressing(message)
    }
}

/// Why the first failed container failed.
fn failure_of(pod: Node<'_>) -> String {
    let containers = pod.at("/status/initContainerStatuses").items().chain(pod.at("/status/containerStatuses").items());
    let reason = |container: Node<'_>| {
        let end = container.at("/state/terminated");
        let code = end.at("/exitCode").int().unwrap_or_default();
        match (end.at("/message").str(), end.at("/reason").str()) {
            ("", "OOMKilled") => Some("OOMKilled".to_owned()),
            ("", _) if code != 0 => {
                Some(format!("container {:?} failed with exit code {code}", container.at("/name").str()))
            }
            ("", _) => None,
            (message, _) => Some(message.to_owned()),
        }
    };
    containers.into_iter().find_map(reason).unwrap_or_default()
}
