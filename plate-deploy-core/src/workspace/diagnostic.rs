//! Places in the files of a repository, and findings about them.

use std::fmt;

use serde::Serialize;

use crate::report::{Diagnostic, Severity};
use crate::yaml::Mark;

/// A place in a file of the repository. `Display` is `file:line:column`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Location {
    /// Path from the root of the repository.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl Location {
    /// A place in a file.
    #[must_use]
    pub fn new(file: impl Into<String>, mark: Mark) -> Self {
        Self { file: file.into(), line: mark.line, column: mark.column }
    }

    /// The beginning of a file.
    #[must_use]
    pub fn start(file: impl Into<String>) -> Self {
        Self::new(file, Mark { line: 1, column: 1 })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// A finding of a rule at a place.
pub(crate) fn located(
    rule: &'static str,
    severity: Severity,
    location: Location,
    message: impl Into<String>,
) -> Diagnostic {
    let mut found = Diagnostic::new(severity, rule, message).at(location.file, Some(location.line));
    found.column = Some(location.column);
    found
}

/// The order of findings in lists: by place, then by rule.
pub(crate) fn place_of(found: &Diagnostic) -> (&Option<String>, Option<usize>, Option<usize>, &str) {
    (&found.file, found.line, found.column, &found.code)
}

/// The known word most like `word`, for "did you mean"; `None` when none is near.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = 1 + word.chars().count() / 4;
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn suggests_near_words_only() {
        let known = ["environments", "components", "libraries"];
        assert_eq!(nearest("enviroments", known), Some("environments"));
        assert_eq!(nearest("Component", known), Some("components"));
        assert_eq!(nearest("zzz", known), None);
    }
}
