//! Go's `time.Duration` as Argo CD's fields write it: parsing with Go's own errors, printing as Go prints it.

use std::fmt;
use std::str::FromStr;

/// A length of time in nanoseconds, with Go's range (about ±292 years).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GoDuration(i64);

/// Why a text is no duration; `Display` is Go's own message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DurationError {
    /// Go's `time.ParseDuration` refuses it.
    #[error("time: {reason} {}", quote(.text))]
    Go {
        /// `invalid duration`, `missing unit in duration` …
        reason: String,
        /// The text.
        text: String,
    },
    /// Neither a number of seconds nor a Go duration (Argo CD's retry fields).
    #[error("unable to parse {text} as a duration")]
    Neither {
        /// The text.
        text: String,
    },
}

impl GoDuration {
    /// From nanoseconds.
    #[must_use]
    pub const fn from_nanoseconds(nanoseconds: i64) -> Self {
        Self(nanoseconds)
    }

    /// From whole seconds, saturating.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// In nanoseconds.
    #[must_use]
    pub const fn nanoseconds(self) -> i64 {
        self.0
    }

    /// As a `std` duration; negative lengths become zero.
    #[must_use]
    pub fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_nanos(u64::try_from(self.0).unwrap_or(0))
    }

    /// Argo CD's retry fields: a whole number means seconds, anything else is a Go duration.
    ///
    /// # Errors
    /// [`DurationError::Neither`], in Argo CD's words.
    pub fn parse_seconds_or_duration(text: &str) -> Result<Self, DurationError> {
        if let Some(seconds) = parse_go_int(text) {
            // Go multiplies without a check: the product wraps.
            return Ok(Self(seconds.wrapping_mul(1_000_000_000)));
        }
        text.parse().map_err(|_| DurationError::Neither { text: text.into() })
    }
}

/// Go's `strconv.Atoi`: decimal digits with an optional sign.
fn parse_go_int(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

impl FromStr for GoDuration {
    type Err = DurationError;

    /// Go's `time.ParseDuration`: `1h30m`, `1.5s`, `-2ms`, `0`.
    fn from_str(text: &str) -> Result<Self, DurationError> {
        let error = |reason: &str| DurationError::Go { reason: reason.into(), text: text.into() };
        let invalid = || error("invalid duration");
        let negative = text.starts_with('-');
        let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
        if rest == "0" {
            return Ok(Self(0));
        }
        if rest.is_empty() {
            return Err(invalid());
        }
        let mut total: u64 = 0;
        while !rest.is_empty() {
            let (whole, after) = digits(rest);
            let (fraction, after) = match after.strip_prefix('.') {
                Some(after) => digits(after),
                None => ("", after),
            };
            if whole.is_empty() && fraction.is_empty() {
                return Err(invalid());
            }
            let end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
            let (unit_name, next) = after.split_at(end);
            if unit_name.is_empty() {
                return Err(error("missing unit in duration"));
            }
            let unit =
                unit(unit_name).ok_or_else(|| error(&format!("unknown unit {} in duration", quote(unit_name))))?;
            let value = component(whole, fraction, unit).ok_or_else(invalid)?;
            total = total.checked_add(value).filter(|t| *t <= 1 << 63).ok_or_else(invalid)?;
            rest = next;
        }
        if negative {
            return Ok(Self(0_i64.wrapping_sub_unsigned(total)));
        }
        i64::try_from(total).map(Self).map_err(|_| invalid())
    }
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

fn unit(name: &str) -> Option<u64> {
    Some(match name {
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// `whole.fraction` units in nanoseconds; `None` when it does not fit.
fn component(whole: &str, fraction: &str, unit: u64) -> Option<u64> {
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut value = whole.checked_mul(unit).filter(|v| *v <= 1 << 63)?;
    let (mut digits, mut scale) = (0_u64, 1_f64);
    for digit in fraction.bytes().map(|b| u64::from(b - b'0')) {
        // Go, too, drops the digits that no longer fit.
        let Some(more) = digits.checked_mul(10).and_then(|d| d.checked_add(digit)).filter(|d| *d <= 1 << 63) else {
            break;
        };
        digits = more;
        scale *= 10.0;
    }
    if digits > 0 {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "as Go"
        )]
        let part = (digits as f64 * (unit as f64 / scale)) as u64;
        value = value.checked_add(part).filter(|v| *v <= 1 << 63)?;
    }
    Some(value)
}

/// The quoting of Go's `time` package: printable ASCII as it is, everything else as `\x..`.
fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        if c.is_ascii() && c >= ' ' {
            if matches!(c, '"' | '\\') {
                out.push('\\');
            }
            out.push(c);
        } else {
            let mut buffer = [0; 4];
            for byte in c.encode_utf8(&mut buffer).bytes() {
                out.push_str(&format!("\\x{byte:02x}"));
            }
        }
    }
    out.push('"');
    out
}

/// Go's `Duration.String`: `1h0m0s`, `1.5s`, `2ms`, `0s`.
impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        match all {
            0 => f.write_str("0s"),
            1..1_000 => write!(f, "{sign}{all}ns"),
            1_000..1_000_000 => write!(f, "{sign}{}\u{b5}s", decimal(all, 3)),
            1_000_000..1_000_000_000 => write!(f, "{sign}{}ms", decimal(all, 6)),
            _ => {
                let minutes = all / 60_000_000_000;
                let seconds = decimal(all % 60_000_000_000, 9);
                match (minutes / 60, minutes % 60) {
                    (0, 0) => write!(f, "{sign}{seconds}s"),
                    (0, minutes) => write!(f, "{sign}{minutes}m{seconds}s"),
                    (hours, minutes) => write!(f, "{sign}{hours}h{minutes}m{seconds}s"),
                }
            }
        }
    }
}

/// `value / 10^places` without trailing zeros.
fn decimal(value: u64, places: usize) -> String {
    let scale = 10_u64.pow(u32::try_from(places).unwrap_or(0));
    let fraction = format!("{:0places$}", value % scale);
    let fraction = fraction.trim_end_matches('0');
    let whole = value / scale;
    if fraction.is_empty() { whole.to_string() } else { format!("{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::GoDuration;

    #[test]
    fn parses_and_prints_as_go() {
        let cases = [
            ("0", Ok("0s")),
            ("+5s", Ok("5s")),
            ("1h", Ok("1h0m0s")),
            ("1h15m30.918s", Ok("1h15m30.918s")),
            ("-1.5h", Ok("-1h30m0s")),
            (".5ms", Ok("500µs")),
            ("3µs", Ok("3µs")),
            ("1ns", Ok("1ns")),
            ("100us1.5ms", Ok("1.6ms")),
            ("9223372036854775807ns", Ok("2562047h47m16.854775807s")),
            ("-9223372036854775808ns", Ok("-2562047h47m16.854775808s")),
            ("9223372036854775808ns", Err(r#"time: invalid duration "9223372036854775808ns""#)),
            ("", Err(r#"time: invalid duration """#)),
            ("3", Err(r#"time: missing unit in duration "3""#)),
            ("1d", Err(r#"time: unknown unit "d" in duration "1d""#)),
            ("1 hour", Err(r#"time: unknown unit " hour" in duration "1 hour""#)),
            ("-.s", Err(r#"time: invalid duration "-.s""#)),
            ("1é", Err(r#"time: unknown unit "\xc3\xa9" in duration "1\xc3\xa9""#)),
            ("99999999999999999999h", Err(r#"time: invalid duration "99999999999999999999h""#)),
        ];
        for (text, want) in cases {
            let got = text.parse::<GoDuration>().map(|d| d.to_string()).map_err(|e| e.to_string());
            assert_eq!(got, want.map(String::from).map_err(String::from), "{text}");
        }
    }

    #[test]
    fn plain_numbers_are_seconds() {
        assert_eq!(GoDuration::parse_seconds_or_duration("90").unwrap().to_string(), "1m30s");
        assert_eq!(GoDuration::parse_seconds_or_duration("3m").unwrap().to_string(), "3m0s");
        let error = GoDuration::parse_seconds_or_duration("soon").unwrap_err();
        assert_eq!(error.to_string(), "unable to parse soon as a duration");
    }
}
