//! What a sync is asked to do: Argo CD's `SyncOperation` and `Operation`, field for field.

use serde::{Deserialize, Serialize};

use crate::model::ResourceKey;
use crate::model::application::{ApplicationSource, Info, RetryStrategy};
use crate::model::serde_skip::{is_false, is_zero};

/// Argo CD's `SyncOperation`: one sync, as it is requested.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SyncOperation {
    /// Revision to sync to.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub revision: String,
    /// Delete what left Git.
    #[serde(skip_serializing_if = "is_false")]
    pub prune: bool,
    /// Only a dry run: nothing is changed.
    #[serde(skip_serializing_if = "is_false")]
    pub dry_run: bool,
    /// With or without hooks, and `--force`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_strategy: Option<SyncStrategy>,
    /// Only these objects; a selective sync runs no hooks. Empty: everything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<SelectedResource>,
    /// The single source synced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<ApplicationSource>,
    /// `Name=value` options of the application.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sync_options: Vec<String>,
    /// The sources synced, when there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<ApplicationSource>,
    /// Revisions to sync to, one for each of `sources`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<String>,
    /// How many self-heal syncs of this revision there were, this one included.
    #[serde(rename = "autoHealAttemptsCount", skip_serializing_if = "is_zero")]
    pub self_heal_attempts_count: i64,
}

impl SyncOperation {
    /// Whether `--force` is asked for (Argo CD's `SyncStrategy.Force`: the apply strategy decides when both are there).
    #[must_use]
    pub fn force(&self) -> bool {
        self.sync_strategy
            .as_ref()
            .and_then(|strategy| strategy.apply.as_ref().or(strategy.hook.as_ref()))
            .is_some_and(|options| options.force)
    }

    /// Whether hooks are left out: the apply strategy, or a selective sync.
    #[must_use]
    pub fn skips_hooks(&self) -> bool {
        !self.resources.is_empty() || self.sync_strategy.as_ref().is_some_and(|strategy| strategy.apply.is_some())
    }

    /// Whether an object takes part in this sync. Globs have no meaning here, as in Argo CD.
    #[must_use]
    pub fn selects(&self, key: &ResourceKey) -> bool {
        self.resources.is_empty() || self.resources.iter().any(|wanted| wanted.matches(key))
    }
}

/// `syncStrategy`: `apply` leaves hooks out, `hook` (the default) runs them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SyncStrategy {
    /// Plain apply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apply: Option<StrategyOptions>,
    /// Apply with hooks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook: Option<StrategyOptions>,
}

/// Options of a strategy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StrategyOptions {
    /// Delete and create again what cannot be changed in place.
    #[serde(skip_serializing_if = "is_false")]
    pub force: bool,
}

/// One object of a selective sync.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SelectedResource {
    /// API group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Namespace; `""` means any.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
}

impl SelectedResource {
    fn matches(&self, key: &ResourceKey) -> bool {
        self.name == key.name
            && self.kind == key.kind
            && self.group == key.group
            && (self.namespace.is_empty() || self.namespace == key.namespace)
    }
}

/// Argo CD's `Operation`: a sync, who asked for it, and how often it is tried.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OperationRequest {
    /// The sync.
    pub sync: SyncOperation,
    /// Who asked.
    pub initiated_by: Initiator,
    /// Facts for people.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub info: Vec<Info>,
    /// Retries.
    pub retry: RetryStrategy,
}

/// Who asked for an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Initiator {
    /// A person's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub username: String,
    /// The automated sync.
    #[serde(skip_serializing_if = "is_false")]
    pub automated: bool,
}
