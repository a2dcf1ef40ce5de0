//! Git repositories: revision → tree → blob, history, one commit of file edits, push with compare-and-swap.
//!
//! [`GitBackend`] is the seam. [`GixGit`] reads and writes real repositories without starting a process; [`MemoryGit`]
//! is a strict double for tests. What all implementations share (trees, diffs, history, revisions) works on
//! a small object store, so that two backends cannot decide differently.
//!
//! A change is published in two steps: [`GitBackend::commit`] writes a commit and moves no branch, and
//! [`GitBackend::push`] makes it the head of the branch, at the remote first. A run that is killed between the two leaves
//! nothing behind, and because time and author come in as arguments, doing it again gives the same commit id.

mod backend;
mod credentials;
mod error;
mod faulty;
mod gix_git;
mod history;
mod memory;
mod objects;
mod path;
mod revision;
mod snapshot;
mod symlink;
mod tree;
mod types;
mod url;

#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;

pub use backend::{GitBackend, GitBackendExt};
pub use credentials::Credentials;
pub use error::GitError;
pub use faulty::{Call, FaultyGit, When};
pub use gix_git::{CloneOptions, GixGit};
pub use memory::MemoryGit;
pub use snapshot::{SnapshotCache, SnapshotOptions, snapshot, snapshot_with};
pub use symlink::{ResolvedPath, resolve_path};
pub use types::{
    BranchStatus, Change, CommitId, CommitInfo, CommitRequest, EntryKind, FetchOutcome, FileChange, FileEdit,
    InvalidId, ListOptions, LocalBranch, LogOptions, ObjectId, PushOutcome, PushRequest, RefInfo, RepositoryStatus,
    Signature, TreeEntry, WorkTreeStatus,
};
pub use url::{RepoUrl, RepoUrlMap, redact_url};
