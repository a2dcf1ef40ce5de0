//! What a sync is started with, and how it behaves where this library can do better than Argo CD.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::Manifest;
use crate::model::application::ManagedNamespaceMetadata;

use super::spec::SyncOperation;

/// Argo CD's server-side field manager.
pub const FIELD_MANAGER: &str = "argocd-controller";
/// The client-side field manager whose fields a server-side apply takes over.
pub const CLIENT_SIDE_MANAGER: &str = "kubectl-client-side-apply";

/// Everything a sync is started with. It stays the same until the sync ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncRequest {
    /// What Git wants, hooks included, without duplicates.
    pub targets: Vec<Manifest>,
    /// What was asked for, with the application's sync options.
    pub operation: SyncOperation,
    /// The revision synced, as a full commit id; part of the names of hooks with `generateName`.
    pub revision: String,
    /// Namespace of the application's destination; may be empty.
    pub namespace: String,
    /// When the operation started.
    pub started_at: Timestamp,
    /// `syncPolicy.managedNamespaceMetadata`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_namespace_metadata: Option<ManagedNamespaceMetadata>,
    /// Message of the application's `SharedResourceWarning`, if it has one; `FailOnSharedResource=true` stops on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_resource: Option<String>,
    /// Field manager of server-side applies.
    pub field_manager: String,
    /// Client-side field manager to take over from (`argocd.argoproj.io/client-side-apply-migration-manager`).
    pub client_side_manager: String,
    /// Named departures from Argo CD.
    #[serde(default)]
    pub behaviour: Behaviour,
}

impl SyncRequest {
    /// A request with Argo CD's defaults: nothing pruned, no options.
    #[must_use]
    pub fn new(targets: Vec<Manifest>, namespace: &str, revision: &str, started_at: Timestamp) -> Self {
        Self {
            targets,
            operation: SyncOperation::default(),
            revision: revision.into(),
            namespace: namespace.into(),
            started_at,
            managed_namespace_metadata: None,
            shared_resource: None,
            field_manager: FIELD_MANAGER.into(),
            client_side_manager: CLIENT_SIDE_MANAGER.into(),
            behaviour: Behaviour::default(),
        }
    }

    /// The same with this operation.
    #[must_use]
    pub fn operation(mut self, operation: SyncOperation) -> Self {
        self.operation = operation;
        self
    }

    /// The same with this behaviour.
    #[must_use]
    pub fn behaviour(mut self, behaviour: Behaviour) -> Self {
        self.behaviour = behaviour;
        self
    }
}

/// Named departures from Argo CD. The default is Argo CD's behaviour.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Behaviour {
    /// Stop waiting for the other objects of a wave as soon as one of them has failed. Argo CD waits for all of them.
    pub fail_fast: bool,
    /// Most objects one sync may delete because they left Git; a sync that would delete more is refused before anything
    /// runs. Argo CD has no limit.
    pub max_prunes: Option<u32>,
    /// What to do with objects whose kind the API server does not serve yet.
    pub missing_kinds: MissingKinds,
    /// Delete what left Git only after everything else is applied and healthy, as if every object had `PruneLast=true`.
    pub prune_after_healthy: bool,
    /// A newer commit ends a sync of an older one that fails or waits, and takes its place. Argo CD tries the old commit
    /// again and again (`retry.refresh` takes the newest one with the next try only).
    pub supersede: bool,
    /// Refuse a sync that would take over an object another Application tracks, as if every Application had
    /// `FailOnSharedResource=true`. Argo CD only warns, and the Applications take it from each other.
    pub refuse_shared: bool,
    /// Terminate a sync that runs longer than this (Argo CD: `controller.sync.timeout.seconds`, off by default).
    pub timeout: Option<SignedDuration>,
}

/// What to do with objects whose kind the API server does not serve yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum MissingKinds {
    /// The whole sync is refused unless the CRD is part of it or `SkipDryRunOnMissingResource=true` is set (Argo CD).
    #[default]
    Refuse,
    /// The dry run leaves them out; they must be served when their wave comes. Argo CD has this as the
    /// `SkipDryRunOnMissingResource=true` option.
    SkipDryRun,
    /// The dry run leaves them out, and their wave is held back until the kind is served.
    Await,
}
