//! Parsing of flow collections: `[a, b]` and `{a: b}`.

use super::error::YamlError;
use super::node::NodeId;
use super::parser::{Parser, Peek, Properties};

impl Parser<'_> {
    pub(super) fn flow_sequence(&mut self, id: NodeId, depth: usize) -> Result<NodeId, YamlError> {
        let (from, context) = (self.pending.len(), self.take_line());
        let mut first = true;
        loop {
            self.flow_separator(&mut first, Peek::FlowSequenceEnd, context, "did not find expected ',' or ']'")?;
            match self.peek()? {
                Peek::FlowSequenceEnd => {
                    self.scanner.take();
                    return Ok(self.close(id, from, false));
                }
                Peek::Key => {
                    let pair = self.flow_pair(depth)?;
                    self.pending.push(pair);
                }
                _ => {
                    let child = self.node(false, false, depth + 1)?;
                    self.pending.push(child);
                }
            }
        }
    }

    /// A comma, unless it is the first entry or the end.
    fn flow_separator(&mut self, first: &mut bool, end: Peek, context: u32, problem: &str) -> Result<(), YamlError> {
        let (kind, line) = self.peek_line()?;
        if kind != end && !std::mem::take(first) {
            if kind != Peek::FlowEntry {
                return Err(YamlError::at(problem, line, context, false));
            }
            self.scanner.take();
        }
        Ok(())
    }

    /// `[key: value]`: a mapping of one pair.
    fn flow_pair(&mut self, depth: usize) -> Result<NodeId, YamlError> {
        let line = self.take_line();
        let id = self.open(&mut Properties::default(), line);
        let from = self.pending.len();
        let (kind, line) = self.peek_line()?;
        let key = if matches!(kind, Peek::Value | Peek::FlowEntry | Peek::FlowSequenceEnd) {
            // go-yaml takes the token here, which makes `[? : x]` an error later.
            self.scanner.take();
            self.empty(line)
        } else {
            self.node(false, false, depth + 1)?
        };
        self.pending.push(key);
        let (kind, line) = self.peek_line()?;
        let mut value = None;
        if kind == Peek::Value {
            self.scanner.take();
            if !matches!(self.peek()?, Peek::FlowEntry | Peek::FlowSequenceEnd) {
                value = Some(self.node(false, false, depth + 1)?);
            }
        }
        let value = value.unwrap_or_else(|| self.empty(line));
        self.pending.push(value);
        Ok(self.close(id, from, true))
    }

    pub(super) fn flow_mapping(&mut self, id: NodeId, depth: usize) -> Result<NodeId, YamlError> {
        let (from, context) = (self.pending.len(), self.take_line());
        let mut first = true;
        loop {
            self.flow_separator(&mut first, Peek::FlowMappingEnd, context, "did not find expected ',' or '}'")?;
            let (key, value) = match self.peek_line()? {
                (Peek::FlowMappingEnd, _) => {
                    self.scanner.take();
                    return Ok(self.close(id, from, true));
                }
                (Peek::Key, _) => {
                    self.scanner.take();
                    let (kind, line) = self.peek_line()?;
                    let none = matches!(kind, Peek::Value | Peek::FlowEntry | Peek::FlowMappingEnd);
                    let key = if none { self.empty(line) } else { self.node(false, false, depth + 1)? };
                    (key, self.flow_mapping_value(depth)?)
                }
                _ => {
                    let key = self.node(false, false, depth + 1)?;
                    let line = self.peek_line()?.1;
                    (key, self.empty(line))
                }
            };
            self.pending.extend([key, value]);
        }
    }

    fn flow_mapping_value(&mut self, depth: usize) -> Result<NodeId, YamlError> {
        let (kind, line) = self.peek_line()?;
        if kind == Peek::Value {
            self.scanner.take();
            if !matches!(self.peek()?, Peek::FlowEntry | Peek::FlowMappingEnd) {
                return self.node(false, false, depth + 1);
            }
        }
        Ok(self.empty(line))
    }
}
