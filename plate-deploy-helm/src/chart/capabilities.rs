//! What templates are told about the cluster: `.Capabilities`.

/// The Kubernetes version that Helm 4.3.1 assumes when nobody tells it another.
const DEFAULT_KUBE_VERSION: &str = "v1.37.0";

/// The API versions Helm 4.3.1 assumes: those of the Kubernetes client it is built with, in its order.
const DEFAULT_API_VERSIONS: [&str; 57] = [
    "v1",
    "admissionregistration.k8s.io/v1",
    "admissionregistration.k8s.io/v1alpha1",
    "admissionregistration.k8s.io/v1beta1",
    "internal.apiserver.k8s.io/v1alpha1",
    "apps/v1",
    "apps/v1beta1",
    "apps/v1beta2",
    "authentication.k8s.io/v1",
    "authentication.k8s.io/v1alpha1",
    "authentication.k8s.io/v1beta1",
    "authorization.k8s.io/v1",
    "authorization.k8s.io/v1beta1",
    "autoscaling/v1",
    "autoscaling/v2",
    "batch/v1",
    "batch/v1beta1",
    "certificates.k8s.io/v1",
    "certificates.k8s.io/v1beta1",
    "certificates.k8s.io/v1alpha1",
    "coordination.k8s.io/v1alpha2",
    "coordination.k8s.io/v1beta1",
    "coordination.k8s.io/v1",
    "discovery.k8s.io/v1",
    "discovery.k8s.io/v1beta1",
    "events.k8s.io/v1",
    "events.k8s.io/v1beta1",
    "extensions/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1",
    "flowcontrol.apiserver.k8s.io/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1beta2",
    "flowcontrol.apiserver.k8s.io/v1beta3",
    "lifecycle.k8s.io/v1alpha1",
    "networking.k8s.io/v1",
    "networking.k8s.io/v1beta1",
    "node.k8s.io/v1",
    "node.k8s.io/v1alpha1",
    "node.k8s.io/v1beta1",
    "policy/v1",
    "policy/v1beta1",
    "rbac.authorization.k8s.io/v1",
    "rbac.authorization.k8s.io/v1beta1",
    "rbac.authorization.k8s.io/v1alpha1",
    "resource.k8s.io/v1",
    "resource.k8s.io/v1beta2",
    "resource.k8s.io/v1beta1",
    "resource.k8s.io/v1alpha3",
    "scheduling.k8s.io/v1alpha3",
    "scheduling.k8s.io/v1beta1",
    "scheduling.k8s.io/v1",
    "storage.k8s.io/v1beta1",
    "storage.k8s.io/v1",
    "storage.k8s.io/v1alpha1",
    "storagemigration.k8s.io/v1",
    "storagemigration.k8s.io/v1beta1",
    "apiextensions.k8s.io/v1beta1",
    "apiextensions.k8s.io/v1",
];

/// What a cluster can do, as templates see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The Kubernetes version.
    pub kube_version: KubeVersion,
    /// API versions (`apps/v1`), and `apps/v1/Deployment` where kinds are known.
    pub api_versions: Vec<String>,
}

impl Default for Capabilities {
    /// What Helm 4.3.1 assumes without a cluster.
    fn default() -> Self {
        Self {
            kube_version: KubeVersion::default(),
            api_versions: DEFAULT_API_VERSIONS.iter().map(ToString::to_string).collect(),
        }
    }
}

/// A Kubernetes version, as Helm keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubeVersion {
    /// As given, with a `v`: `v1.33.4-gke.1245000`.
    pub version: String,
    /// Numbers only: `v1.33.4`. What prints, and what chart constraints are checked against.
    pub normalized: String,
    /// `1`.
    pub major: String,
    /// `33`.
    pub minor: String,
}

impl Default for KubeVersion {
    fn default() -> Self {
        Self {
            version: DEFAULT_KUBE_VERSION.into(),
            normalized: DEFAULT_KUBE_VERSION.into(),
            major: "1".into(),
            minor: "37".into(),
        }
    }
}

impl KubeVersion {
    /// Reads a version as `--kube-version` takes it: at least two numbers, then anything.
    ///
    /// # Errors
    /// Helm's text for a text that is no version.
    pub fn parse(text: &str) -> Result<Self, String> {
        let rest = text.trim_start_matches([' ', '\t', '\n', '\r', '\x0C']);
        let rest = rest.strip_prefix('v').unwrap_or(rest);
        let mut numbers: Vec<&str> = Vec::new();
        let mut rest = rest;
        loop {
            let count = rest.bytes().take_while(u8::is_ascii_digit).count();
            if count == 0 {
                break;
            }
            numbers.push(&rest[..count]);
            match rest[count..].strip_prefix('.') {
                Some(after) if after.starts_with(|c: char| c.is_ascii_digit()) => rest = after,
                _ => break,
            }
        }
        let [major, minor, ..] = numbers.as_slice() else {
            let problem = if numbers.is_empty() {
                format!("could not parse {text:?} as version")
            } else {
                format!("illegal version string {text:?}")
            };
            return Err(problem);
        };
        if major.len() > 1 && major.starts_with('0') {
            return Err(format!("illegal zero-prefixed version component {major:?} in {text:?}"));
        }
        let plain = |number: &str| match number.trim_start_matches('0') {
            "" => "0".to_owned(),
            digits => digits.to_owned(),
        };
        let components: Vec<String> = numbers.iter().map(|n| plain(n)).collect();
        Ok(Self {
            version: if text.starts_with('v') { text.to_owned() } else { format!("v{text}") },
            normalized: format!("v{}", components.join(".")),
            major: plain(major),
            minor: plain(minor),
        })
    }

    /// What Helm 3 makes of `--kube-version`: the numbers only, everywhere.
    #[must_use]
    pub fn without_vendor(mut self) -> Self {
        self.version.clone_from(&self.normalized);
        self
    }

    /// What Helm 3 makes of a cluster's version: as the cluster says, everywhere.
    #[must_use]
    pub fn with_vendor(mut self) -> Self {
        self.normalized.clone_from(&self.version);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kube_versions_are_read_as_helm_does() {
        for (text, version, normalized, minor) in [
            ("1.29", "v1.29", "v1.29", "29"),
            ("1.33.4-gke.100", "v1.33.4-gke.100", "v1.33.4", "33"),
            ("v1.27.3+k3s1", "v1.27.3+k3s1", "v1.27.3", "27"),
            ("1.2.3.4", "v1.2.3.4", "v1.2.3.4", "2"),
            ("  1.20 ", "v  1.20 ", "v1.20", "20"),
            ("1.020", "v1.020", "v1.20", "20"),
            ("1.29foo", "v1.29foo", "v1.29", "29"),
        ] {
            let parsed = KubeVersion::parse(text).unwrap();
            assert_eq!((&*parsed.version, &*parsed.normalized, &*parsed.minor), (version, normalized, minor));
        }
        for (text, error) in [
            ("v1", "illegal version string \"v1\""),
            ("1..2", "illegal version string \"1..2\""),
            ("", "could not parse \"\" as version"),
            ("01.2", "illegal zero-prefixed version component \"01\" in \"01.2\""),
        ] {
            assert_eq!(KubeVersion::parse(text).unwrap_err(), error);
        }
    }
}
