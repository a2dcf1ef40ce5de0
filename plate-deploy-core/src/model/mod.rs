//! The words of the domain: Applications, projects, manifests, keys, status codes. Plain data; no IO, no clock.

pub mod annotations;
pub mod application;
pub mod duration;
mod field_path;
pub mod glob;
mod hydrator;
mod kustomize;
mod manifest;
mod plugin;
pub mod repo_url;
mod resource_key;
mod serde_skip;
mod source;
mod status;
mod sync_policy;

pub use application::{Application, ApplicationSpec};
pub use duration::{DurationError, GoDuration};
pub use field_path::{FieldPath, FieldStep};
pub use glob::{Glob, GlobError, glob_match};
pub use manifest::{Manifest, ManifestError};
pub use repo_url::{normalize_git_url, same_repo};
pub use resource_key::{GroupKind, GroupVersionKind, ResourceKey};
pub use source::{ApplicationSource, SourceType};
pub use status::{HealthCode, HealthStatus, HookType, OperationPhase, ResultCode, SyncCode, SyncPhase};
