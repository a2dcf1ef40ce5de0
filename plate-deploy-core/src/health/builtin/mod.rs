//! Kinds of Kubernetes itself and Argo Workflows: one file per kind, as in Argo CD's gitops-engine.

mod api_service;
mod daemon_set;
mod deployment;
mod hpa;
mod ingress;
mod job;
mod pod;
mod pvc;
mod replica_set;
mod service;
mod stateful_set;
mod typed;
mod workflow;

use super::HealthError;
use crate::model::{HealthStatus, Manifest};

/// The health of a built-in kind; `None` for all others.
pub(super) fn assess(object: &Manifest) -> Result<Option<HealthStatus>, HealthError> {
    let gvk = object.gvk();
    let check = match (gvk.group.as_str(), gvk.kind.as_str()) {
        ("apps", "Deployment") => deployment::assess,
        ("apps", "StatefulSet") => stateful_set::assess,
        ("apps", "ReplicaSet") => replica_set::assess,
        ("apps", "DaemonSet") => daemon_set::assess,
        ("extensions" | "networking.k8s.io", "Ingress") => ingress::assess,
        ("argoproj.io", "Workflow") => workflow::assess,
        ("apiregistration.k8s.io", "APIService") => api_service::assess,
        ("", "Service") => service::assess,
        ("", "PersistentVolumeClaim") => pvc::assess,
        ("", "Pod") => pod::assess,
        ("batch", "Job") => job::assess,
        ("autoscaling", "HorizontalPodAutoscaler") => hpa::assess,
        _ => return Ok(None),
    };
    check(object).map(Some)
}
