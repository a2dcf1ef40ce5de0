//! Numaflow and Numaplane.

use super::rule::{P, Rule, Step::Run, U};
use crate::health::node::Node;
use crate::health::{degraded, healthy, progressing};
use crate::model::HealthStatus;

pub(super) const RULES: &[Rule] = &[
    Rule {
        kinds: "numaflow.numaproj.io/InterStepBufferService|MonoVertex|Pipeline|Vertex",
        steps: &[Run(numaflow)],
        otherwise: (P, "Waiting for {.kind} status"),
    },
    Rule {
        kinds: "numaplane.numaproj.io/ISBServiceRollout|NumaflowControllerRollout",
        steps: &[Run(rollout)],
        otherwise: (U, "Unknown status"),
    },
    Rule {
        kinds: "numaplane.numaproj.io/MonoVertexRollout",
        steps: &[Run(rollout)],
        otherwise: (U, "Unknown MonoVertex status"),
    },
    Rule {
        kinds: "numaplane.numaproj.io/PipelineRollout",
        steps: &[Run(rollout)],
        otherwise: (U, "Unknown Pipeline status"),
    },
];

fn numaflow(object: Node<'_>) -> Option<HealthStatus> {
    let state = object.at("/status");
    if state.is_null() || !object.at("/metadata/generation").same(state.at("/observedGeneration")) {
        return None;
    }
    let (kind, phase) = (object.at("/kind").str(), state.at("/phase").str());
    let unhealthy = state.at("/conditions").items().rfind(|c| c.at("/status").str() == "False");
    let result = object.at("/metadata/labels").entry("numaplane.numaproj.io/progressive-result-state").str();
    if phase == "Failed" {
        return Some(degraded(state.at("/message").str()));
    }
    if kind != "Vertex" && result == "failed" {
        return Some(degraded("Failed progressive upgrade"));
    }
    if let Some(condition) = unhealthy {
        let speaks = matches!(kind, "Vertex" | "InterStepBufferService");
        return Some(degraded(if speaks { condition.at("/message").str() } else { "Subresources are unhealthy" }));
    }
    match (kind, phase) {
        (_, "Running") => Some(healthy(format!("{kind} is healthy"))),
        ("Pipeline", "Pausing") | ("Pipeline" | "MonoVertex" | "Vertex", "Paused") => {
            Some(healthy(format!("{kind} is paused")))
        }
        _ => None,
    }
}

fn rollout(rollout: Node<'_>) -> Option<HealthStatus> {
    let (kind, state) = (rollout.at("/kind").str(), rollout.at("/status"));
    if state.is_null() || !rollout.at("/metadata/generation").same(state.at("/observedGeneration")) {
        return Some(progressing("Not yet reconciled"));
    }
    let is = |c: &Node<'_>, kind: &str, status: &str| c.at("/type").str() == kind && c.at("/status").str() == status;
    let has = |kind: &str, status: &str| state.at("/conditions").items().any(|c| is(&c, kind, status));
    let children =
        |status: &'static str| state.at("/conditions").items().filter(move |c| is(c, "ChildResourcesHealthy", status));
    let upgrade_failed = kind != "NumaflowControllerRollout" && has("ProgressiveUpgradeSucceeded", "False");
    let updating = !state.at("/upgradeInProgress").str().is_empty() || state.at("/phase").str() == "Pending";
    if updating && !upgrade_failed {
        return Some(progressing("Update in progress"));
    }
    if children("False").any(|c| c.at("/reason").str() == "Progressing") {
        return Some(progressing("Child Progressing"));
    }
    if state.at("/phase").str() == "Failed" {
        return Some(degraded(state.at("/message").str()));
    }
    let failed = match kind {
        "ISBServiceRollout" => "ISBSvcFailed",
        "MonoVertexRollout" => "MonoVertexFailed",
        "PipelineRollout" => "PipelineFailed",
        _ => "",
    };
    for condition in state.at("/conditions").items() {
        let reason = condition.at("/reason").str();
        let counts = if failed.is_empty() { reason != "Progressing" } else { reason == failed };
        if is(&condition, "ChildResourcesHealthy", "False") && counts {
            return Some(degraded(condition.at("/message").str()));
        }
        if upgrade_failed && is(&condition, "ProgressiveUpgradeSucceeded", "False") {
            return Some(degraded("Progressive upgrade failed"));
        }
    }
    let pausing = match kind {
        "MonoVertexRollout" => "MonoVertexPausingOrPaused",
        "PipelineRollout" => "PipelinePausingOrPaused",
        _ => "",
    };
    if let Some(paused) = state.at("/conditions").items().find(|c| !pausing.is_empty() && is(c, pausing, "True")) {
        return Some(healthy(paused.at("/message").str()));
    }
    children("True").next().map(|_| healthy("Healthy"))
}
