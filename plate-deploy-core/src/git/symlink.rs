//! Symlinks inside a commit: followed only while they stay in the repository.

use super::backend::{GitBackend, describe};
use super::error::GitError;
use super::path;
use super::types::{CommitId, EntryKind, TreeEntry};

/// Most symlinks on one path, as Linux (`ELOOP`).
const MAX_LINKS: usize = 40;

/// Longest target of a symlink in bytes.
const MAX_TARGET_BYTES: u64 = 4096;

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedPath {
    /// The entry behind all symlinks: a file, folder or submodule, never a symlink. Its path has no symlink in it.
    pub entry: TreeEntry,
    /// The symlinks that were followed, as paths, first one first.
    pub links: Vec<String>,
}

/// Follows symlinks in every part of a path of a commit. `None` when the path, or what a symlink names, does not exist.
///
/// # Errors
/// [`GitError::Symlink`] for a target that is absolute, leaves the repository or is part of a loop;
/// [`GitError::InvalidPath`] for a path that does so itself.
pub async fn resolve_path(
    backend: &dyn GitBackend,
    commit: CommitId,
    path: &str,
) -> Result<Option<ResolvedPath>, GitError> {
    let mut todo: Vec<String> =
        path::check(path)?.split('/').filter(|name| !name.is_empty()).rev().map(str::to_owned).collect();
    let mut links: Vec<String> = Vec::new();
    let Some(mut at) = backend.entry(commit, "").await? else { return Ok(None) };
    while let Some(name) = todo.pop() {
        if at.kind != EntryKind::Tree {
            return Ok(None);
        }
        let refuse = |link: &str, reason: &str| GitError::Symlink {
            repository: backend.location(),
            commit,
            link: link.to_owned(),
            reason: reason.to_owned(),
        };
        if name == ".." {
            let Some(parent) = parent_of(&at.path) else {
                return Err(refuse(links.last().map_or(path, String::as_str), "its target leaves the repository"));
            };
            let Some(entry) = backend.entry(commit, parent).await? else { return Ok(None) };
            at = entry;
            continue;
        }
        let Some(entry) = backend.entry(commit, &path::join(&at.path, &name)).await? else { return Ok(None) };
        if entry.kind != EntryKind::Symlink {
            at = entry;
            continue;
        }
        if links.len() >= MAX_LINKS {
            return Err(refuse(&entry.path, "it is part of a loop or of a chain of more than 40 symlinks"));
        }
        let target = backend.read_blob(entry.id, MAX_TARGET_BYTES).await?;
        let target = std::str::from_utf8(&target).map_err(|_| refuse(&entry.path, "its target is no UTF-8"))?;
        if target.starts_with('/') || target.contains(['\\', '\0']) || target.is_empty() {
            return Err(refuse(&entry.path, "its target is empty, absolute or holds a backslash"));
        }
        todo.extend(target.split('/').filter(|name| !matches!(*name, "" | ".")).rev().map(str::to_owned));
        links.push(entry.path);
    }
    debug_assert!(at.kind != EntryKind::Symlink, "{}", describe(at.kind));
    Ok(Some(ResolvedPath { entry: at, links }))
}

/// The folder of a path; `None` for the root.
fn parent_of(path: &str) -> Option<&str> {
    if path.is_empty() { None } else { Some(path.rsplit_once('/').map_or("", |(folder, _)| folder)) }
}
