//! Events of a run, in the order they happen.

use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{DeployPlan, DeployReport};
use crate::model::{HealthCode, OperationPhase, ResourceKey, SyncCode};

/// How bad a [`Diagnostic`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Probably a mistake; nothing stops.
    Warning,
    /// Something that cannot work.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// A finding about the repository or a run: what, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// How bad.
    pub severity: Severity,
    /// Stable name of the rule or condition, e.g. `missing-value-file`.
    pub code: String,
    /// File in the repository, when it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Line from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Column from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do; `""` when there is nothing to do.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remedy: String,
}

impl Diagnostic {
    /// A finding without a place.
    pub fn new(severity: Severity, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity,
            code: code.into(),
            file: None,
            line: None,
            column: None,
            message: message.into(),
            remedy: String::new(),
        }
    }

    /// Adds the file and line (from 1).
    #[must_use]
    pub fn at(mut self, file: impl Into<String>, line: Option<usize>) -> Self {
        self.file = Some(file.into());
        self.line = line;
        self
    }

    /// Adds the remedy.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }
}

/// `file:line:column: severity: message [code]`, then the remedy on a line of its own.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}:")?;
            if let Some(line) = self.line {
                write!(f, "{line}:")?;
            }
            if let Some(column) = self.column {
                write!(f, "{column}:")?;
            }
            f.write_str(" ")?;
        }
        write!(f, "{}: {} [{}]", self.severity, self.message, self.code)?;
        if !self.remedy.is_empty() {
            write!(f, "\n    → {}", self.remedy)?;
        }
        Ok(())
    }
}

/// One thing that happened in a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Event {
    /// A stage began.
    StageStarted {
        /// Its name.
        stage: String,
    },
    /// A stage ended.
    StageFinished {
        /// Its name.
        stage: String,
        /// One line about what it did.
        summary: String,
        /// How long it took.
        duration: Duration,
        /// Whether it succeeded.
        ok: bool,
    },
    /// Something to know on the way.
    Note {
        /// The text.
        text: String,
    },
    /// A finding.
    Finding(Diagnostic),
    /// An Application's state changed.
    Application {
        /// Its name.
        name: String,
        /// Sync status.
        sync: SyncCode,
        /// Health.
        health: HealthCode,
        /// The running or last operation.
        phase: Option<OperationPhase>,
        /// What it waits for, or why it failed.
        message: String,
    },
    /// A resource was written or deleted, or could not be.
    Resource {
        /// The Application it belongs to.
        application: String,
        /// The object.
        key: ResourceKey,
        /// What was done: `created`, `configured`, `pruned`, or the error.
        message: String,
        /// Whether it worked.
        ok: bool,
    },
    /// A library's state changed.
    Library {
        /// Its name.
        name: String,
        /// What it waits for, or `ready`.
        message: String,
        /// Whether it is ready.
        ready: bool,
    },
    /// What the run is about to change.
    Planned {
        /// The plan.
        plan: Box<DeployPlan>,
    },
    /// The run has ended; nothing follows.
    Finished {
        /// Its report.
        report: Box<DeployReport>,
    },
    /// A commit was made and, when there is a remote, pushed.
    Committed {
        /// Full id.
        commit: String,
        /// First line of the message.
        subject: String,
        /// Whether it was pushed to a remote.
        pushed: bool,
    },
}

/// Takes events. Implementations must be quick: the run waits for them.
pub trait Reporter: Debug + Send + Sync {
    /// Takes one event.
    fn report(&self, event: &Event);
}

/// Drops every event.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoReporter;

impl Reporter for NoReporter {
    fn report(&self, _: &Event) {}
}

/// An event and when it came, from the start of the recording.
#[derive(Clone, Debug)]
pub struct TimedEvent {
    /// Time since the recording began.
    pub at: Duration,
    /// The event.
    pub event: Event,
}

/// Keeps every event with its time, and passes it on.
#[derive(Debug)]
pub struct TimedRecorder {
    start: Instant,
    events: Mutex<Vec<TimedEvent>>,
    next: Arc<dyn Reporter>,
}

impl TimedRecorder {
    /// Begins to record; `next` gets every event, too.
    #[must_use]
    pub fn new(next: Arc<dyn Reporter>) -> Self {
        Self { start: Instant::now(), events: Mutex::default(), next }
    }

    /// The events so far.
    #[must_use]
    pub fn events(&self) -> Vec<TimedEvent> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Reporter for TimedRecorder {
    fn report(&self, event: &Event) {
        let timed = TimedEvent { at: self.start.elapsed(), event: event.clone() };
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(timed);
        self.next.report(event);
    }
}

/// Keeps every event, for tests and for hosts that poll.
#[derive(Debug, Default)]
pub struct Recorder {
    events: Mutex<Vec<Event>>,
}

impl Recorder {
    /// The events so far.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Reporter for Recorder {
    fn report(&self, event: &Event) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event.clone());
    }
}
