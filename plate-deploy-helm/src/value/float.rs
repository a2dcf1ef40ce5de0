//! Go's `strconv.FormatFloat`: the verbs `b`, `e`, `E`, `f`, `g`, `G`, `x`, `X` with a precision or the shortest exact form.

/// Formats as Go's `strconv.FormatFloat(value, verb, precision, 64)`; `None` is the shortest form that reads back
/// the same. A verb Go does not know counts as `g`.
#[must_use]
pub fn format_float(value: f64, verb: char, precision: Option<usize>) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf".into() } else { "-Inf".into() };
    }
    match verb {
        'e' | 'E' => exponent_form(value, verb, precision),
        'f' | 'F' => match precision {
            Some(digits) => format!("{value:.digits$}"),
            None => format!("{value}"),
        },
        'b' => binary_form(value),
        'x' | 'X' => hex_form(value, verb, precision),
        _ => general_form(value, if verb == 'G' { 'E' } else { 'e' }, precision),
    }
}

/// `d.dddde±dd`: Rust's form with Go's two-digit exponent.
fn exponent_form(value: f64, verb: char, precision: Option<usize>) -> String {
    let text = match precision {
        Some(digits) => format!("{value:.digits$e}"),
        None => format!("{value:e}"),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}{verb}{sign}{digits:0>2}")
}

const MANTISSA_BITS: u32 = 52;
const EXPONENT_BIAS: i64 = 1023;

/// Sign, mantissa with its leading bit, and the exponent of the mantissa's lowest bit.
fn parts(value: f64) -> (&'static str, u64, i64) {
    let bits = value.to_bits();
    let mantissa = bits & ((1 << MANTISSA_BITS) - 1);
    let exponent = i64::from((bits >> MANTISSA_BITS) as u16 & 0x7ff);
    let sign = if value.is_sign_negative() { "-" } else { "" };
    let (mantissa, exponent) = if exponent == 0 { (mantissa, 1) } else { (mantissa | 1 << MANTISSA_BITS, exponent) };
    (sign, mantissa, exponent - EXPONENT_BIAS - i64::from(MANTISSA_BITS))
}

/// `%b`: the mantissa as an integer and a power of two.
fn binary_form(value: f64) -> String {
    let (sign, mantissa, exponent) = parts(value);
    format!("{sign}{mantissa}p{exponent:+}")
}

/// `%x`: `0x1.8p+01`, rounded half to even when there is a precision.
fn hex_form(value: f64, verb: char, precision: Option<usize>) -> String {
    let (sign, mantissa, mut exponent) = parts(value);
    exponent += i64::from(MANTISSA_BITS);
    let shift = mantissa.leading_zeros();
    // The leading bit at bit 60: fifteen digits follow it.
    let mut mantissa = if mantissa == 0 { 0 } else { mantissa << shift >> 3 };
    exponent = if mantissa == 0 { 0 } else { exponent - i64::from(shift) + i64::from(63 - MANTISSA_BITS) };
    if let Some(digits) = precision.filter(|digits| *digits < 15) {
        let dropped = (15 - digits) * 4;
        let rest = mantissa & ((1 << dropped) - 1);
        mantissa >>= dropped;
        if rest | (mantissa & 1) > 1 << (dropped - 1) {
            mantissa += 1;
        }
        mantissa <<= dropped;
        if mantissa >> 61 != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let fraction = format!("{:015x}", mantissa & ((1 << 60) - 1));
    let fraction = match precision {
        Some(digits) => format!("{fraction:0<digits$}").chars().take(digits).collect(),
        None => fraction.trim_end_matches('0').to_owned(),
    };
    let point = if fraction.is_empty() { "" } else { "." };
    let exponent_sign = if exponent < 0 { '-' } else { '+' };
    let text = format!("{sign}0x{}{point}{fraction}p{exponent_sign}{:02}", mantissa >> 60, exponent.unsigned_abs());
    if verb == 'X' { text.to_uppercase() } else { text }
}

/// `%g`: the exponent form for exponents below -4 or not below the precision (6 for the shortest form).
fn general_form(value: f64, verb: char, precision: Option<usize>) -> String {
    let significant = precision.map(|digits| digits.max(1));
    let text = match significant {
        Some(digits) => format!("{value:.*e}", digits - 1),
        None => format!("{value:e}"),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits = trim_zeros(mantissa);
    let count = digits.bytes().filter(u8::is_ascii_digit).count();
    let threshold = significant.map_or(6, |wanted| {
        let wanted = i32::try_from(wanted).unwrap_or(i32::MAX);
        let count = i32::try_from(count).unwrap_or(i32::MAX);
        if wanted > count && count > exponent { count } else { wanted }
    });
    if exponent < -4 || exponent >= threshold {
        let places = count.saturating_sub(1);
        return exponent_form(value, verb, Some(places));
    }
    let places = (i32::try_from(count).unwrap_or(i32::MAX) - 1 - exponent).max(0);
    format!("{value:.*}", usize::try_from(places).unwrap_or(0))
}

/// A decimal mantissa without trailing zeros after its point.
fn trim_zeros(mantissa: &str) -> &str {
    if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { mantissa }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_as_strconv_does() {
        let table = [
            (12_345_678.0, 'g', None, "1.2345678e+07"),
            (100_000.0, 'g', None, "100000"),
            (1_000_000.0, 'g', None, "1e+06"),
            (123_456.5, 'g', None, "123456.5"),
            (1_000_000.5, 'g', None, "1.0000005e+06"),
            (0.0001, 'g', None, "0.0001"),
            (0.000_01, 'g', None, "1e-05"),
            (-0.0, 'g', None, "-0"),
            (1e21, 'G', None, "1E+21"),
            (3.146_59, 'g', Some(3), "3.15"),
            (100.0, 'g', Some(2), "1e+02"),
            (100.0, 'g', Some(3), "100"),
            (0.0, 'g', Some(3), "0"),
            (31_415.9, 'e', Some(6), "3.141590e+04"),
            (1e100, 'e', None, "1e+100"),
            (2.5, 'f', Some(0), "2"),
            (1e21, 'f', None, "1000000000000000000000"),
            (0.1 + 0.2, 'f', None, "0.30000000000000004"),
            (f64::INFINITY, 'g', None, "+Inf"),
            (f64::NAN, 'f', Some(2), "NaN"),
        ];
        for (value, verb, precision, want) in table {
            assert_eq!(format_float(value, verb, precision), want, "{value} %{verb} {precision:?}");
        }
    }
}
