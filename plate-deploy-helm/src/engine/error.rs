//! Render errors: Helm's text for people and machines that know Helm, structure for the others.

use std::fmt;

use crate::template::{Error as TemplateError, ErrorKind, Location, ParseError};

/// Marks the message of `fail` and `required` inside Go's error text, as Helm does.
const MESSAGE_START: &str = "HELM_ERR_START";
const MESSAGE_END: &str = "HELM_ERR_END";

/// Marks a message as the chart author's own.
pub(super) fn mark(message: &str) -> String {
    format!("{MESSAGE_START}{message}{MESSAGE_END}")
}

/// What went wrong in a render.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RenderErrorKind {
    /// A template cannot be parsed.
    Parse,
    /// A template failed while running.
    Exec,
    /// The chart itself refuses, with `fail` or `required`.
    Refused,
    /// A limit (steps, depth, output, memory, time) was reached.
    Limit,
}

/// A chart that does not render.
///
/// `{}` is Helm's text. `{:#}` adds the source line and the chain of `include`, `template` and `tpl` calls that led
/// there.
#[derive(Clone, Debug)]
pub struct RenderError(Box<Repr>);

#[derive(Clone, Debug)]
struct Repr {
    kind: RenderErrorKind,
    message: String,
    template: String,
    location: Option<Location>,
    chain: Vec<Location>,
}

impl RenderError {
    /// Helm's `parse error at (FILE:LINE): …`.
    pub(super) fn parse(file: &str, error: &ParseError, excerpt: String) -> Self {
        let text = error.message(file);
        let place = text.split(": ").nth(1).unwrap_or_default();
        let message = text.rsplit(": ").next().unwrap_or_default();
        Self(Box::new(Repr {
            kind: RenderErrorKind::Parse,
            message: format!("parse error at ({place}): {message}"),
            template: file.to_owned(),
            location: Some(Location {
                file: file.to_owned(),
                line: error.line,
                column: 0,
                template: file.to_owned(),
                node: String::new(),
                excerpt,
            }),
            chain: Vec::new(),
        }))
    }

    /// An error of running `file`.
    pub(super) fn exec(file: &str, error: &TemplateError) -> Self {
        let chain: Vec<Location> = error.chain().filter_map(TemplateError::location).cloned().collect();
        let (kind, message) = match error.kind() {
            ErrorKind::Limit => (RenderErrorKind::Limit, format!("rendering {file}: {error}")),
            ErrorKind::Exec => helm_text(file, error),
            _ => (RenderErrorKind::Exec, error.to_string()),
        };
        Self(Box::new(Repr { kind, message, template: file.to_owned(), location: chain.last().cloned(), chain }))
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> RenderErrorKind {
        self.0.kind
    }

    /// Helm's text.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The file that was being rendered: `chart/templates/x.yaml`.
    #[must_use]
    pub fn template(&self) -> &str {
        &self.0.template
    }

    /// Where it happened: the innermost place known. `None` when a limit stopped the render.
    #[must_use]
    pub fn location(&self) -> Option<&Location> {
        self.0.location.as_ref()
    }

    /// The places from the rendered file to the failure, outermost first.
    #[must_use]
    pub fn chain(&self) -> &[Location] {
        &self.0.chain
    }
}

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        if !f.alternate() {
            return Ok(());
        }
        if let Some(place) = &self.0.location {
            write!(f, "\n\n  {} line {}:\n    {}", place.file, place.line, place.excerpt)?;
        }
        for place in self.0.chain.iter().rev().skip(1) {
            write!(f, "\n  called from {}:{}:{} <{}>", place.file, place.line, place.column, place.node)?;
        }
        Ok(())
    }
}

impl std::error::Error for RenderError {}

/// Helm's rewriting of a text/template error.
fn helm_text(file: &str, error: &TemplateError) -> (RenderErrorKind, String) {
    let text = error.to_string();
    let mut tokens = text.splitn(3, ": ");
    let (_, Some(place), Some(rest)) = (tokens.next(), tokens.next(), tokens.next()) else {
        return (RenderErrorKind::Exec, format!("execution error in ({file}): {text}"));
    };
    if let Some(message) = marked_message(rest) {
        return (RenderErrorKind::Refused, format!("execution error at ({place}): {message}"));
    }
    let mut parts: Vec<Part> = Vec::new();
    for link in error.chain() {
        // A link's text ends where the next one's begins; the next one's beginning is enough to see that.
        let next = link.cause().map_or("", TemplateError::prefix);
        let Some(part) = Part::of(&format!("{}{next}", link.prefix())) else {
            return (RenderErrorKind::Exec, text);
        };
        if parts.last() != Some(&part) {
            parts.push(part);
        }
    }
    let joined: String = parts.iter().map(Part::to_string).collect();
    (RenderErrorKind::Exec, joined.trim().to_owned())
}

fn marked_message(text: &str) -> Option<&str> {
    let start = text.find(MESSAGE_START)? + MESSAGE_START.len();
    let end = text.rfind(MESSAGE_END).filter(|end| *end >= start)?;
    text.get(start..end)
}

/// One link of the chain as Helm prints it: place, what was executed, message, each further indented.
#[derive(PartialEq, Eq)]
struct Part {
    place: String,
    executed: String,
    message: String,
}

impl Part {
    /// Reads the texts that text/template makes; `None` for others.
    fn of(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("template: ")?;
        if rest.starts_with("no template ") {
            return Some(Self { place: String::new(), executed: String::new(), message: text.to_owned() });
        }
        Self::executing(rest).or_else(|| {
            let (place, message) = rest.rsplit_once(": ")?;
            Some(Self { place: place.to_owned(), executed: String::new(), message: before_next(message) })
        })
    }

    /// `PLACE: executing "NAME" at <NODE>: MESSAGE`.
    fn executing(rest: &str) -> Option<Self> {
        let (place, after) = rest.split_once(": executing ")?;
        let (name, after) = after.strip_prefix('"')?.split_once('"')?;
        let (node, message) = after.strip_prefix(" at <")?.split_once(">: ")?;
        Some(Self {
            place: place.to_owned(),
            executed: format!("executing \"{name}\" at <{node}>:"),
            message: before_next(message),
        })
    }
}

fn before_next(message: &str) -> String {
    message.split(" template:").next().unwrap_or_default().to_owned()
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.is_empty() {
            write!(f, "{}\n  ", self.place)?;
        }
        if !self.executed.is_empty() {
            write!(f, "{}\n    ", self.executed)?;
        }
        if !self.message.is_empty() {
            writeln!(f, "{}", self.message)?;
        }
        Ok(())
    }
}
