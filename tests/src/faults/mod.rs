//! Fail points around everything a run does to the world: its journal, its Git repository, its cluster.
//!
//! The wrappers stand where the library has its seams, so nothing of this is in the product. Every operation has two
//! points, one before and one after it; a [`Plan`] decides at each whether the run goes on, gets an error, or ends with
//! SIGKILL.

mod cluster;
mod git;
mod journal;
pub mod matrix;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

pub use cluster::PointedCluster;
pub use git::PointedGit;
pub use journal::PointedJournal;

/// What happens at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Go,
    /// The process is killed.
    Kill,
    /// The operation fails: before it was done, or after it was done but its answer got lost.
    Fail(Failure),
}

/// How an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Too many requests (HTTP 429).
    TooMany,
    /// The server broke (HTTP 500).
    Broken,
    /// No answer.
    Timeout,
    /// Somebody else changed the object (HTTP 409).
    Conflict,
    /// Git: the remote is gone. Journal: the disk is full.
    Gone,
}

/// Decides at each point, by its name.
pub type Decide = dyn Fn(&str) -> Verdict + Send + Sync;

/// The points of a run: their names in the order in which they were reached, and what happens at them.
#[derive(Clone)]
pub struct Plan {
    decide: Arc<Decide>,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    order: Vec<String>,
    /// How often an operation was begun: the same one twice has two names.
    counts: BTreeMap<String, usize>,
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plan({} points)", self.seen.lock().unwrap_or_else(PoisonError::into_inner).order.len())
    }
}

impl Plan {
    /// With this decision.
    pub fn new(decide: impl Fn(&str) -> Verdict + Send + Sync + 'static) -> Self {
        Self { decide: Arc::new(decide), seen: Arc::default() }
    }

    /// Nothing happens; the points are only noted.
    #[must_use]
    pub fn watch() -> Self {
        Self::new(|_| Verdict::Go)
    }

    /// The process is killed at this point.
    #[must_use]
    pub fn kill_at(name: &str) -> Self {
        let name = name.to_owned();
        Self::new(move |point| if point == name { Verdict::Kill } else { Verdict::Go })
    }

    /// The points that were reached, in order.
    #[must_use]
    pub fn points(&self) -> Vec<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).order.clone()
    }

    /// A name for an operation that begins: `api create v1/Service/x`, with ` #2` when it is the second time.
    fn begin(&self, operation: &str) -> String {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let count = seen.counts.entry(operation.to_owned()).or_default();
        *count += 1;
        if *count == 1 { operation.to_owned() } else { format!("{operation} #{count}") }
    }

    /// Passes a point; a failure is the caller's to make an error of.
    fn pass(&self, operation: &str, when: &str) -> Option<Failure> {
        let name = format!("{when} {operation}");
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).order.push(name.clone());
        match (self.decide)(&name) {
            Verdict::Go => None,
            Verdict::Kill => {
                die();
                None
            }
            Verdict::Fail(failure) => Some(failure),
        }
    }
}

/// SIGKILL: nothing is flushed, nothing is dropped, no handler runs.
fn die() {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    // The signal may need a moment to arrive; nothing may happen in it.
    std::thread::sleep(std::time::Duration::from_secs(60));
}
