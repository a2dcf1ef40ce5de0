//! Gateway API, Envoy Gateway, Airlock Microgateway: objects whose status lists the parents or ancestors that judged
//! them, each with conditions of its own.

use super::rule::Step::{First, Run};
use super::rule::{D, H, P, Rule, any};
use crate::health::node::Node;
use crate::health::{degraded, healthy, progressing, status};
use crate::model::{HealthCode, HealthStatus};

/// All kinds of `microgateway.airlock.com`.
pub(super) const AIRLOCK: Rule =
    Rule { kinds: "", steps: &[Run(airlock)], otherwise: (P, "Waiting for {.kind} status") };

pub(super) const RULES: &[Rule] = &[
    Rule {
        kinds: "gateway.networking.k8s.io/GRPCRoute|HTTPRoute",
        steps: &[Run(route)],
        otherwise: (P, "Waiting for {.kind} status"),
    },
    Rule {
        kinds: "gateway.networking.k8s.io/TLSRoute",
        steps: &[Run(tls_route)],
        otherwise: (P, "Waiting for TLSRoute status"),
    },
    Rule {
        kinds: "gateway.networking.k8s.io/Gateway",
        steps: &[Run(gateway)],
        otherwise: (P, "Waiting for Gateway status"),
    },
    Rule {
        kinds: "gateway.networking.k8s.io/GatewayClass",
        steps: &[Run(gateway_class)],
        otherwise: (P, "Waiting for GatewayClass status"),
    },
    Rule {
        kinds: "gateway.networking.k8s.io/ListenerSet",
        steps: &[Run(listener_set)],
        otherwise: (P, "Waiting for ListenerSet status"),
    },
    Rule {
        kinds: "gateway.networking.k8s.io/BackendTLSPolicy",
        steps: &[Run(|policy| attached_policy(policy, false))],
        otherwise: (P, "Waiting for BackendTLSPolicy status"),
    },
    Rule {
        kinds: "gateway.envoyproxy.io/Backend",
        steps: &[
            Run(stale_backend),
            First(&[super::rule::t("Accepted", H, "{message}"), any("Accepted", D, "{message}")]),
        ],
        otherwise: (P, "Waiting for Backend status"),
    },
    Rule {
        kinds: "gateway.envoyproxy.io/BackendTrafficPolicy|ClientTrafficPolicy|EnvoyExtensionPolicy|EnvoyPatchPolicy|\
                SecurityPolicy",
        steps: &[Run(envoy_policy)],
        otherwise: (P, "Waiting for {.kind} status"),
    },
];

/// Whether the judge of `part` (a parent or ancestor) has seen the object's newest generation.
fn observed(object: Node<'_>, part: Node<'_>) -> bool {
    let generation = object.at("/metadata/generation");
    if generation.is_null() {
        return true;
    }
    let conditions = part.at("/conditions").items();
    conditions.len() > 0
        && conditions.map(|c| c.at("/observedGeneration")).all(|seen| seen.is_null() || seen.same(generation))
}

/// The first condition of this type whose status is False, as a message.
fn failed(part: Node<'_>, kind: &str) -> Option<String> {
    let is_false = |c: &Node<'_>| c.at("/type").str() == kind && c.at("/status").str() == "False";
    part.at("/conditions").items().find(is_false).map(|c| failure(c, kind))
}

fn failure(condition: Node<'_>, kind: &str) -> String {
    condition.at("/message").text().map_or_else(|| format!("Failed condition: {kind}"), str::to_owned)
}

/// The first `Programmed` condition that is not True, as a message.
fn unprogrammed(part: Node<'_>, what: &str) -> Option<String> {
    let waits = |c: &Node<'_>| c.at("/type").str() == "Programmed" && c.at("/status").str() != "True";
    let condition = part.at("/conditions").items().find(waits)?;
    Some(condition.at("/message").text().map_or_else(|| format!("{what} is still being programmed"), str::to_owned))
}

/// What is wrong with one parent, listener or gateway.
fn judge(part: Node<'_>, what: &str) -> Option<(HealthCode, String)> {
    let failure = failed(part, "ResolvedRefs").or_else(|| failed(part, "Accepted"));
    let failure = failure.map(|message| (HealthCode::Degraded, message));
    failure.or_else(|| unprogrammed(part, what).map(|message| (HealthCode::Progressing, message)))
}

fn route(route: Node<'_>) -> Option<HealthStatus> {
    let parents = || route.at("/status/parents").items().filter(|p| observed(route, *p));
    for parent in parents().filter(|p| p.at("/conditions").exists()) {
        if let Some((code, message)) = judge(parent, "Route") {
            return Some(status(code, format!("Parent {}: {message}", parent.at("/parentRef/name").str())));
        }
    }
    let judged = parents().any(|p| p.at("/conditions").items().len() > 0);
    judged.then(|| healthy(format!("{} is healthy", route.at("/kind").str())))
}

fn tls_route(route: Node<'_>) -> Option<HealthStatus> {
    let (mut accepted_somewhere, mut programming, mut waiting) = (false, None, None);
    let judged = |p: &Node<'_>| p.at("/conditions").items().len() > 0 && observed(route, *p);
    for parent in route.at("/status/parents").items().filter(judged) {
        let name = parent.at("/parentRef/name").str();
        let find = |kind: &str| parent.at("/conditions").items().find(|c| c.at("/type").str() == kind);
        let state = |kind: &str| find(kind).map(|c| c.at("/status").str());
        for kind in ["ResolvedRefs", "Accepted"] {
            if let Some(condition) = find(kind).filter(|c| c.at("/status").str() == "False") {
                let message = Some(condition.at("/message").str()).filter(|m| !m.is_empty());
                let message = message.map_or_else(|| format!("Failed condition: {kind}"), str::to_owned);
                return Some(degraded(format!("Parent {name}: {message}")));
            }
        }
        match find("Programmed").filter(|c| c.at("/status").str() != "True") {
            Some(condition) => {
                let message = condition.at("/message").text().unwrap_or("Route is still being programmed");
                programming.get_or_insert(format!("Parent {name}: {message}"));
            }
            None if state("Accepted") == Some("True") && state("ResolvedRefs") == Some("True") => {
                accepted_somewhere = true;
            }
            None => {
                waiting.get_or_insert(format!("Parent {name}: Waiting for TLSRoute conditions"));
            }
        }
    }
    match (programming, accepted_somewhere) {
        (Some(message), _) => Some(progressing(message)),
        (None, true) => Some(healthy("TLSRoute is healthy")),
        (None, false) => waiting.map(progressing),
    }
}

fn gateway(gateway: Node<'_>) -> Option<HealthStatus> {
    let state = gateway.at("/status");
    if let Some((code, message)) = judge(state, "Gateway") {
        return Some(status(code, message));
    }
    let listeners = state.at("/listeners").items();
    if let Some((code, message)) = listeners.clone().find_map(|listener| judge(listener, "Listener")) {
        return Some(status(code, format!("Listener: {message}")));
    }
    (state.at("/conditions").exists() || listeners.len() > 0).then(|| healthy("Gateway is healthy"))
}

fn gateway_class(class: Node<'_>) -> Option<HealthStatus> {
    let generation = class.at("/metadata/generation");
    let current = |c: &Node<'_>| {
        let seen = c.at("/observedGeneration");
        c.at("/type").str() == "Accepted" && (seen.is_null() || generation.is_null() || seen.same(generation))
    };
    let condition = class.at("/status/conditions").items().find(current)?;
    let message = |default: &'static str| condition.at("/message").text().unwrap_or(default).to_owned();
    Some(match condition.at("/status").str() {
        "True" => healthy(message("GatewayClass is accepted")),
        "False" => degraded(message("GatewayClass is not accepted")),
        _ => progressing(message("Waiting for GatewayClass status")),
    })
}

fn listener_set(set: Node<'_>) -> Option<HealthStatus> {
    let state = set.at("/status");
    let generation = set.at("/metadata/generation");
    let stale = |c: Node<'_>| {
        let seen = c.at("/observedGeneration");
        seen.exists() && generation.exists() && !seen.same(generation)
    };
    if state.at("/conditions").items().any(stale) {
        return None;
    }
    if let Some(message) = failed(state, "Accepted") {
        return Some(degraded(message));
    }
    if let Some(message) = last_unprogrammed(state, "ListenerSet") {
        return Some(progressing(message));
    }
    let listeners = state.at("/listeners").items();
    for listener in listeners.clone() {
        if let Some(message) = listener.at("/conditions").items().find_map(listener_failure) {
            return Some(degraded(format!("Listener: {message}")));
        }
        if let Some(message) = last_unprogrammed(listener, "Listener") {
            return Some(progressing(format!("Listener: {message}")));
        }
    }
    (listeners.len() > 0).then(|| healthy("ListenerSet is healthy"))
}

fn last_unprogrammed(part: Node<'_>, what: &str) -> Option<String> {
    let waits = |c: &Node<'_>| c.at("/type").str() == "Programmed" && c.at("/status").str() != "True";
    let condition = part.at("/conditions").items().rfind(waits)?;
    Some(condition.at("/message").text().map_or_else(|| format!("{what} is still being programmed"), str::to_owned))
}

fn listener_failure(condition: Node<'_>) -> Option<String> {
    let message = condition.at("/message").text();
    match (condition.at("/type").str(), condition.at("/status").str()) {
        (kind @ ("ResolvedRefs" | "Accepted"), "False") => Some(failure(condition, kind)),
        ("Conflicted", "True") => Some(message.unwrap_or("Listener is conflicted").to_owned()),
        _ => None,
    }
}

/// Policies attached to ancestors; `strict`: every condition must carry the newest generation.
fn attached_policy(policy: Node<'_>, strict: bool) -> Option<HealthStatus> {
    let (kind, generation) = (policy.at("/kind").str(), policy.at("/metadata/generation"));
    let name = |ancestor: Node<'_>| ancestor.at("/ancestorRef/name").str().to_owned();
    let ancestors = policy.at("/status/ancestors").items();
    let stale = |ancestor: &Node<'_>| {
        ancestor
            .at("/conditions")
            .items()
            .map(|c| c.at("/observedGeneration"))
            .any(|seen| generation.exists() && (if seen.is_null() { strict } else { !seen.same(generation) }))
    };
    if let Some(ancestor) = ancestors.clone().find(stale) {
        return Some(progressing(format!("Waiting for Ancestor {} to update {kind} status", name(ancestor))));
    }
    let mut result = None;
    for ancestor in ancestors {
        let mut accepted = false;
        for condition in ancestor.at("/conditions").items() {
            let good = condition.at("/status").str() == "True";
            match condition.at("/type").str() {
                "Accepted" | "ResolvedRefs" if !good => {
                    let message = condition.at("/message").str();
                    return Some(degraded(format!("Ancestor {}: {message}", name(ancestor))));
                }
                "Accepted" => {
                    accepted = true;
                    result = Some(healthy(format!("{kind} is healthy")));
                }
                _ => {}
            }
        }
        if strict && !accepted {
            result = Some(degraded(format!("Ancestor {}: {kind} is not accepted", name(ancestor))));
        }
    }
    result
}

fn airlock(object: Node<'_>) -> Option<HealthStatus> {
    let kind = object.at("/kind").str();
    if !kind.ends_with("Policy") {
        return Some(healthy(format!("{kind} is healthy")));
    }
    attached_policy(object, true)
}

fn stale_backend(backend: Node<'_>) -> Option<HealthStatus> {
    let seen = backend.condition("Accepted")?.at("/observedGeneration");
    let stale = seen.exists() && !seen.same(backend.at("/metadata/generation"));
    stale.then(|| progressing("Waiting for Backend status to be updated"))
}

fn envoy_policy(policy: Node<'_>) -> Option<HealthStatus> {
    let judged = || {
        let ancestors = policy.at("/status/ancestors").items();
        ancestors.filter(|a| a.at("/conditions").exists() && observed(policy, *a))
    };
    if let Some(message) = judged().find_map(|ancestor| rejected(ancestor)) {
        return Some(degraded(message));
    }
    let accepted = judged().any(|a| a.at("/conditions").items().len() > 0);
    accepted.then(|| healthy(format!("{} is healthy", policy.at("/kind").str())))
}

fn rejected(ancestor: Node<'_>) -> Option<String> {
    let is_false = |c: &Node<'_>| c.at("/type").str() == "Accepted" && c.at("/status").str() == "False";
    ancestor.at("/conditions").items().find(is_false).map(|c| c.at("/message").str().to_owned())
}
