//! The face of the library: open a repository, choose a cluster, deploy.

mod deployer;
mod compare;
mod error;
mod evidence;
mod folder;
mod gitops;
mod history;
mod holds;
mod offline;
mod runs;
mod propagation;
mod relations;
mod seed;
mod simulate;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use deployer::Deployer;
pub use compare::CompareOptions;
pub use error::EngineError;
pub use gitops::{GitOps, Refresh};
pub use holds::Reason;
pub use offline::{Loaded, Offline, RenderedApplication, TemplateOptions};
pub use runs::ResumeOptions;
pub use relations::Related;
pub use simulate::SimulateOptions;

use crate::backup::BackupStore;
use crate::clock::Clock;
use crate::cluster::{ClusterBackend, EmbeddedCluster, EmbeddedOptions};
use crate::git::{GitBackend, GixGit, RepoUrlMap};
use crate::pipeline::Sources;
use crate::state::{Occupant, ProcessLock, State};

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

    /// The logs of runs in the state directory.
    #[must_use]
    pub fn state(&self) -> State {
        State::open(&self.state_dir)
    }

    /// The backups in the state directory.
    #[must_use]
    pub fn backups(&self) -> BackupStore {
        BackupStore::new(self.state_dir.join("backups"))
    }

    /// With the embedded cluster, whose state is kept in the state directory.
    ///
    /// # Errors
    /// [`EngineError::Cluster`] when the state cannot be read; [`EngineError::State`] when another process uses it.
    pub async fn embedded(self) -> Result<Deployer, EngineError> {
        self.embedded_for(&Occupant::default(), Duration::ZERO).await
    }

    /// The same, waiting for another process that uses the embedded cluster; what `me` says is what others are told
    /// while this one does.
    ///
    /// # Errors
    /// As [`Repo::embedded`].
    pub async fn embedded_for(self, me: &Occupant, wait: Duration) -> Result<Deployer, EngineError> {
        let repo = self.repeatable()?;
        let store = repo.state_dir.join("cluster");
        let lock = ProcessLock::acquire(&store.join("process.lock"), me, wait).await?;
        let cluster =
            EmbeddedCluster::start(EmbeddedOptions { store: Some(store), ..EmbeddedOptions::default() }).await?;
        Ok(Deployer::new(repo, Arc::new(cluster)).with_embedded_lock(lock))
    }

    /// With any cluster.
    #[must_use]
    pub fn on(self, cluster: Arc<dyn ClusterBackend>) -> Deployer {
        Deployer::new(self, cluster)
    }
}
