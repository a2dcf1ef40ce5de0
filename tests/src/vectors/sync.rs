//! The group `sync`: a whole sync operation, step by step, against a cluster that answers as the case says.

mod cluster;
mod input;
mod kinds;

use plate_deploy_core::health::{HealthOverrides, assess};
use plate_deploy_core::model::{HealthStatus, Manifest};
use plate_deploy_core::sync::{Next, SyncRules, SyncState};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Case, Outcome, same};
use cluster::Cluster;
use input::{ExpectedStep, Input};

/// Health as the library assesses it, and the project's refusals.
struct Rules<'a> {
    denied: &'a [String],
    overrides: HealthOverrides,
}

impl SyncRules for Rules<'_> {
    fn health(&self, live: &Manifest) -> Result<Option<HealthStatus>, String> {
        assess(live, &self.overrides).map_err(|e| e.to_string())
    }

    fn permitted(&self, object: &Manifest, _namespaced: bool) -> Result<(), String> {
        let gvk = object.gvk();
        if self.denied.contains(&format!("{}/{}", gvk.kind, object.name())) {
            return Err(format!("resource {}:{} is not permitted in project default", gvk.group, gvk.kind));
        }
        Ok(())
    }
}

/// Runs one case. The state is serialised and read back between steps, as after a restart.
pub(super) fn run(case: &Case) -> Outcome {
    let input = Input::deserialize(&case.input).map_err(|e| e.to_string())?;
    let steps = Vec::<ExpectedStep>::deserialize(&case.expect["steps"]).map_err(|e| e.to_string())?;
    let rules = Rules { denied: &input.denied, overrides: HealthOverrides::new() };
    let mut cluster = Cluster::new(&input);
    let mut sync = SyncState::new(input.request()?);
    for (index, expected) in steps.iter().enumerate() {
        let what = format!("steps[{index}]");
        let kept = serde_json::to_string(&sync).map_err(|e| format!("{what}: {e}"))?;
        sync = serde_json::from_str(&kept).map_err(|e| format!("{what}: {e}"))?;
        if input.terminate_at_step == Some(index + 1) {
            sync.terminate();
        }
        take_step(&mut sync, &rules, &mut cluster, &input, expected).map_err(|e| format!("{what}: {e}"))?;
        same(&what, &report(&sync, &cluster), &expected.answer())?;
    }
    let end = json!({"final": format!("{:?}", sync.phase()), "message": sync.message()});
    same("", &end, &json!({"final": case.expect["final"], "message": case.expect["message"]}))
}

fn take_step(
    sync: &mut SyncState,
    rules: &Rules<'_>,
    cluster: &mut Cluster<'_>,
    input: &Input,
    expected: &ExpectedStep,
) -> Result<(), String> {
    cluster.begin_step(expected);
    sync.observe(input.observation(expected)?);
    loop {
        match sync.advance(rules) {
            Next::Execute(batch) => {
                for (operation, outcome) in cluster.execute(batch) {
                    sync.record(operation, outcome).map_err(|e| e.to_string())?;
                }
            }
            Next::WaveApplied(wave) => {
                cluster.waves.push(format!("{:?}/{} final={}", wave.phase, wave.wave, wave.last));
                let word = if input.wave_hook_error.is_empty() { Ok(()) } else { Err(input.wave_hook_error.clone()) };
                sync.record_wave(word).map_err(|e| e.to_string())?;
            }
            Next::Wait | Next::Done => return Ok(()),
            other => return Err(format!("the machine asks for something new: {other:?}")),
        }
    }
}

fn report(sync: &SyncState, cluster: &Cluster<'_>) -> Value {
    let mut results: Vec<Value> = sync
        .results()
        .map(|result| {
            let mut row = json!({
                "key": result.key.to_string(),
                "version": result.version,
                "syncPhase": result.sync_phase,
                "status": result.status.map_or(Value::from(""), |status| json!(status)),
                "hookPhase": result.hook_phase.map_or(Value::from(""), |phase| json!(phase)),
            });
            for (field, value) in [
                ("message", json!(result.message)),
                ("hookType", json!(result.hook_type)),
                ("images", json!(result.images)),
            ] {
                if ![json!(""), json!([]), Value::Null].contains(&value) {
                    row[field] = value;
                }
            }
            row
        })
        .collect();
    results.sort_by_key(|row| (row["key"].to_string(), row["syncPhase"].to_string()));
    json!({
        "operations": cluster.operations(),
        "waves": cluster.waves,
        "phase": sync.phase(),
        "message": sync.message(),
        "results": results,
    })
}
