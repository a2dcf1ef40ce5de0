//! A wrapper for tests: records what is called, and fails where it is told to, before or after the work was done.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use super::backend::GitBackend;
use super::error::GitError;
use super::types::{
    Change, CommitId, CommitInfo, CommitRequest, FetchOutcome, ListOptions, LogOptions, ObjectId, PushOutcome,
    PushRequest, RefInfo, RepositoryStatus, TreeEntry,
};

/// A call that was made, or is to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Call {
    /// [`GitBackend::resolve`].
    Resolve,
    /// Any other reading call.
    Read,
    /// [`GitBackend::commit`].
    Commit,
    /// [`GitBackend::push`].
    Push,
    /// [`GitBackend::fetch`].
    Fetch,
    /// [`GitBackend::status`].
    Status,
}

/// When a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Nothing was done.
    Before,
    /// All was done, only the answer was lost.
    After,
}

/// A backend that fails on demand.
#[derive(Debug)]
pub struct FaultyGit {
    inner: Arc<dyn GitBackend>,
    calls: Mutex<Vec<Call>>,
    faults: Mutex<Vec<(Call, When)>>,
}

impl FaultyGit {
    /// Wraps a backend; nothing fails yet.
    #[must_use]
    pub fn new(inner: Arc<dyn GitBackend>) -> Self {
        Self { inner, calls: Mutex::default(), faults: Mutex::default() }
    }

    /// The next such call fails; several faults for one call fail one call each, in this order.
    pub fn fail(&self, call: Call, when: When) {
        lock(&self.faults).push((call, when));
    }

    /// The calls so far.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.calls).clone()
    }

    async fn run<T>(&self, call: Call, work: impl Future<Output = Result<T, GitError>> + Send) -> Result<T, GitError> {
        lock(&self.calls).push(call);
        let fault = {
            let mut faults = lock(&self.faults);
            faults.iter().position(|(failing, _)| *failing == call).map(|at| faults.remove(at).1)
        };
        let error = GitError::Backend {
            repository: self.inner.location(),
            action: format!("{call:?}").to_lowercase(),
            message: "injected fault".to_owned(),
        };
        match fault {
            None => work.await,
            Some(When::Before) => Err(error),
            Some(When::After) => work.await.and(Err(error)),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl GitBackend for FaultyGit {
    fn location(&self) -> String {
        self.inner.location()
    }

    async fn resolve(&self, revision: &str) -> Result<CommitId, GitError> {
        self.run(Call::Resolve, self.inner.resolve(revision)).await
    }

    async fn refs(&self) -> Result<Vec<RefInfo>, GitError> {
        self.run(Call::Read, self.inner.refs()).await
    }

    async fn commit_info(&self, commit: CommitId) -> Result<CommitInfo, GitError> {
        self.run(Call::Read, self.inner.commit_info(commit)).await
    }

    async fn entry(&self, commit: CommitId, path: &str) -> Result<Option<TreeEntry>, GitError> {
        self.run(Call::Read, self.inner.entry(commit, path)).await
    }

    async fn list_tree(&self, commit: CommitId, path: &str, options: ListOptions) -> Result<Vec<TreeEntry>, GitError> {
        self.run(Call::Read, self.inner.list_tree(commit, path, options)).await
    }

    async fn read_blob(&self, id: ObjectId, max_bytes: u64) -> Result<Bytes, GitError> {
        self.run(Call::Read, self.inner.read_blob(id, max_bytes)).await
    }

    async fn read_blobs(&self, ids: Vec<ObjectId>, max_bytes: u64) -> Result<Vec<Option<Bytes>>, GitError> {
        self.run(Call::Read, self.inner.read_blobs(ids, max_bytes)).await
    }

    async fn changes(&self, from: Option<CommitId>, to: CommitId) -> Result<Vec<Change>, GitError> {
        self.run(Call::Read, self.inner.changes(from, to)).await
    }

    async fn log(&self, from: CommitId, options: LogOptions) -> Result<Vec<CommitInfo>, GitError> {
        self.run(Call::Read, self.inner.log(from, options)).await
    }

    async fn is_ancestor(&self, ancestor: CommitId, descendant: CommitId) -> Result<bool, GitError> {
        self.run(Call::Read, self.inner.is_ancestor(ancestor, descendant)).await
    }

    async fn commit(&self, request: CommitRequest) -> Result<CommitId, GitError> {
        self.run(Call::Commit, self.inner.commit(request)).await
    }

    async fn push(&self, request: PushRequest) -> Result<PushOutcome, GitError> {
        self.run(Call::Push, self.inner.push(request)).await
    }

    async fn fetch(&self) -> Result<FetchOutcome, GitError> {
        self.run(Call::Fetch, self.inner.fetch()).await
    }

    async fn status(&self, branch: &str) -> Result<RepositoryStatus, GitError> {
        self.run(Call::Status, self.inner.status(branch)).await
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{publish, request};
    use super::super::{FileEdit, MemoryGit};
    use super::*;

    #[tokio::test]
    async fn a_lost_answer_of_a_push_is_found_out_by_pushing_again() {
        let memory = MemoryGit::new("memory");
        let other = memory.another_clone("other");
        let git = FaultyGit::new(Arc::new(memory));
        let base = publish(&git, None, 0, vec![FileEdit::write("a", "0")]).await.unwrap();
        let new = git.commit(request(Some(base), 1, "one", vec![FileEdit::write("a", "1")])).await.unwrap();
        let push = PushRequest { branch: "main".to_owned(), new, expected: Some(base) };
        git.fail(Call::Push, When::Before);
        git.fail(Call::Push, When::After);
        assert!(git.push(push.clone()).await.is_err());
        other.fetch().await.unwrap();
        assert_eq!(other.resolve("main").await.unwrap(), base, "nothing was done");
        assert!(git.push(push.clone()).await.is_err());
        other.fetch().await.unwrap();
        assert_eq!(other.resolve("main").await.unwrap(), new, "all was done");
        assert!(!git.push(push).await.unwrap().moved);
        assert_eq!(git.calls().iter().filter(|call| **call == Call::Push).count(), 4);
    }
}
