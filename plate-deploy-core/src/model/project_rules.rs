//! What an AppProject permits: sources, destinations, kinds, namespaces of Applications.

use super::application::Destination;
use super::glob::{file_match, glob_match};
use super::project::{AppProject, ResourceRestriction};
use super::repo_url::normalize_git_url;
use super::resource_key::GroupKind;

/// A cluster that Argo CD knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Cluster {
    /// Name; may be empty.
    pub name: String,
    /// API server URL.
    pub server: String,
}

/// A glob with `!` for "not".
fn permits(pattern: &str, text: &str, separators: &[char]) -> bool {
    match pattern.strip_prefix('!') {
        Some(denied) => !glob_match(denied, text, separators),
        None => pattern == "*" || glob_match(pattern, text, separators),
    }
}

fn is_deny(pattern: &str) -> bool {
    pattern.starts_with('!')
}

impl AppProject {
    /// Whether Applications may use a repository. A pattern that denies and does not deny this one permits it, even alone.
    #[must_use]
    pub fn permits_source(&self, repo_url: &str) -> bool {
        let url = normalize_git_url(repo_url);
        let mut permitted = false;
        for pattern in &self.spec.source_repos {
            let normalized = match pattern.strip_prefix('!') {
                Some(denied) => format!("!{}", normalize_git_url(denied)),
                None => normalize_git_url(pattern),
            };
            if permits(&normalized, &url, &['/']) {
                permitted = true;
            } else if is_deny(&normalized) {
                return false;
            }
        }
        permitted
    }

    /// Whether Applications may deploy to a namespace of a cluster. `project_clusters`: the clusters that belong to the
    /// project, asked for only when it permits no others.
    #[must_use]
    pub fn permits_destination(&self, cluster: &Cluster, namespace: &str, project_clusters: &[Cluster]) -> bool {
        let matched = self.destination_matches(cluster, namespace);
        if matched && self.spec.permit_only_project_scoped_clusters {
            return project_clusters.iter().any(|own| own.name == cluster.name || own.server == cluster.server);
        }
        matched
    }

    fn destination_matches(&self, cluster: &Cluster, namespace: &str) -> bool {
        let mut permitted = false;
        for Destination { name, server, namespace: namespaces } in &self.spec.destinations {
            let by_name = !cluster.name.is_empty() && permits(name, &cluster.name, &[]);
            let by_server = !cluster.server.is_empty() && permits(server, &cluster.server, &[]);
            let by_namespace = permits(namespaces, namespace, &[]);
            let denied_cluster = !by_name && is_deny(name) || !by_server && is_deny(server);
            if (by_server || by_name) && by_namespace {
                permitted = true;
            } else if denied_cluster && by_namespace || !by_namespace && is_deny(namespaces) && by_server {
                return false;
            }
        }
        permitted
    }

    /// Whether the lists of kinds permit an object. An absent list of namespaced kinds permits all, an absent list of
    /// cluster-scoped kinds none.
    #[must_use]
    pub fn permits_kind(&self, kind: &GroupKind, name: &str, namespaced: bool) -> bool {
        let spec = &self.spec;
        if namespaced {
            let white = spec.namespace_resource_whitelist.as_ref().is_none_or(|list| lists_kind(list, kind));
            return white && !lists_kind(&spec.namespace_resource_blacklist, kind);
        }
        lists_object(&spec.cluster_resource_whitelist, kind, name)
            && !lists_object(&spec.cluster_resource_blacklist, kind, name)
    }

    /// Whether an object may be deployed; `namespace` is `""` for cluster-scoped ones.
    #[must_use]
    pub fn permits_resource(
        &self,
        kind: &GroupKind,
        name: &str,
        namespace: &str,
        cluster: &Cluster,
        project_clusters: &[Cluster],
    ) -> bool {
        let namespaced = !namespace.is_empty();
        self.permits_kind(kind, name, namespaced)
            && (!namespaced || self.permits_destination(cluster, namespace, project_clusters))
    }

    /// Whether an Application in a namespace may use the project. Argo CD's own namespace always may.
    #[must_use]
    pub fn permits_application_namespace(&self, namespace: &str, controller_namespace: &str) -> bool {
        namespace.is_empty()
            || namespace == controller_namespace
            || self.spec.source_namespaces.iter().any(|pattern| namespace_matches(pattern, namespace))
    }
}

/// A glob, or a regular expression between slashes.
fn namespace_matches(pattern: &str, namespace: &str) -> bool {
    let inner = pattern.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')).filter(|inner| !inner.is_empty());
    inner.is_some_and(|inner| regex_matches(inner, namespace)) || glob_match(pattern, namespace, &[])
}

/// Argo CD's regular expressions know look-around; the back-tracking is limited.
fn regex_matches(pattern: &str, text: &str) -> bool {
    let compiled = fancy_regex::RegexBuilder::new(pattern).backtrack_limit(100_000).build();
    compiled.ok().and_then(|regex| regex.is_match(text).ok()).unwrap_or(false)
}

fn lists_kind(list: &[GroupKind], kind: &GroupKind) -> bool {
    list.iter().any(|item| file_match(&item.kind, &kind.kind) && file_match(&item.group, &kind.group))
}

fn lists_object(list: &[ResourceRestriction], kind: &GroupKind, name: &str) -> bool {
    list.iter().any(|item| {
        file_match(&item.kind, &kind.kind)
            && file_match(&item.group, &kind.group)
            && (item.name.is_empty() || file_match(&item.name, name))
    })
}
