//! apps/v1 StatefulSet.

use super::typed::Typed;
use crate::health::{HealthError, healthy, progressing};
use crate::model::{HealthStatus, Manifest};

pub(super) fn assess(object: &Manifest) -> Result<HealthStatus, HealthError> {
    let set = Typed::new(object, "StatefulSet", &["v1"])?;
    let wanted = set.int("/spec/replicas")?;
    let ready = set.count("/status/readyReplicas")?;
    let updated = set.count("/status/updatedReplicas")?;
    if set.count("/status/observedGeneration")? == 0 || set.is_stale()? {
        return Ok(progressing("Waiting for statefulset spec update to be observed..."));
    }
    if let Some(wanted) = wanted
        && ready < wanted
    {
        return Ok(progressing(format!("Waiting for {} pods to be ready...", wanted - ready)));
    }
    let strategy = set.at("/spec/updateStrategy/type").str();
    if strategy == "RollingUpdate" && set.at("/spec/updateStrategy/rollingUpdate").exists() {
        let partition = set.int("/spec/updateStrategy/rollingUpdate/partition")?;
        if let (Some(wanted), Some(partition)) = (wanted, partition)
            && updated < wanted.saturating_sub(partition)
        {
            let share = wanted.saturating_sub(partition);
            return Ok(progressing(format!(
                "Waiting for partitioned roll out to finish: {updated} out of {share} new pods have been updated..."
            )));
        }
        return Ok(healthy(format!("partitioned roll out complete: {updated} new pods have been updated...")));
    }
    if strategy == "OnDelete" {
        return Ok(healthy(format!("statefulset has {ready} ready pods")));
    }
    let (update, current) = (set.at("/status/updateRevision").str(), set.at("/status/currentRevision").str());
    Ok(if update == current {
        let pods = set.count("/status/currentReplicas")?;
        healthy(format!("statefulset rolling update complete {pods} pods at revision {current}..."))
    } else {
        progressing(format!(
            "waiting for statefulset rolling update to complete {updated} pods at revision {update}..."
        ))
    })
}
