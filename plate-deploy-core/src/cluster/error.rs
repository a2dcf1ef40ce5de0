//! What can go wrong between us and an API server.

use crate::model::{GroupVersionKind, ResourceKey};

/// The error returned by every cluster call.
///
/// Text and `Debug` never hold an object's data: the API server's message names fields, and messages about Secrets are
/// cut to their reason.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// The server answered with a `Status`.
    #[error("{action} {object}: {message} ({reason}, HTTP {code})")]
    Api {
        /// What we asked for: `apply`, `get` …
        action: &'static str,
        /// The object or kind.
        object: String,
        /// HTTP status.
        code: u16,
        /// Kubernetes' machine-readable reason, e.g. `Conflict`.
        reason: String,
        /// The server's text.
        message: String,
    },
    /// The server does not serve this kind.
    #[error("the cluster does not know the kind {kind} ({api_version}); install the chart or CRD that brings it first", kind = .kind.kind, api_version = .kind.api_version())]
    UnknownKind {
        /// The kind asked for.
        kind: GroupVersionKind,
    },
    /// No answer.
    #[error("cannot reach the cluster {cluster}: {message}")]
    Unreachable {
        /// Context or `embedded`.
        cluster: String,
        /// What the transport said, without credentials.
        message: String,
    },
    /// The kubeconfig cannot be used.
    #[error("kubeconfig: {message}")]
    Config {
        /// What is wrong and what to do.
        message: String,
    },
    /// Something the chosen backend refuses on principle.
    #[error("{0} is not supported")]
    Unsupported(String),
    /// A client-side apply whose inputs cannot be merged.
    #[error("apply {key}: {message}")]
    Merge {
        /// The object.
        key: ResourceKey,
        /// Why.
        message: String,
    },
    /// The embedded store could not be read or written.
    #[error("embedded cluster: {0}")]
    Embedded(String),
}

impl ClusterError {
    fn api(&self) -> Option<(u16, &str)> {
        match self {
            Self::Api { code, reason, .. } => Some((*code, reason)),
            _ => None,
        }
    }

    /// The object, or its kind, does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self.api(), Some((404, _)))
    }

    /// Somebody else changed the object, or owns the field.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self.api(), Some((409, "Conflict")))
    }

    /// The object is there already.
    #[must_use]
    pub fn is_already_exists(&self) -> bool {
        matches!(self.api(), Some((409, "AlreadyExists")))
    }

    /// The resource version is too old: list again.
    #[must_use]
    pub fn is_expired(&self) -> bool {
        matches!(self.api(), Some((410, _)))
    }

    /// The user may not do this.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        matches!(self.api(), Some((401 | 403, _)))
    }

    /// The server said the object is not valid.
    #[must_use]
    pub fn is_invalid(&self) -> bool {
        matches!(self.api(), Some((400 | 422, _)))
    }

    /// Trying again may help: no answer, overload, a server error.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. }) || matches!(self.api(), Some((429 | 500 | 502 | 503 | 504, _)))
    }

    /// The kind is not served.
    #[must_use]
    pub fn is_unknown_kind(&self) -> bool {
        matches!(self, Self::UnknownKind { .. })
    }
}
