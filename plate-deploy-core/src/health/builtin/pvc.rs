//! v1 PersistentVolumeClaim.

use super::typed::Typed;
use crate::health::{HealthError, degraded, healthy, progressing, unknown};
use crate::model::{HealthStatus, Manifest};

pub(super) fn assess(object: &Manifest) -> Result<HealthStatus, HealthError> {
    let claim = Typed::new(object, "PersistentVolumeClaim", &["v1"])?;
    Ok(match claim.at("/status/phase").str() {
        "Lost" => degraded(""),
        "Pending" => progressing(""),
        "Bound" => healthy(""),
        _ => unknown(""),
    })
}
