//! The state of one deploy: what was asked, what serves it, what the stages have found out so far.

use std::sync::Arc;
use std::time::Duration;

use super::{Approver, DeployRequest, Selection, Sources, StageError};
use crate::clock::Clock;
use crate::cluster::ClusterBackend;
use crate::driver::{SyncDriver, Target};
use crate::files::RepoFiles;
use crate::git::{CommitId, FileEdit, GitBackend};
use crate::render::Renderer;
use crate::report::{
    AccessPoint, ApplicationReport, CommitReport, DeployPlan, DeployReport, Diagnostic, Event, LibraryReport, Outcome,
    Reporter, StageReport,
};
use crate::workspace::{DiscoveredEnvironment, Workspace};

/// What a run works with.
#[derive(Clone, Debug)]
pub struct Services {
    /// The repository.
    pub git: Arc<dyn GitBackend>,
    /// Where other repositories' files come from.
    pub sources: Sources,
    /// The cluster.
    pub cluster: Arc<dyn ClusterBackend>,
    /// Whether the cluster is the embedded one: its name says nothing about an environment.
    pub embedded: bool,
    /// A context that the caller vouches for, whatever its name says.
    pub confirmed_context: Option<String>,
    /// Who carries the Applications' syncs out.
    pub driver: Arc<dyn SyncDriver>,
    /// Who deploys libraries: they are charts, not Applications, so no Argo CD knows them.
    pub library_driver: Arc<dyn SyncDriver>,
    /// Who renders.
    pub renderer: Arc<dyn Renderer>,
    /// Who is told.
    pub reporter: Arc<dyn Reporter>,
    /// Who says yes.
    pub approver: Arc<dyn Approver>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// The repository as it is read for a deploy. Left by the preflight stage.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The environment.
    pub environment: DiscoveredEnvironment,
    /// Branch that is deployed and committed to.
    pub branch: String,
    /// Its head.
    pub base: CommitId,
    /// What the repository says there is to deploy, with the image changes in it.
    pub workspace: Workspace,
    /// The files with the image changes in them.
    pub files: RepoFiles,
    /// The Applications and libraries of this run.
    pub selection: Selection,
    /// The edits for the commit; empty when Git says already what was asked for.
    pub edits: Vec<FileEdit>,
    /// The same for people.
    pub changes: Vec<crate::report::FileChange>,
}

/// One deploy under way. Stages read and write it.
#[derive(Debug)]
pub struct Run {
    /// What was asked.
    pub request: DeployRequest,
    /// What serves it.
    pub services: Services,
    /// From preflight.
    pub prepared: Option<Prepared>,
    /// From validate: the Applications that can be deployed, rendered from the edited files.
    pub targets: Vec<Target>,
    /// From plan.
    pub plan: Option<DeployPlan>,
    /// From publish (or the base, when there was nothing to commit): the revision that is deployed.
    pub revision: String,
    /// From publish.
    pub commit: Option<CommitReport>,
    /// From libraries.
    pub libraries: Vec<LibraryReport>,
    /// From validate (those that cannot be deployed) and sync.
    pub applications: Vec<ApplicationReport>,
    /// From verify.
    pub access: Vec<AccessPoint>,
    /// Findings that are about no single Application.
    pub findings: Vec<Diagnostic>,
    stopped: Option<StageError>,
}

impl Run {
    /// A run that has not begun.
    #[must_use]
    pub fn new(request: DeployRequest, services: Services) -> Self {
        Self {
            request,
            services,
            prepared: None,
            targets: Vec::new(),
            plan: None,
            revision: String::new(),
            commit: None,
            libraries: Vec::new(),
            applications: Vec::new(),
            access: Vec::new(),
            findings: Vec::new(),
            stopped: None,
        }
    }

    /// Tells the reporter.
    pub fn report(&self, event: &Event) {
        self.services.reporter.report(event);
    }

    /// What preflight left.
    ///
    /// # Errors
    /// When a pipeline runs a stage that needs it before preflight.
    pub fn prepared(&self) -> Result<&Prepared, StageError> {
        self.prepared.as_ref().ok_or_else(|| StageError::failed("this stage needs the preflight stage to run first"))
    }

    /// Why the run stopped, if it did.
    #[must_use]
    pub fn stopped(&self) -> Option<&StageError> {
        self.stopped.as_ref()
    }

    pub(super) fn stop(&mut self, error: StageError) {
        self.stopped = Some(error);
    }

    pub(super) fn into_report(mut self, stages: Vec<StageReport>, duration: Duration) -> DeployReport {
        let (outcome, summary) = self.outcome();
        if let Some(error) = self.stopped.take() {
            let finding =
                Diagnostic::new(crate::report::Severity::Error, "stopped", error.message).remedy(error.remedy);
            self.findings.insert(0, finding);
            self.findings.extend(error.findings);
        }
        let environment = self.prepared.as_ref().map_or(self.request.environment, |p| p.environment.name.clone());
        DeployReport {
            version: DeployReport::VERSION,
            outcome,
            summary,
            environment,
            cluster: self.services.cluster.name().into(),
            dry_run: self.request.dry_run,
            revision: self.revision,
            commit: self.commit,
            stages,
            libraries: self.libraries,
            applications: self.applications,
            access: self.access,
            findings: self.findings,
            duration,
        }
    }

    fn outcome(&self) -> (Outcome, String) {
        if let Some(error) = &self.stopped {
            return if error.refused {
                (Outcome::Refused, format!("refused: {}", error.message))
            } else {
                (Outcome::Failed, format!("failed: {}", error.message))
            };
        }
        if self.request.dry_run {
            return (Outcome::Unchanged, "dry run: nothing was written".into());
        }
        let ready = self.applications.iter().filter(|app| app.ready()).count();
        let all = self.applications.len();
        let failed = self.applications.iter().any(|app| !app.problems.is_empty() && !app.ready())
            || self.libraries.iter().any(|library| !library.ready && library.failed);
        let changed = self.commit.is_some()
            || self.applications.iter().any(|app| app.written + app.pruned > 0)
            || self.libraries.iter().any(|library| library.written > 0);
        let text = format!("{ready} of {all} applications are Synced and Healthy");
        match (ready == all && self.libraries.iter().all(|l| l.ready), failed, changed) {
            (true, _, true) => (Outcome::Deployed, format!("deployed: {text}")),
            (true, _, false) => (Outcome::Unchanged, format!("nothing to do: {text}")),
            (false, true, _) => (Outcome::Failed, format!("failed: {text}")),
            (false, false, _) => (Outcome::NotHealthy, format!("not healthy in time: {text}")),
        }
    }
}
