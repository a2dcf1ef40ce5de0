//! `status` and `operation` of an Application in the cluster: Argo CD's schema, field for field.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::model::application::{ApplicationSource, ManagedNamespaceMetadata};
use crate::model::serde_skip::{is_false, is_zero};
use crate::model::{
    Application, DecodeError, HealthCode, HealthStatus, Manifest, OperationPhase, ResourceKey, ResultCode, SyncCode,
    SyncPhase,
};
use crate::sync::{Initiator, OperationRequest};

/// An Application as the cluster has it: what Git gave, what Argo CD (or our agent) says of it, and what it is asked to
/// do.
#[derive(Clone, Debug)]
pub struct LiveApplication {
    /// The Application itself.
    pub application: Application,
    /// What is known about it.
    pub status: ApplicationStatus,
    /// The operation that has been asked for and not been finished.
    pub operation: Option<Value>,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
    /// Whether a refresh has been asked for and not been done.
    pub refreshing: bool,
    /// The Application that tracks this one (an app-of-apps), if one does.
    pub parent: Option<String>,
}

impl LiveApplication {
    /// Reads an Application object of the cluster.
    ///
    /// # Errors
    /// [`DecodeError`] when a field of its spec has a wrong type. A `status` of another shape counts as empty: it is
    /// written by the controller and read anew at its next pass.
    pub fn read(object: &Manifest) -> Result<Self, DecodeError> {
        use crate::model::annotations::{REFRESH, TRACKING_ID};
        let value = object.value();
        let parent = object.annotation(TRACKING_ID).and_then(|id| id.split_once(':')).map(|(app, _)| app.to_owned());
        Ok(Self {
            application: Application::from_json(value)?,
            status: value
                .get("status")
                .and_then(|status| serde_json::from_value(status.clone()).ok())
                .unwrap_or_default(),
            operation: value.get("operation").filter(|operation| !operation.is_null()).cloned(),
            resource_version: value
                .pointer("/metadata/resourceVersion")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .into(),
            refreshing: object.annotation(REFRESH).is_some(),
            parent: parent.filter(|app| *app != object.name()),
        })
    }
}

/// Argo CD's `ApplicationStatus`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApplicationStatus {
    /// Its objects.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<ResourceStatus>,
    /// Against Git.
    pub sync: SyncStatus,
    /// Its health.
    pub health: AppHealth,
    /// Syncs that succeeded, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<RevisionHistory>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<AppCondition>,
    /// When it was last compared with the newest revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reconciled_at: Option<Timestamp>,
    /// The last operation, or the one under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation_state: Option<OperationState>,
    /// `Helm`, `Directory` …
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source_type: String,
    /// The same of several sources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_types: Vec<String>,
    /// Ways in, and images.
    pub summary: Summary,
    /// `appTree` when the objects' health is not stored here; empty: it is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resource_health_source: String,
    /// Namespace of the controller that wrote this.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub controller_namespace: String,
    /// Fields of later versions.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl ApplicationStatus {
    /// Whether an operation is under way.
    #[must_use]
    pub fn operating(&self) -> bool {
        self.operation_state.as_ref().is_some_and(|state| !state.phase.completed())
    }

    /// The first condition that says the Application cannot be compared or synced.
    pub fn errors(&self) -> impl Iterator<Item = &AppCondition> {
        self.conditions.iter().filter(|condition| condition.condition_type.ends_with("Error"))
    }

    /// The commit it was compared with; of several sources, the first.
    #[must_use]
    pub fn revision(&self) -> &str {
        if self.sync.revision.is_empty() {
            self.sync.revisions.first().map_or("", String::as_str)
        } else {
            &self.sync.revision
        }
    }
}

/// Argo CD's `ResourceStatus`: one object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceStatus {
    /// API group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// API version without the group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Kind.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Against Git; hooks have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<SyncCode>,
    /// Health of a kind that has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthStatus>,
    /// It is a hook.
    #[serde(skip_serializing_if = "is_false")]
    pub hook: bool,
    /// It has left Git.
    #[serde(skip_serializing_if = "is_false")]
    pub requires_pruning: bool,
    /// Its wave.
    #[serde(skip_serializing_if = "is_zero")]
    pub sync_wave: i64,
    /// Deleting it waits for someone's word.
    #[serde(skip_serializing_if = "is_false")]
    pub requires_deletion_confirmation: bool,
}

impl ResourceStatus {
    /// The object.
    #[must_use]
    pub fn key(&self) -> ResourceKey {
        ResourceKey {
            group: self.group.clone(),
            kind: self.kind.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }
}

/// Argo CD's `SyncStatus`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SyncStatus {
    /// The verdict.
    #[serde(deserialize_with = "code")]
    pub status: SyncCode,
    /// What was compared: sources, destination, ignored differences, as they were then.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub compared_to: Value,
    /// The commit compared with.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub revision: String,
    /// The same of several sources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<String>,
}

/// Argo CD's `AppHealthStatus`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AppHealth {
    /// The code.
    #[serde(deserialize_with = "code")]
    pub status: HealthCode,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Timestamp>,
}

/// Argo CD's `RevisionHistory`: one sync that succeeded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RevisionHistory {
    /// Counts up.
    pub id: i64,
    /// The commit.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub revision: String,
    /// When the sync ended.
    pub deployed_at: Option<Timestamp>,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deploy_started_at: Option<Timestamp>,
    /// The source synced.
    pub source: ApplicationSource,
    /// The same of several sources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<ApplicationSource>,
    /// Their commits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<String>,
    /// Who asked for it.
    pub initiated_by: Initiator,
}

/// Argo CD's `ApplicationCondition`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AppCondition {
    /// `ComparisonError`, `SharedResourceWarning` …
    #[serde(rename = "type")]
    pub condition_type: String,
    /// What happened.
    pub message: String,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Timestamp>,
}

/// Argo CD's `ApplicationSummary`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Summary {
    /// Addresses of its Ingresses and Services.
    #[serde(rename = "externalURLs", skip_serializing_if = "Vec::is_empty")]
    pub external_urls: Vec<String>,
    /// Images that run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
}

/// Argo CD's `OperationState`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OperationState {
    /// What was asked for.
    pub operation: OperationRequest,
    /// How far it is.
    pub phase: OperationPhase,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What came of each object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_result: Option<SyncResult>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// Tries after the first.
    #[serde(skip_serializing_if = "is_zero")]
    pub retry_count: i64,
}

impl OperationState {
    /// The revision that it syncs to: as resolved, or else as asked for.
    #[must_use]
    pub fn revision(&self) -> &str {
        let resolved = self.sync_result.as_ref().map(|result| result.revision.as_str()).filter(|r| !r.is_empty());
        resolved.unwrap_or(&self.operation.sync.revision)
    }
}

/// Argo CD's `SyncOperationResult`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SyncResult {
    /// The objects.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<SyncedResource>,
    /// The commit.
    pub revision: String,
    /// The source.
    pub source: ApplicationSource,
    /// The same of several sources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<ApplicationSource>,
    /// Their commits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<String>,
    /// Labels and annotations of the namespace, as synced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_namespace_metadata: Option<ManagedNamespaceMetadata>,
}

/// Argo CD's `ResourceResult` as an Application's status has it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SyncedResource {
    /// API group.
    pub group: String,
    /// API version without the group.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// Namespace; of cluster-scoped objects, the Application's.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// How it went; hooks have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<ResultCode>,
    /// The last message.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Type of a hook.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hook_type: String,
    /// How far it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook_phase: Option<OperationPhase>,
    /// Phase it was synced in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_phase: Option<SyncPhase>,
    /// Images of a workload.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
}

impl SyncedResource {
    /// The object, with the namespace that Argo CD gives it.
    #[must_use]
    pub fn key(&self) -> ResourceKey {
        ResourceKey {
            group: self.group.clone(),
            kind: self.kind.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }
}

/// A code; Argo CD writes `""` before the first comparison, and that must not cost us the rest of the status.
fn code<'de, D: Deserializer<'de>, T: Default + DeserializeOwned>(deserializer: D) -> Result<T, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(deserializer)?).unwrap_or_default())
}
