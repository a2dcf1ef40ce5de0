//! Validate: lint the repository, render every selected Application.

use async_trait::async_trait;

use super::sources::Capabilities;
use super::{Run, Services, Sources, Stage, StageDone, StageError, Verb, restore};
use crate::driver::Target;
use crate::model::application::{Automated, SyncPolicy};
use crate::model::{Application, HealthCode, HealthStatus, SyncCode};
use crate::render::{Rendered, Renderer, Repository};
use crate::report::{ApplicationReport, Diagnostic, Severity};

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Validate;

#[async_trait]
impl Stage for Validate {
    fn name(&self) -> &str {
        "validate"
    }

    async fn run(&self, run: &mut Run) -> Result<StageDone, StageError> {
        let applications = run.prepared()?.selection.applications.clone();
        let own = run.prepared()?.repository(&run.revision);
        let rendered = match run.request.verb.clone() {
            Verb::Delete { .. } => RenderedAll { targets: nothing(&applications, &own.revision), broken: Vec::new() },
            Verb::Restore { backup, .. } => restore::targets(run, &applications, &backup).await?,
            _ => render_all(&run.services, &own, &applications).await?,
        };
        let count = rendered.targets.len();
        let manifests: usize = rendered.targets.iter().map(|t| t.rendered.manifests.len()).sum();
        let broken = rendered.broken.len();
        run.targets = rendered.targets;
        run.applications = rendered.broken;
        let trouble = if broken == 0 { String::new() } else { format!(", {broken} cannot be rendered") };
        Ok(StageDone::done(format!("{count} applications rendered, {manifests} manifests{trouble}")))
    }
}

/// The Applications without any manifest: what is there goes.
fn nothing(applications: &[Application], revision: &str) -> Vec<Target> {
    let empty = |application: &Application| {
        let mut application = application.clone();
        let policy = application.spec.sync_policy.get_or_insert_with(SyncPolicy::default);
        policy.automated = Some(Automated { prune: Some(true), allow_empty: Some(true), ..Automated::default() });
        Target { application, rendered: Rendered::default(), revision: revision.into() }
    };
    applications.iter().map(empty).collect()
}

/// Rendered Applications, and reports of those that cannot be rendered.
#[derive(Debug, Default)]
pub struct RenderedAll {
    /// The rendered ones.
    pub targets: Vec<Target>,
    /// The others.
    pub broken: Vec<ApplicationReport>,
}

/// Renders Applications from the repository's files for the cluster.
///
/// # Errors
/// When the cluster cannot say what it serves.
pub async fn render_all(
    services: &Services,
    own: &Repository,
    applications: &[Application],
) -> Result<RenderedAll, StageError> {
    let capabilities = Capabilities::of(&*services.cluster).await.map_err(StageError::failed)?;
    let mut all = RenderedAll::default();
    for application in applications {
        match render_one(&services.sources, &*services.renderer, application, own, &capabilities).await {
            Ok(rendered) => {
                all.targets.push(Target { application: application.clone(), rendered, revision: own.revision.clone() });
            }
            Err(finding) => all.broken.push(broken(application, finding, &own.revision)),
        }
    }
    Ok(all)
}

/// Renders one Application.
///
/// # Errors
/// A finding with its remedy.
pub async fn render_one(
    sources: &Sources,
    renderer: &dyn Renderer,
    application: &Application,
    own: &Repository,
    capabilities: &Capabilities,
) -> Result<Rendered, Diagnostic> {
    let request = sources.request(application, own, capabilities).await?;
    renderer
        .render(request)
        .await
        .map_err(|error| Diagnostic::new(Severity::Error, error.code(), error.to_string()).remedy(error.remedy()))
}

/// The report of an Application that cannot be rendered: Argo CD's `ComparisonError`.
fn broken(application: &Application, finding: Diagnostic, revision: &str) -> ApplicationReport {
    ApplicationReport {
        name: application.metadata.name.clone(),
        namespace: application.spec.destination.namespace.clone(),
        sync: SyncCode::Unknown,
        // As Argo CD says it: nothing is known to be unwell. The sync status keeps it from counting as ready.
        health: HealthStatus { status: HealthCode::Healthy, message: String::new() },
        operation: None,
        revision: revision.into(),
        problems: vec![finding],
        resources: Vec::new(),
        written: 0,
        pruned: 0,
    }
}
