//! The parser's events of a whole file with their byte ranges: what edits look into and compare.

use std::borrow::Cow;
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, StructureStyle, Tag};
use serde_json::Value;

use super::super::document::{MAX_BYTES, MAX_DEPTH, MAX_NODES, Mark, YamlError};
use super::super::scalar::resolve_plain;

/// What an event says, without its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    DocumentStart,
    DocumentEnd,
    Alias(usize),
    Scalar { text: String, style: ScalarStyle, anchor: usize, tag: Option<String> },
    SequenceStart { style: StructureStyle, anchor: usize, tag: Option<String> },
    MappingStart { style: StructureStyle, anchor: usize, tag: Option<String> },
    End,
}

impl Shape {
    /// A scalar's text.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Its anchor.
    pub(super) fn anchor(&self) -> Option<usize> {
        match self {
            Self::Scalar { anchor, .. } | Self::SequenceStart { anchor, .. } | Self::MappingStart { anchor, .. } => {
                Some(*anchor).filter(|anchor| *anchor != 0)
            }
            _ => None,
        }
    }

    /// What a scalar means.
    pub(super) fn value(&self) -> Option<Value> {
        match self {
            Self::Scalar { text, style: ScalarStyle::Plain, tag: None, .. } => resolve_plain(text),
            Self::Scalar { text, tag: None, .. } => Some(Value::from(text.as_str())),
            _ => None,
        }
    }
}

struct Entry {
    shape: Shape,
    range: Range<usize>,
    mark: Mark,
    /// For the start of a collection or document: the event that ends it. Else the event itself.
    end: usize,
    flow: bool,
}

/// All events of a file, comments apart.
pub(super) struct Events {
    entries: Vec<Entry>,
    comments: Vec<String>,
}

impl Events {
    pub(super) fn read(text: &str) -> Result<Self, YamlError> {
        let start = Mark { line: 1, column: 1 };
        let error = |mark: Mark, message: &str| YamlError { mark, message: message.to_owned() };
        if text.len() > MAX_BYTES {
            return Err(error(start, "the file is too large to be edited"));
        }
        let mut events = Self { entries: Vec::new(), comments: Vec::new() };
        let mut open: Vec<(usize, bool)> = Vec::new();
        for event in Parser::new_from_str(text) {
            let (event, span) =
                event.map_err(|error| YamlError { mark: error.marker().into(), message: error.info() })?;
            let mark = Mark::from(&span.start);
            if let Event::Comment(comment, _) = event {
                events.comments.push(comment.into_owned());
                continue;
            }
            let Some(shape) = shape(event) else { continue };
            let range = span.byte_range().ok_or_else(|| error(mark, "the parser gives no positions"))?;
            let index = events.entries.len();
            if index > 2 * MAX_NODES || open.len() > MAX_DEPTH + 1 {
                return Err(error(mark, "the file is too large or nested too deep to be edited"));
            }
            let inside_flow = open.last().is_some_and(|(_, flow)| *flow);
            match shape {
                Shape::DocumentStart => open.push((index, false)),
                Shape::SequenceStart { style, .. } | Shape::MappingStart { style, .. } => {
                    open.push((index, inside_flow || style == StructureStyle::Flow));
                }
                Shape::End | Shape::DocumentEnd => {
                    if let Some(start) = open.pop().and_then(|(start, _)| events.entries.get_mut(start)) {
                        start.end = index;
                    }
                }
                _ => {}
            }
            events.entries.push(Entry { shape, range, mark, end: index, flow: inside_flow });
        }
        Ok(events)
    }

    pub(super) fn shape(&self, event: usize) -> &Shape {
        self.entries.get(event).map_or(&Shape::End, |entry| &entry.shape)
    }

    pub(super) fn mark(&self, event: usize) -> Mark {
        self.entries.get(event).map(|entry| entry.mark).unwrap_or_default()
    }

    pub(super) fn range(&self, event: usize) -> Range<usize> {
        self.entries.get(event).map(|entry| entry.range.clone()).unwrap_or_default()
    }

    /// The event that ends a collection.
    pub(super) fn end(&self, event: usize) -> usize {
        self.entries.get(event).map_or(event, |entry| entry.end)
    }

    /// Whether a value stands between `{}` or `[]`.
    pub(super) fn in_flow(&self, event: usize) -> bool {
        self.entries.get(event).is_some_and(|entry| entry.flow)
    }

    /// The root of each document.
    pub(super) fn roots(&self) -> Vec<Option<usize>> {
        let starts = self.entries.iter().enumerate().filter(|(_, entry)| entry.shape == Shape::DocumentStart);
        starts
            .map(|(start, entry)| {
                let root = Some(start + 1).filter(|root| *root < entry.end);
                // `---` with nothing after it: an implied null, which stands nowhere.
                root.filter(|root| !(self.range(*root).is_empty() && self.shape(*root).text() == Some("~")))
            })
            .collect()
    }

    fn children(&self, start: usize) -> impl DoubleEndedIterator<Item = usize> + use<> {
        let end = self.end(start);
        let mut children = Vec::new();
        let mut at = start + 1;
        while at < end {
            children.push(at);
            at = self.end(at) + 1;
        }
        children.into_iter()
    }

    /// The items of a list.
    pub(super) fn items(&self, sequence: usize) -> impl DoubleEndedIterator<Item = usize> + use<> {
        self.children(sequence)
    }

    /// Keys and values of a mapping.
    pub(super) fn entries(&self, mapping: usize) -> impl DoubleEndedIterator<Item = (usize, usize)> + use<> {
        let children: Vec<usize> = self.children(mapping).collect();
        let pairs: Vec<(usize, usize)> = children.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
        pairs.into_iter()
    }

    /// Whether an alias shows what this anchor names.
    pub(super) fn is_aliased(&self, anchor: usize) -> bool {
        self.entries.iter().any(|entry| entry.shape == Shape::Alias(anchor))
    }

    /// The last event inside a collection that stands for bytes.
    pub(super) fn last_content(&self, collection: usize) -> usize {
        let inside = (collection + 1..self.end(collection)).rev();
        let mut found = inside.filter(|event| !self.range(*event).is_empty() || self.shape(*event).text().is_some());
        found.next().unwrap_or(collection)
    }

    /// Every event but comments, with its number.
    pub(super) fn content(&self) -> Vec<(usize, &Shape)> {
        self.entries.iter().enumerate().map(|(index, entry)| (index, &entry.shape)).collect()
    }

    pub(super) fn comments(&self) -> &[String] {
        &self.comments
    }
}

fn shape(event: Event<'_>) -> Option<Shape> {
    let name = |tag: Option<Cow<'_, Tag>>| tag.map(|tag| format!("{tag:?}"));
    Some(match event {
        Event::DocumentStart(..) => Shape::DocumentStart,
        Event::DocumentEnd => Shape::DocumentEnd,
        Event::Alias(anchor) => Shape::Alias(anchor),
        Event::Scalar(text, style, anchor, tag) => {
            Shape::Scalar { text: text.into_owned(), style, anchor, tag: name(tag) }
        }
        Event::SequenceStart(style, anchor, tag) => Shape::SequenceStart { style, anchor, tag: name(tag) },
        Event::MappingStart(style, anchor, tag) => Shape::MappingStart { style, anchor, tag: name(tag) },
        Event::SequenceEnd | Event::MappingEnd => Shape::End,
        _ => return None,
    })
}
