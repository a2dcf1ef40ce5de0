//! `spec.source`: where the manifests of an Application come from.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::kustomize::KustomizeSource;
use super::plugin::PluginSource;
use super::serde_skip::is_false;

/// Where manifests come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApplicationSource {
    /// Git repository (or Helm repository when `chart` is set).
    #[serde(rename = "repoURL")]
    pub repo_url: String,
    /// Folder in the repository.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Branch, tag, commit, or chart version; `""` means `HEAD`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub target_revision: String,
    /// Chart name in a Helm repository.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub chart: String,
    /// Name under which other sources refer to this one as `$name`.
    #[serde(rename = "ref", skip_serializing_if = "String::is_empty")]
    pub reference: String,
    /// Name of the source, for people and for selection.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Prefix of the tags that `target_revision` selects from.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tag_prefix: String,
    /// Helm options.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helm: Option<HelmSource>,
    /// Directory options.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<DirectorySource>,
    /// Kustomize options: kustomize is only a named opt-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kustomize: Option<KustomizeSource>,
    /// Plugin options: plugins are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<PluginSource>,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// How manifests are made of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SourceType {
    /// A Helm chart.
    Helm,
    /// A kustomization.
    Kustomize,
    /// Plain YAML and JSON files.
    Directory,
    /// A config management plugin.
    Plugin,
}

impl std::fmt::Display for SourceType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

/// A source has options of more than one type; `Display` is Argo CD's text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("multiple application sources defined: {}", .types.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))]
pub struct SourceTypeError {
    /// The types, in Argo CD's order.
    pub types: Vec<SourceType>,
}

impl ApplicationSource {
    /// The type that the options ask for; `None` when there are none and the files decide.
    ///
    /// # Errors
    /// [`SourceTypeError`] when there are options of more than one type.
    pub fn explicit_type(&self) -> Result<Option<SourceType>, SourceTypeError> {
        let types: Vec<SourceType> = [
            (self.kustomize.is_some(), SourceType::Kustomize),
            (self.helm.is_some(), SourceType::Helm),
            (self.directory.is_some(), SourceType::Directory),
            (self.plugin.is_some(), SourceType::Plugin),
        ]
        .into_iter()
        .filter_map(|(present, source_type)| present.then_some(source_type))
        .collect();
        if types.len() > 1 { Err(SourceTypeError { types }) } else { Ok(types.first().copied()) }
    }

    /// Whether the source is only referred to (`ref`) by the value files of others.
    #[must_use]
    pub fn is_ref(&self) -> bool {
        !self.reference.is_empty()
    }

    /// Without option blocks that say nothing (Argo CD's `NormalizeSource`).
    #[must_use]
    pub fn normalized(mut self) -> Self {
        self.kustomize = self.kustomize.filter(|kustomize| !kustomize.is_zero());
        self.helm = self.helm.filter(|helm| !helm.is_zero());
        self.directory = self.directory.filter(|directory| !directory.says_nothing());
        self
    }
}

/// `source.helm`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HelmSource {
    /// Values files, relative to the chart, `/…` to the repository root, or `$ref/…`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub value_files: Vec<String>,
    /// `--set` and `--set-string` parameters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<HelmParameter>,
    /// `--set-file` parameters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub file_parameters: Vec<HelmFileParameter>,
    /// Release name; `""` means the Application's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub release_name: String,
    /// Values as YAML text; ignored when `values_object` is present.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub values: String,
    /// Values as an object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values_object: Option<Value>,
    /// Skip values files that do not exist.
    #[serde(skip_serializing_if = "is_false")]
    pub ignore_missing_value_files: bool,
    /// Leave out `crds/`.
    #[serde(skip_serializing_if = "is_false")]
    pub skip_crds: bool,
    /// Skip values.schema.json.
    #[serde(skip_serializing_if = "is_false")]
    pub skip_schema_validation: bool,
    /// Leave out test hooks.
    #[serde(skip_serializing_if = "is_false")]
    pub skip_tests: bool,
    /// Pass credentials to all domains.
    #[serde(skip_serializing_if = "is_false")]
    pub pass_credentials: bool,
    /// `v2` or `v3`; ignored by Argo CD 3.5 and later.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Namespace to render with; `""` means the destination's.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Kubernetes version to render for; `""` means the cluster's.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kube_version: String,
    /// API versions to render for; empty means the cluster's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub api_versions: Vec<String>,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl HelmSource {
    /// Whether every known option is at its default. A present `valuesObject` counts, even `{}`.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        Self { extra: Map::new(), ..self.clone() } == Self::default()
    }
}

/// One entry of `helm.parameters`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HelmParameter {
    /// Path in the values.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Value.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub value: String,
    /// `--set-string` instead of `--set`.
    #[serde(skip_serializing_if = "is_false")]
    pub force_string: bool,
}

/// One entry of `helm.fileParameters`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HelmFileParameter {
    /// Path in the values.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// File in the repository.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
}

/// `source.directory`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DirectorySource {
    /// Also subfolders.
    #[serde(skip_serializing_if = "is_false")]
    pub recurse: bool,
    /// Jsonnet options: jsonnet is refused.
    #[serde(skip_serializing_if = "Jsonnet::is_zero")]
    pub jsonnet: Jsonnet,
    /// Glob of files to leave out.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub exclude: String,
    /// Glob of files to take.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub include: String,
    /// Take files whatever their extension.
    #[serde(skip_serializing_if = "is_false")]
    pub disable_extension_filter: bool,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl DirectorySource {
    fn says_nothing(&self) -> bool {
        Self { extra: Map::new(), ..self.clone() } == Self::default()
    }
}

/// `directory.jsonnet`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Jsonnet {
    /// External variables.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ext_vars: Vec<JsonnetVar>,
    /// Top-level arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tlas: Vec<JsonnetVar>,
    /// Library folders.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub libs: Vec<String>,
}

impl Jsonnet {
    /// Whether nothing is set.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

/// A jsonnet variable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JsonnetVar {
    /// Name.
    pub name: String,
    /// Value, as text or code.
    pub value: String,
    /// The value is code.
    #[serde(skip_serializing_if = "is_false")]
    pub code: bool,
}
