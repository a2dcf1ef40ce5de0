//! The two glob dialects of Argo CD, translated to linear-time regular expressions.
//!
//! [`Glob`] is gobwas/glob v1 (projects, sync windows, `ignoreDifferences`, directory include and exclude);
//! [`file_match`] is Go's `filepath.Match` (the kind lists of a project).

use std::iter::Peekable;
use std::str::Chars;

use regex::Regex;

/// A compiled gobwas/glob pattern.
///
/// `*` and `?` do not match the separators, `**` matches everything; `{a,b}`, `[a-z]`, `[!abc]` and `\` work as there.
#[derive(Clone, Debug)]
pub struct Glob(Regex);

/// Why a pattern is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid glob pattern {pattern:?}: {reason}")]
pub struct GlobError {
    /// The pattern.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Glob {
    /// Compiles `pattern`; no `separators` means that `*` matches every character.
    ///
    /// # Errors
    /// [`GlobError`] for an unclosed bracket or brace, an empty class or a trailing backslash.
    pub fn new(pattern: &str, separators: &[char]) -> Result<Self, GlobError> {
        let error = |reason: String| GlobError { pattern: pattern.into(), reason };
        let expression = translate(pattern, separators).map_err(|reason| error(reason.into()))?;
        // The size limit of the regex crate bounds what a hostile pattern can cost.
        Regex::new(&expression).map(Self).map_err(|e| error(e.to_string()))
    }

    /// Whether the whole of `text` matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

/// Argo CD's `glob.Match`: an invalid pattern matches nothing.
#[must_use]
pub fn glob_match(pattern: &str, text: &str, separators: &[char]) -> bool {
    Glob::new(pattern, separators).is_ok_and(|glob| glob.matches(text))
}

fn translate(pattern: &str, separators: &[char]) -> Result<String, &'static str> {
    let one = if separators.is_empty() {
        ".".to_owned()
    } else {
        format!("[^{}]", separators.iter().map(|c| regex::escape(&c.to_string())).collect::<String>())
    };
    let mut out = String::from("(?s)^");
    let mut depth = 0_usize;
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '{' => {
                depth += 1;
                out.push_str("(?:");
            }
            ',' if depth > 0 => out.push('|'),
            '}' if depth > 0 => {
                depth -= 1;
                out.push(')');
            }
            '[' => class(&mut chars, &mut out)?,
            '?' => out.push_str(&one),
            '*' if chars.next_if_eq(&'*').is_some() => out.push_str(".*"),
            '*' => {
                out.push_str(&one);
                out.push('*');
            }
            '\\' => push_literal(&mut out, chars.next().ok_or("trailing backslash")?),
            c => push_literal(&mut out, c),
        }
    }
    if depth > 0 {
        return Err("unclosed `{`");
    }
    out.push('$');
    Ok(out)
}

fn push_literal(out: &mut String, c: char) {
    out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
}

/// After `[`: an optional `!`, then either `lo-hi` or a list of characters, then `]`.
fn class(chars: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), &'static str> {
    const OPEN: &str = "unclosed `[`";
    out.push('[');
    if chars.next_if_eq(&'!').is_some() {
        out.push('^');
    }
    let first = *chars.peek().ok_or(OPEN)?;
    let mut ahead = chars.clone();
    ahead.next();
    if ahead.next() == Some('-') {
        *chars = ahead;
        let last = chars.next().ok_or(OPEN)?;
        if last < first {
            return Err("range hi character is less than lo");
        }
        push_class_literal(out, first);
        out.push('-');
        push_class_literal(out, last);
    } else {
        let mut empty = true;
        while let Some(c) = chars.next_if(|c| *c != ']') {
            let literal = if c == '\\' { chars.next().ok_or("trailing backslash")? } else { c };
            push_class_literal(out, literal);
            empty = false;
        }
        if empty {
            return Err(if chars.peek().is_none() { OPEN } else { "could not parse range" });
        }
    }
    if chars.next() != Some(']') {
        return Err("expected close range character");
    }
    out.push(']');
    Ok(())
}

/// Inside a class of the regex crate more characters are special (`&&`, `--`, `~~`, `^`), and `\<` is no literal.
fn push_class_literal(out: &mut String, c: char) {
    if c.is_ascii_punctuation() {
        out.push_str(&format!("\\x{{{:x}}}", u32::from(c)));
    } else {
        out.push(c);
    }
}

/// Go's `filepath.Match` on Linux: `*` and `?` stop at `/`, `[a-z]`, `[^a]` and `\` work, braces are plain characters.
/// A malformed pattern matches nothing, as where Argo CD uses it.
#[must_use]
pub fn file_match(pattern: &str, name: &str) -> bool {
    translate_file(pattern).and_then(|e| Regex::new(&e).ok()).is_some_and(|regex| regex.is_match(name))
}

fn translate_file(pattern: &str) -> Option<String> {
    let mut out = String::from("(?s)^");
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("[^/]"),
            '\\' => push_literal(&mut out, chars.next()?),
            '[' => file_class(&mut chars, &mut out)?,
            c => push_literal(&mut out, c),
        }
    }
    out.push('$');
    Some(out)
}

fn file_class(chars: &mut Peekable<Chars<'_>>, out: &mut String) -> Option<()> {
    let negated = chars.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        if !ranges.is_empty() && chars.next_if_eq(&']').is_some() {
            break;
        }
        let low = class_character(chars)?;
        let high = if chars.next_if_eq(&'-').is_some() { class_character(chars)? } else { low };
        ranges.push((low, high));
    }
    // A range that ends before it begins matches nothing; it is no error.
    ranges.retain(|(low, high)| low <= high);
    if ranges.is_empty() {
        out.push_str(if negated { "." } else { r"[^\s\S]" });
        return Some(());
    }
    out.push_str(if negated { "[^" } else { "[" });
    for (low, high) in ranges {
        push_class_literal(out, low);
        out.push('-');
        push_class_literal(out, high);
    }
    out.push(']');
    Some(())
}

fn class_character(chars: &mut Peekable<Chars<'_>>) -> Option<char> {
    match chars.next()? {
        '-' | ']' => None,
        '\\' => chars.next(),
        c => Some(c),
    }
}

#[cfg(test)]
mod tests {
    use super::{Glob, file_match, glob_match};

    #[test]
    fn globs_as_gobwas() {
        let cases = [
            ("*", "a/b", "", true),
            ("*", "a/b", "/", false),
            ("**", "a/b", "/", true),
            ("a?c", "a/c", "/", false),
            ("{a,b*}/x", "bcd/x", "/", true),
            ("{,a}b", "b", "", true),
            ("{a{1,2},c}", "a2", "", true),
            ("*{*0,}", "1", "", true),
            ("[a-c]1", "b1", "", true),
            ("[!a-c]1", "b1", "", false),
            ("[abc-]x", "-x", "", true),
            ("[a&&b]", "&", "", true),
            (r"\*", "*", "", true),
            ("a}b,c", "a}b,c", "", true),
            ("e[[a*", "e[[a*", "", false),
            ("{a", "a", "", false),
            ("[]", "", "", false),
            (r"a\", "a", "", false),
            ("한*", "한글", "", true),
        ];
        for (pattern, text, separators, want) in cases {
            let separators: Vec<char> = separators.chars().collect();
            assert_eq!(glob_match(pattern, text, &separators), want, "{pattern} {text}");
        }
        assert!(Glob::new("[z-a]", &[]).is_err());
    }

    #[test]
    fn files_as_go() {
        let cases = [
            ("*.example.com", "a.b.example.com", true),
            ("a*", "a/b", false),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("[c-a]", "b", false),
            ("[", "[", false),
            ("[]a]", "]", false),
            (r"[\]a]", "]", true),
            ("{a,b}", "{a,b}", true),
            ("", "", true),
        ];
        for (pattern, name, want) in cases {
            assert_eq!(file_match(pattern, name), want, "{pattern} {name}");
        }
    }
}
