//! Word functions of `Masterminds/goutils`: abbreviate, wrap, initials, swap case. They count bytes, not characters.

use crate::value::{Env, FuncError, Str};

use super::text::{find, is_lower, is_title, is_upper, runes, slice, to_lower, to_title, to_upper};

/// Sprig's `abbrev`: at most `width` bytes, the last three of them dots.
pub(super) fn abbrev(width: i64, s: &[u8]) -> Result<Vec<u8>, FuncError> {
    if width < 4 { Ok(s.to_vec()) } else { abbreviate(s, 0, width) }
}

/// Sprig's `abbrevboth`: the same with a left edge.
pub(super) fn abbrev_both(left: i64, right: i64, s: &[u8]) -> Result<Vec<u8>, FuncError> {
    if right < 4 || left > 0 && right < 7 { Ok(s.to_vec()) } else { abbreviate(s, left, right) }
}

fn abbreviate(s: &[u8], offset: i64, width: i64) -> Result<Vec<u8>, FuncError> {
    let len = i64::try_from(s.len()).unwrap_or(i64::MAX);
    if s.is_empty() || len <= width {
        return Ok(s.to_vec());
    }
    let mut offset = offset.min(len);
    if len.wrapping_sub(offset) < width - 3 {
        offset = len - (width - 3);
    }
    if offset <= 4 {
        return Ok([slice(s, None, Some(width - 3))?, b"..."].concat());
    }
    if width < 7 {
        // goutils gives an error that Sprig drops.
        return Ok(Vec::new());
    }
    if offset.wrapping_add(width - 3) < len {
        let rest = slice(s, Some(offset), None)?;
        return Ok([b"...", abbreviate(rest, 0, width - 3)?.as_slice()].concat());
    }
    Ok([b"...", slice(s, Some(len - (width - 3)), None)?].concat())
}

/// `goutils.WrapCustom`: breaks one line at spaces; `long` also breaks words that do not fit.
pub(super) fn wrap(env: &dyn Env, s: &[u8], width: i64, newline: &[u8], long: bool) -> Result<Vec<u8>, FuncError> {
    let newline: &[u8] = if newline.is_empty() { b"\n" } else { newline };
    let width = usize::try_from(width.max(1)).unwrap_or(usize::MAX);
    env.charge((s.len() as u64 / width as u64 + 1).saturating_mul(newline.len() as u64 + 8))?;
    env.charge(s.len() as u64)?;
    let mut out = Vec::with_capacity(s.len());
    let mut offset = 0;
    while s.len() - offset > width {
        if s[offset] == b' ' {
            offset += 1;
            continue;
        }
        let line = &s[offset..=offset + width];
        if let Some(space) = line.iter().rposition(|b| *b == b' ') {
            out.extend_from_slice(&line[..space]);
            offset += space + 1;
        } else if long {
            out.extend_from_slice(&s[offset..offset + width]);
            offset += width;
        } else if let Some(space) = find(&s[offset + width..], b" ") {
            out.extend_from_slice(&s[offset..offset + width + space]);
            offset += width + space + 1;
        } else {
            out.extend_from_slice(&s[offset..]);
            offset = s.len();
            continue;
        }
        out.extend_from_slice(newline);
    }
    out.extend_from_slice(s.get(offset..).unwrap_or_default());
    Ok(out)
}

/// `goutils.Uncapitalize`: the first letter of each word in lower case.
pub(super) fn untitle(s: &Str) -> String {
    let mut next = true;
    runes(s.as_bytes())
        .into_iter()
        .map(|c| {
            if c.is_whitespace() {
                next = true;
                c
            } else if std::mem::take(&mut next) {
                to_lower(c)
            } else {
                c
            }
        })
        .collect()
}

/// `goutils.SwapCase`: lower case letters at the start of a word become title case.
pub(super) fn swap_case(s: &Str) -> String {
    let mut word_start = true;
    runes(s.as_bytes())
        .into_iter()
        .map(|c| {
            if is_upper(c) || is_title(c) {
                word_start = false;
                to_lower(c)
            } else if is_lower(c) {
                if std::mem::take(&mut word_start) { to_title(c) } else { to_upper(c) }
            } else {
                word_start = c.is_whitespace();
                c
            }
        })
        .collect()
}

/// goutils walks bytes and takes each for a rune: anything beyond ASCII comes out as Latin-1 characters.
fn latin1(s: &Str) -> impl Iterator<Item = char> {
    s.as_bytes().iter().map(|b| char::from(*b))
}

/// `goutils.Initials`: the first byte of each word.
pub(super) fn initials(s: &Str) -> String {
    let mut gap = true;
    latin1(s)
        .filter(|c| {
            let space = c.is_whitespace();
            let first = !space && gap;
            gap = space;
            first
        })
        .collect()
}

/// `goutils.DeleteWhiteSpace`.
pub(super) fn nospace(s: &Str) -> Str {
    if latin1(s).any(char::is_whitespace) {
        Str::from(latin1(s).filter(|c| !c.is_whitespace()).collect::<String>())
    } else {
        s.clone()
    }
}
