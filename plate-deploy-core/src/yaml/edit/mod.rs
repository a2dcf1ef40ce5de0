//! Edits of one value in a YAML file that leave every other byte as it is: comments, order, quotes, line endings.
//!
//! An edit replaces the bytes of one scalar (or inserts one line), then reads the result again and compares every event
//! of both texts: an edit that would change anything else is an error, never a file.

mod events;
mod style;

#[cfg(test)]
mod tests;

use std::ops::Range;

use granit_parser::{ScalarStyle, StructureStyle};
use serde_json::Value;

use super::document::{Mark, YamlError};
use super::scalar::{key_text, resolve_plain};
use crate::model::{FieldPath, FieldStep};
use events::{Events, Shape};
use style::Context;

/// Why a value cannot be set without touching anything else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// The text is broken YAML.
    #[error("cannot edit broken YAML: {0}")]
    Yaml(#[from] YamlError),
    /// The file has fewer documents.
    #[error("there is no document {document} (counted from 0); the file has {count}")]
    NoDocument {
        /// The wanted document.
        document: usize,
        /// How many there are.
        count: usize,
    },
    /// The path leads nowhere.
    #[error("{path} does not exist: {} has no {step}{hint}", place(.at, *.mark))]
    Missing {
        /// The wanted path.
        path: FieldPath,
        /// How far the path leads.
        at: FieldPath,
        /// Where that is.
        mark: Mark,
        /// The missing key or index.
        step: String,
        /// `; did you mean …` or the keys that exist.
        hint: String,
    },
    /// The value is something that an edit of one scalar cannot reach.
    #[error("{path} cannot be edited: {} is {found}; {remedy}", place(.at, *.mark))]
    Unreachable {
        /// The wanted path.
        path: FieldPath,
        /// What stands in the way.
        at: FieldPath,
        /// Where that is.
        mark: Mark,
        /// What it is: `an alias`, `a mapping` …
        found: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// The new value is a list or a mapping.
    #[error("{path} cannot be set to a list or a mapping; set its fields one by one")]
    NotAScalar {
        /// The wanted path.
        path: FieldPath,
    },
    /// The edited text does not read as the old one with this one value changed.
    #[error("{path} at line {}, column {} cannot be edited safely: {reason}; edit the file by hand", .mark.line, .mark.column)]
    Unsafe {
        /// The wanted path.
        path: FieldPath,
        /// Where the edit would be.
        mark: Mark,
        /// What would go wrong.
        reason: String,
    },
}

fn place(path: &FieldPath, mark: Mark) -> String {
    let name = if path.steps().is_empty() { "the document".to_owned() } else { path.to_string() };
    format!("{name} (line {}, column {})", mark.line, mark.column)
}

/// `text` with the scalar at `path` of a document (counted from 0) set to `value`: a string, number, boolean or null.
///
/// Quotes stay as they are when the value allows it; a plain value that would read as another type is quoted.
///
/// ```
/// use plate_deploy_core::{model::FieldPath, yaml::set_scalar};
/// let text = "image:\n  tag: \"1.2.3\"   # the release\n";
/// let path = FieldPath::keys(["image", "tag"]);
/// assert_eq!(set_scalar(text, 0, &path, &"1.3.0".into()).unwrap(), "image:\n  tag: \"1.3.0\"   # the release\n");
/// ```
///
/// # Errors
/// A path that does not exist, leads through an alias or merge, or ends in a mapping, list, block scalar or tagged value.
pub fn set_scalar(text: &str, document: usize, path: &FieldPath, value: &Value) -> Result<String, EditError> {
    let editor = Editor::new(text, document, path, value)?;
    editor.replace()
}

/// As [`set_scalar`]; when only the last key of `path` is missing, it is added at the end of its mapping, indented as the
/// keys beside it.
///
/// # Errors
/// As [`set_scalar`]; also when the mapping to add to does not exist.
pub fn set_or_insert(text: &str, document: usize, path: &FieldPath, value: &Value) -> Result<String, EditError> {
    let editor = Editor::new(text, document, path, value)?;
    match editor.replace() {
        Err(EditError::Missing { at, .. }) if at.steps().len() + 1 == path.steps().len() => editor.insert(),
        other => other,
    }
}

/// One edit.
struct Editor<'a> {
    text: &'a str,
    path: &'a FieldPath,
    value: &'a Value,
    events: Events,
    /// Event of the document's root; `None` for an empty document.
    root: Option<usize>,
}

impl<'a> Editor<'a> {
    fn new(text: &'a str, document: usize, path: &'a FieldPath, value: &'a Value) -> Result<Self, EditError> {
        if value.is_array() || value.is_object() {
            return Err(EditError::NotAScalar { path: path.clone() });
        }
        let events = Events::read(text)?;
        let roots = events.roots();
        let root = match roots.get(document) {
            Some(root) => *root,
            None if document == 0 => None,
            None => return Err(EditError::NoDocument { document, count: roots.len() }),
        };
        Ok(Self { text, path, value, events, root })
    }

    fn prefix(&self, steps: usize) -> FieldPath {
        self.path.steps().iter().take(steps).fold(FieldPath::root(), |path, step| match step {
            FieldStep::Key(key) => path.key(key),
            FieldStep::Index(index) => path.index(*index),
        })
    }

    fn unreachable(&self, steps: usize, event: usize, found: &'static str, remedy: &'static str) -> EditError {
        EditError::Unreachable {
            path: self.path.clone(),
            at: self.prefix(steps),
            mark: self.events.mark(event),
            found,
            remedy,
        }
    }

    /// The event of the value after so many steps of the path.
    fn locate(&self, steps: usize) -> Result<usize, EditError> {
        let root = self.root.ok_or_else(|| self.missing(0, None))?;
        let mut at = root;
        for (done, step) in self.path.steps().iter().take(steps).enumerate() {
            self.refuse_shared(done, at)?;
            let next = match (step, self.events.shape(at)) {
                (FieldStep::Key(key), Shape::MappingStart { .. }) => {
                    let own =
                        self.events.entries(at).rev().find(|(name, _)| self.is_key(*name, key)).map(|(_, value)| value);
                    if own.is_none() && done + 1 < self.path.steps().len() && self.merges(at) {
                        let remedy = "set the value where it is defined, or add the key itself beside `<<`";
                        return Err(self.unreachable(
                            done,
                            at,
                            "a mapping that merges (`<<`) and has no such key of its own",
                            remedy,
                        ));
                    }
                    own
                }
                (FieldStep::Index(index), Shape::SequenceStart { .. }) => self.events.items(at).nth(*index),
                _ => None,
            };
            at = next.ok_or_else(|| self.missing(done, Some(at)))?;
        }
        self.refuse_shared(steps, at)?;
        Ok(at)
    }

    fn is_key(&self, event: usize, key: &str) -> bool {
        match self.events.shape(event) {
            Shape::Scalar { text, style, tag, .. } if *style == ScalarStyle::Plain && tag.is_none() => {
                text == key || resolve_plain(text).is_some_and(|value| key_text(&value) == key)
            }
            Shape::Scalar { text, .. } => text == key,
            _ => false,
        }
    }

    fn merges(&self, mapping: usize) -> bool {
        self.events.entries(mapping).any(|(name, _)| {
            matches!(self.events.shape(name), Shape::Scalar { text, style: ScalarStyle::Plain, tag: None, .. } if text == "<<")
        })
    }

    /// A value that other places show too: changing it here would change it there.
    fn refuse_shared(&self, steps: usize, event: usize) -> Result<(), EditError> {
        match self.events.shape(event) {
            Shape::Alias(_) => {
                Err(self.unreachable(steps, event, "an alias", "set the value at its anchor, or write it out here"))
            }
            shape if shape.anchor().is_some_and(|anchor| self.events.is_aliased(anchor)) => Err(self.unreachable(
                steps,
                event,
                "an anchor that aliases repeat elsewhere",
                "write the aliases out first",
            )),
            _ => Ok(()),
        }
    }

    fn missing(&self, done: usize, at: Option<usize>) -> EditError {
        let step = match self.path.steps().get(done) {
            Some(FieldStep::Key(key)) => format!("key `{key}`"),
            Some(FieldStep::Index(index)) => format!("item {index}"),
            None => "value".to_owned(),
        };
        let hint = at.map_or_else(String::new, |at| self.hint(at, done));
        let mark = at.map_or(Mark { line: 1, column: 1 }, |at| self.events.mark(at));
        EditError::Missing { path: self.path.clone(), at: self.prefix(done), mark, step, hint }
    }

    fn hint(&self, at: usize, done: usize) -> String {
        match self.events.shape(at) {
            Shape::MappingStart { .. } => {
                let keys: Vec<&str> =
                    self.events.entries(at).filter_map(|(name, _)| self.events.shape(name).text()).collect();
                let wanted = match self.path.steps().get(done) {
                    Some(FieldStep::Key(key)) => key.as_str(),
                    _ => return " (it is a mapping)".to_owned(),
                };
                if self.merges(at) {
                    return " of its own; set it in what `<<` merges".to_owned();
                }
                match style::nearest(wanted, &keys) {
                    Some(near) => format!("; did you mean `{near}`?"),
                    None if keys.is_empty() => " (it has no keys)".to_owned(),
                    None => format!("; it has {}", style::some_of(&keys)),
                }
            }
            Shape::SequenceStart { .. } => format!(" (it is a list of {})", self.events.items(at).count()),
            _ => " (it is a single value)".to_owned(),
        }
    }

    fn replace(&self) -> Result<String, EditError> {
        let event = self.locate(self.path.steps().len())?;
        let steps = self.path.steps().len();
        let (style, tag) = match self.events.shape(event) {
            Shape::Scalar { style, tag, .. } => (*style, tag),
            Shape::MappingStart { .. } => {
                return Err(self.unreachable(steps, event, "a mapping", "name one of its values"));
            }
            _ => return Err(self.unreachable(steps, event, "a list", "name one of its items")),
        };
        if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
            return Err(self.unreachable(
                steps,
                event,
                "a block scalar (`|` or `>`)",
                "edit it by hand, or make it a quoted string",
            ));
        }
        if tag.is_some() {
            return Err(self.unreachable(steps, event, "a tagged value (`!…`)", "remove the tag"));
        }
        let context = Context { flow: self.events.in_flow(event), old: style };
        let written = style::write(self.value, context)
            .ok_or_else(|| self.unsafe_edit(event, "the value cannot be written on one line".to_owned()))?;
        let range = self.events.range(event);
        let edited =
            if range.is_empty() { self.fill(event, &range, &written)? } else { splice(self.text, &range, &written) };
        self.check(&edited, event, 1)?;
        Ok(edited)
    }

    /// Writes into `key:` without a value: after the colon.
    fn fill(&self, event: usize, range: &Range<usize>, written: &str) -> Result<String, EditError> {
        let rest = self.text.get(range.start..).unwrap_or_default();
        let gap = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        let Some(after) = rest.get(gap..).and_then(|rest| rest.strip_prefix(':')) else {
            return Err(self.unsafe_edit(event, "the value is empty and has no `key:` on its line".to_owned()));
        };
        let at = range.start + gap + 1;
        let ends = after.is_empty() || after.starts_with([' ', '\t', '\r', '\n', ',', '}', ']']);
        let space = if ends { "" } else { " " };
        Ok(splice(self.text, &(at..at), &format!(" {written}{space}")))
    }

    fn insert(&self) -> Result<String, EditError> {
        let steps = self.path.steps();
        let Some((FieldStep::Key(key), parents)) = steps.split_last() else {
            return Err(self.missing(steps.len().saturating_sub(1), self.root));
        };
        let Some(_) = self.root else { return self.insert_first(key) };
        let mapping = self.locate(parents.len())?;
        let Shape::MappingStart { style, .. } = self.events.shape(mapping) else {
            return Err(self.missing(parents.len(), Some(mapping)));
        };
        let flow = *style == StructureStyle::Flow;
        let context = Context { flow: flow || self.events.in_flow(mapping), old: ScalarStyle::Plain };
        let write = |value: &Value| {
            style::write(value, context)
                .ok_or_else(|| self.unsafe_edit(mapping, "it cannot be written on one line".to_owned()))
        };
        let line = format!("{}: {}", write(&Value::from(key.as_str()))?, write(self.value)?);
        let edited = if flow { self.insert_in_flow(mapping, &line) } else { self.insert_in_block(mapping, &line)? };
        self.check(&edited, self.events.end(mapping), 2)?;
        Ok(edited)
    }

    /// The first value of an empty document, after whatever comments it has.
    fn insert_first(&self, key: &str) -> Result<String, EditError> {
        let context = Context { flow: false, old: ScalarStyle::Plain };
        let (Some(key), Some(value)) = (style::write(&Value::from(key), context), style::write(self.value, context))
        else {
            return Err(self.missing(0, None));
        };
        let end = line_ending(self.text);
        let gap = if self.text.is_empty() || self.text.ends_with('\n') || self.text == "\u{feff}" { "" } else { end };
        let edited = format!("{}{gap}{key}: {value}{end}", self.text);
        let parsed = super::parse(&edited);
        let wanted = serde_json::json!({ self.path.last_key(): self.value });
        match parsed.documents.first().map(super::Document::json) {
            Some(Ok(found)) if parsed.error.is_none() && found == wanted && parsed.documents.len() == 1 => Ok(edited),
            _ => Err(self.missing(0, None)),
        }
    }

    fn insert_in_flow(&self, mapping: usize, line: &str) -> String {
        let closing = self.events.range(self.events.end(mapping)).start;
        let inside = self.text.get(self.events.range(mapping).end..closing).unwrap_or_default();
        let content = inside.trim_end();
        let at = closing - (inside.len() - content.len());
        let line = match content.chars().last() {
            None => line.to_owned(),
            Some(',') => format!(" {line}"),
            Some(_) => format!(", {line}"),
        };
        splice(self.text, &(at..at), &line)
    }

    fn insert_in_block(&self, mapping: usize, line: &str) -> Result<String, EditError> {
        let first = self.events.entries(mapping).next().map(|(name, _)| name);
        let Some(first) = first else { return Err(self.unsafe_edit(mapping, "the mapping has no keys".to_owned())) };
        let column = self.events.mark(first).column - 1;
        let last = self.events.last_content(mapping);
        let end = self.events.range(last).end;
        let before = self.text.get(..end).unwrap_or_default();
        // A block scalar's span ends where the next line begins; anything else ends within its line.
        let at = if before.ends_with('\n') {
            end
        } else {
            end + self.text.get(end..).and_then(|rest| rest.find('\n')).map_or(self.text.len() - end, |at| at + 1)
        };
        let end_of_line = line_ending(self.text);
        let before = self.text.get(..at).unwrap_or_default();
        let start = if before.ends_with('\n') { "" } else { end_of_line };
        let indent = " ".repeat(column);
        // A file without a line break at its end stays so.
        let finish = if start.is_empty() { end_of_line } else { "" };
        Ok(splice(self.text, &(at..at), &format!("{start}{indent}{line}{finish}")))
    }

    fn unsafe_edit(&self, event: usize, reason: String) -> EditError {
        EditError::Unsafe { path: self.path.clone(), mark: self.events.mark(event), reason }
    }

    /// Reads the edited text and compares: `count` events at `event` are new (1: the old one was replaced), all others equal.
    fn check(&self, edited: &str, event: usize, count: usize) -> Result<(), EditError> {
        let refuse = |reason: &str| self.unsafe_edit(event, reason.to_owned());
        let found = Events::read(edited).map_err(|_| refuse("the result would be broken YAML"))?;
        let (old, new) = (self.events.content(), found.content());
        let position = old.iter().position(|(index, _)| *index == event).ok_or_else(|| refuse("its place was lost"))?;
        let (replaced, added) = if count == 1 { (1, 1) } else { (0, count) };
        let same = |a: &[(usize, &Shape)], b: &[(usize, &Shape)]| {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.1 == b.1)
        };
        let (before, after) =
            (old.get(..position).unwrap_or_default(), old.get(position + replaced..).unwrap_or_default());
        let new_before = new.get(..position).unwrap_or_default();
        let new_after = new.get(position + added..).unwrap_or_default();
        if !same(before, new_before) || !same(after, new_after) || self.events.comments() != found.comments() {
            return Err(refuse("something else would change too"));
        }
        let value = new.get(position + added - 1).map(|(_, shape)| *shape);
        let key = if count == 2 { new.get(position).map(|(_, shape)| *shape) } else { None };
        let reads = value.is_some_and(|shape| shape.value().as_ref() == Some(self.value));
        let named = key.is_none_or(|shape| shape.text() == Some(self.path.last_key()));
        if reads && named { Ok(()) } else { Err(refuse("the new value would read as something else")) }
    }
}

fn splice(text: &str, range: &Range<usize>, new: &str) -> String {
    let before = text.get(..range.start).unwrap_or_default();
    let after = text.get(range.end..).unwrap_or_default();
    format!("{before}{new}{after}")
}

/// How lines of this file end: as its first line does.
fn line_ending(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text.get(..at).is_some_and(|line| line.ends_with('\r')) => "\r\n",
        _ => "\n",
    }
}
