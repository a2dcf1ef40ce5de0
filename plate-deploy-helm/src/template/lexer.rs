//! Turns template text into tokens, with Go's trim markers, comments and error texts.

use std::borrow::Cow;

use super::search::find;
use crate::value::quote::{is_alphanumeric, is_print, quote};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Error,
    Bool,
    Char,
    CharConstant,
    Complex,
    Assign,
    Declare,
    Eof,
    Field,
    Identifier,
    LeftDelim,
    LeftParen,
    Number,
    Pipe,
    RawString,
    RightDelim,
    RightParen,
    Space,
    String,
    Text,
    Variable,
    Dot,
    Keyword(Keyword),
}

/// The words with a meaning of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keyword {
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Nil,
    Range,
    Template,
    With,
}

impl Keyword {
    fn of(word: &[u8]) -> Option<Self> {
        Some(match word {
            b"block" => Self::Block,
            b"break" => Self::Break,
            b"continue" => Self::Continue,
            b"define" => Self::Define,
            b"else" => Self::Else,
            b"end" => Self::End,
            b"if" => Self::If,
            b"nil" => Self::Nil,
            b"range" => Self::Range,
            b"template" => Self::Template,
            b"with" => Self::With,
            _ => return None,
        })
    }
}

/// A piece of the input.
#[derive(Clone, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    /// Byte offset of the first byte.
    pub(super) pos: usize,
    /// The text; the message of an error token.
    pub(super) val: Cow<'a, [u8]>,
}

impl Token<'_> {
    /// The text as a string; invalid UTF-8 becomes U+FFFD.
    pub(super) fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.val)
    }

    /// As Go's parser shows it in errors.
    pub(super) fn describe(&self) -> String {
        match self.kind {
            Kind::Eof => "EOF".into(),
            Kind::Error => self.text().into_owned(),
            Kind::Keyword(_) | Kind::Dot => format!("<{}>", self.text()),
            _ if self.val.len() > 10 => {
                let text = self.text();
                let cut: String = text.chars().take(10).collect();
                format!("{}...", quote(cut.as_bytes()))
            }
            _ => quote(&self.val),
        }
    }
}

/// Reads tokens one at a time.
pub(super) struct Lexer<'a> {
    input: &'a [u8],
    start: usize,
    pos: usize,
    inside: bool,
    parens: usize,
    failed: bool,
}

const SPACES: &[u8] = b" \t\r\n";

fn is_space(byte: u8) -> bool {
    SPACES.contains(&byte)
}

impl<'a> Lexer<'a> {
    pub(super) fn new(input: &'a [u8]) -> Self {
        Self { input, start: 0, pos: 0, inside: false, parens: 0, failed: false }
    }

    /// The next token; [`Kind::Eof`] for ever at the end or after an error.
    pub(super) fn next_token(&mut self) -> Token<'a> {
        if self.failed {
            return Token { kind: Kind::Eof, pos: self.start, val: Cow::Borrowed(b"EOF") };
        }
        if self.inside { self.action() } else { self.outside() }
    }

    /// The line of a byte offset, from 1.
    pub(super) fn line_of(&self, pos: usize) -> usize {
        let head = self.input.get(..pos.min(self.input.len())).unwrap_or_default();
        1 + head.iter().filter(|byte| **byte == b'\n').count()
    }

    fn emit(&mut self, kind: Kind) -> Token<'a> {
        let token = Token {
            kind,
            pos: self.start,
            val: Cow::Borrowed(self.input.get(self.start..self.pos).unwrap_or_default()),
        };
        self.start = self.pos;
        token
    }

    fn error(&mut self, message: impl Into<String>) -> Token<'a> {
        self.failed = true;
        Token { kind: Kind::Error, pos: self.start, val: Cow::Owned(message.into().into_bytes()) }
    }

    fn rest(&self) -> &'a [u8] {
        self.input.get(self.pos..).unwrap_or_default()
    }

    fn peek_byte(&self) -> Option<u8> {
        self.input.get(self.pos).copied()
    }

    /// The next character without consuming it; a byte that is no UTF-8 reads as U+FFFD of length 1.
    fn peek(&self) -> Option<(char, usize)> {
        let byte = self.peek_byte()?;
        if byte.is_ascii() {
            return Some((char::from(byte), 1));
        }
        let rest = self.rest();
        let window = rest.get(..rest.len().min(4)).unwrap_or_default();
        let chunk = window.utf8_chunks().next()?;
        Some(chunk.valid().chars().next().map_or((char::REPLACEMENT_CHARACTER, 1), |c| (c, c.len_utf8())))
    }

    fn bump(&mut self) -> Option<char> {
        let (c, width) = self.peek()?;
        self.pos += width;
        Some(c)
    }

    /// Text up to the next `{{`, then the delimiter or a comment.
    fn outside(&mut self) -> Token<'a> {
        loop {
            let Some(found) = find(self.rest(), b"{{") else {
                self.pos = self.input.len();
                return if self.pos > self.start { self.emit(Kind::Text) } else { self.emit(Kind::Eof) };
            };
            let delim = self.pos + found;
            self.pos = delim;
            if found > 0 {
                let after = self.input.get(delim + 2..).unwrap_or_default();
                if has_left_trim(after) {
                    let text = self.input.get(self.start..delim).unwrap_or_default();
                    self.pos = self.start + trim_end(text);
                }
                let text = self.emit(Kind::Text);
                self.pos = delim;
                self.start = delim;
                if !text.val.is_empty() {
                    return text;
                }
            }
            if let Some(token) = self.left_delim() {
                return token;
            }
        }
    }

    /// `{{`, or `None` after skipping a comment.
    fn left_delim(&mut self) -> Option<Token<'a>> {
        self.pos += 2;
        let marker = if has_left_trim(self.rest()) { 2 } else { 0 };
        if self.input.get(self.pos + marker..).is_some_and(|rest| rest.starts_with(b"/*")) {
            self.pos += marker;
            self.start = self.pos;
            return self.comment();
        }
        let token = self.emit(Kind::LeftDelim);
        self.inside = true;
        self.parens = 0;
        self.pos += marker;
        self.start = self.pos;
        Some(token)
    }

    fn comment(&mut self) -> Option<Token<'a>> {
        self.pos += 2;
        let Some(end) = find(self.rest(), b"*/") else { return Some(self.error("unclosed comment")) };
        self.pos += end + 2;
        let Some(trim) = self.at_right_delim() else {
            return Some(self.error("comment ends before closing delimiter"));
        };
        self.close(trim);
        None
    }

    /// Whether `}}` is next, and whether a trim marker comes before it.
    fn at_right_delim(&self) -> Option<bool> {
        let rest = self.rest();
        match rest {
            [space, b'-', b'}', b'}', ..] if is_space(*space) => Some(true),
            [b'}', b'}', ..] => Some(false),
            _ => None,
        }
    }

    /// Skips `}}` with its trim marker and the spaces that the marker trims.
    fn close(&mut self, trim: bool) {
        self.pos += if trim { 4 } else { 2 };
        if trim {
            let rest = self.rest();
            self.pos += rest.iter().position(|byte| !is_space(*byte)).unwrap_or(rest.len());
        }
        self.start = self.pos;
    }

    fn right_delim(&mut self, trim: bool) -> Token<'a> {
        let pos = self.pos + if trim { 2 } else { 0 };
        self.close(trim);
        self.inside = false;
        Token { kind: Kind::RightDelim, pos, val: Cow::Borrowed(b"}}") }
    }

    /// One token inside an action.
    fn action(&mut self) -> Token<'a> {
        if let Some(trim) = self.at_right_delim() {
            return if self.parens == 0 { self.right_delim(trim) } else { self.error("unclosed left paren") };
        }
        let Some((c, width)) = self.peek() else { return self.error("unclosed action") };
        if c.is_ascii() && is_space(c as u8) {
            return self.space();
        }
        self.pos += width;
        match c {
            '=' => self.emit(Kind::Assign),
            ':' => {
                if self.bump() == Some('=') {
                    self.emit(Kind::Declare)
                } else {
                    self.error("expected :=")
                }
            }
            '|' => self.emit(Kind::Pipe),
            '"' => self.quoted('"', Kind::String, "unterminated quoted string"),
            '`' => self.raw_quoted(),
            '\'' => self.quoted('\'', Kind::CharConstant, "unterminated character constant"),
            '$' => self.name(Kind::Variable, Kind::Variable),
            '.' if self.peek_byte().is_some_and(|byte| !byte.is_ascii_digit()) => self.name(Kind::Field, Kind::Dot),
            '.' | '+' | '-' | '0'..='9' => {
                self.pos -= 1;
                self.number()
            }
            c if is_alphanumeric(c) => self.identifier(),
            '(' => {
                self.parens += 1;
                self.emit(Kind::LeftParen)
            }
            ')' => {
                if self.parens == 0 {
                    return self.error("unexpected right paren");
                }
                self.parens -= 1;
                self.emit(Kind::RightParen)
            }
            c if c.is_ascii() && is_print(c) => self.emit(Kind::Char),
            c => {
                let shown = describe_char(c);
                self.error(format!("unrecognized character in action: {shown}"))
            }
        }
    }

    /// A run of spaces, short of a trim marker's own space.
    fn space(&mut self) -> Token<'a> {
        let rest = self.rest();
        let run = rest.iter().position(|byte| !is_space(*byte)).unwrap_or(rest.len());
        self.pos += run;
        if self.rest().starts_with(b"-}}") {
            self.pos -= 1;
            if run == 1 {
                return self.right_delim(true);
            }
        }
        self.emit(Kind::Space)
    }

    fn skip_name(&mut self) {
        while let Some((c, width)) = self.peek() {
            if !is_alphanumeric(c) {
                break;
            }
            self.pos += width;
        }
    }

    fn bad_character(&mut self) -> Token<'a> {
        let shown = describe_char(self.peek().map_or('\u{fffd}', |(c, _)| c));
        self.error(format!("bad character {shown}"))
    }

    fn identifier(&mut self) -> Token<'a> {
        self.skip_name();
        if !self.at_terminator() {
            return self.bad_character();
        }
        let word = self.input.get(self.start..self.pos).unwrap_or_default();
        match (Keyword::of(word), word) {
            (Some(keyword), _) => self.emit(Kind::Keyword(keyword)),
            (None, b"true" | b"false") => self.emit(Kind::Bool),
            _ => self.emit(Kind::Identifier),
        }
    }

    /// A field or variable after its first byte; `alone` is what the byte by itself is.
    fn name(&mut self, kind: Kind, alone: Kind) -> Token<'a> {
        if self.at_terminator() {
            return self.emit(alone);
        }
        self.skip_name();
        if !self.at_terminator() {
            return self.bad_character();
        }
        self.emit(kind)
    }

    fn at_terminator(&self) -> bool {
        match self.peek_byte() {
            None => true,
            Some(byte) if is_space(byte) => true,
            Some(b'.' | b',' | b'|' | b':' | b')' | b'(') => true,
            Some(_) => self.rest().starts_with(b"}}"),
        }
    }

    fn quoted(&mut self, mark: char, kind: Kind, unterminated: &str) -> Token<'a> {
        loop {
            match self.bump() {
                Some('\\') => {
                    if matches!(self.bump(), None | Some('\n')) {
                        return self.error(unterminated);
                    }
                }
                None | Some('\n') => return self.error(unterminated),
                Some(c) if c == mark => return self.emit(kind),
                Some(_) => {}
            }
        }
    }

    fn raw_quoted(&mut self) -> Token<'a> {
        match self.rest().iter().position(|byte| *byte == b'`') {
            Some(end) => {
                self.pos += end + 1;
                self.emit(Kind::RawString)
            }
            None => self.error("unterminated raw quoted string"),
        }
    }

    fn number(&mut self) -> Token<'a> {
        let complete = self.scan_number();
        if !complete {
            return self.bad_number();
        }
        if matches!(self.peek_byte(), Some(b'+' | b'-')) {
            let complete = self.scan_number();
            if !complete || self.input.get(self.pos - 1) != Some(&b'i') {
                return self.bad_number();
            }
            return self.emit(Kind::Complex);
        }
        self.emit(Kind::Number)
    }

    fn bad_number(&mut self) -> Token<'a> {
        let shown = quote(self.input.get(self.start..self.pos).unwrap_or_default());
        self.error(format!("bad number syntax: {shown}"))
    }

    fn accept(&mut self, set: &[u8]) -> bool {
        let found = self.peek_byte().is_some_and(|byte| set.contains(&byte));
        self.pos += usize::from(found);
        found
    }

    fn accept_run(&mut self, set: &[u8]) {
        while self.accept(set) {}
    }

    /// Go's lenient number scanner: the parser decides whether the number is one.
    fn scan_number(&mut self) -> bool {
        const DECIMAL: &[u8] = b"0123456789_";
        const HEX: &[u8] = b"0123456789abcdefABCDEF_";
        self.accept(b"+-");
        let mut digits = DECIMAL;
        if self.accept(b"0") {
            if self.accept(b"xX") {
                digits = HEX;
            } else if self.accept(b"oO") {
                digits = b"01234567_";
            } else if self.accept(b"bB") {
                digits = b"01_";
            }
        }
        self.accept_run(digits);
        if self.accept(b".") {
            self.accept_run(digits);
        }
        let exponent: &[u8] = match digits.len() {
            11 => b"eE",
            23 => b"pP",
            _ => b"",
        };
        if self.accept(exponent) {
            self.accept(b"+-");
            self.accept_run(DECIMAL);
        }
        self.accept(b"i");
        if let Some((c, width)) = self.peek()
            && is_alphanumeric(c)
        {
            self.pos += width;
            return false;
        }
        true
    }
}

/// Go's `%#U`.
fn describe_char(c: char) -> String {
    let code = u32::from(c);
    if is_print(c) { format!("U+{code:04X} '{c}'") } else { format!("U+{code:04X}") }
}

fn has_left_trim(after: &[u8]) -> bool {
    matches!(after, [b'-', space, ..] if is_space(*space))
}

/// Length of the text without its trailing spaces.
fn trim_end(text: &[u8]) -> usize {
    text.iter().rposition(|byte| !is_space(*byte)).map_or(0, |last| last + 1)
}
