//! Rules about differences between environments: what the repositories' own consistency scripts look for.

use std::collections::{BTreeMap, BTreeSet};

use super::Context;
use crate::model::FieldPath;
use crate::report::{Diagnostic, Severity};
use crate::workspace::{
    Component, Deployment, DiscoveredComponent, DiscoveredEnvironment, Environment, ImageReference, Location,
    Workspace, located,
};

/// Keys of values that name a Secret.
const SECRET_KEYS: [&str; 3] = ["secretName", "existingSecret", "tlsSecret"];

pub(super) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for component in &context.workspace().components {
        missing_values(context, component, found);
        secret_names(context, component, found);
        for deployment in &component.deployments {
            for image in &deployment.images {
                repository(context.workspace(), deployment, image, found);
                tag(context.workspace(), deployment, image, found);
            }
        }
    }
}

/// The environment that a word of a path means, among those of the workspace.
fn environment_of<'a>(workspace: &'a Workspace, text: &str) -> Option<&'a str> {
    let words = text.split(['/', '-', '_', '.', ':']);
    words.rev().find_map(|word| workspace.environment(word)).map(|environment| environment.name.as_str())
}

/// `text` with every word that means an environment taken out.
fn without_environment(workspace: &Workspace, text: &str) -> String {
    let words = text.split('-').filter(|word| workspace.environment(word).is_none());
    words.collect::<Vec<_>>().join("-")
}

/// A component that has values of its own for one environment should have them for the others, too.
fn missing_values(context: &Context<'_>, component: &DiscoveredComponent, found: &mut Vec<Diagnostic>) {
    let workspace = context.workspace();
    let Some(chart) = component.deployments.iter().find_map(|d| d.folder.clone().filter(|_| d.is_chart)) else {
        return;
    };
    let files: Vec<(String, &str)> = context
        .input
        .files
        .below(&chart)
        .filter(|(file, _)| !file.contains('/') && file.starts_with("values") && file.ends_with("ml"))
        .filter_map(|(file, _)| Some((format!("{chart}/{file}"), environment_of(workspace, file)?)))
        .collect();
    let covered: BTreeSet<&str> = files.iter().map(|(_, environment)| *environment).collect();
    let Some((example, _)) = files.first() else { return };
    for environment in workspace.environments.iter().filter(|e| !covered.contains(e.name.as_str())) {
        let deployed = component.deployments_in(Some(&environment.name));
        let (severity, location, what) = match deployed.first() {
            Some(deployment) => {
                let application = workspace.application(&deployment.application);
                let location = deployment.value_files.first().map(|file| file.location.clone());
                let fallback = application.map(|a| a.source.location());
                let location = location.or(fallback).unwrap_or_else(|| Location::start(chart.as_str()));
                let used: Vec<&str> = deployment.existing_value_files().collect();
                (Severity::Warning, location, format!("is deployed there with {} alone", used.join(", ")))
            }
            None => (Severity::Info, Location::start(example.as_str()), "is not deployed there".to_owned()),
        };
        let message = format!(
            "{} has a value file for {} but none for {}; it {what}",
            component.name(),
            covered.iter().copied().collect::<Vec<_>>().join(", "),
            environment.name
        );
        let finding = located("missing-environment-values", severity, location, message);
        let file = value_file_name(context, environment);
        found.push(finding.remedy(format!("add {chart}/{file} when it is meant to run there")));
    }
}

/// The name that value files of an environment have elsewhere in the repository.
fn value_file_name(context: &Context<'_>, environment: &DiscoveredEnvironment) -> String {
    let names = environment.aliases().into_iter().map(|word| format!("values-{word}.yaml"));
    let used = |name: &String| context.input.files.paths().any(|path| path.rsplit('/').next() == Some(name));
    names.clone().find(used).or_else(|| names.clone().next()).unwrap_or_default()
}

/// The same field should name the same Secret everywhere, apart from the environment's own word in it.
fn secret_names(context: &Context<'_>, component: &DiscoveredComponent, found: &mut Vec<Diagnostic>) {
    let workspace = context.workspace();
    let mut names: BTreeMap<&FieldPath, Vec<(&Deployment, &str, &Location)>> = BTreeMap::new();
    for deployment in component.deployments.iter().filter(|deployment| deployment.environment.is_some()) {
        let Some(values) = context.values.get(deployment.application.as_str()) else { continue };
        for (path, name, location) in values.texts().filter(|(path, ..)| SECRET_KEYS.contains(&path.last_key())) {
            names.entry(path).or_default().push((deployment, name, location));
        }
    }
    for (path, uses) in names {
        let Some(((first, name, place), rest)) = uses.split_first() else { continue };
        for (other, other_name, location) in rest {
            let differs = without_environment(workspace, name) != without_environment(workspace, other_name);
            if differs && first.environment != other.environment {
                let message = format!(
                    "{}: {path} is {other_name:?} in {} but {name:?} in {} ({place})",
                    component.name(),
                    other.environment_name(),
                    first.environment_name()
                );
                let finding = located("secret-name-differs", Severity::Warning, (*location).clone(), message);
                found.push(
                    finding.remedy(
                        "use one name in every environment, or names that differ in the environment's word only",
                    ),
                );
            }
        }
    }
}

fn repository(workspace: &Workspace, deployment: &Deployment, image: &ImageReference, found: &mut Vec<Diagnostic>) {
    let Some(environment) = deployment.environment.as_deref() else { return };
    let name = image.name();
    let Some(meant) = environment_of(workspace, &name.repository).filter(|meant| *meant != environment) else { return };
    let place = image.parts.values().find(|place| environment_of(workspace, &place.value) == Some(meant));
    let Some(place) = place else { return };
    let message = format!(
        "Application {}: {} is the repository {} of {meant}, but the Application belongs to {environment}",
        deployment.application, image.path, name.repository
    );
    let finding = located("image-repository-environment", Severity::Warning, place.location.clone(), message);
    found.push(finding.remedy(format!("set {}'s repository in a value file of {environment}", image.path)));
}

/// A tag that moves cannot be rolled back and is not deployed by a commit.
fn tag(workspace: &Workspace, deployment: &Deployment, image: &ImageReference, found: &mut Vec<Diagnostic>) {
    let name = image.name();
    if !name.digest.is_empty() || !(name.tag == "latest" || name.tag.is_empty()) {
        return;
    }
    // An empty tag usually means the chart's appVersion.
    let Some(place) = image.parts.values().find(|place| place.value.contains("latest")) else { return };
    let production = deployment.environment.as_deref().and_then(|name| workspace.environment(name));
    let severity = if production.is_some_and(|e| e.production) { Severity::Warning } else { Severity::Info };
    let message = format!("Application {}: {} has the tag latest", deployment.application, name.repository);
    let finding = located("mutable-image-tag", severity, place.location.clone(), message);
    found.push(finding.remedy("name a version: a tag that moves cannot be rolled back by a commit"));
}
