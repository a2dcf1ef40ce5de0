//! Functions, autoscaling and model serving: Knative, OpenFaaS, KEDA, KServe, Camel K, SpinKube.

use super::rule::Step::{First, Missing, Run};
use super::rule::{D, H, P, Rule, f, t};
use crate::health::node::{Node, number};
use crate::health::{degraded, healthy, progressing, status, suspended};
use crate::model::{HealthCode, HealthStatus};

pub(super) const RULES: &[Rule] = &[
    Rule {
        kinds: "camel.apache.org/Integration",
        steps: &[First(&[f("Ready", D, "{message}"), t("Ready", H, "{message}")])],
        otherwise: (P, "Waiting for Integration"),
    },
    Rule {
        kinds: "operator.knative.dev/KnativeEventing",
        steps: &[Run(|o| knative_operator(o, &["Ready", "InstallSucceeded"], &["Ready"]))],
        otherwise: (P, "Waiting for KnativeEventing"),
    },
    Rule {
        kinds: "operator.knative.dev/KnativeServing",
        steps: &[Run(|o| {
            let needed = ["Ready", "InstallSucceeded", "DependenciesInstalled", "DeploymentsAvailable"];
            knative_operator(o, &needed, &["Ready", "DeploymentsAvailable"])
        })],
        otherwise: (P, "Waiting for KnativeServing"),
    },
    Rule {
        kinds: "serving.knative.dev/Service",
        steps: &[Missing("/status/conditions", (P, "Waiting for status update.")), Run(knative_service)],
        otherwise: (P, "Waiting for status update."),
    },
    Rule {
        kinds: "serving.kserve.io/InferenceService",
        steps: &[Missing("/status", (P, "Waiting for InferenceService to report status...")), Run(inference_service)],
        otherwise: (P, "Waiting for InferenceService to report status..."),
    },
    Rule {
        kinds: "serving.kserve.io/LLMInferenceService",
        steps: &[
            Missing("/status/conditions", (P, "Waiting for LLMInferenceService to report status...")),
            Run(llm_inference_service),
        ],
        otherwise: (P, "Waiting for LLMInferenceService to report status..."),
    },
    Rule {
        kinds: "keda.sh/ScaledJob",
        steps: &[Run(|o| scaled(o, ("Ready", "Unknown")))],
        otherwise: (P, "Waiting for ScaledJob"),
    },
    Rule {
        kinds: "keda.sh/ScaledObject",
        steps: &[Run(|o| scaled(o, ("Fallback", "True")))],
        otherwise: (P, "Creating HorizontalPodAutoscaler Object"),
    },
    Rule { kinds: "openfaas.com/Function", steps: &[Run(openfaas)], otherwise: (P, "Waiting for Function") },
    Rule {
        kinds: "core.spinkube.dev/SpinApp",
        steps: &[Missing("/status", (P, "Waiting for status to be available")), Run(spin_app)],
        otherwise: (P, ""),
    },
];

/// All conditions, one a line, counted from 1.
fn listing(conditions: impl Iterator<Item = (usize, (String, String))>) -> String {
    conditions.map(|(i, (kind, state))| format!("{}: {kind} | {state}\n", i + 1)).collect()
}

fn knative_operator(object: Node<'_>, needed: &[&str], blocking: &[&str]) -> Option<HealthStatus> {
    let conditions = object.at("/status/conditions");
    if conditions.is_null() {
        return None;
    }
    let pairs = || conditions.items().map(|c| (c.at("/type").lua(), c.at("/status").lua()));
    let waits =
        pairs().any(|(kind, state)| state == "Unknown" || (state == "False" && blocking.contains(&kind.as_str())));
    let good = pairs().filter(|(kind, state)| state == "True" && needed.contains(&kind.as_str())).count();
    Some(if waits {
        progressing(listing(pairs().enumerate()))
    } else if good == needed.len() {
        healthy(format!("{} is healthy.", object.at("/kind").str()))
    } else {
        degraded(listing(pairs().enumerate()))
    })
}

fn knative_service(service: Node<'_>) -> Option<HealthStatus> {
    let (mut ready, mut failed, mut waiting, mut message) = (0, 0, 0, String::new());
    for condition in service.at("/status/conditions").items() {
        let (kind, state) = (condition.at("/type").str(), condition.at("/status").str());
        match state {
            "True" => ready += i32::from(matches!(kind, "ConfigurationsReady" | "RoutesReady" | "Ready")),
            "False" => failed += 1,
            "Unknown" => waiting += 1,
            _ => {}
        }
        if !matches!(state, "False" | "Unknown") {
            continue;
        }
        message = format!("{message}{kind} is {state}");
        let reason = condition.at("/reason").str();
        if !reason.is_empty() {
            message = format!("{message}, since {reason}.");
        }
        let why = condition.at("/message").str();
        if !why.is_empty() {
            message = format!("{message} {why}");
        }
        message.push('\n');
    }
    Some(match (ready, failed, waiting) {
        (3, 0, 0) => healthy("Knative Service is healthy."),
        (_, 0, _) => progressing(message),
        _ => degraded(message),
    })
}

fn detail(condition: Node<'_>) -> String {
    let part = |name: &str| match condition.entry(name).str() {
        "" => String::new(),
        text => format!(" | {text}"),
    };
    format!("{}{}", part("reason"), part("message"))
}

fn inference_service(service: Node<'_>) -> Option<HealthStatus> {
    let (mut moving, mut failed, mut unknowns, mut falses) = (false, false, 0, 0);
    let mut message = String::new();
    let model = service.at("/status/modelStatus");
    let transition = model.at("/transitionStatus");
    if model.exists() && transition.str() != "UpToDate" {
        if transition.str() == "InProgress" {
            moving = true
        } else {
            failed = true
        }
        message = format!("0: transitionStatus | {}", transition.lua());
    }
    if service.at("/status/conditions").is_null() {
        return None;
    }
    for (index, condition) in service.at("/status/conditions").items().enumerate() {
        let (kind, state) = (condition.at("/type").str(), condition.at("/status").str());
        match (kind, state) {
            ("Stopped", "True") => return Some(suspended("InferenceService is Stopped")),
            (_, "Unknown") => unknowns += 1,
            (kind, "False") if kind != "Stopped" => falses += 1,
            _ => {}
        }
        if state != "True" && kind != "Stopped" {
            message = format!("{message} | {}: {kind} | {state}{}", index + 1, detail(condition));
        }
    }
    Some(if !moving && !failed && unknowns == 0 && falses == 0 {
        healthy("InferenceService is healthy.")
    } else if failed {
        degraded(message)
    } else {
        progressing(message)
    })
}

fn llm_inference_service(service: Node<'_>) -> Option<HealthStatus> {
    let conditions = service.at("/status/conditions").items();
    let ready = conditions.clone().rfind(|c| c.at("/type").str() == "Ready");
    let others = conditions.clone().filter(|c| c.at("/type").str() != "Ready" && c.at("/status").str() != "True");
    let others = others.map(|c| format!("{}: {}{}", c.at("/type").str(), c.at("/status").str(), detail(c)));
    let others: Vec<_> = others.collect();
    let generation = service.at("/metadata/generation");
    let stale = |seen: Node<'_>| seen.exists() && generation.exists() && !seen.same(generation);
    if stale(service.at("/status/observedGeneration")) || ready.is_some_and(|c| stale(c.at("/observedGeneration"))) {
        return Some(progressing("Waiting for LLMInferenceService reconciliation (generation mismatch)"));
    }
    if conditions.clone().any(|c| c.at("/reason").str() == "Stopped") {
        return Some(suspended("LLMInferenceService is Stopped"));
    }
    let code = match ready.map(|c| c.at("/status").str()) {
        Some("True") => return Some(healthy("LLMInferenceService is healthy.")),
        Some("False") => HealthCode::Degraded,
        _ => HealthCode::Progressing,
    };
    let own = ready.map(|c| c.at("/message").str()).filter(|m| !m.is_empty());
    let default = "Waiting for LLMInferenceService to report status...";
    Some(status(code, if others.is_empty() { own.unwrap_or(default).to_owned() } else { others.join("; ") }))
}

/// KEDA: `Ready` decides, `Paused` suspends, `bad` is the (type, status) that also means trouble. The message is the
/// last one that mattered.
fn scaled(object: Node<'_>, bad: (&str, &str)) -> Option<HealthStatus> {
    let (mut good, mut failed, mut paused, mut message) = (false, false, false, "");
    for condition in object.at("/status/conditions").items() {
        let state = (condition.at("/type").str(), condition.at("/status").str());
        match state {
            ("Ready", "False") => failed = true,
            ("Ready", "True") => good = true,
            ("Paused", "True") => paused = true,
            state if state == bad => failed = true,
            _ => continue,
        }
        message = condition.at("/message").str();
    }
    match (failed, good, paused) {
        (true, ..) => Some(degraded(message)),
        (false, true, false) => Some(healthy(message)),
        (false, true, true) => Some(suspended(message)),
        _ => None,
    }
}

fn openfaas(function: Node<'_>) -> Option<HealthStatus> {
    function.at("/status/conditions").items().find_map(|condition| {
        let message = condition.at("/message").str();
        match (condition.at("/type").str(), condition.at("/status").str()) {
            ("Ready", "False") | ("Stalled", "True") => Some(degraded(message)),
            ("Ready", "True") if function.at("/status/replicas").count() > 0.0 => Some(healthy(message)),
            ("Ready", "True") => Some(suspended("No replicas available")),
            _ => None,
        }
    })
}

fn spin_app(app: Node<'_>) -> Option<HealthStatus> {
    let (mut available, mut available_message) = (false, String::new());
    let mut moving = None;
    for condition in app.at("/status/conditions").items() {
        let message = |default: &str| condition.at("/message").text().unwrap_or(default).to_owned();
        let is_true = condition.at("/status").str() == "True";
        match condition.at("/type").str() {
            "Progressing" => {
                let text = message("").to_lowercase();
                let given_up = condition.at("/reason").str() == "ProgressDeadlineExceeded"
                    || text.contains("timeout")
                    || text.contains("failed");
                if condition.at("/status").str() == "False" && given_up {
                    return Some(degraded(message("Application deployment has failed")));
                }
                if is_true {
                    moving = Some(message("Application progress status"));
                }
            }
            "Available" => {
                available = is_true;
                let default = if is_true { "Application availability status" } else { "Application is not available" };
                available_message = message(default);
            }
            _ => {}
        }
    }
    if !available {
        return Some(degraded(available_message));
    }
    let (ready, wanted) = (app.at("/status/readyReplicas").count(), app.at("/spec/replicas").number().unwrap_or(1.0));
    let share = format!("{}/{}", number(ready), number(wanted));
    Some(match moving {
        _ if ready < wanted => progressing(format!("Waiting for replicas to be ready ({share})")),
        Some(message) => progressing(message),
        None => healthy(format!("Application is healthy with {share} replicas ready")),
    })
}
