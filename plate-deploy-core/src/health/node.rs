//! Lenient reading of an object's fields: what is missing or of another type reads as empty, as in a Lua check's `or`.

use serde_json::Value;

static NULL: Value = Value::Null;

/// A place in an object, possibly an absent one.
#[derive(Clone, Copy)]
pub(super) struct Node<'a>(&'a Value);

impl<'a> Node<'a> {
    pub(super) fn new(value: &'a Value) -> Self {
        Self(value)
    }

    /// The place at a JSON pointer below this one (`/status/phase`).
    pub(super) fn at(self, pointer: &str) -> Node<'a> {
        Node(self.0.pointer(pointer).unwrap_or(&NULL))
    }

    /// The entry of a map, whatever its name holds.
    pub(super) fn entry(self, key: &str) -> Node<'a> {
        Node(self.0.get(key).unwrap_or(&NULL))
    }

    /// The text, `""` when it is none.
    pub(super) fn str(self) -> &'a str {
        self.0.as_str().unwrap_or_default()
    }

    /// The text, if it is one.
    pub(super) fn text(self) -> Option<&'a str> {
        self.0.as_str()
    }

    /// The number, if it is one.
    pub(super) fn number(self) -> Option<f64> {
        self.0.as_f64()
    }

    /// The number, 0 when it is none.
    pub(super) fn count(self) -> f64 {
        self.number().unwrap_or_default()
    }

    /// The integer, if it is one; `3.0` counts as 3.
    #[expect(clippy::cast_possible_truncation, reason = "whole and small enough")]
    pub(super) fn int(self) -> Option<i64> {
        let whole = |n: &f64| n.fract() == 0.0 && n.abs() < 1e15;
        self.0.as_i64().or_else(|| self.0.as_f64().filter(whole).map(|n| n as i64))
    }

    /// Absent or `null`.
    pub(super) fn is_null(self) -> bool {
        self.0.is_null()
    }

    /// Present and not `null`.
    pub(super) fn exists(self) -> bool {
        !self.0.is_null()
    }

    /// The boolean `true`.
    pub(super) fn is_true(self) -> bool {
        self.0 == &Value::Bool(true)
    }

    /// The boolean `false`.
    pub(super) fn is_false(self) -> bool {
        self.0 == &Value::Bool(false)
    }

    /// Equal as Lua compares: two absent values are equal, numbers by value.
    pub(super) fn same(self, other: Node<'_>) -> bool {
        match (self.number(), other.number()) {
            (Some(a), Some(b)) => (a - b).abs() < f64::EPSILON,
            _ => self.0 == other.0,
        }
    }

    /// Lua's truth: everything but nil and false.
    pub(super) fn truthy(self) -> bool {
        !matches!(self.0, Value::Null | Value::Bool(false))
    }

    /// The elements of a list; none for anything else.
    pub(super) fn items(self) -> impl DoubleEndedIterator<Item = Node<'a>> + ExactSizeIterator + Clone {
        self.0.as_array().map(Vec::as_slice).unwrap_or_default().iter().map(Node)
    }

    /// The entries of a map, sorted by key; none for anything else.
    pub(super) fn entries(self) -> impl Iterator<Item = (&'a str, Node<'a>)> {
        let mut entries: Vec<_> =
            self.0.as_object().into_iter().flatten().map(|(k, v)| (k.as_str(), Node(v))).collect();
        entries.sort_by_key(|(key, _)| *key);
        entries.into_iter()
    }

    /// The value as Lua's `..` and `tostring` write it (`nil` for nothing).
    pub(super) fn lua(self) -> String {
        match self.0 {
            Value::Null => "nil".into(),
            Value::String(text) => text.clone(),
            Value::Number(n) => match n.as_f64() {
                Some(f) => number(f),
                None => n.to_string(),
            },
            other => other.to_string(),
        }
    }

    /// The first of `status.conditions` with this type.
    pub(super) fn condition(self, kind: &str) -> Option<Node<'a>> {
        self.at("/status/conditions").items().find(|c| c.at("/type").str() == kind)
    }

    /// The status of the first condition with this type, `""` without one.
    pub(super) fn condition_status(self, kind: &str) -> &'a str {
        self.condition(kind).map(|c| c.at("/status").str()).unwrap_or_default()
    }
}

/// A number as Lua prints it: integers without a fraction.
#[expect(clippy::cast_possible_truncation, reason = "only whole numbers well inside i64 are cast")]
pub(super) fn number(n: f64) -> String {
    if n.fract() == 0.0 && n.abs() < 1e15 { (n as i64).to_string() } else { n.to_string() }
}
