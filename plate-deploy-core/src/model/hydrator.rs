//! `spec.sourceHydrator`: manifests rendered into a branch by Argo CD's commit server, and synced from there.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::kustomize::KustomizeSource;
use super::plugin::PluginSource;
use super::source::{ApplicationSource, DirectorySource, HelmSource};

/// `spec.sourceHydrator`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SourceHydrator {
    /// What is rendered.
    pub dry_source: DrySource,
    /// What is synced.
    pub sync_source: SyncSource,
    /// Where the rendered manifests are staged before they reach the branch that is synced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hydrate_to: Option<HydrateTo>,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl SourceHydrator {
    /// The source that is synced.
    #[must_use]
    pub fn sync_source(&self) -> ApplicationSource {
        let own = &self.sync_source.repo_url;
        ApplicationSource {
            repo_url: if own.is_empty() { self.dry_source.repo_url.clone() } else { own.clone() },
            path: self.sync_source.path.clone(),
            target_revision: self.sync_source.target_branch.clone(),
            ..ApplicationSource::default()
        }
    }

    /// The source that is rendered.
    #[must_use]
    pub fn dry_source(&self) -> ApplicationSource {
        let dry = self.dry_source.clone();
        ApplicationSource {
            repo_url: dry.repo_url,
            path: dry.path,
            target_revision: dry.target_revision,
            helm: dry.helm,
            kustomize: dry.kustomize,
            directory: dry.directory,
            plugin: dry.plugin,
            ..ApplicationSource::default()
        }
    }
}

/// `sourceHydrator.drySource`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DrySource {
    /// Git repository.
    #[serde(rename = "repoURL")]
    pub repo_url: String,
    /// Branch, tag or commit.
    pub target_revision: String,
    /// Folder.
    pub path: String,
    /// Helm options.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helm: Option<HelmSource>,
    /// Kustomize options.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kustomize: Option<KustomizeSource>,
    /// Directory options.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<DirectorySource>,
    /// Plugin options.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<PluginSource>,
}

/// `sourceHydrator.syncSource`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SyncSource {
    /// Branch that is synced.
    pub target_branch: String,
    /// Folder.
    pub path: String,
    /// Git repository; `""` means the dry source's.
    #[serde(rename = "repoURL", skip_serializing_if = "String::is_empty")]
    pub repo_url: String,
}

/// `sourceHydrator.hydrateTo`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HydrateTo {
    /// Branch that receives the rendered manifests.
    pub target_branch: String,
}
