//! `resource.Quantity`: parsing and the canonical text the API returns (`1000m` → `1`, `1024Mi` → `1Gi`).

/// Why a text is not a quantity; the words are Kubernetes' own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// Not the quantity grammar.
    #[error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")]
    Format,
    /// The number has more than one dot.
    #[error("unable to parse numeric part of quantity")]
    Numeric,
    /// The suffix is not known.
    #[error("unable to parse quantity's suffix")]
    Suffix,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Format {
    DecimalSi,
    BinarySi,
    DecimalExponent,
}

/// A quantity: `mantissa` × 10⁻⁹, with the format it was written in.
#[derive(Clone, Copy, Debug)]
pub struct Quantity {
    nanos: i128,
    format: Format,
}

const NANO: i128 = 1_000_000_000;
/// Kubernetes caps quantities at 2^63-1 units.
const MAX_NANOS: i128 = (i64::MAX as i128) * NANO;

fn suffix(text: &str) -> Option<(u32, i32, Format)> {
    let decimal = |e| Some((10, e, Format::DecimalSi));
    let binary = |e| Some((2, e, Format::BinarySi));
    match text {
        "" => decimal(0),
        "n" => decimal(-9),
        "u" => decimal(-6),
        "m" => decimal(-3),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => binary(10),
        "Mi" => binary(20),
        "Gi" => binary(30),
        "Ti" => binary(40),
        "Pi" => binary(50),
        "Ei" => binary(60),
        _ => {
            let exponent = text.strip_prefix(['e', 'E'])?;
            Some((10, exponent.parse::<i32>().ok()?, Format::DecimalExponent))
        }
    }
}

impl Quantity {
    /// Parses a quantity. Digits below one nano are rounded up (away from zero), values beyond 2^63-1 are capped.
    ///
    /// # Errors
    /// As Kubernetes' `ParseQuantity`.
    pub fn parse(text: &str) -> Result<Quantity, QuantityError> {
        if text.is_empty() || text.len() > 1024 {
            return Err(QuantityError::Format);
        }
        let (negative, rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, unit) = rest.split_at(end);
        if number.is_empty() || !number.bytes().any(|b| b.is_ascii_digit()) {
            return Err(QuantityError::Format);
        }
        if !unit.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '+') {
            return Err(QuantityError::Format);
        }
        let (whole, frac) = number.split_once('.').unwrap_or((number, ""));
        if frac.contains('.') {
            return Err(QuantityError::Numeric);
        }
        let (base, exponent, format) = suffix(unit).ok_or(QuantityError::Suffix)?;
        let magnitude = scaled(whole, frac, base, exponent);
        Ok(Quantity { nanos: if negative { -magnitude } else { magnitude }, format })
    }

    /// The value in nanos (10⁻⁹).
    #[must_use]
    pub fn nanos(&self) -> i128 {
        self.nanos
    }

    /// The value rounded up to whole units, as `Quantity.Value()`.
    #[must_use]
    pub fn ceil(&self) -> i128 {
        self.nanos.div_euclid(NANO) + i128::from(self.nanos.rem_euclid(NANO) != 0)
    }

    /// The canonical text.
    #[must_use]
    pub fn canonical(&self) -> String {
        if self.nanos == 0 {
            return "0".to_owned();
        }
        let binary = self.format == Format::BinarySi && self.nanos.abs() >= 1024 * NANO && self.nanos % NANO == 0;
        if binary {
            let (mut value, mut power) = (self.nanos / NANO, 0usize);
            while value % 1024 == 0 && power < 6 {
                value /= 1024;
                power += 1;
            }
            let unit = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].get(power).copied().unwrap_or_default();
            return format!("{value}{unit}");
        }
        let (mut value, mut exponent) = (self.nanos, -9i32);
        while value % 1000 == 0 && (exponent < 18 || self.format == Format::DecimalExponent) {
            value /= 1000;
            exponent += 3;
        }
        if self.format == Format::DecimalExponent {
            return if exponent == 0 { value.to_string() } else { format!("{value}e{exponent}") };
        }
        let units = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
        let unit = usize::try_from(exponent / 3 + 3).ok().and_then(|i| units.get(i)).copied().unwrap_or_default();
        format!("{value}{unit}")
    }
}

/// `whole.frac × base^exponent` in nanos, rounded up, capped.
fn scaled(whole: &str, frac: &str, base: u32, exponent: i32) -> i128 {
    let mut digits: String = whole.trim_start_matches('0').to_owned();
    digits.push_str(frac);
    let mut scale = -i32::try_from(frac.len()).unwrap_or(i32::MAX) + 9;
    let factor: i128 = if base == 2 { 1i128 << exponent.clamp(0, 60) } else { 1 };
    if base == 10 {
        scale = scale.saturating_add(exponent);
    }
    let digits = digits.trim_start_matches('0');
    // Beyond 37 digits the value is capped or the tail is far below a nano; keep the head and remember the tail.
    let (head, tail) = digits.split_at(digits.len().min(37));
    let mut value: i128 = head.parse().unwrap_or(0);
    scale = scale.saturating_add(i32::try_from(tail.len()).unwrap_or(i32::MAX));
    let mut inexact = tail.bytes().any(|b| b != b'0');
    if value == 0 {
        return 0;
    }
    value = match value.checked_mul(factor) {
        Some(v) => v,
        None if scale >= -18 => return MAX_NANOS,
        None => {
            scale = scale.saturating_add(18);
            inexact = true;
            (value / 1_000_000_000_000_000_000).saturating_mul(factor)
        }
    };
    while scale > 0 {
        value = match value.checked_mul(10) {
            Some(v) if v <= MAX_NANOS => v,
            _ => return MAX_NANOS,
        };
        scale -= 1;
    }
    while scale < 0 && value > 0 {
        inexact |= value % 10 != 0;
        value /= 10;
        scale += 1;
    }
    (value + i128::from(inexact)).min(MAX_NANOS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_texts() {
        for (given, want) in [
            ("1000m", "1"),
            ("0.5", "500m"),
            ("100m", "100m"),
            ("1024Mi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("64Mi", "64Mi"),
            ("0", "0"),
            ("0Mi", "0"),
            ("1500", "1500"),
            ("2000", "2k"),
            ("1e3", "1e3"),
            ("12e6", "12e6"),
            ("1E3", "1e3"),
            ("512", "512"),
            ("1Ki", "1Ki"),
            ("0.5Ki", "512"),
            ("-1", "-1"),
            ("+5", "5"),
            ("0.0000000001", "1n"),
            ("1G", "1G"),
            ("1000Mi", "1000Mi"),
            ("1000000k", "1G"),
            ("9999999999999E", "9223372036854775807"),
            (".5", "500m"),
            ("100Gi", "100Gi"),
            ("250000u", "250m"),
            ("1.25", "1250m"),
            ("0.1Mi", "104857600m"),
        ] {
            assert_eq!(Quantity::parse(given).unwrap().canonical(), want, "{given}");
        }
        for bad in ["", "abc", "1.2.3", "1Xi", "5 Gi", "--1", ".", "1e", "ä"] {
            assert!(Quantity::parse(bad).is_err(), "{bad}");
        }
    }
}
