//! Built-in kinds, with the resource names that API errors use.

use plate_deploy_core::model::GroupVersionKind;
use plate_deploy_core::sync::ApiKinds;

/// API version, kind, resource, namespaced.
const BUILT_IN: &[(&str, &str, &str, bool)] = &[
    ("v1", "ConfigMap", "configmaps", true),
    ("v1", "Endpoints", "endpoints", true),
    ("v1", "LimitRange", "limitranges", true),
    ("v1", "Namespace", "namespaces", false),
    ("v1", "Node", "nodes", false),
    ("v1", "PersistentVolume", "persistentvolumes", false),
    ("v1", "PersistentVolumeClaim", "persistentvolumeclaims", true),
    ("v1", "Pod", "pods", true),
    ("v1", "ReplicationController", "replicationcontrollers", true),
    ("v1", "ResourceQuota", "resourcequotas", true),
    ("v1", "Secret", "secrets", true),
    ("v1", "Service", "services", true),
    ("v1", "ServiceAccount", "serviceaccounts", true),
    ("apps/v1", "DaemonSet", "daemonsets", true),
    ("apps/v1", "Deployment", "deployments", true),
    ("apps/v1", "ReplicaSet", "replicasets", true),
    ("apps/v1", "StatefulSet", "statefulsets", true),
    ("batch/v1", "CronJob", "cronjobs", true),
    ("batch/v1", "Job", "jobs", true),
    ("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", true),
    ("networking.k8s.io/v1", "Ingress", "ingresses", true),
    ("networking.k8s.io/v1", "IngressClass", "ingressclasses", false),
    ("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", true),
    ("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", true),
    ("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", false),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusterrolebindings", false),
    ("rbac.authorization.k8s.io/v1", "Role", "roles", true),
    ("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings", true),
    ("storage.k8s.io/v1", "StorageClass", "storageclasses", false),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", false),
    ("apiregistration.k8s.io/v1", "APIService", "apiservices", false),
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", false),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", false),
    ("scheduling.k8s.io/v1", "PriorityClass", "priorityclasses", false),
    ("coordination.k8s.io/v1", "Lease", "leases", true),
];

/// The kinds every cluster of the cases serves.
pub(super) fn built_in() -> ApiKinds {
    BUILT_IN
        .iter()
        .map(|(version, kind, _, namespaced)| (GroupVersionKind::parse(version, kind), *namespaced))
        .collect()
}

/// `jobs.batch`, as the API server names a kind in its errors.
pub(super) fn resource(gvk: &GroupVersionKind) -> Option<String> {
    let version = gvk.api_version();
    let (_, _, resource, _) = BUILT_IN.iter().find(|(v, kind, _, _)| *v == version && *kind == gvk.kind)?;
    Some(qualified(resource, &gvk.group))
}

/// A resource with its group.
pub(super) fn qualified(resource: &str, group: &str) -> String {
    if group.is_empty() { resource.into() } else { format!("{resource}.{group}") }
}
