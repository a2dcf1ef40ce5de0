//! The state of one deploy: what was asked, what serves it, what the stages have found out so far.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::edits::Edit;
use super::{Approver, DeployRequest, Notifier, Selection, Sources, StageError, Verb};
use crate::backup::{BackupInfo, Identities, Recipients};
use crate::clock::Clock;
use crate::cluster::ClusterBackend;
use crate::driver::{SyncDriver, Target};
use crate::files::RepoFiles;
use crate::git::{CommitId, FileEdit, GitBackend};
use crate::lock::{Held, Hold, LockSettings};
use crate::render::Renderer;
use crate::report::{
    AccessPoint, ApplicationReport, CommitReport, DeployPlan, DeployReport, Diagnostic, Event, LibraryReport, Outcome,
    Reporter, StageReport,
};
use crate::state::{State, UnfinishedRun};
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
    /// What keeps runs apart and recoverable.
    pub safety: Safety,
}

/// What keeps runs apart and recoverable.
#[derive(Clone, Debug)]
pub struct Safety {
    /// Where journal, history and backups are; `None`: nothing is kept (plans).
    pub state: Option<State>,
    /// The lock in the cluster.
    pub lock: LockSettings,
    /// Who runs this, for locks, holds and the history: `kim@laptop`.
    pub who: String,
    /// To whom Secrets in backups are encrypted; nobody: they are left out.
    pub recipients: Recipients,
    /// Keys that open backups.
    pub identities: Identities,
    /// How many backups an environment keeps. Default: 10.
    pub keep_backups: usize,
    /// Who is told of start, approval, success and failure.
    pub notifiers: Vec<Arc<dyn Notifier>>,
    /// Where a promotion looks whether its source is healthy; `None`: in the same cluster.
    pub promote_from: Option<Arc<dyn SyncDriver>>,
}

impl Default for Safety {
    fn default() -> Self {
        Self {
            state: None,
            lock: LockSettings::default(),
            who: "plate-deploy".into(),
            recipients: Recipients::default(),
            identities: Identities::default(),
            keep_backups: 10,
            notifiers: Vec::new(),
            promote_from: None,
        }
    }
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
    /// What is to change, to be applied again on another base when a push loses a race.
    pub wishes: Vec<Edit>,
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
    /// When the run began; a resumed run: when it began at first.
    pub started: Timestamp,
    /// From preflight: the same run of a process that was killed.
    pub resumed: Option<UnfinishedRun>,
    /// Preflight has looked for runs that were cut off.
    pub(super) adopted: bool,
    /// From preflight: ids of runs of ours that are known to be dead.
    pub(super) dead_runs: BTreeSet<String>,
    /// From preflight: the environment's hold, and the Lease's version.
    pub(super) hold: Option<Hold>,
    pub(super) lease_version: Option<String>,
    /// From lock.
    pub lock: Option<Held>,
    /// From backup.
    pub backup: Option<BackupInfo>,
    /// The run that undoes this one.
    pub(super) rollback: Option<Box<DeployReport>>,
    stopped: Option<StageError>,
}

impl Run {
    /// A run that has not begun.
    #[must_use]
    pub fn new(request: DeployRequest, services: Services) -> Self {
        let started = services.clock.now();
        Self {
            request,
            services,
            started,
            resumed: None,
            adopted: false,
            dead_runs: BTreeSet::new(),
            hold: None,
            lease_version: None,
            lock: None,
            backup: None,
            rollback: None,
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

    /// The environment's name, or the word that was asked for before preflight has found it.
    #[must_use]
    pub fn environment(&self) -> &str {
        self.prepared.as_ref().map_or(&self.request.environment, |p| &p.environment.name)
    }

    /// Whether the lock is still ours; true for runs without one.
    ///
    /// # Errors
    /// When it was lost: nothing more may be written.
    pub fn check_lock(&self) -> Result<(), StageError> {
        match &self.lock {
            None => Ok(()),
            Some(lock) => lock.check().map_err(|error| {
                StageError::failed(error).remedy("look who deploys (`plate-deploy history`, the Lease), then `resume`")
            }),
        }
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
            id: self.request.id,
            verb: self.request.verb.word().into(),
            backup: self.backup.map(|backup| backup.name),
            rollback: self.rollback,
        }
    }

    pub(super) fn outcome(&self) -> (Outcome, String) {
        if let Some(error) = &self.stopped {
            let undone = match &self.rollback {
                Some(report) if report.outcome.exit_code() == 0 => "; rolled back",
                Some(_) => "; the rollback failed, too",
                None => "",
            };
            return if error.refused {
                (Outcome::Refused, format!("refused: {}", error.message))
            } else {
                (Outcome::Failed, format!("failed: {}{undone}", error.message))
            };
        }
        if self.request.dry_run {
            return (Outcome::Unchanged, "dry run: nothing was written".into());
        }
        if let (Verb::Backup, Some(backup)) = (&self.request.verb, &self.backup) {
            return (Outcome::Deployed, format!("backed up as {}", backup.name));
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
