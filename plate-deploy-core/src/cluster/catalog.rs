//! The kinds an API server serves, and their URL paths.

use std::collections::BTreeMap;

use crate::model::{GroupKind, GroupVersionKind};

/// One served kind in one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKind {
    /// Group, version, kind.
    pub kind: GroupVersionKind,
    /// Plural name in URLs.
    pub plural: String,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// Verbs that the server offers.
    pub verbs: Vec<String>,
}

impl ApiKind {
    /// `/api/v1/namespaces/NS/pods` and the like; `namespace` is left out for cluster-scoped kinds and for `""`.
    #[must_use]
    pub fn path(&self, namespace: &str) -> String {
        let root = if self.kind.group.is_empty() {
            format!("/api/{}", self.kind.version)
        } else {
            format!("/apis/{}/{}", self.kind.group, self.kind.version)
        };
        if self.namespaced && !namespace.is_empty() {
            format!("{root}/namespaces/{namespace}/{}", self.plural)
        } else {
            format!("{root}/{}", self.plural)
        }
    }

    /// Whether the server offers the verb.
    #[must_use]
    pub fn can(&self, verb: &str) -> bool {
        self.verbs.iter().any(|v| v == verb)
    }
}

/// Everything a server serves.
#[derive(Clone, Debug, Default)]
pub struct ApiCatalog {
    kinds: BTreeMap<GroupVersionKind, ApiKind>,
    /// Versions of each kind, the server's preferred one first.
    preferred: BTreeMap<GroupKind, Vec<String>>,
}

impl ApiCatalog {
    /// From the kinds in the server's order of preference.
    #[must_use]
    pub fn new(kinds: impl IntoIterator<Item = ApiKind>) -> Self {
        let mut catalog = Self::default();
        for kind in kinds {
            catalog.preferred.entry(kind.kind.group_kind()).or_default().push(kind.kind.version.clone());
            catalog.kinds.insert(kind.kind.clone(), kind);
        }
        catalog
    }

    /// One kind in exactly that version.
    #[must_use]
    pub fn get(&self, kind: &GroupVersionKind) -> Option<&ApiKind> {
        self.kinds.get(kind)
    }

    /// One kind in the version the server prefers.
    #[must_use]
    pub fn preferred(&self, kind: &GroupKind) -> Option<&ApiKind> {
        let version = self.preferred.get(kind)?.first()?;
        self.get(&GroupVersionKind { group: kind.group.clone(), version: version.clone(), kind: kind.kind.clone() })
    }

    /// Whether objects of the kind live in namespaces, whatever the version; `None` when the kind is not served.
    #[must_use]
    pub fn namespaced(&self, kind: &GroupKind) -> Option<bool> {
        self.preferred(kind).map(|k| k.namespaced)
    }

    /// Every kind in every version.
    pub fn all(&self) -> impl Iterator<Item = &ApiKind> {
        self.kinds.values()
    }

    /// Every kind in its preferred version.
    pub fn kinds(&self) -> impl Iterator<Item = &ApiKind> {
        self.preferred.keys().filter_map(|kind| self.preferred(kind))
    }

    /// `v1`, `apps/v1`, `apps/v1/Deployment` …: what Helm's `.Capabilities.APIVersions` holds.
    #[must_use]
    pub fn api_versions(&self) -> Vec<String> {
        let mut all: Vec<String> =
            self.kinds.keys().flat_map(|k| [k.api_version(), format!("{}/{}", k.api_version(), k.kind)]).collect();
        all.sort();
        all.dedup();
        all
    }
}
