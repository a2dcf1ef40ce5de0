//! A Git repository with points before and after each operation that changes something, or talks to the remote.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use plate_deploy_core::git::{
    Change, CommitId, CommitInfo, CommitRequest, FetchOutcome, GitBackend, GitError, ListOptions, LogOptions, ObjectId,
    PushOutcome, PushRequest, RefInfo, RepositoryStatus, TreeEntry,
};

use super::Plan;

/// A repository with points.
#[derive(Debug)]
pub struct PointedGit {
    inner: Arc<dyn GitBackend>,
    plan: Plan,
}

impl PointedGit {
    /// Wraps a repository.
    #[must_use]
    pub fn new(inner: Arc<dyn GitBackend>, plan: Plan) -> Self {
        Self { inner, plan }
    }

    async fn point<T: Send>(
        &self,
        operation: &str,
        work: impl Future<Output = Result<T, GitError>> + Send,
    ) -> Result<T, GitError> {
        let lost = || GitError::Backend {
            repository: self.inner.location(),
            action: operation.to_owned(),
            message: "the remote hung up".to_owned(),
        };
        let operation = self.plan.begin(&format!("git {operation}"));
        if self.plan.pass(&operation, "before").is_some() {
            return Err(lost());
        }
        let done = work.await?;
        match self.plan.pass(&operation, "after") {
            Some(_) => Err(lost()),
            None => Ok(done),
        }
    }
}

#[async_trait]
impl GitBackend for PointedGit {
    fn location(&self) -> String {
        self.inner.location()
    }
    async fn resolve(&self, revision: &str) -> Result<CommitId, GitError> {
        self.inner.resolve(revision).await
    }
    async fn refs(&self) -> Result<Vec<RefInfo>, GitError> {
        self.inner.refs().await
    }
    async fn commit_info(&self, commit: CommitId) -> Result<CommitInfo, GitError> {
        self.inner.commit_info(commit).await
    }
    async fn entry(&self, commit: CommitId, path: &str) -> Result<Option<TreeEntry>, GitError> {
        self.inner.entry(commit, path).await
    }
    async fn list_tree(&self, commit: CommitId, path: &str, options: ListOptions) -> Result<Vec<TreeEntry>, GitError> {
        self.inner.list_tree(commit, path, options).await
    }
    async fn read_blob(&self, id: ObjectId, max_bytes: u64) -> Result<Bytes, GitError> {
        self.inner.read_blob(id, max_bytes).await
    }
    async fn read_blobs(&self, ids: Vec<ObjectId>, max_bytes: u64) -> Result<Vec<Option<Bytes>>, GitError> {
        self.inner.read_blobs(ids, max_bytes).await
    }
    async fn changes(&self, from: Option<CommitId>, to: CommitId) -> Result<Vec<Change>, GitError> {
        self.inner.changes(from, to).await
    }
    async fn log(&self, from: CommitId, options: LogOptions) -> Result<Vec<CommitInfo>, GitError> {
        self.inner.log(from, options).await
    }
    async fn is_ancestor(&self, ancestor: CommitId, descendant: CommitId) -> Result<bool, GitError> {
        self.inner.is_ancestor(ancestor, descendant).await
    }
    async fn commit(&self, request: CommitRequest) -> Result<CommitId, GitError> {
        self.point("commit", self.inner.commit(request)).await
    }
    async fn push(&self, request: PushRequest) -> Result<PushOutcome, GitError> {
        self.point("push", self.inner.push(request)).await
    }
    async fn fetch(&self) -> Result<FetchOutcome, GitError> {
        self.point("fetch", self.inner.fetch()).await
    }
    async fn status(&self, branch: &str) -> Result<RepositoryStatus, GitError> {
        self.inner.status(branch).await
    }
}
