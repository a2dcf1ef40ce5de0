//! Arbitrary-precision decimals of `shopspring/decimal`, behind `addf`, `subf`, `mulf` and `divf`.

use num_bigint::{BigInt, Sign};

use crate::value::FuncError;

/// Places a division is rounded to.
const DIVISION_PRECISION: i64 = 16;

/// Most digits a result may have; the product of a few hundred floats stays far below.
const MAX_DIGITS: u64 = 100_000;

/// `value × 10^exponent`.
#[derive(Clone, Debug)]
pub(super) struct Decimal {
    value: BigInt,
    exponent: i64,
}

impl Decimal {
    /// The shortest decimal that reads back as the float.
    pub(super) fn from_float(float: f64) -> Result<Self, FuncError> {
        if !float.is_finite() {
            let name = if float.is_nan() {
                "NaN"
            } else if float > 0.0 {
                "+Inf"
            } else {
                "-Inf"
            };
            return Err(FuncError::msg(format!("Cannot create a Decimal from {name}")));
        }
        let text = format!("{float:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let value = format!("{whole}{fraction}").parse::<BigInt>().unwrap_or_default();
        let exponent = exponent.parse::<i64>().unwrap_or(0) - i64::try_from(fraction.len()).unwrap_or(0);
        Ok(Self { value, exponent })
    }

    /// The nearest float, an infinity when it is too large.
    pub(super) fn to_float(&self) -> f64 {
        format!("{}e{}", self.value, self.exponent).parse().unwrap_or(f64::NAN)
    }

    /// `a + b`.
    pub(super) fn add(a: &Self, b: &Self) -> Result<Self, FuncError> {
        let exponent = a.exponent.min(b.exponent);
        Self { value: a.scaled_to(exponent)? + b.scaled_to(exponent)?, exponent }.checked()
    }

    /// `a - b`.
    pub(super) fn sub(a: &Self, b: &Self) -> Result<Self, FuncError> {
        let exponent = a.exponent.min(b.exponent);
        Self { value: a.scaled_to(exponent)? - b.scaled_to(exponent)?, exponent }.checked()
    }

    /// `a × b`.
    pub(super) fn mul(a: &Self, b: &Self) -> Result<Self, FuncError> {
        Self { value: &a.value * &b.value, exponent: a.exponent + b.exponent }.checked()
    }

    /// `a ÷ b`, rounded half away from zero to 16 places.
    pub(super) fn div(a: &Self, b: &Self) -> Result<Self, FuncError> {
        if b.value.sign() == Sign::NoSign {
            return Err(FuncError::msg("decimal division by 0"));
        }
        let shift = a.exponent - b.exponent + DIVISION_PRECISION;
        let (numerator, denominator) = if shift < 0 {
            (a.value.clone(), &b.value * power_of_ten(shift.unsigned_abs())?)
        } else {
            (&a.value * power_of_ten(shift.unsigned_abs())?, b.value.clone())
        };
        let mut quotient = &numerator / &denominator;
        let remainder = &numerator % &denominator;
        if remainder.magnitude() * 2u32 >= *denominator.magnitude() {
            let away = if (numerator.sign() == Sign::Minus) == (denominator.sign() == Sign::Minus) { 1 } else { -1 };
            quotient += away;
        }
        Self { value: quotient, exponent: -DIVISION_PRECISION }.checked()
    }

    fn scaled_to(&self, exponent: i64) -> Result<BigInt, FuncError> {
        Ok(&self.value * power_of_ten((self.exponent - exponent).unsigned_abs())?)
    }

    fn checked(self) -> Result<Self, FuncError> {
        if self.value.bits() / 3 > MAX_DIGITS { Err(too_large()) } else { Ok(self) }
    }
}

fn power_of_ten(n: u64) -> Result<BigInt, FuncError> {
    let n = u32::try_from(n).ok().filter(|n| u64::from(*n) <= MAX_DIGITS).ok_or_else(too_large)?;
    Ok(BigInt::from(10).pow(n))
}

fn too_large() -> FuncError {
    FuncError::Limit(format!("decimal arithmetic: the result has more than {MAX_DIGITS} digits"))
}
