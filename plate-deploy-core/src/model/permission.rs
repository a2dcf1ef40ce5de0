//! Whether an Application may do what it says: Argo CD's `ValidatePermissions`, and the conditions it sets.

use serde::{Deserialize, Serialize};

use super::application::{Application, ApplicationSpec, Destination, SourceHydrator};
use super::project::AppProject;
use super::project_rules::Cluster;
use super::source::ApplicationSource;

/// The annotation with the URL of the Argo CD that manages an Application.
const MANAGED_BY_URL: &str = "argocd.argoproj.io/managed-by-url";

/// A condition of an Application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// `InvalidSpecError`, `ComparisonError` …
    #[serde(rename = "type")]
    pub condition_type: String,
    /// Why.
    pub message: String,
}

impl Condition {
    /// `InvalidSpecError`.
    #[must_use]
    pub fn invalid_spec(message: impl Into<String>) -> Self {
        Self { condition_type: "InvalidSpecError".into(), message: message.into() }
    }
}

/// The conditions that the spec of an Application earns under a project; none when it is permitted.
#[must_use]
pub fn validate_application(application: &Application, project: &AppProject, clusters: &[Cluster]) -> Vec<Condition> {
    let mut conditions = validate_permissions(&application.spec, project, clusters);
    let url = application.metadata.annotations.get(MANAGED_BY_URL).filter(|url| !url.is_empty());
    if let Some(url) = url.filter(|url| !url.starts_with("http:") && !url.starts_with("https:")) {
        let reason = match super::repo_url::go_parse_error(url) {
            Some(error) => format!("failed to parse URL: {error}"),
            None => "URL must include http or https protocol".into(),
        };
        conditions.push(Condition::invalid_spec(format!("invalid managed-by URL: {reason}")));
    }
    conditions
}

/// Sources and destination against the project and the known clusters.
#[must_use]
pub fn validate_permissions(spec: &ApplicationSpec, project: &AppProject, clusters: &[Cluster]) -> Vec<Condition> {
    let name = &project.metadata.name;
    let mut conditions = Vec::new();
    let check = |source: &ApplicationSource, what: &str, conditions: &mut Vec<Condition>| {
        if !project.permits_source(&source.repo_url) {
            let text = format!("{what} repo {} is not permitted in project '{name}'", source.repo_url);
            conditions.push(Condition::invalid_spec(text));
        }
    };
    if let Some(hydrator) = &spec.source_hydrator {
        conditions.extend(hydrator_conditions(hydrator));
        if !conditions.is_empty() {
            return conditions;
        }
        let (dry, sync) = (hydrator.dry_source(), hydrator.sync_source());
        check(&dry, "application", &mut conditions);
        if sync.repo_url != dry.repo_url {
            check(&sync, "sync source", &mut conditions);
        }
    } else if spec.is_multi_source() {
        for source in &spec.sources {
            if let Some(condition) = source_condition(source, true) {
                conditions.push(condition);
                return conditions;
            }
            check(source, "application", &mut conditions);
        }
    } else {
        let source = spec.first_source();
        if let Some(condition) = source_condition(&source, false) {
            return vec![condition];
        }
        check(&source, "application", &mut conditions);
    }
    conditions.extend(destination_condition(&spec.destination, project, clusters));
    conditions
}

fn source_condition(source: &ApplicationSource, several: bool) -> Option<Condition> {
    let nowhere = source.path.is_empty() && source.chart.is_empty() && !(several && source.is_ref());
    let message = if source.repo_url.is_empty() || nowhere {
        if several {
            let source = super::go_string::source(source);
            format!(
                "spec.source.repoURL and either source.path, source.chart, or source.ref are required for source {source}"
            )
        } else {
            "spec.source.repoURL and either spec.source.path or spec.source.chart are required".into()
        }
    } else if !source.chart.is_empty() && source.target_revision.is_empty() {
        "spec.source.targetRevision is required if the manifest source is a helm chart".into()
    } else {
        return None;
    };
    Some(Condition::invalid_spec(message))
}

fn hydrator_conditions(hydrator: &SourceHydrator) -> Vec<Condition> {
    let staged = hydrator.hydrate_to.as_ref();
    [
        (hydrator.dry_source.repo_url.is_empty(), "spec.sourceHydrator.drySource.repoURL is required"),
        (hydrator.sync_source.target_branch.is_empty(), "spec.sourceHydrator.syncSource.targetBranch is required"),
        (
            staged.is_some_and(|to| to.target_branch.is_empty()),
            "when spec.sourceHydrator.hydrateTo is set, spec.sourceHydrator.hydrateTo.targetBranch is required",
        ),
    ]
    .into_iter()
    .filter(|(missing, _)| *missing)
    .map(|(_, message)| Condition::invalid_spec(message))
    .collect()
}

fn destination_condition(destination: &Destination, project: &AppProject, clusters: &[Cluster]) -> Option<Condition> {
    let cluster = match destination_cluster(destination, clusters) {
        Ok(cluster) => cluster,
        Err(message) => return Some(Condition::invalid_spec(message)),
    };
    // Which clusters belong to a project is not known from Git: none do.
    if project.permits_destination(cluster, &destination.namespace, &[]) {
        return None;
    }
    let shown = if destination.name.is_empty() { &cluster.server } else { &cluster.name };
    Some(Condition::invalid_spec(format!(
        "application destination server '{shown}' and namespace '{}' do not match any of the allowed destinations in project '{}'",
        destination.namespace, project.metadata.name
    )))
}

/// The cluster that a destination means.
///
/// # Errors
/// Argo CD's message: nothing given, both given, not known, or more than one of that name.
pub fn destination_cluster<'a>(destination: &Destination, clusters: &'a [Cluster]) -> Result<&'a Cluster, String> {
    let Destination { server, name, .. } = destination;
    match (server.is_empty(), name.is_empty()) {
        (true, true) => Err("Destination server missing from app spec".into()),
        (false, false) => {
            Err(format!("application destination can't have both name and server defined: {name} {server}"))
        }
        (false, true) => {
            let wanted = server.trim_end_matches('/');
            clusters.iter().find(|cluster| cluster.server == wanted).ok_or_else(|| {
                let reason = format!("rpc error: code = NotFound desc = cluster {wanted:?} not found");
                format!("error getting cluster by server {server:?}: {reason}")
            })
        }
        (true, false) => match clusters.iter().filter(|cluster| cluster.name == *name).collect::<Vec<_>>().as_slice() {
            [] => Err(format!("there are no clusters with this name: {name}")),
            [one] => Ok(one),
            several => {
                let servers: Vec<&str> = several.iter().map(|cluster| cluster.server.as_str()).collect();
                Err(format!("there are {} clusters with the same name: [{}]", servers.len(), servers.join(" ")))
            }
        },
    }
}
