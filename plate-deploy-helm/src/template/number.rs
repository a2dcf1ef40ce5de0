//! Number constants: Go's integer and float syntax, held under every type that can represent the value.

use crate::value::quote::{Unit, quote, unquote_char};

/// A number or character constant.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Number {
    /// As written, for error messages.
    pub text: Box<str>,
    /// The value as a signed integer, when it is one.
    pub int: Option<i64>,
    /// The value as an unsigned integer, when it is one.
    pub uint: Option<u64>,
    /// The value as a float, when it has one.
    pub float: Option<f64>,
    /// Whether the syntax says float: a point or an exponent.
    pub is_float_syntax: bool,
}

impl Number {
    /// Reads a constant such as `1_000`, `0x1F`, `017`, `1e3`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.ends_with('i') && !text.starts_with("0x") {
            return Err(format!("complex constants are not supported: {}", quote(text.as_bytes())));
        }
        let mut number =
            Self { text: text.into(), int: None, uint: None, float: None, is_float_syntax: is_float_syntax(text) };
        let (negative, magnitude) = match text.strip_prefix(['+', '-']) {
            Some(rest) => (text.starts_with('-'), parse_magnitude(rest)),
            None => (false, parse_magnitude(text)),
        };
        if let Some(magnitude) = magnitude {
            let signed = i128::from(magnitude) * if negative { -1 } else { 1 };
            number.int = i64::try_from(signed).ok();
            if !text.starts_with(['+', '-']) {
                number.uint = Some(magnitude);
            } else if number.int == Some(0) {
                number.uint = Some(0);
            }
        }
        if let Some(int) = number.int {
            // Go converts the same way.
            let float = int as f64;
            number.float = Some(float);
        } else if let Some(uint) = number.uint {
            // Go converts the same way.
            let float = uint as f64;
            number.float = Some(float);
        } else if let Some(float) = parse_float(text) {
            if !text.contains(['.', 'e', 'E', 'p', 'P']) {
                return Err(format!("integer overflow: {}", quote(text.as_bytes())));
            }
            number.float = Some(float);
            number.int = exact_int(float);
            number.uint = exact_uint(float);
        } else {
            return Err(format!("illegal number syntax: {}", quote(text.as_bytes())));
        }
        Ok(number)
    }

    /// Reads a character constant such as `'a'`.
    pub(super) fn parse_char(text: &str) -> Result<Self, String> {
        let inner = text.strip_prefix('\'').ok_or("invalid syntax")?;
        let (unit, tail) = unquote_char(inner, '\'').ok_or("invalid syntax")?;
        if tail != "'" {
            return Err(format!("malformed character constant: {text}"));
        }
        let code = match unit {
            Unit::Byte(byte) => u32::from(byte),
            Unit::Char(c) => u32::from(c),
        };
        Ok(Self {
            text: text.into(),
            int: Some(i64::from(code)),
            uint: Some(u64::from(code)),
            float: Some(f64::from(code)),
            is_float_syntax: false,
        })
    }
}

fn is_float_syntax(text: &str) -> bool {
    let hex_int = text.len() > 2 && (text.starts_with("0x") || text.starts_with("0X")) && !text.contains(['p', 'P']);
    !hex_int && text.contains(['.', 'e', 'E', 'p', 'P'])
}

/// Underscores may stand only between digits or after a base prefix.
fn underscores_fit(digits: &str, prefixed: bool) -> bool {
    let mut previous_is_digit = prefixed;
    for c in digits.chars() {
        if c == '_' {
            if !previous_is_digit {
                return false;
            }
            previous_is_digit = false;
        } else {
            previous_is_digit = c.is_ascii_hexdigit();
        }
    }
    !digits.ends_with('_') && !digits.contains("_.")
}

fn parse_magnitude(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let (radix, digits, prefixed) = if let Some(digits) = lower.strip_prefix("0x") {
        (16, digits, true)
    } else if let Some(digits) = lower.strip_prefix("0b") {
        (2, digits, true)
    } else if let Some(digits) = lower.strip_prefix("0o") {
        (8, digits, true)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, lower.get(1..)?, true)
    } else {
        (10, lower.as_str(), false)
    };
    if digits.is_empty() || digits.starts_with(['+', '-']) || !underscores_fit(digits, prefixed) {
        return None;
    }
    u64::from_str_radix(&digits.replace('_', ""), radix).ok()
}

fn parse_float(text: &str) -> Option<f64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        return parse_hex_float(hex).map(|value| sign * value);
    }
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') || !underscores_fit(digits, false) {
        return None;
    }
    let value: f64 = digits.replace('_', "").parse().ok()?;
    value.is_finite().then_some(sign * value)
}

/// `1.8p3`: a hexadecimal mantissa with a binary exponent.
fn parse_hex_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: String = [whole, fraction].concat().replace('_', "");
    let number = u64::from_str_radix(&digits, 16).ok()?;
    let shift = exponent - 4 * i32::try_from(fraction.len()).ok()?;
    // A float is what is asked for.
    let value = number as f64 * 2f64.powi(shift);
    value.is_finite().then_some(value)
}

fn exact_int(float: f64) -> Option<i64> {
    // Checked by converting back.
    let int = float as i64;
    // Exactness is the question.
    let exact = int as f64 == float;
    exact.then_some(int)
}

fn exact_uint(float: f64) -> Option<u64> {
    // Checked by converting back.
    let int = float as u64;
    // Exactness is the question.
    let exact = int as f64 == float;
    exact.then_some(int)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_go_numbers() {
        let table: [(&str, Option<i64>, Option<f64>, bool); 14] = [
            ("1_000", Some(1000), Some(1000.0), false),
            ("0x1F", Some(31), Some(31.0), false),
            ("0x1e", Some(30), Some(30.0), false),
            ("017", Some(15), Some(15.0), false),
            ("0b101", Some(5), Some(5.0), false),
            ("0o_17", Some(15), Some(15.0), false),
            ("-7", Some(-7), Some(-7.0), false),
            ("+7", Some(7), Some(7.0), false),
            ("1e3", Some(1000), Some(1000.0), true),
            ("1.5", None, Some(1.5), true),
            (".5", None, Some(0.5), true),
            ("0x1p-2", None, Some(0.25), true),
            ("1_0.5", None, Some(10.5), true),
            ("18446744073709551615", None, Some(18_446_744_073_709_551_615.0), false),
        ];
        for (text, int, float, syntax) in table {
            let number = Number::parse(text).unwrap();
            assert_eq!((number.int, number.float, number.is_float_syntax), (int, float, syntax), "{text}");
        }
        for bad in ["1__0", "089", "0b12", "_1", "1_", "3i", "."] {
            assert!(Number::parse(bad).is_err(), "{bad}");
        }
        assert!(Number::parse("99999999999999999999").unwrap_err().contains("integer overflow"));
        assert_eq!(Number::parse_char("'\\n'").unwrap().int, Some(10));
        assert!(Number::parse_char("'ab'").is_err());
    }
}
