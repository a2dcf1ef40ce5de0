//! The order in which kinds are installed and removed.

use std::cmp::Ordering;

use crate::engine::HelmVersion;

/// Kinds in the order Helm 4 installs them; others come after, by name.
pub const INSTALL_ORDER: [&str; 38] = [
    "PriorityClass",
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
];

/// Kinds in the order Helm 4 removes them.
pub const UNINSTALL_ORDER: [&str; 38] = [
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
    "APIService",
    "Ingress",
    "IngressClass",
    "Service",
    "CronJob",
    "Job",
    "StatefulSet",
    "HorizontalPodAutoscaler",
    "Deployment",
    "ReplicaSet",
    "ReplicationController",
    "Pod",
    "DaemonSet",
    "RoleBindingList",
    "RoleBinding",
    "RoleList",
    "Role",
    "ClusterRoleBindingList",
    "ClusterRoleBinding",
    "ClusterRoleList",
    "ClusterRole",
    "CustomResourceDefinition",
    "PersistentVolumeClaim",
    "PersistentVolume",
    "StorageClass",
    "ConfigMap",
    "SecretList",
    "Secret",
    "ServiceAccount",
    "PodDisruptionBudget",
    "PodSecurityPolicy",
    "LimitRange",
    "ResourceQuota",
    "NetworkPolicy",
    "Namespace",
    "PriorityClass",
];

/// An order of kinds: the known ones as listed, then the others by name.
#[derive(Clone, Copy, Debug)]
pub struct KindOrder(&'static [&'static str]);

impl KindOrder {
    /// The order of installing. Helm 3 does not know the webhook configurations.
    #[must_use]
    pub fn install(helm: HelmVersion) -> Self {
        match helm {
            HelmVersion::V4 => Self(&INSTALL_ORDER),
            HelmVersion::V3 => Self(INSTALL_ORDER.split_at(36).0),
        }
    }

    /// The order of removing.
    #[must_use]
    pub fn uninstall() -> Self {
        Self(&UNINSTALL_ORDER)
    }

    /// Compares two kinds. Equal ones keep their order when sorted with a stable sort.
    #[must_use]
    pub fn compare(self, a: &str, b: &str) -> Ordering {
        let rank = |kind: &str| self.0.iter().position(|known| *known == kind).unwrap_or(self.0.len());
        let (first, second) = (rank(a), rank(b));
        first.cmp(&second).then_with(|| if first == self.0.len() { a.cmp(b) } else { Ordering::Equal })
    }
}
