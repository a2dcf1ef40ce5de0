//! The group `project`: what an AppProject permits, and when its sync windows are open.

use plate_deploy_core::model::project::AppProjectSpec;
use plate_deploy_core::model::sync_window::{SyncQuestion, can_sync, matching_windows};
use plate_deploy_core::model::{AppProject, Cluster, GroupKind};
use serde_json::{Value, json};

use super::{Case, Outcome, decode, same};

/// Runs one case.
pub(super) fn run(case: &Case) -> Outcome {
    let input = &case.input;
    let project = project(input)?;
    let text = |field: &str| input.get(field).and_then(Value::as_str).unwrap_or_default();
    let actual = match text("call") {
        "source" => json!({"permitted": project.permits_source(text("repoURL"))}),
        "destination" => {
            let permitted = project.permits_destination(&cluster(input)?, text("namespace"), &clusters(input)?);
            json!({"permitted": permitted, "error": ""})
        }
        "resource" => {
            let kind = GroupKind { group: text("group").into(), kind: text("kind").into() };
            let (name, namespace) = (text("name"), text("namespace"));
            let permitted = project.permits_resource(&kind, name, namespace, &cluster(input)?, &clusters(input)?);
            let by_kind = project.permits_kind(&kind, name, !namespace.is_empty());
            json!({"permitted": permitted, "kindPermitted": by_kind, "error": ""})
        }
        "appNamespace" => {
            let (namespace, controller) = (text("applicationNamespace"), text("controllerNamespace"));
            json!({"permitted": project.permits_application_namespace(namespace, controller)})
        }
        "validate" => {
            let error = project.validate().err().map(|error| error.to_string()).unwrap_or_default();
            json!({"valid": error.is_empty(), "error": error})
        }
        "windowsMatch" => {
            let application = input.get("application").cloned().unwrap_or_default();
            let name = application.get("name").and_then(Value::as_str).unwrap_or_default();
            let destination = decode(&application, "destination")?;
            json!({"matching": matching_windows(&project.spec.sync_windows, name, &destination)})
        }
        "canSync" => {
            let time = |field: &str| text(field).parse().map_err(|error| format!("{field}: {error}"));
            let question = SyncQuestion {
                now: time("now")?,
                manual: input.get("manual").and_then(Value::as_bool).unwrap_or_default(),
                started_at: if text("operationStartedAt").is_empty() {
                    None
                } else {
                    Some(time("operationStartedAt")?)
                },
            };
            match can_sync(&project.spec.sync_windows, question) {
                Ok(allowed) => json!({"canSync": allowed, "error": ""}),
                Err(error) => json!({"canSync": false, "error": format!("invalid sync windows: {error}")}),
            }
        }
        other => return Err(format!("unknown call {other}")),
    };
    same("", &actual, &case.expect)
}

/// `{name, spec}` as a project.
fn project(input: &Value) -> Result<AppProject, String> {
    let spec = input.pointer("/project/spec").cloned().unwrap_or_default();
    let name = input.pointer("/project/name").cloned().unwrap_or_default();
    let object = json!({"metadata": {"name": name}, "spec": spec});
    AppProject::from_json(&object).map_err(|error| format!("input.project: {error}"))
}

fn cluster(input: &Value) -> Result<Cluster, String> {
    decode(input, "cluster")
}

fn clusters(input: &Value) -> Result<Vec<Cluster>, String> {
    let given: Option<Vec<Cluster>> = decode(input, "projectClusters")?;
    Ok(given.unwrap_or_default())
}

/// The project of an `appspec` case: its spec alone, under the oracle's name.
pub(super) fn team(spec: &Value) -> Result<AppProject, String> {
    let spec: AppProjectSpec = serde_json::from_value(spec.clone()).map_err(|e| format!("input.project: {e}"))?;
    let mut project = AppProject { spec, ..AppProject::default() };
    project.metadata.name = "team".into();
    Ok(project)
}
