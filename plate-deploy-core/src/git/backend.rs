//! The trait that every Git implementation fulfils, and conveniences built on it.

use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;

use super::error::GitError;
use super::types::{
    Change, CommitId, CommitInfo, CommitRequest, EntryKind, FetchOutcome, ListOptions, LogOptions, ObjectId,
    PushOutcome, PushRequest, RefInfo, RepositoryStatus, TreeEntry,
};

/// A Git repository.
///
/// Object safe; used as `Arc<dyn GitBackend>`. Implementations pass `testing::git_backend_contract` (feature `testing`).
/// Every method may be called at the same time from several tasks.
#[async_trait]
pub trait GitBackend: Debug + Send + Sync + 'static {
    /// The repository's address or folder for messages, never with credentials.
    fn location(&self) -> String;

    /// The commit a revision names: `""` or `HEAD`, a branch, a tag, a full reference name, a full or abbreviated
    /// (7 digits or more) commit id; each may be followed by `~N` and `^N`.
    ///
    /// A branch wins over a tag of the same name, as in Argo CD. A branch that exists at the remote only is found
    /// too. Names that begin with `-` or that `git check-ref-format` refuses are errors.
    async fn resolve(&self, revision: &str) -> Result<CommitId, GitError>;

    /// All branches and tags, sorted by name; annotated tags are followed to their commit, others than commits left out.
    async fn refs(&self) -> Result<Vec<RefInfo>, GitError>;

    /// What a commit says.
    async fn commit_info(&self, commit: CommitId) -> Result<CommitInfo, GitError>;

    /// The entry at `path`; `None` when there is none. `""` is the root tree. Symlinks are not followed.
    async fn entry(&self, commit: CommitId, path: &str) -> Result<Option<TreeEntry>, GitError>;

    /// The entries of the folder `path` (`""`: the root), sorted as Git sorts them.
    ///
    /// # Errors
    /// [`GitError::NotFound`] when the folder does not exist or is a file; [`GitError::ForbiddenEntry`] for names such as `.git`.
    async fn list_tree(&self, commit: CommitId, path: &str, options: ListOptions) -> Result<Vec<TreeEntry>, GitError>;

    /// The content of a blob of at most `max_bytes` bytes.
    async fn read_blob(&self, id: ObjectId, max_bytes: u64) -> Result<Bytes, GitError>;

    /// Many blobs at once, in the order asked for; `None` for one that is larger than `max_bytes`.
    async fn read_blobs(&self, ids: Vec<ObjectId>, max_bytes: u64) -> Result<Vec<Option<Bytes>>, GitError>;

    /// The paths that differ, sorted; `from: None` compares with the empty tree.
    async fn changes(&self, from: Option<CommitId>, to: CommitId) -> Result<Vec<Change>, GitError>;

    /// History from `from` backwards, newest first.
    async fn log(&self, from: CommitId, options: LogOptions) -> Result<Vec<CommitInfo>, GitError>;

    /// Whether `ancestor` is `descendant` or reachable from it.
    async fn is_ancestor(&self, ancestor: CommitId, descendant: CommitId) -> Result<bool, GitError>;

    /// Writes a commit. No branch moves and no file on disk changes: [`GitBackend::push`] publishes it.
    ///
    /// # Errors
    /// [`GitError::NothingToCommit`] when the edits change nothing.
    async fn commit(&self, request: CommitRequest) -> Result<CommitId, GitError>;

    /// Makes a commit the head of a branch, if the branch still has the expected head: at the remote when there is one,
    /// then locally, with the files of a work tree that has the branch checked out. Never forces.
    ///
    /// Before anything moves, the work tree is checked to be clean at the paths that would change. Pushing a head that the
    /// branch already has is a success ([`PushOutcome::moved`] is `false`).
    ///
    /// # Errors
    /// [`GitError::Stale`] for a lost race, [`GitError::Rejected`] when the server says no, [`GitError::WorkTree`].
    async fn push(&self, request: PushRequest) -> Result<PushOutcome, GitError>;

    /// Brings the remote's branches and tags; does nothing without a remote. Local branches of a work tree stay.
    async fn fetch(&self) -> Result<FetchOutcome, GitError>;

    /// The state of a branch and of the work tree.
    async fn status(&self, branch: &str) -> Result<RepositoryStatus, GitError>;
}

/// Conveniences for callers; nothing for implementors.
#[async_trait]
pub trait GitBackendExt: GitBackend {
    /// The content of the file at `path`; `None` when there is none.
    ///
    /// # Errors
    /// A folder, symlink or submodule at `path` is [`GitError::InvalidPath`]; follow symlinks with [`super::resolve_path`].
    async fn read_file(&self, commit: CommitId, path: &str, max_bytes: u64) -> Result<Option<Bytes>, GitError> {
        let Some(entry) = self.entry(commit, path).await? else { return Ok(None) };
        if !entry.kind.is_file() {
            let reason = format!("it is {}, not a file", describe(entry.kind));
            return Err(GitError::InvalidPath { path: path.to_owned(), reason });
        }
        self.read_blob(entry.id, max_bytes).await.map(Some)
    }

    /// The commit that an Application's `targetRevision` names, as Argo CD decides it: a semantic version constraint
    /// (`1.x`, `>=1.2 <2`) is the highest tag that satisfies it; all else is [`GitBackend::resolve`]d. With a `tag_prefix`
    /// only tags that begin with it count, and it is not part of the version.
    ///
    /// # Errors
    /// As [`GitBackend::resolve`].
    async fn resolve_target(&self, revision: &str, tag_prefix: &str) -> Result<CommitId, GitError> {
        let names: Vec<String> = self.refs().await?.into_iter().map(|reference| reference.name).collect();
        let tags = names.iter().filter_map(|name| name.strip_prefix("refs/tags/"));
        match super::revision::highest_tag(revision, tags, tag_prefix) {
            Some(tag) => self.resolve(&format!("refs/tags/{tag}")).await,
            None => self.resolve(revision).await,
        }
    }
}

impl<T: GitBackend + ?Sized> GitBackendExt for T {}

/// The kind in words.
pub(super) fn describe(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Blob => "a file",
        EntryKind::Executable => "an executable file",
        EntryKind::Symlink => "a symlink",
        EntryKind::Submodule => "a submodule",
        EntryKind::Tree => "a folder",
    }
}
