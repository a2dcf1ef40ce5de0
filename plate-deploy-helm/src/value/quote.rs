//! Go's string syntax: `strconv.Quote`, `Unquote` and what counts as printable.

use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;

/// Go's `unicode.IsPrint`, taken from the Unicode categories letter, mark, number, punctuation and symbol.
static PRINTABLE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[\p{L}\p{M}\p{N}\p{P}\p{S}]$").ok());
static LETTER_OR_DIGIT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[\p{L}\p{Nd}]$").ok());

/// Whether Go's `strconv.IsPrint` holds: quoted strings keep these characters as they are.
#[must_use]
pub fn is_print(c: char) -> bool {
    if c.is_ascii() {
        return (' '..='~').contains(&c);
    }
    in_class(&PRINTABLE, c)
}

/// Whether the template lexer takes the character as part of a name: `_`, a Unicode letter or a decimal digit.
#[must_use]
pub fn is_alphanumeric(c: char) -> bool {
    if c.is_ascii() {
        return c == '_' || c.is_ascii_alphanumeric();
    }
    in_class(&LETTER_OR_DIGIT, c)
}

fn in_class(class: &LazyLock<Option<Regex>>, c: char) -> bool {
    let mut buffer = [0; 4];
    class.as_ref().is_some_and(|class| class.is_match(c.encode_utf8(&mut buffer)))
}

/// Go's `strconv.Quote` of bytes: double quotes, Go escapes, `\x..` for bytes that are not UTF-8.
#[must_use]
pub fn quote(bytes: &[u8]) -> String {
    quote_with(bytes, '"', false)
}

/// Go's `strconv.QuoteToASCII`.
#[must_use]
pub fn quote_ascii(bytes: &[u8]) -> String {
    quote_with(bytes, '"', true)
}

/// Go's `strconv.QuoteRune`, or `QuoteRuneToASCII`.
#[must_use]
pub fn quote_rune(c: char, ascii: bool) -> String {
    let mut buffer = [0; 4];
    quote_with(c.encode_utf8(&mut buffer).as_bytes(), '\'', ascii)
}

fn quote_with(bytes: &[u8], mark: char, ascii: bool) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push(mark);
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            escape_char(&mut out, c, mark, ascii);
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out.push(mark);
    out
}

fn escape_char(out: &mut String, c: char, mark: char, ascii: bool) {
    match c {
        '\\' => out.push_str("\\\\"),
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        c if c == mark => {
            out.push('\\');
            out.push(c);
        }
        c if is_print(c) && (c.is_ascii() || !ascii) => out.push(c),
        c if u32::from(c) < 0x20 || c == '\u{7f}' => {
            let _ = write!(out, "\\x{:02x}", u32::from(c));
        }
        c if u32::from(c) < 0x1_0000 => {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        }
        c => {
            let _ = write!(out, "\\U{:08x}", u32::from(c));
        }
    }
}

/// Whether Go's `strconv.CanBackquote` holds: one line, printable, no backquote.
#[must_use]
pub fn can_backquote(text: &str) -> bool {
    text.chars().all(|c| c == '\t' || (c != '`' && c != '\u{feff}' && c != '\u{7f}' && c >= ' '))
}

/// Go's `strconv.Unquote` of a double-quoted or backquoted literal; `None` when the syntax is wrong.
#[must_use]
pub fn unquote(literal: &str) -> Option<Vec<u8>> {
    if let Some(inner) = literal.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) {
        return Some(inner.bytes().filter(|byte| *byte != b'\r').collect());
    }
    let mut rest = literal.strip_prefix('"')?.strip_suffix('"')?;
    let mut out = Vec::with_capacity(rest.len());
    while let Some(c) = rest.chars().next() {
        if c == '"' || c == '\n' {
            return None;
        }
        let (unit, tail) = unquote_char(rest, '"')?;
        match unit {
            Unit::Byte(byte) => out.push(byte),
            Unit::Char(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        rest = tail;
    }
    Some(out)
}

/// One decoded unit of a quoted literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A single byte (`\xff`, `\377`).
    Byte(u8),
    /// A character.
    Char(char),
}

/// Go's `strconv.UnquoteChar`: the first unit of the text and what follows it.
#[must_use]
pub fn unquote_char(text: &str, mark: char) -> Option<(Unit, &str)> {
    let mut chars = text.chars();
    let first = chars.next()?;
    if first == mark {
        return None;
    }
    if first != '\\' {
        return Some((Unit::Char(first), chars.as_str()));
    }
    let escape = chars.next()?;
    let rest = chars.as_str();
    let simple = match escape {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        '\\' => '\\',
        '\'' | '"' if escape == mark => escape,
        'x' => return numeric(rest, 2, 16).and_then(|(n, rest)| Some((Unit::Byte(u8::try_from(n).ok()?), rest))),
        'u' => return numeric(rest, 4, 16).and_then(|(n, rest)| Some((Unit::Char(char::from_u32(n)?), rest))),
        'U' => return numeric(rest, 8, 16).and_then(|(n, rest)| Some((Unit::Char(char::from_u32(n)?), rest))),
        '0'..='7' => {
            let digits = text.get(1..)?;
            return numeric(digits, 3, 8).and_then(|(n, rest)| Some((Unit::Byte(u8::try_from(n).ok()?), rest)));
        }
        _ => return None,
    };
    Some((Unit::Char(simple), rest))
}

fn numeric(text: &str, digits: usize, radix: u32) -> Option<(u32, &str)> {
    let head = text.get(..digits)?;
    if !head.bytes().all(|byte| char::from(byte).is_digit(radix)) {
        return None;
    }
    Some((u32::from_str_radix(head, radix).ok()?, text.get(digits..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_as_go_does() {
        assert_eq!(quote("a\"\\\n\u{1}é\u{200b}😀".as_bytes()), "\"a\\\"\\\\\\n\\x01é\\u200b😀\"");
        assert_eq!(quote(b"\xff\x00'"), "\"\\xff\\x00'\"");
        assert_eq!(quote_ascii("é😀".as_bytes()), "\"\\u00e9\\U0001f600\"");
        assert_eq!(quote_rune('\'', false), "'\\''");
        assert_eq!(quote("\u{7f}\u{a0}\u{feff}".as_bytes()), "\"\\x7f\\u00a0\\ufeff\"");
    }

    #[test]
    fn unquotes_as_go_does() {
        let table: [(&str, Option<&[u8]>); 9] = [
            (r#""a\tb""#, Some(b"a\tb")),
            (r#""\x41\101\u0041\U00000041""#, Some(b"AAAA")),
            ("`raw\\n\r`", Some(b"raw\\n")),
            (r#""\q""#, None),
            (r#""\'""#, None),
            (r#""\"""#, Some(b"\"")),
            (r#""\xff""#, Some(b"\xff")),
            (r#""\400""#, None),
            (r#""\ud800""#, None),
        ];
        for (literal, want) in table {
            assert_eq!(unquote(literal).as_deref(), want, "{literal}");
        }
    }
}
