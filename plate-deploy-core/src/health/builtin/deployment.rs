//! apps/v1 Deployment, judged as `kubectl rollout status` does.

use super::typed::Typed;
use crate::health::{HealthError, degraded, healthy, progressing, suspended};
use crate::model::{HealthStatus, Manifest};

pub(super) fn assess(object: &Manifest) -> Result<HealthStatus, HealthError> {
    let deployment = Typed::new(object, "Deployment", &["v1"])?;
    let wanted = deployment.int("/spec/replicas")?;
    let replicas = deployment.count("/status/replicas")?;
    let updated = deployment.count("/status/updatedReplicas")?;
    let available = deployment.count("/status/availableReplicas")?;
    if deployment.at("/spec/paused").is_true() {
        return Ok(suspended("Deployment is paused"));
    }
    let waiting = |what: String| progressing(format!("Waiting for rollout to finish: {what}"));
    if deployment.is_stale()? {
        return Ok(waiting("observed deployment generation less than desired generation".into()));
    }
    let condition = deployment.node().condition("Progressing");
    if condition.is_some_and(|c| c.at("/reason").str() == "ProgressDeadlineExceeded") {
        return Ok(degraded(format!("Deployment {:?} exceeded its progress deadline", deployment.name())));
    }
    Ok(match wanted {
        Some(wanted) if updated < wanted => {
            waiting(format!("{updated} out of {wanted} new replicas have been updated..."))
        }
        _ if replicas > updated => waiting(format!("{} old replicas are pending termination...", replicas - updated)),
        _ if available < updated => waiting(format!("{available} of {updated} updated replicas are available...")),
        _ => healthy(""),
    })
}
