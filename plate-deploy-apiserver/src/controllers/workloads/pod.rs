//! The simulated scheduler and kubelet: pods are bound, start, run, fail or complete.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::context::{Context, condition};
use super::network::NODE;
use super::{Part, PodFailure};
use crate::object::{is_deleting, list, meta, text};

/// What has become of one container.
struct Container {
    status: Value,
    /// It runs and answers, or has completed.
    well: bool,
    /// It ended with an error and stays ended.
    dead: bool,
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
    let bound = !text(pod, &["spec", "nodeName"]).is_empty();
    if !bound && (outages.fails(&Part::Scheduler) || outages.fails(&Part::Node)) {
        let waiting = condition("PodScheduled", false, "Unschedulable", "no scheduler or no node takes it");
        context.set_status("pods", pod, json!({"phase": "Pending", "conditions": [plain(waiting)]}));
        return None;
    }
    if outages.fails(&Part::Node) {
        lose(context, pod);
        return None;
    }
    if failures(context, pod).any(|f| f == PodFailure::Unschedulable) {
        unschedulable(context, pod);
        return None;
    }
    if !bound {
        // The change brings the pod back here.
        context.patch("pods", pod, "", &json!({"spec": {"nodeName": NODE}}));
        return None;
    }
    let ready_at = context.after_creation(pod, start_time(context, pod));
    if context.now < ready_at {
        context.set_status("pods", pod, starting(pod));
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

fn failures<'a>(context: &'a Context<'_>, pod: &'a Value) -> impl Iterator<Item = PodFailure> + use<'a> {
    let containers = ["initContainers", "containers"].into_iter().flat_map(|key| list(pod, &["spec", key]));
    containers.filter_map(|c| context.simulation.failure(text(c, &["image"])))
}

fn start_time(context: &Context<'_>, pod: &Value) -> std::time::Duration {
    let slow = failures(context, pod).filter_map(|f| match f {
        PodFailure::Slow(wait) => Some(wait),
        _ => None,
    });
    slow.max().unwrap_or(context.simulation.pod_start)
}

fn unschedulable(context: &Context<'_>, pod: &Value) {
    let message = "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.";
    let conditions = [plain(condition("PodScheduled", false, "Unschedulable", message))];
    context.set_status("pods", pod, json!({"phase": "Pending", "conditions": conditions}));
    context.warn(pod, "FailedScheduling", message, "default-scheduler");
}

/// Bound, and its containers are being made.
fn starting(pod: &Value) -> Value {
    let waiting = |c: &Value| {
        json!({"name": text(c, &["name"]), "image": text(c, &["image"]), "imageID": "", "ready": false, "started": false,
            "restartCount": 0, "state": {"waiting": {"reason": "ContainerCreating"}}, "lastState": {}})
    };
    let containers: Vec<Value> = list(pod, &["spec", "containers"]).iter().map(waiting).collect();
    json!({
        "phase": "Pending", "conditions": conditions(pod, true, false, "ContainersNotReady"),
        "containerStatuses": containers, "hostIP": "192.0.2.1", "startTime": meta(pod, "creationTimestamp"),
    })
}

fn status(context: &Context<'_>, pod: &Value) -> Value {
    let policy = text(pod, &["spec", "restartPolicy"]);
    let completes = matches!(policy, "Never" | "OnFailure");
    let make = |key: &str, completes: bool| -> Vec<Container> {
        list(pod, &["spec", key]).iter().map(|c| container(context, pod, c, completes)).collect()
    };
    let init = make("initContainers", true);
    let initialized = init.iter().all(|c| c.well);
    let mut containers = make("containers", completes);
    if !initialized {
        // The containers wait for the init containers.
        for c in &mut containers {
            *c = Container { well: false, dead: false, ..std::mem::replace(c, nothing()) };
            c.status["state"] = json!({"waiting": {"reason": "PodInitializing"}});
            c.status["ready"] = false.into();
            c.status["started"] = false.into();
            c.status["restartCount"] = 0.into();
            c.status["lastState"] = json!({});
        }
    }
    let all = || init.iter().chain(&containers);
    let well = initialized && containers.iter().all(|c| c.well);
    let pulling = all().any(|c| text(&c.status, &["state", "waiting", "reason"]) == "ImagePullBackOff");
    let phase = match (all().any(|c| c.dead), completes && well) {
        (true, _) => "Failed",
        (_, true) => "Succeeded",
        _ if pulling || !initialized => "Pending",
        _ => "Running",
    };
    let ready = well && !completes;
    let reason = if phase == "Succeeded" { "PodCompleted" } else { "ContainersNotReady" };
    let mut out = json!({
        "phase": phase, "conditions": conditions(pod, initialized, ready, reason),
        "containerStatuses": containers.into_iter().map(|c| c.status).collect::<Vec<_>>(),
        "hostIP": "192.0.2.1", "podIP": address(meta(pod, "uid")), "podIPs": [{"ip": address(meta(pod, "uid"))}],
        "startTime": meta(pod, "creationTimestamp"),
    });
    if !init.is_empty() {
        out["initContainerStatuses"] = init.into_iter().map(|c| c.status).collect();
    }
    out
}

fn nothing() -> Container {
    Container { status: Value::Null, well: false, dead: false }
}

/// The conditions that a kubelet sets, with the words of one.
fn conditions(pod: &Value, initialized: bool, ready: bool, reason: &str) -> Vec<Value> {
    let names = |key: &str| {
        let names: Vec<&str> = list(pod, &["spec", key]).iter().map(|c| text(c, &["name"])).collect();
        names.join(" ")
    };
    let unready = match reason {
        "PodCompleted" => String::new(),
        _ => format!("containers with unready status: [{}]", names("containers")),
    };
    let incomplete = format!("containers with incomplete status: [{}]", names("initContainers"));
    let of = |kind: &str, status: bool, reason: &str, message: &str| {
        plain(if status { condition(kind, true, "", "") } else { condition(kind, false, reason, message) })
    };
    vec![
        of("PodReadyToStartContainers", true, "", ""),
        of("Initialized", initialized, "ContainersNotInitialized", &incomplete),
        of("Ready", ready, reason, &unready),
        of("ContainersReady", ready, reason, &unready),
        of("PodScheduled", true, "", ""),
    ]
}

/// Conditions of pods carry no empty reason.
fn plain(mut condition: Value) -> Value {
    if let Some(map) = condition.as_object_mut() {
        map.retain(|key, value| !(matches!(key.as_str(), "reason" | "message") && value == ""));
    }
    condition
}

fn container(context: &Context<'_>, pod: &Value, container: &Value, completes: bool) -> Container {
    let (name, image) = (text(container, &["name"]), text(container, &["image"]));
    let outages = &context.simulation.outages;
    let runs = list(pod, &["status", "containerStatuses"])
        .iter()
        .any(|status| status["name"] == name && status["image"] == image && status["state"].get("running").is_some());
    let failure = match context.simulation.failure(image) {
        _ if outages.crashes(pod) => Some(PodFailure::Crash),
        _ if !runs && outages.cannot_pull(container) => Some(PodFailure::ImagePull),
        own => own,
    };
    let started = meta(pod, "creationTimestamp");
    let terminated = |code: i64, reason: &str| {
        json!({"terminated": {"exitCode": code, "reason": reason, "startedAt": started, "finishedAt": started,
            "containerID": ""}})
    };
    let never = text(pod, &["spec", "restartPolicy"]) == "Never";
    let (state, last, restarts) = match failure {
        Some(PodFailure::ImagePull) => {
            let why = format!("Failed to pull image {image:?}: rpc error: code = NotFound desc = {image}: not found");
            context.warn(pod, "Failed", &why, "kubelet");
            let message = format!("Back-off pulling image {image:?}: ErrImagePull: {image}: not found");
            (json!({"waiting": {"reason": "ImagePullBackOff", "message": message}}), json!({}), 0)
        }
        Some(PodFailure::Crash) if never => (terminated(1, "Error"), json!({}), 0),
        Some(PodFailure::Crash) => {
            let message = format!(
                "back-off 5m0s restarting failed container={name} pod={}_{}({})",
                meta(pod, "name"),
                meta(pod, "namespace"),
                meta(pod, "uid")
            );
            context.warn(pod, "BackOff", &format!("Back-off restarting failed container {name}"), "kubelet");
            (json!({"waiting": {"reason": "CrashLoopBackOff", "message": message}}), terminated(1, "Error"), 5)
        }
        Some(PodFailure::NeverReady) => {
            context.warn(pod, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", "kubelet");
            (json!({"running": {"startedAt": started}}), json!({}), 0)
        }
        _ if completes => (terminated(0, "Completed"), json!({}), 0),
        _ => (json!({"running": {"startedAt": started}}), json!({}), 0),
    };
    let running = state.get("running").is_some();
    let unready = failure == Some(PodFailure::NeverReady);
    let code = state["terminated"]["exitCode"].as_i64();
    if running || code == Some(0) {
        outages.pulled(image);
    }
    Container {
        well: code == Some(0) || (running && !unready),
        dead: code.is_some_and(|code| code != 0),
        status: json!({
            "name": name, "image": image, "imageID": "", "ready": running && !unready, "started": running,
            "restartCount": restarts, "state": state, "lastState": last,
        }),
    }
}

/// An address of the pod network that stays the pod's own.
fn address(uid: &str) -> String {
    let sum = uid.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    format!("10.244.{}.{}", (sum >> 8) & 0xff, (sum & 0xff).max(2))
}
