//! All files of a commit in memory, without a checkout: what workspace, rendering and lint read.

use super::{CommitId, EntryKind, GitBackend, GitError, ListOptions};
use crate::files::{File, RepoFiles};

/// How much of a commit may be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotOptions {
    /// Most bytes of all files together. Default: 1 GiB. Files over [`RepoFiles::MAX_FILE`] bytes are never loaded and do
    /// not count.
    pub max_bytes: u64,
    /// Most files. Default: 200,000.
    pub max_files: usize,
}

impl Default for SnapshotOptions {
    fn default() -> Self {
        Self { max_bytes: 1 << 30, max_files: 200_000 }
    }
}

/// Reads every file of a commit, within the default limits.
///
/// # Errors
/// As [`snapshot_with`].
pub async fn snapshot(git: &dyn GitBackend, commit: CommitId) -> Result<RepoFiles, GitError> {
    snapshot_with(git, commit, SnapshotOptions::default()).await
}

/// Reads every file of a commit. Files over [`RepoFiles::MAX_FILE`] bytes are noted, not loaded; submodules are left out.
///
/// # Errors
/// [`GitError`] when the commit or one of its objects cannot be read; [`GitError::TooLarge`] beyond the limits.
pub async fn snapshot_with(
    git: &dyn GitBackend,
    commit: CommitId,
    options: SnapshotOptions,
) -> Result<RepoFiles, GitError> {
    let list = ListOptions { recursive: true, sizes: true, max_entries: options.max_files };
    let mut entries = git.list_tree(commit, "", list).await?;
    entries.retain(|entry| entry.kind != EntryKind::Submodule);
    let sizes = entries.iter().filter_map(|entry| entry.size).filter(|size| *size <= RepoFiles::MAX_FILE);
    let size = sizes.fold(0, u64::saturating_add);
    if size > options.max_bytes {
        let what = format!("commit {}", commit.short());
        return Err(GitError::TooLarge {
            repository: git.location(),
            what,
            size,
            limit: options.max_bytes,
            unit: "bytes",
        });
    }
    // One call for all blobs: a call for each would spend its time on switching threads.
    let blobs = git.read_blobs(entries.iter().map(|entry| entry.id).collect(), RepoFiles::MAX_FILE).await?;
    Ok(RepoFiles::new(entries.into_iter().zip(blobs).map(|(entry, blob)| {
        let file = match (entry.kind, blob) {
            (EntryKind::Symlink, Some(target)) => File::Symlink(String::from_utf8_lossy(&target).into_owned()),
            (_, Some(content)) => File::Blob(content),
            (_, None) => File::TooLarge(entry.size.unwrap_or(RepoFiles::MAX_FILE + 1)),
        };
        (entry.path, file)
    })))
}
