//! Cron schedules as robfig/cron v3 reads them with five fields: minute, hour, day of month, month, day of week.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Unit, Zoned};

/// Set where a field was `*` or `?`: decides how the two day fields combine.
const STAR: u64 = 1 << 63;

/// A schedule.
#[derive(Clone, Debug)]
pub struct CronSchedule {
    minute: u64,
    hour: u64,
    day_of_month: u64,
    month: u64,
    day_of_week: u64,
    zone: TimeZone,
}

/// Why a text is no schedule; `Display` is the library's own message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CronError(String);

struct Bounds {
    min: u64,
    max: u64,
    names: &'static [&'static str],
    first_name: u64,
}

const MINUTE: Bounds = Bounds { min: 0, max: 59, names: &[], first_name: 0 };
const HOUR: Bounds = Bounds { min: 0, max: 23, names: &[], first_name: 0 };
const DAY_OF_MONTH: Bounds = Bounds { min: 1, max: 31, names: &[], first_name: 0 };
const MONTH: Bounds = Bounds {
    min: 1,
    max: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    first_name: 1,
};
const DAY_OF_WEEK: Bounds =
    Bounds { min: 0, max: 6, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"], first_name: 0 };

/// A time zone by its exact IANA name, from the database inside the program; `""` and `UTC` are UTC.
#[must_use]
pub fn time_zone(name: &str) -> Option<TimeZone> {
    match name {
        "" | "UTC" => Some(TimeZone::UTC),
        // Go's names are file names: their case counts.
        name => jiff::tz::TimeZoneDatabase::bundled().get(name).ok().filter(|zone| zone.iana_name() == Some(name)),
    }
}

impl CronSchedule {
    /// Parses five fields, after an optional `TZ=Zone` or `CRON_TZ=Zone`; without one the schedule is in UTC.
    ///
    /// # Errors
    /// [`CronError`]: another number of fields, a descriptor (`@daily`), a value out of range (`7` is no Sunday).
    pub fn parse(text: &str) -> Result<Self, CronError> {
        if text.is_empty() {
            return Err(CronError("empty spec string".into()));
        }
        let (zone, spec) = match text.strip_prefix("CRON_TZ=").or_else(|| text.strip_prefix("TZ=")) {
            Some(rest) => {
                let (name, spec) = rest.split_once(' ').unwrap_or((rest, ""));
                let unknown = || CronError(format!("provided bad location {name}: unknown time zone {name}"));
                (time_zone(name).ok_or_else(unknown)?, spec.trim())
            }
            None => (TimeZone::UTC, text),
        };
        if spec.starts_with('@') {
            return Err(CronError(format!("parser does not accept descriptors: {spec}")));
        }
        let fields: Vec<&str> = spec.split_whitespace().collect();
        let [minute, hour, day_of_month, month, day_of_week] = fields.as_slice() else {
            let found = fields.join(" ");
            return Err(CronError(format!("expected exactly 5 fields, found {}: [{found}]", fields.len())));
        };
        Ok(Self {
            minute: field(minute, &MINUTE)?,
            hour: field(hour, &HOUR)?,
            day_of_month: field(day_of_month, &DAY_OF_MONTH)?,
            month: field(month, &MONTH)?,
            day_of_week: field(day_of_week, &DAY_OF_WEEK)?,
            zone,
        })
    }

    /// The first time after `after`; `None` when there is none within five years.
    #[must_use]
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let start = after.to_zoned(self.zone.clone());
        let last_year = start.year() + 5;
        let second = Span::new().seconds(1);
        let mut t = start.round(jiff::ZonedRound::new().smallest(Unit::Second).mode(jiff::RoundMode::Trunc)).ok()?;
        t = t.checked_add(second).ok()?;
        'wrap: loop {
            if t.year() > last_year {
                return None;
            }
            while !has(self.month, t.month()) {
                t = t.first_of_month().ok()?.start_of_day().ok()?.checked_add(Span::new().months(1)).ok()?;
                if t.month() == 1 {
                    continue 'wrap;
                }
            }
            while !self.day_matches(&t) {
                t = t.start_of_day().ok()?.checked_add(Span::new().days(1)).ok()?.start_of_day().ok()?;
                if t.day() == 1 {
                    continue 'wrap;
                }
            }
            while !has(self.hour, t.hour()) {
                let time = Time::new(t.hour(), 0, 0, 0).ok()?;
                t = t.with().time(time).build().ok()?.checked_add(Span::new().hours(1)).ok()?;
                if t.hour() == 0 {
                    continue 'wrap;
                }
            }
            while !has(self.minute, t.minute()) {
                t = t.with().second(0).build().ok()?.checked_add(Span::new().minutes(1)).ok()?;
                if t.minute() == 0 {
                    continue 'wrap;
                }
            }
            if t.second() != 0 {
                // Schedules have no seconds: the next full minute, which may no longer fit.
                t = t.with().second(0).build().ok()?.checked_add(Span::new().minutes(1)).ok()?;
                continue 'wrap;
            }
            return Some(t.timestamp());
        }
    }

    /// With a `*` in either day field both must match, otherwise one is enough.
    fn day_matches(&self, t: &Zoned) -> bool {
        let of_month = has(self.day_of_month, t.day());
        let of_week = has(self.day_of_week, t.weekday().to_sunday_zero_offset());
        if (self.day_of_month | self.day_of_week) & STAR != 0 { of_month && of_week } else { of_month || of_week }
    }
}

fn has(bits: u64, value: i8) -> bool {
    u32::try_from(value).is_ok_and(|value| bits & (1 << value) != 0)
}

/// `a,b,c`; no ranges at all means never.
fn field(text: &str, bounds: &Bounds) -> Result<u64, CronError> {
    text.split(',').filter(|part| !part.is_empty()).try_fold(0, |bits, part| Ok(bits | range(part, bounds)?))
}

/// `*`, `n`, `n-m`, each with an optional `/step`.
fn range(expression: &str, bounds: &Bounds) -> Result<u64, CronError> {
    let error = |text: String| CronError(format!("{text}: {expression}"));
    let parts: Vec<&str> = expression.split('/').collect();
    let first = parts.first().copied().unwrap_or_default();
    let ends: Vec<&str> = first.split('-').collect();
    let (start, mut end, mut star) = match ends.as_slice() {
        ["*" | "?", ..] => (bounds.min, bounds.max, STAR),
        [one] => {
            let value = number_or_name(one, bounds)?;
            (value, value, 0)
        }
        [low, high] => (number_or_name(low, bounds)?, number_or_name(high, bounds)?, 0),
        [low, ..] => {
            number_or_name(low, bounds)?;
            return Err(error("too many hyphens".into()));
        }
        [] => (0, 0, 0),
    };
    let step = match parts.as_slice() {
        [_] => 1,
        [_, step] => {
            let step = number(step)?;
            if ends.len() == 1 {
                end = bounds.max;
            }
            if step > 1 {
                star = 0;
            }
            step
        }
        _ => return Err(error("too many slashes".into())),
    };
    if start < bounds.min {
        return Err(error(format!("beginning of range ({start}) below minimum ({})", bounds.min)));
    }
    if end > bounds.max {
        return Err(error(format!("end of range ({end}) above maximum ({})", bounds.max)));
    }
    if start > end {
        return Err(error(format!("beginning of range ({start}) beyond end of range ({end})")));
    }
    let step = usize::try_from(step).ok().filter(|step| *step > 0);
    let step = step.ok_or_else(|| error("step of range should be a positive number".into()))?;
    Ok((start..=end).step_by(step).fold(star, |bits, value| bits | 1 << value))
}

fn number_or_name(text: &str, bounds: &Bounds) -> Result<u64, CronError> {
    let lower = text.to_lowercase();
    match (bounds.first_name..).zip(bounds.names).find(|(_, name)| **name == lower) {
        Some((value, _)) => Ok(value),
        None => number(text),
    }
}

fn number(text: &str) -> Result<u64, CronError> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let fail = |reason: &str| {
        Err(CronError(format!("failed to parse int from {text}: strconv.Atoi: parsing {text:?}: {reason}")))
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return fail("invalid syntax");
    }
    match text.parse::<i64>() {
        Ok(value) => match u64::try_from(value) {
            Ok(value) => Ok(value),
            Err(_) => Err(CronError(format!("negative number ({value}) not allowed: {text}"))),
        },
        Err(_) => fail("value out of range"),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::CronSchedule;

    #[test]
    fn next_times() {
        let cases = [
            ("0 8 * * *", "2024-03-06T07:59:59Z", "2024-03-06T08:00:00Z"),
            ("0 8 * * *", "2024-03-06T08:00:00Z", "2024-03-07T08:00:00Z"),
            ("*/15 9-17 * * MON-FRI", "2024-03-08T17:50:00.5Z", "2024-03-11T09:00:00Z"),
            ("0 0 29 2 *", "2024-03-01T00:00:00Z", "2028-02-29T00:00:00Z"),
            ("0 8 1 * 1", "2024-03-01T09:00:00Z", "2024-03-04T08:00:00Z"),
            ("0 8 */2 * 1", "2024-03-01T09:00:00Z", "2024-03-03T08:00:00Z"),
            ("59 23 31 12 *", "2024-12-31T23:59:00Z", "2025-12-31T23:59:00Z"),
            ("CRON_TZ=Asia/Seoul 0 8 * * *", "2024-03-06T00:00:00Z", "2024-03-06T23:00:00Z"),
            ("TZ=Europe/Berlin 30 2 * * *", "2024-03-30T12:00:00Z", "2024-04-01T00:30:00Z"),
        ];
        for (schedule, after, want) in cases {
            let next = CronSchedule::parse(schedule).unwrap().next(after.parse().unwrap());
            assert_eq!(next, Some(want.parse::<Timestamp>().unwrap()), "{schedule} {after}");
        }
        assert_eq!(CronSchedule::parse("0 8 31 2 *").unwrap().next("2024-01-01T00:00:00Z".parse().unwrap()), None);
        assert_eq!(CronSchedule::parse("0 8 , * *").unwrap().next("2024-01-01T00:00:00Z".parse().unwrap()), None);
    }

    #[test]
    fn errors_in_the_words_of_the_library() {
        let cases = [
            ("", "empty spec string"),
            ("@daily", "parser does not accept descriptors: @daily"),
            ("0 8 * *", "expected exactly 5 fields, found 4: [0 8 * *]"),
            ("0 8 * * 7", "end of range (7) above maximum (6): 7"),
            ("0 8 0 * *", "beginning of range (0) below minimum (1): 0"),
            ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
            ("*/0 * * * *", "step of range should be a positive number: */0"),
            ("1/2/3 * * * *", "too many slashes: 1/2/3"),
            ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
            ("x * * * *", "failed to parse int from x: strconv.Atoi: parsing \"x\": invalid syntax"),
            ("* * * * -1", "failed to parse int from : strconv.Atoi: parsing \"\": invalid syntax"),
            ("TZ=Mars/Base 0 8 * * *", "provided bad location Mars/Base: unknown time zone Mars/Base"),
        ];
        for (schedule, want) in cases {
            assert_eq!(CronSchedule::parse(schedule).unwrap_err().to_string(), want);
        }
    }
}
