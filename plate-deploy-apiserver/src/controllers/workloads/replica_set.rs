//! ReplicaSets: as many pods as asked for.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::context::{Context, spec_number};
use super::pods;
use crate::object::{generation, is_deleting, meta};

/// Makes or removes pods, and counts them.
pub(super) fn reconcile(context: &Context<'_>, set: &Value) -> Option<Timestamp> {
    if is_deleting(set) {
        return None;
    }
    let pods: Vec<Value> = context.owned("pods", set).into_iter().filter(|pod| !is_deleting(pod)).collect();
    let wanted = usize::try_from(spec_number(set, "replicas", 1)).unwrap_or(0);
    let name = json!({"generateName": format!("{}-", meta(set, "name"))});
    pods::scale(
        context,
        &pods,
        wanted,
        || pods::from_template(set, &set["spec"]["template"], name.clone(), &[]),
        meta(set, "namespace"),
    );
    let ready = pods.iter().filter(|pod| pods::is_ready(pod)).count();
    let count = |n: usize| if n == 0 { Value::Null } else { n.into() };
    let status = json!({
        "replicas": pods.len(), "fullyLabeledReplicas": count(pods.len()), "readyReplicas": count(ready),
        "availableReplicas": count(ready), "observedGeneration": generation(set),
    });
    context.set_status("replicasets.apps", set, status);
    None
}
