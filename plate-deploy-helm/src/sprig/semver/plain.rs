//! A quick reader for constraints as charts write them, `>=1.19-0`, `^1.20.0 <2`: compiling the expressions that decide
//! all others takes longer than rendering a small chart.

use super::constraint::Parts;

/// The conditions of a group, or `None` for a group that is unusual or wrong: the expressions then decide.
pub(super) fn group(text: &str) -> Option<Vec<Parts<'_>>> {
    let mut conditions = Vec::new();
    let mut rest = blanks(text);
    loop {
        let (condition, after) = condition(rest)?;
        conditions.push(condition);
        let next = blanks(after);
        if next.is_empty() {
            return Some(conditions);
        }
        rest = match next.strip_prefix(',') {
            Some(next) => blanks(next),
            None if next.len() < after.len() => next,
            None => return None,
        };
    }
}

/// Go's white space, without which the expressions would see a character of their own.
fn blanks(text: &str) -> &str {
    text.trim_start_matches(['\t', '\n', '\u{c}', '\r', ' '])
}

fn condition(text: &str) -> Option<(Parts<'_>, &str)> {
    let (operator, rest) = split(text, |b| matches!(b, b'=' | b'!' | b'<' | b'>' | b'~' | b'^'));
    if !matches!(operator, "" | "=" | "!=" | ">" | "<" | ">=" | "=>" | "<=" | "=<" | "~" | "~>" | "^") {
        return None;
    }
    let version = blanks(rest);
    let numbers = version.strip_prefix('v').unwrap_or(version);
    let (major, rest) = number(numbers)?;
    let (minor, rest) = dotted(rest)?;
    let (patch, rest) = if minor.is_empty() { ("", rest) } else { dotted(rest)? };
    let rest = labels(rest, '-')?;
    let rest = labels(rest, '+')?;
    let whole = version.get(..version.len() - rest.len())?;
    Some((Parts { operator, whole, numbers: [major, minor, patch] }, rest))
}

/// Digits, or one wildcard.
fn number(text: &str) -> Option<(&str, &str)> {
    let (digits, rest) = split(text, |b| b.is_ascii_digit());
    if !digits.is_empty() {
        return Some((digits, rest));
    }
    let (wild, rest) = split(text, |b| matches!(b, b'x' | b'X' | b'*'));
    (wild.len() == 1).then_some((wild, rest))
}

/// A number with a dot before it, if there is a dot.
fn dotted(text: &str) -> Option<(&str, &str)> {
    let Some(after) = text.strip_prefix('.') else { return Some(("", text)) };
    let (_, rest) = number(after)?;
    Some((text.get(..text.len() - rest.len())?, rest))
}

/// What follows `-rc.1` or `+build.2`, if that is there.
fn labels(text: &str, mark: char) -> Option<&str> {
    let Some(mut rest) = text.strip_prefix(mark) else { return Some(text) };
    loop {
        let (label, after) = split(rest, |b| b.is_ascii_alphanumeric() || b == b'-');
        if label.is_empty() {
            return None;
        }
        match after.strip_prefix('.') {
            Some(next) => rest = next,
            None => return Some(after),
        }
    }
}

/// The text up to the first byte that is not one of `these`, and from there on.
fn split(text: &str, these: impl Fn(u8) -> bool) -> (&str, &str) {
    let end = text.bytes().position(|b| !these(b)).unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_usual_groups_only() {
        for text in
            [">=1.19-0", " ^1.20.0-0 <2 ", "1.x", "*", "~v1.2.3-rc.1+b", ">= 1.16.0, < 1.22.0", "!=1,2", "=<\t1"]
        {
            assert!(group(text).is_some(), "{text}");
        }
        for text in ["", "1.2.3.4", ">=", "><1", "1 -", "1.", "1-", "1-a.", "xx", "1,,2", "1<2", "1\u{b}2", "a"] {
            assert!(group(text).is_none(), "{text}");
        }
    }
}
