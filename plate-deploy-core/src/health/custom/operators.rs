//! Operators and delivery tools: OLM, kro, Flagger, Keptn, OpenShift's DeploymentConfig.

use super::rule::Step::{By, Missing, Run, True};
use super::rule::{D, H, P, Rule, U};
use crate::health::node::Node;
use crate::health::{degraded, healthy, progressing, status};
use crate::model::{HealthCode, HealthStatus};

/// All kinds of `kro.run` but its own definitions.
pub(super) const KRO_INSTANCE: Rule = Rule {
    kinds: "",
    steps: &[Missing("/status/conditions", (P, "Waiting for KRO to report status")), Run(kro_instance)],
    otherwise: (P, "Waiting for instance to become ready"),
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        kinds: "kro.run/ResourceGraphDefinition",
        steps: &[Missing("/status/conditions", (P, "Waiting for KRO to report status")), Run(kro_definition)],
        otherwise: (P, "Waiting for ResourceGraphDefinition to become ready"),
    },
    Rule {
        kinds: "operators.coreos.com/Subscription",
        steps: &[Run(olm_subscription)],
        otherwise: (P, "An install plan for a subscription is pending installation"),
    },
    Rule { kinds: "flagger.app/Canary", steps: &[Run(flagger_canary)], otherwise: (U, "No status") },
    Rule {
        kinds: "lifecycle.keptn.sh/KeptnAppVersion|KeptnTask|KeptnWorkloadInstance|KeptnWorkloadVersion",
        steps: &[By("/status/status", &[("Succeeded", H, "{.kind} is healthy"), ("Failed", D, "{.kind} is degraded")])],
        otherwise: (P, "{.kind} is progressing"),
    },
    Rule {
        kinds: "lifecycle.keptn.sh/KeptnEvaluation",
        steps: &[By(
            "/status/overallStatus",
            &[("Succeeded", H, "{.kind} is healthy"), ("Failed", D, "{.kind} is degraded")],
        )],
        otherwise: (P, "{.kind} is progressing"),
    },
    Rule {
        kinds: "metrics.keptn.sh/Analysis",
        steps: &[
            True("/status/pass", (H, "Analysis is healthy")),
            True("/status/warning", (H, "Analysis is healthy with warnings")),
            super::rule::Step::False("/status/pass", (D, "Analysis is degraded")),
        ],
        otherwise: (P, "Analysis is progressing"),
    },
    Rule {
        kinds: "metrics.keptn.sh/KeptnMetric",
        steps: &[Run(|metric| {
            if !metric.at("/status/errMsg").str().is_empty() {
                return Some(degraded("KeptnMetric is degraded"));
            }
            metric.at("/status/value").exists().then(|| healthy("KeptnMetric is healthy"))
        })],
        otherwise: (P, "KeptnMetric is progressing"),
    },
    Rule {
        kinds: "apps.openshift.io/DeploymentConfig",
        steps: &[Run(deployment_config)],
        otherwise: (P, "replication controller is waiting for pods to run"),
    },
    Rule {
        kinds: "k8s.keycloak.org/Keycloak",
        steps: &[Missing("/status/conditions", (P, "Waiting for Keycloak status conditions to exist")), Run(keycloak)],
        otherwise: (P, ""),
    },
];

/// Conditions that speak about the newest generation.
fn current<'a>(object: Node<'a>) -> impl Iterator<Item = Node<'a>> {
    let generation = object.at("/metadata/generation");
    object.at("/status/conditions").items().filter(move |c| {
        let seen = c.at("/observedGeneration");
        generation.exists() && seen.exists() && seen.same(generation)
    })
}

fn message_or(condition: Node<'_>, suffix: &str) -> String {
    let kind = condition.at("/type").str();
    condition.at("/message").text().map_or_else(|| format!("{kind} {suffix}"), str::to_owned)
}

fn kro_definition(definition: Node<'_>) -> Option<HealthStatus> {
    let known = ["GraphRevisionsResolved", "GraphAccepted", "KindReady", "ControllerReady", "Ready"];
    current(definition).find_map(|condition| match (condition.at("/type").str(), condition.at("/status").str()) {
        ("Ready", "True") => Some(healthy("ResourceGraphDefinition is active and serving instances")),
        (kind, "False") if known.contains(&kind) => Some(degraded(message_or(condition, "is False"))),
        _ => None,
    })
}

fn kro_instance(instance: Node<'_>) -> Option<HealthStatus> {
    let known = ["InstanceManaged", "GraphResolved", "ResourcesReady", "Ready"];
    let state = instance.at("/status/state").str();
    current(instance).find_map(|condition| match (condition.at("/type").str(), condition.at("/status").str(), state) {
        ("Ready", "True", _) => Some(healthy("Instance is active and running")),
        (kind, "False", "FAILED" | "ERROR") if known.contains(&kind) => {
            Some(degraded(message_or(condition, "is False")))
        }
        (kind, "False", "IN_PROGRESS") if known.contains(&kind) => {
            Some(progressing(message_or(condition, "is in progress")))
        }
        _ => None,
    })
}

fn olm_subscription(subscription: Node<'_>) -> Option<HealthStatus> {
    let state = subscription.at("/status");
    if state.at("/conditions").is_null() {
        return None;
    }
    let manual = waits_for_approval(subscription);
    let (mut degradations, mut pending, mut message) = (0, 0, String::new());
    for (index, condition) in state.at("/conditions").items().enumerate() {
        let (kind, is) = (condition.at("/type").str(), condition.at("/status").str());
        if manual && kind == "InstallPlanPending" {
            continue;
        }
        message = format!("{message}{}: {kind} | {is}\n", index + 1);
        match (kind, is) {
            ("InstallPlanPending", "True") => pending += 1,
            ("InstallPlanMissing", _) if condition.at("/reason").str() != "ReferencedInstallPlanNotFound" => {
                degradations += 1;
            }
            ("CatalogSourcesUnhealthy" | "InstallPlanFailed" | "ResolutionFailed", "True") => degradations += 1,
            _ => {}
        }
    }
    let phase = state.at("/state").text();
    message.push_str(&match phase {
        None => ".status.state not yet known\n".to_owned(),
        Some("UpgradePending") if manual => {
            ".status.state is 'UpgradePending' (manual InstallPlan approval pending; treated as healthy)\n".to_owned()
        }
        Some(phase) => format!(".status.state is '{phase}'\n"),
    });
    match phase {
        None | Some("" | "UpgradeAvailable") => pending += 1,
        Some("UpgradePending") if !manual => pending += 1,
        Some("UpgradeFailed") => degradations += 1,
        Some(_) => {}
    }
    Some(match (degradations, pending) {
        (0, 0) => healthy(message),
        (0, _) => progressing(message),
        _ => degraded(message),
    })
}

/// An upgrade a person has to approve, of an operator that is installed already.
fn waits_for_approval(subscription: Node<'_>) -> bool {
    let approval = |c: Node<'_>| {
        c.at("/type").str() == "InstallPlanPending"
            && c.at("/status").str() == "True"
            && c.at("/reason").str() == "RequiresApproval"
    };
    subscription.at("/spec/installPlanApproval").str() == "Manual"
        && subscription.at("/status/installedCSV").exists()
        && subscription.at("/status/conditions").items().any(approval)
}

fn flagger_canary(canary: Node<'_>) -> Option<HealthStatus> {
    let state = canary.at("/status");
    if state.is_null() {
        return None;
    }
    let weight = state.at("/canaryWeight");
    let shown = weight.number().or_else(|| weight.str().parse().ok()).is_some_and(|w| w > 0.0);
    let weight = shown.then(|| format!("Canary Weight: {} %", weight.lua()));
    let messages = state.at("/conditions").items().map(|c| c.at("/message").str().to_owned());
    let parts: Vec<_> = weight.into_iter().chain(messages).collect();
    let phase = state.at("/phase").str();
    let code = match phase {
        "Failed" => HealthCode::Degraded,
        "Progressing" | "Finalising" | "Promoting" => HealthCode::Progressing,
        "Succeeded" | "Initialized" => HealthCode::Healthy,
        _ => HealthCode::Unknown,
    };
    Some(status(code, format!("{phase} --- {}", parts.join(" --- "))))
}

/// The oldest condition that says something decides; conditions without a time come last.
fn keycloak(keycloak: Node<'_>) -> Option<HealthStatus> {
    let mut conditions: Vec<_> = keycloak.at("/status/conditions").items().collect();
    conditions.sort_by_key(|c| (c.at("/lastTransitionTime").is_null(), c.at("/lastTransitionTime").str()));
    let mut conditions = conditions.into_iter().filter(|c| c.at("/status").str() == "True");
    conditions.find_map(|condition| match condition.at("/type").str() {
        "Ready" => Some(healthy("")),
        "HasErrors" => Some(degraded(format!("Has Errors: {}", condition.at("/message").str()))),
        _ => None,
    })
}

fn deployment_config(config: Node<'_>) -> Option<HealthStatus> {
    let (conditions, replicas) = (config.at("/status/conditions"), config.at("/status/replicas"));
    if conditions.is_null() || replicas.is_null() {
        return None;
    }
    let good = |c: &Node<'_>| {
        let rolled_out = c.at("/reason").str() == "NewReplicationControllerAvailable";
        let counts = match c.at("/type").str() {
            "Available" => true,
            "Progressing" => rolled_out,
            _ => false,
        };
        counts && c.at("/status").str() == "True"
    };
    Some(match conditions.items().filter(good).count() {
        2 => healthy("replication controller successfully rolled out"),
        _ if replicas.int() == Some(0) => healthy("replication controller successfully rolled out"),
        1 => progressing("replication controller is waiting for pods to run"),
        _ => degraded("Deployment config is degraded"),
    })
}
