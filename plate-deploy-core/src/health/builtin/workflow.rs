//! argoproj.io Workflow.

use crate::health::node::Node;
use crate::health::{HealthError, degraded, healthy, progressing, unknown};
use crate::model::{HealthStatus, Manifest};

#[expect(clippy::unnecessary_wraps, reason = "the checks of built-in kinds share one signature")]
pub(super) fn assess(object: &Manifest) -> Result<HealthStatus, HealthError> {
    let status = Node::new(object.value()).at("/status");
    let message = status.at("/message").str();
    Ok(match status.at("/phase").str() {
        "" | "Pending" | "Running" => progressing(message),
        "Succeeded" => healthy(message),
        "Failed" | "Error" => degraded(message),
        _ => unknown(message),
    })
}
