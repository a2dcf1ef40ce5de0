//! Looking at the characters of the input and stepping over them.

use super::error::YamlError;
use super::scanner::{Mark, Scanner};

impl Scanner<'_> {
    /// The byte `n` places on, 0 past the end (the reader lets no NUL through).
    pub(super) fn at(&self, n: usize) -> u8 {
        self.bytes.get(self.mark.pos + n).copied().unwrap_or(0)
    }

    /// Bytes of the line break `n` places on: 0 when there is none.
    pub(super) fn break_width(&self, n: usize) -> usize {
        match self.at(n) {
            b'\n' => 1,
            b'\r' if self.at(n + 1) == b'\n' => 2,
            b'\r' => 1,
            0xC2 if self.at(n + 1) == 0x85 => 2,
            0xE2 if self.at(n + 1) == 0x80 && matches!(self.at(n + 2), 0xA8 | 0xA9) => 3,
            _ => 0,
        }
    }

    pub(super) fn is_blank(&self, n: usize) -> bool {
        matches!(self.at(n), b' ' | b'\t')
    }

    pub(super) fn is_breakz(&self, n: usize) -> bool {
        self.at(n) == 0 || self.break_width(n) > 0
    }

    pub(super) fn is_blankz(&self, n: usize) -> bool {
        self.is_blank(n) || self.is_breakz(n)
    }

    /// `---` or `...` at the start of a line.
    pub(super) fn at_document_indicator(&self) -> bool {
        self.mark.column == 0
            && matches!([self.at(0), self.at(1), self.at(2)], [b'-', b'-', b'-'] | [b'.', b'.', b'.'])
            && self.is_blankz(3)
    }

    /// Steps over `n` ASCII characters.
    pub(super) fn skip_ascii(&mut self, n: usize) {
        self.mark.pos += n;
        self.mark.column += i32::try_from(n).unwrap_or(i32::MAX);
    }

    /// Steps over one character that is no line break.
    pub(super) fn skip_char(&mut self) {
        let width = match self.at(0) {
            0..=0x7F => 1,
            0x80..=0xDF => 2,
            0xE0..=0xEF => 3,
            _ => 4,
        };
        self.mark.pos += width;
        self.mark.column += 1;
    }

    /// Steps over a line break and gives its text after normalisation: `\n`, or U+2028 and U+2029 as they are.
    pub(super) fn skip_break(&mut self) -> &'static str {
        let (width, text) = match (self.break_width(0), self.at(2)) {
            (3, 0xA8) => (3, "\u{2028}"),
            (3, _) => (3, "\u{2029}"),
            (width, _) => (width, "\n"),
        };
        self.mark.pos += width;
        self.mark.line += 1;
        self.mark.column = 0;
        text
    }

    /// A scanner error at the current place.
    pub(super) fn error(&self, context: Mark, problem: &str) -> YamlError {
        YamlError::at(problem, self.mark.line, context.line, true)
    }
}
