//! Sprig's `regex.go`: matching with Go's rules for empty matches, splitting and `$1` templates.

use std::borrow::Cow;
use std::ops::Range;
use std::rc::Rc;

use crate::value::{Env, FuncError, Function, List, ListKind, Str, Value};

use super::args::{Args, Outcome, count, function};
use super::go_regex::GoRegex;
use super::text::{is_digit, is_letter};

pub(super) static FUNCTIONS: &[Function] = &[
    function!("regexMatch", |re: &Str, s: &Str| must_match(re, s).unwrap_or(false), (&Str, &Str)),
    function!("mustRegexMatch", must_match, (&Str, &Str)),
    function!("regexFindAll", |re: &Str, s: &Str, n| find_all(&*panicking(re)?, s, n).outcome(), (&Str, &Str, i64)),
    function!("mustRegexFindAll", |re: &Str, s: &Str, n| find_all(&*compile(re)?, s, n).outcome(), (&Str, &Str, i64)),
    function!("regexFind", |re: &Str, s: &Str| find(&*panicking(re)?, s).outcome(), (&Str, &Str)),
    function!("mustRegexFind", |re: &Str, s: &Str| find(&*compile(re)?, s).outcome(), (&Str, &Str)),
    function!("regexReplaceAll", env replace_all, (&Str, &Str, &Str)),
    function!("mustRegexReplaceAll", env must_replace_all, (&Str, &Str, &Str)),
    function!("regexReplaceAllLiteral", env replace_all_literal, (&Str, &Str, &Str)),
    function!("mustRegexReplaceAllLiteral", env must_replace_all_literal, (&Str, &Str, &Str)),
    function!("regexSplit", |re: &Str, s: &Str, n| split(&*panicking(re)?, s, n).outcome(), (&Str, &Str, i64)),
    function!("mustRegexSplit", |re: &Str, s: &Str, n| split(&*compile(re)?, s, n).outcome(), (&Str, &Str, i64)),
    function!("regexQuoteMeta", quote_meta, (&Str)),
];

fn compile(pattern: &Str) -> Result<Rc<GoRegex>, FuncError> {
    GoRegex::compile(&pattern.text()).map_err(FuncError::Message)
}

/// `regexp.MustCompile`, whose panic names the pattern once more.
fn panicking(pattern: &Str) -> Result<Rc<GoRegex>, FuncError> {
    let text = pattern.text();
    GoRegex::compile(&text).map_err(|error| {
        let quoted = crate::value::quote::can_backquote(&text);
        let shown = if quoted { format!("`{text}`") } else { crate::value::quote::quote(text.as_bytes()) };
        FuncError::Message(format!("regexp: Compile({shown}): {error}"))
    })
}

fn must_match(pattern: &Str, s: &Str) -> Result<bool, FuncError> {
    Ok(compile(pattern)?.regex.is_match(&searchable(s)))
}

/// First of the private characters that stand for bytes that are no UTF-8: Go's regular expressions step over such a
/// byte and keep it, the crate's cannot hold it.
const BYTE_BASE: u32 = 0x10_FF00;

/// A text the crate can search.
fn searchable(s: &Str) -> Cow<'_, str> {
    match std::str::from_utf8(s.as_bytes()) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => {
            let byte = |b: u8| char::from_u32(BYTE_BASE + u32::from(b)).unwrap_or(char::REPLACEMENT_CHARACTER);
            let valid_then_bytes = |chunk: std::str::Utf8Chunk<'_>| {
                chunk.valid().chars().chain(chunk.invalid().iter().map(|b| byte(*b))).collect::<String>()
            };
            Cow::Owned(s.as_bytes().utf8_chunks().map(valid_then_bytes).collect())
        }
    }
}

/// The bytes that a searchable text, or a part of one, stands for.
fn original(text: &str) -> Str {
    if !text.chars().any(|c| u32::from(c) >= BYTE_BASE) {
        return Str::from(text);
    }
    let mut out = Vec::with_capacity(text.len());
    for c in text.chars() {
        match u8::try_from(u32::from(c).wrapping_sub(BYTE_BASE)) {
            Ok(byte) => out.push(byte),
            Err(_) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Str::from(out)
}

/// The next character border after `at`; past the end when there is none.
fn step(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(text.len() + 1, |c| at + c.len_utf8())
}

/// `FindAllStringIndex`: at most `limit` matches, none empty right after another.
fn matches(regex: &GoRegex, text: &str, limit: usize) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut at = 0;
    let mut previous_end = None;
    while out.len() < limit && at <= text.len() {
        let Some(found) = regex.regex.find_at(text, at) else { break };
        let accept = found.end() != at || Some(found.start()) != previous_end;
        at = if found.end() == at { step(text, at) } else { found.end() };
        previous_end = Some(found.end());
        if accept {
            out.push(found.range());
        }
    }
    out
}

fn limit(n: i64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

fn find_all(regex: &GoRegex, s: &Str, n: i64) -> Value {
    let text = searchable(s);
    let found = matches(regex, &text, limit(n));
    if found.is_empty() {
        return Value::List(List::nil(ListKind::String));
    }
    Value::strings(found.into_iter().map(|range| original(&text[range])))
}

fn find(regex: &GoRegex, s: &Str) -> Str {
    regex.regex.find(&searchable(s)).map_or_else(Str::default, |found| original(found.as_str()))
}

fn split(regex: &GoRegex, s: &Str, n: i64) -> Value {
    if n == 0 {
        return Value::List(List::nil(ListKind::String));
    }
    let text = searchable(s);
    if !regex.pattern_is_empty && text.is_empty() {
        return Value::strings([""]);
    }
    let limit = limit(n);
    let mut parts: Vec<&str> = Vec::new();
    let (mut begin, mut end) = (0, 0);
    for found in matches(regex, &text, limit) {
        if n > 0 && parts.len() + 1 >= limit {
            break;
        }
        end = found.start;
        if found.end != 0 {
            parts.push(&text[begin..end]);
        }
        begin = found.end;
    }
    if end != text.len() {
        parts.push(&text[begin..]);
    }
    Value::strings(parts.into_iter().map(original))
}

/// `ReplaceAllString`, charging what the replacements add.
fn replace(env: &dyn Env, regex: &GoRegex, s: &Str, template: &str, literal: bool) -> Result<Str, FuncError> {
    let text = searchable(s);
    let mut out = String::new();
    let (mut last_end, mut at) = (0, 0);
    while at <= text.len() {
        let Some(found) = regex.regex.captures_at(&text, at) else { break };
        let Some(whole) = found.get(0) else { break };
        out.push_str(&text[last_end..whole.start()]);
        if whole.end() > last_end || whole.start() == 0 {
            let before = out.len();
            if literal {
                out.push_str(template);
            } else {
                expand(&mut out, template, regex, &found);
            }
            env.charge((out.len() - before) as u64)?;
        }
        last_end = whole.end();
        let next = step(&text, at);
        at = if next > whole.end() { next } else { whole.end() };
    }
    out.push_str(text.get(last_end..).unwrap_or_default());
    Ok(original(&out))
}

fn replace_all(env: &dyn Env, re: &Str, s: &Str, template: &Str) -> Result<Str, FuncError> {
    replace(env, &*panicking(re)?, s, &searchable(template), false)
}

fn must_replace_all(env: &dyn Env, re: &Str, s: &Str, template: &Str) -> Result<Str, FuncError> {
    replace(env, &*compile(re)?, s, &searchable(template), false)
}

fn replace_all_literal(env: &dyn Env, re: &Str, s: &Str, text: &Str) -> Result<Str, FuncError> {
    replace(env, &*panicking(re)?, s, &searchable(text), true)
}

fn must_replace_all_literal(env: &dyn Env, re: &Str, s: &Str, text: &Str) -> Result<Str, FuncError> {
    replace(env, &*compile(re)?, s, &searchable(text), true)
}

/// `Regexp.Expand`: `$1`, `${1}`, `$name`, `$$`; anything else after a `$` is text.
fn expand(out: &mut String, template: &str, regex: &GoRegex, found: &regex::Captures<'_>) {
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let Some((name, after)) = reference(after) else {
            out.push('$');
            rest = after;
            continue;
        };
        rest = after;
        let text = match group_number(name) {
            Some(number) => found.get(number),
            None => regex.groups(name).find_map(|number| found.get(number)),
        };
        out.push_str(text.map_or("", |text| text.as_str()));
    }
    out.push_str(rest);
}

/// The name after a `$`, with or without braces, and the rest.
fn reference(text: &str) -> Option<(&str, &str)> {
    let braced = text.strip_prefix('{');
    let body = braced.unwrap_or(text);
    let len = body.find(|c: char| !(is_letter(c) || is_digit(c) || c == '_')).unwrap_or(body.len());
    let (name, rest) = body.split_at(len);
    if name.is_empty() {
        return None;
    }
    if braced.is_some() { Some((name, rest.strip_prefix('}')?)) } else { Some((name, rest)) }
}

fn group_number(name: &str) -> Option<usize> {
    let plain = name.bytes().all(|b| b.is_ascii_digit()) && (name.len() == 1 || !name.starts_with('0'));
    if plain && name.len() <= 9 { name.parse().ok() } else { None }
}

fn quote_meta(s: &Str) -> Vec<u8> {
    let mut out = Vec::with_capacity(s.len());
    for byte in s.as_bytes() {
        if br"\.+*?()|[]{}^$".contains(byte) {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out
}
