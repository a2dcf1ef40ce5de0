//! Sprig's `strings.go` and the `strings` functions of its table.

use std::borrow::Cow;

use crate::value::quote::quote as go_quote;
use crate::value::{Env, FuncError, Function, Map, MapKind, Str, Value};

use super::args::{Args, Outcome, count, function};
use super::encoding::{base32_decode, base32_encode, base64_decode, base64_encode};
use super::numeric::random_below;
use super::text::{
    self, display, find, is_digit, is_letter, map_runes, strslice, strval, to_lower, to_title, to_upper,
};
use super::{case, words};

pub(super) static FUNCTIONS: &[Function] = &[
    function!("hello", || "Hello!".to_owned(), ()),
    function!("abbrev", |width, s: &Str| words::abbrev(width, s.as_bytes()), (i64, &Str)),
    function!("abbrevboth", |left, right, s: &Str| words::abbrev_both(left, right, s.as_bytes()), (i64, i64, &Str)),
    function!("trunc", trunc, (i64, &Str)),
    function!("trim", |s: &Str| text::trim_space(s.as_bytes()).to_vec(), (&Str)),
    function!("upper", |s: &Str| map_runes(s, to_upper), (&Str)),
    function!("lower", |s: &Str| map_runes(s, to_lower), (&Str)),
    function!("title", title, (&Str)),
    function!("untitle", words::untitle, (&Str)),
    function!("substr", substr, (i64, i64, &Str)),
    function!("repeat", env repeat, (i64, &Str)),
    function!("trimall", trim_all, (&Str, &Str)),
    function!("trimAll", trim_all, (&Str, &Str)),
    function!("trimSuffix", trim_suffix, (&Str, &Str)),
    function!("trimPrefix", trim_prefix, (&Str, &Str)),
    function!("nospace", words::nospace, (&Str)),
    function!("initials", words::initials, (&Str)),
    function!("randAlphaNum", env | env, n | random_text(env, n, |c| c.is_ascii_alphanumeric()), (i64)),
    function!("randAlpha", env | env, n | random_text(env, n, |c| c.is_ascii_alphabetic()), (i64)),
    function!("randAscii", env | env, n | random_text(env, n, |_| true), (i64)),
    function!("randNumeric", env | env, n | random_text(env, n, |c| c.is_ascii_digit()), (i64)),
    function!("swapcase", words::swap_case, (&Str)),
    function!("shuffle", env shuffle, (&Str)),
    function!("snakecase", |s: &Str| case::delimited(s, '_'), (&Str)),
    function!("camelcase", case::pascal, (&Str)),
    function!("kebabcase", |s: &Str| case::delimited(s, '-'), (&Str)),
    function!("wrap", env |env, width, s: &Str| words::wrap(env, s.as_bytes(), width, b"", false), (i64, &Str)),
    function!("wrapWith", env wrap_with, (i64, &Str, &Str)),
    function!("contains", |part: &Str, s: &Str| find(s.as_bytes(), part.as_bytes()).is_some(), (&Str, &Str)),
    function!("hasPrefix", |part: &Str, s: &Str| s.as_bytes().starts_with(part.as_bytes()), (&Str, &Str)),
    function!("hasSuffix", |part: &Str, s: &Str| s.as_bytes().ends_with(part.as_bytes()), (&Str, &Str)),
    function!("quote", quote, (; &Value)),
    function!("squote", squote, (; &Value)),
    function!("cat", cat, (; &Value)),
    function!("indent", env indent, (i64, &Str)),
    function!("nindent", env nindent, (i64, &Str)),
    function!("replace", env replace, (&Str, &Str, &Str)),
    function!("plural", plural, (&Str, &Str, i64)),
    function!("toString", strval, (&Value)),
    function!("toStrings", |v| Value::strings(strslice(v)), (&Value)),
    function!("split", |sep: &Str, s: &Str| numbered(text::split(s.as_bytes(), sep.as_bytes(), -1)), (&Str, &Str)),
    function!("splitn", splitn, (&Str, i64, &Str)),
    function!("splitList", split_list, (&Str, &Str)),
    function!("join", env join, (&Str, &Value)),
    function!("b64enc", |s: &Str| base64_encode(s.as_bytes()), (&Str)),
    function!("b64dec", |s: &Str| decoded(base64_decode(s.as_bytes())), (&Str)),
    function!("b32enc", |s: &Str| base32_encode(s.as_bytes()), (&Str)),
    function!("b32dec", |s: &Str| decoded(base32_decode(s.as_bytes())), (&Str)),
];

fn trunc(count: i64, s: &Str) -> Vec<u8> {
    let bytes = s.as_bytes();
    let size = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let kept = if size >= bytes.len() {
        bytes
    } else if count < 0 {
        &bytes[bytes.len() - size..]
    } else {
        &bytes[..size]
    };
    kept.to_vec()
}

/// `strings.Title`: the first letter of each word; only white space and ASCII punctuation end a word.
fn title(s: &Str) -> String {
    let separates = |c: char| match c {
        '_' => false,
        c if c.is_ascii() => !c.is_ascii_alphanumeric(),
        c => !is_letter(c) && !is_digit(c) && c.is_whitespace(),
    };
    let mut previous = ' ';
    s.text()
        .chars()
        .map(|c| {
            let mapped = if separates(previous) { to_title(c) } else { c };
            previous = c;
            mapped
        })
        .collect()
}

fn substr(start: i64, end: i64, s: &Str) -> Result<Vec<u8>, FuncError> {
    let bytes = s.as_bytes();
    let part = if start < 0 {
        text::slice(bytes, None, Some(end))
    } else if end < 0 || usize::try_from(end).is_ok_and(|end| end > bytes.len()) {
        text::slice(bytes, Some(start), None)
    } else {
        text::slice(bytes, Some(start), Some(end))
    };
    part.map(<[u8]>::to_vec)
}

/// `count` as a number of copies of something `size` bytes long, charged before it is made.
fn copies(env: &dyn Env, count: i64, size: usize) -> Result<usize, FuncError> {
    let count = usize::try_from(count).map_err(|_| FuncError::msg("strings: negative Repeat count"))?;
    let bytes = count.checked_mul(size).ok_or_else(|| FuncError::msg("strings: Repeat output length overflow"))?;
    env.charge(bytes as u64)?;
    Ok(count)
}

fn repeat(env: &dyn Env, count: i64, s: &Str) -> Result<Vec<u8>, FuncError> {
    let count = copies(env, count, s.len())?;
    Ok(if s.is_empty() { Vec::new() } else { s.as_bytes().repeat(count) })
}

fn trim_all(cutset: &Str, s: &Str) -> Vec<u8> {
    let cutset = text::runes(cutset.as_bytes());
    text::trim(s.as_bytes(), |c| cutset.contains(&c)).to_vec()
}

fn trim_suffix(suffix: &Str, s: &Str) -> Vec<u8> {
    s.as_bytes().strip_suffix(suffix.as_bytes()).unwrap_or(s.as_bytes()).to_vec()
}

fn trim_prefix(prefix: &Str, s: &Str) -> Vec<u8> {
    s.as_bytes().strip_prefix(prefix.as_bytes()).unwrap_or(s.as_bytes()).to_vec()
}

/// `count` printable ASCII characters that pass the filter; `""` for a negative count, as Sprig drops the error.
fn random_text(env: &dyn Env, count: i64, keep: fn(char) -> bool) -> Result<String, FuncError> {
    let count = usize::try_from(count).unwrap_or(0);
    env.charge(count as u64)?;
    let alphabet: Vec<char> = (' '..='~').filter(|c| keep(*c)).collect();
    let pick = |_| {
        let at = random_below(env, alphabet.len() as u64);
        usize::try_from(at).ok().and_then(|at| alphabet.get(at)).copied().unwrap_or(' ')
    };
    Ok((0..count).map(pick).collect())
}

fn shuffle(env: &dyn Env, s: &Str) -> String {
    let mut runes = text::runes(s.as_bytes());
    for at in (1..runes.len()).rev() {
        let other = usize::try_from(random_below(env, at as u64 + 1)).unwrap_or(0);
        runes.swap(at, other);
    }
    runes.into_iter().collect()
}

fn wrap_with(env: &dyn Env, width: i64, separator: &Str, s: &Str) -> Result<Vec<u8>, FuncError> {
    words::wrap(env, s.as_bytes(), width, separator.as_bytes(), true)
}

fn quote(values: Vec<&Value>) -> Vec<u8> {
    let quoted: Vec<String> =
        values.into_iter().filter(|v| !v.is_nil()).map(|v| go_quote(strval(v).as_bytes())).collect();
    quoted.join(" ").into_bytes()
}

fn squote(values: Vec<&Value>) -> Vec<u8> {
    let quoted = |v: &Value| [b"'", display(v).as_bytes(), b"'"].concat();
    let parts: Vec<Vec<u8>> = values.into_iter().filter(|v| !v.is_nil()).map(quoted).collect();
    text::join(&parts, b" ")
}

fn cat(values: Vec<&Value>) -> Vec<u8> {
    let parts: Vec<Str> = values.into_iter().filter(|v| !v.is_nil()).map(display).collect();
    let parts: Vec<&[u8]> = parts.iter().map(Str::as_bytes).collect();
    text::join(&parts, b" ")
}

fn indent(env: &dyn Env, spaces: i64, s: &Str) -> Result<Vec<u8>, FuncError> {
    let lines = s.as_bytes().iter().filter(|b| **b == b'\n').count() + 1;
    let pad = " ".repeat(copies(env, spaces, lines)?);
    env.charge(s.len() as u64)?;
    let mut out = pad.clone().into_bytes();
    out.extend(text::replace_all(s.as_bytes(), b"\n", format!("\n{pad}").as_bytes()));
    Ok(out)
}

fn nindent(env: &dyn Env, spaces: i64, s: &Str) -> Result<Vec<u8>, FuncError> {
    let mut out = indent(env, spaces, s)?;
    out.insert(0, b'\n');
    Ok(out)
}

fn replace(env: &dyn Env, old: &Str, new: &Str, s: &Str) -> Result<Vec<u8>, FuncError> {
    let most = s.len() / old.len().max(1) + 1;
    env.charge((most as u64).saturating_mul(new.len() as u64))?;
    Ok(text::replace_all(s.as_bytes(), old.as_bytes(), new.as_bytes()))
}

fn plural(one: &Str, many: &Str, count: i64) -> Str {
    if count == 1 { one.clone() } else { many.clone() }
}

/// The parts of a split as Sprig's map: `_0`, `_1`, …
fn numbered(parts: Vec<Str>) -> Map {
    let entries = parts.into_iter().enumerate().map(|(at, part)| (Str::from(format!("_{at}")), Value::Str(part)));
    Map::with_kind(entries.collect(), MapKind::String)
}

fn splitn(separator: &Str, limit: i64, s: &Str) -> Map {
    numbered(text::split(s.as_bytes(), separator.as_bytes(), limit))
}

fn split_list(separator: &Str, s: &Str) -> Value {
    Value::strings(text::split(s.as_bytes(), separator.as_bytes(), -1))
}

fn join(env: &dyn Env, separator: &Str, value: &Value) -> Result<Vec<u8>, FuncError> {
    let parts = strslice(value);
    env.charge((parts.len() as u64).saturating_mul(separator.len() as u64))?;
    let parts: Vec<&[u8]> = parts.iter().map(Str::as_bytes).collect();
    Ok(text::join(&parts, separator.as_bytes()))
}

/// Sprig's decoders give the error's text as their result.
fn decoded(result: Result<Vec<u8>, Cow<'static, str>>) -> Vec<u8> {
    result.unwrap_or_else(|error| error.into_owned().into_bytes())
}
