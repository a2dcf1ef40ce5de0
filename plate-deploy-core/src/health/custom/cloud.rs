//! Clouds: Google's Config Connector, AWS controllers, Karpenter, SAP BTP, Pulumi, GKE, NetApp.

use super::rule::Step::{By, First, Missing, Run, True, Unobserved};
use super::rule::{D, H, P, Rule, S, f, t};
use crate::health::node::Node;
use crate::health::{degraded, healthy, progressing, suspended};
use crate::model::HealthStatus;

/// All kinds below `cnrm.cloud.google.com`.
pub(super) const CONFIG_CONNECTOR: Rule =
    Rule { kinds: "", steps: &[Run(config_connector)], otherwise: (P, "Update in progress") };

/// All kinds below `services.k8s.aws`.
pub(super) const AWS_CONTROLLERS: Rule = Rule {
    kinds: "",
    steps: &[First(&[t("ACK.Terminal", D, "{message}"), f("Ready", P, "{message}"), t("Ready", H, "")])],
    otherwise: (P, "Waiting for resource to be ready"),
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        kinds: "karpenter.k8s.aws/EC2NodeClass",
        steps: &[First(&[f("Ready", D, "{message}"), t("Ready", H, "EC2NodeClass is ready")])],
        otherwise: (P, "Waiting for EC2NodeClass to be ready"),
    },
    Rule {
        kinds: "karpenter.sh/NodePool",
        steps: &[First(&[f("Ready", D, "{message}"), t("Ready", H, "{message}")])],
        otherwise: (P, "Waiting for NodePool to be ready"),
    },
    Rule {
        kinds: "karpenter.sh/NodeClaim",
        steps: &[
            super::rule::Step::Stale((P, "Waiting for NodeClaim spec to be reconciled")),
            First(&[t("Disrupting", S, "{message}")]),
            First(&[t("Ready", H, "{message}"), f("Ready", D, "{message}")]),
            First(&[t("Initialized", P, "Node initialized, waiting for Ready")]),
            First(&[t("Registered", P, "Node registered, waiting for initialization")]),
            First(&[t("Launched", P, "Node launched, waiting for registration")]),
        ],
        otherwise: (P, "Waiting for NodeClaim to be launched"),
    },
    Rule {
        kinds: "networking.gke.io/ManagedCertificate",
        steps: &[
            Run(|certificate| {
                let failed = |d: Node<'_>| d.at("/status").str() == "FailedNotVisible";
                let any = certificate.at("/status/domainStatus").items().any(failed);
                any.then(|| degraded("At least one certificate has failed to be provisioned"))
            }),
            By("/status/certificateStatus", &[("Active", H, "All certificates are active")]),
        ],
        otherwise: (P, "At least one certificate is still being provisioned"),
    },
    Rule {
        kinds: "services.cloud.sap.com/ServiceBinding|ServiceInstance",
        steps: &[Run(sap_service)],
        otherwise: (P, "Waiting for status"),
    },
    Rule {
        kinds: "pulumi.com/Stack",
        steps: &[
            Unobserved((P, "Waiting for the operator to observe the latest spec change")),
            Missing("/status", (P, "Waiting for the operator to observe the latest spec change")),
            First(&[t("Stalled", D, "{message}"), t("Reconciling", P, "{message}"), t("Ready", H, "{message}")]),
        ],
        otherwise: (P, "Waiting for the stack to be reconciled"),
    },
    Rule { kinds: "spot.io/SpotDeployment", steps: &[Run(spot_deployment)], otherwise: (H, "") },
    Rule {
        kinds: "iammanager.keikoproj.io/Iamrole",
        steps: &[Run(iam_role)],
        otherwise: (P, "Waiting for Iamrole to be reconciled"),
    },
    Rule {
        kinds: "core.gardener.cloud/Shoot",
        steps: &[Run(|shoot| {
            let state = shoot.at("/metadata/labels").entry("shoot.gardener.cloud/status");
            Some(match state.str() {
                "healthy" => healthy("Component state: Healthy"),
                "progressing" => progressing("Component state: Update in progress"),
                "unhealthy" => degraded("Component state: Unhealthy"),
                "unknown" => crate::health::unknown("Component state: Unknown"),
                _ => return None,
            })
        })],
        otherwise: (P, "Update in progress"),
    },
    Rule {
        kinds: "astra.netapp.io/Backup|ExecHooksRun|ResourceBackup|ResticVolumeBackup|Snapshot",
        steps: &[By(
            "/status/state",
            &[("Completed", H, "{.kind} Completed"), ("Running", P, "{.kind} Running"), ("*", D, "{.status.state}")],
        )],
        otherwise: (P, "No status available"),
    },
    Rule {
        kinds: "astra.netapp.io/AppVault",
        steps: &[By(
            "/status/state",
            &[
                ("available", H, "{.kind} Available"),
                ("Available", H, "{.kind} Available"),
                ("failed", D, "{.kind} Failed"),
                ("Failed", D, "{.kind} Failed"),
            ],
        )],
        otherwise: (P, "No status available"),
    },
    Rule {
        kinds: "astra.netapp.io/Application",
        steps: &[First(&[
            t("Ready", H, "Astra Application Ready, protectionState: {.status.protectionState}"),
            f("Ready", D, "Astra Application Degraded, message: {message}"),
        ])],
        otherwise: (P, "No status available"),
    },
    Rule {
        kinds: "astra.netapp.io/ExecHook",
        steps: &[
            True("/spec/enabled", (H, "{.kind} enabled")),
            super::rule::Step::False("/spec/enabled", (S, "{.kind} disabled")),
        ],
        otherwise: (P, "No status available"),
    },
    Rule {
        kinds: "astra.netapp.io/Schedule",
        steps: &[Missing("/status/lastScheduleTime", (H, "Protection policy not yet executed"))],
        otherwise: (H, "Protection policy lastScheduleTime: {.status.lastScheduleTime}"),
    },
    Rule {
        kinds: "trident.netapp.io/TridentBackendConfig",
        steps: &[Run(|backend| {
            let (phase, last) = (backend.at("/status/phase").str(), backend.at("/status/lastOperationStatus").str());
            let message = backend.at("/status/message").str();
            match (phase, last) {
                ("Bound", "Success") => Some(healthy(message)),
                (_, "Failed") => Some(degraded(message)),
                _ => None,
            }
        })],
        otherwise: (P, "Waiting for backend creation"),
    },
    Rule {
        kinds: "trident.netapp.io/TridentOrchestrator",
        steps: &[By(
            "/status/status",
            &[
                ("Installed", H, "{.status.message}"),
                ("Failed", D, "{.status.message}"),
                ("Error", D, "{.status.message}"),
            ],
        )],
        otherwise: (P, "Waiting for trident installation"),
    },
];

fn config_connector(object: Node<'_>) -> Option<HealthStatus> {
    let (seen, current) = (object.at("/status/observedGeneration"), object.at("/metadata/generation"));
    let up_to_date = seen.is_null() || seen.same(current);
    let kind = object.at("/kind").str();
    let health = object.at("/status/healthy");
    if health.exists() {
        let connector = matches!(kind, "ConfigConnector" | "ConfigConnectorContext") && up_to_date;
        let customize = object.at("/apiVersion").str().starts_with("customize.core.cnrm.cloud.google.com/")
            && (up_to_date || seen.int() == Some(0));
        if connector || customize {
            return Some(if health.is_true() {
                healthy(format!("{kind} is healthy"))
            } else {
                degraded(format!("{kind} is not healthy"))
            });
        }
    }
    let conditions = object.at("/status/conditions").items();
    conditions.filter(|_| up_to_date).find_map(|condition| {
        let message = condition.at("/message").str();
        match (condition.at("/reason").str(), condition.at("/status").str()) {
            ("UpToDate", "True") => Some(healthy(message)),
            ("UpdateFailed" | "DependencyNotFound", _) => Some(degraded(message)),
            ("DependencyNotReady", _) => Some(suspended(message)),
            _ => None,
        }
    })
}

fn sap_service(service: Node<'_>) -> Option<HealthStatus> {
    if service.at("/metadata/deletionTimestamp").exists() {
        return Some(progressing("Resource is being deleted"));
    }
    if service.at("/status/conditions").is_null() {
        return None;
    }
    let current = service.at("/metadata/generation");
    for condition in service.at("/status/conditions").items() {
        let seen = condition.at("/observedGeneration");
        if seen.exists() && current.exists() && !seen.same(current) {
            return Some(progressing("Waiting for spec update to be observed"));
        }
        if matches!(
            (condition.at("/type").str(), condition.at("/status").str()),
            ("Succeeded", "False") | ("Failed", "True")
        ) {
            return Some(degraded(condition.at("/message").str()));
        }
    }
    Some(healthy("Ready to use"))
}

fn spot_deployment(deployment: Node<'_>) -> Option<HealthStatus> {
    if deployment.at("/status/conditions").is_null() {
        return Some(crate::health::unknown("Lua returned an invalid health status"));
    }
    for condition in deployment.at("/status/conditions").items() {
        match (condition.at("/type").str(), condition.at("/reason").str()) {
            ("InvalidSpec", _) | ("Progressing", "RolloutAborted" | "ProgressDeadlineExceeded") => {
                return Some(degraded(condition.at("/message").str()));
            }
            ("Paused", _) if condition.at("/status").str() == "True" => {
                return Some(suspended("Rollout is paused"));
            }
            _ => {}
        }
    }
    let waits = deployment.at("/status/phase").str() == "Progressing";
    waits.then(|| progressing("Waiting for rollout to finish steps"))
}

fn iam_role(role: Node<'_>) -> Option<HealthStatus> {
    let status = role.at("/status");
    let part = |name: &str| status.entry(name).text().unwrap_or("<none>").to_owned();
    let (name, arn, id) = (part("roleName"), part("roleARN"), part("roleID"));
    match status.at("/state").str() {
        "Ready" => Some(healthy(format!("Role '{name}' exists with ARN '{arn}' and ID '{id}'."))),
        "Error" | "RolesMaxLimitReached" | "PolicyNotAllowed" | "RoleNameNotAvailable" => {
            let retries = status.at("/retryCount");
            let retry = if retries.count() > 0.0 { format!("(retry {}) ", retries.lua()) } else { String::new() };
            let error = status.at("/errorDescription").text();
            let error = error.map(|e| format!(" Reconciliation error was: {e}")).unwrap_or_default();
            Some(degraded(format!(
                "Failed to reconcile the Iamrole {retry}for role '{name}' with ARN '{arn}' and ID '{id}'.{error}"
            )))
        }
        _ => None,
    }
}
