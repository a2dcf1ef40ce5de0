//! Text to tokens, with libyaml's rules (YAML 1.1) and go-yaml's error texts.
//!
//! The one hard part of YAML is that `a: b` is known to be a mapping only at the colon. As libyaml does, the scanner
//! remembers where a simple key may have started, one place per flow level, and puts the missing tokens in front of it
//! when the colon comes. Tokens are therefore held back while a key is possible.

use std::collections::VecDeque;

use super::error::YamlError;
use super::token::{Kind, Token};

/// Deepest nesting of collections. Helm's go-yaml allows 10,000; the readers here recurse, so the bound is lower.
pub const MAX_DEPTH: usize = 500;

/// A simple key is at most this many characters long.
const MAX_SIMPLE_KEY: usize = 1024;

/// A place in the text. `column` counts characters from the start of the line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mark {
    pub(super) pos: usize,
    pub(super) line: u32,
    pub(super) column: i32,
}

/// Where a simple key may have started on one flow level.
#[derive(Clone, Copy, Debug, Default)]
struct SimpleKey {
    possible: bool,
    required: bool,
    /// Whether tokens are held back for it. go-yaml forgets to when an empty `{}` or `[]` may itself be the key.
    tracked: bool,
    token_number: usize,
    mark: Mark,
}

/// The scanner; see the module's text.
pub(super) struct Scanner<'a> {
    pub(super) src: &'a str,
    pub(super) bytes: &'a [u8],
    pub(super) mark: Mark,
    pub(super) flow_level: usize,
    /// Column of the current block collection, -1 outside of any.
    pub(super) indent: i32,
    pub(super) simple_key_allowed: bool,
    indents: Vec<i32>,
    tokens: VecDeque<Token<'a>>,
    tokens_taken: usize,
    simple_keys: Vec<SimpleKey>,
    /// No key below this flow level is possible any more.
    first_possible: usize,
    stream_ended: bool,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(src: &'a str) -> Self {
        Self {
            src,
            bytes: src.as_bytes(),
            mark: Mark::default(),
            flow_level: 0,
            indent: -1,
            simple_key_allowed: true,
            indents: Vec::new(),
            tokens: VecDeque::new(),
            tokens_taken: 0,
            simple_keys: vec![SimpleKey::default()],
            first_possible: 0,
            stream_ended: false,
        }
    }

    /// The next token, left in place. After the end of the stream it is `StreamEnd` for ever.
    pub(super) fn peek(&mut self) -> Result<&Token<'a>, YamlError> {
        while self.need_more()? {
            if !self.stream_ended {
                self.fetch_next()?;
            } else if self.tokens.is_empty() {
                self.push(Kind::StreamEnd, self.mark.line);
            } else {
                break;
            }
        }
        Ok(&self.tokens[0])
    }

    /// Takes the token that [`Self::peek`] showed.
    pub(super) fn take(&mut self) -> Option<Token<'a>> {
        self.tokens_taken += 1;
        self.tokens.pop_front()
    }

    fn push(&mut self, kind: Kind<'a>, line: u32) {
        self.tokens.push_back(Token { kind, line });
    }

    fn need_more(&mut self) -> Result<bool, YamlError> {
        if self.tokens.is_empty() {
            return Ok(true);
        }
        let last = self.simple_keys.len() - 1;
        while self.first_possible < last && !self.simple_keys[self.first_possible].possible {
            self.first_possible += 1;
        }
        let level = self.first_possible;
        let key = self.simple_keys[level];
        Ok(key.tracked && key.token_number == self.tokens_taken && self.key_is_valid(level)?)
    }

    /// Whether a key that started at this flow level may still turn out to be one.
    fn key_is_valid(&mut self, level: usize) -> Result<bool, YamlError> {
        let key = self.simple_keys[level];
        if !key.possible {
            return Ok(false);
        }
        let too_long = self.mark.pos > key.mark.pos + MAX_SIMPLE_KEY
            && self.src[key.mark.pos..self.mark.pos].chars().nth(MAX_SIMPLE_KEY).is_some();
        if key.mark.line < self.mark.line || too_long {
            if key.required {
                return Err(self.error(key.mark, "could not find expected ':'"));
            }
            self.simple_keys[level].possible = false;
            return Ok(false);
        }
        Ok(true)
    }

    fn save_simple_key(&mut self) -> Result<(), YamlError> {
        if !self.simple_key_allowed {
            return Ok(());
        }
        self.remove_simple_key()?;
        let required = self.flow_level == 0 && self.indent == self.mark.column;
        let token_number = self.tokens_taken + self.tokens.len();
        if let Some(key) = self.simple_keys.last_mut() {
            *key = SimpleKey { possible: true, required, tracked: true, token_number, mark: self.mark };
        }
        Ok(())
    }

    fn remove_simple_key(&mut self) -> Result<(), YamlError> {
        let Some(key) = self.simple_keys.last_mut() else { return Ok(()) };
        if key.possible && key.required {
            let mark = key.mark;
            return Err(self.error(mark, "could not find expected ':'"));
        }
        key.possible = false;
        Ok(())
    }

    fn roll_indent(&mut self, mark: Mark, at: Option<usize>, kind: Kind<'a>) -> Result<(), YamlError> {
        if self.flow_level > 0 || self.indent >= mark.column {
            return Ok(());
        }
        self.indents.push(self.indent);
        self.indent = mark.column;
        if self.indents.len() > MAX_DEPTH {
            return Err(self.error(self.mark, &format!("exceeded max depth of {MAX_DEPTH}")));
        }
        let token = Token { kind, line: mark.line };
        self.insert(at, token);
        Ok(())
    }

    /// Puts a token in front of the one with that number, or at the end when that one is gone already.
    fn insert(&mut self, number: Option<usize>, token: Token<'a>) {
        match number.and_then(|number| number.checked_sub(self.tokens_taken)) {
            Some(index) if index <= self.tokens.len() => self.tokens.insert(index, token),
            _ => self.tokens.push_back(token),
        }
    }

    fn unroll_indent(&mut self, column: i32) {
        if self.flow_level > 0 {
            return;
        }
        while self.indent > column {
            self.push(Kind::BlockEnd, self.mark.line);
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    fn fetch_next(&mut self) -> Result<(), YamlError> {
        self.skip_to_next_token();
        self.unroll_indent(self.mark.column);
        let (c, blank_next) = (self.at(0), self.is_blankz(1));
        if c == 0 {
            return self.fetch_stream_end();
        }
        if self.mark.column == 0 {
            if c == b'%' {
                self.end_block_content()?;
                let token = self.scan_directive()?;
                self.tokens.push_back(token);
                return Ok(());
            }
            if self.at_document_indicator() {
                return self.fetch_document_indicator(c);
            }
        }
        match c {
            b'[' => self.fetch_flow_start(Kind::FlowSequenceStart),
            b'{' => self.fetch_flow_start(Kind::FlowMappingStart),
            b']' => self.fetch_flow_end(Kind::FlowSequenceEnd),
            b'}' => self.fetch_flow_end(Kind::FlowMappingEnd),
            b',' => {
                self.remove_simple_key()?;
                self.simple_key_allowed = true;
                self.indicator(Kind::FlowEntry);
                Ok(())
            }
            b'-' if blank_next => self.fetch_block_entry(),
            b'?' if self.flow_level > 0 || blank_next => self.fetch_key(),
            b':' if self.flow_level > 0 || blank_next => self.fetch_value(),
            b'*' | b'&' | b'!' => self.fetch_property(c),
            b'|' | b'>' if self.flow_level == 0 => {
                self.remove_simple_key()?;
                self.simple_key_allowed = true;
                let token = self.scan_block_scalar(c == b'|')?;
                self.tokens.push_back(token);
                Ok(())
            }
            b'\'' | b'"' => {
                self.save_simple_key()?;
                self.simple_key_allowed = false;
                let token = self.scan_flow_scalar(c == b'\'')?;
                self.tokens.push_back(token);
                Ok(())
            }
            _ if self.starts_plain(c) => {
                self.save_simple_key()?;
                self.simple_key_allowed = false;
                let token = self.scan_plain_scalar()?;
                self.tokens.push_back(token);
                Ok(())
            }
            _ => Err(self.error(self.mark, "found character that cannot start any token")),
        }
    }

    fn starts_plain(&self, c: u8) -> bool {
        match c {
            b'-' => !self.is_blank(1),
            b'?' | b':' => self.flow_level == 0 && !self.is_blankz(1),
            b',' | b'[' | b']' | b'{' | b'}' | b'#' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\'' | b'"' | b'%' | b'@'
            | b'`' => false,
            _ => !self.is_blankz(0),
        }
    }

    fn fetch_stream_end(&mut self) -> Result<(), YamlError> {
        if self.mark.column != 0 {
            self.mark.column = 0;
            self.mark.line += 1;
        }
        self.end_block_content()?;
        self.push(Kind::StreamEnd, self.mark.line);
        self.stream_ended = true;
        Ok(())
    }

    fn end_block_content(&mut self) -> Result<(), YamlError> {
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        Ok(())
    }

    fn fetch_document_indicator(&mut self, c: u8) -> Result<(), YamlError> {
        self.end_block_content()?;
        self.push(if c == b'-' { Kind::DocumentStart } else { Kind::DocumentEnd }, self.mark.line);
        self.skip_ascii(3);
        Ok(())
    }

    fn fetch_flow_start(&mut self, kind: Kind<'a>) -> Result<(), YamlError> {
        self.save_simple_key()?;
        let token_number = self.tokens_taken + self.tokens.len();
        self.simple_keys.push(SimpleKey { token_number, ..SimpleKey::default() });
        self.flow_level += 1;
        if self.flow_level > MAX_DEPTH {
            return Err(self.error(self.mark, &format!("exceeded max depth of {MAX_DEPTH}")));
        }
        self.simple_key_allowed = true;
        self.indicator(kind);
        Ok(())
    }

    fn fetch_flow_end(&mut self, kind: Kind<'a>) -> Result<(), YamlError> {
        self.remove_simple_key()?;
        if self.flow_level > 0 {
            self.flow_level -= 1;
            let inner = self.simple_keys.pop().map(|key| key.token_number);
            if let Some(key) = self.simple_keys.last_mut()
                && Some(key.token_number) == inner
            {
                key.tracked = false;
            }
            self.first_possible = self.first_possible.min(self.simple_keys.len() - 1);
        }
        self.simple_key_allowed = false;
        self.indicator(kind);
        Ok(())
    }

    fn fetch_block_entry(&mut self) -> Result<(), YamlError> {
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return Err(self.error(self.mark, "block sequence entries are not allowed in this context"));
            }
            self.roll_indent(self.mark, None, Kind::BlockSequenceStart)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.indicator(Kind::BlockEntry);
        Ok(())
    }

    fn fetch_key(&mut self) -> Result<(), YamlError> {
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return Err(self.error(self.mark, "mapping keys are not allowed in this context"));
            }
            self.roll_indent(self.mark, None, Kind::BlockMappingStart)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = self.flow_level == 0;
        self.indicator(Kind::Key);
        Ok(())
    }

    fn fetch_value(&mut self) -> Result<(), YamlError> {
        let level = self.simple_keys.len() - 1;
        if self.key_is_valid(level)? {
            let key = self.simple_keys[level];
            let token = Token { kind: Kind::Key, line: key.mark.line };
            self.insert(Some(key.token_number), token);
            self.roll_indent(key.mark, Some(key.token_number), Kind::BlockMappingStart)?;
            self.simple_keys[level].possible = false;
            self.simple_key_allowed = false;
        } else {
            if self.flow_level == 0 {
                if !self.simple_key_allowed {
                    return Err(self.error(self.mark, "mapping values are not allowed in this context"));
                }
                self.roll_indent(self.mark, None, Kind::BlockMappingStart)?;
            }
            self.simple_key_allowed = self.flow_level == 0;
        }
        self.indicator(Kind::Value);
        Ok(())
    }

    fn fetch_property(&mut self, c: u8) -> Result<(), YamlError> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let token = if c == b'!' { self.scan_tag()? } else { self.scan_anchor(c == b'*')? };
        self.tokens.push_back(token);
        Ok(())
    }

    fn indicator(&mut self, kind: Kind<'a>) {
        self.push(kind, self.mark.line);
        self.skip_ascii(1);
    }

    fn skip_to_next_token(&mut self) {
        loop {
            let tabs = self.flow_level > 0 || !self.simple_key_allowed;
            while self.at(0) == b' ' || (tabs && self.at(0) == b'\t') {
                self.skip_ascii(1);
            }
            self.skip_comment();
            if self.break_width(0) == 0 {
                return;
            }
            self.skip_break();
            if self.flow_level == 0 {
                self.simple_key_allowed = true;
            }
        }
    }

    pub(super) fn skip_comment(&mut self) {
        if self.at(0) == b'#' {
            while !self.is_breakz(0) {
                self.skip_char();
            }
        }
    }
}
