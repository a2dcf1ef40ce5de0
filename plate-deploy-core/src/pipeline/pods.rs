//! What pods say about themselves: whether they run, and why not. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::driver::Target;
use crate::model::{Manifest, ResourceKey};

/// A pod, or a workload that gets no pods, that cannot start.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Trouble {
    /// The Application it belongs to.
    pub(super) application: String,
    /// The pod, or the workload.
    pub(super) key: ResourceKey,
    /// The container; `""` when it is about the pod as a whole.
    pub(super) container: String,
    /// `ImagePullBackOff`, `CrashLoopBackOff`, `Unschedulable`, `FailedCreate` …
    pub(super) reason: String,
    /// What the cluster says about it.
    pub(super) message: String,
}

/// Where pods of the new state come from: workloads of the targets, with the images they shall run.
#[derive(Debug, Default)]
pub(super) struct Workloads {
    /// Application and images by workload.
    by_key: BTreeMap<ResourceKey, (String, BTreeSet<String>)>,
    /// The namespaces to look into.
    pub(super) namespaces: BTreeSet<String>,
}

impl Workloads {
    /// Of rendered Applications.
    pub(super) fn of(targets: &[Target]) -> Self {
        let mut workloads = Self::default();
        for target in targets {
            for manifest in &target.rendered.manifests {
                let template = match (manifest.gvk().group.as_str(), manifest.kind()) {
                    ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet") | ("batch", "Job") => {
                        "/spec/template/spec"
                    }
                    ("", "Pod") => "/spec",
                    _ => continue,
                };
                let mut key = manifest.key();
                if key.namespace.is_empty() {
                    key.namespace = target.namespace().into();
                }
                workloads.namespaces.insert(key.namespace.clone());
                let images = images(manifest.value().pointer(template));
                workloads.by_key.insert(key, (target.name().to_owned(), images));
            }
        }
        workloads
    }

    /// The Application of a pod that belongs to the new state; `None` for all others.
    pub(super) fn application(&self, pod: &Manifest, replica_sets: &BTreeMap<String, &Manifest>) -> Option<&str> {
        let (application, images) = match owner(pod) {
            None => self.by_key.get(&pod.key())?,
            Some((kind, name)) if kind == "ReplicaSet" => {
                let set = replica_sets.get(&format!("{}/{name}", pod.namespace()))?;
                let key = match owner(set) {
                    Some((_, deployment)) => self.key("apps", "Deployment", pod, &deployment),
                    None => set.key(),
                };
                self.by_key.get(&key)?
            }
            Some((kind, name)) => {
                let group = if kind == "Job" { "batch" } else { "apps" };
                self.by_key.get(&self.key(group, &kind, pod, &name))?
            }
        };
        // A pod with other images is of the state before, and about to go.
        let own = self::images(pod.value().get("spec"));
        images.is_subset(&own).then_some(application.as_str())
    }

    /// The Application of a workload.
    pub(super) fn of_workload(&self, key: &ResourceKey) -> Option<&str> {
        self.by_key.get(key).map(|(application, _)| application.as_str())
    }

    fn key(&self, group: &str, kind: &str, pod: &Manifest, name: &str) -> ResourceKey {
        ResourceKey { group: group.into(), kind: kind.into(), namespace: pod.namespace().into(), name: name.into() }
    }
}

fn images(spec: Option<&Value>) -> BTreeSet<String> {
    let containers = spec.and_then(|spec| spec.get("containers")).and_then(Value::as_array);
    containers.into_iter().flatten().filter_map(|c| c.get("image")?.as_str().map(str::to_owned)).collect()
}

/// Kind and name of the controller.
pub(super) fn owner(object: &Manifest) -> Option<(String, String)> {
    let owners = object.value().pointer("/metadata/ownerReferences").and_then(Value::as_array)?;
    let owner = owners.iter().find(|o| o.get("controller").and_then(Value::as_bool) == Some(true))?;
    Some((owner.get("kind")?.as_str()?.to_owned(), owner.get("name")?.as_str()?.to_owned()))
}

fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    list(pod, "/status/initContainerStatuses").chain(list(pod, "/status/containerStatuses"))
}

/// Waiting reasons that do not go away by themselves soon.
const STUCK: [&str; 9] = [
    "ImagePullBackOff",
    "ErrImagePull",
    "InvalidImageName",
    "ErrImageNeverPull",
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "RegistryUnavailable",
];

/// Why a pod cannot start; `None` when it can, or it is not known yet.
pub(super) fn trouble(pod: &Manifest, application: &str) -> Option<Trouble> {
    let value = pod.value();
    let found = |container: &str, reason: &str, message: &str| Trouble {
        application: application.to_owned(),
        key: pod.key(),
        container: container.to_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
    };
    for status in containers(value) {
        let reason = text(status, "/state/waiting/reason");
        if STUCK.contains(&reason) {
            let last = text(status, "/lastState/terminated/reason");
            let code = status.pointer("/lastState/terminated/exitCode").and_then(Value::as_i64);
            let mut message = text(status, "/state/waiting/message").to_owned();
            if let Some(code) = code {
                message = format!("{message} (ended with {code} {last})").trim().to_owned();
            }
            return Some(found(text(status, "/name"), reason, &message));
        }
    }
    let condition = list(value, "/status/conditions").find(|c| text(c, "/type") == "PodScheduled")?;
    (text(condition, "/status") == "False" && text(condition, "/reason") == "Unschedulable")
        .then(|| found("", "Unschedulable", text(condition, "/message")))
}

/// Why a ReplicaSet or Deployment gets no pods: a quota, most of the time.
pub(super) fn no_pods(object: &Manifest) -> Option<(String, String)> {
    let failure = list(object.value(), "/status/conditions")
        .find(|c| text(c, "/type") == "ReplicaFailure" && text(c, "/status") == "True")?;
    Some((text(failure, "/reason").to_owned(), text(failure, "/message").to_owned()))
}

/// Restarts of a pod's containers in all.
pub(super) fn restarts(pod: &Manifest) -> u64 {
    containers(pod.value()).filter_map(|status| status.get("restartCount")?.as_u64()).sum()
}

/// Whether a pod is ready, or ended well.
pub(super) fn is_ready(pod: &Manifest) -> bool {
    let value = pod.value();
    text(value, "/status/phase") == "Succeeded"
        || list(value, "/status/conditions").any(|c| text(c, "/type") == "Ready" && text(c, "/status") == "True")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::Application;
    use crate::render::Rendered;

    fn manifest(value: Value) -> Manifest {
        Manifest::new(value).unwrap()
    }

    fn pod(image: &str, status: Value) -> Manifest {
        manifest(json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "web-1-x", "namespace": "n",
                "ownerReferences": [{"kind": "ReplicaSet", "name": "web-1", "controller": true}]},
            "spec": {"containers": [{"name": "c", "image": image}]}, "status": status}))
    }

    #[test]
    fn pods_of_the_new_state_are_told_from_those_of_the_old() {
        let mut application = Application::default();
        application.metadata.name = "web".into();
        let deployment = manifest(json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "n"},
            "spec": {"template": {"spec": {"containers": [{"image": "a:2"}]}}}}));
        let rendered = Rendered { manifests: vec![deployment], ..Rendered::default() };
        let workloads = Workloads::of(&[Target { application, rendered, revision: String::new() }]);
        let set = manifest(json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "web-1",
            "namespace": "n", "ownerReferences": [{"kind": "Deployment", "name": "web", "controller": true}]}}));
        let sets = BTreeMap::from([("n/web-1".to_owned(), &set)]);
        assert_eq!(workloads.application(&pod("a:2", json!({})), &sets), Some("web"));
        assert_eq!(workloads.application(&pod("a:1", json!({})), &sets), None);
        assert_eq!(workloads.application(&pod("a:2", json!({})), &BTreeMap::new()), None);
    }

    #[test]
    fn what_cannot_start_says_why() {
        let waiting = |reason: &str| json!({"containerStatuses": [{"name": "c", "restartCount": 3,
            "state": {"waiting": {"reason": reason, "message": "m"}},
            "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}}}]});
        let found = trouble(&pod("a", waiting("CrashLoopBackOff")), "web").unwrap();
        assert_eq!((found.reason.as_str(), found.message.as_str()), ("CrashLoopBackOff", "m (ended with 1 Error)"));
        assert_eq!(trouble(&pod("a", waiting("ContainerCreating")), "web"), None);
        assert_eq!(restarts(&pod("a", waiting("x"))), 3);
        let homeless = json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/3 nodes are available"}]});
        assert_eq!(trouble(&pod("a", homeless), "web").unwrap().reason, "Unschedulable");
    }
}
