//! Manifests as a backup keeps them. Pure.

use serde_json::{Map, Value};

use crate::model::{Manifest, annotations};

/// Marks a Secret whose data was left out.
pub(super) const NO_DATA: &str = "plate-deploy.io/data-left-out";
/// What a server fills in, and refuses or ignores when it comes back.
const SERVER_SET: [&str; 8] = [
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "managedFields",
    "selfLink",
];
/// What the Job controller puts into selectors and labels.
const JOB_LABELS: [&str; 4] =
    ["controller-uid", "batch.kubernetes.io/controller-uid", "job-name", "batch.kubernetes.io/job-name"];

pub(super) fn is_secret(object: &Manifest) -> bool {
    object.kind() == "Secret" && object.gvk().group.is_empty()
}

/// Whether the object is a Secret without its data.
pub(super) fn lacks_data(object: &Manifest) -> bool {
    object.annotation(NO_DATA).is_some()
}

/// The object without a Secret's data; other objects as they are. What was applied last holds the data, too.
#[must_use]
pub fn without_data(object: &Manifest) -> Manifest {
    let mut object = object.clone();
    if !is_secret(&object) {
        return object;
    }
    if let Some(map) = object.value_mut().as_object_mut() {
        map.remove("data");
        map.remove("stringData");
    }
    remove(&mut object, "/metadata/annotations", &[annotations::LAST_APPLIED]);
    object.set_annotation(NO_DATA, "true");
    object
}

/// A live object as it can be applied again: without what the server sets, and without what belongs to this one
/// incarnation of it (addresses, volumes, a Job's own labels).
#[must_use]
pub fn restorable(live: &Manifest) -> Manifest {
    let mut object = live.clone();
    if let Some(map) = object.value_mut().as_object_mut() {
        map.remove("status");
    }
    remove(&mut object, "/metadata", &SERVER_SET);
    remove(&mut object, "/metadata/annotations", &[annotations::LAST_APPLIED]);
    let kind = (object.gvk().group, object.kind().to_owned());
    match (kind.0.as_str(), kind.1.as_str()) {
        ("", "Service") => {
            if object.value().pointer("/spec/clusterIP").and_then(Value::as_str) != Some("None") {
                remove(&mut object, "/spec", &["clusterIP", "clusterIPs"]);
            }
            remove(&mut object, "/spec", &["healthCheckNodePort"]);
        }
        ("", "PersistentVolumeClaim") => remove(&mut object, "/spec", &["volumeName"]),
        ("batch", "Job") if object.value().pointer("/spec/manualSelector") != Some(&Value::Bool(true)) => {
            remove(&mut object, "/spec", &["selector"]);
            remove(&mut object, "/metadata/labels", &JOB_LABELS);
            remove(&mut object, "/spec/template/metadata/labels", &JOB_LABELS);
        }
        _ => {}
    }
    remove(&mut object, "/metadata/annotations", &["deployment.kubernetes.io/revision"]);
    object
}

fn remove(object: &mut Manifest, pointer: &str, fields: &[&str]) {
    if let Some(map) = object.value_mut().pointer_mut(pointer).and_then(Value::as_object_mut) {
        fields.iter().for_each(|field| drop(Map::remove(map, *field)));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn manifest(value: Value) -> Manifest {
        Manifest::new(value).unwrap()
    }

    #[test]
    fn a_secret_leaves_nothing_of_its_data() {
        let secret = manifest(json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": {"name": "s", "annotations": {annotations::LAST_APPLIED: "{\"data\":{\"k\":\"cGxhbnRlZA==\"}}"}},
            "data": {"k": "cGxhbnRlZA=="}, "stringData": {"l": "planted"}}));
        let kept = without_data(&secret);
        let text = kept.value().to_string();
        assert!(!text.contains("planted") && !text.contains("cGxhbnRlZA") && lacks_data(&kept), "{text}");
        let map = manifest(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "b"}}));
        assert_eq!(without_data(&map), map);
    }

    #[test]
    fn what_belongs_to_one_incarnation_goes() {
        let service = manifest(json!({"apiVersion": "v1", "kind": "Service", "status": {"loadBalancer": {}},
            "metadata": {"name": "s", "uid": "u", "resourceVersion": "7", "labels": {"a": "b"}},
            "spec": {"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ports": [{"port": 80}]}}));
        assert_eq!(
            restorable(&service).value(),
            &json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "labels": {"a": "b"}},
                "spec": {"ports": [{"port": 80}]}})
        );
        let headless = manifest(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"},
            "spec": {"clusterIP": "None"}}));
        assert_eq!(restorable(&headless), headless);
        let job = manifest(json!({"apiVersion": "batch/v1", "kind": "Job",
            "metadata": {"name": "j", "labels": {"controller-uid": "x", "app": "j"}},
            "spec": {"selector": {"matchLabels": {"controller-uid": "x"}},
                "template": {"metadata": {"labels": {"job-name": "j", "app": "j"}}}}}));
        assert_eq!(
            restorable(&job).value().pointer("/spec"),
            Some(&json!({"template": {"metadata": {"labels": {"app": "j"}}}}))
        );
    }
}
