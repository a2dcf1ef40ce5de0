//! Rules about charts and their value files.

use super::Context;
use crate::report::{Diagnostic, Severity};
use crate::workspace::{LibrarySource, Location, located, paths};
use crate::yaml::parse;

pub(super) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    dependencies(context, found);
    value_files(context, found);
}

/// Argo CD would fetch a dependency that is not vendored; without a network the Application has no manifests at all.
fn dependencies(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let workspace = context.workspace();
    let deployments = || workspace.components.iter().flat_map(|component| &component.deployments);
    let libraries = workspace.libraries.iter().flat_map(|layer| &layer.libraries);
    let library_folders: Vec<&str> = libraries
        .filter(|library| matches!(library.source, LibrarySource::Chart(_)))
        .map(|library| library.folder.as_str())
        .collect();
    for chart in &workspace.charts {
        let users: Vec<&str> = deployments()
            .filter(|d| d.folder.as_ref() == Some(&chart.folder))
            .map(|d| d.application.as_str())
            .collect();
        let used = !users.is_empty() || library_folders.contains(&chart.folder.as_str());
        for dependency in chart.dependencies.iter().filter(|dependency| !dependency.vendored) {
            let local = dependency.repository.is_empty() || dependency.repository.starts_with("file://");
            let severity = if used && !local { Severity::Error } else { Severity::Warning };
            let by = if users.is_empty() { String::new() } else { format!(" (used by {})", users.join(", ")) };
            let message = format!(
                "chart {}{by}: the dependency {} {} is declared but not in {}/charts",
                chart.name, dependency.name, dependency.version, chart.folder
            );
            let finding = located("dependency-not-vendored", severity, dependency.location.clone(), message);
            found.push(finding.remedy("run helm dependency build and commit charts/, or remove the dependency"));
        }
    }
}

fn value_files(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let workspace = context.workspace();
    let mut broken: Vec<String> = Vec::new();
    for deployment in workspace.components.iter().flat_map(|component| &component.deployments) {
        let lenient = workspace.application(&deployment.application).is_some_and(|application| {
            application
                .source
                .sources()
                .iter()
                .any(|(_, s)| s.helm.as_ref().is_some_and(|h| h.ignore_missing_value_files))
        });
        for file in deployment.value_files.iter().filter(|file| !file.exists) {
            let Some(path) = &file.path else {
                // Elsewhere (a URL, another repository) it cannot be looked up here.
                continue;
            };
            let severity = if lenient { Severity::Info } else { Severity::Error };
            let message = format!("Application {}: the value file {path} does not exist", deployment.application);
            let finding = located("missing-value-file", severity, file.location.clone(), message);
            found.push(finding.remedy(format!("create it or remove {} from valueFiles", file.written)));
        }
        for path in deployment.existing_value_files() {
            if broken.iter().any(|known| known == path) {
                continue;
            }
            let Ok(text) = paths::text(context.input.files, path) else { continue };
            let parsed = parse(text);
            let error = parsed.error.or_else(|| parsed.documents.iter().find_map(|document| document.json().err()));
            if let Some(error) = error {
                broken.push(path.to_owned());
                let location = Location::new(path, error.mark);
                let message = format!("broken YAML: {}", error.message);
                found.push(located("invalid-yaml", Severity::Error, location, message));
            }
        }
    }
}
