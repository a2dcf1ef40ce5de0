//! Argo CD's `Application` (argoproj.io/v1alpha1), fully typed; fields it does not know are kept in `extra`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::schema::{ArgoKind, DecodeError};

pub use super::hydrator::{DrySource, HydrateTo, SourceHydrator, SyncSource};
pub use super::kustomize::{KustomizePatch, KustomizeReplica, KustomizeSelector, KustomizeSource};
pub use super::plugin::{EnvEntry, PluginParameter, PluginSource};
pub use super::source::{
    ApplicationSource, DirectorySource, HelmFileParameter, HelmParameter, HelmSource, Jsonnet, JsonnetVar, SourceType,
    SourceTypeError,
};
pub use super::sync_policy::{Automated, Backoff, ManagedNamespaceMetadata, RetryStrategy, SyncPolicy};

/// The project that an Application without one belongs to.
pub const DEFAULT_PROJECT: &str = "default";

/// `metadata` of an Application or AppProject, as far as it means something here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectMeta {
    /// Name.
    pub name: String,
    /// Namespace; `""` when the file leaves it to the applier.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Finalizers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub finalizers: Vec<String>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// An Argo CD Application. `status` and `operation` of a file in Git are dropped with a warning when it is loaded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Application {
    /// `argoproj.io/v1alpha1`.
    pub api_version: String,
    /// `Application`.
    pub kind: String,
    /// Name, labels, annotations.
    pub metadata: ObjectMeta,
    /// What to deploy, where and how.
    pub spec: ApplicationSpec,
    /// Unknown top-level fields.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Application {
    /// Decodes an Application as Argo CD does: `null` means the default, unknown fields are kept in `extra`.
    ///
    /// # Errors
    /// [`DecodeError`], in Go's words, for the first field of a wrong type.
    pub fn from_json(object: &Value) -> Result<Self, DecodeError> {
        ArgoKind::Application.decode(object)
    }

    /// Whether Argo CD accepts the name: a DNS-1123 subdomain, as for pods.
    #[must_use]
    pub fn has_valid_name(&self) -> bool {
        is_dns_subdomain(&self.metadata.name)
    }
}

/// Kubernetes' DNS-1123 subdomain: at most 253 characters of `[a-z0-9.-]`, each label beginning and ending with a
/// letter or digit.
#[must_use]
pub fn is_dns_subdomain(name: &str) -> bool {
    let alphanumeric = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    name.len() <= 253
        && name.split('.').map(str::as_bytes).all(|label| {
            alphanumeric(label.first())
                && alphanumeric(label.last())
                && label.iter().all(|b| *b == b'-' || alphanumeric(Some(b)))
        })
}

/// `spec` of an Application.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApplicationSpec {
    /// AppProject; `""` means `default`.
    pub project: String,
    /// The single source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<ApplicationSource>,
    /// Several sources; when not empty, `source` is ignored.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<ApplicationSource>,
    /// Rendered manifests are committed to a branch and synced from there; when present, the other sources are ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_hydrator: Option<SourceHydrator>,
    /// Where to deploy.
    pub destination: Destination,
    /// How to sync.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_policy: Option<SyncPolicy>,
    /// Differences that do not count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore_differences: Vec<ResourceIgnoreDifferences>,
    /// Facts for people.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub info: Vec<Info>,
    /// How many revisions to keep for rollback; Argo CD's default is 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision_history_limit: Option<i64>,
    /// Unknown fields of `spec`.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl ApplicationSpec {
    /// The sources as written: `sources` when there are any, else `source`. A hydrator is not looked at; see
    /// [`ApplicationSpec::first_source`].
    #[must_use]
    pub fn effective_sources(&self) -> Vec<&ApplicationSource> {
        if self.sources.is_empty() { self.source.iter().collect() } else { self.sources.iter().collect() }
    }

    /// Whether `sources` counts: it is not empty and no hydrator is in the way.
    #[must_use]
    pub fn is_multi_source(&self) -> bool {
        self.source_hydrator.is_none() && !self.sources.is_empty()
    }

    /// The source that is synced: the hydrator's branch, the first of `sources`, or `source`; an empty one when the
    /// Application names none (Argo CD's `GetSource`).
    #[must_use]
    pub fn first_source(&self) -> Cow<'_, ApplicationSource> {
        match &self.source_hydrator {
            Some(hydrator) => Cow::Owned(hydrator.sync_source()),
            None => self.effective_sources().first().map_or_else(Cow::default, |source| Cow::Borrowed(*source)),
        }
    }

    /// The project in effect.
    #[must_use]
    pub fn project(&self) -> &str {
        if self.project.is_empty() { DEFAULT_PROJECT } else { &self.project }
    }

    /// Whether a change in Git is synced without being asked for.
    #[must_use]
    pub fn is_automated(&self) -> bool {
        self.sync_policy.as_ref().is_some_and(SyncPolicy::is_automated)
    }

    /// The form in which Argo CD stores it: the default project filled in, empty option blocks removed
    /// (`NormalizeApplicationSpec`).
    #[must_use]
    pub fn normalized(&self) -> Self {
        let mut spec = self.clone();
        spec.project = self.project().to_owned();
        spec.sync_policy = spec.sync_policy.filter(|policy| !policy.is_zero());
        if spec.sources.is_empty() {
            spec.source = spec.source.map(ApplicationSource::normalized);
        } else {
            spec.sources = spec.sources.into_iter().map(ApplicationSource::normalized).collect();
        }
        spec
    }
}

/// `spec.destination`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Destination {
    /// API server URL.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub server: String,
    /// Cluster name, instead of `server`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Default namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
}

/// One entry of `spec.ignoreDifferences`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceIgnoreDifferences {
    /// Group glob.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Kind glob.
    pub kind: String,
    /// Exact name; `""` means all.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Exact namespace; `""` means all.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// JSON pointers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub json_pointers: Vec<String>,
    /// jq path expressions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub jq_path_expressions: Vec<String>,
    /// Field managers whose fields do not count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub managed_fields_managers: Vec<String>,
}

/// One entry of `spec.info`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Info {
    /// Name.
    pub name: String,
    /// Value.
    pub value: String,
}

#[cfg(test)]
mod tests {
    use super::is_dns_subdomain;

    #[test]
    fn names() {
        for good in ["shop", "shop.prod", "a-1", &"a".repeat(253)] {
            assert!(is_dns_subdomain(good), "{good}");
        }
        for bad in ["", "Shop", "-a", "a-", "a..b", "a_b", ".a", "가", &"a".repeat(254)] {
            assert!(!is_dns_subdomain(bad), "{bad}");
        }
    }
}
