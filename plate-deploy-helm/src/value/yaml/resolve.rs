//! What type a scalar's text has: the rules of YAML 1.1 as go-yaml v2 reads them.

/// The prefix of YAML's own tags.
pub(super) const TAG_PREFIX: &str = "tag:yaml.org,2002:";

/// A scalar after resolution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    /// Looks like a timestamp; stays a string when read, is quoted when written.
    Timestamp,
    Str,
}

impl Scalar {
    /// The short tag, as error texts give it.
    pub(super) fn tag(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::Uint(_) => "int",
            Self::Float(_) => "float",
            Self::Timestamp => "timestamp",
            Self::Str => "str",
        }
    }

    /// The number, as JSON gives it to Go: a `float64`.
    pub(super) fn number(self) -> Option<f64> {
        #[allow(clippy::cast_precision_loss, reason = "Go's JSON decoder rounds to the nearest float64 as well")]
        match self {
            Self::Int(n) => Some(n as f64),
            Self::Uint(n) => Some(n as f64),
            Self::Float(n) => Some(n),
            _ => None,
        }
    }
}

/// Resolves the text of a plain scalar without a tag.
pub(super) fn resolve(text: &str) -> Scalar {
    let Some(&first) = text.as_bytes().first() else { return Scalar::Null };
    match first {
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => resolve_word(text),
        b'.' => resolve_dot(text),
        b'0'..=b'9' | b'+' | b'-' => resolve_number(text, true),
        _ => Scalar::Str,
    }
}

fn resolve_word(text: &str) -> Scalar {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Scalar::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Scalar::Bool(false),
        "~" | "null" | "Null" | "NULL" => Scalar::Null,
        _ => Scalar::Str,
    }
}

fn resolve_dot(text: &str) -> Scalar {
    match text {
        ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" => Scalar::Float(f64::INFINITY),
        _ if text.contains('_') => underscored_float(text).map_or(Scalar::Str, Scalar::Float),
        _ => parse_float(text).map_or(Scalar::Str, Scalar::Float),
    }
}

/// Go allows `_` between two digits of a float.
fn underscored_float(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    let digit = |i: Option<usize>| i.and_then(|i| bytes.get(i)).is_some_and(u8::is_ascii_digit);
    let between = |(i, &b): (usize, &u8)| b != b'_' || (digit(i.checked_sub(1)) && digit(i.checked_add(1)));
    if !bytes.iter().enumerate().all(between) {
        return None;
    }
    parse_float(&text.replace('_', ""))
}

/// Integers (with `_`, `0x`, `0o`, `0b` and leading-zero octal), floats and timestamps.
pub(super) fn resolve_number(text: &str, timestamps: bool) -> Scalar {
    match text {
        "+.inf" | "+.Inf" | "+.INF" => return Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Scalar::Float(f64::NEG_INFINITY),
        _ => {}
    }
    if timestamps && is_timestamp(text) {
        return Scalar::Timestamp;
    }
    let without;
    let plain = if text.contains('_') {
        without = text.replace('_', "");
        &without
    } else {
        text
    };
    if let Some(n) = parse_int(plain) {
        return Scalar::Int(n);
    }
    if let Some(n) = parse_uint(plain) {
        return Scalar::Uint(n);
    }
    if let Some(n) = parse_float(plain) {
        return Scalar::Float(n);
    }
    binary_quirk(plain).map_or(Scalar::Str, Scalar::Int)
}

/// go-yaml reads a sign after `0b`, too.
fn binary_quirk(plain: &str) -> Option<i64> {
    let digits = plain.strip_prefix("0b")?;
    i64::from_str_radix(digits, 2).ok()
}

/// Go's `strconv.ParseInt(text, 0, 64)`.
fn parse_int(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let magnitude = parse_uint(digits)?;
    if negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

/// Go's `strconv.ParseUint(text, 0, 64)`.
fn parse_uint(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    let (radix, digits) = match (bytes.first()?, bytes.get(1).map(u8::to_ascii_lowercase)) {
        (b'0', Some(b'x')) => (16, &text[2..]),
        (b'0', Some(b'o')) => (8, &text[2..]),
        (b'0', Some(b'b')) => (2, &text[2..]),
        (b'0', Some(_)) => (8, &text[1..]),
        _ => (10, text),
    };
    if !digits.as_bytes().first()?.is_ascii_alphanumeric() {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, when it fits a `float64`.
fn parse_float(text: &str) -> Option<f64> {
    let rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, rest) = digits(rest);
    let rest = if let Some(after) = rest.strip_prefix('.') {
        let (fraction, rest) = digits(after);
        if whole + fraction == 0 {
            return None;
        }
        rest
    } else if whole == 0 {
        return None;
    } else {
        rest
    };
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let (count, rest) = digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent));
        if count == 0 || !rest.is_empty() {
            return None;
        }
    } else if !rest.is_empty() {
        return None;
    }
    text.parse().ok().filter(|n: &f64| n.is_finite())
}

fn digits(text: &str) -> (usize, &str) {
    let count = text.bytes().take_while(u8::is_ascii_digit).count();
    (count, &text[count..])
}

/// Whether go-yaml takes the text for a timestamp: `2001-1-2`, with a time after `T`, `t` (and then a zone) or a space.
pub(super) fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || bytes[4] != b'-' || !bytes[..4].iter().all(u8::is_ascii_digit) {
        return false;
    }
    timestamp_parts(text).is_some()
}

fn timestamp_parts(text: &str) -> Option<()> {
    let year: u32 = text[..4].parse().ok()?;
    let (month, rest) = short_number(text.get(5..)?, 12)?;
    let (day, rest) = short_number(rest.strip_prefix('-')?, 31)?;
    if month == 0 || day == 0 || day > days_in(month, year) {
        return None;
    }
    if rest.is_empty() {
        return Some(());
    }
    let zoned = !rest.starts_with(' ');
    let (_, rest) = hour(rest.strip_prefix(['T', 't', ' '])?)?;
    let (_, rest) = short_number(rest.strip_prefix(':')?, 59)?;
    let (_, rest) = short_number(rest.strip_prefix(':')?, 59)?;
    let rest = match rest.strip_prefix(['.', ',']) {
        Some(fraction) => {
            let (count, rest) = digits(fraction);
            if count == 0 {
                return None;
            }
            rest
        }
        None => rest,
    };
    match rest.as_bytes() {
        b"" => (!zoned).then_some(()),
        b"Z" => zoned.then_some(()),
        [b'+' | b'-', h1, h2, b':', m1, m2] if zoned && [h1, h2, m1, m2].iter().all(|b| b.is_ascii_digit()) => {
            let two = |a: u8, b: u8| u32::from(a - b'0') * 10 + u32::from(b - b'0');
            (two(*h1, *h2) <= 24 && two(*m1, *m2) <= 60).then_some(())
        }
        _ => None,
    }
}

fn hour(text: &str) -> Option<(u32, &str)> {
    short_number(text, 23)
}

/// One or two digits.
fn short_number(text: &str, most: u32) -> Option<(u32, &str)> {
    let count = digits(text).0.min(2);
    let value = text[..count].parse().ok()?;
    (value <= most).then_some((value, &text[count..]))
}

fn days_in(month: u32, year: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}
