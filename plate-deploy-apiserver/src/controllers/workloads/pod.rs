//! The simulated kubelet: pods start, run, fail or complete.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::context::Context;
use super::{Part, PodFailure};
use crate::object::{is_deleting, list, meta, text};

/// What becomes of one container.
enum Fate {
    Running,
    Completed,
    Waiting(&'static str, &'static str),
    Unready,
}

/// Moves a pod on; gives the time at which to look again.
pub(super) fn reconcile(context: &Context<'_>, pod: &Value) -> Option<Timestamp> {
    if is_deleting(pod) {
        if crate::object::finalizers(pod).is_empty() {
            end(context, pod);
        }
        return None;
    }
    let outages = &context.simulation.outages;
    let scheduled =
        list(pod, &["status", "conditions"]).iter().any(|c| c["type"] == "PodScheduled" && c["status"] == "True");
    if !scheduled && (outages.fails(&Part::Scheduler) || outages.fails(&Part::Node)) {
        let waiting =
            super::context::condition("PodScheduled", false, "Unschedulable", "no scheduler or no node takes it");
        context.set_status("pods", pod, json!({"phase": "Pending", "conditions": [with_time(waiting)]}));
        return None;
    }
    if outages.fails(&Part::Node) {
        lose(context, pod);
        return None;
    }
    let ready_at = context.after_creation(pod, start_time(context, pod));
    if context.now < ready_at {
        let pending = json!({"phase": "Pending", "conditions": [with_time(super::context::condition("PodScheduled", true, "", ""))]});
        context.set_status("pods", pod, pending);
        return Some(ready_at);
    }
    context.set_status("pods", pod, status(context, pod));
    None
}

/// The node no longer reports: what ran counts as not ready.
fn lose(context: &Context<'_>, pod: &Value) {
    let mut conditions = list(pod, &["status", "conditions"]).to_vec();
    for condition in conditions.iter_mut().filter(|c| c["type"] == "Ready" && c["status"] == "True") {
        condition["status"] = "False".into();
        condition["reason"] = "NodeNotReady".into();
    }
    context.set_status("pods", pod, json!({"conditions": conditions}));
}

fn end(context: &Context<'_>, pod: &Value) {
    let Some(resource) = context.registry.catalog().find_storage("pods") else { return };
    // Somebody else may have been faster.
    let _ = context.registry.delete_now(&resource, meta(pod, "namespace"), meta(pod, "name"));
}

fn start_time(context: &Context<'_>, pod: &Value) -> std::time::Duration {
    let slow = list(pod, &["spec", "containers"]).iter().filter_map(|c| {
        match context.simulation.failure(text(c, &["image"])) {
            Some(PodFailure::Slow(wait)) => Some(wait),
            _ => None,
        }
    });
    slow.max().unwrap_or(context.simulation.pod_start)
}

fn status(context: &Context<'_>, pod: &Value) -> Value {
    let runs_to_completion = matches!(text(pod, &["spec", "restartPolicy"]), "Never" | "OnFailure");
    let containers: Vec<(Value, bool)> =
        list(pod, &["spec", "containers"]).iter().map(|c| container(context, pod, c, runs_to_completion)).collect();
    let ready = containers.iter().all(|(_, ready)| *ready);
    let failed = containers.iter().any(|(status, _)| status["state"].get("waiting").is_some());
    let phase = match (runs_to_completion, ready, failed) {
        (true, true, _) => "Succeeded",
        (_, _, true) => "Pending",
        _ => "Running",
    };
    let is_ready = ready && !runs_to_completion;
    let reason = if phase == "Succeeded" {
        "PodCompleted"
    } else if is_ready {
        ""
    } else {
        "ContainersNotReady"
    };
    let conditions =
        [("PodScheduled", true), ("Initialized", true), ("ContainersReady", is_ready), ("Ready", is_ready)].map(
            |(kind, status)| with_time(super::context::condition(kind, status, if status { "" } else { reason }, "")),
        );
    json!({
        "phase": phase,
        "conditions": conditions,
        "containerStatuses": containers.into_iter().map(|(status, _)| status).collect::<Vec<_>>(),
        "hostIP": "192.0.2.1",
        "podIP": address(meta(pod, "uid")),
        "qosClass": "BestEffort",
        "startTime": meta(pod, "creationTimestamp"),
    })
}

/// Conditions of pods carry no empty reason.
fn with_time(mut condition: Value) -> Value {
    if let Some(map) = condition.as_object_mut() {
        map.retain(|key, value| !(matches!(key.as_str(), "reason" | "message") && value == ""));
    }
    condition
}

fn container(context: &Context<'_>, pod: &Value, container: &Value, completes: bool) -> (Value, bool) {
    let image = text(container, &["image"]);
    let outages = &context.simulation.outages;
    let name = text(container, &["name"]);
    let runs = list(pod, &["status", "containerStatuses"])
        .iter()
        .any(|status| status["name"] == name && status["image"] == image && status["state"].get("running").is_some());
    let fate = match context.simulation.failure(image) {
        _ if outages.crashes(pod) => Fate::Waiting("CrashLoopBackOff", "back-off restarting failed container"),
        _ if !runs && outages.cannot_pull(container) => Fate::Waiting("ImagePullBackOff", "Back-off pulling image"),
        Some(PodFailure::ImagePull) => Fate::Waiting("ImagePullBackOff", "Back-off pulling image"),
        Some(PodFailure::Crash) => Fate::Waiting("CrashLoopBackOff", "back-off restarting failed container"),
        Some(PodFailure::NeverReady) => Fate::Unready,
        _ if completes => Fate::Completed,
        _ => Fate::Running,
    };
    if matches!(fate, Fate::Running | Fate::Unready | Fate::Completed) {
        outages.pulled(image);
    }
    let started = meta(pod, "creationTimestamp");
    let (state, ready, restarts) = match fate {
        Fate::Running => (json!({"running": {"startedAt": started}}), true, 0),
        Fate::Unready => (json!({"running": {"startedAt": started}}), false, 0),
        Fate::Completed => (
            json!({"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": started, "finishedAt": started}}),
            true,
            0,
        ),
        Fate::Waiting(reason, message) => {
            let restarts = if reason == "CrashLoopBackOff" { 5 } else { 0 };
            (json!({"waiting": {"reason": reason, "message": format!("{message} {image:?}")}}), false, restarts)
        }
    };
    let status = json!({
        "name": text(container, &["name"]), "image": image, "imageID": "", "ready": ready && !completes,
        "started": state.get("running").is_some(), "restartCount": restarts, "state": state, "lastState": {},
    });
    (status, ready)
}

/// An address of the pod network that stays the pod's own.
fn address(uid: &str) -> String {
    let sum = uid.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    format!("10.244.{}.{}", (sum >> 8) & 0xff, (sum & 0xff).max(2))
}
