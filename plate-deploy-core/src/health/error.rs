//! Why an object's health could not be assessed.

use super::unknown;
use crate::model::HealthStatus;

/// Why an object's health could not be assessed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HealthError {
    /// A built-in kind in an API version without a check.
    #[error("unsupported {kind} GVK: {group}/{version}, Kind={full_kind}")]
    UnsupportedVersion {
        /// The kind as messages name it (`HPA`).
        kind: &'static str,
        /// API group.
        group: String,
        /// API version.
        version: String,
        /// The kind in full.
        full_kind: String,
    },
    /// A field that the API server could not have written; in client-go's words.
    #[error("failed to convert unstructured {kind} to typed: unrecognized type: {expected}")]
    Field {
        /// The kind.
        kind: &'static str,
        /// JSON pointer of the field.
        field: String,
        /// The type it should have (`int32`).
        expected: &'static str,
    },
    /// The conditions annotation of an `autoscaling/v1` autoscaler is no list of conditions.
    #[error("failed to convert conditions annotation to typed: {0}")]
    HpaConditions(String),
    /// A user's Lua check failed.
    #[error("health check of {key} failed: {problem}")]
    Lua {
        /// The override's key, `<group>/<kind>`.
        key: String,
        /// Lua's message.
        problem: String,
    },
    /// A user's Lua check did not end within its limits.
    #[error("health check of {key} was stopped: it used more than {limit}")]
    LuaLimit {
        /// The override's key, `<group>/<kind>`.
        key: String,
        /// The limit it ran into.
        limit: &'static str,
    },
    /// A user's Lua check returned something that is no health.
    #[error("health check of {key}: expect table output from Lua script, not {found}")]
    LuaOutput {
        /// The override's key, `<group>/<kind>`.
        key: String,
        /// What it returned.
        found: String,
    },
}

impl HealthError {
    /// The health Argo CD shows then: Unknown, with the error as the message.
    #[must_use]
    pub fn status(&self) -> HealthStatus {
        unknown(self.to_string())
    }
}
