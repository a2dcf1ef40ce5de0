//! Repositories to deploy in tests: the example platform, and the real one when its data is there.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use plate_deploy_core::clock::SystemClock;
use plate_deploy_core::cluster::{ClusterBackend, EmbeddedCluster, EmbeddedOptions, Recording};
use plate_deploy_core::engine::{Deployer, Repo};
use plate_deploy_core::pipeline::ApproveAll;
use tempfile::TempDir;

/// A copy of a platform's files in a temporary folder. The folder goes when the value is dropped.
#[derive(Debug)]
pub struct Platform {
    dir: TempDir,
}

impl Platform {
    /// `examples/plate-gitops`.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub fn example() -> Result<Self> {
        Self::copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/plate-gitops"))
    }

    /// The real platform, `prj-devops` of the shared data; `None` where that is not there.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub fn prj_devops() -> Result<Option<Self>> {
        let folder = shared().map(|shared| shared.join("prj-devops")).filter(|folder| folder.is_dir());
        folder.map(|folder| Self::copy(&folder)).transpose()
    }

    fn copy(from: &Path) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        copy_folder(from, &dir.path().join("repo"))?;
        Ok(Self { dir })
    }

    /// The folder with its files.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.dir.path().join("repo")
    }

    /// Changes one file by replacing text; the text must be there.
    ///
    /// # Errors
    /// When the file cannot be changed.
    pub fn replace(&self, file: &str, from: &str, to: &str) -> Result<()> {
        let path = self.folder().join(file);
        let text = fs::read_to_string(&path)?;
        anyhow::ensure!(text.contains(from), "{file} does not hold {from:?}");
        fs::write(path, text.replace(from, to))?;
        Ok(())
    }

    /// Opens it, importing what has changed in the folder.
    ///
    /// # Errors
    /// When it cannot be imported.
    pub async fn repo(&self) -> Result<Repo> {
        Ok(Repo::open_or_import(self.folder(), Some(&self.dir.path().join("state")), &SystemClock)
            .await?
            .repeatable()?)
    }

    /// A deployer on a cluster whose writes are recorded; every plan is approved.
    ///
    /// # Errors
    /// When the platform cannot be imported.
    pub async fn deployer(&self, cluster: &Recording) -> Result<Deployer> {
        let deployer = self.repo().await?.on(Arc::new(cluster.clone())).as_embedded();
        Ok(deployer.approver(Arc::new(ApproveAll)))
    }
}

/// A fresh embedded cluster in memory that keeps a list of its writes.
///
/// # Errors
/// When it cannot be started.
pub async fn recorded_cluster() -> Result<Recording> {
    let cluster: Arc<dyn ClusterBackend> = Arc::new(EmbeddedCluster::start(EmbeddedOptions::default()).await?);
    Ok(Recording::new(cluster))
}

/// The folder with recorded answers of Helm and Argo CD: `$PLATE_SHARED`, or `../shared` beside the clone.
#[must_use]
pub fn shared() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let folder = env::var_os("PLATE_SHARED").map_or_else(beside, PathBuf::from);
    folder.is_dir().then_some(folder)
}

/// Copies the files of a platform, without Git's and our own.
///
/// # Errors
/// When one cannot be copied.
pub fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_name() == ".plate-deploy" || entry.file_name() == ".git" {
            continue;
        }
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
