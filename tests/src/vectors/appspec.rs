//! The group `appspec`: decoding, normalising and checking an Application.

use plate_deploy_core::model::permission::validate_application;
use plate_deploy_core::model::{Application, ArgoKind, Cluster};
use serde_json::{Map, Value, json};

use super::{Case, Outcome, decode, project, same};

/// Runs one case.
pub(super) fn run(case: &Case) -> Outcome {
    let object = case.input.get("application").cloned().unwrap_or_default();
    let clusters: Vec<Cluster> = decode(&case.input, "clusters")?;
    let project = project::team(case.input.get("project").unwrap_or(&Value::Null))?;
    let mut actual = Map::new();
    actual.insert("schemaErrors".into(), json!(ArgoKind::Application.schema_errors(&object)));
    let pruned = ArgoKind::Application.unknown_fields(&object);
    actual.insert("prunedFields".into(), pruned.iter().map(ToString::to_string).collect());
    let mut stored = object;
    ArgoKind::Application.prune(&mut stored);
    match Application::from_json(&stored) {
        Ok(application) => answers(&application, &project, &clusters, &mut actual)?,
        Err(error) => {
            actual.insert("decodeError".into(), error.to_string().into());
        }
    }
    let mut expect = case.expect.clone();
    if actual.contains_key("decodeError") {
        // Go keeps what it decoded before the error; here there is no Application to ask.
        if let Value::Object(expect) = &mut expect {
            expect.retain(|field, _| actual.contains_key(field));
        }
    }
    // Go walks maps in random order.
    for list in ["schemaErrors", "prunedFields"] {
        if let Some(Value::Array(items)) = expect.get_mut(list) {
            items.sort_by_key(ToString::to_string);
        }
    }
    same("", &Value::Object(actual), &expect)
}

fn answers(
    application: &Application,
    project: &plate_deploy_core::model::AppProject,
    clusters: &[Cluster],
    actual: &mut Map<String, Value>,
) -> Outcome {
    let spec = &application.spec;
    let source = spec.first_source();
    actual.insert("spec".into(), json!(spec.normalized()));
    actual.insert("multiSource".into(), spec.is_multi_source().into());
    actual.insert("firstSource".into(), json!(source.as_ref()));
    match source.explicit_type() {
        Ok(Some(explicit)) => drop(actual.insert("explicitSourceType".into(), explicit.to_string().into())),
        Ok(None) => {}
        Err(error) => drop(actual.insert("explicitSourceTypeError".into(), error.to_string().into())),
    }
    actual.insert("validName".into(), application.has_valid_name().into());
    actual.insert("automatedSyncEnabled".into(), spec.is_automated().into());
    let retry = spec.sync_policy.as_ref().and_then(|policy| policy.retry.as_ref());
    if let Some(error) = retry.and_then(|retry| retry.wait_before(0).err()) {
        actual.insert("retryError".into(), error.to_string().into());
    }
    let conditions = validate_application(application, project, clusters);
    actual.insert("conditions".into(), json!(conditions));
    Ok(())
}
