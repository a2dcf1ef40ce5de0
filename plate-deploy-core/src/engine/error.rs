//! Why a run could not begin.

use crate::backup::BackupError;
use crate::cluster::ClusterError;
use crate::git::GitError;
use crate::pipeline::StageError;
use crate::state::StateError;
use crate::workspace::{ConfigError, Environment, Workspace};

/// The error of the engine's entry points.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The repository cannot be used.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The cluster cannot be used.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// `plate-deploy.yaml` cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A folder cannot be read.
    #[error("{path}: {message}")]
    Folder {
        /// The folder or file.
        path: String,
        /// Why.
        message: String,
    },
    /// There is no such environment.
    #[error("there is no environment {asked:?} in this repository; there are: {}", .known.join(", "))]
    UnknownEnvironment {
        /// The word.
        asked: String,
        /// Names and aliases.
        known: Vec<String>,
    },
    /// There is no such Application.
    #[error("there is no application {asked:?} in this repository; there are: {}", .known.join(", "))]
    UnknownApplication {
        /// The name.
        asked: String,
        /// All names.
        known: Vec<String>,
    },
    /// The state directory cannot be used, or another process uses it.
    #[error(transparent)]
    State(#[from] StateError),
    /// A backup cannot be used.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// A range of revisions that is none.
    #[error("{0:?} is no range of revisions: write REV..REV, REV...REV (from where they parted) or REV (up to HEAD)")]
    Range(String),
    /// Two revisions have no history in common.
    #[error("{from} and {to} have no commit in common")]
    Unrelated {
        /// The first revision.
        from: String,
        /// The second revision.
        to: String,
    },
    /// A failure that is none, or of something that is not there.
    #[error(transparent)]
    Failure(crate::impact::FailureError),
    /// Argo CD's settings in the repository cannot be used.
    #[error("Argo CD's settings in the repository: {0}")]
    Settings(#[from] crate::driver::SettingsError),
    /// A step failed.
    #[error(transparent)]
    Stage(#[from] StageError),
}

impl EngineError {
    pub(super) fn unknown_environment(asked: &str, workspace: &Workspace) -> Self {
        let known = workspace.environments.iter().map(|e| e.aliases().join(" | ")).collect();
        Self::UnknownEnvironment { asked: asked.into(), known }
    }
}
