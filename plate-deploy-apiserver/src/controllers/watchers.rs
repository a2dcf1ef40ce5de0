//! Everything else that a cluster keeps an eye on: namespaces, budgets, autoscalers, aggregated APIs.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::context::{Context, condition, spec_number};
use crate::object::{generation, is_deleting, meta};

/// Brings an object of any other kind on.
pub(super) fn reconcile(context: &Context<'_>, resource: &str, object: &Value) -> Option<Timestamp> {
    match resource {
        "namespaces" => namespace(context, object),
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

fn namespace(context: &Context<'_>, namespace: &Value) {
    let name = meta(namespace, "name");
    if !is_deleting(namespace) {
        if context.get("serviceaccounts", name, "default").is_none() {
            let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}});
            context.create("serviceaccounts", name, account);
        }
        if context.get("configmaps", name, "kube-root-ca.crt").is_none() {
            let bundle = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kube-root-ca.crt"}, "data": {"ca.crt": ""}});
            context.create("configmaps", name, bundle);
        }
        return;
    }
    let mut left = false;
    for resource in context.registry.store().resources() {
        for object in context.registry.store().list(&resource, Some(name)).1 {
            left = true;
            if !is_deleting(&object.1.object) {
                context.delete(&resource, &object.1.object);
            }
        }
    }
    if !left {
        // It may be gone already.
        let _ = context.registry.finalize_namespace(name);
    }
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
    let conditions = [condition("AbleToScale", true, "ReadyForNewScale", message), condition("ScalingActive", true, "ValidMetricFound", message)];
    let replicas = spec_number(autoscaler, "minReplicas", 1);
    context.set_status("horizontalpodautoscalers.autoscaling", autoscaler, json!({"conditions": conditions, "currentReplicas": replicas, "desiredReplicas": replicas}));
}
