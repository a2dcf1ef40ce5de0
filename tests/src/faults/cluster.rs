//! A cluster with points before and after each write, and at the start of each watch.

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{BoxStream, StreamExt};
use plate_deploy_core::cluster::{
    Access, AccessRequest, ApiCatalog, ApplyMode, ClusterBackend, ClusterError, ClusterReader, ClusterWriter,
    ListOptions, LogOptions, ObjectList, ObjectRef, Patch, Propagation, Result, WatchEvent, WriteOptions,
};
use plate_deploy_core::model::{GroupVersionKind, Manifest, ResourceKey};

use super::{Failure, Plan};

/// Events that a watch gives before it breaks, when it is to break.
const BEFORE_BREAKING: usize = 3;

/// A cluster with points.
#[derive(Debug)]
pub struct PointedCluster {
    inner: Arc<dyn ClusterBackend>,
    plan: Plan,
}

impl PointedCluster {
    /// Wraps a cluster.
    #[must_use]
    pub fn new(inner: Arc<dyn ClusterBackend>, plan: Plan) -> Self {
        Self { inner, plan }
    }

    async fn point<T: Send>(
        &self,
        (verb, key, dry_run): (&'static str, ResourceKey, bool),
        work: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        // A dry run writes nothing.
        if dry_run {
            return work.await;
        }
        let operation = self.plan.begin(&format!("api {verb} {key}"));
        if let Some(failure) = self.plan.pass(&operation, "before") {
            return Err(error(failure, verb, &key));
        }
        let done = work.await?;
        match self.plan.pass(&operation, "after") {
            Some(failure) => Err(error(failure, verb, &key)),
            None => Ok(done),
        }
    }
}

fn error(failure: Failure, action: &'static str, key: &ResourceKey) -> ClusterError {
    let (code, reason, message) = match failure {
        Failure::TooMany => (429, "TooManyRequests", "too many requests"),
        Failure::Broken => (500, "InternalError", "etcdserver: leader changed"),
        Failure::Conflict => (409, "Conflict", "the object has been modified; please apply your changes to the latest version"),
        Failure::Timeout | Failure::Gone => {
            return ClusterError::Unreachable { cluster: "test".into(), message: "timed out".into() };
        }
    };
    ClusterError::Api { action, object: key.to_string(), code, reason: reason.into(), message: message.into() }
}

#[async_trait]
impl ClusterReader for PointedCluster {
    fn name(&self) -> &str {
        self.inner.name()
    }
    async fn version(&self) -> Result<String> {
        self.inner.version().await
    }
    async fn catalog(&self, refresh: bool) -> Result<Arc<ApiCatalog>> {
        self.inner.catalog(refresh).await
    }
    async fn get(&self, at: &ObjectRef) -> Result<Option<Manifest>> {
        self.inner.get(at).await
    }
    async fn list(&self, kind: &GroupVersionKind, options: &ListOptions) -> Result<ObjectList> {
        self.inner.list(kind, options).await
    }
    async fn watch(
        &self,
        kind: &GroupVersionKind,
        options: &ListOptions,
        resource_version: &str,
    ) -> Result<BoxStream<'static, Result<WatchEvent>>> {
        let stream = self.inner.watch(kind, options, resource_version).await?;
        let operation = self.plan.begin(&format!("watch {}", kind.group_kind()));
        Ok(match self.plan.pass(&operation, "after") {
            None => stream,
            Some(failure) => {
                let key = ResourceKey { group: kind.group.clone(), kind: kind.kind.clone(), ..ResourceKey::default() };
                let broken = futures::stream::iter([Err(error(failure, "watch", &key))]);
                stream.take(BEFORE_BREAKING).chain(broken).boxed()
            }
        })
    }
    async fn access(&self, request: &AccessRequest) -> Result<Access> {
        self.inner.access(request).await
    }
    async fn pod_log(&self, namespace: &str, pod: &str, options: &LogOptions) -> Result<String> {
        self.inner.pod_log(namespace, pod, options).await
    }
}

#[async_trait]
impl ClusterWriter for PointedCluster {
    async fn apply(&self, object: &Manifest, mode: ApplyMode, options: &WriteOptions) -> Result<Manifest> {
        self.point(("apply", object.key(), options.dry_run), self.inner.apply(object, mode, options)).await
    }
    async fn create(&self, object: &Manifest, options: &WriteOptions) -> Result<Manifest> {
        self.point(("create", object.key(), options.dry_run), self.inner.create(object, options)).await
    }
    async fn replace(&self, object: &Manifest, options: &WriteOptions) -> Result<Manifest> {
        self.point(("replace", object.key(), options.dry_run), self.inner.replace(object, options)).await
    }
    async fn patch(
        &self,
        at: &ObjectRef,
        sub: Option<&str>,
        patch: &Patch,
        options: &WriteOptions,
    ) -> Result<Manifest> {
        self.point(("patch", at.key(), options.dry_run), self.inner.patch(at, sub, patch, options)).await
    }
    async fn delete(&self, at: &ObjectRef, propagation: Propagation, options: &WriteOptions) -> Result<()> {
        self.point(("delete", at.key(), options.dry_run), self.inner.delete(at, propagation, options)).await
    }
}
