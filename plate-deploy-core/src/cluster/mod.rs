//! The seam to a Kubernetes API: [`ClusterReader`] looks, [`ClusterWriter`] changes, [`ClusterBackend`] is both.
//!
//! One implementation over `kube::Client`, [`KubeCluster`], serves real clusters and the embedded API alike. Dry runs,
//! recordings and injected faults are wrappers around a backend ([`DryRun`], [`Recording`], [`Faulty`]), so that code
//! which must not write gets a type that cannot.

mod call;
mod catalog;
mod client_apply;
mod connect;
mod embedded;
mod error;
mod follow;
mod kube;
mod retry;
#[cfg(feature = "testing")]
pub mod testing;
mod wrappers;

use std::fmt::Debug;

use async_trait::async_trait;
use futures::stream::BoxStream;
use serde_json::Value;

pub use catalog::{ApiCatalog, ApiKind};
pub use connect::{ConnectOptions, Connection, connect};
pub use embedded::{EmbeddedCluster, EmbeddedOptions};
pub use error::ClusterError;
pub use follow::follow;
pub use kube::KubeCluster;
pub use wrappers::{DryRun, Fault, FaultPlan, Faulty, Recording, Write};

use crate::model::{GroupVersionKind, Manifest, ResourceKey};

/// Which lines of a container's log.
#[derive(Clone, Debug, Default)]
pub struct LogOptions {
    /// The container; `""`: the only one.
    pub container: String,
    /// The last so many lines.
    pub lines: usize,
    /// Of the container before its last restart.
    pub previous: bool,
}

/// Result of a cluster call.
pub type Result<T, E = ClusterError> = std::result::Result<T, E>;

/// One object by the API version it is addressed with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectRef {
    /// Group, version and kind.
    pub kind: GroupVersionKind,
    /// Namespace, `""` for cluster-scoped kinds.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl ObjectRef {
    /// The reference of a manifest as it names itself.
    #[must_use]
    pub fn of(manifest: &Manifest) -> Self {
        Self { kind: manifest.gvk(), namespace: manifest.namespace().into(), name: manifest.name().into() }
    }

    /// The key, without the version.
    #[must_use]
    pub fn key(&self) -> ResourceKey {
        ResourceKey {
            group: self.kind.group.clone(),
            kind: self.kind.kind.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }
}

/// What a list or watch covers; the default is everything.
#[derive(Clone, Debug, Default)]
pub struct ListOptions {
    /// One namespace; `None`: all (or cluster-scoped).
    pub namespace: Option<String>,
    /// Label selector in Kubernetes' syntax; `""`: no restriction.
    pub labels: String,
    /// Field selector in Kubernetes' syntax; `""`: no restriction.
    pub fields: String,
    /// JSON pointers of what is dropped from every object as it arrives (`/metadata/managedFields`), so that who keeps
    /// many objects keeps only what it looks at. Lists arrive page by page: the dropped parts are never all in memory.
    pub strip: &'static [&'static str],
}

impl ListOptions {
    /// Takes away what [`ListOptions::strip`] names.
    pub(crate) fn stripped(&self, object: &mut serde_json::Value) {
        for pointer in self.strip {
            let Some((parent, key)) = pointer.rsplit_once('/') else { continue };
            if let Some(map) = object.pointer_mut(parent).and_then(serde_json::Value::as_object_mut) {
                map.remove(&key.replace("~1", "/").replace("~0", "~"));
            }
        }
    }
}

/// Objects with the resource version to watch on from.
#[derive(Clone, Debug)]
pub struct ObjectList {
    /// The objects.
    pub items: Vec<Manifest>,
    /// The list's resource version.
    pub resource_version: String,
}

/// One change that a watch tells.
#[derive(Clone, Debug)]
pub enum WatchEvent {
    /// The object is there now or has changed.
    Applied(Manifest),
    /// The object is gone.
    Deleted(Manifest),
    /// Nothing happened up to this resource version.
    Bookmark(String),
}

/// Options every write takes.
#[derive(Clone, Debug)]
pub struct WriteOptions {
    /// Who owns the fields that are written.
    pub field_manager: String,
    /// Kubernetes' own `dryRun=All`: everything is checked, nothing is stored.
    pub dry_run: bool,
    /// Kubernetes' field validation: `true` refuses unknown and duplicate fields.
    pub strict: bool,
    /// A client-side apply tries to create first: right either way, and one request instead of two where the object is
    /// missing, as the caller believes.
    pub expect_missing: bool,
}

impl Default for WriteOptions {
    /// Field manager `plate-deploy`, a real write, unknown fields dropped (Argo CD's `Validate` asks for strictness).
    fn default() -> Self {
        Self { field_manager: "plate-deploy".into(), dry_run: false, strict: false, expect_missing: false }
    }
}

/// How [`ClusterWriter::apply`] merges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ApplyMode {
    /// As `kubectl apply`: a three-way merge with the last-applied annotation.
    #[default]
    ClientSide,
    /// As `kubectl apply --server-side`; `force` takes fields over from other managers.
    ServerSide {
        /// Take conflicting fields over.
        force: bool,
    },
}

/// A change to an existing object.
#[derive(Clone, Debug)]
pub enum Patch {
    /// RFC 6902.
    Json(Value),
    /// RFC 7396.
    Merge(Value),
    /// Kubernetes' strategic merge; built-in kinds only.
    Strategic(Value),
}

/// What happens to the objects that a deleted object owns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Propagation {
    /// They are deleted before it.
    #[default]
    Foreground,
    /// They are deleted after it.
    Background,
    /// They stay.
    Orphan,
}

impl Propagation {
    /// The API's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Foreground => "Foreground",
            Self::Background => "Background",
            Self::Orphan => "Orphan",
        }
    }
}

/// One question to `SelfSubjectAccessReview`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccessRequest {
    /// `get`, `create`, `patch`, `delete` …
    pub verb: String,
    /// API group.
    pub group: String,
    /// Plural resource name.
    pub resource: String,
    /// Namespace, `""` for cluster-wide.
    pub namespace: String,
}

/// Answer of the API server to one [`AccessRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Whether it is allowed.
    pub allowed: bool,
    /// The server's reason; may be empty.
    pub reason: String,
}

/// Looks at a cluster. Every method is one question; none changes anything.
#[async_trait]
pub trait ClusterReader: Debug + Send + Sync {
    /// A short name for people: the context, or `embedded`.
    fn name(&self) -> &str;

    /// The server's version, e.g. `v1.37.2`.
    async fn version(&self) -> Result<String>;

    /// The kinds that the server serves; cached until `refresh` or a look-up that missed.
    async fn catalog(&self, refresh: bool) -> Result<std::sync::Arc<ApiCatalog>>;

    /// One object; `None` when it does not exist.
    async fn get(&self, at: &ObjectRef) -> Result<Option<Manifest>>;

    /// All objects of a kind.
    async fn list(&self, kind: &GroupVersionKind, options: &ListOptions) -> Result<ObjectList>;

    /// Changes after `resource_version`. The stream ends when the server ends it; [`ClusterError::is_expired`] means:
    /// list again.
    async fn watch(
        &self,
        kind: &GroupVersionKind,
        options: &ListOptions,
        resource_version: &str,
    ) -> Result<BoxStream<'static, Result<WatchEvent>>>;

    /// May the current user do this?
    async fn access(&self, request: &AccessRequest) -> Result<Access>;

    /// What a pod's container wrote last. It may hold anything: mask it before showing it.
    async fn pod_log(&self, namespace: &str, pod: &str, options: &LogOptions) -> Result<String>;
}

/// Changes a cluster. Every method is one write and returns the object as the server stored it.
#[async_trait]
pub trait ClusterWriter: ClusterReader {
    /// Makes the object what the manifest says, creating it when it is missing.
    async fn apply(&self, object: &Manifest, mode: ApplyMode, options: &WriteOptions) -> Result<Manifest>;

    /// Creates; fails with [`ClusterError::is_already_exists`] when it is there.
    async fn create(&self, object: &Manifest, options: &WriteOptions) -> Result<Manifest>;

    /// Replaces; a `metadata.resourceVersion` in the object makes it conditional.
    async fn replace(&self, object: &Manifest, options: &WriteOptions) -> Result<Manifest>;

    /// Patches the object, or its `subresource` (e.g. `status`) when given.
    async fn patch(
        &self,
        at: &ObjectRef,
        subresource: Option<&str>,
        patch: &Patch,
        options: &WriteOptions,
    ) -> Result<Manifest>;

    /// Deletes; an object that is already gone is success.
    async fn delete(&self, at: &ObjectRef, propagation: Propagation, options: &WriteOptions) -> Result<()>;
}

/// A cluster one can look at and change.
pub trait ClusterBackend: ClusterReader + ClusterWriter {}

impl<T: ClusterReader + ClusterWriter> ClusterBackend for T {}
