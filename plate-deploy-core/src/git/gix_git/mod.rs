//! Real repositories through gix: a work tree or bare repository on disk, or a bare mirror of a remote. No process is
//! started, no hook runs, and no configuration outside the repository is read.

mod http;
mod local_remote;
mod open;
mod receive_pack;
mod remote;
mod status;
mod store;
mod transfer;
mod work_tree;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use super::backend::GitBackend;
use super::credentials::Credentials;
use super::error::GitError;
use super::types::{
    Change, CommitId, CommitInfo, CommitRequest, FetchOutcome, ListOptions, LocalBranch, LogOptions, ObjectId,
    PushOutcome, PushRequest, RefInfo, RepositoryStatus, TreeEntry,
};
use super::{history, objects, revision, tree};
use remote::Remote;
use store::Local;

/// A repository on disk.
///
/// ```no_run
/// # async fn example() -> Result<(), plate_deploy_core::git::GitError> {
/// use plate_deploy_core::git::{GitBackend, GitBackendExt, GixGit};
/// let git = GixGit::open("/srv/deploy").await?;
/// let head = git.resolve("main").await?;
/// let values = git.read_file(head, "apps/shop/values.yaml", 1 << 20).await?;
/// # let _ = values; Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct GixGit {
    shared: Arc<Shared>,
}

/// What all calls share.
struct Shared {
    repository: gix::ThreadSafeRepository,
    /// For messages.
    location: String,
    remote: Option<Remote>,
    /// Where the remote's branches are kept: `refs/heads/` in a mirror, `refs/remotes/<name>/` elsewhere.
    tracking: String,
    /// One writer at a time in this process; Git's own lock files keep other processes out.
    writer: Mutex<()>,
}

/// How to reach a remote.
#[derive(Clone, Debug, Default)]
pub struct CloneOptions {
    /// Credentials; they are offered to their own host only.
    pub credentials: Vec<Credentials>,
    /// Start the `ssh` program for ssh addresses. Default: false, ssh addresses are then refused.
    pub allow_ssh_program: bool,
    /// Certificates (PEM) of authorities to trust besides the system's.
    pub ca_certificates: Vec<u8>,
    /// Which remote of an existing repository to use. Default: `origin`, else the only one.
    pub remote: Option<String>,
}

impl fmt::Debug for GixGit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GixGit").field("location", &self.shared.location).field("remote", &self.shared.remote).finish()
    }
}

impl GixGit {
    /// Opens an existing repository: the folder of a work tree, or of a bare repository. Its remote is `origin`, or the
    /// only one it has; without a remote, pushes move the local branch only.
    ///
    /// # Errors
    /// [`GitError::NotFound`] when the folder is no repository.
    pub async fn open(folder: impl AsRef<Path>) -> Result<Self, GitError> {
        Self::open_with(folder, CloneOptions::default()).await
    }

    /// Opens an existing repository with credentials for its remote.
    ///
    /// # Errors
    /// As [`GixGit::open`]; and an unknown [`CloneOptions::remote`].
    pub async fn open_with(folder: impl AsRef<Path>, options: CloneOptions) -> Result<Self, GitError> {
        let folder = folder.as_ref().to_owned();
        let location = folder.display().to_string();
        blocking(&location, move || open::open(&folder, &options)).await
    }

    /// Creates an empty repository with a work tree (or a bare one) whose `HEAD` is `branch`.
    ///
    /// # Errors
    /// A folder that holds a repository already, or cannot be written.
    pub async fn init(folder: impl AsRef<Path>, branch: &str, bare: bool) -> Result<Self, GitError> {
        revision::check_branch(branch)?;
        let (folder, branch) = (folder.as_ref().to_owned(), branch.to_owned());
        let location = folder.display().to_string();
        blocking(&location, move || open::init(&folder, &branch, bare)).await
    }

    /// A bare mirror of `url` in `folder`: made if there is none, else opened; then fetched.
    ///
    /// `file://` addresses and paths are copied without a process, `https://` speaks TLS through rustls, and `ssh://` needs
    /// [`CloneOptions::allow_ssh_program`].
    ///
    /// # Errors
    /// Unsupported addresses, a folder that mirrors another repository, and whatever the remote says.
    pub async fn clone_or_open(url: &str, folder: impl AsRef<Path>, options: CloneOptions) -> Result<Self, GitError> {
        let (url, folder) = (url.to_owned(), folder.as_ref().to_owned());
        let location = super::url::redact_url(&url).into_owned();
        let git = blocking(&location, move || open::mirror(&url, &folder, &options)).await?;
        git.fetch().await?;
        Ok(git)
    }

    /// Runs blocking work on the thread pool, with a handle of its own.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Local<'_>) -> Result<T, GitError> + Send + 'static,
    ) -> Result<T, GitError> {
        let shared = Arc::clone(&self.shared);
        blocking(&self.shared.location, move || work(&Local::new(&shared))).await
    }
}

/// Runs blocking work on tokio's thread pool.
async fn blocking<T: Send + 'static>(
    location: &str,
    work: impl FnOnce() -> Result<T, GitError> + Send + 'static,
) -> Result<T, GitError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|failed| {
        let message = format!("the worker ended early: {failed}");
        Err(GitError::Backend { repository: location.to_owned(), action: "run a Git operation".to_owned(), message })
    })
}

#[async_trait]
impl GitBackend for GixGit {
    fn location(&self) -> String {
        self.shared.location.clone()
    }

    async fn resolve(&self, revision: &str) -> Result<CommitId, GitError> {
        let revision = revision.to_owned();
        self.run(move |local| history::resolve(local, local, &revision)).await
    }

    async fn refs(&self) -> Result<Vec<RefInfo>, GitError> {
        self.run(|local| local.refs()).await
    }

    async fn commit_info(&self, commit: CommitId) -> Result<CommitInfo, GitError> {
        self.run(move |local| objects::read_commit(local, commit)).await
    }

    async fn entry(&self, commit: CommitId, path: &str) -> Result<Option<TreeEntry>, GitError> {
        let path = path.to_owned();
        self.run(move |local| tree::entry(local, commit, &path)).await
    }

    async fn list_tree(&self, commit: CommitId, path: &str, options: ListOptions) -> Result<Vec<TreeEntry>, GitError> {
        let path = path.to_owned();
        self.run(move |local| tree::list(local, commit, &path, &options)).await
    }

    async fn read_blob(&self, id: ObjectId, max_bytes: u64) -> Result<Bytes, GitError> {
        self.run(move |local| objects::read_blob(local, id, max_bytes).map(Bytes::from)).await
    }

    async fn read_blobs(&self, ids: Vec<ObjectId>, max_bytes: u64) -> Result<Vec<Option<Bytes>>, GitError> {
        self.run(move |local| objects::read_blobs(local, &ids, max_bytes)).await
    }

    async fn changes(&self, from: Option<CommitId>, to: CommitId) -> Result<Vec<Change>, GitError> {
        self.run(move |local| tree::changes(local, from, to)).await
    }

    async fn log(&self, from: CommitId, options: LogOptions) -> Result<Vec<CommitInfo>, GitError> {
        self.run(move |local| history::log(local, from, &options)).await
    }

    async fn is_ancestor(&self, ancestor: CommitId, descendant: CommitId) -> Result<bool, GitError> {
        self.run(move |local| history::relate(local, ancestor, descendant).map(|relation| relation.left_is_ancestor()))
            .await
    }

    async fn commit(&self, request: CommitRequest) -> Result<CommitId, GitError> {
        self.run(move |local| tree::commit(local, &request)).await
    }

    async fn push(&self, request: PushRequest) -> Result<PushOutcome, GitError> {
        revision::check_branch(&request.branch)?;
        self.run(move |local| {
            let _one_writer = local.shared.writer.lock().unwrap_or_else(PoisonError::into_inner);
            push(local, request)
        })
        .await
    }

    async fn fetch(&self) -> Result<FetchOutcome, GitError> {
        self.run(|local| {
            let _one_writer = local.shared.writer.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(remote) = &local.shared.remote else { return Ok(FetchOutcome::default()) };
            let updated = remote.fetch(local)?;
            Ok(FetchOutcome { remote: Some(remote.to_string()), updated })
        })
        .await
    }

    async fn status(&self, branch: &str) -> Result<RepositoryStatus, GitError> {
        revision::check_branch(branch)?;
        let branch = branch.to_owned();
        self.run(move |local| status::status(local, &branch)).await
    }
}

/// Checks the work tree, moves the branch at the remote, then here.
fn push(local: &Local<'_>, request: PushRequest) -> Result<PushOutcome, GitError> {
    history::check_fast_forward(local, &request)?;
    let name = format!("refs/heads/{}", request.branch);
    let Some(remote) = &local.shared.remote else {
        let moved = work_tree::advance(local, &name, request.expected, request.new)?;
        return Ok(PushOutcome {
            branch: request.branch,
            remote: None,
            moved,
            local: LocalBranch::Advanced,
            messages: Vec::new(),
        });
    };
    if local.is_mirror() {
        let pushed = remote.push(local, &request)?;
        local.set_reference(&name, request.new)?;
        let local = LocalBranch::Advanced;
        return Ok(PushOutcome {
            branch: request.branch,
            remote: Some(remote.to_string()),
            moved: pushed.moved,
            local,
            messages: pushed.messages,
        });
    }
    let old = local.reference(&name)?;
    let diverged = match old {
        Some(old) => !history::relate(local, old, request.new)?.left_is_ancestor(),
        None => false,
    };
    if !diverged {
        work_tree::check(local, &name, old, request.new)?;
    }
    let pushed = remote.push(local, &request)?;
    local.set_reference(&format!("{}{}", local.shared.tracking, request.branch), request.new)?;
    let local_branch = if diverged {
        LocalBranch::Unchanged("it has commits that the remote lacks; rebase or reset it".to_owned())
    } else {
        match work_tree::advance(local, &name, old, request.new) {
            Ok(_) => LocalBranch::Advanced,
            Err(error) => LocalBranch::Unchanged(error.to_string()),
        }
    };
    Ok(PushOutcome {
        branch: request.branch,
        remote: Some(remote.to_string()),
        moved: pushed.moved,
        local: local_branch,
        messages: pushed.messages,
    })
}
