//! Go's reference-time layouts: splitting one into its elements, and formatting a time with it.

use super::go_time::Time;

/// English month names.
pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// English weekday names, Sunday first.
pub(super) const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// How a zone offset is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offset {
    /// `Z` for UTC.
    pub(super) iso: bool,
    /// A colon between the parts.
    pub(super) colon: bool,
    /// Hours only, hours and minutes, or seconds too: 1 to 3.
    pub(super) parts: u8,
}

/// One element of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    /// `January`.
    LongMonth,
    /// `Jan`.
    Month,
    /// `1` or `01`.
    NumMonth { zero: bool },
    /// `Monday`.
    LongWeekday,
    /// `Mon`.
    Weekday,
    /// `2`, `02` (zero) or `_2` (space).
    Day { zero: bool, space: bool },
    /// `__2` or `002`.
    YearDay { zero: bool },
    /// `15`.
    Hour,
    /// `3` or `03`.
    Hour12 { zero: bool },
    /// `4` or `04`.
    Minute { zero: bool },
    /// `5` or `05`.
    Second { zero: bool },
    /// `2006`.
    LongYear,
    /// `06`.
    Year,
    /// `PM` or `pm`.
    Meridiem { upper: bool },
    /// `MST`.
    ZoneName,
    /// `-0700`, `Z07:00`, …
    Zone(Offset),
    /// `.000` (fixed) or `.999`: digits, and whether the separator is a comma.
    Fraction { fixed: bool, digits: usize, comma: bool },
}

/// Splits a layout at its first element: the text before, the element, the rest.
pub(super) fn next(layout: &str) -> Option<(&str, Element, &str)> {
    for (at, _) in layout.char_indices() {
        if let Some((skip, element, len)) = element_at(&layout[at..]) {
            let start = at + skip;
            return Some((&layout[..start], element, &layout[at + len..]));
        }
    }
    None
}

/// An element at the start of the text: bytes of literal text before it, the element, bytes up to its end.
fn element_at(text: &str) -> Option<(usize, Element, usize)> {
    use Element as E;
    let rest_is_lower = |at: usize| text.as_bytes().get(at).is_some_and(u8::is_ascii_lowercase);
    let found = |element, len| Some((0, element, len));
    let starts = |prefix: &str| text.starts_with(prefix);
    match text.as_bytes().first()? {
        b'J' if starts("January") => found(E::LongMonth, 7),
        b'J' if starts("Jan") && !rest_is_lower(3) => found(E::Month, 3),
        b'M' if starts("Monday") => found(E::LongWeekday, 6),
        b'M' if starts("Mon") && !rest_is_lower(3) => found(E::Weekday, 3),
        b'M' if starts("MST") => found(E::ZoneName, 3),
        b'0' => zero_element(text),
        b'1' if starts("15") => found(E::Hour, 2),
        b'1' => found(E::NumMonth { zero: false }, 1),
        b'2' if starts("2006") => found(E::LongYear, 4),
        b'2' => found(E::Day { zero: false, space: false }, 1),
        b'_' if starts("_2006") => Some((1, E::LongYear, 5)),
        b'_' if starts("_2") => found(E::Day { zero: false, space: true }, 2),
        b'_' if starts("__2") => found(E::YearDay { zero: false }, 3),
        b'3' => found(E::Hour12 { zero: false }, 1),
        b'4' => found(E::Minute { zero: false }, 1),
        b'5' => found(E::Second { zero: false }, 1),
        b'P' if starts("PM") => found(E::Meridiem { upper: true }, 2),
        b'p' if starts("pm") => found(E::Meridiem { upper: false }, 2),
        sign @ (b'-' | b'Z') => {
            let (offset, len) = offset_element(&text[1..])?;
            found(E::Zone(Offset { iso: *sign == b'Z', ..offset }), len + 1)
        }
        point @ (b'.' | b',') => {
            let kind = *text.as_bytes().get(1).filter(|b| matches!(b, b'0' | b'9'))?;
            let digits = text.bytes().skip(1).take_while(|b| *b == kind).count();
            let ends = !text.as_bytes().get(1 + digits).is_some_and(u8::is_ascii_digit);
            let element = E::Fraction { fixed: kind == b'0', digits, comma: *point == b',' };
            ends.then_some((0, element, 1 + digits))
        }
        _ => None,
    }
}

fn zero_element(text: &str) -> Option<(usize, Element, usize)> {
    use Element as E;
    let element = match text.as_bytes().get(1)? {
        b'1' => E::NumMonth { zero: true },
        b'2' => E::Day { zero: true, space: false },
        b'3' => E::Hour12 { zero: true },
        b'4' => E::Minute { zero: true },
        b'5' => E::Second { zero: true },
        b'6' => E::Year,
        b'0' if text.starts_with("002") => return Some((0, E::YearDay { zero: true }, 3)),
        _ => return None,
    };
    Some((0, element, 2))
}

fn offset_element(digits: &str) -> Option<(Offset, usize)> {
    [("070000", false, 3), ("07:00:00", true, 3), ("0700", false, 2), ("07:00", true, 2), ("07", false, 1)]
        .into_iter()
        .find(|(text, ..)| digits.starts_with(text))
        .map(|(text, colon, parts)| (Offset { iso: false, colon, parts }, text.len()))
}

/// `Time.Format`.
pub(super) fn format(time: &Time, layout: &str) -> String {
    let mut out = String::new();
    let mut rest = layout;
    while let Some((before, element, after)) = next(rest) {
        out.push_str(before);
        append(&mut out, time, element);
        rest = after;
    }
    out.push_str(rest);
    out
}

fn padded(n: i64, width: usize) -> String {
    if n < 0 { format!("-{:0width$}", n.unsigned_abs()) } else { format!("{n:0width$}") }
}

fn append(out: &mut String, time: &Time, element: Element) {
    use Element as E;
    let (date, seconds, name, offset) = time.local();
    let hour = seconds / 3600;
    let two = |zero: bool, n: i64| padded(n, if zero { 2 } else { 0 });
    let named = |names: &[&'static str], n: i64| usize::try_from(n).ok().and_then(|n| names.get(n).copied());
    let text = match element {
        E::LongMonth => named(&MONTHS, date.month - 1).unwrap_or_default().to_owned(),
        E::Month => named(&MONTHS, date.month - 1).unwrap_or_default().chars().take(3).collect(),
        E::NumMonth { zero } => two(zero, date.month),
        E::LongWeekday => named(&WEEKDAYS, time.weekday()).unwrap_or_default().to_owned(),
        E::Weekday => named(&WEEKDAYS, time.weekday()).unwrap_or_default().chars().take(3).collect(),
        E::Day { space: true, .. } => format!("{:2}", date.day),
        E::Day { zero, .. } => two(zero, date.day),
        E::YearDay { zero: true } => padded(date.year_day(), 3),
        E::YearDay { zero: false } => format!("{:3}", date.year_day()),
        E::Hour => two(true, hour),
        E::Hour12 { zero } => two(zero, if hour % 12 == 0 { 12 } else { hour % 12 }),
        E::Minute { zero } => two(zero, seconds / 60 % 60),
        E::Second { zero } => two(zero, seconds % 60),
        E::LongYear => padded(date.year, 4),
        E::Year => two(true, date.year.abs() % 100),
        E::Meridiem { upper } => match (hour >= 12, upper) {
            (true, true) => "PM",
            (false, true) => "AM",
            (true, false) => "pm",
            (false, false) => "am",
        }
        .to_owned(),
        E::ZoneName if name.is_empty() => zone_text(offset, Offset { iso: false, colon: false, parts: 2 }),
        E::ZoneName => name,
        E::Zone(kind) => zone_text(offset, kind),
        E::Fraction { fixed, digits, comma } => fraction_text(time.nanos, fixed, digits, comma),
    };
    out.push_str(&text);
}

fn zone_text(offset: i64, kind: Offset) -> String {
    if kind.iso && offset == 0 {
        return "Z".to_owned();
    }
    // Go looks at whole minutes for the sign.
    let minutes = offset / 60;
    let (sign, minutes) = if minutes < 0 { ('-', -minutes) } else { ('+', minutes) };
    let seconds = if sign == '-' { -offset % 60 } else { offset % 60 };
    let colon = if kind.colon { ":" } else { "" };
    let mut out = format!("{sign}{}", padded(minutes / 60, 2));
    if kind.parts > 1 {
        out.push_str(&format!("{colon}{}", padded(minutes % 60, 2)));
    }
    if kind.parts > 2 {
        out.push_str(&format!("{colon}{}", padded(seconds, 2)));
    }
    out
}

fn fraction_text(nanos: u32, fixed: bool, digits: usize, comma: bool) -> String {
    let all = format!("{nanos:09}");
    let mut text: String = all.chars().chain(std::iter::repeat('0')).take(digits.min(9)).collect();
    if !fixed {
        text.truncate(text.trim_end_matches('0').len());
        if text.is_empty() {
            return text;
        }
    }
    format!("{}{text}", if comma { ',' } else { '.' })
}
