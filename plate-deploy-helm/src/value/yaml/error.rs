//! What can be wrong with YAML, in the words of go-yaml v2 (Helm prints them as they are).

use std::fmt;

/// YAML that cannot be read or written. The text is go-yaml's, with its line when go-yaml tells one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct YamlError {
    /// 1-based line as go-yaml reports it (for some errors it is the line before).
    pub line: Option<u32>,
    /// What is wrong.
    pub problem: String,
    /// Whether the step between YAML and JSON found it: its text has no `yaml:` in front.
    json: bool,
}

impl YamlError {
    /// An error without a position.
    pub(super) fn new(problem: impl Into<String>) -> Self {
        Self { line: None, problem: problem.into(), json: false }
    }

    /// Something JSON cannot hold.
    pub(super) fn json(problem: impl Into<String>) -> Self {
        Self { line: None, problem: problem.into(), json: true }
    }

    /// go-yaml counts lines from 0, takes 0 for "not known" and adds one only to scanner errors.
    pub(super) fn at(problem: impl Into<String>, problem_line: u32, context_line: u32, scanner: bool) -> Self {
        let line = match (problem_line, context_line) {
            (0, 0) => None,
            (0, context) => Some(context),
            (line, _) => Some(line + u32::from(scanner)),
        };
        Self { line, problem: problem.into(), json: false }
    }
}

impl fmt::Display for YamlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            _ if self.json => f.write_str(&self.problem),
            Some(line) => write!(f, "yaml: line {line}: {}", self.problem),
            None => write!(f, "yaml: {}", self.problem),
        }
    }
}

/// Why `yaml.Unmarshal` into a Go type failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnmarshalError {
    /// The text is no YAML, or holds what JSON cannot.
    #[error("error converting YAML to JSON: {0}")]
    Yaml(#[from] YamlError),
    /// The document does not fit the type.
    #[error("error unmarshaling JSON: while decoding JSON: {0}")]
    Decode(String),
}
