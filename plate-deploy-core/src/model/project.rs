//! Argo CD's `AppProject` (argoproj.io/v1alpha1), fully typed.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::application::{Destination, ObjectMeta};
use super::resource_key::GroupKind;
use super::schema::{ArgoKind, DecodeError};
use super::serde_skip::{is_false, is_zero};
use super::sync_window::SyncWindow;

/// An AppProject: which sources, destinations and kinds its Applications may use, and when they may sync.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AppProject {
    /// `argoproj.io/v1alpha1`.
    pub api_version: String,
    /// `AppProject`.
    pub kind: String,
    /// Name, labels, annotations.
    pub metadata: ObjectMeta,
    /// The rules.
    pub spec: AppProjectSpec,
    /// Unknown top-level fields, and `status`.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl AppProject {
    /// The project `default` as a new Argo CD has it: everything is permitted.
    #[must_use]
    pub fn permissive(name: &str) -> Self {
        let anything = || ResourceRestriction { group: "*".into(), kind: "*".into(), name: String::new() };
        Self {
            api_version: "argoproj.io/v1alpha1".into(),
            kind: "AppProject".into(),
            metadata: ObjectMeta { name: name.into(), ..ObjectMeta::default() },
            spec: AppProjectSpec {
                source_repos: vec!["*".into()],
                destinations: vec![Destination { server: "*".into(), namespace: "*".into(), name: String::new() }],
                cluster_resource_whitelist: vec![anything()],
                ..AppProjectSpec::default()
            },
            extra: Map::new(),
        }
    }

    /// Decodes an AppProject as Argo CD does: `null` means the default, unknown fields are kept in `extra`.
    ///
    /// # Errors
    /// [`DecodeError`], in Go's words, for the first field of a wrong type.
    pub fn from_json(object: &Value) -> Result<Self, DecodeError> {
        ArgoKind::AppProject.decode(object)
    }
}

/// `spec` of an AppProject.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AppProjectSpec {
    /// Repository URL globs; `!` denies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_repos: Vec<String>,
    /// Cluster and namespace globs; `!` denies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub destinations: Vec<Destination>,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Argo CD's own access control.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<ProjectRole>,
    /// Cluster-scoped kinds that are permitted; empty: none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cluster_resource_whitelist: Vec<ResourceRestriction>,
    /// Cluster-scoped kinds that are not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cluster_resource_blacklist: Vec<ResourceRestriction>,
    /// Namespaced kinds that are permitted; absent: all, empty: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace_resource_whitelist: Option<Vec<GroupKind>>,
    /// Namespaced kinds that are not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub namespace_resource_blacklist: Vec<GroupKind>,
    /// Watch over objects that no Application has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orphaned_resources: Option<OrphanedResources>,
    /// When Applications may sync.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sync_windows: Vec<SyncWindow>,
    /// Keys that commits must be signed with; superseded by `source_integrity`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signature_keys: Vec<SignatureKey>,
    /// Namespaces, besides Argo CD's own, in which Applications may be: globs, or `/regular expressions/`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_namespaces: Vec<String>,
    /// Only clusters that belong to the project.
    #[serde(skip_serializing_if = "is_false")]
    pub permit_only_project_scoped_clusters: bool,
    /// Service accounts that syncs impersonate.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub destination_service_accounts: Vec<DestinationServiceAccount>,
    /// What must be true of a source before it is used, kept as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_integrity: Option<Value>,
    /// Unknown fields of `spec`.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// A cluster-scoped kind, or objects of it, in a project's lists; `group`, `kind` and `name` are Go file globs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResourceRestriction {
    /// Group glob.
    pub group: String,
    /// Kind glob.
    pub kind: String,
    /// Name glob; `""` means all.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
}

/// `orphanedResources`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OrphanedResources {
    /// Whether Applications get a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warn: Option<bool>,
    /// Objects that are left out; group, kind and name globs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<ResourceRestriction>,
}

/// One of `signatureKeys`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SignatureKey {
    /// Hexadecimal id.
    #[serde(rename = "keyID")]
    pub key_id: String,
}

/// One of `destinationServiceAccounts`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DestinationServiceAccount {
    /// API server URL glob.
    pub server: String,
    /// Namespace glob.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// The service account.
    pub default_service_account: String,
}

/// One of `roles`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProjectRole {
    /// Name.
    pub name: String,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Casbin rules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
    /// Groups of the identity provider.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Tokens that were handed out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub jwt_tokens: Vec<JwtToken>,
}

/// A token of a role: its times and id, not the token itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JwtToken {
    /// Issued at, Unix seconds.
    pub iat: i64,
    /// Expires at, Unix seconds; 0: never.
    #[serde(skip_serializing_if = "is_zero")]
    pub exp: i64,
    /// Id.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub id: String,
}
