//! Backends around a backend: dry run, recording, injected faults.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::stream::BoxStream;

use super::{
    Access, AccessRequest, ApiCatalog, ApplyMode, ClusterBackend, ClusterError, ClusterReader, ClusterWriter,
    ListOptions, LogOptions, ObjectList, ObjectRef, Patch, Propagation, Result, WatchEvent, WriteOptions,
};
use crate::model::{GroupVersionKind, Manifest, ResourceKey};

/// Forwards every read to `self.inner`; the wrappers differ in their writes only.
macro_rules! reads_go_through {
    ($wrapper:ident) => {
        #[async_trait]
        impl ClusterReader for $wrapper {
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
                self.inner.watch(kind, options, resource_version).await
            }
            async fn access(&self, request: &AccessRequest) -> Result<Access> {
                self.inner.access(request).await
            }
            async fn pod_log(&self, namespace: &str, pod: &str, options: &LogOptions) -> Result<String> {
                self.inner.pod_log(namespace, pod, options).await
            }
        }
    };
}

/// Forwards every write to `self.inner` as it is.
macro_rules! writes_go_through {
    ($wrapper:ident) => {
        #[async_trait]
        impl ClusterWriter for $wrapper {
            async fn apply(&self, object: &Manifest, mode: ApplyMode, options: &WriteOptions) -> Result<Manifest> {
                self.inner.apply(object, mode, options).await
            }
            async fn create(&self, object: &Manifest, options: &WriteOptions) -> Result<Manifest> {
                self.inner.create(object, options).await
            }
            async fn replace(&self, object: &Manifest, options: &WriteOptions) -> Result<Manifest> {
                self.inner.replace(object, options).await
            }
            async fn patch(
                &self,
                at: &ObjectRef,
                subresource: Option<&str>,
                patch: &Patch,
                options: &WriteOptions,
            ) -> Result<Manifest> {
                self.inner.patch(at, subresource, patch, options).await
            }
            async fn delete(&self, at: &ObjectRef, propagation: Propagation, options: &WriteOptions) -> Result<()> {
                self.inner.delete(at, propagation, options).await
            }
        }
    };
}

pub(super) use {reads_go_through, writes_go_through};

/// Sends every write as Kubernetes' own dry run: checked by the server, stored by nobody.
#[derive(Debug, Clone)]
pub struct DryRun {
    inner: Arc<dyn ClusterBackend>,
}

impl DryRun {
    /// Wraps a cluster.
    #[must_use]
    pub fn new(inner: Arc<dyn ClusterBackend>) -> Self {
        Self { inner }
    }

    fn dry(options: &WriteOptions) -> WriteOptions {
        WriteOptions { dry_run: true, ..options.clone() }
    }
}

reads_go_through!(DryRun);

#[async_trait]
impl ClusterWriter for DryRun {
    async fn apply(&self, object: &Manifest, mode: ApplyMode, options: &WriteOptions) -> Result<Manifest> {
        self.inner.apply(object, mode, &Self::dry(options)).await
    }
    async fn create(&self, object: &Manifest, options: &WriteOptions) -> Result<Manifest> {
        self.inner.create(object, &Self::dry(options)).await
    }
    async fn replace(&self, object: &Manifest, options: &WriteOptions) -> Result<Manifest> {
        self.inner.replace(object, &Self::dry(options)).await
    }
    async fn patch(
        &self,
        at: &ObjectRef,
        sub: Option<&str>,
        patch: &Patch,
        options: &WriteOptions,
    ) -> Result<Manifest> {
        self.inner.patch(at, sub, patch, &Self::dry(options)).await
    }
    async fn delete(&self, at: &ObjectRef, propagation: Propagation, options: &WriteOptions) -> Result<()> {
        self.inner.delete(at, propagation, &Self::dry(options)).await
    }
}

/// One write that a [`Recording`] saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// `apply`, `create`, `replace`, `patch`, `delete`.
    pub verb: &'static str,
    /// The object.
    pub key: ResourceKey,
    /// Whether it was a server-side dry run.
    pub dry_run: bool,
    /// Whether the server accepted it.
    pub ok: bool,
}

/// Keeps a list of every write that goes through.
#[derive(Debug, Clone)]
pub struct Recording {
    inner: Arc<dyn ClusterBackend>,
    writes: Arc<Mutex<Vec<Write>>>,
}

impl Recording {
    /// Wraps a cluster. Clones share one list.
    #[must_use]
    pub fn new(inner: Arc<dyn ClusterBackend>) -> Self {
        Self { inner, writes: Arc::default() }
    }

    /// Every write so far, in order.
    #[must_use]
    pub fn writes(&self) -> Vec<Write> {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The writes that changed something: accepted, and no dry runs.
    #[must_use]
    pub fn real_writes(&self) -> Vec<Write> {
        self.writes().into_iter().filter(|w| w.ok && !w.dry_run).collect()
    }

    fn note<T>(&self, verb: &'static str, key: ResourceKey, dry_run: bool, result: Result<T>) -> Result<T> {
        let write = Write { verb, key, dry_run, ok: result.is_ok() };
        self.writes.lock().unwrap_or_else(PoisonError::into_inner).push(write);
        result
    }
}

reads_go_through!(Recording);

#[async_trait]
impl ClusterWriter for Recording {
    async fn apply(&self, object: &Manifest, mode: ApplyMode, options: &WriteOptions) -> Result<Manifest> {
        let result = self.inner.apply(object, mode, options).await;
        self.note("apply", object.key(), options.dry_run, result)
    }
    async fn create(&self, object: &Manifest, options: &WriteOptions) -> Result<Manifest> {
        let result = self.inner.create(object, options).await;
        self.note("create", object.key(), options.dry_run, result)
    }
    async fn replace(&self, object: &Manifest, options: &WriteOptions) -> Result<Manifest> {
        let result = self.inner.replace(object, options).await;
        self.note("replace", object.key(), options.dry_run, result)
    }
    async fn patch(
        &self,
        at: &ObjectRef,
        sub: Option<&str>,
        patch: &Patch,
        options: &WriteOptions,
    ) -> Result<Manifest> {
        let result = self.inner.patch(at, sub, patch, options).await;
        self.note("patch", at.key(), options.dry_run, result)
    }
    async fn delete(&self, at: &ObjectRef, propagation: Propagation, options: &WriteOptions) -> Result<()> {
        let result = self.inner.delete(at, propagation, options).await;
        self.note("delete", at.key(), options.dry_run, result)
    }
}

/// What a [`Faulty`] does to one write.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The request never arrives: nothing is stored, the caller sees the error.
    Before(ClusterError),
    /// The request succeeds but its answer is lost: it is stored, the caller sees the error.
    After(ClusterError),
}

/// Decides the fault for the n-th write (from 0), or none.
pub type FaultPlan = dyn Fn(usize, &ResourceKey) -> Option<Fault> + Send + Sync;

/// Injects faults into writes, for tests of what callers do about them.
#[derive(Clone)]
pub struct Faulty {
    inner: Arc<dyn ClusterBackend>,
    plan: Arc<FaultPlan>,
    count: Arc<Mutex<usize>>,
}

impl std::fmt::Debug for Faulty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Faulty").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl Faulty {
    /// Wraps a cluster; `plan` sees the number of the write and its object.
    pub fn new(
        inner: Arc<dyn ClusterBackend>,
        plan: impl Fn(usize, &ResourceKey) -> Option<Fault> + Send + Sync + 'static,
    ) -> Self {
        Self { inner, plan: Arc::new(plan), count: Arc::default() }
    }

    fn next(&self, key: &ResourceKey) -> Option<Fault> {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let n = *count;
        *count += 1;
        (self.plan)(n, key)
    }

    async fn with_fault<T: Send>(&self, key: ResourceKey, write: impl Future<Output = Result<T>> + Send) -> Result<T> {
        match self.next(&key) {
            None => write.await,
            Some(Fault::Before(error)) => Err(error),
            Some(Fault::After(error)) => write.await.and(Err(error)),
        }
    }
}

reads_go_through!(Faulty);

#[async_trait]
impl ClusterWriter for Faulty {
    async fn apply(&self, object: &Manifest, mode: ApplyMode, options: &WriteOptions) -> Result<Manifest> {
        self.with_fault(object.key(), self.inner.apply(object, mode, options)).await
    }
    async fn create(&self, object: &Manifest, options: &WriteOptions) -> Result<Manifest> {
        self.with_fault(object.key(), self.inner.create(object, options)).await
    }
    async fn replace(&self, object: &Manifest, options: &WriteOptions) -> Result<Manifest> {
        self.with_fault(object.key(), self.inner.replace(object, options)).await
    }
    async fn patch(
        &self,
        at: &ObjectRef,
        sub: Option<&str>,
        patch: &Patch,
        options: &WriteOptions,
    ) -> Result<Manifest> {
        self.with_fault(at.key(), self.inner.patch(at, sub, patch, options)).await
    }
    async fn delete(&self, at: &ObjectRef, propagation: Propagation, options: &WriteOptions) -> Result<()> {
        self.with_fault(at.key(), self.inner.delete(at, propagation, options)).await
    }
}
