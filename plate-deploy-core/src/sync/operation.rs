//! What the machine asks a driver to do, and what the driver answers: plain data, fit for a journal.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::{GroupVersionKind, Manifest, ResourceKey, SyncPhase};

/// Name of an operation, unique within one [`SyncState`](super::SyncState): step, batch in the step, place in the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OperationId {
    /// Number of the step, from 1.
    pub step: u32,
    /// Number of the batch in the step, from 0.
    pub batch: u32,
    /// Place in the batch, from 0.
    pub index: u32,
}

/// `step.batch.index`.
impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.step, self.batch, self.index)
    }
}

/// Operations that do not depend on each other: a driver may run them at the same time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// The operations; never empty.
    pub operations: Vec<Operation>,
}

/// One call to the cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// Its name; the outcome is recorded under it.
    pub id: OperationId,
    /// The object, as the API server names it: no namespace for cluster-scoped kinds.
    pub object: ResourceKey,
    /// The object's group, version and kind.
    pub gvk: GroupVersionKind,
    /// What to do with it.
    pub action: Action,
}

/// What to do with an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "op")]
#[non_exhaustive]
pub enum Action {
    /// Read it from the cluster, not from a cache. Answer: `Found`, `NotFound` or `Failed`.
    Read,
    /// Write it.
    Write(Write),
    /// Make the fields of one client-side field manager the server-side manager's own, by a patch of `managedFields`
    /// built from a fresh read; nothing to do where no entry of `from` with operation `Update` is left.
    #[serde(rename_all = "camelCase")]
    MigrateManagedFields {
        /// The client-side manager.
        from: String,
        /// The server-side manager.
        to: String,
    },
    /// Delete it, because it left Git.
    Prune {
        /// Propagation policy.
        propagation: Propagation,
    },
    /// Take one finalizer off a hook, reading it again on a conflict; nothing to do where the finalizer is gone.
    RemoveHookFinalizer {
        /// The finalizer.
        finalizer: String,
    },
    /// Delete a hook.
    DeleteHook {
        /// Propagation policy.
        propagation: Propagation,
    },
}

/// A write of a whole object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Write {
    /// Which kind of write.
    pub method: WriteMethod,
    /// The object to write.
    pub manifest: Manifest,
    /// Validate only. Always on the client's side, as in Argo CD: what a dry run may need (a namespace, a CRD) need
    /// not be there yet.
    pub dry_run: bool,
    /// Delete and create again where the object cannot be changed in place.
    pub force: bool,
    /// Check the object against the schema.
    pub validate: bool,
    /// The field manager of a server-side apply; `None` for a client-side one.
    pub server_side: Option<String>,
    /// The object is a CRD: once it is written, wait (Argo CD: up to 3 s) until it is established and discover the
    /// kinds again. That the wait ran out is no failure.
    pub await_established: bool,
}

/// Kinds of writes, named after kubectl's commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WriteMethod {
    /// Create or patch.
    Apply,
    /// Create; fails where the object exists.
    Create,
    /// Put over the live object.
    Replace,
    /// Put over the live object with its `resourceVersion`; never deletes it (CRDs, Namespaces).
    Update,
}

/// `propagationPolicy` of a deletion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Propagation {
    /// The object goes after its dependants.
    #[default]
    Foreground,
    /// Dependants go later.
    Background,
    /// Dependants stay.
    Orphan,
}

/// How an operation went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "outcome")]
#[non_exhaustive]
pub enum Outcome {
    /// It was carried out.
    Done {
        /// What happened, for people: `Deployment/web configured`. Shown for writes only.
        message: String,
    },
    /// What a read found.
    Found {
        /// The object.
        object: Manifest,
    },
    /// The object of a read, a deletion or a finalizer's removal is not there.
    NotFound,
    /// It failed; the API server's own message, without a prefix.
    Failed {
        /// Why.
        message: String,
    },
}

impl Outcome {
    /// `Done` with a message.
    pub fn done(message: impl Into<String>) -> Self {
        Self::Done { message: message.into() }
    }

    /// `Failed` with the reason.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed { message: message.into() }
    }
}

/// A wave was applied: Argo CD's `SyncWaveHook` is called. Argo CD sleeps 2 s here; this machine asks for nothing, and a
/// driver may check, wait or refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaveApplied {
    /// Phase.
    pub phase: SyncPhase,
    /// Wave.
    pub wave: i64,
    /// Whether it was the last wave of the last phase.
    #[serde(rename = "final")]
    pub last: bool,
}
