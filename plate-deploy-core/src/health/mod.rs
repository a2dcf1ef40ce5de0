//! Health of one live object, as Argo CD judges it, and of an Application as a whole.
//!
//! [`assess`] asks, in this order: the user's own Lua checks ([`HealthOverrides`]), the rules for custom kinds
//! (`custom`, the kinds Argo CD ships checks for), the rules for built-in kinds (`builtin`). An object that is being
//! deleted is Progressing whatever its check says.
//!
//! ```
//! use plate_deploy_core::health::{HealthOverrides, assess};
//! use plate_deploy_core::model::{HealthCode, Manifest};
//!
//! let claim = Manifest::new(serde_json::json!({
//!     "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
//!     "status": {"phase": "Pending"}
//! }))?;
//! let health = assess(&claim, &HealthOverrides::default())?.unwrap();
//! assert_eq!(health.status, HealthCode::Progressing);
//!
//! // A kind nobody has a check for has no health of its own.
//! let settings = Manifest::new(serde_json::json!({
//!     "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}
//! }))?;
//! assert_eq!(assess(&settings, &HealthOverrides::default())?, None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod aggregate;
mod builtin;
mod custom;
mod deletion;
mod error;
mod lua;
mod lua_pattern;
mod lua_string;
mod node;
mod overrides;

pub use aggregate::{ApplicationHealth, ResourceHealth, aggregate};
pub use error::HealthError;
pub use overrides::{HealthOverride, HealthOverrides, OverrideError};

use crate::model::{HealthCode, HealthStatus, Manifest};

/// The health of a live object; `None` when its kind has no check (it then does not count).
///
/// # Errors
/// [`HealthError`] when the check could not be carried out; Argo CD then shows [`HealthError::status`].
pub fn assess(object: &Manifest, overrides: &HealthOverrides) -> Result<Option<HealthStatus>, HealthError> {
    let own = check(object, overrides)?;
    Ok(match deletion::pending(object, own.as_ref()) {
        Some(status) => Some(status),
        None => own.map(|checked| checked.status),
    })
}

/// What the check of the object's kind says, leaving a pending deletion out of it; `None` without a check.
///
/// # Errors
/// As [`assess`].
pub fn assess_kind(object: &Manifest, overrides: &HealthOverrides) -> Result<Option<HealthStatus>, HealthError> {
    Ok(check(object, overrides)?.map(|checked| checked.status))
}

/// A user's check replaces the shipped custom rule even when it returned nothing; the built-in kinds' stay.
fn check(object: &Manifest, overrides: &HealthOverrides) -> Result<Option<Checked>, HealthError> {
    let own = if overrides.covers(object) { overrides.check(object)? } else { custom::assess(object) };
    if own.is_some() {
        return Ok(own);
    }
    Ok(builtin::assess(object)?.map(|status| Checked { status, deletion_message: None }))
}

/// The result of one check.
struct Checked {
    status: HealthStatus,
    /// Set by checks that want their own status to stand while the object is being deleted.
    deletion_message: Option<String>,
}

/// A status with its reason.
fn status(status: HealthCode, message: impl Into<String>) -> HealthStatus {
    HealthStatus { status, message: message.into() }
}

fn healthy(message: impl Into<String>) -> HealthStatus {
    status(HealthCode::Healthy, message)
}

fn progressing(message: impl Into<String>) -> HealthStatus {
    status(HealthCode::Progressing, message)
}

fn degraded(message: impl Into<String>) -> HealthStatus {
    status(HealthCode::Degraded, message)
}

fn suspended(message: impl Into<String>) -> HealthStatus {
    status(HealthCode::Suspended, message)
}

fn unknown(message: impl Into<String>) -> HealthStatus {
    status(HealthCode::Unknown, message)
}

#[cfg(test)]
mod tests;
