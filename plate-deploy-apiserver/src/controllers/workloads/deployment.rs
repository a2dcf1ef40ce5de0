//! Deployments: one ReplicaSet a template, rolled over when the new one is up.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::context::{Context, condition, owner_reference, spec_number};
use super::pods;
use crate::object::{at, generation, is_deleting, list, meta, text};

const HASH: &str = "pod-template-hash";
const REVISION: &str = "deployment.kubernetes.io/revision";

/// Rolls the deployment on; gives the time of its progress deadline while it is under way.
pub(super) fn reconcile(context: &Context<'_>, deployment: &Value) -> Option<Timestamp> {
    if is_deleting(deployment) {
        return None;
    }
    let sets = context.owned("replicasets.apps", deployment);
    let hash = pods::template_hash(&deployment["spec"]["template"]);
    let name = format!("{}-{hash}", meta(deployment, "name"));
    let (current, old): (Vec<&Value>, Vec<&Value>) = sets.iter().partition(|set| meta(set, "name") == name);
    let wanted = spec_number(deployment, "replicas", 1);
    let Some(current) = current.first() else {
        let recreate = text(deployment, &["spec", "strategy", "type"]) == "Recreate";
        if recreate && old.iter().any(|set| number(set, "replicas") > 0) {
            old.iter().for_each(|set| scale(context, set, 0));
        } else {
            let revision = sets.iter().filter_map(revision).max().unwrap_or(0) + 1;
            context.create(
                "replicasets.apps",
                meta(deployment, "namespace"),
                replica_set(deployment, &name, &hash, revision, wanted),
            );
        }
        set_status(context, deployment, &sets, None);
        return None;
    };
    scale(context, current, wanted);
    let up = number(current, "availableReplicas") >= wanted;
    if up {
        old.iter().for_each(|set| scale(context, set, 0));
        forget(context, deployment, &old);
    }
    let number = revision(current).unwrap_or(1).to_string();
    if text(deployment, &["metadata", "annotations", REVISION]) != number {
        context.patch("deployments.apps", deployment, "", &json!({"metadata": {"annotations": {REVISION: number}}}));
    }
    set_status(context, deployment, &sets, Some(current))
}

fn number(set: &Value, field: &str) -> i64 {
    at(set, &["status", field]).and_then(Value::as_i64).unwrap_or(0)
}

fn revision(set: &Value) -> Option<i64> {
    text(set, &["metadata", "annotations", REVISION]).parse().ok()
}

fn scale(context: &Context<'_>, set: &Value, replicas: i64) {
    if spec_number(set, "replicas", 1) != replicas {
        context.patch("replicasets.apps", set, "", &json!({"spec": {"replicas": replicas}}));
    }
}

fn replica_set(deployment: &Value, name: &str, hash: &str, revision: i64, replicas: i64) -> Value {
    let mut template = deployment["spec"]["template"].clone();
    template["metadata"]["labels"] =
        pods::labels_with(deployment, &["spec", "template", "metadata", "labels"], &[(HASH, hash)]);
    let mut selector = deployment["spec"]["selector"].clone();
    selector["matchLabels"] = pods::labels_with(deployment, &["spec", "selector", "matchLabels"], &[(HASH, hash)]);
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": name, "namespace": meta(deployment, "namespace"), "labels": template["metadata"]["labels"],
            "annotations": {REVISION: revision.to_string(), "deployment.kubernetes.io/desired-replicas": replicas.to_string()},
            "ownerReferences": [owner_reference(deployment)],
        },
        "spec": {"replicas": replicas, "selector": selector, "template": template,
            "minReadySeconds": spec_number(deployment, "minReadySeconds", 0)},
    })
}

/// Removes the oldest empty ReplicaSets beyond the history limit.
fn forget(context: &Context<'_>, deployment: &Value, old: &[&Value]) {
    let limit = usize::try_from(spec_number(deployment, "revisionHistoryLimit", 10)).unwrap_or(0);
    let mut empty: Vec<&&Value> =
        old.iter().filter(|set| number(set, "replicas") == 0 && spec_number(set, "replicas", 1) == 0).collect();
    empty.sort_by_key(|set| revision(set));
    for set in empty.iter().take(empty.len().saturating_sub(limit)) {
        context.delete("replicasets.apps", set);
    }
}

fn set_status(context: &Context<'_>, deployment: &Value, sets: &[Value], current: Option<&Value>) -> Option<Timestamp> {
    let sum = |field: &str| sets.iter().map(|set| number(set, field)).sum::<i64>();
    let wanted = spec_number(deployment, "replicas", 1);
    let (replicas, ready, available) = (sum("replicas"), sum("readyReplicas"), sum("availableReplicas"));
    let updated = current.map_or(0, |set| number(set, "replicas"));
    let up = current.is_some_and(|set| number(set, "availableReplicas") >= wanted)
        && replicas == updated
        && updated == wanted;
    let (progressing, deadline) = progress(context, deployment, current, up);
    let enough = available >= wanted - i64::from(wanted > 1);
    let (reason, message) = if enough {
        ("MinimumReplicasAvailable", "Deployment has minimum availability.")
    } else {
        ("MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    };
    let mut conditions = [condition("Available", enough, reason, message), progressing];
    for condition in &mut conditions {
        condition["lastUpdateTime"] = Value::Null;
    }
    let count = |n: i64| if n == 0 { Value::Null } else { n.into() };
    let status = json!({
        "observedGeneration": generation(deployment), "replicas": count(replicas), "updatedReplicas": count(updated),
        "readyReplicas": count(ready), "availableReplicas": count(available), "unavailableReplicas": count((wanted - available).max(0)),
        "conditions": conditions,
    });
    context.set_status("deployments.apps", deployment, status);
    deadline
}

/// The Progressing condition, and when it would turn to ProgressDeadlineExceeded.
fn progress(
    context: &Context<'_>,
    deployment: &Value,
    current: Option<&Value>,
    up: bool,
) -> (Value, Option<Timestamp>) {
    let Some(set) = current else {
        return (condition("Progressing", true, "NewReplicaSetCreated", "Created new replica set"), None);
    };
    let name = meta(set, "name");
    if up {
        let message = format!("ReplicaSet \"{name}\" has successfully progressed.");
        return (condition("Progressing", true, "NewReplicaSetAvailable", &message), None);
    }
    let seconds = u64::try_from(spec_number(deployment, "progressDeadlineSeconds", 600)).unwrap_or(600);
    // The clock starts when the rollout to this ReplicaSet does, which may be older: a rollback takes it up again.
    let last = list(deployment, &["status", "conditions"]).iter().find(|c| c["type"] == "Progressing");
    let of_this = |c: &&Value| {
        let reason = text(c, &["reason"]);
        matches!(reason, "ReplicaSetUpdated" | "ProgressDeadlineExceeded") && text(c, &["message"]).contains(name)
    };
    let since = last
        .filter(of_this)
        .and_then(|c| c["lastUpdateTime"].as_str()?.parse::<Timestamp>().ok())
        .unwrap_or(context.now);
    let deadline = since.saturating_add(Duration::from_secs(seconds)).unwrap_or(context.now);
    let failed = last.filter(of_this).is_some_and(|c| c["reason"] == "ProgressDeadlineExceeded");
    if failed || context.now >= deadline {
        let message = format!("ReplicaSet \"{name}\" has timed out progressing.");
        return (condition("Progressing", false, "ProgressDeadlineExceeded", &message), None);
    }
    let message = format!("ReplicaSet \"{name}\" is progressing.");
    (condition("Progressing", true, "ReplicaSetUpdated", &message), Some(deadline))
}
