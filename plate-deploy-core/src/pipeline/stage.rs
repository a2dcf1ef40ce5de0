//! The seam for a step of a deploy: [`Stage`].

use std::fmt::Debug;

use async_trait::async_trait;

use super::Run;
use crate::report::Diagnostic;

/// One step of a deploy. The built-in ones are in this module; another tool puts its own between them with
/// [`Pipeline::insert_after`](super::Pipeline::insert_after).
#[async_trait]
pub trait Stage: Debug + Send + Sync {
    /// A short word, unique in a pipeline: `plan`.
    fn name(&self) -> &str;

    /// Does the step: takes what earlier stages left in the run, leaves its own value there.
    ///
    /// # Errors
    /// [`StageError`] stops the run. A stage that fails must leave nothing half-done, or be safe to run again.
    async fn run(&self, run: &mut Run) -> Result<StageDone, StageError>;
}

/// Where a stage of another tool goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// Right before the stage of this name.
    Before(String),
    /// Right after the stage of this name.
    After(String),
}

/// How a stage went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageDone {
    /// One line for people: what it did or why there was nothing to do.
    pub summary: String,
    /// There was nothing to do.
    pub skipped: bool,
}

impl StageDone {
    /// It did something.
    pub fn done(summary: impl Into<String>) -> Self {
        Self { summary: summary.into(), skipped: false }
    }

    /// There was nothing to do.
    pub fn skipped(summary: impl Into<String>) -> Self {
        Self { summary: summary.into(), skipped: true }
    }
}

/// Why a run stopped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct StageError {
    /// A safety check said no, rather than something broke.
    pub refused: bool,
    /// What went wrong.
    pub message: String,
    /// What to do; may be empty.
    pub remedy: String,
    /// Findings that explain it.
    pub findings: Vec<Diagnostic>,
}

impl StageError {
    /// Something broke.
    pub fn failed(message: impl std::fmt::Display) -> Self {
        Self { refused: false, message: message.to_string(), remedy: String::new(), findings: Vec::new() }
    }

    /// A safety check said no.
    pub fn refused(message: impl std::fmt::Display) -> Self {
        Self { refused: true, ..Self::failed(message) }
    }

    /// Adds what to do.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }
}
