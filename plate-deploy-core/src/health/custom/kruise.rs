//! OpenKruise: workloads, rollouts, game servers.

use super::rule::{H, P, Rule, Step::Run};
use crate::health::node::Node;
use crate::health::{degraded, healthy, progressing, suspended};
use crate::model::HealthStatus;

pub(super) const RULES: &[Rule] = &[
    Rule {
        kinds: "apps.kruise.io/AdvancedCronJob",
        steps: &[Run(advanced_cron_job)],
        otherwise: (H, "AdvancedCronJobs has run successfully"),
    },
    Rule {
        kinds: "apps.kruise.io/BroadcastJob",
        steps: &[Run(broadcast_job)],
        otherwise: (P, "BroadcastJob is still running"),
    },
    Rule { kinds: "apps.kruise.io/CloneSet", steps: &[Run(clone_set)], otherwise: (P, "Waiting for initialization") },
    Rule { kinds: "apps.kruise.io/DaemonSet", steps: &[Run(daemon_set)], otherwise: (P, "Waiting for initialization") },
    Rule {
        kinds: "apps.kruise.io/StatefulSet",
        steps: &[Run(stateful_set)],
        otherwise: (P, "Waiting for initialization"),
    },
    Rule {
        kinds: "game.kruise.io/GameServer",
        steps: &[Run(game_server)],
        otherwise: (super::rule::U, "Waiting for GameServer to be ready"),
    },
    Rule {
        kinds: "game.kruise.io/GameServerSet",
        steps: &[Run(game_server_set)],
        otherwise: (P, "Waiting for GameServerSet initialization"),
    },
    Rule {
        kinds: "rollouts.kruise.io/Rollout",
        steps: &[Run(rollout)],
        otherwise: (P, "Rollout is still progressing"),
    },
];

fn advanced_cron_job(job: Node<'_>) -> Option<HealthStatus> {
    let scheduled = job.at("/status/lastScheduleTime").exists();
    if !scheduled && job.at("/spec/paused").is_true() {
        return Some(suspended("AdvancedCronJob is Paused"));
    }
    if job.at("/status/active").items().len() > 0 {
        return Some(progressing("AdvancedCronJobs has active jobs"));
    }
    (!scheduled).then(|| degraded("AdvancedCronJobs has not run successfully"))
}

fn broadcast_job(job: Node<'_>) -> Option<HealthStatus> {
    let state = job.at("/status");
    if state.is_null() {
        return None;
    }
    let not_zero = |name: &str| state.entry(name).number() != Some(0.0);
    match state.at("/phase").str() {
        "completed" if state.at("/desired").same(state.at("/succeeded")) => {
            Some(healthy("BroadcastJob is completed successfully"))
        }
        "failed" if not_zero("failed") => Some(degraded("BroadcastJob failed")),
        "paused" if job.at("/spec/paused").is_true() => Some(suspended("BroadcastJob is Paused")),
        _ => None,
    }
}

/// Whether the controller has seen the newest spec, which then may be judged.
fn is_observed(object: Node<'_>) -> bool {
    object.at("/status").exists() && object.at("/metadata/generation").same(object.at("/status/observedGeneration"))
}

/// Whether a partition holds the update back: it is not 0, and there was an update at all.
fn is_held(object: Node<'_>, partition: Node<'_>) -> bool {
    partition.number() != Some(0.0) && object.at("/metadata/generation").count() > 1.0
}

fn clone_set(set: Node<'_>) -> Option<HealthStatus> {
    let (strategy, state) = (set.at("/spec/updateStrategy"), set.at("/status"));
    if !is_observed(set) {
        return None;
    }
    let available = state.at("/updatedAvailableReplicas");
    if strategy.at("/paused").is_true() || !available.truthy() {
        return Some(suspended("Cloneset is paused"));
    }
    if is_held(set, strategy.at("/partition")) {
        let done = state.at("/updatedReplicas").count() >= state.at("/expectedUpdatedReplicas").count();
        return done.then(|| suspended("Cloneset needs manual intervention"));
    }
    Some(if available.same(state.at("/replicas")) {
        healthy("All Cloneset workloads are ready and updated")
    } else {
        degraded("Some replicas are not ready or available")
    })
}

fn stateful_set(set: Node<'_>) -> Option<HealthStatus> {
    let (strategy, state) = (set.at("/spec/updateStrategy/rollingUpdate"), set.at("/status"));
    if !is_observed(set) {
        return None;
    }
    let available = state.at("/updatedAvailableReplicas");
    if strategy.at("/paused").is_true() || !available.truthy() {
        return Some(suspended("Statefulset is paused"));
    }
    let partition = strategy.at("/partition");
    if is_held(set, partition) {
        let done = state.at("/updatedReplicas").count() > state.at("/replicas").count() - partition.count();
        return done.then(|| suspended("Statefulset needs manual intervention"));
    }
    Some(if available.same(state.at("/replicas")) {
        healthy("All Statefulset workloads are ready and updated")
    } else {
        degraded("Some replicas are not ready or available")
    })
}

fn daemon_set(set: Node<'_>) -> Option<HealthStatus> {
    let (strategy, state) = (set.at("/spec/updateStrategy/rollingUpdate"), set.at("/status"));
    if !is_observed(set) {
        return None;
    }
    let (updated, desired) = (state.at("/updatedNumberScheduled"), state.at("/desiredNumberScheduled"));
    if strategy.at("/paused").is_true() || !updated.truthy() {
        return Some(suspended("Daemonset is paused"));
    }
    let partition = strategy.at("/partition");
    if partition.exists() && is_held(set, partition) {
        let done = updated.count() > desired.count() - partition.count();
        return done.then(|| suspended("Daemonset needs manual intervention"));
    }
    if updated.same(desired) && state.at("/numberAvailable").same(desired) {
        return Some(healthy("All Daemonset workloads are ready and updated"));
    }
    let none = updated.same(desired) && state.at("/numberUnavailable").same(desired);
    none.then(|| degraded("Some pods are not ready or available"))
}

fn game_server(server: Node<'_>) -> Option<HealthStatus> {
    let state = server.at("/status");
    let (current, desired) = (state.at("/currentState"), state.at("/desiredState"));
    if !current.same(desired) {
        let name = |node: Node<'_>| node.text().unwrap_or("Unknown").to_owned();
        return Some(progressing(format!("State change: {} → {}", name(current), name(desired))));
    }
    let unready = |c: Node<'_>| c.at("/type").str() == "KruisePodReady" && c.at("/status").str() != "True";
    if state.at("/podStatus/conditions").items().any(unready) {
        return Some(degraded("Pod is not ready: KruisePodReady"));
    }
    (current.str() == "Ready").then(|| healthy("GameServer is Ready"))
}

fn game_server_set(set: Node<'_>) -> Option<HealthStatus> {
    let (strategy, state) = (set.at("/spec/updateStrategy/rollingUpdate"), set.at("/status"));
    if !is_observed(set) {
        return None;
    }
    if strategy.at("/paused").is_true() {
        return Some(suspended("GameServerSet is paused"));
    }
    let (replicas, ready) = (state.at("/replicas").count(), state.at("/readyReplicas").count());
    let partition = strategy.at("/partition");
    if partition.count() != 0.0 && state.at("/updatedReplicas").count() >= replicas - partition.count() {
        return Some(suspended(format!("Partition={}, waiting for manual intervention", partition.lua())));
    }
    if (state.at("/updatedReadyReplicas").count() - replicas).abs() < f64::EPSILON {
        return Some(healthy("All GameServerSet replicas are updated and ready"));
    }
    let number = crate::health::node::number;
    (ready < replicas)
        .then(|| progressing(format!("ReadyReplicas {}/{}, still progressing", number(ready), number(replicas))))
}

fn rollout(rollout: Node<'_>) -> Option<HealthStatus> {
    if !is_observed(rollout) {
        return None;
    }
    let step = rollout.at("/status/canaryStatus/currentStepState").str();
    match (step, rollout.at("/status/phase").str()) {
        ("StepPaused", "Progressing") => Some(suspended("Rollout is Paused need manual intervention")),
        ("Completed", "Healthy") => Some(healthy("Rollout is Completed")),
        ("StepPaused", "Terminating" | "Disabled") => Some(degraded("Rollout is Disabled or Terminating")),
        _ => None,
    }
}
