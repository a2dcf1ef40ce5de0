//! The group `diff`: comparisons on this side and with a dry run, and hiding Secrets.

use std::collections::BTreeMap;

use plate_deploy_core::diff::{
    DiffError, DiffOptions, DiffPlan, DiffResult, Differ, ResourceOverride, ServerSide, hide_secret,
};
use plate_deploy_core::model::Manifest;
use plate_deploy_core::tracking::{Tracker, TrackingMethod};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Case, Outcome, decode, same};

/// The rules of one kind, as the vectors write them.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Rules {
    json_pointers: Vec<String>,
    jq_path_expressions: Vec<String>,
    managed_fields_managers: Vec<String>,
    known_type_fields: Vec<plate_deploy_core::diff::KnownTypeField>,
}

/// Runs one case.
pub(super) fn run(case: &Case) -> Outcome {
    if case.file == "hide-secret" { hide(case) } else { compare(case) }
}

fn compare(case: &Case) -> Outcome {
    let config: Option<Manifest> = decode(&case.input, "config")?;
    let live: Option<Manifest> = decode(&case.input, "live")?;
    let answer: Value = decode(&case.input, "serverDryRun")?;
    let expected = |name: &str| case.expect.get(name).unwrap_or(&Value::Null);
    let mut request = Value::Null;
    let result = options(case)
        .map(Differ::new)?
        .and_then(|differ| judge(&differ, config.as_ref(), live.as_ref(), answer, &mut request));
    match (result, expected("error").as_str().filter(|e| !e.is_empty())) {
        (Err(_), Some(_)) => Ok(()),
        (Err(error), None) => Err(format!("error: got {error}, want none")),
        (Ok(_), Some(error)) => Err(format!("error: got none, want {error}")),
        (Ok(result), None) => {
            same("dryRunRequest", &request, expected("dryRunRequest"))?;
            same("normalizedLive", &json!(result.normalized_live), expected("normalizedLive"))?;
            same("predictedLive", &json!(result.predicted_live), expected("predictedLive"))?;
            same("modified", &json!(result.modified), expected("modified"))
        }
    }
}

fn judge(
    differ: &Differ,
    config: Option<&Manifest>,
    live: Option<&Manifest>,
    answer: Value,
    request: &mut Value,
) -> Result<DiffResult, DiffError> {
    match differ.plan(config, live)? {
        DiffPlan::Done(result) => Ok(result),
        DiffPlan::DryRun(dry_run) => {
            *request = dry_run.request().value().clone();
            dry_run.finish(answer)
        }
    }
}

fn options(case: &Case) -> Result<DiffOptions, String> {
    let flag = |name: &str| case.input.get(name) == Some(&Value::Bool(true));
    let method: String = decode(&case.input, "trackingMethod")?;
    let overrides: Option<BTreeMap<String, Rules>> = decode(&case.input, "overrides")?;
    let overrides = overrides.unwrap_or_default().into_iter().map(|(kind, rules)| {
        let rules = ResourceOverride {
            json_pointers: rules.json_pointers,
            jq_path_expressions: rules.jq_path_expressions,
            managed_fields_managers: rules.managed_fields_managers,
            known_type_fields: rules.known_type_fields,
        };
        (kind, rules)
    });
    let ignore: Option<Vec<_>> = decode(&case.input, "ignoreDifferences")?;
    let can_dry_run = case.input.get("serverDryRun").is_some_and(|answer| !answer.is_null());
    Ok(DiffOptions {
        ignore: ignore.unwrap_or_default(),
        overrides: overrides.collect(),
        tracker: Tracker { method: TrackingMethod::parse(&method), ..Tracker::default() },
        ignore_aggregated_roles: flag("ignoreAggregatedRoles"),
        server_side: match (flag("serverSideDiff"), can_dry_run) {
            (true, _) => ServerSide::Always,
            (false, true) => ServerSide::Available,
            (false, false) => ServerSide::Never,
        },
        include_mutation_webhook: flag("includeMutationWebhook"),
        manager: "argocd-controller".into(),
    })
}

fn hide(case: &Case) -> Outcome {
    let target: Option<Manifest> = decode(&case.input, "target")?;
    let live: Option<Manifest> = decode(&case.input, "live")?;
    let hidden: Option<Vec<String>> = match case.input.get("hideAnnotations") {
        Some(Value::Object(map)) => Some(map.keys().cloned().collect()),
        _ => decode(&case.input, "hideAnnotations")?,
    };
    let hidden = hidden.unwrap_or_default();
    let hidden: Vec<&str> = hidden.iter().map(String::as_str).collect();
    let expected = |name: &str| case.expect.get(name).unwrap_or(&Value::Null);
    let failed = expected("error").as_str().is_some_and(|e| !e.is_empty());
    match hide_secret(target.as_ref(), live.as_ref(), &hidden) {
        Err(_) if failed => Ok(()),
        Err(error) => Err(format!("error: got {error}, want none")),
        Ok(_) if failed => Err("error: got none, want one".into()),
        Ok((target, live)) => {
            same("target", &json!(target), expected("target"))?;
            same("live", &json!(live), expected("live"))
        }
    }
}
