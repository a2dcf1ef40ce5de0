//! Why two objects could not be compared.

use crate::model::ResourceKey;

/// Why two objects could not be compared. No message holds a value of an object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DiffError {
    /// Neither object was given.
    #[error("both live and config are null objects")]
    Nothing,
    /// An object is nested more than 100 levels deep.
    #[error("{0}: nested too deeply to compare")]
    TooDeep(ResourceKey),
    /// A jq expression of `ignoreDifferences` does not parse.
    #[error("ignoreDifferences: jq expression {expression:?}: {reason}")]
    Jq {
        /// The expression.
        expression: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The lists of a built-in kind cannot be merged.
    #[error("{object}: cannot merge the wanted object over the live one: {reason}")]
    Merge {
        /// The wanted object.
        object: ResourceKey,
        /// The merge's words.
        reason: String,
    },
    /// The answer to the dry run cannot be used.
    #[error("{object}: server-side diff: {reason}")]
    ServerSide {
        /// The object.
        object: ResourceKey,
        /// What is wrong.
        reason: String,
    },
    /// A Secret whose values cannot be masked, because they are no map.
    #[error("secret {0}: {1} is not a map, its values cannot be hidden")]
    Secret(ResourceKey, &'static str),
    /// The system's overrides cannot be read.
    #[error("argocd-cm: key {key:?}: {reason}")]
    Overrides {
        /// The key of the ConfigMap.
        key: String,
        /// What is wrong.
        reason: String,
    },
}
