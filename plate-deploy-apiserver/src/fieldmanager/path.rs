//! Paths into an object as structured-merge-diff names them: fields, list items by key, set members.

use std::cmp::Ordering;
use std::fmt;

use serde_json::{Map, Value};

/// A JSON value with a total order, so that it can be part of a key.
#[derive(Clone, Debug)]
pub struct OrdValue(pub Value);

impl OrdValue {
    fn rank(&self) -> u8 {
        match self.0 {
            Value::Number(_) => 0,
            Value::String(_) => 1,
            Value::Bool(_) => 2,
            Value::Array(_) => 3,
            Value::Object(_) => 4,
            Value::Null => 5,
        }
    }
}

impl Ord for OrdValue {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
                (Some(a), Some(b)) => a.cmp(&b),
                _ => a.as_f64().unwrap_or_default().total_cmp(&b.as_f64().unwrap_or_default()),
            },
            (Value::String(a), Value::String(b)) => a.cmp(b),
            (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()).then_with(|| self.0.to_string().cmp(&other.0.to_string())),
        }
    }
}

impl PartialOrd for OrdValue {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for OrdValue {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for OrdValue {}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathElement {
    /// A field of an object.
    Field(String),
    /// The list item with these key fields, ordered by name.
    Key(Vec<(String, OrdValue)>),
    /// The set member of that value.
    Value(OrdValue),
    /// The list item at that index.
    Index(i64),
}

impl PathElement {
    /// A field step.
    #[must_use]
    pub fn field(name: &str) -> Self {
        PathElement::Field(name.to_owned())
    }

    /// Reads `f:name`, `k:{…}`, `v:…` or `i:n`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        match kind {
            "f" => Some(PathElement::Field(rest.to_owned())),
            "v" => Some(PathElement::Value(OrdValue(serde_json::from_str(rest).ok()?))),
            "i" => Some(PathElement::Index(rest.parse().ok()?)),
            "k" => {
                let map: Map<String, Value> = serde_json::from_str(rest).ok()?;
                let mut keys: Vec<_> = map.into_iter().map(|(k, v)| (k, OrdValue(v))).collect();
                keys.sort();
                Some(PathElement::Key(keys))
            }
            _ => None,
        }
    }

    /// The text that [`PathElement::parse`] reads.
    #[must_use]
    pub fn to_wire(&self) -> String {
        match self {
            PathElement::Field(name) => format!("f:{name}"),
            PathElement::Value(v) => format!("v:{}", v.0),
            PathElement::Index(i) => format!("i:{i}"),
            PathElement::Key(keys) => {
                let body: Vec<String> =
                    keys.iter().map(|(k, v)| format!("{}:{}", Value::from(k.as_str()), v.0)).collect();
                format!("k:{{{}}}", body.join(","))
            }
        }
    }
}

impl fmt::Display for PathElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PathElement::Field(name) => write!(f, ".{name}"),
            PathElement::Value(v) => write!(f, "[={}]", v.0),
            PathElement::Index(i) => write!(f, "[{i}]"),
            PathElement::Key(keys) => {
                let body: Vec<String> = keys.iter().map(|(k, v)| format!("{k}={}", v.0)).collect();
                write!(f, "[{}]", body.join(","))
            }
        }
    }
}

/// The text of a path, such as `.spec.containers[name="a"].image`.
#[must_use]
pub(super) fn path_text(path: &[PathElement]) -> String {
    path.iter().map(ToString::to_string).collect()
}
