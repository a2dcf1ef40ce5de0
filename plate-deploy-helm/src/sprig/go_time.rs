//! Go's `time` values as templates see them: `time.Time`, `time.Duration`, `time.Month`, `time.Weekday`.

use std::any::Any;
use std::rc::Rc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::value::{Env, FuncError, IntKind, Object, Value};

use super::args::FromArg;
use super::duration;
use super::go_layout;

/// The layout of `time.Time.String`.
const STRING_LAYOUT: &str = "2006-01-02 15:04:05.999999999 -0700 MST";
/// `time.RFC3339Nano`, the JSON form.
const JSON_LAYOUT: &str = "2006-01-02T15:04:05.999999999Z07:00";
/// Unix seconds of Go's zero time, January 1 of year 1.
const ZERO_SECONDS: i64 = -62_135_596_800;
const SECONDS_PER_DAY: i64 = 86_400;
const NANOS: i128 = 1_000_000_000;

/// A time zone, as `time.Location`.
#[derive(Clone, Debug)]
pub(super) enum Zone {
    /// `time.UTC`.
    Utc,
    /// A zone with rules: `time.Local` or a loaded one.
    Rules(TimeZone),
    /// `time.FixedZone`: a name, maybe empty, and seconds east of UTC.
    Fixed(Rc<str>, i64),
}

impl Zone {
    /// The zone templates call `Local`: that of the render's clock.
    pub(super) fn local(env: &dyn Env) -> Self {
        let now = env.now();
        let zone = now.time_zone();
        if *zone == TimeZone::UTC { Self::Utc } else { Self::Rules(zone.clone()) }
    }

    /// `time.LoadLocation`; an unknown name is `None`. Names are case-sensitive, as files are.
    pub(super) fn load(env: &dyn Env, name: &str) -> Option<Self> {
        match name {
            "" | "UTC" => Some(Self::Utc),
            "Local" => Some(Self::local(env)),
            _ => {
                let zone = jiff::tz::TimeZoneDatabase::bundled().get(name).ok()?;
                (zone.iana_name() == Some(name)).then_some(Self::Rules(zone))
            }
        }
    }

    /// The abbreviation and the seconds east of UTC at a moment.
    pub(super) fn at(&self, seconds: i64) -> (String, i64) {
        match self {
            Self::Utc => ("UTC".to_owned(), 0),
            Self::Fixed(name, offset) => (name.to_string(), *offset),
            Self::Rules(zone) => {
                let clamped = seconds.clamp(Timestamp::MIN.as_second() + 1, Timestamp::MAX.as_second() - 1);
                let info = zone.to_offset_info(Timestamp::from_second(clamped).unwrap_or_default());
                (info.abbreviation().to_owned(), i64::from(info.offset().seconds()))
            }
        }
    }
}

/// A date in the proleptic Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Civil {
    /// Astronomical year.
    pub(super) year: i64,
    /// 1 to 12.
    pub(super) month: i64,
    /// 1 to 31.
    pub(super) day: i64,
}

impl Civil {
    /// The date `days` after January 1 1970 (Howard Hinnant's `civil_from_days`).
    pub(super) fn from_days(days: i64) -> Self {
        let z = days + 719_468;
        let era = z.div_euclid(146_097);
        let doe = z.rem_euclid(146_097);
        let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        Self { year: yoe + era * 400 + i64::from(month <= 2), month, day: doy - (153 * mp + 2) / 5 + 1 }
    }

    /// Days since January 1 1970; the day may lie outside its month.
    pub(super) fn days(self) -> i64 {
        let year = if self.month <= 2 { self.year - 1 } else { self.year };
        let era = year.div_euclid(400);
        let yoe = year.rem_euclid(400);
        let mp = (self.month + 9) % 12;
        let doy = (153 * mp + 2) / 5 + self.day - 1;
        era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
    }

    /// Day of the year, 1 to 366.
    pub(super) fn year_day(self) -> i64 {
        self.days() - Self { year: self.year, month: 1, day: 1 }.days() + 1
    }
}

/// A `time.Time`.
#[derive(Clone, Debug)]
pub(super) struct Time {
    /// Seconds since the Unix epoch.
    pub(super) seconds: i64,
    /// Nanoseconds of the second.
    pub(super) nanos: u32,
    /// Where it is shown.
    pub(super) zone: Zone,
}

impl Time {
    /// Go's zero time.
    pub(super) fn zero() -> Self {
        Self::unix(ZERO_SECONDS, Zone::Utc)
    }

    /// `time.Unix(seconds, 0)` in a zone.
    pub(super) fn unix(seconds: i64, zone: Zone) -> Self {
        Self { seconds, nanos: 0, zone }
    }

    /// `time.Now`.
    pub(super) fn now(env: &dyn Env) -> Self {
        let now = env.now().timestamp();
        let nanos = now.as_nanosecond();
        Self::from_nanos(nanos, Zone::local(env))
    }

    fn from_nanos(nanos: i128, zone: Zone) -> Self {
        let seconds = i64::try_from(nanos.div_euclid(NANOS)).unwrap_or(i64::MAX);
        Self { seconds, nanos: u32::try_from(nanos.rem_euclid(NANOS)).unwrap_or(0), zone }
    }

    fn total_nanos(&self) -> i128 {
        i128::from(self.seconds) * NANOS + i128::from(self.nanos)
    }

    /// `time.Date`: a local date and seconds of the day, in a zone.
    pub(super) fn date(date: Civil, seconds_of_day: i64, nanos: u32, zone: Zone) -> Self {
        let local = date.days().saturating_mul(SECONDS_PER_DAY).saturating_add(seconds_of_day);
        let first = zone.at(local).1;
        let second = zone.at(local.saturating_sub(first)).1;
        let offset = if first == 0 { 0 } else { second };
        Self { seconds: local.saturating_sub(offset), nanos, zone }
    }

    /// The local date, the seconds of the local day, the zone's abbreviation and offset.
    pub(super) fn local(&self) -> (Civil, i64, String, i64) {
        let (name, offset) = self.zone.at(self.seconds);
        let local = self.seconds.saturating_add(offset);
        let date = Civil::from_days(local.div_euclid(SECONDS_PER_DAY));
        (date, local.rem_euclid(SECONDS_PER_DAY), name, offset)
    }

    /// `Time.In`.
    pub(super) fn in_zone(&self, zone: Zone) -> Self {
        Self { zone, ..self.clone() }
    }

    /// `Time.Add` of a number of nanoseconds.
    pub(super) fn add(&self, nanos: i64) -> Self {
        Self::from_nanos(self.total_nanos() + i128::from(nanos), self.zone.clone())
    }

    /// `Time.Sub` in nanoseconds, saturating.
    pub(super) fn since(&self, other: &Self) -> i64 {
        let nanos = self.total_nanos() - other.total_nanos();
        i64::try_from(nanos).unwrap_or(if nanos > 0 { i64::MAX } else { i64::MIN })
    }

    /// `Time.Format`.
    pub(super) fn format(&self, layout: &str) -> String {
        go_layout::format(self, layout)
    }

    /// 0 for Sunday.
    pub(super) fn weekday(&self) -> i64 {
        let (date, ..) = self.local();
        (date.days() + 4).rem_euclid(7)
    }

    fn add_date(&self, years: i64, months: i64, days: i64) -> Self {
        let (date, seconds, ..) = self.local();
        let month0 = date.month - 1 + months;
        let year = date.year.saturating_add(years).saturating_add(month0.div_euclid(12));
        let first = Civil { year, month: month0.rem_euclid(12) + 1, day: 1 }.days();
        let moved = Civil::from_days(first.saturating_add(date.day - 1).saturating_add(days));
        Self::date(moved, seconds, self.nanos, self.zone.clone())
    }

    fn multiple(&self, step: i64, round: bool) -> Self {
        if step <= 0 {
            return self.clone();
        }
        let since_zero = self.total_nanos() - i128::from(ZERO_SECONDS) * NANOS;
        let step = i128::from(step);
        let rest = since_zero.rem_euclid(step);
        let moved = if round && rest * 2 >= step { step - rest } else { -rest };
        Self::from_nanos(self.total_nanos() + moved, self.zone.clone())
    }

    fn method(&self, name: &str, args: &[Value]) -> Option<Result<Value, FuncError>> {
        let value = match (name, args) {
            ("Unix", []) => Value::int64(self.seconds),
            ("UnixMilli", []) => Value::int64(scaled(self.total_nanos(), 1_000_000)),
            ("UnixMicro", []) => Value::int64(scaled(self.total_nanos(), 1000)),
            ("UnixNano", []) => Value::int64(scaled(self.total_nanos(), 1)),
            ("Nanosecond", []) => Value::int(i64::from(self.nanos)),
            ("Year" | "Month" | "Day" | "YearDay" | "Hour" | "Minute" | "Second" | "Weekday", []) => self.part(name),
            ("IsZero", []) => Value::Bool(self.seconds == ZERO_SECONDS && self.nanos == 0),
            ("UTC", []) => Value::object(self.in_zone(Zone::Utc)),
            ("Local", []) => Value::object(self.clone()),
            ("String", []) => Value::str(self.format(STRING_LAYOUT)),
            ("Format", [layout]) => return Some(text(layout).map(|layout| Value::str(self.format(&layout)))),
            ("Add", [by]) => return Some(span(by).map(|by| Value::object(self.add(by)))),
            ("Round" | "Truncate", [step]) => {
                return Some(span(step).map(|step| Value::object(self.multiple(step, name == "Round"))));
            }
            ("AddDate", [years, months, days]) => {
                let moved = || Ok(self.add_date(int(years)?, int(months)?, int(days)?));
                return Some(moved().map(Value::object));
            }
            ("Sub" | "Before" | "After" | "Equal" | "Compare", [other]) => {
                return Some(<&Self>::from_arg(other).map(|other| self.against(name, other)));
            }
            _ => return None,
        };
        Some(Ok(value))
    }

    fn part(&self, name: &str) -> Value {
        let (date, seconds, ..) = self.local();
        match name {
            "Year" => Value::int(date.year),
            "Month" => Value::object(NamedInt::Month(date.month)),
            "Day" => Value::int(date.day),
            "YearDay" => Value::int(date.year_day()),
            "Hour" => Value::int(seconds / 3600),
            "Minute" => Value::int(seconds / 60 % 60),
            "Second" => Value::int(seconds % 60),
            _ => Value::object(NamedInt::Weekday(self.weekday())),
        }
    }

    fn against(&self, name: &str, other: &Self) -> Value {
        let order = self.total_nanos().cmp(&other.total_nanos());
        match name {
            "Sub" => Value::object(NamedInt::Duration(self.since(other))),
            "Before" => Value::Bool(order.is_lt()),
            "After" => Value::Bool(order.is_gt()),
            "Equal" => Value::Bool(order.is_eq()),
            _ => Value::int(order as i64),
        }
    }
}

fn scaled(nanos: i128, unit: i128) -> i64 {
    i64::try_from(nanos.div_euclid(unit)).unwrap_or(i64::MAX)
}

fn int(value: &Value) -> Result<i64, FuncError> {
    i64::from_arg(value)
}

fn text(value: &Value) -> Result<String, FuncError> {
    <&crate::value::Str>::from_arg(value).map(ToString::to_string)
}

fn span(value: &Value) -> Result<i64, FuncError> {
    let named = value_as::<NamedInt>(value);
    match named {
        Some(NamedInt::Duration(nanos)) => Ok(*nanos),
        _ => Err(FuncError::WrongType {
            expected: "time.Duration",
            got: crate::value::kind::type_name(value).into_owned(),
        }),
    }
}

/// The object of that Rust type inside a value.
pub(super) fn value_as<T: 'static>(value: &Value) -> Option<&T> {
    match value {
        Value::Object(object) => object.as_any().downcast_ref(),
        _ => None,
    }
}

impl<'a> FromArg<'a> for &'a Time {
    fn from_arg(value: &'a Value) -> Result<Self, FuncError> {
        value_as(value).ok_or_else(|| FuncError::WrongType {
            expected: "time.Time",
            got: if value.is_nil() {
                "interface {}".to_owned()
            } else {
                crate::value::kind::type_name(value).into_owned()
            },
        })
    }
}

impl Object for Time {
    fn type_name(&self) -> &str {
        "time.Time"
    }

    fn call(&self, name: &str, args: &[Value]) -> Option<Result<Value, FuncError>> {
        self.method(name, args)
    }

    fn print(&self) -> String {
        self.format(STRING_LAYOUT)
    }

    fn to_json(&self) -> Option<Value> {
        Some(Value::str(self.format(JSON_LAYOUT)))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Go's named integer types that print as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedInt {
    /// `time.Duration`, in nanoseconds.
    Duration(i64),
    /// `time.Month`, 1 to 12.
    Month(i64),
    /// `time.Weekday`, 0 (Sunday) to 6.
    Weekday(i64),
}

impl NamedInt {
    /// The number.
    #[must_use]
    pub fn number(&self) -> i64 {
        match self {
            Self::Duration(n) | Self::Month(n) | Self::Weekday(n) => *n,
        }
    }

    /// Whether it is a month or a weekday (whose kind is `int`); a duration's kind is `int64`.
    #[must_use]
    pub fn is_calendar(&self) -> bool {
        !matches!(self, Self::Duration(_))
    }

    /// The plain integer underneath.
    #[must_use]
    pub fn plain(&self) -> Value {
        Value::Int(self.number(), if self.is_calendar() { IntKind::Int } else { IntKind::Int64 })
    }
}

impl Object for NamedInt {
    fn type_name(&self) -> &str {
        match self {
            Self::Duration(_) => "time.Duration",
            Self::Month(_) => "time.Month",
            Self::Weekday(_) => "time.Weekday",
        }
    }

    fn call(&self, name: &str, args: &[Value]) -> Option<Result<Value, FuncError>> {
        match (self, name, args) {
            (_, "String", []) => Some(Ok(Value::str(self.print()))),
            (Self::Duration(nanos), _, []) => duration::method(*nanos, name).map(Ok),
            (Self::Duration(nanos), "Round", [step]) => {
                Some(span(step).map(|step| Value::object(Self::Duration(duration::round(*nanos, step)))))
            }
            (Self::Duration(nanos), "Truncate", [step]) => {
                Some(span(step).map(|step| Value::object(Self::Duration(duration::truncate(*nanos, step)))))
            }
            _ => None,
        }
    }

    fn print(&self) -> String {
        let named = |names: &[&str], n: i64| {
            usize::try_from(n).ok().and_then(|n| names.get(n)).map_or_else(|| n.to_string(), |name| (*name).to_owned())
        };
        match self {
            Self::Duration(nanos) => duration::format(*nanos),
            Self::Month(n) => named(&go_layout::MONTHS, n - 1),
            Self::Weekday(n) => named(&go_layout::WEEKDAYS, *n),
        }
    }

    fn kind_name(&self) -> &'static str {
        if self.is_calendar() { "int" } else { "int64" }
    }

    fn as_int(&self) -> Option<Value> {
        Some(self.plain())
    }

    fn truth(&self) -> bool {
        self.number() != 0
    }

    fn to_json(&self) -> Option<Value> {
        Some(self.plain())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
