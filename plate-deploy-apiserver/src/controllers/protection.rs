//! Releases claims and volumes that are deleted and that nobody uses (`kubernetes.io/pvc-protection`, `…/pv-protection`).

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::Controller;
use crate::object::{finalizers, is_deleting, list, text};
use crate::registry::Registry;
use crate::storage::{Change, Key};

#[derive(Debug)]
pub(super) struct VolumeProtection;

impl Controller for VolumeProtection {
    fn name(&self) -> &'static str {
        "volume protection"
    }

    fn reset(&mut self) {}

    fn sync(&mut self, registry: &Registry, changes: &[Arc<Change>]) -> Option<Timestamp> {
        let relevant = |c: &Arc<Change>| {
            matches!(c.key.resource.as_ref(), "pods" | "persistentvolumeclaims" | "persistentvolumes")
        };
        if !changes.iter().any(relevant) {
            return None;
        }
        for (plural, finalizer) in [
            ("persistentvolumeclaims", "kubernetes.io/pvc-protection"),
            ("persistentvolumes", "kubernetes.io/pv-protection"),
        ] {
            let Some(resource) = registry.resource("", "v1", plural) else { continue };
            for (key, stored) in registry.store().list(plural, None).1 {
                let held = is_deleting(&stored.object) && finalizers(&stored.object).contains(&finalizer);
                if held
                    && !in_use(registry, &key, &stored.object)
                    && let Err(e) = registry.remove_finalizers(&resource, &key.namespace, &key.name, &[finalizer])
                {
                    tracing::debug!(?key, error = %e, "volume protection");
                }
            }
        }
        None
    }
}

fn in_use(registry: &Registry, key: &Key, object: &Value) -> bool {
    if key.resource.as_ref() == "persistentvolumes" {
        return text(object, &["status", "phase"]) == "Bound";
    }
    registry.store().list("pods", Some(&key.namespace)).1.iter().any(|(_, pod)| {
        let ended = matches!(text(&pod.object, &["status", "phase"]), "Succeeded" | "Failed");
        let volumes = list(&pod.object, &["spec", "volumes"]);
        !ended && volumes.iter().any(|v| text(v, &["persistentVolumeClaim", "claimName"]) == key.name)
    })
}
