//! Crossplane and Upbound.

use super::rule::{P, Rule, Step::Run};
use crate::health::node::Node;
use crate::health::{degraded, healthy, progressing, suspended};
use crate::model::HealthStatus;

/// All kinds below `crossplane.io` without a rule of their own.
pub(super) const CROSSPLANE: Rule = Rule { kinds: "", steps: &[Run(crossplane)], otherwise: (P, "Provisioning ...") };

/// All kinds below `upbound.io`.
pub(super) const UPBOUND: Rule = Rule { kinds: "", steps: &[Run(upbound)], otherwise: (P, "Provisioning ...") };

pub(super) const RULES: &[Rule] = &[
    Rule {
        kinds: "cloudfront.aws.crossplane.io/Distribution iam.aws.crossplane.io/Policy|Role|RolePolicyAttachment \
                rds.aws.crossplane.io/DBCluster|DBInstance route53.aws.crossplane.io/ResourceRecordSet \
                s3.aws.crossplane.io/Bucket",
        steps: &[Run(classic_aws)],
        otherwise: (P, "Provisioning ..."),
    },
    Rule {
        kinds: "pkg.crossplane.io/Provider",
        steps: &[Run(provider)],
        otherwise: (P, "Waiting for provider to be installed"),
    },
    Rule {
        kinds: "stacks.crossplane.io/ClusterStackInstall",
        steps: &[Run(stack_install)],
        otherwise: (P, "Waiting for stack to be installed"),
    },
];

/// Kinds of both families that have no conditions because nothing happens to them.
const PASSIVE: &[&str] =
    &["ProviderConfig", "ProviderConfigUsage", "StoreConfig", "ClusterProviderConfig", "ClusterProviderConfigUsage"];
/// More of them in Crossplane itself.
const PASSIVE_CROSSPLANE: &[&str] = &[
    "Composition",
    "CompositionRevision",
    "DeploymentRuntimeConfig",
    "EnvironmentConfig",
    "ImageConfig",
    "ControllerConfig",
];
const UP_TO_DATE: &str = "Resource is up-to-date.";

fn crossplane(object: Node<'_>) -> Option<HealthStatus> {
    let inactive = object.at("/spec/state").str() != "Active";
    judge(object, PASSIVE_CROSSPLANE, |condition| {
        let kind = condition.at("/type").str();
        let ready =
            matches!(kind, "Ready" | "Healthy" | "Offered" | "Established" | "ValidPipeline" | "RevisionHealthy");
        let unused = kind == "Established" && condition.at("/reason").str() == "InactiveManagedResource" && inactive;
        unused || (ready && condition.at("/status").str() == "True")
    })
}

fn upbound(object: Node<'_>) -> Option<HealthStatus> {
    judge(object, &[], |condition| condition.at("/type").str() == "Ready" && condition.at("/status").str() == "True")
}

fn judge(object: Node<'_>, passive: &[&str], is_ready: impl Fn(Node<'_>) -> bool) -> Option<HealthStatus> {
    let conditions = object.at("/status/conditions").items();
    if conditions.len() == 0 {
        let kind = object.at("/kind").str();
        let used = object.at("/status/users").exists();
        let idle = PASSIVE.contains(&kind) || passive.contains(&kind);
        return idle.then(|| healthy(if used { "Resource is in use." } else { UP_TO_DATE }));
    }
    let failed = |c: &Node<'_>| {
        matches!(c.at("/type").str(), "LastAsyncOperation" | "Synced") && c.at("/status").str() == "False"
    };
    if let Some(condition) = conditions.clone().find(failed) {
        return Some(degraded(condition.at("/message").str()));
    }
    conditions.clone().any(is_ready).then(|| healthy(UP_TO_DATE))
}

/// The classic AWS provider: `Ready` and `Synced` together, with the reasons as messages.
fn classic_aws(object: Node<'_>) -> Option<HealthStatus> {
    let what = match object.at("/kind").str() {
        "Distribution" => "distribution",
        "ResourceRecordSet" => "resourcrecordset",
        kind => kind,
    };
    if object.at("/status/conditions").is_null() {
        return Some(progressing(format!("Waiting for {what} to be created")));
    }
    let (mut ready, mut synced, mut paused) = (false, false, false);
    let (mut reason, mut error) = ("", "");
    for condition in object.at("/status/conditions").items() {
        let (is_true, why) = (condition.at("/status").str() == "True", condition.at("/reason").str());
        match condition.at("/type").str() {
            "Ready" => (ready, reason) = (is_true, why),
            "Synced" => {
                synced = is_true;
                match why {
                    "ReconcileError" => error = condition.at("/message").str(),
                    "ReconcilePaused" => paused = true,
                    _ => {}
                }
            }
            _ => {}
        }
    }
    Some(match (ready, synced, paused) {
        (true, true, _) => healthy(reason),
        (_, false, true) => suspended("ReconcilePaused"),
        (false, true, false) => progressing(format!("Waiting for {what} to be available")),
        _ => degraded(error),
    })
}

fn provider(provider: Node<'_>) -> Option<HealthStatus> {
    let part = |kind: &str| provider.at("/status/conditions").items().rfind(|c| c.at("/type").str() == kind);
    let (installed, running) = (part("Installed"), part("Healthy"));
    let reasons: Vec<_> = [installed, running].into_iter().flatten().filter_map(|c| c.at("/reason").text()).collect();
    if reasons.is_empty() {
        return None;
    }
    let good = |c: Option<Node<'_>>| c.is_some_and(|c| c.at("/status").str() == "True");
    let message = reasons.join(" ");
    Some(if good(installed) && good(running) { healthy(message) } else { degraded(message) })
}

fn stack_install(install: Node<'_>) -> Option<HealthStatus> {
    let conditions = install.at("/status/conditionedStatus/conditions").items();
    let mut last = None;
    for ready in conditions.filter(|c| c.at("/type").str() == "Ready") {
        let reason = ready.at("/reason").str();
        if ready.at("/status").str() == "True" {
            return Some(healthy(reason));
        }
        last = Some(progressing(reason));
    }
    last
}
