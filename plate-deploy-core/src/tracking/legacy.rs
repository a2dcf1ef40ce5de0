//! The tracking label, including what Argo CD still does for its oldest label key: that one also goes on pod templates.

use serde_json::{Map, Value};

use super::{TrackingError, metadata};
use crate::model::Manifest;

/// The label key of Argo CD before 1.0; installations that kept it still have it in `application.instanceLabelKey`.
const LEGACY_KEY: &str = "applications.argoproj.io/app-name";

/// Sets the label on the object and, for [`LEGACY_KEY`] only, on the pod template of workloads.
pub(super) fn set_label(object: &mut Manifest, key: &str, value: &str) -> Result<(), TrackingError> {
    metadata::set(object, "labels", key, value)?;
    let gvk = object.gvk();
    let has_template = match gvk.group.as_str() {
        "apps" | "extensions" => {
            matches!(gvk.kind.as_str(), "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet")
        }
        "batch" => gvk.kind == "Job",
        _ => false,
    };
    if key != LEGACY_KEY || !has_template {
        return Ok(());
    }
    let Some(spec) = map_at(object.value_mut(), &["spec"]) else { return Ok(()) };
    // Old API versions default the selector to the template's labels; ours must not get into it.
    let selector_is_defaulted = matches!(gvk.api_version().as_str(), "apps/v1beta1" | "extensions/v1beta1")
        && spec.get("selector").and_then(Value::as_object).is_none_or(Map::is_empty);
    let Some(labels) = map_at(object.value_mut(), &["spec", "template", "metadata", "labels"]) else { return Ok(()) };
    if !selector_is_defaulted {
        labels.insert(key.into(), value.into());
        return Ok(());
    }
    labels.remove(key);
    let selector = Value::Object(labels.clone());
    if let Some(map) = map_at(object.value_mut(), &["spec", "selector"]) {
        map.insert("matchLabels".into(), selector);
    }
    Ok(())
}

/// The object at `path`, made where missing; `None` when something else is in the way.
fn map_at<'a>(value: &'a mut Value, path: &[&str]) -> Option<&'a mut Map<String, Value>> {
    let mut map = value.as_object_mut()?;
    for key in path {
        let slot = map.entry(*key).or_insert(Value::Null);
        if slot.is_null() {
            *slot = Value::Object(Map::new());
        }
        map = slot.as_object_mut()?;
    }
    Some(map)
}
