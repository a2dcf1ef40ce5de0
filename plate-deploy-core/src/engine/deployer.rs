//! A repository and a cluster, with everything a run can be given.

use std::sync::Arc;

use super::{EngineError, Repo, folder, history};
use crate::backup::Identities;
use crate::clock::{Clock, SystemClock};
use crate::cluster::{ClusterBackend, DryRun};
use crate::driver::argocd::ArgoCdOptions;
use crate::driver::{ArgoSettings, ChoiceError, Chosen, DriverChoice, DriverOptions, EmbeddedDriver, SyncDriver, choose};
use crate::pipeline::{
    Anchor, ApproveUnguarded, Approver, Libraries, Pipeline, Safety, Selection, Services, Stage, StageError, render_all,
};
use crate::render::{NativeRenderer, Renderer};
use crate::report::{ApplicationReport, Event, NoReporter, Reporter};
use crate::state::{ProcessLock, State};

/// A repository and a cluster: ready to deploy.
#[derive(Clone, Debug)]
pub struct Deployer {
    pub(super) repo: Repo,
    pub(super) cluster: Arc<dyn ClusterBackend>,
    embedded: bool,
    confirmed_context: Option<String>,
    pub(super) renderer: Arc<dyn Renderer>,
    pub(super) reporter: Arc<dyn Reporter>,
    approver: Arc<dyn Approver>,
    pub(super) clock: Arc<dyn Clock>,
    driver_options: DriverOptions,
    /// Histories go to the state directory; the caller brought no store of its own.
    folder_history: bool,
    driver: DriverChoice,
    argocd: ArgoCdOptions,
    pub(super) safety: Safety,
    stages: Vec<(Anchor, Arc<dyn Stage>)>,
    promote_from: Option<Arc<dyn ClusterBackend>>,
    /// Keeps other processes out of the embedded cluster.
    embedded_lock: Option<Arc<ProcessLock>>,
}

impl Deployer {
    pub(super) fn new(repo: Repo, cluster: Arc<dyn ClusterBackend>) -> Self {
        Self {
            repo,
            cluster,
            embedded: false,
            confirmed_context: None,
            renderer: Arc::new(NativeRenderer::default()),
            reporter: Arc::new(NoReporter),
            approver: Arc::new(ApproveUnguarded),
            clock: Arc::new(SystemClock),
            driver_options: DriverOptions::default(),
            folder_history: true,
            driver: DriverChoice::default(),
            argocd: ArgoCdOptions::default(),
            safety: Safety::default(),
            stages: Vec::new(),
            promote_from: None,
            embedded_lock: None,
        }
    }

    pub(super) fn with_embedded_lock(mut self, lock: ProcessLock) -> Self {
        self.embedded_lock = Some(Arc::new(lock));
        self.as_embedded()
    }

    /// Treats the cluster as embedded: no context guard.
    #[must_use]
    pub fn as_embedded(mut self) -> Self {
        self.embedded = true;
        self
    }

    /// Tells this reporter. Default: nobody.
    #[must_use]
    pub fn reporter(mut self, reporter: Arc<dyn Reporter>) -> Self {
        self.reporter = reporter;
        self
    }

    /// Asks this approver. Default: yes where no typed word is needed, else no.
    #[must_use]
    pub fn approver(mut self, approver: Arc<dyn Approver>) -> Self {
        self.approver = approver;
        self
    }

    /// With another renderer.
    #[must_use]
    pub fn renderer(mut self, renderer: Arc<dyn Renderer>) -> Self {
        self.renderer = renderer;
        self
    }

    /// With another clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// With other rules for syncs, and another store for histories. Argo CD's settings in the repository, and those in the
    /// cluster, still count before the options' own.
    #[must_use]
    pub fn driver_options(mut self, options: DriverOptions) -> Self {
        self.driver_options = options;
        self.folder_history = false;
        self
    }

    /// With this driver, and Argo CD asked in this way where it is the one. Default: [`DriverChoice::Auto`]; on the
    /// embedded cluster always the embedded engine.
    #[must_use]
    pub fn driver(mut self, driver: DriverChoice, argocd: ArgoCdOptions) -> Self {
        self.driver = driver;
        self.argocd = argocd;
        self
    }

    /// Vouches for a context whatever its name says.
    #[must_use]
    pub fn confirm_context(mut self, context: Option<String>) -> Self {
        self.confirmed_context = context;
        self
    }

    /// With other settings for locks, backups, notifications, and who this is. Without a state of its own, the logs in the
    /// repository's state directory are used.
    #[must_use]
    pub fn safety(mut self, safety: Safety) -> Self {
        self.safety = safety;
        self
    }

    /// With keys that open backups.
    #[must_use]
    pub fn identities(mut self, identities: Identities) -> Self {
        self.safety.identities = identities;
        self
    }

    /// With a stage of the caller's in every run, where the anchor says.
    #[must_use]
    pub fn stage(mut self, anchor: Anchor, stage: Arc<dyn Stage>) -> Self {
        self.stages.push((anchor, stage));
        self
    }

    /// Promotions look here whether what they copy is healthy. Default: in the cluster they deploy to.
    #[must_use]
    pub fn promote_from(mut self, cluster: Arc<dyn ClusterBackend>) -> Self {
        self.promote_from = Some(cluster);
        self
    }

    /// The cluster.
    #[must_use]
    pub fn cluster(&self) -> &Arc<dyn ClusterBackend> {
        &self.cluster
    }

    /// The repository.
    #[must_use]
    pub fn repo(&self) -> &Repo {
        &self.repo
    }

    /// The logs of runs.
    #[must_use]
    pub fn state(&self) -> State {
        self.safety.state.clone().unwrap_or_else(|| self.repo.state())
    }

    /// How an environment's Applications are; `None`: all of them.
    ///
    /// # Errors
    /// [`EngineError`] when the repository or the cluster cannot be read, or there is no such environment.
    pub async fn status(&self, environment: Option<&str>) -> Result<Vec<ApplicationReport>, EngineError> {
        let services = self.services(true).await?;
        let loaded = self.repo.offline().load("HEAD").await?;
        let environment = match environment {
            None => None,
            Some(word) => Some(
                loaded
                    .workspace
                    .environment(word)
                    .ok_or_else(|| EngineError::unknown_environment(word, &loaded.workspace))?
                    .name
                    .clone(),
            ),
        };
        let applications = match &environment {
            Some(name) => Selection::new(&loaded.workspace, name, Libraries::Skip).applications,
            None => loaded
                .workspace
                .applications
                .iter()
                .filter(|a| a.component.is_some())
                .map(|a| a.source.object.clone())
                .collect(),
        };
        let rendered = render_all(&services, &loaded.repository(), &applications).await.map_err(EngineError::Stage)?;
        let comparisons = services.driver.compare(&rendered.targets).await?;
        let mut reports: Vec<_> = rendered.targets.iter().zip(comparisons).map(|(t, c)| c.report(t)).collect();
        reports.extend(rendered.broken);
        reports.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(reports)
    }

    /// The pipeline with the caller's stages in it; those whose anchor belongs to writing are left out of a plan.
    pub(super) fn with_stages(&self, pipeline: Pipeline) -> Result<Pipeline, EngineError> {
        let whole: Vec<String> = Pipeline::deploy().names().map(str::to_owned).collect();
        let mut with = pipeline;
        for (anchor, stage) in &self.stages {
            let (Anchor::Before(name) | Anchor::After(name)) = anchor;
            let here = with.names().any(|present| present == name);
            if here || !whole.contains(name) {
                with = with.insert(anchor, Arc::clone(stage))?;
            }
        }
        Ok(with)
    }

    pub(super) fn prepare_state(&self) -> Result<(), EngineError> {
        folder::prepare_state(&self.repo.state_dir)
    }

    pub(super) async fn services(&self, read_only: bool) -> Result<Services, EngineError> {
        let cluster: Arc<dyn ClusterBackend> =
            if read_only { Arc::new(DryRun::new(Arc::clone(&self.cluster))) } else { Arc::clone(&self.cluster) };
        let options = self.options_at_head().await?;
        let engine = self.engine_on(Arc::clone(&cluster), &options).await?;
        let tracker = engine.options().settings.tracker.clone();
        let engine = Arc::new(engine);
        let Chosen { driver, notes } = self.choose(Arc::clone(&engine), read_only).await?;
        for note in notes {
            self.reporter.report(&Event::Finding(note));
        }
        let promote_from: Option<Arc<dyn SyncDriver>> = match &self.promote_from {
            Some(other) => Some(Arc::new(self.engine_on(Arc::new(DryRun::new(Arc::clone(other))), &options).await?)),
            None => None,
        };
        Ok(Services {
            git: Arc::clone(&self.repo.git),
            sources: self.repo.sources.clone().tracker(tracker),
            cluster,
            embedded: self.embedded,
            confirmed_context: self.confirmed_context.clone(),
            driver,
            library_driver: engine,
            renderer: Arc::clone(&self.renderer),
            reporter: Arc::clone(&self.reporter),
            approver: Arc::clone(&self.approver),
            clock: Arc::clone(&self.clock),
            safety: Safety { state: Some(self.state()), promote_from, ..self.safety.clone() },
        })
    }

    async fn engine_on(
        &self,
        cluster: Arc<dyn ClusterBackend>,
        options: &DriverOptions,
    ) -> Result<EmbeddedDriver, EngineError> {
        Ok(EmbeddedDriver::start(cluster, Arc::clone(&self.clock), options.clone()).await?)
    }

    /// The driver's options with what the repository says about Argo CD: its settings and projects.
    pub(super) async fn options_at_head(&self) -> Result<DriverOptions, EngineError> {
        let mut options = self.driver_options.clone();
        // What is wrong with the repository is for the stages to say.
        if let Ok(loaded) = self.repo.offline().load("HEAD").await {
            if let Some(settings) = ArgoSettings::in_files(&loaded.files)? {
                options.settings = settings;
            }
            options.projects.extend(loaded.workspace.projects.into_iter().map(|project| project.object));
        }
        if self.folder_history {
            let state_dir = self.repo.state_dir.clone();
            options.history = Arc::new(history::FolderHistory::new(state_dir, self.cluster.name()));
        }
        Ok(options)
    }

    async fn choose(&self, engine: Arc<EmbeddedDriver>, read_only: bool) -> Result<Chosen, EngineError> {
        // Comparing is the engine's work in any case. Whatever runs on the embedded cluster is simulated: an Argo CD that
        // was deployed to it does nothing.
        if self.embedded || read_only {
            return Ok(Chosen { driver: engine, notes: Vec::new() });
        }
        choose(self.driver, engine, self.argocd.clone()).await.map_err(|error| match error {
            ChoiceError::Cluster(error) => EngineError::Cluster(error),
            error => EngineError::Stage(StageError::refused(&error).remedy(error.remedy())),
        })
    }
}
