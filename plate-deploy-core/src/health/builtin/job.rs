//! batch/v1 Job. Argo CD looks at the condition types only: a `Failed` condition means Degraded even at status False.

use super::typed::Typed;
use crate::health::{HealthError, degraded, healthy, progressing, suspended};
use crate::model::{HealthStatus, Manifest};

pub(super) fn assess(object: &Manifest) -> Result<HealthStatus, HealthError> {
    let job = Typed::new(object, "Job", &["v1"])?;
    let (mut failure, mut ended, mut is_suspended) = (None, None, false);
    for condition in job.at("/status/conditions").items() {
        let message = condition.at("/message").str();
        match condition.at("/type").str() {
            "Failed" => failure = Some(message),
            "Complete" => ended = Some(message),
            "Suspended" => {
                ended = Some(message);
                is_suspended |= condition.at("/status").str() == "True";
            }
            _ => {}
        }
    }
    Ok(match (failure, ended) {
        (Some(message), _) => degraded(message),
        (None, None) => progressing(""),
        (None, Some(message)) if is_suspended => suspended(message),
        (None, Some(message)) => healthy(message),
    })
}
