//! Kinds that Argo CD is told to leave alone: `resource.exclusions` and `resource.inclusions` of `argocd-cm`.

use serde::Deserialize;

use crate::model::glob_match;

/// The cluster's address, as Argo CD knows the one it runs in.
pub(super) const IN_CLUSTER: &str = "https://kubernetes.default.svc";

/// One entry of the lists. An empty list matches everything; groups and clusters are globs, kinds are not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FilteredResource {
    /// API groups.
    pub api_groups: Vec<String>,
    /// Kinds; `*` matches all.
    pub kinds: Vec<String>,
    /// API server URLs.
    pub clusters: Vec<String>,
}

impl FilteredResource {
    fn matches_cluster(&self) -> bool {
        self.clusters.is_empty() || self.clusters.iter().any(|glob| glob_match(glob, IN_CLUSTER, &[]))
    }

    fn matches(&self, group: &str, kind: &str) -> bool {
        (self.api_groups.is_empty() || self.api_groups.iter().any(|glob| glob_match(glob, group, &[])))
            && (self.kinds.is_empty() || self.kinds.iter().any(|known| known == "*" || known == kind))
            && self.matches_cluster()
    }
}

/// Which kinds are left alone (Argo CD's `ResourcesFilter`): they are neither watched nor synced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceFilter {
    /// `resource.exclusions`.
    pub exclusions: Vec<FilteredResource>,
    /// `resource.inclusions`: when there are any, nothing else is looked at.
    pub inclusions: Vec<FilteredResource>,
}

impl ResourceFilter {
    /// Whether a kind is left alone. Events, metrics and Leases always are.
    ///
    /// ```
    /// use plate_deploy_core::driver::{FilteredResource, ResourceFilter};
    /// let cilium = FilteredResource { api_groups: vec!["cilium.io".into()], ..FilteredResource::default() };
    /// let filter = ResourceFilter { exclusions: vec![cilium], ..ResourceFilter::default() };
    /// assert!(filter.excludes("cilium.io", "CiliumIdentity") && !filter.excludes("", "Service"));
    /// ```
    #[must_use]
    pub fn excludes(&self, group: &str, kind: &str) -> bool {
        let core = matches!(
            (group, kind),
            ("events.k8s.io" | "metrics.k8s.io", _) | ("", "Event") | ("coordination.k8s.io", "Lease")
        );
        if core || self.exclusions.iter().any(|entry| entry.matches(group, kind)) {
            return true;
        }
        let included = self.inclusions.iter().any(|entry| entry.matches(group, kind));
        !included && self.inclusions.iter().any(FilteredResource::matches_cluster)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exclusions_win_and_inclusions_close_the_rest() {
        let entry = |group: &str, kind: &str, cluster: &str| {
            let list = |text: &str| if text.is_empty() { Vec::new() } else { vec![text.to_owned()] };
            FilteredResource { api_groups: list(group), kinds: list(kind), clusters: list(cluster) }
        };
        let apps = entry("apps", "*", "");
        let filter = ResourceFilter { exclusions: vec![entry("", "ReplicaSet", "")], inclusions: vec![apps.clone()] };
        let asked = [("apps", "Deployment"), ("apps", "ReplicaSet"), ("", "Pod")];
        assert_eq!(asked.map(|(group, kind)| filter.excludes(group, kind)), [false, true, true]);
        let elsewhere = ResourceFilter { inclusions: vec![entry("apps", "", "https://other")], ..Default::default() };
        assert!(!elsewhere.excludes("", "Pod"), "another cluster's inclusions close nothing here");
        assert!(ResourceFilter::default().excludes("coordination.k8s.io", "Lease"));
    }
}
