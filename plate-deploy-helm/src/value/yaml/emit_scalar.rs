//! Writing of one scalar in each style: quoting, escaping and folding of long lines.

use std::fmt::Write as _;

use super::analyze::{char_width, is_break, is_printable};
use super::emit::Emitter;

impl Emitter {
    pub(super) fn plain_text(&mut self, text: &str, allow_breaks: bool) {
        self.space();
        self.folded(text, allow_breaks, 0, text.len(), |_, _| {});
        (self.whitespace, self.indention) = (false, false);
    }

    pub(super) fn single_quoted(&mut self, text: &str, allow_breaks: bool) {
        self.indicator("'", false);
        self.whitespace = false;
        // The first and the last character of the text are never folded.
        self.folded(text, allow_breaks, 1, text.len().saturating_sub(1), |this, c| {
            if c == '\'' {
                this.out.push('\'');
                this.column += 1;
            }
        });
        self.out.push('\'');
        self.column += 1;
        (self.whitespace, self.indention) = (false, false);
    }

    /// Text on as many lines as its width asks for: a single space past the width becomes a line end, when it is at
    /// `first..last`. `before` writes what goes in front of a character.
    fn folded(&mut self, text: &str, allow: bool, first: usize, last: usize, before: impl Fn(&mut Self, char)) {
        if text.is_ascii() && self.fits(text) && !text.contains(['\'', '\r', '\n']) {
            self.out.push_str(text);
            self.column += text.len();
            self.indention = false;
            return;
        }
        let bytes = text.as_bytes();
        let (mut spaces, mut breaks) = (false, false);
        for (i, c) in text.char_indices() {
            if c == ' ' {
                let next_is_space = bytes.get(i + 1) == Some(&b' ');
                if allow && !spaces && self.too_wide() && (first..last).contains(&i) && !next_is_space {
                    self.write_indent();
                } else {
                    self.out.push(' ');
                    self.column += 1;
                }
                spaces = true;
            } else if is_break(bytes, i) {
                if !breaks && c == '\n' {
                    self.out.push('\n');
                }
                self.out.push(c);
                self.column = 0;
                self.indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                before(self, c);
                self.out.push(c);
                self.column += 1;
                self.indention = false;
                (spaces, breaks) = (false, false);
            }
        }
    }

    pub(super) fn double_quoted(&mut self, text: &str, allow_breaks: bool) {
        self.indicator("\"", false);
        let bytes = text.as_bytes();
        // A quirk of go-yaml: it looks for the byte order mark at the start of the text only, for every character.
        let escape_all = text.starts_with('\u{FEFF}');
        let mut spaces = false;
        let mut i = 0;
        while let Some(c) = text.get(i..).and_then(|rest| rest.chars().next()) {
            let next = i + char_width(bytes[i]);
            if escape_all || !is_printable(bytes, i) || is_break(bytes, i) || c == '"' || c == '\\' {
                self.escape(c);
                spaces = false;
            } else if c == ' ' {
                if allow_breaks && !spaces && self.too_wide() && i > 0 && next < bytes.len() {
                    self.write_indent();
                    if bytes.get(next) == Some(&b' ') {
                        self.out.push('\\');
                        self.column += 1;
                    }
                } else {
                    self.out.push(' ');
                    self.column += 1;
                }
                spaces = true;
            } else {
                self.out.push(c);
                self.column += 1;
                spaces = false;
            }
            i = next;
        }
        self.out.push('"');
        self.column += 1;
        (self.whitespace, self.indention) = (false, false);
    }

    fn escape(&mut self, c: char) {
        let from = self.out.len();
        self.out.push('\\');
        match c {
            '\0' => self.out.push('0'),
            '\x07' => self.out.push('a'),
            '\x08' => self.out.push('b'),
            '\t' => self.out.push('t'),
            '\n' => self.out.push('n'),
            '\x0B' => self.out.push('v'),
            '\x0C' => self.out.push('f'),
            '\r' => self.out.push('r'),
            '\x1B' => self.out.push('e'),
            '"' | '\\' => self.out.push(c),
            '\u{85}' => self.out.push('N'),
            '\u{A0}' => self.out.push('_'),
            '\u{2028}' => self.out.push('L'),
            '\u{2029}' => self.out.push('P'),
            _ => {
                let code = u32::from(c);
                // Writing to a string cannot fail.
                let _ = match code {
                    0..=0xFF => write!(self.out, "x{code:02X}"),
                    0x100..=0xFFFF => write!(self.out, "u{code:04X}"),
                    _ => write!(self.out, "U{code:08X}"),
                };
            }
        }
        self.column += self.out.len() - from;
    }

    /// `|`, with a digit when the text starts with white space and `-` or `+` for how it ends.
    pub(super) fn literal(&mut self, text: &str) {
        self.indicator("|", false);
        let bytes = text.as_bytes();
        if bytes.first() == Some(&b' ') || is_break(bytes, 0) {
            self.out.push('2');
        }
        let mut breaks_at_end = text.char_indices().rev().map(|(i, _)| is_break(bytes, i));
        match (breaks_at_end.next(), breaks_at_end.next()) {
            (Some(true), None | Some(true)) => self.out.push('+'),
            (Some(true), Some(false)) => {}
            _ => self.out.push('-'),
        }
        self.out.push('\n');
        self.column = 0;
        (self.whitespace, self.indention) = (true, true);
        let mut breaks = true;
        for (i, c) in text.char_indices() {
            if is_break(bytes, i) {
                self.out.push(c);
                self.column = 0;
                self.indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                self.out.push(c);
                self.column += 1;
                self.indention = false;
                breaks = false;
            }
        }
    }
}
