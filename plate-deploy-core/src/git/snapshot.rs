//! All files of a commit in memory, without a checkout: what workspace, rendering and lint read.

use std::collections::HashMap;

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
    within(git, commit, sizes, &options)?;
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

/// Reads one commit after another: files that an earlier commit had are not read again. Holds the files of the last one.
#[derive(Debug, Default)]
pub struct SnapshotCache {
    blobs: HashMap<super::ObjectId, File>,
}

impl SnapshotCache {
    /// Every file of a commit, as [`snapshot`] reads them.
    ///
    /// # Errors
    /// As [`snapshot`].
    pub async fn read(&mut self, git: &dyn GitBackend, commit: CommitId) -> Result<RepoFiles, GitError> {
        let limits = SnapshotOptions::default();
        // Sizes are asked for the first time only: what one commit adds is little.
        let list = ListOptions { recursive: true, sizes: self.blobs.is_empty(), max_entries: limits.max_files };
        let mut entries = git.list_tree(commit, "", list).await?;
        entries.retain(|entry| entry.kind != EntryKind::Submodule);
        let sizes = entries.iter().filter_map(|entry| entry.size).filter(|size| *size <= RepoFiles::MAX_FILE);
        within(git, commit, sizes, &limits)?;
        let new: Vec<_> = entries.iter().filter(|entry| !self.blobs.contains_key(&entry.id)).collect();
        let blobs = git.read_blobs(new.iter().map(|entry| entry.id).collect(), RepoFiles::MAX_FILE).await?;
        let read: HashMap<_, _> = new
            .iter()
            .zip(blobs)
            .map(|(entry, blob)| (entry.id, blob.map_or(File::TooLarge(RepoFiles::MAX_FILE + 1), File::Blob)))
            .collect();
        let mut kept = HashMap::with_capacity(entries.len());
        let mut files = Vec::with_capacity(entries.len());
        for entry in entries {
            let known = self.blobs.get(&entry.id).or_else(|| read.get(&entry.id));
            let Some(file) = known.cloned() else { continue };
            kept.insert(entry.id, file.clone());
            let file = match (entry.kind, file) {
                (EntryKind::Symlink, File::Blob(target)) => {
                    File::Symlink(String::from_utf8_lossy(&target).into_owned())
                }
                (_, file) => file,
            };
            files.push((entry.path, file));
        }
        let sizes = kept.values().map(|file| if let File::Blob(blob) = file { blob.len() as u64 } else { 0 });
        within(git, commit, sizes, &limits)?;
        self.blobs = kept;
        Ok(RepoFiles::new(files))
    }
}

fn within(
    git: &dyn GitBackend,
    commit: CommitId,
    sizes: impl Iterator<Item = u64>,
    limits: &SnapshotOptions,
) -> Result<(), GitError> {
    let size = sizes.fold(0, u64::saturating_add);
    if size <= limits.max_bytes {
        return Ok(());
    }
    let (repository, what) = (git.location(), format!("commit {}", commit.short()));
    Err(GitError::TooLarge { repository, what, size, limit: limits.max_bytes, unit: "bytes" })
}
