//! Sprig's `date.go`.

use crate::value::{Env, FuncError, Function, IntKind, Str, Value};

use super::args::{Args, Outcome, count, function};
use super::cast::parse_int;
use super::duration;
use super::go_time::{Time, Zone, value_as};
use super::go_time_parse::parse;
use super::numeric;

const HTML_DATE: &str = "2006-01-02";
const SECOND: i64 = 1_000_000_000;

pub(super) static FUNCTIONS: &[Function] = &[
    function!("ago", env ago, (&Value)),
    function!("date", env | env, layout, date | date_in_zone(env, layout, date, "Local"), (&Str, &Value)),
    function!("date_in_zone", env date_in, (&Str, &Value, &Str)),
    function!("dateInZone", env date_in, (&Str, &Value, &Str)),
    function!("date_modify", date_modify, (&Str, &Time)),
    function!("dateModify", date_modify, (&Str, &Time)),
    function!("must_date_modify", must_date_modify, (&Str, &Time)),
    function!("mustDateModify", must_date_modify, (&Str, &Time)),
    function!("duration", duration_text, (&Value)),
    function!("durationRound", env duration_round, (&Value)),
    function!("htmlDate", env | env, date | date_in_zone(env, &Str::from(HTML_DATE), date, "Local"), (&Value)),
    function!("htmlDateInZone", env html_date_in, (&Value, &Str)),
    function!("now", env | env | Value::object(Time::now(env)), ()),
    function!("toDate", env to_date, (&Str, &Str)),
    function!("mustToDate", env must_to_date, (&Str, &Str)),
    function!("unixEpoch", |date: &Time| date.seconds.to_string(), (&Time)),
];

fn date_in_zone(env: &dyn Env, layout: &Str, date: &Value, zone: &str) -> String {
    let time = match (value_as::<Time>(date), date) {
        (Some(time), _) => time.clone(),
        (None, Value::Int(seconds, _)) => Time::unix(*seconds, Zone::Utc),
        _ => Time::now(env),
    };
    let zone = Zone::load(env, zone).unwrap_or(Zone::Utc);
    time.in_zone(zone).format(&layout.text())
}

fn date_in(env: &dyn Env, layout: &Str, date: &Value, zone: &Str) -> String {
    date_in_zone(env, layout, date, &zone.text())
}

fn html_date_in(env: &dyn Env, date: &Value, zone: &Str) -> String {
    date_in_zone(env, &Str::from(HTML_DATE), date, &zone.text())
}

fn date_modify(by: &Str, date: &Time) -> Value {
    Value::object(date.add(duration::parse(&by.text()).unwrap_or(0)))
}

fn must_date_modify(by: &Str, date: &Time) -> Result<Value, FuncError> {
    let nanos = duration::parse(&by.text()).map_err(FuncError::Message)?;
    Ok(Value::object(date.add(nanos)))
}

fn ago(env: &dyn Env, date: &Value) -> String {
    let now = Time::now(env);
    let time = match (value_as::<Time>(date), date) {
        (Some(time), _) => time.clone(),
        (None, Value::Int(seconds, IntKind::Int | IntKind::Int64)) => Time::unix(*seconds, Zone::Utc),
        _ => now.clone(),
    };
    duration::format(duration::round(now.since(&time), SECOND))
}

/// Seconds as `1h2m3s`: from a string or an `int64`; any other type, `int` too, counts as 0.
fn duration_text(seconds: &Value) -> String {
    let seconds = match seconds {
        Value::Str(text) => parse_int(text.as_bytes(), 10).unwrap_or_else(|| numeric::saturated(text.as_bytes())),
        Value::Int(n, IntKind::Int64) => *n,
        _ => 0,
    };
    duration::format(seconds.wrapping_mul(SECOND))
}

/// The largest unit that fits, rounded down: `2mo`, `3d`, `0s`.
fn duration_round(env: &dyn Env, value: &Value) -> String {
    const HOUR: u64 = 3600;
    const UNITS: [(u64, &str); 6] =
        [(HOUR * 24 * 365, "y"), (HOUR * 24 * 30, "mo"), (HOUR * 24, "d"), (HOUR, "h"), (60, "m"), (1, "s")];
    let nanos = match (value, value_as::<Time>(value)) {
        (_, Some(time)) => Time::now(env).since(time),
        (Value::Str(text), _) => duration::parse(&text.text()).unwrap_or(0),
        (Value::Int(n, IntKind::Int64), _) => *n,
        _ => 0,
    };
    let total = nanos.unsigned_abs();
    for (seconds, unit) in UNITS {
        let size = seconds * SECOND.unsigned_abs();
        if total > size {
            return format!("{}{unit}", total / size);
        }
    }
    "0s".to_owned()
}

fn to_date(env: &dyn Env, layout: &Str, text: &Str) -> Value {
    Value::object(parse(&layout.text(), &text.text(), &Zone::local(env)).unwrap_or_else(|_| Time::zero()))
}

fn must_to_date(env: &dyn Env, layout: &Str, text: &Str) -> Result<Value, FuncError> {
    parse(&layout.text(), &text.text(), &Zone::local(env)).map(Value::object).map_err(FuncError::Message)
}
