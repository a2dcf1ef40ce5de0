//! The group `autosync`: whether a sync starts by itself, with which operation, and why not.

use plate_deploy_core::model::application::ApplicationSource;
use plate_deploy_core::model::{ApplicationSpec, GoDuration, OperationPhase, SyncCode};
use plate_deploy_core::sync::autosync::{Autosync, LastOperation, ResourceSyncStatus, SyncedSources};
use plate_deploy_core::sync::retry::{SelfHealBackoff, SelfHealWait};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Case, Outcome, same};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    application: App,
    sync_status: SyncStatus,
    resources: Option<Vec<ResourceSyncStatus>>,
    revision_has_changes: bool,
    last_operation: Option<Last>,
    seconds_since_last_operation: Option<i64>,
    self_heal_backoff: Option<HealBackoff>,
    self_heal_timeout_seconds: Option<i64>,
}

#[derive(Deserialize)]
struct App {
    spec: ApplicationSpec,
    operation: Option<Value>,
    deleting: bool,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct SyncStatus {
    status: SyncCode,
    revision: String,
    revisions: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Last {
    phase: OperationPhase,
    message: String,
    #[serde(default)]
    auto_heal_attempts_count: i64,
    sync_result: Option<SyncResult>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SyncResult {
    revision: String,
    source: ApplicationSource,
    revisions: Vec<String>,
    sources: Vec<ApplicationSource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HealBackoff {
    seconds: i64,
    factor: f64,
    cap_seconds: i64,
}

/// Runs one case.
pub(super) fn run(case: &Case) -> Outcome {
    let input = Input::deserialize(&case.input).map_err(|e| e.to_string())?;
    let now = "2024-01-01T12:00:00Z".parse::<jiff::Timestamp>().map_err(|e| e.to_string())?;
    let several = !input.application.spec.sources.is_empty();
    let revisions =
        if several { input.sync_status.revisions.clone() } else { vec![input.sync_status.revision.clone()] };
    let finished_at = input.seconds_since_last_operation.map(|seconds| now - jiff::SignedDuration::from_secs(seconds));
    let last = input.last_operation.map(|last| LastOperation {
        phase: last.phase,
        message: last.message,
        self_heal_attempts: last.auto_heal_attempts_count,
        synced: last.sync_result.map(|result| synced(result, several)),
        finished_at,
    });
    let resources = input.resources.unwrap_or_default();
    let decision = Autosync {
        spec: &input.application.spec,
        operating: input.application.operation.is_some(),
        deleting: input.application.deleting,
        status: input.sync_status.status,
        revisions: &revisions,
        resources: &resources,
        revision_has_changes: input.revision_has_changes,
        last: last.as_ref(),
        self_heal: self_heal(input.self_heal_backoff, input.self_heal_timeout_seconds),
        now,
    }
    .decide();
    let answer = json!({
        "starts": decision.operation.is_some(),
        "operation": decision.operation,
        "condition": decision.condition.map(|message| json!({"type": "SyncError", "message": message})),
        "log": decision.log.into_iter().collect::<Vec<_>>(),
    });
    same("", &answer, &case.expect)
}

fn synced(result: SyncResult, several: bool) -> SyncedSources {
    if several {
        return SyncedSources { revisions: result.revisions, sources: result.sources };
    }
    SyncedSources { revisions: vec![result.revision], sources: vec![result.source] }
}

fn self_heal(backoff: Option<HealBackoff>, fixed: Option<i64>) -> SelfHealWait {
    match backoff {
        Some(backoff) => SelfHealWait::Backoff(SelfHealBackoff {
            initial: GoDuration::from_seconds(backoff.seconds),
            factor: backoff.factor,
            cap: GoDuration::from_seconds(backoff.cap_seconds),
        }),
        None => SelfHealWait::Fixed(GoDuration::from_seconds(fixed.unwrap_or_default())),
    }
}
