//! How a scalar is written: plain when it reads back as itself everywhere, else quoted as its predecessor was.

use granit_parser::ScalarStyle;
use serde_json::Value;

use super::super::scalar::resolve_plain;

/// Where a scalar is to stand.
#[derive(Clone, Copy)]
pub(super) struct Context {
    /// Between `{}` or `[]`.
    pub(super) flow: bool,
    /// How the scalar there was written.
    pub(super) old: ScalarStyle,
}

/// The scalar as YAML text on one line; `None` for a list or mapping.
pub(super) fn write(value: &Value, context: Context) -> Option<String> {
    Some(match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => match context.old {
            ScalarStyle::SingleQuoted if !text.contains(|c: char| c.is_control() || is_odd(c)) => {
                format!("'{}'", text.replace('\'', "''"))
            }
            ScalarStyle::Plain if is_plain(text, context.flow) => text.clone(),
            _ => double_quoted(text),
        },
        Value::Array(_) | Value::Object(_) => return None,
    })
}

/// Characters that readers treat as line breaks or byte order marks.
fn is_odd(c: char) -> bool {
    matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// Whether a text can stand without quotes and is a string for every YAML reader, also those with YAML 1.1's dates and
/// base-60 numbers.
fn is_plain(text: &str, flow: bool) -> bool {
    let starts_well = text.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '/' | '_' | '.' | '$' | '(' | '<'));
    let ends_well = !text.ends_with([' ', ':']);
    let calm = |c: char| {
        c.is_alphanumeric()
            || matches!(
                c,
                ' ' | '.' | '_' | '/' | '-' | '+' | ':' | '@' | '=' | '~' | '$' | '(' | ')' | '<' | '>' | ';'
            )
    };
    let flow_safe = !flow || !text.contains([':', '<', '>']);
    starts_well
        && ends_well
        && flow_safe
        && text.chars().all(calm)
        && !text.contains(": ")
        && text != "<<"
        && text != "="
        && !text.starts_with("...")
        && !looks_like_time(text)
        && resolve_plain(text).is_some_and(|value| value == *text)
}

fn looks_like_time(text: &str) -> bool {
    let digits = text.starts_with(|c: char| c.is_ascii_digit());
    let only = |more: &str| text.chars().all(|c| c.is_ascii_digit() || more.contains(c));
    digits && (only("-") && text.contains('-') || text.contains(':') && only("-:.+ TtZz_"))
}

fn double_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() && u32::from(c) < 0x100 => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if is_odd(c) => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The key that a misspelt one may mean.
pub(super) fn nearest<'a>(wanted: &str, keys: &[&'a str]) -> Option<&'a str> {
    let lower = wanted.to_lowercase();
    // Two wrong letters (a swap counts as two), more in long names.
    let allowed = if lower.chars().count() < 3 { 1 } else { (lower.chars().count() / 4).max(2) };
    let distances = keys.iter().take(1000).map(|key| (distance(&lower, &key.to_lowercase()), *key));
    distances.min_by_key(|(distance, _)| *distance).filter(|(distance, _)| *distance <= allowed).map(|(_, key)| key)
}

/// Some keys for a message.
pub(super) fn some_of(keys: &[&str]) -> String {
    let named: Vec<String> =
        keys.iter().take(8).map(|key| format!("`{}`", key.chars().take(60).collect::<String>())).collect();
    let more = if keys.len() > 8 { format!(" and {} more", keys.len() - 8) } else { String::new() };
    format!("{}{more}", named.join(", "))
}

/// Levenshtein distance of the first 64 characters.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().take(64).enumerate() {
        let mut diagonal = i;
        let mut previous = i + 1;
        for (b, cell) in right.iter().zip(row.iter_mut().skip(1)) {
            let above = *cell;
            let best = (diagonal + usize::from(a != *b)).min(above + 1).min(previous + 1);
            (diagonal, previous) = (above, best);
            *cell = best;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}
