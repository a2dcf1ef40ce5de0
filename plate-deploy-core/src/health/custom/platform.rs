//! What a platform stack is made of: Kubernetes' own kinds, certificates, secrets.

use super::rule::Step::{By, First, Last, Missing, Run, Stale, True, Unobserved};
use super::rule::{D, H, P, Rule, any, f, t, u};
use crate::health::node::Node;
use crate::health::{degraded, healthy, progressing};
use crate::model::HealthStatus;

pub(super) const RULES: &[Rule] = &[
    Rule {
        kinds: "cert-manager.io/Certificate",
        steps: &[
            First(&[t("Issuing", P, "{message}")]),
            First(&[f("Ready", D, "{message}"), t("Ready", H, "{message}")]),
        ],
        otherwise: (P, "Waiting for certificate"),
    },
    Rule {
        kinds: "certmanager.k8s.io/Certificate",
        steps: &[First(&[f("Ready", D, "{message}"), t("Ready", H, "{message}")])],
        otherwise: (P, "Waiting for certificate"),
    },
    Rule {
        kinds: "cert-manager.io/CertificateRequest",
        steps: &[
            First(&[t("Denied", D, "{message}"), t("InvalidRequest", D, "{message}")]),
            First(&[
                t("Ready", H, "{message}"),
                any("Ready", P, "{message}").because("Pending"),
                any("Ready", D, "{message}"),
            ]),
        ],
        otherwise: (P, "Waiting for certificate request"),
    },
    Rule {
        kinds: "cert-manager.io/ClusterIssuer",
        steps: &[First(&[f("Ready", D, "{message}"), t("Ready", H, "{message}")])],
        otherwise: (P, "Initializing ClusterIssuer"),
    },
    Rule {
        kinds: "cert-manager.io/Issuer certmanager.k8s.io/Issuer",
        steps: &[First(&[f("Ready", D, "{message}"), t("Ready", H, "{message}")])],
        otherwise: (P, "Initializing issuer"),
    },
    Rule {
        kinds: "acme.cert-manager.io/Challenge",
        steps: &[
            By(
                "/status/state",
                &[
                    ("valid", H, "Challenge is valid"),
                    ("invalid", D, "{.status.reason|Challenge is invalid}"),
                    ("expired", D, "{.status.reason|Challenge is expired}"),
                    ("errored", D, "{.status.reason|Challenge is errored}"),
                    ("", P, "Waiting for challenge"),
                ],
            ),
            Missing("/status/state", (P, "Waiting for challenge")),
            Missing("/status/reason", (P, "Challenge is {.status.state}")),
        ],
        otherwise: (P, "{.status.reason}"),
    },
    Rule {
        kinds: "acme.cert-manager.io/Order",
        steps: &[By(
            "/status/state",
            &[
                ("valid", H, "Order is valid"),
                ("invalid", D, "{.status.reason|Order is invalid}"),
                ("expired", D, "{.status.reason|Order is expired}"),
                ("errored", D, "{.status.reason|Order is errored}"),
                ("", P, "Waiting for order"),
                ("*", P, "Order is {.status.state}"),
            ],
        )],
        otherwise: (P, "Waiting for order"),
    },
    Rule {
        kinds: "trust.cert-manager.io/Bundle",
        steps: &[First(&[t("Synced", H, "{message|Bundle is synced}")]), Run(bundle_not_synced)],
        otherwise: (P, "Waiting for Bundle to be synced"),
    },
    Rule {
        kinds: "external-secrets.io/ClusterSecretStore|ExternalSecret|PushSecret|SecretStore",
        steps: &[First(&[f("Ready", D, "{message}"), t("Ready", H, "{message}")])],
        otherwise: (P, "Waiting for {.kind}"),
    },
    Rule {
        kinds: "external-secrets.io/ClusterExternalSecret",
        steps: &[Run(cluster_external_secret)],
        otherwise: (P, "Waiting for ClusterExternalSecret"),
    },
    Rule {
        kinds: "kubernetes-client.io/ExternalSecret",
        steps: &[Run(kubernetes_client_secret)],
        otherwise: (P, "Waiting for ExternalSecret."),
    },
    Rule {
        kinds: "bitnami.com/SealedSecret",
        steps: &[
            Missing("/metadata/generation", (P, "Waiting for Sealed Secret to be decrypted")),
            Unobserved((P, "Waiting for Sealed Secret to be decrypted")),
            First(&[f("Synced", D, "{message}"), t("Synced", H, "{message}")]),
        ],
        otherwise: (P, "Waiting for Sealed Secret to be decrypted"),
    },
    Rule {
        kinds: "onepassword.com/OnePasswordItem",
        steps: &[First(&[t("Ready", H, "{message}"), f("Ready", D, "{message}")])],
        otherwise: (P, "Waiting for controller to report status"),
    },
    Rule {
        kinds: "addons.projectcapsule.dev/GlobalSopsSecret|SopsProvider|SopsSecret",
        steps: &[
            Missing("/status/conditions", (P, "Waiting for status")),
            Stale((P, "Waiting for reconciliation (generation mismatch)")),
            First(&[t("Ready", H, "{message}"), f("Ready", D, "{message}"), u("Ready", P, "{message}")]),
        ],
        otherwise: (P, "Waiting for Ready condition"),
    },
    Rule {
        kinds: "policy/PodDisruptionBudget",
        steps: &[
            First(&[f("", D, "PodDisruptionBudget has {reason}").unless("InsufficientPods")]),
            Last(&[any("", H, "PodDisruptionBudget has {reason}")]),
        ],
        otherwise: (P, "Waiting for status"),
    },
    Rule {
        kinds: "batch/CronJob",
        steps: &[
            True("/spec/suspend", (H, "CronJob is Suspended")),
            Missing("/status", (P, "Waiting for CronJob")),
            Missing("/status/lastScheduleTime", (H, "CronJob has not been scheduled yet")),
            Missing(
                "/status/lastSuccessfulTime",
                (H, "The CronJob never completed successfully. It may not be healthy"),
            ),
            Run(cron_job),
        ],
        otherwise: (H, "CronJob has completed its last execution successfully"),
    },
    Rule {
        kinds: "apiextensions.k8s.io/CustomResourceDefinition",
        steps: &[Run(custom_resource_definition)],
        otherwise: (P, "Status conditions not found"),
    },
];

fn bundle_not_synced(bundle: Node<'_>) -> Option<HealthStatus> {
    let synced = bundle.condition("Synced")?;
    let reason = [synced.at("/message"), synced.at("/reason")].into_iter().find_map(Node::text);
    Some(degraded(reason.unwrap_or("Bundle is not synced")))
}

/// The newest condition, which the operator appends, decides.
fn cluster_external_secret(secret: Node<'_>) -> Option<HealthStatus> {
    let last = secret.at("/status/conditions").items().last().filter(|c| c.at("/status").str() == "True")?;
    let message = last.at("/message").str();
    match last.at("/type").str() {
        "Ready" => Some(healthy(message)),
        "PartiallyReady" | "NotReady" => Some(degraded(message)),
        _ => None,
    }
}

fn kubernetes_client_secret(secret: Node<'_>) -> Option<HealthStatus> {
    match secret.at("/status/status").str() {
        "SUCCESS" => Some(healthy("Fetched ExternalSecret.")),
        error if error.starts_with("ERROR") => Some(degraded(error.replace("ERROR, ", ""))),
        _ => None,
    }
}

fn cron_job(job: Node<'_>) -> Option<HealthStatus> {
    let status = job.at("/status");
    if status.at("/active").items().len() > 0 {
        return Some(healthy("The job is running. Its last execution may not have been successful"));
    }
    // RFC 3339 times in UTC sort as text.
    let late = status.at("/lastSuccessfulTime").str() < status.at("/lastScheduleTime").str();
    late.then(|| degraded("CronJob has not completed its last execution successfully"))
}

fn custom_resource_definition(crd: Node<'_>) -> Option<HealthStatus> {
    if crd.at("/metadata/deletionTimestamp").exists() {
        return Some(progressing("CRD is terminating"));
    }
    let mut established = false;
    let conditions = crd.at("/status/conditions").items();
    if conditions.len() == 0 {
        return None;
    }
    for condition in conditions {
        let message = condition.at("/message").str();
        match (condition.at("/type").str(), condition.at("/status").str(), condition.at("/reason").str()) {
            ("Terminating", "True", _) => return Some(progressing(format!("CRD is terminating: {message}"))),
            ("NamesAccepted", "False", _) => {
                return Some(degraded(format!("CRD names have not been accepted: {message}")));
            }
            ("NonStructuralSchema", "True", _) => {
                return Some(degraded(format!("Schema violations found: {message}")));
            }
            ("Established", "True", _) => established = true,
            ("Established", _, "InvalidCABundle") => {
                return Some(degraded(format!("CRD is not established: {message}")));
            }
            ("Established", _, "Installing") => return Some(progressing("CRD is being installed")),
            _ => {}
        }
    }
    Some(if established { healthy("CRD is healthy") } else { progressing("CRD is not established") })
}
