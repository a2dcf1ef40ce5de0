//! The face of the library: open a repository, choose a cluster, deploy.

mod compare;
mod error;
mod evidence;
mod folder;
mod gitops;
mod history;
mod holds;
mod offline;
mod propagation;
mod relations;
mod seed;
mod simulate;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use compare::CompareOptions;
pub use error::EngineError;
pub use gitops::{GitOps, Refresh};
pub use holds::Reason;
pub use offline::{Loaded, Offline, RenderedApplication, TemplateOptions};
pub use relations::Related;
pub use simulate::SimulateOptions;

use crate::clock::{Clock, SystemClock};
use crate::cluster::{ClusterBackend, DryRun, EmbeddedCluster, EmbeddedOptions};
use crate::driver::argocd::ArgoCdOptions;
use crate::driver::{ArgoSettings, ChoiceError, Chosen, DriverChoice, DriverOptions, EmbeddedDriver, choose};
use crate::git::{GitBackend, GixGit, RepoUrlMap};
use crate::pipeline::{
    ApproveUnguarded, Approver, DeployRequest, Libraries, Pipeline, Run, Selection, Services, Sources, StageError,
    render_all,
};
use crate::render::{NativeRenderer, Renderer};
use crate::report::{ApplicationReport, DeployPlan, DeployReport, Event, NoReporter, Reporter};

/// Folder for state that lives between runs, inside the repository unless told otherwise.
pub const STATE_DIR: &str = ".plate-deploy";

/// A repository, without a cluster yet.
#[derive(Clone, Debug)]
pub struct Repo {
    folder: PathBuf,
    state_dir: PathBuf,
    git: Arc<dyn GitBackend>,
    sources: Sources,
}

impl Repo {
    /// Opens the Git repository in a folder.
    ///
    /// # Errors
    /// [`EngineError::Git`] when the folder is not the root of a repository.
    pub async fn open(folder: impl AsRef<Path>) -> Result<Self, EngineError> {
        let git = GixGit::open(folder.as_ref()).await?;
        Ok(Self::new(folder.as_ref(), Arc::new(git)))
    }

    /// Opens a folder that need not be a repository: a plain one is imported into a local Git repository under the state
    /// directory (`None`: [`STATE_DIR`] in the folder), again whenever its files have changed.
    ///
    /// # Errors
    /// [`EngineError`] when the folder cannot be read, or the repository not be opened.
    pub async fn open_or_import(
        folder: impl AsRef<Path>,
        state_dir: Option<&Path>,
        clock: &dyn Clock,
    ) -> Result<Self, EngineError> {
        let folder = folder.as_ref();
        let state_dir = state_dir.map_or_else(|| folder.join(STATE_DIR), Path::to_owned);
        if folder.join(".git").exists() || folder.join("HEAD").exists() {
            return Ok(Self::open(folder).await?.state_dir(state_dir));
        }
        let git = folder::import(folder, &state_dir, clock).await?;
        Ok(Self::new(folder, Arc::new(git)).state_dir(state_dir))
    }

    /// Any Git backend; `folder` is only where state goes.
    #[must_use]
    pub fn new(folder: &Path, git: Arc<dyn GitBackend>) -> Self {
        let state_dir = folder.join(STATE_DIR);
        Self { folder: folder.into(), state_dir, git, sources: Sources::new(RepoUrlMap::default()) }
    }

    /// With another folder for state.
    #[must_use]
    pub fn state_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.state_dir = folder.into();
        self
    }

    /// With local repositories for other repository URLs.
    #[must_use]
    pub fn url_map(mut self, map: RepoUrlMap) -> Self {
        self.sources = Sources::new(map);
        self
    }

    /// With repeatable renders: charts that make passwords and keys make the same ones each time, from a secret in the
    /// state directory. The embedded cluster has this always; with a cluster that others deploy to as well, charts
    /// behave as in Argo CD unless this is called.
    ///
    /// # Errors
    /// [`EngineError::Folder`] when the secret can be neither read nor made.
    pub fn repeatable(mut self) -> Result<Self, EngineError> {
        folder::prepare_state(&self.state_dir)?;
        self.sources = self.sources.seed(Some(seed::load(&self.state_dir)?));
        Ok(self)
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The Git backend.
    #[must_use]
    pub fn git(&self) -> &Arc<dyn GitBackend> {
        &self.git
    }

    /// What can be done without a cluster: discovery, lint, render.
    #[must_use]
    pub fn offline(&self) -> Offline<'_> {
        Offline::new(self)
    }

    /// With the embedded cluster, whose state is kept in the state directory.
    ///
    /// # Errors
    /// [`EngineError::Cluster`] when the state cannot be read, or another process uses it.
    pub async fn embedded(self) -> Result<Deployer, EngineError> {
        let repo = self.repeatable()?;
        let store = repo.state_dir.join("cluster");
        let cluster =
            EmbeddedCluster::start(EmbeddedOptions { store: Some(store), ..EmbeddedOptions::default() }).await?;
        Ok(Deployer { embedded: true, ..Deployer::new(repo, Arc::new(cluster)) })
    }

    /// With any cluster.
    #[must_use]
    pub fn on(self, cluster: Arc<dyn ClusterBackend>) -> Deployer {
        Deployer::new(self, cluster)
    }
}

/// A repository and a cluster: ready to deploy.
#[derive(Clone, Debug)]
pub struct Deployer {
    repo: Repo,
    cluster: Arc<dyn ClusterBackend>,
    embedded: bool,
    confirmed_context: Option<String>,
    renderer: Arc<dyn Renderer>,
    reporter: Arc<dyn Reporter>,
    approver: Arc<dyn Approver>,
    clock: Arc<dyn Clock>,
    driver_options: DriverOptions,
    /// Histories go to the state directory; the caller brought no store of its own.
    folder_history: bool,
    driver: DriverChoice,
    argocd: ArgoCdOptions,
}

impl Deployer {
    fn new(repo: Repo, cluster: Arc<dyn ClusterBackend>) -> Self {
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
        }
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

    /// Deploys an environment.
    ///
    /// # Errors
    /// Only when the run could not begin (the cluster cannot be listed); everything after that is in the report.
    pub async fn deploy(&self, request: DeployRequest) -> Result<DeployReport, EngineError> {
        self.run_pipeline(Pipeline::deploy(), request).await
    }

    /// Runs a pipeline of the caller's making. A dry run gets a cluster that cannot be written to, and stops after the
    /// plan.
    ///
    /// # Errors
    /// As [`Deployer::deploy`].
    pub async fn run_pipeline(&self, pipeline: Pipeline, request: DeployRequest) -> Result<DeployReport, EngineError> {
        let pipeline = if request.dry_run { Pipeline::plan() } else { pipeline };
        let services = self.services(request.dry_run).await?;
        Ok(pipeline.run(Run::new(request, services)).await)
    }

    /// What a deploy would change; the report holds the stages and what cannot be deployed.
    ///
    /// # Errors
    /// As [`Deployer::deploy`].
    pub async fn plan(&self, request: DeployRequest) -> Result<(Option<DeployPlan>, DeployReport), EngineError> {
        let services = self.services(true).await?;
        Ok(Pipeline::plan().run_for_plan(Run::new(request.dry_run(true), services)).await)
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

    async fn services(&self, read_only: bool) -> Result<Services, EngineError> {
        let cluster: Arc<dyn ClusterBackend> =
            if read_only { Arc::new(DryRun::new(Arc::clone(&self.cluster))) } else { Arc::clone(&self.cluster) };
        let options = self.options_at_head().await?;
        let engine = EmbeddedDriver::start(Arc::clone(&cluster), Arc::clone(&self.clock), options).await?;
        let tracker = engine.options().settings.tracker.clone();
        let engine = Arc::new(engine);
        let Chosen { driver, notes } = self.choose(Arc::clone(&engine), read_only).await?;
        for note in notes {
            self.reporter.report(&Event::Finding(note));
        }
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
        })
    }

    /// The driver's options with what the repository says about Argo CD: its settings and projects.
    async fn options_at_head(&self) -> Result<DriverOptions, EngineError> {
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
