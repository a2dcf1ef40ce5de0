//! StatefulSets: pods with numbers, made and replaced in order.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::context::{Context, spec_number};
use super::pods;
use crate::object::{generation, is_deleting, list, meta, text};

const REVISION: &str = "controller-revision-hash";

/// Makes the next pod, or replaces the next old one.
pub(super) fn reconcile(context: &Context<'_>, set: &Value) -> Option<Timestamp> {
    if is_deleting(set) {
        return None;
    }
    let revision = format!("{}-{}", meta(set, "name"), pods::template_hash(&set["spec"]["template"]));
    let wanted = spec_number(set, "replicas", 1);
    let pods = context.owned("pods", set);
    let pod = |ordinal: i64| pods.iter().find(|pod| meta(pod, "name") == pod_name(set, ordinal));
    let parallel = text(set, &["spec", "podManagementPolicy"]) == "Parallel";
    for ordinal in 0..wanted {
        match pod(ordinal) {
            None => create(context, set, ordinal, &revision),
            Some(found) if pods::is_ready(found) && !is_deleting(found) => continue,
            Some(_) => {}
        }
        if !parallel {
            break;
        }
    }
    for extra in pods.iter().filter(|pod| ordinal(set, pod).is_none_or(|n| n >= wanted)) {
        context.delete("pods", extra);
    }
    let is_current = |pod: &&Value| text(pod, &["metadata", "labels", REVISION]) == revision;
    let all_ready = (0..wanted).all(|n| pod(n).is_some_and(pods::is_ready));
    let old = (0..wanted).rev().filter_map(pod).find(|pod| !is_current(pod));
    if let (Some(old), true) = (old, all_ready && text(set, &["spec", "updateStrategy", "type"]) != "OnDelete") {
        context.delete("pods", old);
    }
    let ready = pods.iter().filter(|pod| pods::is_ready(pod)).count();
    let updated = pods.iter().filter(is_current).count();
    let before = text(set, &["status", "currentRevision"]);
    let current = if i64::try_from(updated) == Ok(wanted) || before.is_empty() { revision.as_str() } else { before };
    let count = |n: usize| if n == 0 { Value::Null } else { n.into() };
    let status = json!({
        "observedGeneration": generation(set), "replicas": pods.len(), "readyReplicas": count(ready), "availableReplicas": ready,
        "currentReplicas": count(if current == revision { updated } else { pods.len() - updated }), "updatedReplicas": count(updated),
        "currentRevision": current, "updateRevision": revision, "collisionCount": 0,
    });
    context.set_status("statefulsets.apps", set, status);
    None
}

fn pod_name(set: &Value, ordinal: i64) -> String {
    format!("{}-{ordinal}", meta(set, "name"))
}

fn ordinal(set: &Value, pod: &Value) -> Option<i64> {
    meta(pod, "name").strip_prefix(meta(set, "name"))?.strip_prefix('-')?.parse().ok()
}

fn create(context: &Context<'_>, set: &Value, ordinal: i64, revision: &str) {
    let namespace = meta(set, "namespace");
    let name = pod_name(set, ordinal);
    let mut template = set["spec"]["template"].clone();
    for claim in list(set, &["spec", "volumeClaimTemplates"]) {
        let claim_name = format!("{}-{name}", meta(claim, "name"));
        if context.get("persistentvolumeclaims", namespace, &claim_name).is_none() {
            let mut object = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
                "metadata": claim["metadata"], "spec": claim["spec"]});
            object["metadata"]["name"] = claim_name.as_str().into();
            object["metadata"]["labels"] = pods::labels_with(set, &["spec", "selector", "matchLabels"], &[]);
            context.create("persistentvolumeclaims", namespace, object);
        }
        let volume = json!({"name": meta(claim, "name"), "persistentVolumeClaim": {"claimName": claim_name}});
        match template["spec"].get_mut("volumes").and_then(Value::as_array_mut) {
            Some(volumes) => volumes.push(volume),
            None => template["spec"]["volumes"] = json!([volume]),
        }
    }
    let index = ordinal.to_string();
    let labels =
        [(REVISION, revision), ("statefulset.kubernetes.io/pod-name", &name), ("apps.kubernetes.io/pod-index", &index)];
    context.create("pods", namespace, pods::from_template(set, &template, json!({"name": name}), &labels));
}
