//! The group `health`: the health of one live object.

use plate_deploy_core::health::{self, HealthOverrides};
use plate_deploy_core::model::{HealthStatus, Manifest};
use serde_json::{Value, json};

use super::{Case, Outcome, same};

/// Runs one case: `input` is the live object.
pub(super) fn run(case: &Case) -> Outcome {
    let object = Manifest::new(case.input.clone()).map_err(|e| e.to_string())?;
    let overrides = HealthOverrides::new();
    let (health, failed) = match health::assess(&object, &overrides) {
        Ok(health) => (health, false),
        Err(error) => (Some(error.status()), true),
    };
    same("health", &as_json(health.as_ref()), case.expect.get("health").unwrap_or(&Value::Null))?;
    if failed != case.expect.get("error").is_some() {
        return Err(format!("error: got {failed}, want {}", !failed));
    }
    let Some(expected) = case.expect.get("scriptHealth") else { return Ok(()) };
    let own = health::assess_kind(&object, &overrides).map_err(|e| e.to_string())?;
    same("scriptHealth", &as_json(own.as_ref()), expected)
}

/// With both fields, as recorded.
fn as_json(health: Option<&HealthStatus>) -> Value {
    health.map_or(Value::Null, |h| json!({"status": h.status, "message": h.message}))
}
