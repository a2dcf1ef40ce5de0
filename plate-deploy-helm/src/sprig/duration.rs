//! Go's `time.Duration`: its text form both ways, rounding and methods.

use crate::value::Value;

use super::go_time::NamedInt;

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// `Duration.String`: `1h2m3.5s`, `1.5ms`, `0s`.
#[must_use]
pub fn format(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let total = nanos.unsigned_abs();
    let second = SECOND.unsigned_abs();
    if total == 0 {
        return "0s".to_owned();
    }
    if total < second {
        let (unit, size) = match total {
            0..1_000 => ("ns", 1),
            1_000..1_000_000 => ("µs", 1_000),
            _ => ("ms", 1_000_000),
        };
        return format!("{sign}{}{unit}", with_fraction(total, size));
    }
    let seconds = with_fraction(total % (60 * second), second);
    let (minutes, hours) = (total / (60 * second) % 60, total / (3600 * second));
    match (hours, minutes) {
        (0, 0) => format!("{sign}{seconds}s"),
        (0, _) => format!("{sign}{minutes}m{seconds}s"),
        _ => format!("{sign}{hours}h{minutes}m{seconds}s"),
    }
}

/// `amount / unit` with as many decimals as needed; the unit is a power of ten.
fn with_fraction(amount: u64, unit: u64) -> String {
    let (whole, rest) = (amount / unit, amount % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let places = unit.ilog10() as usize;
    let fraction = format!("{rest:0places$}");
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}

/// `time.ParseDuration` in nanoseconds; the error is Go's text.
///
/// # Errors
/// Text that is no Go duration, or one that does not fit.
pub fn parse(text: &str) -> Result<i64, String> {
    let fail = |what: &str| Err(format!("time: {what} {}", quote(text)));
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return fail("invalid duration");
    }
    let mut total = 0u64;
    while !rest.is_empty() {
        let digits = leading_digits(rest);
        let (whole, after) = rest.split_at(digits);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => after.split_at(leading_digits(after)),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return fail("invalid duration");
        }
        let unit_len = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_len);
        if unit.is_empty() {
            return fail("missing unit in duration");
        }
        let Some(size) = unit_size(unit) else {
            return fail(&format!("unknown unit {} in duration", quote(unit)));
        };
        match amount(whole, fraction, size).and_then(|nanos| total.checked_add(nanos)) {
            Some(sum) if sum <= 1 << 63 => total = sum,
            _ => return fail("invalid duration"),
        }
        rest = after;
    }
    if negative {
        return Ok(0i64.wrapping_sub_unsigned(total));
    }
    i64::try_from(total).or_else(|_| fail("invalid duration"))
}

fn leading_digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

fn unit_size(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => SECOND.unsigned_abs(),
        "m" => MINUTE.unsigned_abs(),
        "h" => HOUR.unsigned_abs(),
        _ => return None,
    })
}

fn amount(whole: &str, fraction: &str, size: u64) -> Option<u64> {
    const LIMIT: u64 = 1 << 63;
    let units = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()? };
    let nanos = units.checked_mul(size).filter(|nanos| *nanos <= LIMIT)?;
    let (digits, scale) = leading_fraction(fraction);
    if digits == 0 {
        return Some(nanos);
    }
    // Go multiplies in floats here too, so the last nanosecond agrees.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let part = (digits as f64 * (size as f64 / scale)) as u64;
    nanos.checked_add(part).filter(|nanos| *nanos <= LIMIT)
}

/// Digits after the point as an integer and its power of ten; digits past what fits are dropped.
fn leading_fraction(digits: &str) -> (u64, f64) {
    let (mut value, mut scale) = (0u64, 1.0);
    for digit in digits.bytes() {
        let next = value.checked_mul(10).and_then(|v| v.checked_add(u64::from(digit - b'0')));
        match next.filter(|next| *next <= 1 << 63 && value <= ((1 << 63) - 1) / 10) {
            Some(next) => {
                value = next;
                scale *= 10.0;
            }
            None => break,
        }
    }
    (value, scale)
}

/// The `time` package's own quoting.
pub(super) fn quote(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(byte));
            }
            b' '..0x7f => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out.push('"');
    out
}

/// `Duration.Round`: half away from zero, saturating.
#[must_use]
pub fn round(nanos: i64, step: i64) -> i64 {
    if step <= 0 {
        return nanos;
    }
    let (value, step) = (i128::from(nanos), i128::from(step));
    let rest = value.abs() % step;
    let magnitude = if rest * 2 < step { value.abs() - rest } else { value.abs() + step - rest };
    let rounded = if value < 0 { -magnitude } else { magnitude };
    i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX })
}

/// `Duration.Truncate`.
#[must_use]
pub fn truncate(nanos: i64, step: i64) -> i64 {
    if step <= 0 { nanos } else { nanos - nanos % step }
}

#[allow(clippy::cast_precision_loss)]
fn in_units(nanos: i64, unit: i64) -> f64 {
    (nanos / unit) as f64 + (nanos % unit) as f64 / unit as f64
}

/// `Duration.Seconds`.
#[must_use]
pub fn seconds(nanos: i64) -> f64 {
    in_units(nanos, SECOND)
}

/// `Duration.Minutes`.
#[must_use]
pub fn minutes(nanos: i64) -> f64 {
    in_units(nanos, MINUTE)
}

/// `Duration.Hours`.
#[must_use]
pub fn hours(nanos: i64) -> f64 {
    in_units(nanos, HOUR)
}

/// The methods without arguments.
pub(super) fn method(nanos: i64, name: &str) -> Option<Value> {
    Some(match name {
        "Nanoseconds" => Value::int64(nanos),
        "Microseconds" => Value::int64(nanos / 1_000),
        "Milliseconds" => Value::int64(nanos / 1_000_000),
        "Seconds" => Value::Float(seconds(nanos)),
        "Minutes" => Value::Float(minutes(nanos)),
        "Hours" => Value::Float(hours(nanos)),
        "Abs" => Value::object(NamedInt::Duration(nanos.saturating_abs())),
        _ => return None,
    })
}
