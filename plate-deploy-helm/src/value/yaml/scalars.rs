//! Scanning of scalars: plain, quoted and block. Text that needs no folding or unescaping is borrowed from the input.

use std::borrow::Cow;

use super::error::YamlError;
use super::scanner::{Mark, Scanner};
use super::token::{Kind, Token};

/// Line breaks between two pieces of a folded scalar.
#[derive(Default)]
struct Breaks {
    first: &'static str,
    rest: String,
}

impl Breaks {
    fn push(&mut self, text: &'static str) {
        if self.first.is_empty() {
            self.first = text;
        } else {
            self.rest.push_str(text);
        }
    }

    /// One line feed folds to a space; more keep all but the first; a Unicode line break is kept.
    fn fold_into(&mut self, out: &mut String) {
        if self.first != "\n" {
            out.push_str(self.first);
            out.push_str(&self.rest);
        } else if self.rest.is_empty() {
            out.push(' ');
        } else {
            out.push_str(&self.rest);
        }
        *self = Self::default();
    }
}

fn scalar(mark: Mark, text: Cow<'_, str>, plain: bool) -> Token<'_> {
    Token { kind: Kind::Scalar { text, plain }, line: mark.line }
}

impl<'a> Scanner<'a> {
    pub(super) fn scan_plain_scalar(&mut self) -> Result<Token<'a>, YamlError> {
        let start = self.mark;
        let indent = self.indent + 1;
        let mut folded: Option<String> = None;
        let mut breaks = Breaks::default();
        let (mut piece, mut end) = (start.pos, start.pos);
        loop {
            if self.at_document_indicator() || self.at(0) == b'#' {
                break;
            }
            if !self.at_plain_end() {
                if !breaks.first.is_empty() {
                    let out = folded.get_or_insert_with(String::new);
                    out.push_str(&self.src[piece..end]);
                    breaks.fold_into(out);
                    piece = self.mark.pos;
                }
                self.skip_plain_word();
                end = self.mark.pos;
            }
            if !self.is_blank(0) && self.break_width(0) == 0 {
                break;
            }
            self.plain_space(start, indent, &mut breaks)?;
            if self.flow_level == 0 && self.mark.column < indent {
                break;
            }
        }
        if !breaks.first.is_empty() {
            self.simple_key_allowed = true;
        }
        let text = match folded {
            Some(mut out) => {
                out.push_str(&self.src[piece..end]);
                Cow::Owned(out)
            }
            None => Cow::Borrowed(&self.src[piece..end]),
        };
        Ok(scalar(start, text, true))
    }

    /// Whether a plain scalar cannot go on with the current character.
    fn at_plain_end(&self) -> bool {
        match self.at(0) {
            b':' => self.is_blankz(1),
            b',' | b'?' | b'[' | b']' | b'{' | b'}' => self.flow_level > 0,
            0 | b' ' | b'\t' | b'\n' | b'\r' => true,
            0xC2 | 0xE2 => self.break_width(0) > 0,
            _ => false,
        }
    }

    fn skip_plain_word(&mut self) {
        let from = self.mark.pos;
        let mut columns = 0;
        loop {
            match self.at(0) {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'/' | b'_' => columns += 1,
                0x80..=0xBF => {}
                _ if self.mark.pos > from && self.at_plain_end() => break,
                _ => columns += 1,
            }
            self.mark.pos += 1;
        }
        self.mark.column += columns;
    }

    /// White space inside a plain scalar.
    fn plain_space(&mut self, start: Mark, indent: i32, breaks: &mut Breaks) -> Result<(), YamlError> {
        loop {
            if self.is_blank(0) {
                if !breaks.first.is_empty() && self.mark.column < indent && self.at(0) == b'\t' {
                    return Err(self.error(start, "found a tab character that violates indentation"));
                }
                self.skip_ascii(1);
            } else if self.break_width(0) > 0 {
                let text = self.skip_break();
                breaks.push(text);
            } else {
                return Ok(());
            }
        }
    }

    pub(super) fn scan_flow_scalar(&mut self, single: bool) -> Result<Token<'a>, YamlError> {
        let start = self.mark;
        let quote = if single { b'\'' } else { b'"' };
        self.skip_ascii(1);
        // The usual string: one line, nothing to unescape.
        let rest = &self.bytes[self.mark.pos..];
        let stop = rest.iter().position(|&b| b == quote || b == b'\\' || b < 0x20 || b == 0xC2 || b == 0xE2);
        if let Some(n) = stop
            && rest[n] == quote
            && !(single && rest.get(n + 1) == Some(&quote))
        {
            let text = &self.src[self.mark.pos..self.mark.pos + n];
            self.mark.pos += n + 1;
            self.mark.column += i32::try_from(text.chars().count() + 1).unwrap_or(i32::MAX);
            return Ok(scalar(start, Cow::Borrowed(text), false));
        }
        let mut out = String::new();
        loop {
            if self.at_document_indicator() {
                return Err(self.error(start, "found unexpected document indicator"));
            }
            if self.at(0) == 0 {
                return Err(self.error(start, "found unexpected end of stream"));
            }
            let escaped_break = self.quoted_word(start, single, &mut out)?;
            if self.at(0) == quote {
                break;
            }
            self.quoted_space(escaped_break, &mut out);
        }
        self.skip_ascii(1);
        Ok(scalar(start, Cow::Owned(out), false))
    }

    /// A run of non-blank characters of a quoted scalar. True when it ended with an escaped line break.
    fn quoted_word(&mut self, start: Mark, single: bool, out: &mut String) -> Result<bool, YamlError> {
        while !self.is_blankz(0) {
            match self.at(0) {
                b'\'' if single && self.at(1) == b'\'' => {
                    out.push('\'');
                    self.skip_ascii(2);
                }
                b'\'' if single => break,
                b'"' if !single => break,
                b'\\' if !single && self.break_width(1) > 0 => {
                    self.skip_ascii(1);
                    self.skip_break();
                    return Ok(true);
                }
                b'\\' if !single => self.escape(start, out)?,
                _ => {
                    let from = self.mark.pos;
                    self.skip_char();
                    out.push_str(&self.src[from..self.mark.pos]);
                }
            }
        }
        Ok(false)
    }

    fn escape(&mut self, start: Mark, out: &mut String) -> Result<(), YamlError> {
        let digits = match self.at(1) {
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            c => {
                out.push(match c {
                    b'0' => '\0',
                    b'a' => '\x07',
                    b'b' => '\x08',
                    b't' | b'\t' => '\t',
                    b'n' => '\n',
                    b'v' => '\x0B',
                    b'f' => '\x0C',
                    b'r' => '\r',
                    b'e' => '\x1B',
                    b' ' | b'"' | b'\'' | b'\\' => char::from(c),
                    b'N' => '\u{85}',
                    b'_' => '\u{A0}',
                    b'L' => '\u{2028}',
                    b'P' => '\u{2029}',
                    _ => return Err(self.error(start, "found unknown escape character")),
                });
                self.skip_ascii(2);
                return Ok(());
            }
        };
        self.skip_ascii(2);
        let mut code = 0u32;
        for n in 0..digits {
            let Some(digit) = char::from(self.at(n)).to_digit(16) else {
                return Err(self.error(start, "did not find expected hexdecimal number"));
            };
            code = (code << 4) | digit;
        }
        let Some(c) = char::from_u32(code) else {
            return Err(self.error(start, "found invalid Unicode character escape code"));
        };
        out.push(c);
        self.skip_ascii(digits);
        Ok(())
    }

    /// White space of a quoted scalar: kept on one line, folded over line ends.
    fn quoted_space(&mut self, escaped_break: bool, out: &mut String) {
        let from = self.mark.pos;
        let mut breaks = Breaks::default();
        let mut broken = escaped_break;
        loop {
            if self.is_blank(0) {
                self.skip_ascii(1);
            } else if self.break_width(0) > 0 {
                let text = self.skip_break();
                if broken && breaks.first.is_empty() {
                    // After an escaped break, libyaml counts every further one as a trailing break.
                    breaks.rest.push_str(text);
                } else {
                    breaks.push(text);
                }
                broken = true;
            } else {
                break;
            }
        }
        if !broken {
            out.push_str(&self.src[from..self.mark.pos]);
        } else if escaped_break {
            out.push_str(&breaks.rest);
        } else {
            breaks.fold_into(out);
        }
    }

    pub(super) fn scan_block_scalar(&mut self, literal: bool) -> Result<Token<'a>, YamlError> {
        let start = self.mark;
        self.skip_ascii(1);
        let (chomp, increment) = self.block_header(start)?;
        let mut indent = if increment > 0 { self.indent.max(0) + increment } else { 0 };
        let mut out = String::new();
        let mut trailing = String::new();
        let mut leading = "";
        let mut leading_blank = false;
        self.block_breaks(start, &mut indent, &mut trailing)?;
        while self.mark.column == indent && self.at(0) != 0 {
            let trailing_blank = self.is_blank(0);
            if !literal && !leading_blank && !trailing_blank && leading == "\n" {
                if trailing.is_empty() {
                    out.push(' ');
                }
            } else {
                out.push_str(leading);
            }
            out.push_str(&trailing);
            trailing.clear();
            leading_blank = trailing_blank;
            let from = self.mark.pos;
            self.skip_line_content();
            out.push_str(&self.src[from..self.mark.pos]);
            leading = if self.at(0) == 0 { "" } else { self.skip_break() };
            self.block_breaks(start, &mut indent, &mut trailing)?;
        }
        if chomp != Chomp::Strip {
            out.push_str(leading);
        }
        if chomp == Chomp::Keep {
            out.push_str(&trailing);
        }
        Ok(scalar(start, Cow::Owned(out), false))
    }

    fn skip_line_content(&mut self) {
        let from = self.mark.pos;
        while !matches!(self.at(0), 0 | b'\n' | b'\r') && self.break_width(0) == 0 {
            self.mark.pos += 1;
        }
        let columns = self.bytes[from..self.mark.pos].iter().filter(|&&b| b & 0xC0 != 0x80).count();
        self.mark.column += i32::try_from(columns).unwrap_or(i32::MAX);
    }

    fn block_header(&mut self, start: Mark) -> Result<(Chomp, i32), YamlError> {
        let (mut chomp, mut increment) = (Chomp::Clip, 0);
        let (mut chomped, mut counted) = (false, false);
        loop {
            match self.at(0) {
                c @ (b'+' | b'-') if !chomped => {
                    chomp = if c == b'+' { Chomp::Keep } else { Chomp::Strip };
                    chomped = true;
                }
                b'0' if !counted => return Err(self.error(start, "found an indentation indicator equal to 0")),
                c @ b'1'..=b'9' if !counted => {
                    increment = i32::from(c - b'0');
                    counted = true;
                }
                _ => break,
            }
            self.skip_ascii(1);
        }
        while self.is_blank(0) {
            self.skip_ascii(1);
        }
        self.skip_comment();
        if !self.is_breakz(0) {
            return Err(self.error(start, "did not find expected comment or line break"));
        }
        if self.at(0) != 0 {
            self.skip_break();
        }
        Ok((chomp, increment))
    }

    /// Indentation and empty lines of a block scalar; finds the indentation when it is not known (0) yet.
    fn block_breaks(&mut self, start: Mark, indent: &mut i32, breaks: &mut String) -> Result<(), YamlError> {
        let mut deepest = 0;
        loop {
            while (*indent == 0 || self.mark.column < *indent) && self.at(0) == b' ' {
                self.skip_ascii(1);
            }
            deepest = deepest.max(self.mark.column);
            if (*indent == 0 || self.mark.column < *indent) && self.at(0) == b'\t' {
                let problem = "found a tab character where an indentation space is expected";
                return Err(self.error(start, problem));
            }
            if self.break_width(0) == 0 {
                break;
            }
            let text = self.skip_break();
            breaks.push_str(text);
        }
        if *indent == 0 {
            *indent = deepest.max(self.indent + 1).max(1);
        }
        Ok(())
    }
}

/// What happens to the line breaks at the end of a block scalar.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomp {
    Strip,
    Clip,
    Keep,
}
