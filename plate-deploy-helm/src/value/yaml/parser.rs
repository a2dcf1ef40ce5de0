//! Tokens to a tree of nodes: the first document of a stream, as `yaml.Unmarshal` reads it.

use std::borrow::Cow;
use std::collections::HashMap;

use super::error::YamlError;
use super::node::{Content, Document, Node, NodeId};
use super::reader;
use super::scanner::{MAX_DEPTH, Scanner};
use super::token::Kind;

/// libyaml reads its input in pieces of this many bytes.
const CHUNK: usize = 512;

/// Reads the first document and hands it to `f`. What follows it is not looked at, as in Go.
pub(super) fn with_document<T>(
    bytes: &[u8],
    f: impl FnOnce(&Document<'_>) -> Result<T, YamlError>,
) -> Result<T, YamlError> {
    let input = reader::decode(bytes)?;
    let mut parser = Parser {
        scanner: Scanner::new(&input.text),
        doc: Document { nodes: Vec::with_capacity(input.text.len() / 16), children: Vec::new(), root: None },
        anchors: HashMap::new(),
        tag_handles: Vec::new(),
        pending: Vec::new(),
    };
    let parsed = parser.document();
    if let Some((offset, error)) = input.refused
        && parser.scanner.mark.pos + 4 > offset / CHUNK * CHUNK
    {
        return Err(error);
    }
    parsed?;
    f(&parser.doc)
}

/// Reads one document; flow collections are in `flow`.
pub(super) struct Parser<'a> {
    pub(super) scanner: Scanner<'a>,
    doc: Document<'a>,
    anchors: HashMap<&'a str, NodeId>,
    tag_handles: Vec<(String, String)>,
    /// Children of the collections that are still open.
    pub(super) pending: Vec<NodeId>,
}

/// Anchor and tag in front of a node.
#[derive(Default)]
pub(super) struct Properties<'a> {
    anchor: Option<&'a str>,
    tag: Option<String>,
    line: Option<u32>,
}

impl<'a> Parser<'a> {
    fn document(&mut self) -> Result<(), YamlError> {
        match self.peek()? {
            Peek::StreamEnd => return Ok(()),
            Peek::Directive | Peek::DocumentStart => {
                self.directives()?;
                let (kind, line) = self.peek_line()?;
                if kind != Peek::DocumentStart {
                    return Err(YamlError::at("did not find expected <document start>", line, 0, false));
                }
                self.scanner.take();
                let (kind, line) = self.peek_line()?;
                let empty = matches!(kind, Peek::Directive | Peek::DocumentStart | Peek::DocumentEnd | Peek::StreamEnd);
                self.doc.root = Some(if empty { self.empty(line) } else { self.node(true, false, 0)? });
            }
            _ => {
                self.directives()?;
                self.doc.root = Some(self.node(true, false, 0)?);
            }
        }
        // go-yaml looks one token past the document, and so meets an error there.
        self.peek().map(|_| ())
    }

    fn directives(&mut self) -> Result<(), YamlError> {
        let mut version_seen = false;
        while self.peek()? == Peek::Directive {
            let Some(token) = self.scanner.take() else { break };
            match token.kind {
                Kind::VersionDirective(major, minor) => {
                    if version_seen {
                        return Err(YamlError::at("found duplicate %YAML directive", token.line, 0, false));
                    }
                    if (major, minor) != (1, 1) {
                        return Err(YamlError::at("found incompatible YAML document", token.line, 0, false));
                    }
                    version_seen = true;
                }
                Kind::TagDirective(pair) => {
                    if self.tag_handles.iter().any(|(handle, _)| *handle == pair.0) {
                        return Err(YamlError::at("found duplicate %TAG directive", token.line, 0, false));
                    }
                    self.tag_handles.push(*pair);
                }
                _ => {}
            }
        }
        for (handle, prefix) in [("!", "!"), ("!!", "tag:yaml.org,2002:")] {
            if !self.tag_handles.iter().any(|(h, _)| h == handle) {
                self.tag_handles.push((handle.to_owned(), prefix.to_owned()));
            }
        }
        Ok(())
    }

    pub(super) fn node(&mut self, block: bool, indentless: bool, depth: usize) -> Result<NodeId, YamlError> {
        if depth > MAX_DEPTH {
            return Err(YamlError::new(format!("exceeded max depth of {MAX_DEPTH}")));
        }
        if self.peek()? == Peek::Alias {
            return self.alias();
        }
        let mut properties = Properties::default();
        if matches!(self.peek()?, Peek::Anchor | Peek::Tag) {
            properties = self.properties()?;
        }
        let (kind, token_line) = self.peek_line()?;
        let line = properties.line.unwrap_or(token_line);
        match kind {
            Peek::BlockEntry if indentless => {
                let id = self.open(&mut properties, line);
                self.indentless_sequence(id, depth)
            }
            Peek::Scalar => Ok(self.scalar(&mut properties, line)),
            Peek::FlowSequenceStart => {
                let id = self.open(&mut properties, line);
                self.flow_sequence(id, depth)
            }
            Peek::FlowMappingStart => {
                let id = self.open(&mut properties, line);
                self.flow_mapping(id, depth)
            }
            Peek::BlockSequenceStart if block => {
                let id = self.open(&mut properties, line);
                self.block_sequence(id, depth)
            }
            Peek::BlockMappingStart if block => {
                let id = self.open(&mut properties, line);
                self.block_mapping(id, depth)
            }
            _ if properties.anchor.is_some() || properties.tag.is_some() => {
                let implicit = properties.tag.is_none();
                let id = self.open(&mut properties, line);
                self.set(id, Content::Scalar { text: Cow::Borrowed(""), implicit });
                Ok(id)
            }
            _ => Err(YamlError::at("did not find expected node content", token_line, line, false)),
        }
    }

    fn alias(&mut self) -> Result<NodeId, YamlError> {
        let Some(token) = self.scanner.take() else { return Ok(self.empty(0)) };
        let Kind::Alias(name) = token.kind else { return Ok(self.empty(token.line)) };
        let Some(&target) = self.anchors.get(name) else {
            return Err(YamlError::new(format!("unknown anchor '{name}' referenced")));
        };
        Ok(self.add(Content::Alias { name, target }, token.line))
    }

    fn properties(&mut self) -> Result<Properties<'a>, YamlError> {
        let mut found = Properties::default();
        let mut tag = None;
        loop {
            match self.peek()? {
                Peek::Anchor if found.anchor.is_none() => {}
                Peek::Tag if tag.is_none() => {}
                _ => break,
            }
            let Some(token) = self.scanner.take() else { break };
            found.line.get_or_insert(token.line);
            match token.kind {
                Kind::Anchor(name) => found.anchor = Some(name),
                Kind::Tag(pair) => tag = Some((pair, token.line)),
                _ => {}
            }
        }
        let Some((pair, tag_line)) = tag else { return Ok(found) };
        let (handle, suffix) = *pair;
        found.tag = if handle.is_empty() {
            Some(suffix)
        } else {
            let prefix = self.tag_handles.iter().find(|(h, _)| *h == handle).map(|(_, prefix)| prefix);
            let Some(prefix) = prefix else {
                let line = found.line.unwrap_or_default();
                return Err(YamlError::at("found undefined tag handle", tag_line, line, false));
            };
            Some(format!("{prefix}{suffix}"))
        };
        found.tag = found.tag.filter(|t| !t.is_empty());
        Ok(found)
    }

    fn scalar(&mut self, properties: &mut Properties<'a>, line: u32) -> NodeId {
        let id = self.open(properties, line);
        if let Some(token) = self.scanner.take()
            && let Kind::Scalar { text, plain } = token.kind
        {
            let implicit = match self.doc.nodes[id as usize].tag.as_deref() {
                None => plain,
                Some(tag) => tag == "!",
            };
            self.set(id, Content::Scalar { text, implicit });
        }
        id
    }

    fn block_sequence(&mut self, id: NodeId, depth: usize) -> Result<NodeId, YamlError> {
        let (from, context) = (self.pending.len(), self.take_line());
        loop {
            let (kind, line) = self.peek_line()?;
            match kind {
                Peek::BlockEntry => {
                    self.scanner.take();
                    let none = matches!(self.peek()?, Peek::BlockEntry | Peek::BlockEnd);
                    let child = if none { self.empty(line) } else { self.node(true, false, depth + 1)? };
                    self.pending.push(child);
                }
                Peek::BlockEnd => {
                    self.scanner.take();
                    return Ok(self.close(id, from, false));
                }
                _ => return Err(YamlError::at("did not find expected '-' indicator", line, context, false)),
            }
        }
    }

    fn indentless_sequence(&mut self, id: NodeId, depth: usize) -> Result<NodeId, YamlError> {
        let from = self.pending.len();
        loop {
            let (kind, line) = self.peek_line()?;
            if kind != Peek::BlockEntry {
                return Ok(self.close(id, from, false));
            }
            self.scanner.take();
            let none = matches!(self.peek()?, Peek::BlockEntry | Peek::Key | Peek::Value | Peek::BlockEnd);
            let child = if none { self.empty(line) } else { self.node(true, false, depth + 1)? };
            self.pending.push(child);
        }
    }

    fn block_mapping(&mut self, id: NodeId, depth: usize) -> Result<NodeId, YamlError> {
        let (from, context) = (self.pending.len(), self.take_line());
        loop {
            let (kind, line) = self.peek_line()?;
            match kind {
                Peek::Key => {
                    self.scanner.take();
                    let key = self.block_mapping_part(line, depth)?;
                    self.pending.push(key);
                    let (kind, line) = self.peek_line()?;
                    let value = if kind == Peek::Value {
                        self.scanner.take();
                        self.block_mapping_part(line, depth)?
                    } else {
                        self.empty(line)
                    };
                    self.pending.push(value);
                }
                Peek::BlockEnd => {
                    self.scanner.take();
                    return Ok(self.close(id, from, true));
                }
                _ => return Err(YamlError::at("did not find expected key", line, context, false)),
            }
        }
    }

    fn block_mapping_part(&mut self, line: u32, depth: usize) -> Result<NodeId, YamlError> {
        if matches!(self.peek()?, Peek::Key | Peek::Value | Peek::BlockEnd) {
            Ok(self.empty(line))
        } else {
            self.node(true, true, depth + 1)
        }
    }

    /// Adds a node whose content comes later; its anchor is known from here on.
    pub(super) fn open(&mut self, properties: &mut Properties<'a>, line: u32) -> NodeId {
        let id = self.empty(line);
        self.doc.nodes[id as usize].tag = properties.tag.take().map(String::into_boxed_str);
        if let Some(anchor) = properties.anchor {
            self.anchors.insert(anchor, id);
        }
        id
    }

    pub(super) fn close(&mut self, id: NodeId, from: usize, mapping: bool) -> NodeId {
        let first = count(self.doc.children.len());
        let len = count(self.pending.len() - from);
        self.doc.children.extend(self.pending.drain(from..));
        self.set(id, if mapping { Content::Mapping { first, len } } else { Content::Sequence { first, len } });
        id
    }

    fn set(&mut self, id: NodeId, content: Content<'a>) {
        self.doc.nodes[id as usize].content = content;
    }

    pub(super) fn empty(&mut self, line: u32) -> NodeId {
        self.add(Content::Scalar { text: Cow::Borrowed(""), implicit: true }, line)
    }

    fn add(&mut self, content: Content<'a>, line: u32) -> NodeId {
        self.doc.nodes.push(Node { content, tag: None, line });
        count(self.doc.nodes.len() - 1)
    }

    pub(super) fn take_line(&mut self) -> u32 {
        self.scanner.take().map_or(0, |token| token.line)
    }

    pub(super) fn peek(&mut self) -> Result<Peek, YamlError> {
        Ok(self.peek_line()?.0)
    }

    pub(super) fn peek_line(&mut self) -> Result<(Peek, u32), YamlError> {
        let token = self.scanner.peek()?;
        Ok((Peek::of(&token.kind), token.line))
    }
}

/// The input is bounded by [`reader::MAX_BYTES`], so there are fewer nodes than that.
fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// A token's kind without its text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Peek {
    StreamEnd,
    Directive,
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias,
    Anchor,
    Tag,
    Scalar,
}

impl Peek {
    fn of(kind: &Kind<'_>) -> Self {
        match kind {
            Kind::StreamEnd => Self::StreamEnd,
            Kind::VersionDirective(..) | Kind::TagDirective(_) => Self::Directive,
            Kind::DocumentStart => Self::DocumentStart,
            Kind::DocumentEnd => Self::DocumentEnd,
            Kind::BlockSequenceStart => Self::BlockSequenceStart,
            Kind::BlockMappingStart => Self::BlockMappingStart,
            Kind::BlockEnd => Self::BlockEnd,
            Kind::FlowSequenceStart => Self::FlowSequenceStart,
            Kind::FlowSequenceEnd => Self::FlowSequenceEnd,
            Kind::FlowMappingStart => Self::FlowMappingStart,
            Kind::FlowMappingEnd => Self::FlowMappingEnd,
            Kind::BlockEntry => Self::BlockEntry,
            Kind::FlowEntry => Self::FlowEntry,
            Kind::Key => Self::Key,
            Kind::Value => Self::Value,
            Kind::Alias(_) => Self::Alias,
            Kind::Anchor(_) => Self::Anchor,
            Kind::Tag(_) => Self::Tag,
            Kind::Scalar { .. } => Self::Scalar,
        }
    }
}
