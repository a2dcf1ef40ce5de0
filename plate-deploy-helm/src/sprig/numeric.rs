//! Sprig's `numeric.go`: integer and float arithmetic, rounding, sequences.

use crate::value::{Env, FuncError, Function, List, ListKind, Str, Value};

use super::args::{Args, Int64, Outcome, count, function};
use super::cast::{parse_int, to_float64, to_int64};
use super::decimal::Decimal;
use super::text::display;

pub(super) static FUNCTIONS: &[Function] = &[
    function!("atoi", atoi, (&Str)),
    function!("int64", |v| Int64(to_int64(v)), (&Value)),
    function!("int", to_int64, (&Value)),
    function!("float64", to_float64, (&Value)),
    function!("seq", env seq, (; i64)),
    function!("toDecimal", to_decimal, (&Value)),
    function!("until", env until, (i64)),
    function!("untilStep", env until_step, (i64, i64, i64)),
    function!("add1", |v| Int64(to_int64(v).wrapping_add(1)), (&Value)),
    function!("add", add, (; &Value)),
    function!("sub", |a, b| Int64(to_int64(a).wrapping_sub(to_int64(b))), (&Value, &Value)),
    function!("div", div, (&Value, &Value)),
    function!("mod", remainder, (&Value, &Value)),
    function!("mul", mul, (&Value; &Value)),
    function!("randInt", env rand_int, (i64, i64)),
    function!("add1f", |v| decimal(to_float64(v), &[&Value::int(1)], Decimal::add), (&Value)),
    function!("addf", |rest: Vec<&Value>| decimal(0.0, &rest, Decimal::add), (; &Value)),
    function!("subf", |a, rest: Vec<&Value>| decimal(to_float64(a), &rest, Decimal::sub), (&Value; &Value)),
    function!("divf", |a, rest: Vec<&Value>| decimal(to_float64(a), &rest, Decimal::div), (&Value; &Value)),
    function!("mulf", |a, rest: Vec<&Value>| decimal(to_float64(a), &rest, Decimal::mul), (&Value; &Value)),
    function!("biggest", max, (&Value; &Value)),
    function!("max", max, (&Value; &Value)),
    function!("min", min, (&Value; &Value)),
    function!("maxf", maxf, (&Value; &Value)),
    function!("minf", minf, (&Value; &Value)),
    function!("ceil", |v| to_float64(v).ceil(), (&Value)),
    function!("floor", |v| to_float64(v).floor(), (&Value)),
    function!("round", round, (&Value, i64; f64)),
];

fn atoi(text: &Str) -> i64 {
    // `strconv.Atoi` gives the nearest limit with its range error, which Sprig drops.
    let bytes = text.as_bytes();
    parse_int(bytes, 10).unwrap_or_else(|| saturated(bytes))
}

/// The limit an integer text runs past, or 0 when it is no integer.
pub(super) fn saturated(text: &[u8]) -> i64 {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    match (digits.is_empty() || !digits.iter().all(u8::is_ascii_digit), negative) {
        (true, _) => 0,
        (false, true) => i64::MIN,
        (false, false) => i64::MAX,
    }
}

fn add(values: Vec<&Value>) -> Int64 {
    Int64(values.into_iter().fold(0, |sum, value| sum.wrapping_add(to_int64(value))))
}

fn mul(first: &Value, rest: Vec<&Value>) -> Int64 {
    Int64(rest.into_iter().fold(to_int64(first), |product, value| product.wrapping_mul(to_int64(value))))
}

fn nonzero(value: &Value) -> Result<i64, FuncError> {
    match to_int64(value) {
        0 => Err(FuncError::msg("runtime error: integer divide by zero")),
        n => Ok(n),
    }
}

fn div(a: &Value, b: &Value) -> Result<Int64, FuncError> {
    Ok(Int64(to_int64(a).wrapping_div(nonzero(b)?)))
}

fn remainder(a: &Value, b: &Value) -> Result<Int64, FuncError> {
    Ok(Int64(to_int64(a).wrapping_rem(nonzero(b)?)))
}

fn max(first: &Value, rest: Vec<&Value>) -> Int64 {
    Int64(rest.into_iter().fold(to_int64(first), |most, value| most.max(to_int64(value))))
}

fn min(first: &Value, rest: Vec<&Value>) -> Int64 {
    Int64(rest.into_iter().fold(to_int64(first), |least, value| least.min(to_int64(value))))
}

fn maxf(first: &Value, rest: Vec<&Value>) -> f64 {
    rest.into_iter().fold(to_float64(first), |most, value| go_max(most, to_float64(value)))
}

fn minf(first: &Value, rest: Vec<&Value>) -> f64 {
    rest.into_iter().fold(to_float64(first), |least, value| -go_max(-least, -to_float64(value)))
}

/// `math.Max`: an infinity wins over NaN, NaN over numbers, +0 over -0.
fn go_max(a: f64, b: f64) -> f64 {
    if a == f64::INFINITY || b == f64::INFINITY {
        f64::INFINITY
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if a == 0.0 && b == 0.0 {
        if a.is_sign_negative() { b } else { a }
    } else {
        a.max(b)
    }
}

fn round(value: &Value, places: i64, on: Vec<f64>) -> f64 {
    let round_on = on.first().copied().unwrap_or(0.5);
    let power = pow10(places);
    let digit = power * to_float64(value);
    // `math.Modf` keeps the sign, so a negative number never reaches the threshold: -2.5 rounds to -3.
    let rounded = if digit - digit.trunc() >= round_on { digit.ceil() } else { digit.floor() };
    rounded / power
}

/// `math.Pow(10, n)` with Go's own multiplication order, whose last bits differ from `powi`.
fn pow10(n: i64) -> f64 {
    const TEN: (f64, i64) = (0.625, 4);
    if n.unsigned_abs() > 400 {
        return if n > 0 { f64::INFINITY } else { 0.0 };
    }
    let (mut mantissa, mut exponent) = (1.0f64, 0i64);
    let (mut x, mut xe) = TEN;
    let mut left = n.unsigned_abs();
    while left != 0 {
        if left & 1 == 1 {
            mantissa *= x;
            exponent += xe;
        }
        x *= x;
        xe <<= 1;
        if x < 0.5 {
            x += x;
            xe -= 1;
        }
        left >>= 1;
    }
    if n < 0 {
        mantissa = 1.0 / mantissa;
        exponent = -exponent;
    }
    // Two steps, so that neither factor alone leaves the range of a float.
    let half = i32::try_from(exponent / 2).unwrap_or(0);
    let other = i32::try_from(exponent - exponent / 2).unwrap_or(0);
    mantissa * 2f64.powi(half) * 2f64.powi(other)
}

fn to_decimal(value: &Value) -> Int64 {
    Int64(parse_int(display(value).as_bytes(), 8).unwrap_or(0))
}

fn decimal(
    first: f64,
    rest: &[&Value],
    op: fn(&Decimal, &Decimal) -> Result<Decimal, FuncError>,
) -> Result<f64, FuncError> {
    let mut total = Decimal::from_float(first)?;
    for value in rest {
        total = op(&total, &Decimal::from_float(to_float64(value))?)?;
    }
    Ok(total.to_float())
}

fn until(env: &dyn Env, count: i64) -> Result<Value, FuncError> {
    until_step(env, 0, count, if count < 0 { -1 } else { 1 })
}

fn until_step(env: &dyn Env, start: i64, stop: i64, step: i64) -> Result<Value, FuncError> {
    let items = steps(env, start, stop, step)?.into_iter().map(Value::int).collect();
    Ok(Value::List(List::new(items, ListKind::Int)))
}

/// The numbers from `start` to before `stop`; their count is charged before any is made.
fn steps(env: &dyn Env, start: i64, stop: i64, step: i64) -> Result<Vec<i64>, FuncError> {
    let (from, to, by) = (i128::from(start), i128::from(stop), i128::from(step));
    let wrong_way = if to < from { by >= 0 } else { by <= 0 };
    if wrong_way || from == to {
        return Ok(Vec::new());
    }
    let count = ((to - from).abs() + by.abs() - 1) / by.abs();
    env.charge(u64::try_from(count).unwrap_or(u64::MAX).saturating_mul(32))?;
    Ok((0..count).filter_map(|n| i64::try_from(from + n * by).ok()).collect())
}

fn seq(env: &dyn Env, params: Vec<i64>) -> Result<String, FuncError> {
    let sign = |start: i64, end: i64| if end < start { -1 } else { 1 };
    let (start, end, step) = match params[..] {
        [end] => (1, end, sign(1, end)),
        [start, end] => (start, end, sign(start, end)),
        [start, step, end] if end < start && step > 0 => return Ok(String::new()),
        [start, step, end] => (start, end, step),
        _ => return Ok(String::new()),
    };
    let numbers = steps(env, start, end.wrapping_add(sign(start, end)), step)?;
    Ok(numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(" "))
}

fn rand_int(env: &dyn Env, min: i64, max: i64) -> Result<i64, FuncError> {
    let span = u64::try_from(max.wrapping_sub(min))
        .ok()
        .filter(|span| *span > 0)
        .ok_or_else(|| FuncError::msg("invalid argument to Intn"))?;
    Ok(min.wrapping_add(i64::try_from(random_below(env, span)).unwrap_or(0)))
}

/// A uniform number below `span`.
pub(super) fn random_below(env: &dyn Env, span: u64) -> u64 {
    let limit = u64::MAX - u64::MAX % span.max(1);
    loop {
        let mut bytes = [0u8; 8];
        env.random(&mut bytes);
        let n = u64::from_le_bytes(bytes);
        if n < limit {
            return n % span.max(1);
        }
    }
}
