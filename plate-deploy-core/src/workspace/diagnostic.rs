//! What discovery and lint have to say: a rule, a place, a sentence and what to do.

use std::fmt;

use serde::Serialize;

use crate::report;
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

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Works, but likely not as meant.
    Warning,
    /// Will not deploy.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// Something found. `Display` is one line: `file:line:column: severity[rule]: message; remedy`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Stable id of the rule: `unknown-field`, `missing-value-file` …
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Where.
    pub location: Location,
    /// What, with the names of the objects concerned.
    pub message: String,
    /// What to do about it; may be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub remedy: String,
}

impl Diagnostic {
    /// A finding without a remedy.
    #[must_use]
    pub fn new(rule: &'static str, severity: Severity, location: Location, message: impl Into<String>) -> Self {
        Self { rule, severity, location, message: message.into(), remedy: String::new() }
    }

    /// With a remedy.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }
}

impl From<&Diagnostic> for report::Diagnostic {
    fn from(found: &Diagnostic) -> Self {
        let severity = match found.severity {
            Severity::Info => report::Severity::Info,
            Severity::Warning => report::Severity::Warning,
            Severity::Error => report::Severity::Error,
        };
        let mut diagnostic = Self::new(severity, found.rule, found.message.clone())
            .at(found.location.file.clone(), Some(found.location.line))
            .remedy(found.remedy.clone());
        diagnostic.column = Some(found.location.column);
        diagnostic
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}[{}]: {}", self.location, self.severity, self.rule, self.message)?;
        if self.remedy.is_empty() { Ok(()) } else { write!(f, "; {}", self.remedy) }
    }
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
