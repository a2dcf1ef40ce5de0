//! Lint: what is inconsistent in a repository, with file, line and remedy, before anything is deployed.
//!
//! [`lint`] works on the workspace and its files alone; rendered manifests and facts about a cluster make it more exact
//! where they are given. Every finding belongs to a rule with a stable id ([`RULES`]); `plate-deploy.yaml` may leave
//! rules out or give them another severity.

mod applications;
mod charts;
mod cluster;
mod environments;
#[cfg(test)]
mod tests;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use crate::files::RepoFiles;
use crate::model::Manifest;
use crate::report::{Diagnostic, Severity};
use crate::workspace::{CONFIG_FILE, Location, Workspace, located, nearest, place_of};

use values::EffectiveValues;

/// A rule: its id, the severity of its findings (some findings are milder) and what it looks for.
pub type Rule = (&'static str, Severity, &'static str);

/// Every rule, by id.
pub const RULES: [Rule; 26] = [
    ("application-cycle", Severity::Error, "app-of-apps that bring themselves"),
    ("dependency-not-vendored", Severity::Error, "chart dependencies that are declared but not in charts/"),
    ("duplicate-application", Severity::Error, "Applications with the same name"),
    (
        "environment-mismatch",
        Severity::Warning,
        "label, name, value files and namespace that mean different environments",
    ),
    ("image-repository-environment", Severity::Warning, "image repositories that do not match the environment"),
    ("invalid-application", Severity::Error, "Applications and projects that cannot be decoded"),
    ("invalid-name", Severity::Error, "Application names that Argo CD refuses"),
    ("invalid-project", Severity::Error, "AppProjects that Argo CD refuses"),
    ("invalid-retry", Severity::Error, "retry durations that cannot be parsed"),
    ("invalid-source", Severity::Error, "sources that Argo CD refuses"),
    ("invalid-yaml", Severity::Error, "broken YAML"),
    ("load-balancer-without-provider", Severity::Warning, "Services that wait for an address that nothing may assign"),
    ("missing-crds", Severity::Error, "custom resources whose definitions nothing brings"),
    ("missing-environment-values", Severity::Warning, "components without values of their own for an environment"),
    ("missing-path", Severity::Error, "source paths that are not in the repository"),
    ("missing-value-file", Severity::Error, "value files that do not exist"),
    ("mutable-image-tag", Severity::Warning, "images without a tag, or with the tag latest"),
    ("namespace-not-created", Severity::Warning, "namespaces that no Application creates"),
    ("not-permitted", Severity::Error, "Applications that their project does not permit"),
    ("runtime-field", Severity::Warning, "status and operation in Git"),
    ("secret-name-differs", Severity::Warning, "secret names that differ between environments"),
    ("storage-class-missing", Severity::Warning, "volume claims that wait for a storage class"),
    ("unknown-field", Severity::Warning, "fields that the API server drops"),
    ("unknown-rule", Severity::Warning, "lint settings for rules that do not exist"),
    ("unknown-sync-option", Severity::Warning, "sync options that Argo CD does not know"),
    ("unreadable-file", Severity::Error, "files that cannot be read"),
];

/// What is known about the cluster that will be deployed to.
#[derive(Clone, Debug, Default)]
pub struct ClusterFacts {
    /// API groups that it serves.
    pub api_groups: BTreeSet<String>,
    /// Storage classes that it has.
    pub storage_classes: BTreeSet<String>,
    /// Whether something assigns addresses to Services of type LoadBalancer.
    pub load_balancer: bool,
    /// Namespaces that exist.
    pub namespaces: BTreeSet<String>,
}

/// What [`lint`] looks at.
#[derive(Clone, Copy, Debug)]
pub struct LintInput<'a> {
    /// The workspace.
    pub workspace: &'a Workspace,
    /// The files it was read from.
    pub files: &'a RepoFiles,
    /// Target manifests by Application name, as far as they were rendered.
    pub rendered: Option<&'a BTreeMap<String, Vec<Manifest>>>,
    /// The cluster, when it is known.
    pub cluster: Option<&'a ClusterFacts>,
}

/// Everything that is wrong, by file and line. The worst finding tells whether to go on: see [`worst`].
#[must_use]
pub fn lint(input: LintInput<'_>) -> Vec<Diagnostic> {
    let context = Context::new(input);
    let mut found = input.workspace.diagnostics.clone();
    applications::check(&context, &mut found);
    charts::check(&context, &mut found);
    environments::check(&context, &mut found);
    cluster::check(&context, &mut found);
    configured(input.workspace, found)
}

/// The severity of the worst finding.
#[must_use]
pub fn worst(findings: &[Diagnostic]) -> Option<Severity> {
    findings.iter().map(|finding| finding.severity).max()
}

/// The input and what several rules need of it.
struct Context<'a> {
    input: LintInput<'a>,
    /// The values of every deployment, by Application name.
    values: BTreeMap<&'a str, EffectiveValues>,
}

impl<'a> Context<'a> {
    fn new(input: LintInput<'a>) -> Self {
        let deployments = input.workspace.components.iter().flat_map(|component| &component.deployments);
        let values = deployments.map(|deployment| {
            (deployment.application.as_str(), EffectiveValues::read(input.files, deployment.existing_value_files()))
        });
        Self { input, values: values.collect() }
    }

    fn workspace(&self) -> &'a Workspace {
        self.input.workspace
    }

    fn rendered(&self, application: &str) -> Option<&'a [Manifest]> {
        self.input.rendered?.get(application).map(Vec::as_slice)
    }
}

/// Applies `lint.ignore` and `lint.severity`, sorts, and leaves out what is said twice.
fn configured(workspace: &Workspace, mut found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let settings = &workspace.config.lint;
    for id in settings.ignore.iter().chain(settings.severity.keys()) {
        if !RULES.iter().any(|(known, ..)| known == id) {
            let hint = nearest(id, RULES.iter().map(|(known, ..)| *known));
            let remedy = hint.map_or_else(|| "remove it".to_owned(), |known| format!("did you mean {known}?"));
            let message = format!("lint has no rule {id}");
            let finding = located("unknown-rule", Severity::Warning, Location::start(CONFIG_FILE), message);
            found.push(finding.remedy(remedy));
        }
    }
    found.retain(|finding| !settings.ignore.contains(&finding.code));
    for finding in &mut found {
        if let Some(severity) = settings.severity.get(&finding.code) {
            finding.severity = (*severity).into();
        }
    }
    found.sort_by(|a, b| (place_of(a), &a.message).cmp(&(place_of(b), &b.message)));
    found.dedup();
    found
}
