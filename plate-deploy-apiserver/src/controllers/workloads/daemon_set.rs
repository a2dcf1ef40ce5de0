//! DaemonSets: one pod on the one node.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::context::Context;
use super::pods;
use crate::object::{generation, is_deleting, meta, text};

const REVISION: &str = "controller-revision-hash";

/// Makes or replaces the pod.
pub(super) fn reconcile(context: &Context<'_>, set: &Value) -> Option<Timestamp> {
    if is_deleting(set) {
        return None;
    }
    let revision = pods::template_hash(&set["spec"]["template"]);
    let (current, old): (Vec<Value>, Vec<Value>) = context
        .owned("pods", set)
        .into_iter()
        .filter(|pod| !is_deleting(pod))
        .partition(|pod| text(pod, &["metadata", "labels", REVISION]) == revision);
    old.iter().for_each(|pod| context.delete("pods", pod));
    let name = json!({"generateName": format!("{}-", meta(set, "name"))});
    let make = || pods::from_template(set, &set["spec"]["template"], name.clone(), &[(REVISION, &revision)]);
    pods::scale(context, &current, 1, make, meta(set, "namespace"));
    let ready = usize::from(current.iter().any(pods::is_ready));
    let status = json!({
        "observedGeneration": generation(set), "desiredNumberScheduled": 1, "currentNumberScheduled": current.len().min(1),
        "numberMisscheduled": 0, "numberReady": ready,
        "numberAvailable": if ready == 0 { Value::Null } else { ready.into() },
        "numberUnavailable": if ready == 1 { Value::Null } else { 1.into() },
        "updatedNumberScheduled": if current.is_empty() { Value::Null } else { 1.into() },
    });
    context.set_status("daemonsets.apps", set, status);
    None
}
