//! `source.kustomize`: typed so that nothing is lost; kustomize itself is only a named opt-in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::serde_skip::is_false;

/// `source.kustomize`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KustomizeSource {
    /// Prefix of all names.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name_prefix: String,
    /// Suffix of all names.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name_suffix: String,
    /// Image overrides: `[old=]image[:tag|@digest]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// Labels for every object.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub common_labels: BTreeMap<String, String>,
    /// Annotations for every object.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub common_annotations: BTreeMap<String, String>,
    /// Overwrite existing labels.
    #[serde(skip_serializing_if = "is_false")]
    pub force_common_labels: bool,
    /// Overwrite existing annotations.
    #[serde(skip_serializing_if = "is_false")]
    pub force_common_annotations: bool,
    /// Substitute variables in annotation values.
    #[serde(skip_serializing_if = "is_false")]
    pub common_annotations_envsubst: bool,
    /// Labels without selectors.
    #[serde(skip_serializing_if = "is_false")]
    pub label_without_selector: bool,
    /// Labels in templates.
    #[serde(skip_serializing_if = "is_false")]
    pub label_include_templates: bool,
    /// Version of kustomize.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Namespace for every object.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Replica overrides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replicas: Vec<KustomizeReplica>,
    /// Patches.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<KustomizePatch>,
    /// Kustomize components.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<String>,
    /// Leave out components that do not exist.
    #[serde(skip_serializing_if = "is_false")]
    pub ignore_missing_components: bool,
    /// Kubernetes version for Helm charts in the kustomization.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kube_version: String,
    /// API versions for Helm charts in the kustomization.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub api_versions: Vec<String>,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl KustomizeSource {
    /// Whether it says nothing, as Argo CD sees it: the flags about labels and annotations alone do not count.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        let counted = Self {
            force_common_labels: false,
            force_common_annotations: false,
            common_annotations_envsubst: false,
            label_without_selector: false,
            label_include_templates: false,
            extra: Map::new(),
            ..self.clone()
        };
        counted == Self::default()
    }
}

/// A replica override.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KustomizeReplica {
    /// Name of the workload.
    pub name: String,
    /// Number, or its text.
    pub count: Value,
}

impl Default for KustomizeReplica {
    fn default() -> Self {
        Self { name: String::new(), count: 0.into() }
    }
}

/// A patch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KustomizePatch {
    /// File with the patch.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The patch itself.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub patch: String,
    /// What it applies to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<KustomizeSelector>,
    /// Options.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, bool>,
}

/// What a patch applies to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KustomizeSelector {
    /// Group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Kind.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Annotation selector.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub annotation_selector: String,
    /// Label selector.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub label_selector: String,
}
