//! Validation of `apps`, `batch` and disruption budgets.

use serde_json::Value;

use super::common::{Errors, child, grammar, non_negative, one_of, required, same, selector};
use super::pods;
use crate::names;
use crate::object::{at, list, text};
use crate::selector::LabelSelector;
use crate::status::FieldError;

/// The selector of a workload, and whether the template's labels fulfil it.
fn template_selector(object: &Value, kind: &str, out: &mut Errors) {
    let spec = &object["spec"];
    let given = spec.get("selector").filter(|s| !s.is_null());
    let labels = || at(spec, &["template", "metadata", "labels"]).cloned().unwrap_or_default();
    let mismatch = |labels| {
        FieldError::invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")
    };
    let Some(given) = given else {
        out.push(FieldError::required("spec.selector", ""));
        // A nil selector matches nothing.
        out.push(mismatch(labels()));
        return;
    };
    selector(given, "spec.selector", out);
    let parsed = LabelSelector::from_object(given);
    if parsed.is_empty() {
        out.push(FieldError::invalid("spec.selector", given.clone(), format!("empty selector is invalid for {kind}")));
    } else if !parsed.matches(&spec["template"]) {
        out.push(mismatch(labels()));
    }
}

fn always_restarts(object: &Value, owner: &str, out: &mut Errors) {
    let spec = &object["spec"]["template"]["spec"];
    let policy = text(spec, &["restartPolicy"]);
    if policy != "Always" {
        out.push(FieldError::not_supported("spec.template.spec.restartPolicy", policy, &["Always"]));
    }
    if spec.get("activeDeadlineSeconds").is_some() {
        let detail = format!("activeDeadlineSeconds in {owner} is not Supported");
        out.push(FieldError::forbidden("spec.template.spec.activeDeadlineSeconds", detail));
    }
}

pub(super) fn deployment(object: &Value, out: &mut Errors) {
    let spec = &object["spec"];
    non_negative(spec, "replicas", "spec", out);
    template_selector(object, "deployment", out);
    pods::template(&spec["template"], "spec.template", out);
    always_restarts(object, "ReplicaSet", out);
    let strategy = &spec["strategy"];
    match text(strategy, &["type"]) {
        "Recreate" if strategy.get("rollingUpdate").is_some() => {
            let detail = "may not be specified when strategy `type` is 'Recreate'";
            out.push(FieldError::forbidden("spec.strategy.rollingUpdate", detail));
        }
        "Recreate" => {}
        "RollingUpdate" => rolling_update(&strategy["rollingUpdate"], "spec.strategy.rollingUpdate", out),
        _ => out.push(FieldError::not_supported("spec.strategy", strategy.clone(), &["Recreate", "RollingUpdate"])),
    }
    for key in ["minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"] {
        non_negative(spec, key, "spec", out);
    }
    let number = |key: &str| spec.get(key).and_then(Value::as_i64).unwrap_or(0);
    if number("progressDeadlineSeconds") <= number("minReadySeconds") {
        let detail = "must be greater than minReadySeconds";
        out.push(FieldError::invalid("spec.progressDeadlineSeconds", number("progressDeadlineSeconds"), detail));
    }
}

fn rolling_update(rolling: &Value, path: &str, out: &mut Errors) {
    let zero = |v: Option<&Value>| v.is_none_or(|v| *v == 0 || v == "0%");
    for key in ["maxUnavailable", "maxSurge"] {
        int_or_percent(rolling, key, path, out);
    }
    at_most_all(rolling, "maxUnavailable", path, out);
    if zero(rolling.get("maxUnavailable")) && zero(rolling.get("maxSurge")) {
        let value = rolling.get("maxUnavailable").cloned().unwrap_or_default();
        out.push(FieldError::invalid(child(path, "maxUnavailable"), value, "may not be 0 when `maxSurge` is 0"));
    }
}

/// A number that is not negative, or a percentage.
fn int_or_percent(object: &Value, key: &str, path: &str, out: &mut Errors) {
    match object.get(key) {
        Some(Value::String(s)) => {
            let digits = s.strip_suffix('%').filter(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()));
            if digits.is_none() {
                let detail = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";
                out.push(FieldError::invalid(child(path, key), s.as_str(), detail));
            }
        }
        Some(_) => non_negative(object, key, path, out),
        None => {}
    }
}

/// A percentage may not be over 100.
fn at_most_all(object: &Value, key: &str, path: &str, out: &mut Errors) {
    let given = object.get(key).and_then(Value::as_str);
    let percent = given.and_then(|s| s.strip_suffix('%')).and_then(|d| d.parse::<u64>().ok());
    if percent.is_some_and(|n| n > 100) {
        out.push(FieldError::invalid(child(path, key), given.unwrap_or_default(), "must not be greater than 100%"));
    }
}

/// A ReplicationController.
pub(super) fn replication_controller(object: &Value, out: &mut Errors) {
    let spec = &object["spec"];
    non_negative(spec, "minReadySeconds", "spec", out);
    let labels = crate::object::map(spec, &["selector"]).filter(|m| !m.is_empty());
    if labels.is_none() {
        out.push(FieldError::required("spec.selector", ""));
    }
    non_negative(spec, "replicas", "spec", out);
    let template = &spec["template"];
    if let Some(labels) = labels
        && labels.iter().any(|(k, v)| template["metadata"]["labels"].get(k) != Some(v))
    {
        let shown = at(template, &["metadata", "labels"]).cloned().unwrap_or_default();
        let detail = "`selector` does not match template `labels`";
        out.push(FieldError::invalid("spec.template.metadata.labels", shown, detail));
    }
    pods::template(template, "spec.template", out);
    always_restarts(object, "ReplicationController", out);
}

pub(super) fn replica_set(object: &Value, out: &mut Errors) {
    non_negative(&object["spec"], "replicas", "spec", out);
    non_negative(&object["spec"], "minReadySeconds", "spec", out);
    template_selector(object, "deployment", out);
    pods::template(&object["spec"]["template"], "spec.template", out);
    always_restarts(object, "ReplicaSet", out);
}

pub(super) fn daemon_set(object: &Value, out: &mut Errors) {
    template_selector(object, "daemonset", out);
    // Of a missing selector only the mismatch is an error here.
    out.retain(|e| !(e.field == "spec.selector" && e.kind == crate::status::FieldErrorKind::Required));
    pods::template(&object["spec"]["template"], "spec.template", out);
    always_restarts(object, "DaemonSet", out);
    non_negative(&object["spec"], "minReadySeconds", "spec", out);
    non_negative(&object["spec"], "revisionHistoryLimit", "spec", out);
    one_of(&object["spec"]["updateStrategy"], "type", &["RollingUpdate", "OnDelete"], "spec.updateStrategy", out);
}

pub(super) fn stateful_set(object: &Value, out: &mut Errors) {
    let spec = &object["spec"];
    let policy = text(spec, &["podManagementPolicy"]);
    if !matches!(policy, "OrderedReady" | "Parallel") {
        out.push(FieldError::invalid("spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'"));
    }
    let strategy = &spec["updateStrategy"];
    if !matches!(text(strategy, &["type"]), "RollingUpdate" | "OnDelete") {
        out.push(FieldError::invalid("spec.updateStrategy", strategy.clone(), "must be 'RollingUpdate' or 'OnDelete'"));
    }
    if text(strategy, &["type"]) == "OnDelete" && strategy.get("rollingUpdate").is_some() {
        let detail = "only allowed for updateStrategy 'RollingUpdate'";
        let value = strategy["rollingUpdate"].clone();
        out.push(FieldError::invalid("spec.updateStrategy.rollingUpdate", value, detail));
    }
    for key in ["whenDeleted", "whenScaled"] {
        let path = "spec.persistentVolumeClaimRetentionPolicy";
        one_of(&spec["persistentVolumeClaimRetentionPolicy"], key, &["Retain", "Delete"], path, out);
    }
    non_negative(&spec["ordinals"], "start", "spec.ordinals", out);
    for key in ["replicas", "minReadySeconds", "revisionHistoryLimit"] {
        non_negative(spec, key, "spec", out);
    }
    for (i, claim) in list(spec, &["volumeClaimTemplates"]).iter().enumerate() {
        super::policy::claim(claim, &format!("spec.volumeClaimTemplates[{i}]."), out);
    }
    let service = text(spec, &["serviceName"]);
    if !service.is_empty() {
        grammar("spec.serviceName".to_owned(), service, names::dns_label(service), out);
    }
    template_selector(object, "statefulset", out);
    // The volumes of the claim templates are there for the mounts.
    let claims = list(spec, &["volumeClaimTemplates"]).iter().map(|c| text(c, &["metadata", "name"]));
    let claims: Vec<&str> = claims.collect();
    super::common::labels(&spec["template"], "spec.template", out);
    pods::spec(&spec["template"]["spec"], "spec.template.spec", &claims, out);
    always_restarts(object, "StatefulSet", out);
}

pub(super) fn stateful_set_update(new: &Value, old: &Value, out: &mut Errors) {
    for key in ["selector", "volumeClaimTemplates", "serviceName", "podManagementPolicy"] {
        same(new, old, &["spec", key], out);
    }
}

/// A job, or the template of a cron job; `path` is that of the spec.
pub(super) fn job_spec(spec: &Value, path: &str, generated: bool, out: &mut Errors) {
    for key in ["parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished"] {
        non_negative(spec, key, path, out);
    }
    one_of(spec, "completionMode", &["NonIndexed", "Indexed"], path, out);
    if spec.get("backoffLimitPerIndex").is_some_and(|v| !v.is_null()) && text(spec, &["completionMode"]) != "Indexed" {
        let value = spec["backoffLimitPerIndex"].clone();
        out.push(FieldError::invalid(child(path, "backoffLimitPerIndex"), value, "requires indexed completion mode"));
    }
    for (i, rule) in list(spec, &["podFailurePolicy", "rules"]).iter().enumerate() {
        let at = format!("{path}.podFailurePolicy.rules[{i}]");
        one_of(rule, "action", &["Count", "FailIndex", "FailJob", "Ignore"], &at, out);
        if rule.get("onExitCodes").is_none() && list(rule, &["onPodConditions"]).is_empty() {
            let detail = "specifying one of OnExitCodes and OnPodConditions is required";
            out.push(FieldError::invalid(at, "", detail));
        }
    }
    pods::template(&spec["template"], &child(path, "template"), out);
    let policy = text(spec, &["template", "spec", "restartPolicy"]);
    let at = format!("{path}.template.spec.restartPolicy");
    if policy == "Always" {
        out.push(FieldError::required(at, "valid values: \"OnFailure\", \"Never\""));
    } else if !matches!(policy, "OnFailure" | "Never") {
        out.push(FieldError::not_supported(at, policy, &["OnFailure", "Never"]));
    }
    if !generated {
        return;
    }
    let labels = || at_or_null(spec, &["template", "metadata", "labels"]);
    match spec.get("selector").filter(|s| !s.is_null()) {
        None => {
            out.push(FieldError::required(child(path, "selector"), ""));
            let detail = "`selector` does not match template `labels`";
            out.push(FieldError::invalid(format!("{path}.template.metadata.labels"), labels(), detail));
        }
        Some(s) if !LabelSelector::from_object(s).matches(&spec["template"]) => {
            let detail = "`selector` does not match template `labels`";
            out.push(FieldError::invalid(format!("{path}.template.metadata.labels"), labels(), detail));
        }
        Some(_) => {}
    }
}

fn at_or_null(object: &Value, path: &[&str]) -> Value {
    at(object, path).cloned().unwrap_or_default()
}

pub(super) fn job_update(new: &Value, old: &Value, out: &mut Errors) {
    let indexed = text(new, &["spec", "completionMode"]) == "Indexed";
    if !indexed {
        same(new, old, &["spec", "completions"], out);
    }
    same(new, old, &["spec", "selector"], out);
    if at(old, &["spec", "suspend"]) != Some(&Value::Bool(true)) {
        same(new, old, &["spec", "template"], out);
    }
    for key in ["completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"] {
        same(new, old, &["spec", key], out);
    }
}

pub(super) fn cron_job(object: &Value, out: &mut Errors) {
    let name = text(object, &["metadata", "name"]);
    if name.len() > 52 {
        out.push(FieldError::invalid("metadata.name", name, "must be no more than 52 characters"));
    }
    let spec = &object["spec"];
    let schedule = text(spec, &["schedule"]);
    if let Some(detail) = Some(schedule).filter(|s| !s.is_empty()).and_then(schedule_error) {
        out.push(FieldError::invalid("spec.schedule", schedule, detail));
    }
    one_of(spec, "concurrencyPolicy", &["Allow", "Forbid", "Replace"], "spec", out);
    time_zone(spec, out);
    job_spec(&spec["jobTemplate"]["spec"], "spec.jobTemplate.spec", false, out);
    for key in ["startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"] {
        non_negative(spec, key, "spec", out);
    }
    required(spec, "schedule", "", "spec", out);
}

fn time_zone(spec: &Value, out: &mut Errors) {
    let Some(zone) = spec.get("timeZone").and_then(Value::as_str) else { return };
    let at = "spec.timeZone";
    if zone.is_empty() {
        out.push(FieldError::invalid(at, zone, "timeZone must be nil or non-empty string"));
    } else if zone.eq_ignore_ascii_case("local") {
        out.push(FieldError::invalid(
            at,
            zone,
            "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones",
        ));
    } else if jiff::tz::TimeZone::get(zone).is_err() {
        out.push(FieldError::invalid(at, zone, format!("unknown time zone {zone}")));
    }
}

/// Why a schedule is none, in the words of the cron parser that Kubernetes uses.
fn schedule_error(schedule: &str) -> Option<String> {
    if schedule.contains("TZ") {
        return Some("cannot use TZ or CRON_TZ in schedule, use timeZone field instead".to_owned());
    }
    if let Some(word) = schedule.strip_prefix('@') {
        let known = matches!(word, "yearly" | "annually" | "monthly" | "weekly" | "daily" | "midnight" | "hourly");
        let every = word.strip_prefix("every ").is_some();
        return (!known && !every).then(|| format!("unrecognized descriptor: {schedule}"));
    }
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    if fields.len() != 5 {
        let shown: Vec<&str> = fields.clone();
        return Some(format!("expected exactly 5 fields, found {}: [{}]", fields.len(), shown.join(" ")));
    }
    const RANGES: [(u32, u32, &[&str]); 5] = [
        (0, 59, &[]),
        (0, 23, &[]),
        (1, 31, &[]),
        (1, 12, &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]),
        (0, 6, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
    ];
    fields
        .iter()
        .zip(RANGES)
        .find_map(|(f, (min, max, names))| f.split(',').find_map(|part| range_error(part, min, max, names)))
}

fn range_error(part: &str, min: u32, max: u32, names: &[&str]) -> Option<String> {
    let number = |s: &str| -> Result<u32, String> {
        if names.iter().any(|n| n.eq_ignore_ascii_case(s)) {
            return Ok(min);
        }
        s.parse::<u32>()
            .map_err(|_| format!("failed to parse int from {s}: strconv.Atoi: parsing {s:?}: invalid syntax"))
    };
    let (range, step) = part.split_once('/').map_or((part, None), |(r, s)| (r, Some(s)));
    let check = || -> Result<(), String> {
        if !matches!(range, "*" | "?") {
            let (low, high) = range.split_once('-').unwrap_or((range, range));
            let (low, high) = (number(low)?, number(high)?);
            if low < min {
                return Err(format!("beginning of range ({low}) below minimum ({min}): {part}"));
            }
            if high > max {
                return Err(format!("end of range ({high}) above maximum ({max}): {part}"));
            }
            if low > high && names.is_empty() {
                return Err(format!("beginning of range ({low}) beyond end of range ({high}): {part}"));
            }
        }
        match step.map(number).transpose()? {
            Some(0) => Err(format!("step of range should be a positive number: {part}")),
            _ => Ok(()),
        }
    };
    check().err()
}

pub(super) fn disruption_budget(object: &Value, out: &mut Errors) {
    let spec = &object["spec"];
    let given = |key: &str| spec.get(key).is_some_and(|v| !v.is_null());
    if given("minAvailable") && given("maxUnavailable") {
        let detail = "minAvailable and maxUnavailable cannot be both set";
        out.push(FieldError::invalid("spec", spec.clone(), detail));
    }
    for key in ["minAvailable", "maxUnavailable"] {
        int_or_percent(spec, key, "spec", out);
        at_most_all(spec, key, "spec", out);
    }
    one_of(spec, "unhealthyPodEvictionPolicy", &["AlwaysAllow", "IfHealthyBudget"], "spec", out);
    if let Some(s) = spec.get("selector") {
        selector(s, "spec.selector", out);
    }
    for key in ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"] {
        non_negative(&object["status"], key, "status", out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules() {
        for good in ["*/5 * * * *", "0 0 1,15 * mon-fri", "@daily", "@every 5m", "30 4 ? JAN SUN"] {
            assert_eq!(schedule_error(good), None, "{good}");
        }
        for bad in ["bogus", "", "60 * * * *", "* * * *", "*/0 * * * *", "@never", "5-1 * * * *", "TZ=UTC * * * * *"] {
            assert!(schedule_error(bad).is_some(), "{bad}");
        }
    }
}
