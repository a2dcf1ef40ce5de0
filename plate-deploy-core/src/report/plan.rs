//! What a deploy would change, as data: shown before anything changes, named by a digest.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Diagnostic;
use crate::model::ResourceKey;

/// What happens to one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// It is made.
    Create,
    /// It is changed.
    Update,
    /// It is deleted.
    Prune,
    /// It should be deleted, but prune is off.
    KeepExtra,
    /// A hook runs.
    Hook,
}

/// One object that a deploy would touch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceChange {
    /// The object.
    #[serde(flatten)]
    pub key: ResourceKey,
    /// What happens.
    pub action: Action,
    /// The live object, normalised, as YAML; `""` when there is none. Values of Secrets are masked.
    pub before: String,
    /// The object after the deploy, normalised, as YAML; `""` when it is deleted. Values of Secrets are masked.
    pub after: String,
}

/// What a deploy would do to one Application or library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationPlan {
    /// Its name.
    pub name: String,
    /// Where its objects go.
    pub namespace: String,
    /// The objects it has.
    pub resources: usize,
    /// The objects that change.
    pub changes: Vec<ResourceChange>,
    /// Why it cannot be deployed, or what to know about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Diagnostic>,
}

/// One value in a file that the deploy's commit would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileChange {
    /// File in the repository.
    pub file: String,
    /// Dotted path of the value.
    pub path: String,
    /// The value before.
    pub before: String,
    /// The value after.
    pub after: String,
}

/// Everything a deploy would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeployPlan {
    /// The environment.
    pub environment: String,
    /// The cluster's context, or `embedded`.
    pub cluster: String,
    /// The commit that the plan starts from.
    pub revision: String,
    /// Edits to be committed.
    pub files: Vec<FileChange>,
    /// The libraries, in order.
    pub libraries: Vec<ApplicationPlan>,
    /// The Applications, in order.
    pub applications: Vec<ApplicationPlan>,
}

impl DeployPlan {
    /// Whether nothing would change anywhere.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.changes().next().is_none()
    }

    /// Every object that would change.
    pub fn changes(&self) -> impl Iterator<Item = &ResourceChange> {
        self.libraries.iter().chain(&self.applications).flat_map(|app| &app.changes)
    }

    /// A name for exactly this plan: the first 16 hex digits of the SHA-256 of its JSON.
    #[must_use]
    pub fn digest(&self) -> String {
        // A struct of strings and numbers always has a JSON form; an empty one would still be a constant, not a panic.
        let json = serde_json::to_vec(self).unwrap_or_default();
        Sha256::digest(json).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}
