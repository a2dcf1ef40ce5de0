//! Argo CD's status codes, under Argo CD's names.

use serde::{Deserialize, Serialize};

/// Health of a resource or Application, from best to worst as Argo CD orders it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HealthCode {
    /// Working.
    Healthy,
    /// Paused on purpose.
    Suspended,
    /// Not healthy yet, may still become so.
    Progressing,
    /// Not in the cluster.
    Missing,
    /// Failed.
    Degraded,
    /// Could not be assessed.
    #[default]
    Unknown,
}

/// Health with its reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthStatus {
    /// The code.
    pub status: HealthCode,
    /// Why; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// Whether the cluster matches Git.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SyncCode {
    /// It does.
    Synced,
    /// It does not.
    OutOfSync,
    /// Could not be compared.
    #[default]
    Unknown,
}

/// Phase of a sync operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OperationPhase {
    /// Under way.
    #[default]
    Running,
    /// Being stopped.
    Terminating,
    /// Ended with failed resources.
    Failed,
    /// Could not be carried out.
    Error,
    /// Done.
    Succeeded,
}

impl OperationPhase {
    /// Whether the operation has ended.
    #[must_use]
    pub fn completed(self) -> bool {
        matches!(self, Self::Failed | Self::Error | Self::Succeeded)
    }
}

/// Result of syncing one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ResultCode {
    /// Applied.
    Synced,
    /// Could not be applied or pruned.
    SyncFailed,
    /// Deleted.
    Pruned,
    /// Should be deleted, but the operation or an option keeps it.
    PruneSkipped,
}

/// Phase of a sync, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SyncPhase {
    /// Before.
    PreSync,
    /// The objects themselves.
    Sync,
    /// After everything is healthy.
    PostSync,
    /// After a failure.
    SyncFail,
}

/// Argo CD's hook types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HookType {
    /// Before the sync.
    PreSync,
    /// With the sync, in wave order, instead of a plain apply.
    Sync,
    /// After a healthy sync.
    PostSync,
    /// Never applied.
    Skip,
    /// After a failed sync.
    SyncFail,
    /// Before the Application is deleted.
    PreDelete,
    /// After the Application was deleted.
    PostDelete,
}
