//! Rules about what the cluster must offer: custom resource definitions, load balancers, storage classes.

use std::collections::{BTreeMap, BTreeSet};

use super::values::parent_key;
use super::{ClusterFacts, Context};
use crate::files::RepoFiles;
use crate::model::FieldPath;
use crate::report::{Diagnostic, Severity};
use crate::workspace::{Deployment, Library, Location, located, paths};
use crate::yaml::Mark;

/// API groups that every cluster serves besides those that end in `.k8s.io`.
const BUILT_IN_GROUPS: [&str; 5] = ["", "apps", "autoscaling", "batch", "policy"];

pub(super) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let definitions = definitions(context);
    for deployment in context.workspace().components.iter().flat_map(|component| &component.deployments) {
        custom_resources(context, deployment, &definitions, found);
        load_balancers(context, deployment, found);
        storage_classes(context, deployment, found);
    }
}

/// Where an Application's own definition of itself stands, for findings that no value explains.
fn application_location(context: &Context<'_>, deployment: &Deployment) -> Location {
    let application = context.workspace().application(&deployment.application);
    application.map(|a| a.source.location_of(&FieldPath::keys(["spec"]))).unwrap_or_default()
}

fn libraries<'a>(context: &Context<'a>) -> impl Iterator<Item = (&'a str, &'a Library)> {
    let layers = context.workspace().libraries.iter();
    layers.flat_map(|layer| layer.libraries.iter().map(|library| (layer.name.as_str(), library)))
}

/// API groups whose custom resource definitions are somewhere in the repository, with the folders that bring them.
fn definitions(context: &Context<'_>) -> BTreeMap<String, BTreeSet<String>> {
    let folders: Vec<&str> = libraries(context)
        .map(|(_, library)| library.folder.as_str())
        .chain(context.workspace().charts.iter().map(|chart| chart.folder.as_str()))
        .collect();
    let mut groups: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let files = context.input.files;
    for path in files.paths().filter(|path| paths::is_manifest(path)) {
        let Ok(text) = paths::text(files, path) else { continue };
        if !text.contains("CustomResourceDefinition") {
            continue;
        }
        let folder = folders.iter().find(|folder| paths::is_below(path, folder)).copied().unwrap_or(path);
        for document in text.split("\n---").filter(|document| document.contains("kind: CustomResourceDefinition")) {
            for group in document.lines().filter_map(|line| line.trim().strip_prefix("group:")) {
                let group = group.trim().trim_matches(['"', '\'']);
                groups.entry(group.to_owned()).or_default().insert(folder.to_owned());
            }
        }
    }
    groups
}

/// A kind that is used: its API group, its name, and where.
struct UsedKind {
    group: String,
    kind: String,
    location: Location,
}

fn custom_resources(
    context: &Context<'_>,
    deployment: &Deployment,
    definitions: &BTreeMap<String, BTreeSet<String>>,
    found: &mut Vec<Diagnostic>,
) {
    let in_templates = deployment.folder.as_deref().map(|folder| template_kinds(context.input.files, folder));
    let in_templates = in_templates.unwrap_or_default();
    let (used, certain) = match context.rendered(&deployment.application) {
        Some(manifests) => {
            let kinds = manifests.iter().map(|manifest| {
                let gvk = manifest.gvk();
                let place = in_templates.iter().find(|k| k.group == gvk.group && k.kind == gvk.kind);
                let location = place.map_or_else(|| application_location(context, deployment), |k| k.location.clone());
                UsedKind { group: gvk.group, kind: gvk.kind, location }
            });
            (kinds.collect(), true)
        }
        None => (in_templates, false),
    };
    let served = |group: &str| context.input.cluster.is_some_and(|cluster| cluster.api_groups.contains(group));
    let mut seen = BTreeSet::new();
    for UsedKind { group, kind, location } in used {
        let known = BUILT_IN_GROUPS.contains(&group.as_str()) || group.ends_with(".k8s.io") || served(&group);
        if known || definitions.contains_key(&group) || !seen.insert((group.clone(), kind.clone())) {
            continue;
        }
        let severity = if certain { Severity::Error } else { Severity::Warning };
        let message = format!(
            "Application {}: nothing in the repository defines {kind} of {group}; without its custom resource definition it cannot sync",
            deployment.application
        );
        let finding = located("missing-crds", severity, location, message);
        found.push(finding.remedy(missing_definition_remedy(context, &group)));
    }
}

/// A dependency or library with a name like the group's is where the definitions usually come from.
fn missing_definition_remedy(context: &Context<'_>, group: &str) -> String {
    let word = group.split('.').next().unwrap_or(group);
    let charts = context.workspace().charts.iter();
    let dependency =
        charts.flat_map(|chart| chart.dependencies.iter().map(move |d| (chart, d))).find(|(_, d)| d.name == word);
    match dependency {
        Some((chart, dependency)) => format!(
            "install {word} before, as a library: the dependency {} of {} would bring it, but it is not vendored",
            dependency.name, chart.folder
        ),
        None => format!("add a library that brings {group} (such as {word}), and deploy libraries first"),
    }
}

/// Kinds named in a chart's templates and definitions, or in plain manifests. Only literal `apiVersion` lines count:
/// what a template computes is known after rendering.
fn template_kinds(files: &RepoFiles, folder: &str) -> Vec<UsedKind> {
    let mut kinds = Vec::new();
    let is_chart = files.is_file(&paths::join(folder, "Chart.yaml"));
    for (relative, _) in files.below(folder).filter(|(path, _)| paths::is_manifest(path)) {
        if is_chart && !relative.starts_with("templates/") {
            continue;
        }
        let path = paths::join(folder, relative);
        let Ok(text) = paths::text(files, &path) else { continue };
        let lines: Vec<&str> = text.lines().collect();
        for (i, line) in lines.iter().enumerate() {
            // Top level only: nested ones are references.
            let Some(group) = line.strip_prefix("apiVersion:").map(clean).and_then(|v| v.split_once('/')) else {
                continue;
            };
            let near = lines.iter().skip(i.saturating_sub(1)).take(4);
            let kind = near.filter_map(|line| line.strip_prefix("kind:")).map(clean).next();
            if let Some(kind) = kind.filter(|kind| !kind.contains("{{") && !group.0.contains("{{")) {
                let location = Location::new(path.as_str(), Mark { line: i + 1, column: 1 });
                kinds.push(UsedKind { group: group.0.to_owned(), kind: kind.to_owned(), location });
            }
        }
    }
    kinds
}

/// A plain scalar without quotes and comment.
fn clean(text: &str) -> &str {
    text.split(" #").next().unwrap_or(text).trim().trim_matches(['"', '\''])
}

fn load_balancers(context: &Context<'_>, deployment: &Deployment, found: &mut Vec<Diagnostic>) {
    if context.input.cluster.is_some_and(|cluster| cluster.load_balancer) {
        return;
    }
    let values = context.values.get(deployment.application.as_str());
    let in_values = values.and_then(|values| {
        values.texts().find(|(path, text, _)| {
            *text == "LoadBalancer"
                && path.last_key() == "type"
                && parent_key(path).to_ascii_lowercase().contains("service")
        })
    });
    let rendered = context.rendered(&deployment.application).map(|manifests| {
        manifests.iter().any(|manifest| {
            let spec = manifest.value().pointer("/spec/type").and_then(serde_json::Value::as_str);
            manifest.kind() == "Service" && spec == Some("LoadBalancer")
        })
    });
    if !rendered.unwrap_or(in_values.is_some()) {
        return;
    }
    let location =
        in_values.map_or_else(|| application_location(context, deployment), |(.., location)| location.clone());
    let message = format!(
        "Application {}: its Service of type LoadBalancer stays Progressing until something assigns an address",
        deployment.application
    );
    let provider = libraries(context).find(|(_, library)| library.name.contains("metallb"));
    let remedy = match provider {
        Some((layer, library)) => format!("deploy the library {layer}/{} first", library.name),
        None => "add a load balancer (such as MetalLB), or use ClusterIP behind the ingress".into(),
    };
    let finding = located("load-balancer-without-provider", Severity::Warning, location, message);
    found.push(finding.remedy(remedy));
}

fn storage_classes(context: &Context<'_>, deployment: &Deployment, found: &mut Vec<Diagnostic>) {
    let mut wanted: BTreeMap<String, Location> = BTreeMap::new();
    for (path, class, location) in
        context.values.get(deployment.application.as_str()).into_iter().flat_map(|v| v.texts())
    {
        if matches!(path.last_key(), "storageClass" | "storageClassName") && !matches!(class, "" | "-") {
            wanted.insert(class.to_owned(), location.clone());
        }
    }
    if let Some(manifests) = context.rendered(&deployment.application) {
        let claims = manifests.iter().filter(|manifest| manifest.kind() == "PersistentVolumeClaim");
        let classes = claims.filter_map(|m| m.value().pointer("/spec/storageClassName")?.as_str());
        let rendered: BTreeSet<&str> = classes.filter(|class| !class.is_empty()).collect();
        wanted.retain(|class, _| rendered.contains(class.as_str()));
        for class in rendered {
            wanted.entry(class.to_owned()).or_insert_with(|| application_location(context, deployment));
        }
    }
    let has = |facts: &ClusterFacts, class: &str| facts.storage_classes.contains(class);
    for (class, location) in wanted {
        if context.input.cluster.is_some_and(|facts| has(facts, &class)) {
            continue;
        }
        let message = format!(
            "Application {}: its volume claim stays Pending until the storage class {class} exists",
            deployment.application
        );
        let remedy = match storage_provider(context, &class) {
            Some(provider) => format!("deploy the library {provider} first"),
            None => "nothing in the repository makes it: add a provisioner, or use another class".into(),
        };
        let finding = located("storage-class-missing", Severity::Warning, location, message);
        found.push(finding.remedy(remedy));
    }
}

/// The library that makes a storage class: one of whose files names it as a name, a storage provisioner before others.
fn storage_provider(context: &Context<'_>, class: &str) -> Option<String> {
    let files = context.input.files;
    let makes = |library: &Library| {
        let texts = files.below(&library.folder).filter(|(path, _)| paths::is_manifest(path));
        let mut texts = texts.filter_map(|(path, _)| paths::text(files, &paths::join(&library.folder, path)).ok());
        texts.any(|text| {
            let mut lines = text.lines().map(|line| line.trim().trim_start_matches("- "));
            text.contains(class)
                && lines.any(|line| line.strip_prefix("name:").is_some_and(|name| clean(name) == class))
        })
    };
    libraries(context).find(|(_, library)| makes(library)).map(|(layer, library)| format!("{layer}/{}", library.name))
}
