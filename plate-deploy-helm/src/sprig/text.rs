//! Go's `fmt`, `strings` and `unicode` as Sprig uses them: text of a value, runes of a byte string, simple case mapping.

use std::sync::LazyLock;

use regex::Regex;

use crate::value::{FuncError, ListKind, Str, Value, print};

/// Sprig's `strval`: strings and bytes as they are, everything else as `%v`.
pub(super) fn strval(value: &Value) -> Str {
    match value {
        Value::Str(text) => text.clone(),
        Value::List(list) if list.kind() == ListKind::Bytes => list.to_str(),
        _ => display(value),
    }
}

/// `fmt.Sprint(value)`.
pub(super) fn display(value: &Value) -> Str {
    print::to_str(value)
}

/// Sprig's `strslice`: the texts of a list's items (nils left out), or the one text of anything else.
pub(super) fn strslice(value: &Value) -> Vec<Str> {
    match value {
        Value::Nil => Vec::new(),
        Value::List(list) => list.items().iter().filter(|item| !item.is_nil()).map(strval).collect(),
        _ => vec![strval(value)],
    }
}

/// Go's `s[start..end]`, with the panic text Go gives when it is out of bounds.
pub(super) fn slice(text: &[u8], start: Option<i64>, end: Option<i64>) -> Result<&[u8], FuncError> {
    let len = text.len();
    let fail = |what: String| FuncError::msg(format!("runtime error: slice bounds out of range {what}"));
    let stop = match end {
        Some(end) if end < 0 => return Err(fail(format!("[:{end}]"))),
        Some(end) => usize::try_from(end)
            .ok()
            .filter(|end| *end <= len)
            .ok_or_else(|| fail(format!("[:{end}] with length {len}")))?,
        None => len,
    };
    let Some(start) = start else { return Ok(&text[..stop]) };
    if start < 0 {
        return Err(fail(format!("[{start}:]")));
    }
    usize::try_from(start).ok().and_then(|start| text.get(start..stop)).ok_or_else(|| fail(format!("[{start}:{stop}]")))
}

/// The first rune of a byte string and its width: U+FFFD and 1 for an invalid byte, as Go decodes.
pub(super) fn decode(bytes: &[u8]) -> Option<(char, usize)> {
    let first = *bytes.first()?;
    if first < 0x80 {
        return Some((char::from(first), 1));
    }
    let head = &bytes[..bytes.len().min(4)];
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default(),
    };
    Some(valid.chars().next().map_or((char::REPLACEMENT_CHARACTER, 1), |c| (c, c.len_utf8())))
}

/// The runes of a byte string: Go's `[]rune(s)`.
pub(super) fn runes(mut bytes: &[u8]) -> Vec<char> {
    let mut out = Vec::with_capacity(bytes.len());
    while let Some((c, width)) = decode(bytes) {
        out.push(c);
        bytes = &bytes[width..];
    }
    out
}

/// One Unicode general category, as a predicate for characters beyond ASCII.
macro_rules! category {
    ($(#[$doc:meta])* $name:ident, $ascii:expr, $pattern:literal) => {
        $(#[$doc])*
        pub(super) fn $name(c: char) -> bool {
            static CLASS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new($pattern).ok());
            if c.is_ascii() {
                let ascii: fn(char) -> bool = $ascii;
                return ascii(c);
            }
            CLASS.as_ref().is_some_and(|class| class.is_match(c.encode_utf8(&mut [0; 4])))
        }
    };
}

category!(/// `unicode.IsUpper`.
    is_upper, |c| c.is_ascii_uppercase(), r"^\p{Lu}$");
category!(/// `unicode.IsLower`.
    is_lower, |c| c.is_ascii_lowercase(), r"^\p{Ll}$");
category!(/// `unicode.IsTitle`.
    is_title, |_| false, r"^\p{Lt}$");
category!(/// `unicode.IsLetter`.
    is_letter, |c| c.is_ascii_alphabetic(), r"^\p{L}$");
category!(/// `unicode.IsDigit`.
    is_digit, |c| c.is_ascii_digit(), r"^\p{Nd}$");
category!(/// `unicode.IsNumber`.
    is_number, |c| c.is_ascii_digit(), r"^\p{N}$");
category!(/// `unicode.IsPunct`.
    is_punct, |c| c.is_ascii_punctuation() && !matches!(c, '$' | '+' | '<' | '=' | '>' | '^' | '`' | '|' | '~'), r"^\p{P}$");

/// `unicode.ToUpper`: the simple mapping, always one rune.
pub(super) fn to_upper(c: char) -> char {
    let mut mapped = c.to_uppercase();
    match (mapped.next(), mapped.next()) {
        (Some(upper), None) => upper,
        _ => iota_upper(c),
    }
}

/// Greek letters with iota subscript: their simple upper case is the title case letter, the full one is two letters.
fn iota_upper(c: char) -> char {
    let code = u32::from(c);
    let mapped = match code {
        0x1F80..=0x1FAF if code & 8 == 0 => code + 8,
        0x1FB3 | 0x1FC3 | 0x1FF3 => code + 9,
        _ => code,
    };
    char::from_u32(mapped).unwrap_or(c)
}

/// `unicode.ToLower`: the simple mapping, always one rune.
pub(super) fn to_lower(c: char) -> char {
    if c == '\u{130}' {
        return 'i';
    }
    let mut mapped = c.to_lowercase();
    match (mapped.next(), mapped.next()) {
        (Some(lower), None) => lower,
        _ => c,
    }
}

/// `unicode.ToTitle`: the upper case, but the digraphs have title case letters of their own.
pub(super) fn to_title(c: char) -> char {
    match c {
        '\u{1C4}'..='\u{1C6}' => '\u{1C5}',
        '\u{1C7}'..='\u{1C9}' => '\u{1C8}',
        '\u{1CA}'..='\u{1CC}' => '\u{1CB}',
        '\u{1F1}'..='\u{1F3}' => '\u{1F2}',
        '\u{10D0}'..='\u{10FA}' | '\u{10FD}'..='\u{10FF}' => c,
        _ => to_upper(c),
    }
}

/// `strings.Map`: every rune through a mapping.
pub(super) fn map_runes(text: &Str, f: impl Fn(char) -> char) -> String {
    text.text().chars().map(f).collect()
}

/// `strings.Split` (`limit` below 0), or `strings.SplitN`.
pub(super) fn split(text: &[u8], separator: &[u8], limit: i64) -> Vec<Str> {
    if limit == 0 {
        return Vec::new();
    }
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    if separator.is_empty() {
        return explode(text, most);
    }
    let mut parts = Vec::new();
    let mut rest = text;
    while parts.len() + 1 < most {
        let Some(at) = find(rest, separator) else { break };
        parts.push(Str::from(&rest[..at]));
        rest = &rest[at + separator.len()..];
    }
    parts.push(Str::from(rest));
    parts
}

/// Go's split at the empty separator: one part for each rune.
fn explode(text: &[u8], most: usize) -> Vec<Str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((_, width)) = decode(rest) {
        if parts.len() + 1 >= most {
            parts.push(Str::from(rest));
            break;
        }
        parts.push(Str::from(&rest[..width]));
        rest = &rest[width..];
    }
    parts
}

/// The first place of `needle`.
pub(super) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    if needle.is_empty() {
        return Some(0);
    }
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// `strings.ReplaceAll`; an empty `old` matches before every rune and at the end.
pub(super) fn replace_all(text: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    if old.is_empty() {
        out.extend_from_slice(new);
        while let Some((_, width)) = decode(rest) {
            out.extend_from_slice(&rest[..width]);
            out.extend_from_slice(new);
            rest = &rest[width..];
        }
        return out;
    }
    while let Some(at) = find(rest, old) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(new);
        rest = &rest[at + old.len()..];
    }
    out.extend_from_slice(rest);
    out
}

/// `strings.TrimSpace`.
pub(super) fn trim_space(text: &[u8]) -> &[u8] {
    trim(text, char::is_whitespace)
}

/// `strings.TrimFunc`.
pub(super) fn trim(text: &[u8], cut: impl Fn(char) -> bool) -> &[u8] {
    let mut rest = text;
    while let Some((c, width)) = decode(rest) {
        if !cut(c) {
            break;
        }
        rest = &rest[width..];
    }
    while let Some((c, width)) = decode_last(rest) {
        if !cut(c) {
            break;
        }
        rest = &rest[..rest.len() - width];
    }
    rest
}

/// The last rune of a byte string and its width.
fn decode_last(bytes: &[u8]) -> Option<(char, usize)> {
    (1..=bytes.len().min(4))
        .rev()
        .find_map(|width| {
            let tail = &bytes[bytes.len() - width..];
            decode(tail).filter(|(c, w)| *w == width && (width > 1 || c.is_ascii()))
        })
        .or_else(|| bytes.last().map(|_| (char::REPLACEMENT_CHARACTER, 1)))
}

/// The bytes of several parts with a separator between them.
pub(super) fn join<T: AsRef<[u8]>>(parts: &[T], separator: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            out.extend_from_slice(separator);
        }
        out.extend_from_slice(part.as_ref());
    }
    out
}
