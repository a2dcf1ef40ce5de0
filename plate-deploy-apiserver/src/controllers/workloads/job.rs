//! Jobs: pods that run to completion.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::context::{Context, condition, spec_number};
use super::pods;
use crate::object::{is_deleting, list, meta, text};

/// Starts pods until enough have succeeded; says how the job ended.
pub(super) fn reconcile(context: &Context<'_>, job: &Value) -> Option<Timestamp> {
    let ended = list(job, &["status", "conditions"])
        .iter()
        .any(|c| matches!(c["type"].as_str(), Some("Complete" | "Failed")) && c["status"] == "True");
    if is_deleting(job) || ended || job["spec"]["suspend"] == true {
        return None;
    }
    let pods = context.owned("pods", job);
    let phase = |wanted: &str| pods.iter().filter(|pod| text(pod, &["status", "phase"]) == wanted).count();
    let succeeded = phase("Succeeded");
    let completions = usize::try_from(spec_number(job, "completions", 1)).unwrap_or(1);
    let parallel = usize::try_from(spec_number(job, "parallelism", 1)).unwrap_or(1);
    let crashed = pods.iter().any(|pod| {
        list(pod, &["status", "containerStatuses"])
            .iter()
            .any(|c| c["state"]["waiting"]["reason"] == "CrashLoopBackOff")
    });
    let failed = phase("Failed");
    let limit = usize::try_from(spec_number(job, "backoffLimit", 6)).unwrap_or(6);
    let crashed = crashed || failed > limit;
    let active = pods.len() - succeeded - failed;
    let active_now = if crashed { parallel } else { active };
    for _ in active_now..parallel.min(completions.saturating_sub(succeeded)) {
        context.create("pods", meta(job, "namespace"), pod(job));
    }
    let started = match text(job, &["status", "startTime"]) {
        "" => context.registry.now(),
        time => time.to_owned(),
    };
    let count = |n: usize| if n == 0 { Value::Null } else { n.into() };
    let mut status = json!({"startTime": started, "succeeded": count(succeeded), "active": count(active),
            "failed": count(failed), "terminating": 0});
    if succeeded >= completions {
        let message = "Reached expected number of succeeded pods";
        status["completionTime"] = context.registry.now().into();
        status["conditions"] = ["SuccessCriteriaMet", "Complete"]
            .map(|kind| probed(context, kind, "CompletionsReached", message))
            .into_iter()
            .collect();
        status["uncountedTerminatedPods"] = json!({});
        status["ready"] = 0.into();
    } else if crashed {
        let message = "Job has reached the specified backoff limit";
        status["failed"] = (spec_number(job, "backoffLimit", 6) + 1).into();
        status["active"] = Value::Null;
        status["conditions"] = ["FailureTarget", "Failed"]
            .map(|kind| probed(context, kind, "BackoffLimitExceeded", message))
            .into_iter()
            .collect();
    }
    context.set_status("jobs.batch", job, status);
    None
}

fn probed(context: &Context<'_>, kind: &str, reason: &str, message: &str) -> Value {
    let mut condition = condition(kind, true, reason, message);
    condition["lastProbeTime"] = context.registry.now().into();
    condition
}

fn pod(job: &Value) -> Value {
    let name = json!({"generateName": format!("{}-", meta(job, "name"))});
    pods::from_template(job, &job["spec"]["template"], name, &[])
}
