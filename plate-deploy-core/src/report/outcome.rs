//! The report at the end of a run: stable, serialisable, without secrets.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Diagnostic;
use crate::model::{HealthStatus, OperationPhase, ResourceKey, SyncCode};

/// How a run ended. [`Outcome::exit_code`] is the command line's exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Outcome {
    /// Deployed, everything Synced and Healthy (or a dry run that found nothing wrong).
    Deployed,
    /// Nothing had to change, and everything is Synced and Healthy.
    Unchanged,
    /// Something failed.
    Failed,
    /// A safety check said no; nothing was changed.
    Refused,
    /// Everything was applied, nothing is half-done, but not everything became healthy in time.
    NotHealthy,
}

impl Outcome {
    /// 0 deployed and healthy, 1 failed, 3 refused by a safety check, 4 applied but not healthy in time. (2 is a usage
    /// error, which never gets as far as a report.)
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Deployed | Self::Unchanged => 0,
            Self::Failed => 1,
            Self::Refused => 3,
            Self::NotHealthy => 4,
        }
    }
}

/// How a stage ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StageResult {
    /// It did its work.
    Done,
    /// It had nothing to do.
    Skipped,
    /// It failed.
    Failed,
    /// It refused to go on.
    Refused,
}

/// One stage of the run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StageReport {
    /// Its name.
    pub name: String,
    /// How it ended.
    pub result: StageResult,
    /// One line about what it did.
    pub summary: String,
    /// Seconds it took.
    #[serde(with = "seconds")]
    pub duration: Duration,
}

/// One resource of an Application.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceReport {
    /// The object.
    #[serde(flatten)]
    pub key: ResourceKey,
    /// Sync status.
    pub sync: SyncCode,
    /// Health; `None` for kinds without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthStatus>,
    /// What the last sync said about it; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// One Application.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationReport {
    /// Its name.
    pub name: String,
    /// Where its objects go.
    pub namespace: String,
    /// Sync status.
    pub sync: SyncCode,
    /// Health.
    pub health: HealthStatus,
    /// The last operation; `None` when none was needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<OperationPhase>,
    /// The revision it was synced to.
    pub revision: String,
    /// Why it is not Synced and Healthy, with remedies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Diagnostic>,
    /// Its resources.
    pub resources: Vec<ResourceReport>,
    /// Objects written in this run.
    pub written: usize,
    /// Objects deleted in this run.
    pub pruned: usize,
}

impl ApplicationReport {
    /// Synced and Healthy.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.sync == SyncCode::Synced && self.health.status == crate::model::HealthCode::Healthy
    }
}

/// One library (cluster service or development tool).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LibraryReport {
    /// Its name.
    pub name: String,
    /// Its layer.
    pub layer: String,
    /// Whether everything it brings is ready.
    pub ready: bool,
    /// It cannot become ready without a change: `message` says which.
    pub failed: bool,
    /// What is missing, or what was done.
    pub message: String,
    /// Objects written in this run.
    pub written: usize,
    /// Version of its chart; `""` when it is no chart.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Version of the chart that was there before, as its objects' labels said; `""` when they did not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub previous: String,
}

/// The commit of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommitReport {
    /// Full id.
    pub id: String,
    /// First line of the message.
    pub subject: String,
    /// Branch.
    pub branch: String,
    /// Whether it was pushed to a remote.
    pub pushed: bool,
}

/// A way into the deployed platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessPoint {
    /// The Ingress or Service.
    #[serde(flatten)]
    pub key: ResourceKey,
    /// `https://host/path`, or `address:port`.
    pub url: String,
}

/// Everything about one run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeployReport {
    /// Version of this format.
    pub version: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// One line that says so.
    pub summary: String,
    /// The environment.
    pub environment: String,
    /// The cluster's context, or `embedded`.
    pub cluster: String,
    /// Whether nothing was really written.
    pub dry_run: bool,
    /// The revision that was deployed.
    pub revision: String,
    /// The commit that this run made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<CommitReport>,
    /// The stages, in order.
    pub stages: Vec<StageReport>,
    /// The libraries, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub libraries: Vec<LibraryReport>,
    /// The Applications, in order.
    pub applications: Vec<ApplicationReport>,
    /// Ways in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub access: Vec<AccessPoint>,
    /// Findings that are about no single Application.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Diagnostic>,
    /// Seconds the run took.
    #[serde(with = "seconds")]
    pub duration: Duration,
    /// Id of the run.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// `deploy`, `rollback`, `promote`, `restore`, `delete`, `backup`.
    #[serde(default)]
    pub verb: String,
    /// Name of the backup that was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<String>,
    /// The run that undid this one because its verification failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<Box<DeployReport>>,
}

impl DeployReport {
    /// Version of the format written today.
    pub const VERSION: u32 = 1;
}

/// Durations as seconds with a fraction.
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64((duration.as_secs_f64() * 1000.0).round() / 1000.0)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
