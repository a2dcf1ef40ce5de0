//! The group `tracking`: marking objects, reading tracking ids, normalising before a diff.

use plate_deploy_core::model::Manifest;
use plate_deploy_core::tracking::{Tracker, TrackingId, TrackingMethod};
use serde_json::{Value, json};

use super::{Case, Outcome, decode, same};

/// Runs one case.
pub(super) fn run(case: &Case) -> Outcome {
    let call: String = decode(&case.input, "call")?;
    match call.as_str() {
        "set" => set(case),
        "parse" => parse(case),
        "normalize" => normalize(case),
        other => Err(format!("unknown call {other}")),
    }
}

fn set(case: &Case) -> Outcome {
    let app: String = decode(&case.input, "appName")?;
    let namespace: String = decode(&case.input, "namespace")?;
    let installation_id: String = decode(&case.input, "installationID")?;
    let mut object: Manifest = decode(&case.input, "object")?;
    let tracker = Tracker { installation_id, ..tracker(case)? };
    let other = Tracker { installation_id: "another".into(), ..tracker.clone() };
    let outcome = tracker.set(&mut object, &app, &namespace);
    error_as_expected(case, outcome.as_ref().err())?;
    if outcome.is_err() {
        return Ok(());
    }
    same("object", object.value(), field(case, "object"))?;
    same("appName", &json!(tracker.app_name(&object).unwrap_or_default()), field(case, "appName"))?;
    let elsewhere = json!(other.app_name(&object).unwrap_or_default());
    same("appNameOtherInstallation", &elsewhere, field(case, "appNameOtherInstallation"))?;
    same("instance", &tracker.instance(&object).map_or(Value::Null, |id| id_json(&id)), field(case, "instance"))
}

fn parse(case: &Case) -> Outcome {
    let text: String = decode(&case.input, "value")?;
    let parsed = text.parse::<TrackingId>();
    if let Err(error) = &parsed {
        same("error", &json!(error.to_string()), field(case, "error"))?;
    }
    let parsed = parsed.ok();
    same("instance", &parsed.as_ref().map_or(Value::Null, id_json), field(case, "instance"))?;
    same("built", &parsed.map_or(Value::Null, |id| json!(id.to_string())), field(case, "built"))
}

fn normalize(case: &Case) -> Outcome {
    let config: Option<Manifest> = decode(&case.input, "config")?;
    let live: Option<Manifest> = decode(&case.input, "live")?;
    let (Some(config), Some(mut live)) = (config, live) else { return Ok(()) };
    let outcome = tracker(case)?.normalize(&config, &mut live);
    error_as_expected(case, outcome.as_ref().err())?;
    same("config", config.value(), field(case, "config"))?;
    same("live", live.value(), field(case, "live"))
}

fn tracker(case: &Case) -> Result<Tracker, String> {
    let method: String = decode(&case.input, "method")?;
    Ok(Tracker {
        method: TrackingMethod::parse(&method),
        label_key: decode(&case.input, "labelKey")?,
        ..Tracker::default()
    })
}

/// Whether it failed where Argo CD failed; the words are our own.
fn error_as_expected(case: &Case, error: Option<&plate_deploy_core::tracking::TrackingError>) -> Outcome {
    let expected = case.expect.get("error").and_then(Value::as_str).unwrap_or_default();
    match (error, expected) {
        (None, "") => Ok(()),
        (Some(_), expected) if !expected.is_empty() => Ok(()),
        (error, expected) => Err(format!("error: got {error:?}, want {expected:?}")),
    }
}

fn field<'a>(case: &'a Case, name: &str) -> &'a Value {
    case.expect.get(name).unwrap_or(&Value::Null)
}

fn id_json(id: &TrackingId) -> Value {
    json!({"ApplicationName": id.app, "Group": id.group, "Kind": id.kind, "Namespace": id.namespace, "Name": id.name})
}
