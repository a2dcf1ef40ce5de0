//! Tenancy and policy: Capsule, Open Cluster Management, Karmada.

use super::rule::Step::{By, First, Missing, Run, Stale, True};
use super::rule::{Answer, D, H, P, Rule, S, f, t};
use crate::health::node::Node;
use crate::health::{degraded, healthy, progressing, status};
use crate::model::{HealthCode, HealthStatus};

const NO_STATUS: super::rule::Step = Missing("/status/conditions", (P, "Waiting for status"));
const STALE: super::rule::Step = Stale((P, "Waiting for reconciliation (generation mismatch)"));
const READY: super::rule::Step = First(&[f("Ready", D, "{message}"), t("Ready", H, "{message}")]);
const WAITING: Answer = (P, "Waiting for Ready condition");

pub(super) const RULES: &[Rule] = &[
    Rule {
        kinds: "capsule.clastix.io/CapsuleConfiguration|CustomQuota|GlobalCustomQuota|GlobalProxySettings|ProxySetting|\
                TenantOwner",
        steps: &[NO_STATUS, STALE, READY],
        otherwise: WAITING,
    },
    Rule {
        kinds: "capsule.clastix.io/GlobalTenantResource|TenantResource",
        steps: &[True("/spec/cordoned", (S, "Replication is cordoned")), NO_STATUS, STALE, READY],
        otherwise: WAITING,
    },
    Rule {
        kinds: "capsule.clastix.io/ResourcePool",
        steps: &[
            NO_STATUS,
            STALE,
            Run(|pool| {
                let exhausted: Vec<_> = pool.at("/status/exhaustions").entries().map(|(name, _)| name).collect();
                (!exhausted.is_empty()).then(|| degraded(format!("Pool exhausted for: {}", exhausted.join(", "))))
            }),
            READY,
        ],
        otherwise: WAITING,
    },
    Rule {
        kinds: "capsule.clastix.io/ResourcePoolClaim",
        steps: &[NO_STATUS, STALE, First(&[f("Bound", S, "{message}")]), READY],
        otherwise: WAITING,
    },
    Rule {
        kinds: "capsule.clastix.io/Tenant",
        steps: &[NO_STATUS, STALE, First(&[t("Cordoned", S, "{message}")]), READY],
        otherwise: WAITING,
    },
    Rule {
        kinds: "policy.open-cluster-management.io/CertificatePolicy",
        steps: &[By(
            "/status/compliant",
            &[
                ("Compliant", H, "All certificates found comply with the policy"),
                ("*", D, "At least once certificate does not comply with the policy"),
            ],
        )],
        otherwise: (P, "Waiting for the status to be reported"),
    },
    Rule {
        kinds: "policy.open-cluster-management.io/ConfigurationPolicy",
        steps: &[Missing("/status/compliant", (P, "Waiting for the status to be reported")), Run(configuration_policy)],
        otherwise: (P, "Waiting for compliance"),
    },
    Rule {
        kinds: "policy.open-cluster-management.io/OperatorPolicy",
        steps: &[
            Missing("/status/conditions", (P, "Waiting for the status to be reported")),
            Run(|policy| {
                let (seen, current) = (policy.at("/status/observedGeneration"), policy.at("/metadata/generation"));
                let stale = seen.exists() && !seen.same(current);
                stale.then(|| progressing("Waiting for the status to be updated"))
            }),
            First(&[t("Compliant", H, "{message}"), super::rule::any("Compliant", D, "{message}")]),
        ],
        otherwise: (P, "Waiting for the compliance condition"),
    },
    Rule {
        kinds: "policy.open-cluster-management.io/Policy",
        steps: &[
            True("/spec/disabled", (H, "Policy is disabled")),
            Missing("/status", (P, "Waiting for the status to be reported")),
            Run(policy),
        ],
        otherwise: (P, "Waiting for the status to be reported"),
    },
    Rule {
        kinds: "work.karmada.io/ClusterResourceBinding|ResourceBinding",
        steps: &[Run(karmada)],
        otherwise: (H, ""),
    },
];

fn verdict(compliant: Node<'_>, message: String) -> HealthStatus {
    let good = compliant.str() == "Compliant";
    status(if good { HealthCode::Healthy } else { HealthCode::Degraded }, message)
}

fn configuration_policy(policy: Node<'_>) -> Option<HealthStatus> {
    let state = policy.at("/status");
    if !state.at("/lastEvaluatedGeneration").same(policy.at("/metadata/generation")) {
        return Some(progressing("Waiting for the status to be updated"));
    }
    if state.at("/compliancyDetails").is_null() {
        return None;
    }
    let conditions = state.at("/compliancyDetails").items().flat_map(|detail| detail.at("/conditions").items());
    let messages = conditions.filter_map(|condition| {
        let (kind, message) = (condition.at("/type").text()?, condition.at("/message").text()?);
        Some(format!("{kind} - {message}"))
    });
    let messages: Vec<_> = messages.collect();
    Some(verdict(state.at("/compliant"), messages.join("; ")))
}

fn policy(policy: Node<'_>) -> Option<HealthStatus> {
    let state = policy.at("/status");
    if state.at("/compliant").is_null() {
        let unmatched = state.at("/status").is_null() && state.at("/placement").items().len() > 0;
        return unmatched.then(|| healthy("No clusters match this policy"));
    }
    let (list, name, what) = if state.at("/status").exists() {
        ("/status", "/clustername", "clusters")
    } else if state.at("/details").exists() {
        ("/details", "/templateMeta/name", "templates")
    } else {
        return Some(verdict(state.at("/compliant"), String::new()));
    };
    let bad = state.at(list).items().filter(|entry| entry.at("/compliant").str() != "Compliant");
    let bad: Vec<_> = bad.map(|entry| entry.at(name).str()).collect();
    let message = if bad.is_empty() {
        format!("All {what} are compliant")
    } else {
        format!("NonCompliant {what}: {}", bad.join(", "))
    };
    Some(verdict(state.at("/compliant"), message))
}

fn karmada(binding: Node<'_>) -> Option<HealthStatus> {
    let cluster_scoped = binding.at("/kind").str() == "ClusterResourceBinding";
    let (clusters, applied) = (binding.at("/spec/clusters"), binding.at("/status/aggregatedStatus"));
    let (wanted, got) = (clusters.items().len(), applied.items().len());
    let incomplete = binding.at("/status").is_null()
        || applied.is_null()
        || (cluster_scoped && wanted == 0)
        || (!cluster_scoped && got == 0)
        || (clusters.exists() && (wanted == 0 || wanted != got));
    if incomplete {
        return Some(progressing("Current resource status is insufficient"));
    }
    let bad = applied.items().any(|status| match status.at("/health").str() {
        "Unhealthy" => true,
        "Unknown" => !status.at("/applied").is_true(),
        _ => false,
    });
    bad.then(|| degraded("Current resource status is unhealthy"))
}
