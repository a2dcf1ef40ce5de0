//! Helm's duration functions (`durationSeconds` and its kin).

use crate::sprig::{NamedInt, duration};
use crate::value::kind::type_name;
use crate::value::quote::quote;
use crate::value::{Env, FuncError, Function, Value};

/// The functions, by name. All but `mustToDuration` give 0 for what is no duration.
pub(super) const FUNCTIONS: &[Function] = &[
    one("mustToDuration", |_, args| Ok(span(of(arg(args, 0)).map_err(FuncError::Message)?))),
    one("durationSeconds", |_, args| Ok(Value::Float(duration::seconds(nanos(args))))),
    one("durationMilliseconds", |_, args| Ok(Value::int64(nanos(args) / 1_000_000))),
    one("durationMicroseconds", |_, args| Ok(Value::int64(nanos(args) / 1000))),
    one("durationNanoseconds", |_, args| Ok(Value::int64(nanos(args)))),
    one("durationMinutes", |_, args| Ok(Value::Float(duration::minutes(nanos(args))))),
    one("durationHours", |_, args| Ok(Value::Float(duration::hours(nanos(args))))),
    one("durationDays", |_, args| Ok(Value::Float(duration::hours(nanos(args)) / 24.0))),
    one("durationWeeks", |_, args| Ok(Value::Float(duration::hours(nanos(args)) / 24.0 / 7.0))),
    two("durationRoundTo", |_, args| Ok(stepped(args, duration::round))),
    two("durationTruncateTo", |_, args| Ok(stepped(args, duration::truncate))),
];

type Call = fn(&dyn Env, &[Value]) -> Result<Value, FuncError>;

const fn one(name: &'static str, call: Call) -> Function {
    Function { name, arity: (1, Some(1)), call }
}

const fn two(name: &'static str, call: Call) -> Function {
    Function { name, arity: (2, Some(2)), call }
}

fn arg(args: &[Value], index: usize) -> &Value {
    args.get(index).unwrap_or(&Value::Nil)
}

fn span(nanos: i64) -> Value {
    Value::object(NamedInt::Duration(nanos))
}

fn nanos(args: &[Value]) -> i64 {
    of(arg(args, 0)).unwrap_or(0)
}

/// A step that is no duration leaves the duration as it is.
fn stepped(args: &[Value], step: fn(i64, i64) -> i64) -> Value {
    let Ok(nanos) = of(arg(args, 0)) else { return span(0) };
    span(of(arg(args, 1)).map_or(nanos, |by| step(nanos, by)))
}

/// Nanoseconds of a duration, of its text, or of a number of seconds.
fn of(value: &Value) -> Result<i64, String> {
    match value {
        Value::Nil => Err("invalid duration".into()),
        Value::Str(text) => of_text(&text.text()),
        Value::Int(seconds, _) => of_whole(i128::from(*seconds)),
        Value::Uint(seconds) => of_whole(i128::from(*seconds)),
        Value::Float(seconds) => of_float(*seconds),
        Value::Object(object) => match object.as_any().downcast_ref::<NamedInt>() {
            Some(NamedInt::Duration(nanos)) => Ok(*nanos),
            Some(other) => of_whole(i128::from(other.number())),
            None => Err(format!("unsupported duration type {}", object.type_name())),
        },
        other => Err(format!("unsupported duration type {}", type_name(other))),
    }
}

fn of_text(text: &str) -> Result<i64, String> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err("empty duration".into());
    }
    duration::parse(trimmed).or_else(|_| match trimmed.parse::<f64>() {
        Ok(seconds) => of_float(seconds),
        Err(_) => Err(format!("could not parse duration {}", quote(text.as_bytes()))),
    })
}

fn of_whole(seconds: i128) -> Result<i64, String> {
    i64::try_from(seconds * 1_000_000_000).map_err(|_| format!("duration seconds overflow: {seconds}"))
}

fn of_float(seconds: f64) -> Result<i64, String> {
    if !seconds.is_finite() {
        return Err(format!("invalid duration seconds: {seconds}"));
    }
    let nanos = seconds * 1e9;
    if nanos.abs() >= 9_223_372_036_854_775_807.0 {
        return Err(format!("duration seconds overflow: {seconds}"));
    }
    // The range was checked; Go truncates too.
    let nanos = nanos as i64;
    Ok(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_helm_takes_for_durations() {
        let table = [
            (Value::str("1h30m"), Ok(5_400_000_000_000)),
            (Value::str(" 2.5 "), Ok(2_500_000_000)),
            (Value::Float(0.5), Ok(500_000_000)),
            (Value::int(-3), Ok(-3_000_000_000)),
            (Value::str(""), Err("empty duration")),
            (Value::str("x"), Err("could not parse duration \"x\"")),
            (Value::Bool(true), Err("unsupported duration type bool")),
            (Value::Float(1e300), Err("duration seconds overflow: 1")),
        ];
        for (value, want) in table {
            match (of(&value), want) {
                (Ok(got), Ok(want)) => assert_eq!(got, want),
                (Err(got), Err(want)) => assert!(got.starts_with(want), "{got}"),
                (got, want) => assert_eq!(got, want.map_err(str::to_owned)),
            }
        }
    }
}
