//! The values that go in and out of a [`super::GitBackend`].

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Why a text is no object id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a Git object id: expected 40 hexadecimal digits, found {found:?}")]
pub struct InvalidId {
    /// The text, cut to 80 characters.
    pub found: String,
}

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name([u8; 20]);

        impl $name {
            /// The id made of these bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 20]) -> Self {
                Self(bytes)
            }

            /// The 20 bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 20] {
                &self.0
            }

            /// The first 8 hexadecimal digits, for people.
            #[must_use]
            pub fn short(&self) -> String {
                let mut text = self.to_string();
                text.truncate(8);
                text
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse_hex(text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }
    };
}

id_type! {
    /// SHA-1 id of a commit; 40 hexadecimal digits as text.
    CommitId
}
id_type! {
    /// SHA-1 id of any object; 40 hexadecimal digits as text.
    ObjectId
}

impl From<CommitId> for ObjectId {
    fn from(id: CommitId) -> Self {
        Self(id.0)
    }
}

fn parse_hex(text: &str) -> Result<[u8; 20], InvalidId> {
    let invalid = || InvalidId { found: text.chars().take(80).collect() };
    let mut bytes = [0; 20];
    if text.len() != 40 || !text.is_ascii() {
        return Err(invalid());
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        let digits =
            pair.iter().map(|c| char::from(*c).to_digit(16)).collect::<Option<Vec<u32>>>().ok_or_else(invalid)?;
        *byte = digits.iter().fold(0, |sum, digit| sum << 4 | u8::try_from(*digit).unwrap_or(0));
    }
    Ok(bytes)
}

/// What a tree entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EntryKind {
    /// A file.
    Blob,
    /// A file with the executable bit.
    Executable,
    /// A symbolic link; the blob holds its target.
    Symlink,
    /// A commit of another repository.
    Submodule,
    /// A directory.
    Tree,
}

impl EntryKind {
    /// Whether it is a file with content of its own: plain or executable.
    #[must_use]
    pub const fn is_file(self) -> bool {
        matches!(self, Self::Blob | Self::Executable)
    }
}

/// One entry of a tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TreeEntry {
    /// Path from the repository root with `/`; bytes that are no UTF-8 become U+FFFD (such a file is readable by id only).
    pub path: String,
    /// Kind.
    pub kind: EntryKind,
    /// Id of the blob or tree; of the commit for a submodule.
    pub id: ObjectId,
    /// Size in bytes of a blob, when [`ListOptions::sizes`] asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

/// How to list a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListOptions {
    /// Also everything below; trees themselves are then left out, as `git ls-tree -r` does. Default: false.
    pub recursive: bool,
    /// Fill in [`TreeEntry::size`]. Default: false, it reads every object's header.
    pub sizes: bool,
    /// Most entries before the listing is refused. Default: 1,000,000.
    pub max_entries: usize,
}

impl Default for ListOptions {
    fn default() -> Self {
        Self { recursive: false, sizes: false, max_entries: 1_000_000 }
    }
}

impl ListOptions {
    /// All files below a folder.
    #[must_use]
    pub fn recursive() -> Self {
        Self { recursive: true, ..Self::default() }
    }
}

/// One path that differs between two commits. Renames are a deletion and an addition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The path.
    pub path: String,
    /// What it was; `None`: added.
    pub old: Option<TreeEntry>,
    /// What it is; `None`: deleted.
    pub new: Option<TreeEntry>,
}

/// Author or committer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Signature {
    /// Name; no `<`, `>`, line break or NUL.
    pub name: String,
    /// Email address; the same limits.
    pub email: String,
    /// Time, whole seconds; written in UTC.
    pub time: Timestamp,
}

/// What a commit says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommitInfo {
    /// Its id.
    pub id: CommitId,
    /// Its tree: equal trees hold equal files.
    pub tree: ObjectId,
    /// Its parents, first parent first.
    pub parents: Vec<CommitId>,
    /// Who wrote it.
    pub author: Signature,
    /// Who committed it.
    pub committer: Signature,
    /// The whole message.
    pub message: String,
}

impl CommitInfo {
    /// The first line of the message.
    #[must_use]
    pub fn summary(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }
}

/// Which commits to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogOptions {
    /// Leave out this commit and its ancestors.
    pub exclude: Option<CommitId>,
    /// Only commits that change this path against their first parent (a file or a folder).
    pub path: Option<String>,
    /// Follow first parents only.
    pub first_parent: bool,
    /// Most commits in the answer. Default: 100.
    pub limit: usize,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { exclude: None, path: None, first_parent: false, limit: 100 }
    }
}

/// A branch, tag or other reference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefInfo {
    /// Full name: `refs/heads/main`, `refs/tags/v1`.
    pub name: String,
    /// The commit; annotated tags are followed.
    pub commit: CommitId,
}

/// What happens to one path in a commit.
#[derive(Clone, PartialEq, Eq)]
pub enum FileChange {
    /// The file has this content. `kind: None` keeps the kind of an existing file, and is a plain file for a new one.
    Write {
        /// Content; a symlink's target.
        content: Bytes,
        /// File, executable or symlink; other kinds are refused.
        kind: Option<EntryKind>,
    },
    /// The file is removed; it must exist.
    Delete,
}

impl fmt::Debug for FileChange {
    /// Prints sizes only: files may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write { content, kind } => write!(f, "Write({} bytes, {kind:?})", content.len()),
            Self::Delete => f.write_str("Delete"),
        }
    }
}

/// One edit of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEdit {
    /// Path from the repository root.
    pub path: String,
    /// What to do.
    pub change: FileChange,
}

impl FileEdit {
    /// Writes a file, keeping an existing file's executable bit.
    #[must_use]
    pub fn write(path: impl Into<String>, content: impl Into<Bytes>) -> Self {
        Self { path: path.into(), change: FileChange::Write { content: content.into(), kind: None } }
    }

    /// Writes a file of a given kind.
    #[must_use]
    pub fn write_as(path: impl Into<String>, content: impl Into<Bytes>, kind: EntryKind) -> Self {
        Self { path: path.into(), change: FileChange::Write { content: content.into(), kind: Some(kind) } }
    }

    /// Removes a file.
    #[must_use]
    pub fn delete(path: impl Into<String>) -> Self {
        Self { path: path.into(), change: FileChange::Delete }
    }
}

/// A commit to write. The same request gives the same id in every backend and at every try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitRequest {
    /// The commit to build on; `None` for the first commit of a repository.
    pub parent: Option<CommitId>,
    /// The edits; each path at most once.
    pub edits: Vec<FileEdit>,
    /// The message; a line break is added at its end when there is none.
    pub message: String,
    /// Who wrote it, and when.
    pub author: Signature,
    /// Who commits it, and when.
    pub committer: Signature,
}

/// A branch to move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushRequest {
    /// Short name: `main`.
    pub branch: String,
    /// The new head; must descend from `expected`.
    pub new: CommitId,
    /// The head that the branch must have now; `None`: the branch must not exist.
    pub expected: Option<CommitId>,
}

/// What became of the local branch (and of the work tree that has it checked out).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LocalBranch {
    /// It has the new head; a work tree shows its files.
    Advanced,
    /// It stayed as it was, for this reason (it has commits of its own, for instance).
    Unchanged(String),
}

/// What a push did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PushOutcome {
    /// The branch.
    pub branch: String,
    /// The remote's address without credentials; `None`: the repository has no remote, only the local branch moved.
    pub remote: Option<String>,
    /// `false`: the branch had the new head already (an earlier try got through).
    pub moved: bool,
    /// The local branch.
    pub local: LocalBranch,
    /// Lines that the server wrote for people.
    pub messages: Vec<String>,
}

/// What a fetch brought.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FetchOutcome {
    /// The remote's address without credentials; `None`: there is no remote, nothing was done.
    pub remote: Option<String>,
    /// Remote references that appeared, moved or vanished, by full name at the remote.
    pub updated: Vec<String>,
}

/// One branch, here and at the remote.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BranchStatus {
    /// Short name.
    pub branch: String,
    /// The local head.
    pub local: Option<CommitId>,
    /// The remote's head as of the last fetch; `None` without a remote or when the remote has no such branch.
    pub upstream: Option<CommitId>,
    /// Whether the repository has a remote.
    pub has_remote: bool,
    /// Local commits that the remote lacks.
    pub ahead: usize,
    /// Commits of the remote that the local branch lacks.
    pub behind: usize,
}

impl BranchStatus {
    /// The head that counts: the remote's where there is a remote, else the local one. Build commits on this one, and
    /// give it to [`PushRequest::expected`].
    #[must_use]
    pub fn published(&self) -> Option<CommitId> {
        if self.has_remote { self.upstream } else { self.local }
    }
}

/// The files on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkTreeStatus {
    /// The checked-out branch; `None`: detached.
    pub branch: Option<String>,
    /// Tracked files that differ from `HEAD`, in the index or on disk; sorted.
    pub changed: Vec<String>,
    /// Files that Git does not know and does not ignore; folders end in `/`; sorted.
    pub untracked: Vec<String>,
}

impl WorkTreeStatus {
    /// No tracked file is changed; untracked files do not count.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.changed.is_empty()
    }
}

/// State of a repository, for the preflight check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryStatus {
    /// The branch that was asked for.
    pub branch: BranchStatus,
    /// The work tree; `None`: a bare repository.
    pub work_tree: Option<WorkTreeStatus>,
}
