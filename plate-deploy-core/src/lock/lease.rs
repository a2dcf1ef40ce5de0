//! A Lease as data.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::LockRequest;
use crate::cluster::{ClusterError, ObjectRef};
use crate::model::Manifest;

const RUN: &str = "plate-deploy.io/run";
const TOOK_AT: &str = "plate-deploy.io/took-at";
const WHAT: &str = "plate-deploy.io/what";
const HOLD: &str = "plate-deploy.io/hold";
const BROKEN: &str = "plate-deploy.io/broken";
/// Most characters of a record of broken locks.
const MAX_BROKEN: usize = 4096;

/// Why an environment stays as it is: set by a rollback or restore, so that no automation undoes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hold {
    /// Who.
    pub who: String,
    /// Why.
    pub why: String,
    /// Since when.
    pub since: Timestamp,
    /// The commit that is held; deploying exactly this one again is fine.
    pub revision: String,
}

impl std::fmt::Display for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let short = self.revision.get(..8).unwrap_or(&self.revision);
        write!(f, "held at {short} by {} since {:.0}: {}", self.who, self.since, self.why)
    }
}

/// What a Lease says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaseState {
    /// Resource version.
    pub version: String,
    /// Resource version that the present holder took it at; `""`: it was new.
    pub previous_version: String,
    /// Who holds it; `""`: nobody.
    pub holder: String,
    /// Their run.
    pub run: String,
    /// For what.
    pub what: String,
    /// Since when they hold it.
    pub since: Option<Timestamp>,
    /// When they renewed it last.
    pub renewed: Option<Timestamp>,
    /// They promise to renew it within this time.
    pub duration: Duration,
    /// How often it changed hands.
    pub transitions: i64,
    /// The environment is held.
    pub hold: Option<Hold>,
    /// Who took it by force from whom, and why: one line each.
    pub broken: String,
}

impl LeaseState {
    /// Reads a Lease; what it does not say is empty.
    #[must_use]
    pub fn of(object: &Manifest) -> Self {
        let value = object.value();
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let time = |pointer: &str| text(pointer).parse::<Timestamp>().ok();
        let annotation = |name: &str| object.annotation(name).unwrap_or_default().to_owned();
        let seconds = value.pointer("/spec/leaseDurationSeconds").and_then(Value::as_u64).unwrap_or(30);
        Self {
            version: text("/metadata/resourceVersion"),
            previous_version: annotation(TOOK_AT),
            holder: text("/spec/holderIdentity"),
            run: annotation(RUN),
            what: annotation(WHAT),
            since: time("/spec/acquireTime"),
            renewed: time("/spec/renewTime"),
            // A Lease that somebody wrote by hand must not block for years.
            duration: Duration::from_secs(seconds.clamp(1, 3600)),
            transitions: value.pointer("/spec/leaseTransitions").and_then(Value::as_i64).unwrap_or(0),
            hold: object.annotation(HOLD).and_then(|hold| serde_json::from_str(hold).ok()),
            broken: annotation(BROKEN),
        }
    }

    /// The Lease in the hands of the one who asks.
    pub(super) fn taken(current: Option<&Self>, request: &LockRequest, duration: Duration, now: Timestamp) -> Self {
        let before = current.cloned().unwrap_or_default();
        let mut lease = Self {
            previous_version: before.version.clone(),
            holder: request.who.clone(),
            run: request.run.clone(),
            what: request.what.clone(),
            since: Some(now),
            renewed: Some(now),
            duration,
            transitions: if current.is_some() { before.transitions + 1 } else { 0 },
            ..before.clone()
        };
        if let (Some(reason), false) = (&request.break_reason, before.holder.is_empty() || before.run == request.run) {
            let line = format!("{now:.0} {} took it from {} ({}): {reason}\n", request.who, before.holder, before.what);
            lease.broken.insert_str(0, &line);
            let end = lease.broken.char_indices().nth(MAX_BROKEN).map_or(lease.broken.len(), |(i, _)| i);
            lease.broken.truncate(end);
        }
        lease
    }

    /// The object to write.
    pub(super) fn object(&self, at: &ObjectRef) -> Result<Manifest, ClusterError> {
        let time = |time: Option<Timestamp>| time.map(|time| format!("{time:.6}"));
        let mut annotations = serde_json::Map::new();
        let hold = self.hold.as_ref().and_then(|hold| serde_json::to_string(hold).ok()).unwrap_or_default();
        let texts = [
            (TOOK_AT, &self.previous_version),
            (RUN, &self.run),
            (WHAT, &self.what),
            (HOLD, &hold),
            (BROKEN, &self.broken),
        ];
        for (name, value) in texts {
            if !value.is_empty() {
                annotations.insert(name.into(), value.as_str().into());
            }
        }
        let mut metadata = json!({
            "name": at.name, "namespace": at.namespace, "annotations": annotations,
            "labels": {"app.kubernetes.io/managed-by": "plate-deploy"},
        });
        if !self.version.is_empty() {
            metadata["resourceVersion"] = self.version.as_str().into();
        }
        let mut spec = json!({
            "leaseDurationSeconds": self.duration.as_secs().max(1),
            "leaseTransitions": self.transitions,
        });
        if !self.holder.is_empty() {
            spec["holderIdentity"] = self.holder.as_str().into();
        }
        for (field, value) in [("acquireTime", time(self.since)), ("renewTime", time(self.renewed))] {
            if let Some(value) = value {
                spec[field] = value.into();
            }
        }
        let object = json!({"apiVersion": at.kind.api_version(), "kind": at.kind.kind, "metadata": metadata, "spec": spec});
        Manifest::new(object).map_err(|error| ClusterError::Unsupported(format!("a Lease that is {error}")))
    }
}
