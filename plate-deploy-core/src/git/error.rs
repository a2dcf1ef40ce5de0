//! The one error type of this module. Every message names the repository (never with credentials) and a remedy.

use super::types::CommitId;

/// Why Git said no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// A repository, revision or path that is not there.
    #[error("{repository}: {what} does not exist; {remedy}")]
    NotFound {
        /// Repository without credentials.
        repository: String,
        /// Kind and name: ``revision `x` ``.
        what: String,
        /// What to do.
        remedy: String,
    },
    /// A revision that no Git reference may look like, or that is ambiguous.
    #[error("revision {revision:?} is refused: {reason}")]
    InvalidRevision {
        /// As given.
        revision: String,
        /// Why.
        reason: String,
    },
    /// A path that would leave the repository or hide from people.
    #[error("path {path:?} is refused: {reason}; paths are relative to the repository root, with `/` between names")]
    InvalidPath {
        /// As given.
        path: String,
        /// Why.
        reason: String,
    },
    /// A tree holds an entry that Git's own fsck refuses.
    #[error("{repository}: tree entry {path:?} is refused: {reason}; remove it from the commit")]
    ForbiddenEntry {
        /// Repository without credentials.
        repository: String,
        /// The entry.
        path: String,
        /// Why.
        reason: String,
    },
    /// A path leads through a symlink that is a loop or leaves the repository.
    #[error("{repository}: symlink {link:?} at {commit} is refused: {reason}; replace it by the file itself")]
    Symlink {
        /// Repository without credentials.
        repository: String,
        /// The commit.
        commit: CommitId,
        /// The link.
        link: String,
        /// Why.
        reason: String,
    },
    /// Something is larger than its limit.
    #[error("{repository}: {what} has {size} {unit}, the limit is {limit}")]
    TooLarge {
        /// Repository without credentials.
        repository: String,
        /// What.
        what: String,
        /// Its size; for lists that were not read to the end, the limit plus one.
        size: u64,
        /// The limit.
        limit: u64,
        /// `bytes`, `entries` …
        unit: &'static str,
    },
    /// The branch has another head than expected: somebody else was faster. Fetch, build the commit again, push again.
    #[error(
        "{repository}: branch `{branch}` is at {}, expected {}; fetch and build the commit again on the new head",
        id_or(.actual, "no commit (it does not exist)"), id_or(.expected, "no commit")
    )]
    Stale {
        /// Repository or remote without credentials.
        repository: String,
        /// The branch.
        branch: String,
        /// The head that the request named.
        expected: Option<CommitId>,
        /// The head it has, as far as the server told.
        actual: Option<CommitId>,
    },
    /// The new head does not descend from the old one; history is never rewritten.
    #[error(
        "{repository}: {new} does not descend from {expected}, branch `{branch}` is never forced; build the commit on the branch's head"
    )]
    NotFastForward {
        /// Repository or remote without credentials.
        repository: String,
        /// The branch.
        branch: String,
        /// The head to keep.
        expected: CommitId,
        /// The refused head.
        new: CommitId,
    },
    /// The server refused the push (a hook, a protected branch, missing rights).
    #[error("{repository}: the server refused branch `{branch}`: {message}")]
    Rejected {
        /// Remote without credentials.
        repository: String,
        /// The branch.
        branch: String,
        /// The server's reason and the lines it wrote.
        message: String,
    },
    /// Files on disk that would be overwritten.
    #[error("{repository}: the work tree is not clean at {}: {reason}; commit, stash or remove these changes", .paths.join(", "))]
    WorkTree {
        /// The repository.
        repository: String,
        /// The paths.
        paths: Vec<String>,
        /// What is wrong with them.
        reason: String,
    },
    /// The edits leave every file as it is.
    #[error("{repository}: nothing to commit: the edits change no file")]
    NothingToCommit {
        /// The repository.
        repository: String,
    },
    /// A commit request that cannot be written.
    #[error("{repository}: cannot commit: {reason}")]
    InvalidCommit {
        /// The repository.
        repository: String,
        /// Why.
        reason: String,
    },
    /// The server wants credentials, or other ones.
    #[error("{repository}: authentication failed; give credentials for this host that may {action}")]
    Authentication {
        /// Remote without credentials.
        repository: String,
        /// `read` or `push`.
        action: &'static str,
    },
    /// A feature that is not there.
    #[error("{repository}: {what} is not supported: {remedy}")]
    Unsupported {
        /// Repository without credentials.
        repository: String,
        /// The feature.
        what: String,
        /// What to do instead.
        remedy: String,
    },
    /// An object does not read as what it must be.
    #[error("{repository}: object {id} is damaged: {reason}; check the repository with `git fsck`")]
    Corrupt {
        /// The repository.
        repository: String,
        /// Object id.
        id: String,
        /// What is wrong.
        reason: String,
    },
    /// Anything else that Git, the disk or the network reports.
    #[error("{repository}: cannot {action}: {message}")]
    Backend {
        /// Repository without credentials.
        repository: String,
        /// What was tried.
        action: String,
        /// What went wrong, credentials removed.
        message: String,
    },
}

impl GitError {
    /// The named thing does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// A lost race: fetch, build the commit again on the new head, push again.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        matches!(self, Self::Stale { .. })
    }
}

fn id_or(id: &Option<CommitId>, none: &str) -> String {
    id.map_or_else(|| none.to_owned(), |id| id.to_string())
}
