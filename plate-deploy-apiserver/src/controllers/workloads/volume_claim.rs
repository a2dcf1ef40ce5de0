//! PersistentVolumeClaims: a simulated provisioner binds them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::context::Context;
use crate::object::{is_deleting, meta, text};

const RESOURCE: &str = "persistentvolumeclaims";

/// Binds a claim to a volume of its own, when its storage class is one that is simulated.
pub(super) fn reconcile(context: &Context<'_>, claim: &Value) -> Option<Timestamp> {
    if is_deleting(claim) {
        return None;
    }
    let class = text(claim, &["spec", "storageClassName"]);
    let served = context.simulation.storage_classes.as_ref().is_none_or(|classes| classes.iter().any(|c| c == class));
    let bound = text(claim, &["status", "phase"]) == "Bound";
    if !served || (!bound && context.simulation.outages.class_fails(class)) {
        context.set_status(RESOURCE, claim, json!({"phase": "Pending"}));
        return None;
    }
    let name = format!("pvc-{}", meta(claim, "uid"));
    if context.get("persistentvolumes", "", &name).is_none() {
        context.create("persistentvolumes", "", volume(claim, &name, class));
    }
    if text(claim, &["spec", "volumeName"]).is_empty() {
        context.patch(RESOURCE, claim, "", &json!({"spec": {"volumeName": name}}));
    }
    let status = json!({"phase": "Bound", "accessModes": claim["spec"]["accessModes"], "capacity": claim["spec"]["resources"]["requests"]});
    context.set_status(RESOURCE, claim, status);
    if let Some(volume) = context.get("persistentvolumes", "", &name) {
        context.set_status("persistentvolumes", &volume, json!({"phase": "Bound"}));
    }
    None
}

fn volume(claim: &Value, name: &str, class: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name},
        "spec": {
            "accessModes": claim["spec"]["accessModes"], "capacity": claim["spec"]["resources"]["requests"],
            "storageClassName": class, "persistentVolumeReclaimPolicy": "Delete",
            "hostPath": {"path": format!("/simulated/{name}")},
            "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": meta(claim, "namespace"),
                "name": meta(claim, "name"), "uid": meta(claim, "uid")},
        },
    })
}
