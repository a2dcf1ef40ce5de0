//! apps/v1 DaemonSet.

use super::typed::Typed;
use crate::health::{HealthError, healthy, progressing};
use crate::model::{HealthStatus, Manifest};

pub(super) fn assess(object: &Manifest) -> Result<HealthStatus, HealthError> {
    let set = Typed::new(object, "DaemonSet", &["v1"])?;
    let desired = set.count("/status/desiredNumberScheduled")?;
    let updated = set.count("/status/updatedNumberScheduled")?;
    let available = set.count("/status/numberAvailable")?;
    if set.is_stale()? {
        return Ok(progressing(
            "Waiting for rollout to finish: observed daemon set generation less than desired generation",
        ));
    }
    if set.at("/spec/updateStrategy/type").str() == "OnDelete" {
        return Ok(healthy(format!("daemon set {updated} out of {desired} new pods have been updated")));
    }
    let waiting =
        |what: String| progressing(format!("Waiting for daemon set {:?} rollout to finish: {what}", set.name()));
    Ok(if updated < desired {
        waiting(format!("{updated} out of {desired} new pods have been updated..."))
    } else if available < desired {
        waiting(format!("{available} of {desired} updated pods are available..."))
    } else {
        healthy("")
    })
}
