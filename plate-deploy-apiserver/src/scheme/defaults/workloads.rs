//! Defaults of `apps/v1`, `batch/v1` and `autoscaling`.

use serde_json::{Map, Value, json};

use super::{SetDefaults, object, set, text};

type Object = Map<String, Value>;

pub(super) fn function(type_name: &str) -> Option<SetDefaults> {
    Some(match type_name {
        "apps/v1.Deployment" => deployment,
        "apps/v1.StatefulSet" => stateful_set,
        "apps/v1.DaemonSet" => daemon_set,
        "apps/v1.ReplicaSet" => |m| {
            if let Some(spec) = object(m, "spec") {
                set(spec, "replicas", 1);
            }
        },
        "batch/v1.Job" => job,
        "batch/v1.CronJob" => cron_job,
        "batch/v1.PodFailurePolicyOnPodConditionsPattern" => |m| set(m, "status", "True"),
        "autoscaling/v1.HorizontalPodAutoscaler" => |m| {
            if let Some(spec) = object(m, "spec") {
                set(spec, "minReplicas", 1);
            }
        },
        "autoscaling/v2.HorizontalPodAutoscaler" => autoscaler,
        _ => return None,
    })
}

fn deployment(m: &mut Object) {
    let Some(spec) = object(m, "spec") else { return };
    set(spec, "replicas", 1);
    if let Some(strategy) = object(spec, "strategy") {
        set(strategy, "type", "RollingUpdate");
        if text(strategy, "type") == "RollingUpdate" {
            set(strategy, "rollingUpdate", json!({}));
            if let Some(rolling) = object(strategy, "rollingUpdate") {
                set(rolling, "maxUnavailable", "25%");
                set(rolling, "maxSurge", "25%");
            }
        }
    }
    set(spec, "revisionHistoryLimit", 10);
    set(spec, "progressDeadlineSeconds", 600);
}

fn daemon_set(m: &mut Object) {
    let Some(spec) = object(m, "spec") else { return };
    if let Some(strategy) = object(spec, "updateStrategy") {
        set(strategy, "type", "RollingUpdate");
        if text(strategy, "type") == "RollingUpdate" {
            set(strategy, "rollingUpdate", json!({}));
            if let Some(rolling) = object(strategy, "rollingUpdate") {
                set(rolling, "maxUnavailable", 1);
                set(rolling, "maxSurge", 0);
            }
        }
    }
    set(spec, "revisionHistoryLimit", 10);
}

fn stateful_set(m: &mut Object) {
    let Some(spec) = object(m, "spec") else { return };
    set(spec, "podManagementPolicy", "OrderedReady");
    if let Some(strategy) = object(spec, "updateStrategy") {
        if text(strategy, "type").is_empty() {
            set(strategy, "type", "RollingUpdate");
            set(strategy, "rollingUpdate", json!({}));
        }
        if text(strategy, "type") == "RollingUpdate"
            && let Some(rolling) = object(strategy, "rollingUpdate")
        {
            set(rolling, "partition", 0);
            // MaxUnavailableStatefulSet is on by default since 1.37.
            set(rolling, "maxUnavailable", 1);
        }
    }
    set(spec, "persistentVolumeClaimRetentionPolicy", json!({}));
    if let Some(policy) = object(spec, "persistentVolumeClaimRetentionPolicy") {
        set(policy, "whenDeleted", "Retain");
        set(policy, "whenScaled", "Retain");
    }
    set(spec, "replicas", 1);
    set(spec, "revisionHistoryLimit", 10);
    for claim in spec.get_mut("volumeClaimTemplates").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Value::Object(claim) = claim {
            set(claim, "kind", "PersistentVolumeClaim");
            set(claim, "apiVersion", "v1");
        }
    }
}

fn job(m: &mut Object) {
    let labels = m
        .get("spec")
        .and_then(|s| s.get("template"))
        .and_then(|t| t.get("metadata"))
        .and_then(|t| t.get("labels"))
        .cloned();
    if let (Some(labels), Some(metadata)) = (labels, object(m, "metadata")) {
        set(metadata, "labels", labels);
    }
    let Some(spec) = object(m, "spec") else { return };
    let given = |spec: &Object, key: &str| spec.get(key).is_some_and(|v| !v.is_null());
    if !given(spec, "completions") && !given(spec, "parallelism") {
        set(spec, "completions", 1);
    }
    set(spec, "parallelism", 1);
    let limit = if given(spec, "backoffLimitPerIndex") { i32::MAX } else { 6 };
    set(spec, "backoffLimit", limit);
    set(spec, "completionMode", "NonIndexed");
    set(spec, "suspend", false);
    let replacement = if given(spec, "podFailurePolicy") { "Failed" } else { "TerminatingOrFailed" };
    set(spec, "podReplacementPolicy", replacement);
    set(spec, "manualSelector", false);
}

fn cron_job(m: &mut Object) {
    let Some(spec) = object(m, "spec") else { return };
    set(spec, "concurrencyPolicy", "Allow");
    set(spec, "suspend", false);
    set(spec, "successfulJobsHistoryLimit", 3);
    set(spec, "failedJobsHistoryLimit", 1);
}

fn autoscaler(m: &mut Object) {
    let Some(spec) = object(m, "spec") else { return };
    set(spec, "minReplicas", 1);
    if spec.get("metrics").and_then(Value::as_array).is_none_or(Vec::is_empty) {
        let cpu = json!([{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}]);
        spec.insert("metrics".to_owned(), cpu);
    }
    let Some(behavior) = object(spec, "behavior") else { return };
    set(behavior, "scaleUp", json!({}));
    set(behavior, "scaleDown", json!({}));
    if let Some(up) = object(behavior, "scaleUp") {
        set(up, "stabilizationWindowSeconds", 0);
        set(up, "selectPolicy", "Max");
        let policies = json!([{"type": "Pods", "value": 4, "periodSeconds": 15}, {"type": "Percent", "value": 100, "periodSeconds": 15}]);
        set(up, "policies", policies);
    }
    if let Some(down) = object(behavior, "scaleDown") {
        set(down, "selectPolicy", "Max");
        set(down, "policies", json!([{"type": "Percent", "value": 100, "periodSeconds": 15}]));
    }
}
