//! What lives between runs in the state directory: the [`Journal`] of runs under way, the [`HistoryStore`] of finished
//! ones, and the lock that lets one process at a time write there.
//!
//! Both logs are append-only files of checksummed lines ([`RecordLog`]): a record is on the disk before what it announces
//! happens, and a line that was torn by a crash is cut off.

mod history;
mod journal;
mod log;
mod process_lock;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use history::{FileHistory, HistoryEntry, HistoryStore, MemoryHistory};
pub use journal::{FileJournal, Journal, JournalEvent, JournalRecord, MemoryJournal, UnfinishedRun, unfinished};
pub use log::RecordLog;
pub use process_lock::{Occupant, ProcessLock};

/// Why the state directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// Reading or writing failed.
    #[error("{path}: cannot {action}: {message}")]
    Io {
        /// The file.
        path: String,
        /// What was tried.
        action: &'static str,
        /// The cause.
        message: String,
    },
    /// A record in the middle of a log does not match its checksum: the disk or somebody changed it.
    #[error(
        "{path}:{line}: the record is damaged, and others follow it; move the file away to start anew (what it says of \
         runs that were cut off is then lost)"
    )]
    Damaged {
        /// The file.
        path: String,
        /// Line from 1.
        line: usize,
    },
    /// Another process works with the state directory.
    #[error("{path} is in use by {occupant}")]
    Busy {
        /// The lock file.
        path: String,
        /// What the other process says about itself.
        occupant: Occupant,
    },
}

/// The state directory of a repository.
#[derive(Clone, Debug)]
pub struct State {
    /// The folder.
    pub dir: PathBuf,
    /// Runs under way.
    pub journal: Arc<dyn Journal>,
    /// Runs that ended.
    pub history: Arc<dyn HistoryStore>,
}

impl State {
    /// The logs in a folder; it is made with the first record.
    #[must_use]
    pub fn open(dir: &Path) -> Self {
        Self {
            dir: dir.into(),
            journal: Arc::new(FileJournal::new(dir.join("journal.log"))),
            history: Arc::new(FileHistory::new(dir.join("history.log"))),
        }
    }
}

/// An error of one file operation.
fn io(path: &Path, action: &'static str) -> impl Fn(std::io::Error) -> StateError + use<> {
    let path = path.display().to_string();
    move |error| StateError::Io { path: path.clone(), action, message: error.to_string() }
}
