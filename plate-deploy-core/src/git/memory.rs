//! A repository in memory, for tests: real object ids, a shared remote that others may push to, and stricter than Git.
//!
//! Stricter: a commit that was not fetched does not exist, and a push of a commit that this clone did not write or fetch is
//! an error. That catches callers that forget [`GitBackend::fetch`].

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use gix::objs::Kind;
use sha1::{Digest, Sha1};

use super::backend::GitBackend;
use super::error::GitError;
use super::history::{self, Refs};
use super::objects::{self, ObjectStore};
use super::types::{
    BranchStatus, Change, CommitId, CommitInfo, CommitRequest, FetchOutcome, ListOptions, LocalBranch, LogOptions,
    ObjectId, PushOutcome, PushRequest, RefInfo, RepositoryStatus, TreeEntry,
};
use super::{revision, tree};

/// A repository in memory with a remote in memory. [`MemoryGit::another_clone`] gives a second clone of the same remote.
#[derive(Debug)]
pub struct MemoryGit {
    name: String,
    remote: Option<Arc<Mutex<State>>>,
    local: Mutex<State>,
}

#[derive(Default)]
struct State {
    objects: HashMap<ObjectId, (Kind, Bytes)>,
    /// Full reference name → object. A clone keeps the remote's branches below `refs/remotes/origin/`.
    refs: BTreeMap<String, CommitId>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} objects, {:?}", self.objects.len(), self.refs)
    }
}

const TRACKING: &str = "refs/remotes/origin/";
const HEADS: &str = "refs/heads/";

impl MemoryGit {
    /// An empty clone of an empty remote; `HEAD` is `main`.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), remote: Some(Arc::default()), local: Mutex::default() }
    }

    /// An empty repository without a remote.
    #[must_use]
    pub fn local_only(name: impl Into<String>) -> Self {
        Self { name: name.into(), remote: None, local: Mutex::default() }
    }

    /// A second, empty clone of the same remote; it sees nothing until it fetches.
    #[must_use]
    pub fn another_clone(&self, name: impl Into<String>) -> Self {
        Self { name: name.into(), remote: self.remote.clone(), local: Mutex::default() }
    }

    /// Creates a lightweight tag, here and at the remote.
    ///
    /// # Errors
    /// A tag that exists, and a commit that is not here.
    pub fn tag(&self, name: &str, commit: CommitId) -> Result<(), GitError> {
        revision::check_branch(name)?;
        objects::read_commit(&self.store(), commit)?;
        let full = format!("refs/tags/{name}");
        if self.lock().refs.contains_key(&full) {
            return Err(GitError::InvalidRevision { revision: name.to_owned(), reason: "the tag exists".to_owned() });
        }
        for state in std::iter::once(&self.local).chain(self.remote.as_deref()) {
            lock(state).refs.insert(full.clone(), commit);
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.local)
    }

    fn store(&self) -> Store<'_> {
        Store { name: &self.name, state: &self.local }
    }

    fn remote_name(&self) -> Option<String> {
        self.remote.as_ref().map(|_| format!("{} (remote)", self.name))
    }

    /// Moves a branch in the remote, or says why not.
    fn push_remote(&self, remote: &Mutex<State>, request: &PushRequest) -> Result<bool, GitError> {
        let mut remote = lock(remote);
        let name = format!("{HEADS}{}", request.branch);
        let actual = remote.refs.get(&name).copied();
        if actual == Some(request.new) {
            return Ok(false);
        }
        if actual != request.expected {
            let repository = self.remote_name().unwrap_or_default();
            return Err(GitError::Stale {
                repository,
                branch: request.branch.clone(),
                expected: request.expected,
                actual,
            });
        }
        remote.refs.insert(name, request.new);
        remote.objects.extend(self.lock().objects.clone());
        Ok(true)
    }
}

/// A lock whose holder panicked still guards whole values: every change here is one insert.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Clone, Copy)]
struct Store<'a> {
    name: &'a str,
    state: &'a Mutex<State>,
}

impl ObjectStore for Store<'_> {
    fn location(&self) -> &str {
        self.name
    }

    fn header(&self, id: ObjectId) -> Result<Option<(Kind, u64)>, GitError> {
        Ok(lock(self.state).objects.get(&id).map(|(kind, bytes)| (*kind, bytes.len() as u64)))
    }

    fn read(&self, id: ObjectId) -> Result<Option<(Kind, Vec<u8>)>, GitError> {
        Ok(lock(self.state).objects.get(&id).map(|(kind, bytes)| (*kind, bytes.to_vec())))
    }

    fn write(&self, kind: Kind, bytes: &[u8]) -> Result<ObjectId, GitError> {
        let mut hash = Sha1::new();
        hash.update(format!("{kind} {}\0", bytes.len()));
        hash.update(bytes);
        let id = ObjectId::from_bytes(hash.finalize().into());
        lock(self.state).objects.insert(id, (kind, Bytes::copy_from_slice(bytes)));
        Ok(id)
    }
}

impl Refs for MemoryGit {
    fn find(&self, name: &str) -> Result<Option<ObjectId>, GitError> {
        let state = self.lock();
        let names = if name == "HEAD" {
            vec![format!("{HEADS}main"), format!("{TRACKING}main")]
        } else {
            vec![name.to_owned()]
        };
        Ok(names.iter().find_map(|name| state.refs.get(name)).copied().map(ObjectId::from))
    }

    fn with_prefix(&self, hex: &str) -> Result<Vec<ObjectId>, GitError> {
        Ok(self.lock().objects.keys().filter(|id| id.to_string().starts_with(hex)).copied().collect())
    }

    fn remote_name(&self) -> Option<String> {
        self.remote.as_ref().map(|_| "origin".to_owned())
    }
}

#[async_trait]
impl GitBackend for MemoryGit {
    fn location(&self) -> String {
        self.name.clone()
    }

    async fn resolve(&self, revision: &str) -> Result<CommitId, GitError> {
        history::resolve(&self.store(), self, revision)
    }

    async fn refs(&self) -> Result<Vec<RefInfo>, GitError> {
        Ok(self.lock().refs.iter().map(|(name, commit)| RefInfo { name: name.clone(), commit: *commit }).collect())
    }

    async fn commit_info(&self, commit: CommitId) -> Result<CommitInfo, GitError> {
        objects::read_commit(&self.store(), commit)
    }

    async fn entry(&self, commit: CommitId, path: &str) -> Result<Option<TreeEntry>, GitError> {
        tree::entry(&self.store(), commit, path)
    }

    async fn list_tree(&self, commit: CommitId, path: &str, options: ListOptions) -> Result<Vec<TreeEntry>, GitError> {
        tree::list(&self.store(), commit, path, &options)
    }

    async fn read_blob(&self, id: ObjectId, max_bytes: u64) -> Result<Bytes, GitError> {
        objects::read_blob(&self.store(), id, max_bytes).map(Bytes::from)
    }

    async fn read_blobs(&self, ids: Vec<ObjectId>, max_bytes: u64) -> Result<Vec<Option<Bytes>>, GitError> {
        objects::read_blobs(&self.store(), &ids, max_bytes)
    }

    async fn changes(&self, from: Option<CommitId>, to: CommitId) -> Result<Vec<Change>, GitError> {
        tree::changes(&self.store(), from, to)
    }

    async fn log(&self, from: CommitId, options: LogOptions) -> Result<Vec<CommitInfo>, GitError> {
        history::log(&self.store(), from, &options)
    }

    async fn is_ancestor(&self, ancestor: CommitId, descendant: CommitId) -> Result<bool, GitError> {
        history::relate(&self.store(), ancestor, descendant).map(|relation| relation.left_is_ancestor())
    }

    async fn commit(&self, request: CommitRequest) -> Result<CommitId, GitError> {
        tree::commit(&self.store(), &request)
    }

    async fn push(&self, request: PushRequest) -> Result<PushOutcome, GitError> {
        revision::check_branch(&request.branch)?;
        history::check_fast_forward(&self.store(), &request)?;
        let local_name = format!("{HEADS}{}", request.branch);
        let mut moved = match &self.remote {
            Some(remote) => self.push_remote(remote, &request)?,
            None => true,
        };
        let old = self.lock().refs.get(&local_name).copied();
        if self.remote.is_none() {
            moved = old != Some(request.new);
            if moved && old != request.expected {
                let repository = self.name.clone();
                return Err(GitError::Stale {
                    repository,
                    branch: request.branch,
                    expected: request.expected,
                    actual: old,
                });
            }
        } else {
            self.lock().refs.insert(format!("{TRACKING}{}", request.branch), request.new);
        }
        let follows =
            old.map_or(Ok(true), |old| history::relate(&self.store(), old, request.new).map(|r| r.left_is_ancestor()))?;
        let local = if follows {
            self.lock().refs.insert(local_name, request.new);
            LocalBranch::Advanced
        } else {
            LocalBranch::Unchanged("it has commits of its own".to_owned())
        };
        Ok(PushOutcome { branch: request.branch, remote: self.remote_name(), moved, local, messages: Vec::new() })
    }

    async fn fetch(&self) -> Result<FetchOutcome, GitError> {
        let Some(remote) = &self.remote else { return Ok(FetchOutcome::default()) };
        let (objects, refs) = {
            let remote = lock(remote);
            (remote.objects.clone(), remote.refs.clone())
        };
        let mut local = self.lock();
        local.objects.extend(objects);
        let mut updated = Vec::new();
        for (name, commit) in &refs {
            let here = name.strip_prefix(HEADS).map_or_else(|| name.clone(), |branch| format!("{TRACKING}{branch}"));
            if local.refs.insert(here, *commit) != Some(*commit) {
                updated.push(name.clone());
            }
        }
        Ok(FetchOutcome { remote: self.remote_name(), updated })
    }

    async fn status(&self, branch: &str) -> Result<RepositoryStatus, GitError> {
        revision::check_branch(branch)?;
        let (local, upstream) = {
            let state = self.lock();
            (
                state.refs.get(&format!("{HEADS}{branch}")).copied(),
                state.refs.get(&format!("{TRACKING}{branch}")).copied(),
            )
        };
        let branch = history::branch_status(
            &self.store(),
            BranchStatus {
                branch: branch.to_owned(),
                local,
                upstream,
                has_remote: self.remote.is_some(),
                ..BranchStatus::default()
            },
        )?;
        Ok(RepositoryStatus { branch, work_tree: None })
    }
}
