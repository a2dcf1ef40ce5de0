//! `.argocd-source.yaml` and `.argocd-source-<app>.yaml`: parameters that a folder lays over its Application's source.

use std::collections::BTreeSet;

use super::RenderError;
use crate::files::RepoFiles;
use crate::model::application::ApplicationSource;
use crate::yaml;

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
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        let Ok(content) = files.read(&path) else { continue };
        read.insert(path.clone());
        let error = |message: String| RenderError::Overrides { file: path.clone(), message };
        let parsed = yaml::parse(&String::from_utf8_lossy(content));
        if let Some(broken) = parsed.error {
            return Err(error(broken.to_string()));
        }
        let patch = parsed.documents.first().map(yaml::Document::json).transpose().map_err(|e| error(e.to_string()))?;
        let mut json = serde_json::to_value(&merged).map_err(|e| error(e.to_string()))?;
        json_patch::merge(&mut json, &patch.unwrap_or_else(|| serde_json::json!({})));
        merged = serde_json::from_value(json).map_err(|e| error(e.to_string()))?;
    }
    merged.chart.clone_from(&source.chart);
    merged.path.clone_from(&source.path);
    merged.repo_url.clone_from(&source.repo_url);
    merged.target_revision.clone_from(&source.target_revision);
    Ok(merged)
}
