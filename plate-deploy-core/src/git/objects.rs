//! The primitive that every backend offers below the shared algorithms: objects by id, as Git stores them.

use bytes::Bytes;
use gix::objs::{CommitRef, Kind, TagRef, TreeRefIter};
use jiff::Timestamp;

use super::error::GitError;
use super::types::{CommitId, CommitInfo, EntryKind, ObjectId, Signature};

/// Reads and writes objects. Blocking; implementations are per call and need not be `Sync`.
pub(super) trait ObjectStore {
    /// The repository for messages.
    fn location(&self) -> &str;
    /// Kind and size; `None` when there is no such object.
    fn header(&self, id: ObjectId) -> Result<Option<(Kind, u64)>, GitError>;
    /// Kind and bytes; `None` when there is no such object.
    fn read(&self, id: ObjectId) -> Result<Option<(Kind, Vec<u8>)>, GitError>;
    /// Stores an object and returns its id.
    fn write(&self, kind: Kind, bytes: &[u8]) -> Result<ObjectId, GitError>;
}

/// One entry of a tree object, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    /// Name; any bytes but `/` and NUL.
    pub(super) name: Vec<u8>,
    /// The mode, as the octal digits in the tree say.
    pub(super) mode: u16,
    /// What it names.
    pub(super) id: ObjectId,
}

impl Node {
    /// What the mode means.
    pub(super) fn kind(&self) -> EntryKind {
        match self.mode & 0o170_000 {
            0o040_000 => EntryKind::Tree,
            0o120_000 => EntryKind::Symlink,
            0o160_000 => EntryKind::Submodule,
            _ if self.mode & 0o100 != 0 => EntryKind::Executable,
            _ => EntryKind::Blob,
        }
    }

    /// The order of entries in a tree: by name, where a folder's name ends in `/`.
    pub(super) fn sort_key(&self) -> Vec<u8> {
        let mut key = self.name.clone();
        if self.kind() == EntryKind::Tree {
            key.push(b'/');
        }
        key
    }
}

/// The mode that stands for a kind.
pub(super) const fn mode_of(kind: EntryKind) -> u16 {
    match kind {
        EntryKind::Blob => 0o100_644,
        EntryKind::Executable => 0o100_755,
        EntryKind::Symlink => 0o120_000,
        EntryKind::Submodule => 0o160_000,
        EntryKind::Tree => 0o040_000,
    }
}

/// Largest tree, commit or tag object that is read: far above any real one.
const MAX_STRUCTURE_BYTES: u64 = 64 * 1024 * 1024;

/// Longest chain of tags that point to tags.
const MAX_TAG_CHAIN: usize = 16;

fn read_structure(store: &dyn ObjectStore, id: ObjectId, wanted: Kind, what: &str) -> Result<Vec<u8>, GitError> {
    let (kind, size) = store.header(id)?.ok_or_else(|| missing(store, id, what))?;
    if kind != wanted {
        return Err(corrupt(store, id, &format!("it is a {kind}, expected a {wanted}")));
    }
    if size > MAX_STRUCTURE_BYTES {
        let repository = store.location().to_owned();
        return Err(GitError::TooLarge {
            repository,
            what: format!("{what} {id}"),
            size,
            limit: MAX_STRUCTURE_BYTES,
            unit: "bytes",
        });
    }
    store.read(id)?.map(|(_, bytes)| bytes).ok_or_else(|| missing(store, id, what))
}

fn missing(store: &dyn ObjectStore, id: ObjectId, what: &str) -> GitError {
    GitError::NotFound {
        repository: store.location().to_owned(),
        what: format!("{what} {id}"),
        remedy: "fetch first, and check that the id belongs to this repository".to_owned(),
    }
}

fn corrupt(store: &dyn ObjectStore, id: ObjectId, reason: &str) -> GitError {
    GitError::Corrupt { repository: store.location().to_owned(), id: id.to_string(), reason: reason.to_owned() }
}

/// The entries of a tree object.
pub(super) fn read_tree(store: &dyn ObjectStore, id: ObjectId) -> Result<Vec<Node>, GitError> {
    if id == empty_tree() {
        return Ok(Vec::new());
    }
    let bytes = read_structure(store, id, Kind::Tree, "tree")?;
    let mut nodes = Vec::new();
    for entry in TreeRefIter::from_bytes(&bytes, gix::hash::Kind::Sha1) {
        let entry = entry.map_err(|_| corrupt(store, id, "a tree entry is malformed"))?;
        let name: &[u8] = entry.filename.as_ref();
        nodes.push(Node { name: name.to_vec(), mode: entry.mode.value(), id: from_gix(entry.oid) });
    }
    Ok(nodes)
}

/// Writes a tree object; the entries may come in any order.
pub(super) fn write_tree(store: &dyn ObjectStore, mut nodes: Vec<Node>) -> Result<ObjectId, GitError> {
    nodes.sort_by_key(Node::sort_key);
    let mut bytes = Vec::new();
    for node in &nodes {
        bytes.extend_from_slice(format!("{:o} ", node.mode).as_bytes());
        bytes.extend_from_slice(&node.name);
        bytes.push(0);
        bytes.extend_from_slice(node.id.as_bytes());
    }
    store.write(Kind::Tree, &bytes)
}

/// The id of the tree without entries, which need not be stored.
pub(super) fn empty_tree() -> ObjectId {
    from_gix(gix::hash::ObjectId::empty_tree(gix::hash::Kind::Sha1).as_ref())
}

/// A commit object.
pub(super) fn read_commit(store: &dyn ObjectStore, id: CommitId) -> Result<CommitInfo, GitError> {
    let bytes = read_structure(store, id.into(), Kind::Commit, "commit")?;
    let damaged = || corrupt(store, id.into(), "the commit is malformed");
    let commit = CommitRef::from_bytes(&bytes, gix::hash::Kind::Sha1).map_err(|_| damaged())?;
    let signature = |raw: gix::actor::SignatureRef<'_>| Signature {
        name: raw.name.to_string(),
        email: raw.email.to_string(),
        time: Timestamp::from_second(raw.seconds()).unwrap_or_default(),
    };
    Ok(CommitInfo {
        id,
        tree: from_gix(commit.tree().as_ref()),
        parents: commit.parents().map(|id| to_commit(from_gix(id.as_ref()))).collect(),
        author: signature(commit.author().map_err(|_| damaged())?),
        committer: signature(commit.committer().map_err(|_| damaged())?),
        message: commit.message.to_string(),
    })
}

/// Follows annotated tags; `None` when the end is no commit.
pub(super) fn peel_to_commit(store: &dyn ObjectStore, mut id: ObjectId) -> Result<Option<CommitId>, GitError> {
    for _ in 0..MAX_TAG_CHAIN {
        match store.header(id)? {
            Some((Kind::Commit, _)) => return Ok(Some(to_commit(id))),
            Some((Kind::Tag, _)) => {
                let bytes = read_structure(store, id, Kind::Tag, "tag")?;
                let tag = TagRef::from_bytes(&bytes, gix::hash::Kind::Sha1)
                    .map_err(|_| corrupt(store, id, "the tag is malformed"))?;
                id = from_gix(tag.target().as_ref());
            }
            _ => return Ok(None),
        }
    }
    Err(corrupt(store, id, "the chain of tags is longer than 16"))
}

/// A blob of at most `max_bytes` bytes.
pub(super) fn read_blob(store: &dyn ObjectStore, id: ObjectId, max_bytes: u64) -> Result<Vec<u8>, GitError> {
    let (kind, size) = store.header(id)?.ok_or_else(|| missing(store, id, "blob"))?;
    if kind != Kind::Blob {
        return Err(corrupt(store, id, &format!("it is a {kind}, expected a file")));
    }
    if size > max_bytes {
        let repository = store.location().to_owned();
        return Err(GitError::TooLarge {
            repository,
            what: format!("file {id}"),
            size,
            limit: max_bytes,
            unit: "bytes",
        });
    }
    store.read(id)?.map(|(_, bytes)| bytes).ok_or_else(|| missing(store, id, "blob"))
}

/// Many blobs; `None` for one that is too large.
pub(super) fn read_blobs(
    store: &dyn ObjectStore,
    ids: &[ObjectId],
    max_bytes: u64,
) -> Result<Vec<Option<Bytes>>, GitError> {
    let read = ids.iter().map(|id| match read_blob(store, *id, max_bytes) {
        Ok(bytes) => Ok(Some(Bytes::from(bytes))),
        Err(GitError::TooLarge { .. }) => Ok(None),
        Err(error) => Err(error),
    });
    read.collect()
}

/// Our id for gix's.
pub(super) fn from_gix(id: &gix::hash::oid) -> ObjectId {
    let mut bytes = [0; 20];
    bytes.iter_mut().zip(id.as_bytes()).for_each(|(to, from)| *to = *from);
    ObjectId::from_bytes(bytes)
}

/// The id of an object that is known to be a commit.
pub(super) const fn to_commit(id: ObjectId) -> CommitId {
    CommitId::from_bytes(*id.as_bytes())
}
