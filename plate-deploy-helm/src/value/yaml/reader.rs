//! Bytes to text, refusing what libyaml's reader refuses.

use std::borrow::Cow;

use super::error::YamlError;

/// Largest YAML text read in one piece. Helm's own bound is the chart size (100 MiB); a single text of this size is
/// already far beyond any manifest or values file.
pub const MAX_BYTES: usize = 100 * 1024 * 1024;

/// Text up to the first thing that YAML's reader refuses.
pub(super) struct Decoded<'a> {
    pub(super) text: Cow<'a, str>,
    /// Byte offset and error of what is refused. libyaml meets it only when it reads that far.
    pub(super) refused: Option<(usize, YamlError)>,
}

/// Decodes UTF-8 (or UTF-16 with a byte order mark) and looks for characters that are not printable.
pub(super) fn decode(bytes: &[u8]) -> Result<Decoded<'_>, YamlError> {
    if bytes.len() > MAX_BYTES {
        return Err(YamlError::new(format!("document is larger than the limit of {MAX_BYTES} bytes")));
    }
    let (text, mut refused) = match bytes {
        [0xFF, 0xFE, rest @ ..] => (Cow::Owned(utf16(rest, u16::from_le_bytes)?), None),
        [0xFE, 0xFF, rest @ ..] => (Cow::Owned(utf16(rest, u16::from_be_bytes)?), None),
        [0xEF, 0xBB, 0xBF, rest @ ..] => utf8(rest),
        _ => utf8(bytes),
    };
    let Some(at) = first_unprintable(&text) else { return Ok(Decoded { text, refused }) };
    refused = Some((at, YamlError::new("control characters are not allowed")));
    let text = match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(..at).unwrap_or_default()),
        Cow::Owned(text) => Cow::Owned(text.get(..at).unwrap_or_default().to_owned()),
    };
    Ok(Decoded { text, refused })
}

fn utf8(bytes: &[u8]) -> (Cow<'_, str>, Option<(usize, YamlError)>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (Cow::Borrowed(text), None),
        Err(e) => {
            let (good, bad) = bytes.split_at(e.valid_up_to());
            let text = std::str::from_utf8(good).unwrap_or_default();
            (Cow::Borrowed(text), Some((good.len(), YamlError::new(utf8_problem(bad)))))
        }
    }
}

fn utf8_problem(bad: &[u8]) -> &'static str {
    let lead = bad.first().copied().unwrap_or_default();
    let width = match lead {
        0xC0..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF7 => 4,
        _ => return "invalid leading UTF-8 octet",
    };
    if bad.len() < width {
        return "incomplete UTF-8 octet sequence";
    }
    let tail = &bad[1..width];
    if tail.iter().any(|b| b & 0xC0 != 0x80) {
        return "invalid trailing UTF-8 octet";
    }
    let lead_bits = u32::from(lead) & (0x7F >> width);
    let value = tail.iter().fold(lead_bits, |v, b| (v << 6) | u32::from(b & 0x3F));
    let least = [0, 0, 0x80, 0x800, 0x10000].get(width).copied().unwrap_or_default();
    if value < least { "invalid length of a UTF-8 sequence" } else { "invalid Unicode character" }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, YamlError> {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|c| unit([c[0], c[1]])).collect();
    if bytes.len() % 2 == 1 {
        return Err(YamlError::new("incomplete UTF-16 character"));
    }
    String::from_utf16(&units).map_err(|_| YamlError::new("unexpected low surrogate area"))
}

/// Allowed: tab, line feed, carriage return, NEL, and everything printable.
fn first_unprintable(text: &str) -> Option<usize> {
    /// Bytes looked at together: most pieces have none that needs a closer look.
    const PIECE: usize = 64;
    let bytes = text.as_bytes();
    let bad = |i: usize, b: u8| match b {
        b'\t' | b'\n' | b'\r' => false,
        0..=0x1F | 0x7F => true,
        0xC2 => matches!(bytes.get(i + 1), Some(0x80..=0x84 | 0x86..=0x9F)),
        0xEF => matches!((bytes.get(i + 1), bytes.get(i + 2)), (Some(0xBF), Some(0xBE | 0xBF))),
        _ => false,
    };
    let suspicious = |b: u8| (b < 0x20 && b != b'\n') | (b == 0x7F) | (b == 0xC2) | (b == 0xEF);
    bytes.chunks(PIECE).enumerate().find_map(|(piece, chunk)| {
        if !chunk.iter().fold(false, |any, &b| any | suspicious(b)) {
            return None;
        }
        let start = piece * PIECE;
        chunk.iter().enumerate().map(|(i, &b)| (start + i, b)).find(|&(i, b)| bad(i, b)).map(|(i, _)| i)
    })
}
