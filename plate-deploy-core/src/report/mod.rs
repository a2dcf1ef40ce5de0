//! What a run tells while it goes ([`Event`], [`Reporter`]) and when it has ended ([`DeployReport`]).
//!
//! Core never prints: the command line, Python and other hosts render these.

mod event;
pub mod html;
pub mod lines;
mod outcome;
mod plan;

pub use event::{Diagnostic, Event, NoReporter, Recorder, Reporter, Severity, TimedEvent, TimedRecorder};
pub use outcome::{
    AccessPoint, ApplicationReport, CommitReport, DeployReport, LibraryReport, Outcome, ResourceReport, StageReport,
    StageResult,
};
pub use plan::{Action, ApplicationPlan, DeployPlan, FileChange, ResourceChange};
