//! `.argocd-source.yaml` and `.argocd-source-<app>.yaml`: parameters that a folder lays over its Application's source.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{RenderError, join};
use crate::files::{FileError, RepoFiles};
use crate::model::application::ApplicationSource;
use crate::yaml;

/// Deepest nesting of an override: far beyond any source.
const MAX_DEPTH: usize = 32;

/// The source with the overrides in its folder merged in. Where it comes from cannot be overridden.
pub(super) fn merged(
    source: &ApplicationSource,
    app_name: &str,
    folder: &str,
    files: &RepoFiles,
    read: &mut BTreeSet<String>,
) -> Result<ApplicationSource, RenderError> {
    let mut merged = source.clone();
    for name in [".argocd-source.yaml".to_owned(), format!(".argocd-source-{app_name}.yaml")] {
        let path = join(folder, &name);
        let content = match files.read(&path) {
            Err(FileError::NotFound { .. } | FileError::IsFolder { .. }) => continue,
            other => other?,
        };
        read.insert(path.clone());
        merged = apply(&merged, content).map_err(|message| RenderError::Overrides { file: path, message })?;
    }
    merged.chart.clone_from(&source.chart);
    merged.path.clone_from(&source.path);
    merged.repo_url.clone_from(&source.repo_url);
    merged.target_revision.clone_from(&source.target_revision);
    Ok(merged)
}

fn apply(source: &ApplicationSource, content: &[u8]) -> Result<ApplicationSource, String> {
    let parsed = yaml::parse(&String::from_utf8_lossy(content));
    if let Some(broken) = parsed.error {
        return Err(broken.to_string());
    }
    let patch = parsed.documents.first().map(yaml::Document::json).transpose().map_err(|e| e.to_string())?;
    let patch = patch.filter(Value::is_object).ok_or("Invalid JSON Patch: the file must be a mapping")?;
    let mut json = serde_json::to_value(source).map_err(|e| e.to_string())?;
    lay_over(&mut json, patch, 0)?;
    serde_json::from_value(json).map_err(|e| e.to_string())
}

/// Argo CD merges JSON and then decodes it over the old source: `null` removes nothing, and the items of a list keep
/// what the new ones do not say. `valuesObject` is raw JSON to it and merges as RFC 7396 says.
fn lay_over(old: &mut Value, new: Value, depth: usize) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err("nested too deep".into());
    }
    match (old, new) {
        (_, Value::Null) => {}
        (Value::Object(old), Value::Object(new)) => {
            for (key, value) in new {
                let at = old.entry(&key).or_insert(Value::Null);
                if key == "valuesObject" { json_patch::merge(at, &value) } else { lay_over(at, value, depth + 1)? }
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            old.resize(new.len(), Value::Null);
            for (at, value) in old.iter_mut().zip(new) {
                lay_over(at, value, depth + 1)?;
            }
        }
        (old @ Value::Null, Value::Object(new)) => {
            *old = Value::Object(serde_json::Map::new());
            lay_over(old, Value::Object(new), depth + 1)?;
        }
        (old, new) => *old = new,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::apply;
    use crate::model::application::ApplicationSource;

    #[test]
    fn overrides_as_go_decodes_them() {
        let source: ApplicationSource = serde_json::from_value(json!({"repoURL": "r", "helm": {
            "releaseName": "rel", "valuesObject": {"a": 1, "b": 2},
            "parameters": [{"name": "a", "value": "spec", "forceString": true}, {"name": "b", "value": "spec"}]}}))
        .unwrap();
        let text = "helm: {releaseName: null, valuesObject: {a: null, c: 3}, parameters: [{name: c}], skipCrds: true}";
        let helm = apply(&source, text.as_bytes()).unwrap().helm.unwrap();
        assert_eq!((helm.release_name.as_str(), helm.skip_crds), ("rel", true));
        assert_eq!(helm.values_object.unwrap(), json!({"b": 2, "c": 3}));
        assert_eq!(
            serde_json::to_value(helm.parameters).unwrap(),
            json!([{"name": "c", "value": "spec", "forceString": true}])
        );
        for broken in ["", "[]", "x", "helm: [", "helm: 1"] {
            assert!(apply(&source, broken.as_bytes()).is_err(), "{broken}");
        }
    }
}
