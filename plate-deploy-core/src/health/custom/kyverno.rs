//! Kyverno.

use super::rule::Step::{First, Run};
use super::rule::{D, H, P, Rule, any, t};
use crate::health::node::Node;
use crate::health::{degraded, healthy, progressing};
use crate::model::HealthStatus;

pub(super) const RULES: &[Rule] = &[
    Rule {
        kinds: "kyverno.io/ClusterPolicy",
        steps: &[First(&[t("Ready", H, "{message}"), any("Ready", D, "{message}")])],
        otherwise: (P, "Waiting for ClusterPolicy to become ready"),
    },
    Rule {
        kinds: "kyverno.io/Policy",
        steps: &[Run(|policy| {
            let ready = |c: Node<'_>| {
                c.at("/type").str() == "Ready"
                    && c.at("/status").str() == "True"
                    && c.at("/reason").str() == "Succeeded"
                    && c.at("/message").str() == "Ready"
            };
            policy.at("/status/conditions").items().any(ready).then(|| healthy("Policy is ready"))
        })],
        otherwise: (P, "Waiting for Policy to be ready"),
    },
    Rule {
        kinds: "policies.kyverno.io/DeletingPolicy|GeneratingPolicy|ImageValidatingPolicy|MutatingPolicy|\
                NamespacedDeletingPolicy|NamespacedGeneratingPolicy|NamespacedImageValidatingPolicy|\
                NamespacedMutatingPolicy|NamespacedValidatingPolicy|ValidatingPolicy",
        steps: &[Run(policy)],
        otherwise: (P, "Waiting for {.kind} status"),
    },
];

fn policy(policy: Node<'_>) -> Option<HealthStatus> {
    let kind = policy.at("/kind").str();
    let state = policy.at("/status/conditionStatus");
    if state.is_null() {
        return None;
    }
    let generation = policy.at("/metadata/generation").number();
    let conditions = state.at("/conditions").items();
    let stale = |c: Node<'_>| {
        c.at("/observedGeneration").number().zip(generation).is_some_and(|(seen, current)| seen < current)
    };
    if conditions.clone().any(stale) {
        return Some(progressing(format!("Waiting for {kind} status to reflect latest generation")));
    }
    let message = Some(state.at("/message").str()).filter(|m| !m.is_empty());
    if !state.at("/ready").is_true() {
        let failed = conditions.clone().find(|c| c.at("/status").str() == "False");
        return Some(degraded(match failed {
            Some(c) => format!("{}: {}", c.at("/type").str(), c.at("/message").str()),
            None => message.unwrap_or("Policy is not ready").to_owned(),
        }));
    }
    // Policies that work through a webhook speak through its condition, the others through any.
    let own = kind.ends_with("DeletingPolicy") || kind.ends_with("GeneratingPolicy");
    let speaks = |c: &Node<'_>| c.at("/status").str() == "True" && (own || c.at("/type").str() == "WebhookConfigured");
    let from_condition = conditions.clone().find(speaks).and_then(|c| c.at("/message").text());
    let falls_back = own || kind.ends_with("ImageValidatingPolicy");
    let fallback = message.filter(|_| falls_back).unwrap_or("Policy is ready");
    Some(healthy(from_condition.unwrap_or(fallback)))
}
