//! Errors as the command line shows them: one message, hints, and the exit status they mean.

use std::fmt::Display;
use std::process::ExitCode;

use crate::output;

/// What kind of failure it is; decides the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Something failed.
    Failed,
    /// The arguments make no sense.
    Usage,
    /// A safety check said no.
    Refused,
}

/// One error to print.
#[derive(Debug)]
pub(crate) struct CommandError {
    kind: Kind,
    message: String,
    hints: Vec<String>,
}

impl CommandError {
    /// Something failed.
    pub(crate) fn failed(message: impl Display) -> Self {
        Self { kind: Kind::Failed, message: message.to_string(), hints: Vec::new() }
    }

    /// Wrong arguments.
    pub(crate) fn usage(message: impl Display) -> Self {
        Self { kind: Kind::Usage, message: message.to_string(), hints: Vec::new() }
    }

    /// Refused by a safety check.
    pub(crate) fn refused(message: impl Display) -> Self {
        Self { kind: Kind::Refused, message: message.to_string(), hints: Vec::new() }
    }

    /// Adds what to do about it.
    pub(crate) fn hint(mut self, hint: impl Display) -> Self {
        let hint = hint.to_string();
        if !hint.is_empty() {
            self.hints.push(hint);
        }
        self
    }

    /// What is wrong.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Prints it to standard error and gives the exit status.
    pub(crate) fn print(&self) -> ExitCode {
        output::error(&self.message, &self.hints);
        ExitCode::from(match self.kind {
            Kind::Failed => 1,
            Kind::Usage => 2,
            Kind::Refused => 3,
        })
    }
}
