//! What a cluster can do, as `.Capabilities` shows it and `kubeVersion` constraints test it.

/// A Kubernetes version, as Helm's `common.KubeVersion`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KubeVersion {
    /// The full version with a leading `v`: `v1.33.4-gke.1245000`.
    pub version: String,
    /// The version without what comes after the patch number: `v1.33.4`. This is what constraints and `{{ }}` see.
    pub normalized: String,
    /// Major number.
    pub major: String,
    /// Minor number.
    pub minor: String,
}

/// A cluster's version and APIs, as Helm's `common.Capabilities`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// The Kubernetes version.
    pub kube_version: KubeVersion,
    /// The group versions, and with some clusters `group/version/Kind`, that the cluster serves.
    pub api_versions: Vec<String>,
}
