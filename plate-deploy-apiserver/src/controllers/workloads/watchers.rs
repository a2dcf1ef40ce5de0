//! Everything else that a cluster keeps an eye on: budgets, autoscalers, aggregated APIs.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::context::{Context, condition, spec_number};
use crate::object::generation;

/// Brings an object of any other kind on.
pub(super) fn reconcile(context: &Context<'_>, resource: &str, object: &Value) -> Option<Timestamp> {
    match resource {
        "poddisruptionbudgets.policy" => budget(context, object),
        "horizontalpodautoscalers.autoscaling" => autoscaler(context, object),
        "apiservices.apiregistration.k8s.io" => {
            let available = condition("Available", true, "Passed", "all checks passed");
            context.set_status(resource, object, json!({"conditions": [available]}));
        }
        _ => {}
    }
    None
}

fn budget(context: &Context<'_>, budget: &Value) {
    let healthy = condition("DisruptionAllowed", true, "SufficientPods", "");
    let status = json!({
        "conditions": [healthy], "currentHealthy": 1, "desiredHealthy": 0, "disruptionsAllowed": 1, "expectedPods": 1,
        "observedGeneration": generation(budget),
    });
    context.set_status("poddisruptionbudgets.policy", budget, status);
}

/// Nothing is scaled: the embedded cluster has no load. The status says so instead of keeping everybody waiting.
fn autoscaler(context: &Context<'_>, autoscaler: &Value) {
    let message = "the embedded cluster does not scale";
    let conditions = [
        condition("AbleToScale", true, "ReadyForNewScale", message),
        condition("ScalingActive", true, "ValidMetricFound", message),
    ];
    let replicas = spec_number(autoscaler, "minReplicas", 1);
    context.set_status(
        "horizontalpodautoscalers.autoscaling",
        autoscaler,
        json!({"conditions": conditions, "currentReplicas": replicas, "desiredReplicas": replicas}),
    );
}
