//! What an Application was synced to before, and holds: rollbacks that stay rolled back.
//!
//! Where an Application is an object of the cluster, both are kept in it, as Argo CD keeps its history; elsewhere a
//! [`HistoryStore`] keeps them.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Target;
use crate::cluster::{ClusterBackend, ClusterError, ObjectRef, Patch, WriteOptions};
use crate::model::application::ApplicationSource;
use crate::model::{Manifest, annotations};
use crate::sync::Initiator;

/// Entries kept where `spec.revisionHistoryLimit` says nothing (Argo CD: 10).
const LIMIT: i64 = 10;

/// One successful sync of everything: Argo CD's `RevisionHistory`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HistoryEntry {
    /// Counts up.
    pub id: i64,
    /// Commit, for a single source.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub revision: String,
    /// When the sync had succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployed_at: Option<Timestamp>,
    /// When it had begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deploy_started_at: Option<Timestamp>,
    /// The single source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<ApplicationSource>,
    /// The sources, when there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<ApplicationSource>,
    /// Their commits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<String>,
    /// Who asked for it.
    #[serde(skip_serializing_if = "is_nobody")]
    pub initiated_by: Initiator,
}

fn is_nobody(initiator: &Initiator) -> bool {
    *initiator == Initiator::default()
}

/// A person's word that an Application stays where it is, whatever Git says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hold {
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
    /// Since when.
    pub since: Timestamp,
    /// The revision it was rolled back to; `""` when it is only held.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub revision: String,
}

impl Hold {
    /// One sentence for people.
    #[must_use]
    pub fn sentence(&self) -> String {
        let place = if self.revision.is_empty() { String::new() } else { format!(" at {}", self.revision) };
        format!("held{place} by {} since {}: {}", self.by, self.since.strftime("%Y-%m-%dT%H:%M:%SZ"), self.why)
    }
}

/// What is kept about one Application.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApplicationRecord {
    /// Oldest first.
    pub history: Vec<HistoryEntry>,
    /// The hold, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
}

impl ApplicationRecord {
    /// Adds an entry with the next id and drops the oldest beyond the limit.
    fn add(&mut self, mut entry: HistoryEntry, limit: i64) {
        entry.id = self.history.last().map_or(0, |last| last.id.saturating_add(1));
        self.history.push(entry);
        let keep = usize::try_from(limit).unwrap_or(0);
        let extra = self.history.len().saturating_sub(keep);
        self.history.drain(..extra);
    }
}

/// Keeps records of Applications that are no objects of the cluster.
#[async_trait]
pub trait HistoryStore: Debug + Send + Sync {
    /// The record of an Application; an empty one when there is none.
    ///
    /// # Errors
    /// A sentence, when it cannot be read.
    async fn load(&self, application: &str) -> Result<ApplicationRecord, String>;

    /// Replaces the record of an Application, wholly or not at all.
    ///
    /// # Errors
    /// A sentence, when it cannot be written.
    async fn store(&self, application: &str, record: &ApplicationRecord) -> Result<(), String>;
}

/// Forgets everything with the process.
#[derive(Debug, Default)]
pub struct MemoryHistory {
    records: Mutex<BTreeMap<String, ApplicationRecord>>,
}

#[async_trait]
impl HistoryStore for MemoryHistory {
    async fn load(&self, application: &str) -> Result<ApplicationRecord, String> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(records.get(application).cloned().unwrap_or_default())
    }

    async fn store(&self, application: &str, record: &ApplicationRecord) -> Result<(), String> {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.insert(application.to_owned(), record.clone());
        Ok(())
    }
}

/// Where one Application's record is: in its object, or in the store.
pub(super) struct Records<'a> {
    pub(super) cluster: &'a dyn ClusterBackend,
    pub(super) store: &'a dyn HistoryStore,
    /// The Application's object, when it is one.
    pub(super) object: Option<&'a Manifest>,
}

impl Records<'_> {
    /// Reads the record. A history or hold that cannot be understood counts as none.
    pub(super) async fn load(&self, application: &str) -> Result<ApplicationRecord, ClusterError> {
        let Some(object) = self.object else { return self.store.load(application).await.map_err(unusable) };
        let history = object.value().pointer("/status/history").cloned().unwrap_or_default();
        let hold = object.annotation(annotations::HOLD).and_then(|text| serde_json::from_str(text).ok());
        Ok(ApplicationRecord { history: serde_json::from_value(history).unwrap_or_default(), hold })
    }

    /// Adds a successful sync to the history.
    pub(super) async fn add(&self, target: &Target, entry: HistoryEntry) -> Result<(), ClusterError> {
        let mut record = self.load(target.name()).await?;
        record.add(entry, target.application.spec.revision_history_limit.unwrap_or(LIMIT));
        match self.object {
            None => self.store.store(target.name(), &record).await.map_err(unusable),
            Some(object) => self.patch(object, json!({"status": {"history": record.history}})).await,
        }
    }

    /// Sets or lifts the hold.
    pub(super) async fn hold(&self, application: &str, hold: Option<&Hold>) -> Result<(), ClusterError> {
        let Some(object) = self.object else {
            let mut record = self.store.load(application).await.map_err(unusable)?;
            record.hold = hold.cloned();
            return self.store.store(application, &record).await.map_err(unusable);
        };
        let text = hold.and_then(|hold| serde_json::to_string(hold).ok()).map_or(Value::Null, Value::from);
        self.patch(object, json!({"metadata": {"annotations": {(annotations::HOLD): text}}})).await
    }

    async fn patch(&self, object: &Manifest, patch: Value) -> Result<(), ClusterError> {
        let options = WriteOptions { field_manager: "argocd-controller".into(), ..WriteOptions::default() };
        self.cluster.patch(&ObjectRef::of(object), None, &Patch::Merge(patch), &options).await.map(|_| ())
    }
}

fn unusable(reason: String) -> ClusterError {
    ClusterError::Config { message: format!("the revision history: {reason}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_count_up_and_the_oldest_go() {
        let mut record = ApplicationRecord::default();
        for n in 0..5 {
            record.add(HistoryEntry { revision: n.to_string(), ..HistoryEntry::default() }, 3);
        }
        let kept: Vec<_> = record.history.iter().map(|entry| (entry.id, entry.revision.as_str())).collect();
        assert_eq!(kept, [(2, "2"), (3, "3"), (4, "4")]);
        record.add(HistoryEntry::default(), 0);
        assert!(record.history.is_empty(), "a limit of 0 keeps none");
    }
}
