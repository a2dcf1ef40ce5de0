//! apps/v1 ReplicaSet.

use super::typed::Typed;
use crate::health::{HealthError, degraded, healthy, progressing};
use crate::model::{HealthStatus, Manifest};

pub(super) fn assess(object: &Manifest) -> Result<HealthStatus, HealthError> {
    let set = Typed::new(object, "ReplicaSet", &["v1"])?;
    let wanted = set.int("/spec/replicas")?;
    let available = set.count("/status/availableReplicas")?;
    if set.is_stale()? {
        return Ok(progressing(
            "Waiting for rollout to finish: observed replica set generation less than desired generation",
        ));
    }
    let failure = set.node().condition("ReplicaFailure").filter(|c| c.at("/status").str() == "True");
    Ok(match (failure, wanted) {
        (Some(condition), _) => degraded(condition.at("/message").str()),
        (None, Some(wanted)) if available < wanted => progressing(format!(
            "Waiting for rollout to finish: {available} out of {wanted} new replicas are available..."
        )),
        _ => healthy(""),
    })
}
