//! Which styles a string may be written in, as libyaml decides it.

use super::resolve::{Scalar, resolve};

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Literal,
}

/// What the characters of a string allow.
struct Analysis {
    line_breaks: bool,
    plain: bool,
    single_quoted: bool,
    block: bool,
}

/// The style go-yaml writes a string in. `simple_key`: as a key on one line.
/// `v3`: with the rules of go-yaml v3 for tabs.
pub(super) fn choose_style(text: &str, simple_key: bool, v3: bool) -> Style {
    if text.is_empty() {
        return Style::DoubleQuoted;
    }
    let analysis = analyze(text.as_bytes(), v3);
    let wish = if text.contains('\n') {
        Style::Literal
    } else if resolve(text) == Scalar::Str && !is_base60(text) {
        Style::Plain
    } else {
        Style::DoubleQuoted
    };
    match wish {
        _ if simple_key && analysis.line_breaks => Style::DoubleQuoted,
        Style::Plain if analysis.plain => Style::Plain,
        Style::Plain if analysis.single_quoted => Style::SingleQuoted,
        Style::Literal if analysis.block && !simple_key => Style::Literal,
        _ => Style::DoubleQuoted,
    }
}

/// Whether the text has a line break, and so cannot be a key on one line.
pub(super) fn is_multiline(text: &str) -> bool {
    let bytes = text.as_bytes();
    (0..bytes.len()).any(|i| is_break(bytes, i))
}

/// `190:20:30`: a number in YAML 1.1's base 60, which go-yaml quotes though it does not read it.
fn is_base60(text: &str) -> bool {
    let rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut parts = rest.split(':');
    let Some(head) = parts.next() else { return false };
    let head_ok = head.as_bytes().first().is_some_and(u8::is_ascii_digit)
        && head.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return false };
    let last = match last.split_once('.') {
        Some((digits, fraction)) if fraction.bytes().all(|b| b.is_ascii_digit() || b == b'_') => digits,
        Some(_) => return false,
        None => last,
    };
    let sixty = |part: &str| match part.as_bytes() {
        [unit] => unit.is_ascii_digit(),
        [ten, unit] => (b'0'..=b'5').contains(ten) && unit.is_ascii_digit(),
        _ => false,
    };
    head_ok && sixty(last) && middle.iter().all(|part| sixty(part))
}

/// Whether a line break starts at byte `i`.
pub(super) fn is_break(bytes: &[u8], i: usize) -> bool {
    matches!(bytes.get(i..).unwrap_or_default(), [b'\r' | b'\n', ..] | [0xC2, 0x85, ..] | [0xE2, 0x80, 0xA8 | 0xA9, ..])
}

/// libyaml's printable characters as go-yaml has them: nothing outside the Basic Multilingual Plane.
pub(super) fn is_printable(bytes: &[u8], i: usize) -> bool {
    match bytes.get(i..).unwrap_or_default() {
        [b'\n' | 0x20..=0x7E, ..] => true,
        [0xC2, next, ..] => *next >= 0xA0,
        [0xED, next, ..] => *next < 0xA0,
        [0xEF, 0xBB, 0xBF, ..] | [0xEF, 0xBF, 0xBE | 0xBF, ..] => false,
        [0xC3..=0xEF, ..] => true,
        _ => false,
    }
}

fn is_blank(bytes: &[u8], i: usize) -> bool {
    matches!(bytes.get(i), Some(b' ' | b'\t'))
}

pub(super) fn char_width(lead: u8) -> usize {
    match lead {
        0..=0x7F => 1,
        0x80..=0xDF => 2,
        0xE0..=0xEF => 3,
        _ => 4,
    }
}

fn analyze(bytes: &[u8], v3: bool) -> Analysis {
    let mut indicators = bytes.starts_with(b"---") || bytes.starts_with(b"...");
    let (mut line_breaks, mut special, mut tabs) = (false, false, false);
    let (mut break_space, mut space_break) = (false, false);
    let (mut previous_space, mut previous_break) = (false, false);
    let mut preceded_by_space = true;
    let mut i = 0;
    while i < bytes.len() {
        let c = bytes[i];
        let width = char_width(c);
        let followed_by_space = i + width >= bytes.len() || is_blank(bytes, i + width);
        indicators |= match c {
            b',' | b'[' | b']' | b'{' | b'}' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\'' | b'"' | b'%' | b'@' | b'`' => {
                i == 0
            }
            b'#' => preceded_by_space,
            b'?' | b'-' => i == 0 && followed_by_space,
            b':' => followed_by_space,
            _ => false,
        };
        tabs |= v3 && c == b'\t';
        special |= !(is_printable(bytes, i) || v3 && c == b'\t');
        let (space, line_break) = (c == b' ', is_break(bytes, i));
        break_space |= space && previous_break;
        space_break |= line_break && previous_space;
        line_breaks |= line_break;
        (previous_space, previous_break) = (space, line_break);
        preceded_by_space = line_break || matches!(c, b' ' | b'\t' | 0);
        i += width;
    }
    let edge = |space: bool, line_break: bool| space || line_break;
    let starts = edge(bytes.first() == Some(&b' '), is_break(bytes, 0));
    let ends = edge(previous_space, previous_break);
    let trailing_space = previous_space;
    Analysis {
        line_breaks,
        plain: !(starts || ends || break_space || space_break || special || tabs || line_breaks || indicators),
        single_quoted: !(break_space || space_break || special || tabs),
        block: !(trailing_space || space_break || special),
    }
}
