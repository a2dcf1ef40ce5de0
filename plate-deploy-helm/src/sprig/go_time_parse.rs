//! `time.ParseInLocation`: reading a time with a Go layout.

use super::duration::quote;
use super::go_layout::{Element, MONTHS, Offset, WEEKDAYS, next};
use super::go_time::{Civil, Time, Zone};

/// What has been read so far.
#[derive(Default)]
struct Fields {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanos: u32,
    am: bool,
    pm: bool,
    utc: bool,
    offset: Option<i64>,
    zone_name: String,
}

/// Why an element did not match.
enum Fault {
    /// The text is not what the element asks for.
    Bad,
    /// It is, but out of range: what.
    Range(&'static str),
}

type Read<T> = Result<T, Fault>;

/// Parses `value` with `layout`; a time without a zone is in `local`. The error is Go's text.
pub(super) fn parse(layout: &str, value: &str, local: &Zone) -> Result<Time, String> {
    let mut fields = Fields::default();
    let mut layout_rest = layout;
    let mut rest = value;
    let mismatch = |element: &str, at: &str| {
        Err(format!(
            "parsing time {} as {}: cannot parse {} as {}",
            quote(value),
            quote(layout),
            quote(at),
            quote(element)
        ))
    };
    while let Some((before, element, after)) = next(layout_rest) {
        let name = &layout_rest[before.len()..layout_rest.len() - after.len()];
        rest = match skip(rest, before) {
            Ok(rest) => rest,
            Err(at) => return mismatch(before, at),
        };
        let hold = rest;
        let fraction_follows = matches!(next(after), Some((_, Element::Fraction { .. }, _)));
        match fields.read(element, &mut rest, fraction_follows) {
            Ok(()) => {}
            Err(Fault::Bad) => return mismatch(name, hold),
            Err(Fault::Range(what)) => return Err(format!("parsing time {}: {what} out of range", quote(value))),
        }
        layout_rest = after;
    }
    match skip(rest, layout_rest) {
        Ok("") => {}
        Ok(extra) => return Err(format!("parsing time {}: extra text: {}", quote(value), quote(extra))),
        Err(at) => return mismatch(layout_rest, at),
    }
    fields.finish(local).map_err(|what| format!("parsing time {}: {what}", quote(value)))
}

/// Skips literal text; runs of spaces match runs of spaces.
fn skip<'a>(mut value: &'a str, mut prefix: &str) -> Result<&'a str, &'a str> {
    while let Some(c) = prefix.chars().next() {
        if c == ' ' {
            if !value.is_empty() && !value.starts_with(' ') {
                return Err(value);
            }
            prefix = prefix.trim_start_matches(' ');
            value = value.trim_start_matches(' ');
            continue;
        }
        value = value.strip_prefix(c).ok_or(value)?;
        prefix = &prefix[c.len_utf8()..];
    }
    Ok(value)
}

/// Takes the first `len` bytes.
fn take<'a>(rest: &mut &'a str, len: usize) -> Read<&'a str> {
    if !rest.is_char_boundary(len) || rest.len() < len {
        return Err(Fault::Bad);
    }
    let (head, tail) = rest.split_at(len);
    *rest = tail;
    Ok(head)
}

fn digits_at(rest: &str, most: usize) -> usize {
    rest.bytes().take(most).take_while(u8::is_ascii_digit).count()
}

/// One or two digits (`fixed`: two).
fn number(rest: &mut &str, fixed: bool) -> Read<i64> {
    let len = digits_at(rest, 2);
    if len == 0 || fixed && len != 2 {
        return Err(Fault::Bad);
    }
    take(rest, len)?.parse().map_err(|_| Fault::Bad)
}

fn in_range(n: i64, range: std::ops::Range<i64>, what: &'static str) -> Read<i64> {
    if range.contains(&n) { Ok(n) } else { Err(Fault::Range(what)) }
}

/// One of the names, cut to `len` letters, in any case.
fn lookup(rest: &mut &str, names: &[&str], len: usize) -> Read<i64> {
    for (at, name) in names.iter().enumerate() {
        let name = &name[..len.min(name.len())];
        if rest.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name)) {
            *rest = &rest[name.len()..];
            return i64::try_from(at).map_err(|_| Fault::Bad);
        }
    }
    Err(Fault::Bad)
}

/// A separator and `len - 1` digits as nanoseconds.
fn fraction(rest: &mut &str, len: usize) -> Read<u32> {
    let text = take(rest, len)?;
    if !text.starts_with(['.', ',']) {
        return Err(Fault::Bad);
    }
    let digits: String = text[1..].chars().take(9).collect();
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Fault::Bad);
    }
    format!("{digits:0<9}").parse().map_err(|_| Fault::Bad)
}

impl Fields {
    fn read(&mut self, element: Element, rest: &mut &str, fraction_follows: bool) -> Read<()> {
        use Element as E;
        match element {
            E::Year => {
                let year = take(rest, 2)?.parse::<i64>().map_err(|_| Fault::Bad)?;
                self.year = if year >= 69 { year + 1900 } else { year + 2000 };
            }
            E::LongYear => {
                if digits_at(rest, 1) == 0 {
                    return Err(Fault::Bad);
                }
                self.year = take(rest, 4)?.parse().map_err(|_| Fault::Bad)?;
            }
            E::Month => self.month = Some(lookup(rest, &MONTHS, 3)? + 1),
            E::LongMonth => self.month = Some(lookup(rest, &MONTHS, usize::MAX)? + 1),
            E::NumMonth { zero } => self.month = Some(in_range(number(rest, zero)?, 1..13, "month")?),
            E::Weekday => drop(lookup(rest, &WEEKDAYS, 3)?),
            E::LongWeekday => drop(lookup(rest, &WEEKDAYS, usize::MAX)?),
            E::Day { zero, space } => {
                if space {
                    *rest = rest.strip_prefix(' ').unwrap_or(rest);
                }
                self.day = Some(number(rest, zero)?);
            }
            E::YearDay { zero } => self.year_day = Some(year_day(rest, zero)?),
            E::Hour => self.hour = in_range(number(rest, false)?, 0..24, "hour")?,
            E::Hour12 { zero } => self.hour = in_range(number(rest, zero)?, 0..13, "hour")?,
            E::Minute { zero } => self.minute = in_range(number(rest, zero)?, 0..60, "minute")?,
            E::Second { zero } => {
                self.second = in_range(number(rest, zero)?, 0..60, "second")?;
                let extra = rest.strip_prefix(['.', ',']).map_or(0, |tail| digits_at(tail, usize::MAX));
                if extra > 0 && !fraction_follows {
                    self.nanos = fraction(rest, extra + 1)?;
                }
            }
            E::Meridiem { upper } => self.meridiem(take(rest, 2)?, upper)?,
            E::Zone(kind) => self.zone(rest, kind)?,
            E::ZoneName => self.zone_name(rest)?,
            E::Fraction { fixed: true, digits, .. } => self.nanos = fraction(rest, digits + 1)?,
            E::Fraction { .. } => {
                let digits = rest.strip_prefix(['.', ',']).map_or(0, |tail| digits_at(tail, usize::MAX));
                if digits > 0 {
                    self.nanos = fraction(rest, digits + 1)?;
                }
            }
        }
        Ok(())
    }

    fn meridiem(&mut self, text: &str, upper: bool) -> Read<()> {
        match (text, upper) {
            ("PM", true) | ("pm", false) => self.pm = true,
            ("AM", true) | ("am", false) => self.am = true,
            _ => return Err(Fault::Bad),
        }
        Ok(())
    }

    fn zone(&mut self, rest: &mut &str, kind: Offset) -> Read<()> {
        if kind.iso
            && let Some(after) = rest.strip_prefix('Z')
        {
            *rest = after;
            self.utc = true;
            return Ok(());
        }
        let sign = match take(rest, 1)? {
            "+" => 1,
            "-" => -1,
            _ => return Err(Fault::Bad),
        };
        let mut parts = [0i64; 3];
        for (at, part) in parts.iter_mut().take(usize::from(kind.parts)).enumerate() {
            if at > 0 && kind.colon && take(rest, 1)? != ":" {
                return Err(Fault::Bad);
            }
            *part = number(&mut take(rest, 2)?, true)?;
        }
        in_range(parts[0], 0..25, "time zone offset hour")?;
        in_range(parts[1], 0..61, "time zone offset minute")?;
        in_range(parts[2], 0..61, "time zone offset second")?;
        self.offset = Some(sign * ((parts[0] * 60 + parts[1]) * 60 + parts[2]));
        Ok(())
    }

    fn zone_name(&mut self, rest: &mut &str) -> Read<()> {
        if let Some(after) = rest.strip_prefix("UTC") {
            *rest = after;
            self.utc = true;
            return Ok(());
        }
        let len = zone_name_len(rest).ok_or(Fault::Bad)?;
        self.zone_name = take(rest, len)?.to_owned();
        Ok(())
    }

    fn finish(mut self, local: &Zone) -> Result<Time, &'static str> {
        if self.pm && self.hour < 12 {
            self.hour += 12;
        } else if self.am && self.hour == 12 {
            self.hour = 0;
        }
        let date = self.date()?;
        let seconds = (self.hour * 60 + self.minute) * 60 + self.second;
        let at = |zone: Zone| Time::date(date, seconds, self.nanos, zone);
        if self.utc {
            return Ok(at(Zone::Utc));
        }
        if let Some(offset) = self.offset {
            let mut time = at(Zone::Utc);
            time.seconds -= offset;
            let (name, there) = local.at(time.seconds);
            let fits = there == offset && (self.zone_name.is_empty() || name == self.zone_name);
            time.zone = if fits { local.clone() } else { Zone::Fixed(self.zone_name.as_str().into(), offset) };
            return Ok(time);
        }
        if self.zone_name.is_empty() {
            return Ok(at(local.clone()));
        }
        let mut time = at(Zone::Utc);
        let (name, there) = local.at(time.seconds);
        if name == self.zone_name && !matches!(local, Zone::Utc) {
            time.seconds -= there;
            time.zone = local.clone();
            return Ok(time);
        }
        let hours = self.zone_name.strip_prefix("GMT").and_then(|hours| hours.parse::<i64>().ok()).unwrap_or(0);
        // Go leaves the moment as if it were UTC when it does not know the zone.
        time.zone = Zone::Fixed(self.zone_name.as_str().into(), hours * 3600);
        Ok(time)
    }

    fn date(&self) -> Result<Civil, &'static str> {
        let leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0);
        let date = if let Some(year_day) = self.year_day {
            if !(1..=365 + i64::from(leap)).contains(&year_day) {
                return Err("day-of-year out of range");
            }
            let first = Civil { year: self.year, month: 1, day: 1 }.days();
            let date = Civil::from_days(first + year_day - 1);
            if self.month.is_some_and(|month| month != date.month) {
                return Err("day-of-year does not match month");
            }
            if self.day.is_some_and(|day| day != date.day) {
                return Err("day-of-year does not match day");
            }
            date
        } else {
            Civil { year: self.year, month: self.month.unwrap_or(1), day: self.day.unwrap_or(1) }
        };
        let exists = (1..=31).contains(&date.day) && Civil::from_days(date.days()) == date;
        if exists { Ok(date) } else { Err("day out of range") }
    }
}

fn year_day(rest: &mut &str, zero: bool) -> Read<i64> {
    if !zero {
        for _ in 0..2 {
            *rest = rest.strip_prefix(' ').unwrap_or(rest);
        }
    }
    let len = digits_at(rest, 3);
    if len == 0 || zero && len != 3 {
        return Err(Fault::Bad);
    }
    take(rest, len)?.parse().map_err(|_| Fault::Bad)
}

/// The length of a zone abbreviation at the start of the text, by Go's rules.
fn zone_name_len(text: &str) -> Option<usize> {
    if text.len() < 3 {
        return None;
    }
    if text.starts_with("ChST") || text.starts_with("MeST") {
        return Some(4);
    }
    if let Some(after) = text.strip_prefix("GMT") {
        return Some(3 + signed_offset_len(after));
    }
    if text.starts_with(['+', '-']) {
        return Some(signed_offset_len(text)).filter(|len| *len > 0);
    }
    let upper = text.bytes().take(6).take_while(u8::is_ascii_uppercase).count();
    match upper {
        3 => Some(3),
        4 if text.as_bytes()[3] == b'T' || text.starts_with("WITA") => Some(4),
        5 if text.as_bytes()[4] == b'T' => Some(5),
        _ => None,
    }
}

fn signed_offset_len(text: &str) -> usize {
    if !text.starts_with(['+', '-']) {
        return 0;
    }
    let digits = digits_at(&text[1..], usize::MAX);
    let fits = text[1..=digits].parse::<u64>().is_ok_and(|hours| hours <= 23);
    if digits > 0 && fits { 1 + digits } else { 0 }
}
