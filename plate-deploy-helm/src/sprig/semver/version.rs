//! A version as `Masterminds/semver` reads it: `v1`, `1.2` and leading zeros are fine.

use std::cmp::Ordering;
use std::fmt;

/// Longest version text.
const MAX_LEN: usize = 256;

/// A semantic version.
#[derive(Clone, Debug, Default)]
pub struct Version {
    major: u64,
    minor: u64,
    patch: u64,
    prerelease: String,
    metadata: String,
    original: String,
}

impl fmt::Display for Version {
    /// `1.2.3-pre+meta`, without a leading `v`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.prerelease.is_empty() {
            write!(f, "-{}", self.prerelease)?;
        }
        if !self.metadata.is_empty() {
            write!(f, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

/// The text of a version cut into its parts, nothing checked but the characters.
pub(super) struct Parts<'a> {
    /// Major, then maybe minor and patch.
    pub(super) numbers: Vec<&'a str>,
    /// Without the `-`.
    pub(super) prerelease: &'a str,
    /// Without the `+`.
    pub(super) metadata: &'a str,
    /// What follows the version.
    pub(super) rest: &'a str,
}

/// Cuts a version off the start of a text; `digit` says what a number may be made of. `None` when none starts here.
pub(super) fn cut(text: &str, digit: impl Fn(u8) -> bool) -> Option<Parts<'_>> {
    let mut rest = text.strip_prefix('v').unwrap_or(text);
    let mut numbers = Vec::with_capacity(3);
    loop {
        let len = rest.bytes().take_while(|b| digit(*b)).count();
        if len == 0 {
            return None;
        }
        numbers.push(&rest[..len]);
        rest = &rest[len..];
        let more = rest.strip_prefix('.').filter(|after| after.bytes().next().is_some_and(&digit));
        match more {
            Some(after) if numbers.len() < 3 => rest = after,
            _ => break,
        }
    }
    let (prerelease, rest) = identifiers(rest, '-');
    let (metadata, rest) = identifiers(rest, '+');
    Some(Parts { numbers, prerelease, metadata, rest })
}

/// Dot-separated identifiers after a mark, as many as there are; the empty text when there are none.
fn identifiers(text: &str, mark: char) -> (&str, &str) {
    let Some(body) = text.strip_prefix(mark) else { return ("", text) };
    let bytes = body.as_bytes();
    let mut end = 0;
    loop {
        let word = bytes[end..].iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'-').count();
        if word == 0 {
            // Nothing after the mark or a dot: the dot is not part of it.
            end = end.saturating_sub(1);
            break;
        }
        end += word;
        if bytes.get(end) != Some(&b'.') {
            break;
        }
        end += 1;
    }
    if end == 0 { ("", text) } else { body.split_at(end) }
}

impl Version {
    /// Parses as `semver.NewVersion`.
    ///
    /// # Errors
    /// Masterminds' text.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_LEN {
            return Err(format!("version string is too long (max {MAX_LEN} bytes)"));
        }
        let parts = cut(text, |b| b.is_ascii_digit())
            .filter(|parts| parts.rest.is_empty())
            .ok_or_else(|| "invalid semantic version".to_owned())?;
        let number = |at: usize| parts.numbers.get(at).map_or(Ok(0), |digits| segment(digits));
        let version = Self {
            major: number(0)?,
            minor: number(1)?,
            patch: number(2)?,
            prerelease: parts.prerelease.to_owned(),
            metadata: parts.metadata.to_owned(),
            original: text.to_owned(),
        };
        check_prerelease(&version.prerelease)?;
        Ok(version)
    }

    /// First number.
    #[must_use]
    pub fn major(&self) -> u64 {
        self.major
    }

    /// Second number.
    #[must_use]
    pub fn minor(&self) -> u64 {
        self.minor
    }

    /// Third number.
    #[must_use]
    pub fn patch(&self) -> u64 {
        self.patch
    }

    /// What follows `-`, or `""`.
    #[must_use]
    pub fn prerelease(&self) -> &str {
        &self.prerelease
    }

    /// What follows `+`, or `""`.
    #[must_use]
    pub fn metadata(&self) -> &str {
        &self.metadata
    }

    /// The text it was parsed from.
    #[must_use]
    pub fn original(&self) -> &str {
        &self.original
    }

    /// Precedence: metadata does not count, a pre-release comes before its release.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        let numbers = |v: &Self| (v.major, v.minor, v.patch);
        numbers(self).cmp(&numbers(other)).then_with(|| match (self.prerelease.as_str(), other.prerelease.as_str()) {
            ("", "") => Ordering::Equal,
            ("", _) => Ordering::Greater,
            (_, "") => Ordering::Less,
            (mine, theirs) => compare_prerelease(mine, theirs),
        })
    }

    /// `IncMajor`, `IncMinor` or `IncPatch`.
    pub(super) fn increment(&self, name: &str) -> Result<Self, String> {
        let up = |n: u64, what: &str| {
            n.checked_add(1).ok_or_else(|| format!("{what} version increment would overflow uint64"))
        };
        let (major, minor, patch) = match name {
            "IncMajor" => (up(self.major, "major")?, 0, 0),
            "IncMinor" => (self.major, up(self.minor, "minor")?, 0),
            _ if !self.prerelease.is_empty() => (self.major, self.minor, self.patch),
            _ => (self.major, self.minor, up(self.patch, "patch")?),
        };
        Ok(self.renamed(Self { major, minor, patch, ..Self::default() }))
    }

    /// `SetPrerelease`.
    pub(super) fn set_prerelease(&self, text: &str) -> Result<Self, String> {
        if !text.is_empty() {
            check_identifiers(text, "invalid prerelease string")?;
            check_prerelease(text)?;
        }
        Ok(self.renamed(Self { prerelease: text.to_owned(), ..self.clone() }))
    }

    /// `SetMetadata`.
    pub(super) fn set_metadata(&self, text: &str) -> Result<Self, String> {
        if !text.is_empty() {
            check_identifiers(text, "invalid metadata string")?;
        }
        Ok(self.renamed(Self { metadata: text.to_owned(), ..self.clone() }))
    }

    fn renamed(&self, mut next: Self) -> Self {
        let prefix = if self.original.starts_with('v') { "v" } else { "" };
        next.original = format!("{prefix}{next}");
        next
    }
}

fn segment(digits: &str) -> Result<u64, String> {
    digits.parse().map_err(|_| {
        format!("error parsing version segment: strconv.ParseUint: parsing \"{digits}\": value out of range")
    })
}

/// Numeric identifiers must not start with 0.
fn check_prerelease(text: &str) -> Result<(), String> {
    let zero = |part: &str| part.len() > 1 && part.starts_with('0') && part.bytes().all(|b| b.is_ascii_digit());
    if text.split('.').any(zero) { Err("version segment starts with 0".to_owned()) } else { Ok(()) }
}

fn check_identifiers(text: &str, error: &str) -> Result<(), String> {
    let good = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if text.split('.').all(good) { Ok(()) } else { Err(error.to_owned()) }
}

/// Precedence of two pre-release texts, part by part.
pub(super) fn compare_prerelease(mine: &str, theirs: &str) -> Ordering {
    let (mut mine, mut theirs) = (mine.split('.'), theirs.split('.'));
    loop {
        match (mine.next(), theirs.next()) {
            (None, None) => return Ordering::Equal,
            (a, b) => match compare_part(a.unwrap_or_default(), b.unwrap_or_default()) {
                Ordering::Equal => {}
                order => return order,
            },
        }
    }
}

fn compare_part(mine: &str, theirs: &str) -> Ordering {
    match (mine, theirs) {
        (a, b) if a == b => return Ordering::Equal,
        ("", _) => return Ordering::Less,
        (_, "") => return Ordering::Greater,
        _ => {}
    }
    let digits = |text: &str| text.parse::<u64>().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
    match (digits(mine), digits(theirs)) {
        (None, None) => mine.cmp(theirs),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        // Equal numbers spelled differently never get here as equal in Masterminds either.
        (Some(a), Some(b)) => {
            if a > b {
                Ordering::Greater
            } else {
                Ordering::Less
            }
        }
    }
}
