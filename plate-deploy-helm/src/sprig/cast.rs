//! Number conversions of `spf13/cast`, which Sprig's arithmetic goes through: anything that is not a number is 0.

use crate::value::Value;

use super::go_time::NamedInt;

/// `cast.ToInt64` (and `ToInt`): floats are truncated, strings are Go integer literals, `"010"` is 8.
pub(super) fn to_int64(value: &Value) -> i64 {
    match value {
        Value::Int(n, _) => *n,
        Value::Uint(n) => n.cast_signed(),
        Value::Float(n) => truncate(*n),
        Value::Bool(b) => i64::from(*b),
        Value::Str(text) => parse_int(trim_zero_decimal(text.as_bytes()), 0).unwrap_or(0),
        Value::Object(object) => calendar_number(object.as_any()).unwrap_or(0),
        Value::Nil | Value::List(_) | Value::Map(_) => 0,
    }
}

/// `cast.ToFloat64`.
pub(super) fn to_float64(value: &Value) -> f64 {
    #[allow(clippy::cast_precision_loss)]
    match value {
        Value::Int(n, _) => *n as f64,
        Value::Uint(n) => *n as f64,
        Value::Float(n) => *n,
        Value::Bool(b) => f64::from(u8::from(*b)),
        Value::Str(text) => parse_float(text.as_bytes()).unwrap_or(0.0),
        Value::Object(object) => calendar_number(object.as_any()).map_or(0.0, |n| n as f64),
        Value::Nil | Value::List(_) | Value::Map(_) => 0.0,
    }
}

/// The number of a `time.Month` or `time.Weekday`, the only named integers `cast` knows.
fn calendar_number(object: &dyn std::any::Any) -> Option<i64> {
    object.downcast_ref::<NamedInt>().filter(|n| n.is_calendar()).map(NamedInt::number)
}

/// Go's `int64(f)` on amd64: what does not fit (and NaN) is the smallest integer.
pub(super) fn truncate(value: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    #[allow(clippy::cast_possible_truncation)]
    if (-LIMIT..LIMIT).contains(&value) { value as i64 } else { i64::MIN }
}

/// Drops a trailing `.0…0`, as cast does before it parses an integer.
fn trim_zero_decimal(text: &[u8]) -> &[u8] {
    let mut found_zero = false;
    for at in (0..text.len()).rev() {
        match text[at] {
            b'.' if found_zero => return &text[..at],
            b'.' => {}
            b'0' => found_zero = true,
            _ => return text,
        }
    }
    text
}

/// `strconv.ParseInt(text, base, 64)`; base 0 reads Go's prefixes and underscores. `None` on any error.
pub(super) fn parse_int(text: &[u8], base: u32) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let magnitude = i128::from(parse_uint(digits, base)?);
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

/// `strconv.ParseUint(text, base, 64)`.
pub(super) fn parse_uint(text: &[u8], base: u32) -> Option<u64> {
    let (radix, digits, prefixed) = match (base, text) {
        (0, [b'0', b'x' | b'X', rest @ ..]) => (16, rest, true),
        (0, [b'0', b'b' | b'B', rest @ ..]) => (2, rest, true),
        (0, [b'0', b'o' | b'O', rest @ ..]) => (8, rest, true),
        (0, [b'0', rest @ ..]) if !rest.is_empty() => (8, rest, true),
        (0, _) => (10, text, false),
        (base, _) => (base, text, false),
    };
    let digits = if base == 0 { without_underscores(digits, prefixed)? } else { digits.to_vec() };
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |total, byte| {
        let digit = char::from(*byte).to_digit(radix)?;
        total.checked_mul(u64::from(radix))?.checked_add(u64::from(digit))
    })
}

/// Removes underscores when each stands between digits (one may follow a base prefix); `None` when misplaced.
fn without_underscores(digits: &[u8], prefixed: bool) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(digits.len());
    let mut after_digit = prefixed;
    for byte in digits {
        if *byte == b'_' {
            if !after_digit {
                return None;
            }
            after_digit = false;
        } else {
            after_digit = byte.is_ascii_hexdigit();
            out.push(*byte);
        }
    }
    (digits.last() != Some(&b'_')).then_some(out)
}

/// `strconv.ParseFloat(text, 64)`; `None` on a syntax or range error.
pub(super) fn parse_float(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    let (sign, body) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    let lower = body.to_ascii_lowercase();
    match lower.as_str() {
        "inf" | "infinity" => return Some(sign * f64::INFINITY),
        "nan" => return (sign > 0.0 && body.len() == text.len()).then_some(f64::NAN),
        _ => {}
    }
    if let Some(hex) = lower.strip_prefix("0x") {
        return parse_hex_float(hex).map(|value| sign * value);
    }
    if !lower.bytes().next().is_some_and(|b| b.is_ascii_digit() || b == b'.') {
        return None;
    }
    let digits = if lower.contains('_') {
        if !underscores_between_digits(lower.as_bytes()) {
            return None;
        }
        lower.replace('_', "")
    } else {
        lower
    };
    digits.parse::<f64>().ok().filter(|value| value.is_finite()).map(|value| sign * value)
}

fn underscores_between_digits(text: &[u8]) -> bool {
    let digit = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(u8::is_ascii_digit);
    text.iter().enumerate().all(|(at, byte)| *byte != b'_' || (digit(at.checked_sub(1)) && digit(Some(at + 1))))
}

/// The part of a hexadecimal float after `0x`; Go requires the `p` exponent.
fn parse_hex_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once('p')?;
    let exponent: i32 = exponent.parse::<i32>().ok().filter(|_| !exponent.is_empty())?.clamp(-5000, 5000);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0f64;
    for digit in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let places = i32::try_from(fraction.len()).ok()?.checked_mul(4)?;
    let scaled = value * 2f64.powi(exponent.checked_sub(places)?);
    scaled.is_finite().then_some(scaled)
}
