//! The Argo projects: Rollouts, Workflows, Events, ApplicationSets.

use super::rule::Step::{By, First, Missing, Run};
use super::rule::{D, H, P, Rule, U, f, t};
use crate::health::node::Node;
use crate::health::{degraded, healthy, progressing, status, suspended, unknown};
use crate::model::{HealthCode, HealthStatus};

pub(super) const RULES: &[Rule] = &[
    Rule {
        kinds: "argoproj.io/AnalysisRun",
        steps: &[
            Missing("/status", (P, "Waiting for analysis run to finish: status has not been reconciled.")),
            By(
                "/status/phase",
                &[
                    ("Pending", P, "Analysis run is running"),
                    ("Running", P, "Analysis run is running"),
                    ("Successful", H, "{.status.message|Analysis run completed successfully}"),
                    ("Failed", D, "{.status.message|Analysis run failed}"),
                    ("Error", D, "{.status.message|Analysis run had an error}"),
                    ("Inconclusive", U, "{.status.message|Analysis run was inconclusive}"),
                ],
            ),
        ],
        otherwise: (U, "Lua returned an invalid health status"),
    },
    Rule {
        kinds: "argoproj.io/Experiment",
        steps: &[
            Missing("/status", (P, "Waiting for experiment to finish: status has not been reconciled.")),
            By(
                "/status/phase",
                &[
                    ("Pending", P, "Experiment is pending"),
                    ("Running", P, "Experiment is running"),
                    ("Successful", H, "Experiment is successful"),
                    ("Failed", D, "Experiment has failed"),
                    ("Error", D, "Experiment had an error"),
                ],
            ),
        ],
        otherwise: (U, "Lua returned an invalid health status"),
    },
    Rule {
        kinds: "argoproj.io/ApplicationSet",
        steps: &[
            First(&[t("ErrorOccurred", D, "{message}")]),
            First(&[f("ResourcesUpToDate", D, "{message}")]),
            First(&[t("RolloutProgressing", P, "{message}")]),
            First(&[t("ResourcesUpToDate", H, "{message}")]),
        ],
        otherwise: (P, "Waiting for the status to be reported"),
    },
    Rule {
        kinds: "argoproj.io/CronWorkflow",
        steps: &[First(&[
            t("SpecError", D, "{message}"),
            t("SubmissionError", D, "{message}"),
            t("Completed", H, "{message}"),
        ])],
        otherwise: (H, "CronWorkflow is healthy."),
    },
    Rule {
        kinds: "argoproj.io/EventBus",
        steps: &[First(&[f("Deployed", D, "{message|=reason}"), t("Deployed", H, "{message|=reason}")])],
        otherwise: (P, "Waiting for initialization"),
    },
    Rule { kinds: "argoproj.io/Rollout", steps: &[Run(rollout)], otherwise: (H, "") },
];

fn rollout(rollout: Node<'_>) -> Option<HealthStatus> {
    let (spec, state) = (rollout.at("/spec"), rollout.at("/status"));
    if !generation_observed(rollout) || !workload_observed(rollout) {
        return Some(progressing("Waiting for rollout spec update to be observed"));
    }
    if let Some(phase) = state.at("/phase").text() {
        let message = state.at("/message").str();
        return Some(match phase {
            "Paused" | "Suspended" => suspended(message),
            "Healthy" => healthy(message),
            "Progressing" => progressing(message),
            "Degraded" => degraded(message),
            "Missing" => status(HealthCode::Missing, message),
            "Unknown" => unknown(message),
            _ => unknown("Lua returned an invalid health status"),
        });
    }
    if let Some(failed) = state.at("/conditions").items().find(is_failure) {
        return Some(degraded(failed.at("/message").str()));
    }
    if state.at("/pauseConditions").items().len() > 0 || spec.at("/paused").is_true() {
        return Some(suspended("Rollout is paused"));
    }
    let hash = state.at("/currentPodHash");
    if hash.is_null() {
        return Some(progressing("Waiting for rollout to finish: status has not been reconciled."));
    }
    let updated = state.at("/updatedReplicas").count();
    if updated < spec.at("/replicas").number().unwrap_or(1.0) {
        return Some(progressing("Waiting for roll out to finish: More replicas need to be updated"));
    }
    if state.at("/availableReplicas").count() < updated {
        return Some(progressing("Waiting for roll out to finish: updated replicas are still becoming available"));
    }
    strategy_pending(spec, state).map(progressing)
}

/// What the chosen strategy still waits for.
fn strategy_pending(spec: Node<'_>, state: Node<'_>) -> Option<&'static str> {
    let hash = state.at("/currentPodHash").str();
    let canary_rs = state.at("/canary/stableRS");
    let stable = state.at("/stableRS").text().or(canary_rs.text()).unwrap_or_default();
    if spec.at("/strategy/blueGreen").exists() {
        if state.at("/blueGreen/activeSelector").str() != hash {
            return Some("active service cutover pending");
        }
        return (!stable.is_empty() && stable != hash).then_some("waiting for analysis to complete");
    }
    if spec.at("/strategy/canary").is_null() {
        return None;
    }
    if state.at("/replicas").count() > state.at("/updatedReplicas").count() {
        return Some("Waiting for roll out to finish: old replicas are pending termination");
    }
    (stable.is_empty() || stable != hash).then_some("Waiting for rollout to finish steps")
}

fn is_failure(condition: &Node<'_>) -> bool {
    let reason = condition.at("/reason").str();
    match condition.at("/type").str() {
        "InvalidSpec" => true,
        "Progressing" => matches!(reason, "RolloutAborted" | "ProgressDeadlineExceeded"),
        _ => false,
    }
}

/// Old controllers write a hash instead of a number; that counts as observed.
fn generation_observed(rollout: Node<'_>) -> bool {
    if rollout.at("/status").is_null() {
        return false;
    }
    let Some(seen) = as_number(rollout.at("/status/observedGeneration")) else { return true };
    seen >= rollout.at("/metadata/generation").count()
}

fn workload_observed(rollout: Node<'_>) -> bool {
    if rollout.at("/spec/workloadRef").is_null() || rollout.at("/metadata/annotations").is_null() {
        return true;
    }
    let wanted = rollout.at("/metadata/annotations").entry("rollout.argoproj.io/workload-generation");
    as_number(wanted) == as_number(rollout.at("/status/workloadObservedGeneration"))
}

/// Lua's `tonumber`.
fn as_number(node: Node<'_>) -> Option<f64> {
    node.number().or_else(|| node.str().trim().parse().ok())
}
