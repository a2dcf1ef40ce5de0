//! Ingress of every group and version.

use crate::health::node::Node;
use crate::health::{HealthError, healthy, progressing};
use crate::model::{HealthStatus, Manifest};

#[expect(clippy::unnecessary_wraps, reason = "the checks of built-in kinds share one signature")]
pub(super) fn assess(object: &Manifest) -> Result<HealthStatus, HealthError> {
    let assigned = Node::new(object.value()).at("/status/loadBalancer/ingress").items().len() > 0;
    Ok(if assigned { healthy("") } else { progressing("") })
}
