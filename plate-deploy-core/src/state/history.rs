//! What was deployed when, by whom, and whether it became healthy.

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{RecordLog, StateError};

/// One finished run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    /// The run's id.
    pub id: String,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// `deploy`, `rollback`, `promote`, `restore`, `delete`.
    pub verb: String,
    /// The environment.
    pub environment: String,
    /// The cluster's context, or `embedded`.
    pub cluster: String,
    /// The commit that was deployed.
    pub revision: String,
    /// The commit it made, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// How it ended: `deployed`, `unchanged`, `failed`, `refused`, `notHealthy`.
    pub outcome: String,
    /// Every Application was Synced and Healthy at its end.
    pub healthy: bool,
    /// One line.
    pub summary: String,
    /// Who.
    pub who: String,
    /// `component = image` of each image that was set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// The plan's digest.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub digest: String,
}

/// Keeps finished runs.
pub trait HistoryStore: Debug + Send + Sync {
    /// Every entry, oldest first.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be read.
    fn entries(&self) -> Result<Vec<HistoryEntry>, StateError>;

    /// Adds one.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be written.
    fn add(&self, entry: &HistoryEntry) -> Result<(), StateError>;
}

impl dyn HistoryStore {
    /// The last run after which the environment was healthy.
    ///
    /// # Errors
    /// As [`HistoryStore::entries`].
    pub fn last_healthy(&self, environment: &str) -> Result<Option<HistoryEntry>, StateError> {
        let all = self.entries()?;
        Ok(all.into_iter().rev().find(|e| e.environment == environment && e.healthy && e.verb != "delete"))
    }

    /// The entry of a run, by its id or an unambiguous beginning of it.
    ///
    /// # Errors
    /// As [`HistoryStore::entries`].
    pub fn find(&self, environment: &str, id: &str) -> Result<Option<HistoryEntry>, StateError> {
        let mut all = self.entries()?;
        all.retain(|e| e.environment == environment && e.id.starts_with(id));
        all.dedup_by(|a, b| a.id == b.id);
        Ok(if all.len() == 1 { all.pop() } else { all.into_iter().find(|e| e.id == id) })
    }
}

/// The history in a file.
#[derive(Debug)]
pub struct FileHistory {
    log: RecordLog,
}

impl FileHistory {
    /// The history at this path.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { log: RecordLog::new(path) }
    }
}

impl HistoryStore for FileHistory {
    fn entries(&self) -> Result<Vec<HistoryEntry>, StateError> {
        self.log.read()
    }

    fn add(&self, entry: &HistoryEntry) -> Result<(), StateError> {
        self.log.append(entry)
    }
}

/// A history that lives as long as the process.
#[derive(Debug, Default)]
pub struct MemoryHistory {
    entries: Mutex<Vec<HistoryEntry>>,
}

impl HistoryStore for MemoryHistory {
    fn entries(&self) -> Result<Vec<HistoryEntry>, StateError> {
        Ok(self.entries.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn add(&self, entry: &HistoryEntry) -> Result<(), StateError> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).push(entry.clone());
        Ok(())
    }
}
