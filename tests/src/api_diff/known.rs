//! The differences that COMPATIBILITY.md names, as rules over requests and places.

use super::Wire;

/// A difference that is known.
struct Known {
    /// Words that stand in COMPATIBILITY.md.
    entry: &'static str,
    /// Whether a difference is of this sort.
    applies: fn(&Wire, &str) -> bool,
}

const KNOWN: &[Known] = &[];

/// The entry of COMPATIBILITY.md that covers a difference.
#[must_use]
pub fn explain(wire: &Wire, place: &str) -> Option<&'static str> {
    KNOWN.iter().find(|known| (known.applies)(wire, place)).map(|known| known.entry)
}

/// All entries, for the test that looks them up in COMPATIBILITY.md.
#[must_use]
pub fn entries() -> Vec<&'static str> {
    KNOWN.iter().map(|known| known.entry).collect()
}
