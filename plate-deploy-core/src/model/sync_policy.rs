//! `spec.syncPolicy`: when and how an Application is synced.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::duration::{DurationError, GoDuration};
use super::serde_skip::{is_false, is_zero};

/// `spec.syncPolicy`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SyncPolicy {
    /// Automated sync; absent: manual.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub automated: Option<Automated>,
    /// `Name=value` options.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sync_options: Vec<String>,
    /// Retry of failed syncs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryStrategy>,
    /// Labels and annotations of a created namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_namespace_metadata: Option<ManagedNamespaceMetadata>,
    /// Unknown fields.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl SyncPolicy {
    /// Whether automated sync is on.
    #[must_use]
    pub fn is_automated(&self) -> bool {
        self.automated.as_ref().is_some_and(|automated| automated.enabled.unwrap_or(true))
    }

    /// Whether it says nothing; unknown fields do not count.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.automated.is_none()
            && self.sync_options.is_empty()
            && self.retry.is_none()
            && self.managed_namespace_metadata.is_none()
    }
}

/// `syncPolicy.automated`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Automated {
    /// Delete what left Git; absent means `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prune: Option<bool>,
    /// Undo changes made in the cluster; absent means `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub self_heal: Option<bool>,
    /// Allow a sync that deletes everything; absent means `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_empty: Option<bool>,
    /// `false` switches automated sync off; absent means `true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

impl Automated {
    /// Whether what left Git is deleted.
    #[must_use]
    pub fn prunes(&self) -> bool {
        self.prune.unwrap_or_default()
    }

    /// Whether changes made in the cluster are undone.
    #[must_use]
    pub fn heals(&self) -> bool {
        self.self_heal.unwrap_or_default()
    }

    /// Whether a sync may delete everything.
    #[must_use]
    pub fn allows_empty(&self) -> bool {
        self.allow_empty.unwrap_or_default()
    }
}

/// `syncPolicy.retry`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RetryStrategy {
    /// Most retries; below 0: no limit; 0: none.
    #[serde(skip_serializing_if = "is_zero")]
    pub limit: i64,
    /// Waits between retries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff: Option<Backoff>,
    /// Take the newest revision for a retry.
    #[serde(skip_serializing_if = "is_false")]
    pub refresh: bool,
}

impl RetryStrategy {
    /// The wait before retry `retry` (0 for the first): duration × factor^retry, at most maxDuration. Defaults: 5s, 2, 3m.
    ///
    /// # Errors
    /// When a duration cannot be parsed.
    pub fn wait_before(&self, retry: i64) -> Result<GoDuration, DurationError> {
        let backoff = self.backoff.clone().unwrap_or_default();
        let parse = |text: &str, default: i64| match text {
            "" => Ok(GoDuration::from_seconds(default)),
            text => GoDuration::parse_seconds_or_duration(text),
        };
        let duration = parse(&backoff.duration, 5)?;
        let most = parse(&backoff.max_duration, 180)?;
        let factor = backoff.factor.unwrap_or(2);
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "Argo CD computes in float64")]
        let wait = {
            let wait = duration.nanoseconds() as f64 * (factor as f64).powf(retry as f64);
            let wait = if most.nanoseconds() > 0 { wait.min(most.nanoseconds() as f64) } else { wait };
            wait as i64
        };
        Ok(GoDuration::from_nanoseconds(wait))
    }
}

/// `retry.backoff`; durations are Go's (`5s`, `3m`) or seconds without a unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Backoff {
    /// First wait.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub duration: String,
    /// Growth of the wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub factor: Option<i64>,
    /// Longest wait.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub max_duration: String,
}

/// `syncPolicy.managedNamespaceMetadata`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ManagedNamespaceMetadata {
    /// Labels of the namespace.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations of the namespace.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}
