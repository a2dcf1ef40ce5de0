//! The words of the domain: Applications, projects, manifests, keys, status codes. Plain data; no IO, no clock.

pub mod annotations;
pub mod application;
pub mod glob;
mod manifest;
mod resource_key;
mod status;

pub use application::Application;
pub use manifest::{Manifest, ManifestError};
pub use resource_key::{GroupKind, GroupVersionKind, ResourceKey};
pub use status::{HealthCode, HealthStatus, HookType, OperationPhase, ResultCode, SyncCode, SyncPhase};
