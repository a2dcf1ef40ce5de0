//! Documents with positions, built from granit-parser's events without recursion and within limits.

use std::borrow::Cow;
use std::collections::HashMap;

use granit_parser::{Event, Marker, Options, Parser, ScalarStyle, Tag};
use serde_json::{Map, Value};

use super::scalar::{key_text, resolve_plain};
use crate::model::{FieldPath, FieldStep};

/// Larger files are refused: no manifest or values file comes near.
pub(super) const MAX_BYTES: usize = 16 << 20;
/// Most nodes of one document after aliases are followed: what stops an alias bomb.
pub(super) const MAX_NODES: usize = 1_000_000;
/// Deepest nesting of collections.
pub(super) const MAX_DEPTH: usize = 128;

/// A place in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mark {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl From<&Marker> for Mark {
    fn from(marker: &Marker) -> Self {
        Self { line: marker.line(), column: marker.col() + 1 }
    }
}

/// Broken YAML, or YAML that JSON cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {}, column {}: {message}", .mark.line, .mark.column)]
pub struct YamlError {
    /// Where.
    pub mark: Mark,
    /// What is wrong.
    pub message: String,
}

/// What a file holds: its documents up to the first error.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    /// The documents, in order; empty ones are kept, so that the index is the document's place in the file.
    pub documents: Vec<Document>,
    /// What ended the reading early.
    pub error: Option<YamlError>,
}

type NodeId = usize;

#[derive(Clone, Debug)]
struct Node {
    mark: Mark,
    data: Data,
}

#[derive(Clone, Debug)]
enum Data {
    Scalar(Value),
    /// `.inf` and the like.
    Unrepresentable(String),
    Sequence(Vec<NodeId>),
    Mapping(Vec<Entry>),
}

#[derive(Clone, Debug)]
struct Entry {
    key: String,
    mark: Mark,
    /// A plain `<<`: the value's entries count as this mapping's own.
    merge: bool,
    value: NodeId,
}

/// One document of a file.
#[derive(Clone, Debug, Default)]
pub struct Document {
    nodes: Vec<Node>,
    root: Option<NodeId>,
}

impl Document {
    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// The document as JSON: aliases and `<<` followed, the last of equal keys wins.
    ///
    /// # Errors
    /// When it is nested too deep, grows too large through aliases, or holds an infinity.
    pub fn json(&self) -> Result<Value, YamlError> {
        let mut budget = MAX_NODES;
        self.root.map_or(Ok(Value::Null), |root| self.node_json(root, 0, &mut budget))
    }

    fn node_json(&self, id: NodeId, depth: usize, budget: &mut usize) -> Result<Value, YamlError> {
        let Some(node) = self.nodes.get(id) else { return Ok(Value::Null) };
        let error = |message: &str| YamlError { mark: node.mark, message: message.into() };
        *budget = budget.checked_sub(1).ok_or_else(|| error("too many nodes: aliases multiply the document"))?;
        if depth > MAX_DEPTH {
            return Err(error("nested too deep"));
        }
        Ok(match &node.data {
            Data::Scalar(value) => value.clone(),
            Data::Unrepresentable(text) => return Err(error(&format!("{text} cannot be represented in JSON"))),
            Data::Sequence(items) => Value::Array(
                items.iter().map(|item| self.node_json(*item, depth + 1, budget)).collect::<Result<_, _>>()?,
            ),
            Data::Mapping(entries) => {
                let mut map = Map::new();
                for entry in entries.iter().filter(|entry| entry.merge) {
                    self.merge(entry.value, &mut map, depth + 1, budget)?;
                }
                for entry in entries.iter().filter(|entry| !entry.merge) {
                    map.insert(entry.key.clone(), self.node_json(entry.value, depth + 1, budget)?);
                }
                Value::Object(map)
            }
        })
    }

    /// `<<`: a mapping, or a list of mappings of which the first ones win.
    fn merge(
        &self,
        id: NodeId,
        into: &mut Map<String, Value>,
        depth: usize,
        budget: &mut usize,
    ) -> Result<(), YamlError> {
        let merged = match self.node_json(id, depth, budget)? {
            Value::Array(items) => items,
            single => vec![single],
        };
        for item in merged {
            let Value::Object(entries) = item else {
                let mark = self.nodes.get(id).map(|node| node.mark).unwrap_or_default();
                return Err(YamlError {
                    mark,
                    message: "map merge requires map or sequence of maps as the value".into(),
                });
            };
            for (key, value) in entries {
                into.entry(key).or_insert(value);
            }
        }
        Ok(())
    }

    /// Where the value at `path` begins.
    #[must_use]
    pub fn mark(&self, path: &FieldPath) -> Option<Mark> {
        let (id, _, missing) = self.walk(path)?;
        if missing == 0 { self.nodes.get(id).map(|node| node.mark) } else { None }
    }

    /// Where the key (or list item) at the end of `path` stands; for a path that leads nowhere, the last step that does.
    #[must_use]
    pub fn key_mark(&self, path: &FieldPath) -> Mark {
        self.walk(path).map_or(Mark { line: 1, column: 1 }, |(_, mark, _)| mark)
    }

    /// The node at the end of `path` or as far as it goes, the place of its key, and how many steps were left.
    fn walk(&self, path: &FieldPath) -> Option<(NodeId, Mark, usize)> {
        let mut id = self.root?;
        let mut mark = self.nodes.get(id)?.mark;
        let steps = path.steps();
        for (done, step) in steps.iter().enumerate() {
            let Some((next, at)) = self.child(id, step) else { return Some((id, mark, steps.len() - done)) };
            (id, mark) = (next, at);
        }
        Some((id, mark, 0))
    }

    fn child(&self, id: NodeId, step: &FieldStep) -> Option<(NodeId, Mark)> {
        match (&self.nodes.get(id)?.data, step) {
            (Data::Sequence(items), FieldStep::Index(index)) => {
                let item = *items.get(*index)?;
                Some((item, self.nodes.get(item)?.mark))
            }
            (Data::Mapping(entries), FieldStep::Key(key)) => {
                let own = entries.iter().rev().find(|entry| !entry.merge && entry.key == *key);
                own.map(|entry| (entry.value, entry.mark)).or_else(|| {
                    // One level of `<<`; deeper ones are reported at the mapping that merges.
                    let merged = entries.iter().filter(|entry| entry.merge);
                    merged.filter_map(|entry| self.nodes.get(entry.value)).find_map(|node| match &node.data {
                        Data::Mapping(entries) => {
                            entries.iter().find(|entry| entry.key == *key).map(|entry| (entry.value, entry.mark))
                        }
                        _ => None,
                    })
                })
            }
            _ => None,
        }
    }
}

/// Reads all documents of `text`.
#[must_use]
pub fn parse(text: &str) -> Parsed {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut parsed = Parsed::default();
    if text.len() > MAX_BYTES {
        let message = format!("the file is larger than {} MiB", MAX_BYTES >> 20);
        parsed.error = Some(YamlError { mark: Mark { line: 1, column: 1 }, message });
        return parsed;
    }
    let options: Options = granit_parser::options! { emit_comments: false };
    let mut builder = Builder::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let step = event
            .map_err(|error| YamlError { mark: error.marker().into(), message: error.info() })
            .and_then(|(event, span)| builder.event(event, Mark::from(&span.start)));
        match step {
            Ok(None) => {}
            Ok(Some(document)) => parsed.documents.push(document),
            Err(error) => {
                parsed.error = Some(error);
                break;
            }
        }
    }
    parsed
}

/// An open collection.
enum Open {
    Sequence { id: NodeId, items: Vec<NodeId> },
    Mapping { id: NodeId, entries: Vec<Entry>, key: Option<(NodeId, bool)> },
}

#[derive(Default)]
struct Builder {
    document: Document,
    anchors: HashMap<usize, NodeId>,
    open: Vec<Open>,
}

impl Builder {
    fn event(&mut self, event: Event<'_>, mark: Mark) -> Result<Option<Document>, YamlError> {
        match event {
            Event::DocumentEnd => {
                self.anchors.clear();
                return Ok(Some(std::mem::take(&mut self.document)));
            }
            Event::Alias(anchor) => {
                let id = *self.anchors.get(&anchor).ok_or_else(|| error(mark, "unknown anchor"))?;
                self.place(id, false)?;
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain_merge = style == ScalarStyle::Plain && tag.is_none() && text == "<<";
                let id = self.add(mark, scalar(&text, style, tag.as_deref()), anchor)?;
                self.place(id, plain_merge)?;
            }
            Event::SequenceStart(_, anchor, _) => {
                let id = self.add(mark, Data::Sequence(Vec::new()), anchor)?;
                self.push(mark, Open::Sequence { id, items: Vec::new() })?;
            }
            Event::MappingStart(_, anchor, _) => {
                let id = self.add(mark, Data::Mapping(Vec::new()), anchor)?;
                self.push(mark, Open::Mapping { id, entries: Vec::new(), key: None })?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let (id, data) = match self.open.pop() {
                    Some(Open::Sequence { id, items }) => (id, Data::Sequence(items)),
                    Some(Open::Mapping { id, entries, .. }) => (id, Data::Mapping(entries)),
                    None => return Err(error(mark, "a collection ends that never began")),
                };
                if let Some(node) = self.document.nodes.get_mut(id) {
                    node.data = data;
                }
                self.place(id, false)?;
            }
            _ => {}
        }
        Ok(None)
    }

    fn add(&mut self, mark: Mark, data: Data, anchor: usize) -> Result<NodeId, YamlError> {
        let id = self.document.nodes.len();
        if id >= MAX_NODES {
            return Err(error(mark, "too many nodes in one document"));
        }
        self.document.nodes.push(Node { mark, data });
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        Ok(id)
    }

    fn push(&mut self, mark: Mark, open: Open) -> Result<(), YamlError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(error(mark, "nested too deep"));
        }
        self.open.push(open);
        Ok(())
    }

    /// Puts a finished node where it belongs: the document's root, a list item, a key or a value.
    fn place(&mut self, id: NodeId, merge: bool) -> Result<(), YamlError> {
        match self.open.last_mut() {
            None => self.document.root = Some(id),
            Some(Open::Sequence { items, .. }) => items.push(id),
            Some(Open::Mapping { entries, key, .. }) => match key.take() {
                None => *key = Some((id, merge)),
                Some((key, merge)) => {
                    let Some(node) = self.document.nodes.get(key) else { return Ok(()) };
                    let Data::Scalar(value) = &node.data else {
                        return Err(error(node.mark, "a key must be a scalar"));
                    };
                    entries.push(Entry { key: key_text(value), mark: node.mark, merge, value: id });
                }
            },
        }
        Ok(())
    }
}

fn error(mark: Mark, message: &str) -> YamlError {
    YamlError { mark, message: message.into() }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Data {
    let core = tag.and_then(|tag| tag.suffix_in_namespace("tag:yaml.org,2002:").map(Cow::into_owned));
    let resolved = match (tag, core.as_deref()) {
        (None, _) if style == ScalarStyle::Plain => resolve_plain(text),
        (Some(_), Some("int" | "float" | "bool" | "null")) => resolve_plain(text),
        _ => Some(text.into()),
    };
    resolved.map_or_else(|| Data::Unrepresentable(text.into()), Data::Scalar)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Mark, parse};
    use crate::model::FieldPath;

    #[test]
    fn documents_with_positions() {
        let parsed = parse("# 주석\na: 1\n---\nspec:\n  list:\n    - name: x\n    - {name: 'y', on: \"yes\"}\n---\n");
        assert!(parsed.error.is_none());
        assert_eq!(parsed.documents.len(), 3);
        let document = &parsed.documents[1];
        assert_eq!(document.json().unwrap(), json!({"spec": {"list": [{"name": "x"}, {"name": "y", "true": "yes"}]}}));
        let name = FieldPath::keys(["spec", "list"]).index(1).key("name");
        assert_eq!(document.key_mark(&name), Mark { line: 7, column: 8 });
        assert_eq!(document.mark(&name), Some(Mark { line: 7, column: 14 }));
        let missing = FieldPath::keys(["spec", "nothing", "there"]);
        assert_eq!((document.key_mark(&missing), document.mark(&missing)), (Mark { line: 4, column: 1 }, None));
    }

    #[test]
    fn aliases_and_merges() {
        let text = "base: &b {p: 1, q: 2}\nlist: &l [1]\nc:\n  <<: *b\n  q: 3\nd: *l\n";
        let json = parse(text).documents[0].json().unwrap();
        assert_eq!(json["c"], json!({"p": 1, "q": 3}));
        assert_eq!(json["d"], json!([1]));
    }

    #[test]
    fn errors_keep_the_documents_before() {
        let parsed = parse("a: 1\n---\nb: [1\nc: }\n");
        assert_eq!(parsed.documents.len(), 1);
        assert!(parsed.error.unwrap().mark.line >= 3);
        assert!(parse("{[a]: 1}").error.is_some());
    }

    #[test]
    fn hostile_documents_end_in_errors() {
        let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for i in 1..10 {
            let items = vec![format!("*a{}", i - 1); 10].join(",");
            bomb.push_str(&format!("a{i}: &a{i} [{items}]\n"));
        }
        assert!(parse(&bomb).documents[0].json().unwrap_err().message.contains("aliases"));
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(parse(&deep).error.is_some());
        let itself = parse("a: &a [*a]\n");
        assert!(itself.error.is_some() || itself.documents[0].json().is_err());
        assert!(parse("a: .nan\n").documents[0].json().is_err());
    }
}
