//! v1 Service: only a load balancer has to wait for something.

use super::typed::Typed;
use crate::health::{HealthError, healthy, progressing};
use crate::model::{HealthStatus, Manifest};

pub(super) fn assess(object: &Manifest) -> Result<HealthStatus, HealthError> {
    let service = Typed::new(object, "Service", &["v1"])?;
    let waits = service.at("/spec/type").str() == "LoadBalancer";
    let assigned = service.at("/status/loadBalancer/ingress").items().len() > 0;
    Ok(if waits && !assigned { progressing("") } else { healthy("") })
}
