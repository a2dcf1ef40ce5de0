//! apiregistration.k8s.io APIService.

use super::typed::Typed;
use crate::health::{HealthError, healthy, progressing};
use crate::model::{HealthStatus, Manifest};

pub(super) fn assess(object: &Manifest) -> Result<HealthStatus, HealthError> {
    let service = Typed::new(object, "APIService", &["v1", "v1beta1"])?;
    let Some(condition) = service.node().condition("Available") else {
        return Ok(progressing("Waiting to be processed"));
    };
    let message = format!("{}: {}", condition.at("/reason").str(), condition.at("/message").str());
    Ok(if condition.at("/status").str() == "True" { healthy(message) } else { progressing(message) })
}
