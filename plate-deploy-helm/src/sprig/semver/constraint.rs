//! Version constraints of `Masterminds/semver`: `>=1.2 <2 || ^3`, `~1.2.x`, `1.2 - 1.4`.

use std::cmp::Ordering;
use std::sync::LazyLock;

use regex::Regex;

use super::plain;
use super::version::{Version, compare_prerelease, cut};

const MAX_LEN: usize = 512;
const MAX_GROUPS: usize = 32;

/// A version inside a constraint, where a number may be `x`, `X` or `*`.
const VERSION: &str = r"v?([0-9|xX\*]+)(\.[0-9|xX\*]+)?(\.[0-9|xX\*]+)?(?:-[0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*)?(?:\+[0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*)?";
/// Operators in Masterminds' order: the empty one comes second, as alternatives are tried from the left.
const OPERATORS: &str = r"=||!=|>|<|>=|=>|<=|=<|~|~>|\^";
/// Go's white space.
const SPACE: &str = r"[\t\n\f\r ]";

fn regex(pattern: &str) -> Option<Regex> {
    Regex::new(pattern).ok()
}

static RANGE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let version = VERSION.replace("([", "(?:[").replace(r"(\.", r"(?:\.");
    regex(&format!("{SPACE}*({version}){SPACE}+-{SPACE}+({version}){SPACE}*"))
});
static FIND: LazyLock<Option<Regex>> = LazyLock::new(|| regex(&format!("(?:{OPERATORS}){SPACE}*(?:{VERSION})")));
static VALID: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let one = format!("(?:{OPERATORS}){SPACE}*(?:{VERSION}){SPACE}*");
    regex(&format!("^(?:{SPACE}*{one})(?:(?:{SPACE}+|,{SPACE}*){one})*$"))
});
static ONE: LazyLock<Option<Regex>> =
    LazyLock::new(|| regex(&format!("^{SPACE}*({OPERATORS}){SPACE}*({VERSION}){SPACE}*$")));

/// Alternatives of conditions that must all hold.
#[derive(Clone, Debug)]
pub struct Constraint {
    groups: Vec<Group>,
}

#[derive(Clone, Debug)]
struct Group {
    conditions: Vec<Condition>,
    /// One of them names a pre-release, so pre-releases are looked at.
    prereleases: bool,
}

#[derive(Clone, Debug)]
struct Condition {
    operator: String,
    version: Version,
    /// A number was left out or a wildcard.
    dirty: bool,
    minor_dirty: bool,
    patch_dirty: bool,
}

impl Constraint {
    /// Parses as `semver.NewConstraint`.
    ///
    /// # Errors
    /// Masterminds' text.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_LEN {
            return Err(format!("constraint string is too long (max {MAX_LEN} bytes)"));
        }
        // Only a hyphen between blanks can be a range.
        let is_range = text.as_bytes().windows(2).any(|pair| pair[0].is_ascii_whitespace() && pair[1] == b'-');
        let text = if is_range { rewrite_ranges(text) } else { text.to_owned() };
        let groups: Vec<&str> = text.split("||").collect();
        if groups.len() > MAX_GROUPS {
            return Err(format!("too many constraint groups (max {MAX_GROUPS})"));
        }
        groups.into_iter().map(Group::parse).collect::<Result<_, _>>().map(|groups| Self { groups })
    }

    /// Whether the version satisfies it.
    #[must_use]
    pub fn check(&self, version: &Version) -> bool {
        self.groups
            .iter()
            .any(|group| group.conditions.iter().all(|condition| condition.check(version, group.prereleases)))
    }
}

/// `1.2 - 1.4` as `>= 1.2, <= 1.4`.
fn rewrite_ranges(text: &str) -> String {
    let Some(range) = RANGE.as_ref() else { return text.to_owned() };
    let mut out = text.to_owned();
    for found in range.captures_iter(text) {
        out = out.replacen(&found[0], &format!(">= {}, <= {} ", &found[1], &found[2]), 1);
    }
    out
}

fn improper(text: &str) -> String {
    format!("improper constraint: {}", crate::value::quote::quote(text.as_bytes()))
}

impl Group {
    fn parse(text: &str) -> Result<Self, String> {
        if let Some(parts) = plain::group(text) {
            return Self::of(parts.into_iter().map(Condition::from_parts).collect::<Result<_, _>>()?);
        }
        Self::by_expressions(text)
    }

    fn by_expressions(text: &str) -> Result<Self, String> {
        let valid = VALID.as_ref().is_some_and(|valid| valid.is_match(text));
        if !valid {
            return Err(improper(text));
        }
        let found = FIND.iter().flat_map(|find| find.find_iter(text)).map(|found| Condition::parse(found.as_str()));
        Self::of(found.collect::<Result<_, _>>()?)
    }

    fn of(conditions: Vec<Condition>) -> Result<Self, String> {
        let prereleases = conditions.iter().any(|condition| !condition.version.prerelease().is_empty());
        Ok(Self { conditions, prereleases })
    }
}

fn is_wild(part: &str) -> bool {
    matches!(part, "x" | "X" | "*")
}

/// A condition as it is written: the operator, the version, and the version's numbers, the later two with their dot.
pub(super) struct Parts<'t> {
    pub(super) operator: &'t str,
    pub(super) whole: &'t str,
    pub(super) numbers: [&'t str; 3],
}

impl Condition {
    fn parse(text: &str) -> Result<Self, String> {
        let found = ONE.as_ref().and_then(|one| one.captures(text)).ok_or_else(|| improper(text))?;
        let part = |at: usize| found.get(at).map_or("", |part| part.as_str());
        Self::from_parts(Parts { operator: part(1), whole: part(2), numbers: [part(3), part(4), part(5)] })
    }

    fn from_parts(Parts { operator, whole, numbers: [major, minor, patch] }: Parts<'_>) -> Result<Self, String> {
        let parts = cut(whole, |b| b.is_ascii_digit() || matches!(b, b'x' | b'X' | b'*' | b'|'));
        let prerelease = parts.map(|parts| parts.prerelease).filter(|text| !text.is_empty());
        let prerelease = prerelease.map(|text| format!("-{text}")).unwrap_or_default();
        let open = |text: &str| text.is_empty() || is_wild(text.trim_start_matches('.'));
        let (minor_dirty, patch_dirty, dirty, version) = if open(major) {
            (false, false, true, format!("0.0.0{prerelease}"))
        } else if open(minor) {
            (true, false, true, format!("{major}.0.0{prerelease}"))
        } else if open(patch) {
            (false, true, true, format!("{major}{minor}.0{prerelease}"))
        } else {
            (false, false, false, whole.to_owned())
        };
        let version = Version::parse(&version).map_err(|_| "constraint parser error".to_owned())?;
        Ok(Self { operator: operator.to_owned(), version, dirty, minor_dirty, patch_dirty })
    }

    fn check(&self, version: &Version, prereleases: bool) -> bool {
        if !version.prerelease().is_empty() && !prereleases {
            return false;
        }
        let order = version.compare(&self.version);
        match self.operator.as_str() {
            "!=" => self.not_equal(version),
            ">" => self.greater(version),
            "<" => order.is_lt(),
            ">=" | "=>" => order.is_ge(),
            "<=" | "=<" => self.less_or_equal(version),
            "~" | "~>" => self.tilde(version),
            "^" => self.caret(version),
            _ if self.dirty => self.tilde(version),
            _ => order.is_eq(),
        }
    }

    fn not_equal(&self, version: &Version) -> bool {
        let con = &self.version;
        if self.dirty {
            if con.major() != version.major() {
                return true;
            }
            if con.minor() != version.minor() && !self.minor_dirty {
                return true;
            }
            if self.minor_dirty {
                return false;
            }
            if con.patch() != version.patch() && !self.patch_dirty {
                return true;
            }
            if self.patch_dirty {
                let any = !version.prerelease().is_empty() || !con.prerelease().is_empty();
                return any && compare_prerelease(version.prerelease(), con.prerelease()) != Ordering::Equal;
            }
        }
        version.compare(con) != Ordering::Equal
    }

    fn greater(&self, version: &Version) -> bool {
        let con = &self.version;
        if !self.dirty || version.major() == con.major() && !self.minor_dirty && !self.patch_dirty {
            return version.compare(con).is_gt();
        }
        match version.major().cmp(&con.major()) {
            Ordering::Greater => true,
            Ordering::Less => false,
            Ordering::Equal => !self.minor_dirty && version.minor() > con.minor(),
        }
    }

    fn less_or_equal(&self, version: &Version) -> bool {
        let con = &self.version;
        if !self.dirty {
            return version.compare(con).is_le();
        }
        version.major() < con.major()
            || version.major() == con.major() && (self.minor_dirty || version.minor() <= con.minor())
    }

    fn tilde(&self, version: &Version) -> bool {
        let con = &self.version;
        if version.compare(con).is_lt() {
            return false;
        }
        let zero = (con.major(), con.minor(), con.patch()) == (0, 0, 0);
        if zero && !self.minor_dirty && !self.patch_dirty {
            return true;
        }
        version.major() == con.major() && (self.minor_dirty || version.minor() == con.minor())
    }

    fn caret(&self, version: &Version) -> bool {
        let con = &self.version;
        if version.compare(con).is_lt() {
            return false;
        }
        if con.major() > 0 || self.minor_dirty {
            return version.major() == con.major();
        }
        if version.major() > 0 {
            return false;
        }
        if con.minor() > 0 || self.patch_dirty {
            return version.minor() == con.minor();
        }
        version.minor() == 0 && con.patch() == version.patch()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quick_reader_reads_what_the_expressions_read() {
        let operators = ["", "=", "!=", ">", "<", ">=", "=>", "<=", "=<", "~", "~>", "^"];
        let versions =
            ["1", "1.2", "v1.2.3", "1.x", "*", "1.2.*", "x.1", "1.2.3-rc.1", "1.2-0", "0", "1.3.0+b", "01.2"];
        for operator in operators {
            for version in versions {
                for text in [format!("{operator}{version}"), format!(" {operator} {version} , <2.0.0-a 1 ")] {
                    assert!(plain::group(&text).is_some(), "{text:?}");
                    let (quick, slow) = (Group::parse(&text), Group::by_expressions(&text));
                    assert_eq!(format!("{quick:?}"), format!("{slow:?}"), "{text:?}");
                }
            }
        }
    }
}
