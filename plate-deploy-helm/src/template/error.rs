//! Errors of parsing and running templates, worded as Go words them.

use std::fmt;

/// Why a text cannot be parsed. Which file it came from is known only to whoever asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Line, from 1.
    pub line: usize,
    /// Go's text without prefix.
    pub message: String,
    /// The line on which the unfinished action began, when it is another one.
    pub action_line: Option<usize>,
}

impl ParseError {
    /// Go's whole text, with the file's name.
    #[must_use]
    pub fn message(&self, file: &str) -> String {
        let mut text = format!("template: {file}:{}: {}", self.line, self.message);
        if let Some(line) = self.action_line {
            // Go avoids saying "action in action".
            let joint = if self.message.ends_with(" action") { " started at" } else { " in action started at" };
            text.push_str(&format!("{joint} {file}:{line}"));
        }
        text
    }
}

/// Where an error happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The file, as the render names it: `chart/templates/x.yaml`; `gotpl` for a text given to `tpl`.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in bytes, from 0, as Go counts.
    pub column: usize,
    /// The template being run: a file or a `define`.
    pub template: String,
    /// The node that failed, as Go prints it.
    pub node: String,
    /// The source line.
    pub excerpt: String,
}

/// What kind of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A template failed while running.
    Exec,
    /// The plain error of a function or a look-up by name.
    Plain,
    /// A limit (steps, depth, output, time) was reached: the render stops.
    Limit,
}

/// A failure while running templates: one link of Go's chain of wrapped errors.
#[derive(Clone, Debug)]
pub struct Error {
    pub(super) inner: Box<Inner>,
}

#[derive(Clone, Debug)]
pub(super) struct Inner {
    pub(super) kind: Kind,
    /// The text up to the wrapped error's.
    pub(super) prefix: String,
    pub(super) location: Option<Location>,
    pub(super) cause: Option<Error>,
}

impl Error {
    /// The plain error of a function.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> Self {
        Self::new(Kind::Plain, text.into(), None, None)
    }

    /// A reached limit.
    #[must_use]
    pub fn limit(text: impl Into<String>) -> Self {
        Self::new(Kind::Limit, text.into(), None, None)
    }

    /// An error whose text goes before the cause's, as Go's `%w` at the end of a format.
    #[must_use]
    pub fn wrap(prefix: impl Into<String>, cause: Error) -> Self {
        let kind = if cause.kind() == Kind::Limit { Kind::Limit } else { Kind::Plain };
        Self::new(kind, prefix.into(), None, Some(cause))
    }

    pub(super) fn new(kind: Kind, prefix: String, location: Option<Location>, cause: Option<Error>) -> Self {
        Self { inner: Box::new(Inner { kind, prefix, location, cause }) }
    }

    /// What kind of failure it was.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.inner.kind
    }

    /// Where it happened; `None` for plain errors.
    #[must_use]
    pub fn location(&self) -> Option<&Location> {
        self.inner.location.as_ref()
    }

    /// The error it wraps, Go's `errors.Unwrap`.
    #[must_use]
    pub fn cause(&self) -> Option<&Error> {
        self.inner.cause.as_ref()
    }

    /// The error's own text, before its cause's.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.inner.prefix
    }

    /// The error and what it wraps, outermost first.
    pub fn chain(&self) -> impl Iterator<Item = &Error> {
        std::iter::successors(Some(self), |error| error.cause())
    }
}

impl fmt::Display for Error {
    /// Go's text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.chain().try_for_each(|error| f.write_str(&error.inner.prefix))
    }
}

impl std::error::Error for Error {}

impl Drop for Inner {
    /// Unlinks long chains (deep `include` recursion) one by one.
    fn drop(&mut self) {
        let mut next = self.cause.take();
        while let Some(mut error) = next {
            next = error.inner.cause.take();
        }
    }
}
