//! One process at a time: an operating system lock on a file, which goes with the process, and a word on who holds it.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{StateError, io};

/// Wait between two looks at a lock that another process holds.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What the holder says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occupant {
    /// What it does: `deploy staging`.
    pub what: String,
    /// Who runs it.
    pub who: String,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Its process id.
    pub process: u32,
}

impl fmt::Display for Occupant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.what.is_empty() {
            return f.write_str("another process");
        }
        write!(f, "{:?}", self.what)?;
        if !self.who.is_empty() {
            write!(f, " of {}", self.who)?;
        }
        write!(f, " (process {}", self.process)?;
        match self.since {
            Some(since) => write!(f, ", since {since:.0})"),
            None => f.write_str(")"),
        }
    }
}

/// A held lock; dropping it, or the end of the process, lets the next one in.
#[derive(Debug)]
pub struct ProcessLock {
    _file: File,
}

impl ProcessLock {
    /// Takes the lock, waiting at most `wait` for another process.
    ///
    /// # Errors
    /// [`StateError::Busy`] with the other process when the time is over; [`StateError::Io`].
    pub async fn acquire(path: &Path, me: &Occupant, wait: Duration) -> Result<Self, StateError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(io(folder, "make the folder"))?;
        }
        let open = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path);
        let file = open.map_err(io(path, "open"))?;
        let deadline = Instant::now() + wait;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => tokio::time::sleep(LOOK_AGAIN).await,
                Err(TryLockError::WouldBlock) => {
                    let occupant = std::fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok());
                    let path = path.display().to_string();
                    return Err(StateError::Busy { path, occupant: occupant.unwrap_or_default() });
                }
                Err(TryLockError::Error(error)) => return Err(io(path, "lock")(error)),
            }
        }
        // Only for people: the lock itself is the operating system's.
        let me = Occupant { process: std::process::id(), ..me.clone() };
        let _ = std::fs::write(path, serde_json::to_vec(&me).unwrap_or_default());
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_second_learns_who_holds_it_and_gets_it_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x/run.lock");
        let me = Occupant { what: "deploy staging".into(), who: "kim".into(), ..Occupant::default() };
        let held = ProcessLock::acquire(&path, &me, Duration::ZERO).await.unwrap();
        let refused = ProcessLock::acquire(&path, &me, Duration::from_millis(60)).await.unwrap_err().to_string();
        assert!(refused.contains("\"deploy staging\" of kim (process "), "{refused}");
        drop(held);
        ProcessLock::acquire(&path, &me, Duration::ZERO).await.unwrap();
    }
}
