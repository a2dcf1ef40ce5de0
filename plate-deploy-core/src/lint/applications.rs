//! Rules about Applications and projects themselves.

use std::collections::BTreeMap;

use super::Context;
use crate::model::application::{DEFAULT_PROJECT, Destination};
use crate::model::permission::validate_permissions;
use crate::model::{AppProject, Cluster, FieldPath, same_repo};
use crate::report::{Diagnostic, Severity};
use crate::workspace::{WorkspaceApplication, located, nearest, paths};

/// Names of the sync options that Argo CD knows, for Applications.
const SYNC_OPTIONS: [&str; 15] = [
    "ApplyOutOfSyncOnly",
    "ClientSideApplyMigration",
    "CreateNamespace",
    "Delete",
    "FailOnSharedResource",
    "Force",
    "Prune",
    "PruneLast",
    "PrunePropagationPolicy",
    "Replace",
    "RespectIgnoreDifferences",
    "ServerSideApply",
    "SkipDryRunOnMissingResource",
    "Validate",
    "SkipHooks",
];

pub(super) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let workspace = context.workspace();
    duplicates(context, found);
    for project in &workspace.projects {
        if let Err(error) = project.object.validate() {
            let message = format!("AppProject {}: {error}", project.object.metadata.name);
            found.push(located("invalid-project", Severity::Error, project.location(), message));
        }
    }
    for application in &workspace.applications {
        name(application, found);
        environment(application, found);
        sync_policy(application, found);
        source_paths(context, application, found);
        namespace(context, application, found);
        permissions(context, application, found);
    }
}

fn duplicates(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let mut first: BTreeMap<(&str, &str), &WorkspaceApplication> = BTreeMap::new();
    for application in &context.workspace().applications {
        // A file without a namespace is applied to Argo CD's own.
        let namespace = Some(application.source.object.metadata.namespace.as_str()).filter(|n| !n.is_empty());
        let key = (namespace.unwrap_or("argocd"), application.name());
        if let Some(earlier) = first.get(&key) {
            let message = format!("Application {} is also in {}", application.name(), earlier.source.location());
            let location = application.source.location_of(&FieldPath::keys(["metadata", "name"]));
            let finding = located("duplicate-application", Severity::Error, location, message);
            found.push(finding.remedy("rename or remove one: the one applied last wins"));
        } else {
            first.insert(key, application);
        }
    }
}

fn name(application: &WorkspaceApplication, found: &mut Vec<Diagnostic>) {
    if !application.source.object.has_valid_name() {
        let location = application.source.location_of(&FieldPath::keys(["metadata", "name"]));
        let message = format!("{:?} is no valid name of an Application", application.name());
        let finding = located("invalid-name", Severity::Error, location, message);
        found.push(finding.remedy("use lower-case letters, digits, - and . only"));
    }
}

/// The strongest evidence counts; anything that says otherwise is worth a look.
fn environment(application: &WorkspaceApplication, found: &mut Vec<Diagnostic>) {
    let Some(strongest) = application.evidence.first() else { return };
    for other in application.evidence.iter().filter(|other| other.environment != strongest.environment) {
        let message = format!(
            "Application {} is taken for {} because of {}, but {} means {}",
            application.name(),
            strongest.environment,
            strongest.reason,
            other.reason,
            other.environment
        );
        let finding = located("environment-mismatch", Severity::Warning, other.location.clone(), message);
        found.push(finding.remedy("make them agree, or set the environment in plate-deploy.yaml"));
    }
}

fn sync_policy(application: &WorkspaceApplication, found: &mut Vec<Diagnostic>) {
    let Some(policy) = &application.source.object.spec.sync_policy else { return };
    let path = FieldPath::keys(["spec", "syncPolicy"]);
    for (i, option) in policy.sync_options.iter().enumerate() {
        let name = option.split('=').next().unwrap_or(option);
        if !SYNC_OPTIONS.contains(&name) {
            let location = application.source.location_of(&path.key("syncOptions").index(i));
            let message = format!("Application {}: Argo CD has no sync option {name}", application.name());
            let hint =
                nearest(name, SYNC_OPTIONS).map_or("remove it".to_owned(), |known| format!("did you mean {known}?"));
            found.push(located("unknown-sync-option", Severity::Warning, location, message).remedy(hint));
        }
    }
    if let Some(Err(error)) = policy.retry.as_ref().map(|retry| retry.wait_before(0)) {
        let location = application.source.location_of(&path.key("retry").key("backoff"));
        let message = format!("Application {}: {error}", application.name());
        let finding = located("invalid-retry", Severity::Error, location, message);
        found.push(finding.remedy("write durations as 5s, 3m or 1h"));
    }
}

fn source_paths(context: &Context<'_>, application: &WorkspaceApplication, found: &mut Vec<Diagnostic>) {
    let (workspace, files) = (context.workspace(), context.input.files);
    for (path, source) in application.source.sources() {
        let local = same_repo(&source.repo_url, &workspace.repo_url) && source.chart.is_empty() && !source.is_ref();
        if local && !paths::folder(files, &source.path).is_some_and(|folder| files.is_folder(&folder)) {
            let message =
                format!("Application {}: the path {:?} is not in the repository", application.name(), source.path);
            let location = application.source.location_of(&path.key("path"));
            found.push(located("missing-path", Severity::Error, location, message).remedy("correct the path"));
        }
        if let Err(error) = source.explicit_type() {
            let message = format!("Application {}: {error}", application.name());
            let location = application.source.location_of(&path);
            let finding = located("invalid-source", Severity::Error, location, message);
            found.push(finding.remedy("keep the options of one type"));
        }
    }
}

/// A namespace must come from somewhere: an option, a manifest, or the cluster itself.
fn namespace(context: &Context<'_>, application: &WorkspaceApplication, found: &mut Vec<Diagnostic>) {
    let workspace = context.workspace();
    let namespace = application.source.object.spec.destination.namespace.as_str();
    let built_in = ["", "default", "kube-system", "kube-public", "kube-node-lease"].contains(&namespace);
    let exists = context.input.cluster.is_some_and(|cluster| cluster.namespaces.contains(namespace));
    let own = application.source.object.metadata.namespace == namespace;
    let library = workspace.libraries.iter().flat_map(|layer| &layer.libraries).any(|l| l.namespace == namespace);
    let by_option = workspace.applications.iter().any(|other| {
        let spec = &other.source.object.spec;
        let creates = spec.sync_policy.iter().flat_map(|p| &p.sync_options).any(|o| o == "CreateNamespace=true");
        creates && spec.destination.namespace == namespace
    });
    if built_in || exists || own || library || by_option {
        return;
    }
    let location = application.source.location_of(&FieldPath::keys(["spec", "destination", "namespace"]));
    let message = format!("Application {}: nothing creates the namespace {namespace}", application.name());
    let finding = located("namespace-not-created", Severity::Warning, location, message);
    found.push(finding.remedy("add the sync option CreateNamespace=true, or create it before"));
}

/// Only projects in the repository are known; `default` permits everything unless it is redefined.
fn permissions(context: &Context<'_>, application: &WorkspaceApplication, found: &mut Vec<Diagnostic>) {
    let spec = &application.source.object.spec;
    let projects = &context.workspace().projects;
    let defined = projects.iter().find(|project| project.object.metadata.name == spec.project());
    let project = match defined {
        Some(project) => project.object.clone(),
        None if spec.project() == DEFAULT_PROJECT => AppProject::permissive(DEFAULT_PROJECT),
        None => return,
    };
    for condition in validate_permissions(spec, &project, &assumed_clusters(&spec.destination)) {
        let field = if condition.message.contains("destination") { "destination" } else { "source" };
        let location = application.source.location_of(&FieldPath::keys(["spec", field]));
        let message = format!("Application {}: {}", application.name(), condition.message);
        found.push(located("not-permitted", Severity::Error, location, message));
    }
}

/// Which clusters Argo CD knows is not in Git: the destination's is taken for granted.
fn assumed_clusters(destination: &Destination) -> Vec<Cluster> {
    vec![Cluster { name: destination.name.clone(), server: destination.server.trim_end_matches('/').to_owned() }]
}
