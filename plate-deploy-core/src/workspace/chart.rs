//! Charts in the repository: folders with a `Chart.yaml`.

use serde_json::Value;

use super::diagnostic::Location;
use super::paths;
use crate::files::RepoFiles;
use crate::model::FieldPath;
use crate::yaml::{Document, parse};

/// A chart folder.
#[derive(Clone, Debug)]
pub struct Chart {
    /// The folder, from the root of the repository.
    pub folder: String,
    /// `name` of `Chart.yaml`, else the folder's name.
    pub name: String,
    /// `version` of `Chart.yaml`.
    pub version: String,
    /// What it depends on.
    pub dependencies: Vec<ChartDependency>,
}

/// One entry of a chart's `dependencies`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChartDependency {
    /// Name of the chart.
    pub name: String,
    /// Version or range.
    pub version: String,
    /// Repository URL; `""` or `file://…` for a local one.
    pub repository: String,
    /// Where it is declared.
    pub location: Location,
    /// Whether the chart is in `charts/`, as a folder or an archive.
    pub vendored: bool,
}

/// The folders of all charts that are not part of another one.
pub(super) fn chart_folders(files: &RepoFiles) -> Vec<String> {
    let mut folders: Vec<String> = Vec::new();
    let charts = files.paths().filter_map(|path| path.strip_suffix("/Chart.yaml"));
    let mut found: Vec<&str> = charts.collect();
    found.sort_by_key(|folder| folder.matches('/').count());
    for folder in found {
        if !folders.iter().any(|outer| paths::is_below(folder, outer)) {
            folders.push(folder.to_owned());
        }
    }
    folders.sort();
    folders
}

/// Reads `Chart.yaml`; a broken one leaves the chart with its folder's name.
pub(super) fn read_chart(files: &RepoFiles, folder: &str) -> Chart {
    let file = format!("{folder}/Chart.yaml");
    let document = paths::text(files, &file).map(parse).ok().and_then(|parsed| parsed.documents.into_iter().next());
    let json = document.as_ref().and_then(|document| document.json().ok()).unwrap_or_default();
    let text = |value: &Value, field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let name = Some(text(&json, "name")).filter(|name| !name.is_empty());
    let dependencies = json.get("dependencies").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Chart {
        folder: folder.to_owned(),
        name: name.unwrap_or_else(|| folder.rsplit('/').next().unwrap_or(folder).to_owned()),
        version: text(&json, "version"),
        dependencies: dependencies
            .iter()
            .enumerate()
            .map(|(i, dependency)| {
                let name = text(dependency, "name");
                ChartDependency {
                    vendored: is_vendored(files, folder, &name),
                    version: text(dependency, "version"),
                    repository: text(dependency, "repository"),
                    location: dependency_location(&file, document.as_ref(), i),
                    name,
                }
            })
            .collect(),
    }
}

fn dependency_location(file: &str, document: Option<&Document>, index: usize) -> Location {
    let path = FieldPath::keys(["dependencies"]).index(index);
    document.map_or_else(|| Location::start(file), |document| Location::new(file, document.key_mark(&path)))
}

fn is_vendored(files: &RepoFiles, folder: &str, dependency: &str) -> bool {
    let charts = format!("{folder}/charts");
    let unpacked = format!("{charts}/{dependency}");
    files.is_folder(&unpacked)
        || files.below(&charts).any(|(file, _)| {
            let version = file.strip_prefix(dependency).and_then(|rest| rest.strip_prefix('-'));
            version.is_some_and(|v| v.ends_with(".tgz") && v.starts_with(|c: char| c.is_ascii_digit() || c == 'v'))
        })
}
