//! All files of a commit in memory, without a checkout.

use futures::{StreamExt, TryStreamExt, stream};

use super::{CommitId, EntryKind, GitBackend, GitError, ListOptions};
use crate::files::{File, RepoFiles};

/// Blobs read at the same time.
const PARALLEL: usize = 16;
/// Longest symlink target that is read.
const MAX_LINK: u64 = 4096;

/// Reads every file of a commit. Files over [`RepoFiles::MAX_FILE`] bytes are noted, not loaded; submodules are left out.
///
/// # Errors
/// [`GitError`] when the commit or one of its objects cannot be read.
pub async fn snapshot(git: &dyn GitBackend, commit: CommitId) -> Result<RepoFiles, GitError> {
    let entries = git.list_tree(commit, "", ListOptions { sizes: true, ..ListOptions::recursive() }).await?;
    let reads = entries.into_iter().filter(|entry| entry.kind != EntryKind::Submodule).map(|entry| async move {
        let size = entry.size.unwrap_or(0);
        let file = match entry.kind {
            EntryKind::Symlink => {
                let target = git.read_blob(entry.id, MAX_LINK).await?;
                File::Symlink(String::from_utf8_lossy(&target).into_owned())
            }
            _ if size > RepoFiles::MAX_FILE => File::TooLarge(size),
            _ => File::Blob(git.read_blob(entry.id, RepoFiles::MAX_FILE).await?),
        };
        Ok((entry.path, file))
    });
    let files: Vec<(String, File)> = stream::iter(reads).buffer_unordered(PARALLEL).try_collect().await?;
    Ok(RepoFiles::new(files))
}
