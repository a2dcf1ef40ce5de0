//! Sets of paths, and their FieldsV1 form.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::path::PathElement;
use super::typed::Atom;
use crate::scheme::Type;

/// A set of paths: those that end here, and those that go on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set {
    /// Paths of one element.
    pub members: BTreeSet<PathElement>,
    /// Longer paths by their first element.
    pub children: BTreeMap<PathElement, Set>,
}

impl Set {
    /// True without any path.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty() && self.children.values().all(Set::is_empty)
    }

    /// Adds a path; the empty path (the object itself) is never in a set.
    pub fn insert(&mut self, path: &[PathElement]) {
        match path {
            [] => {}
            [last] => {
                self.members.insert(last.clone());
            }
            [first, rest @ ..] => self.children.entry(first.clone()).or_default().insert(rest),
        }
    }

    /// Removes a path and everything below it.
    pub fn remove_below(&mut self, path: &[PathElement]) {
        match path {
            [] => {}
            [last] => {
                self.members.remove(last);
                self.children.remove(last);
            }
            [first, rest @ ..] => {
                if let Some(child) = self.children.get_mut(first) {
                    child.remove_below(rest);
                }
                self.children.retain(|_, c| !c.is_empty());
            }
        }
    }

    /// True when the one-element path is in the set.
    #[must_use]
    pub fn has(&self, element: &PathElement) -> bool {
        self.members.contains(element)
    }

    /// The paths below an element.
    #[must_use]
    pub fn below(&self, element: &PathElement) -> Option<&Set> {
        self.children.get(element).filter(|s| !s.is_empty())
    }

    /// Paths in either.
    #[must_use]
    pub fn union(&self, other: &Set) -> Set {
        let mut out = self.clone();
        out.members.extend(other.members.iter().cloned());
        for (k, v) in &other.children {
            let merged = out.children.get(k).map_or_else(|| v.clone(), |mine| mine.union(v));
            out.children.insert(k.clone(), merged);
        }
        out
    }

    /// Paths in both.
    #[must_use]
    pub fn intersection(&self, other: &Set) -> Set {
        let members = self.members.intersection(&other.members).cloned().collect();
        let children = self.children.iter().filter_map(|(k, v)| {
            let both = v.intersection(other.children.get(k)?);
            (!both.is_empty()).then(|| (k.clone(), both))
        });
        Set { members, children: children.collect() }
    }

    /// Paths of this set that are not in the other.
    #[must_use]
    pub fn difference(&self, other: &Set) -> Set {
        let members = self.members.difference(&other.members).cloned().collect();
        let children = self.children.iter().filter_map(|(k, v)| {
            let rest = other.children.get(k).map_or_else(|| v.clone(), |o| v.difference(o));
            (!rest.is_empty()).then(|| (k.clone(), rest))
        });
        Set { members, children: children.collect() }
    }

    /// As [`Set::difference`], and without everything below a path of the other.
    #[must_use]
    pub fn recursive_difference(&self, other: &Set) -> Set {
        let members = self.members.difference(&other.members).cloned().collect();
        let children = self.children.iter().filter(|(k, _)| !other.members.contains(k)).filter_map(|(k, v)| {
            let rest = other.children.get(k).map_or_else(|| v.clone(), |o| v.recursive_difference(o));
            (!rest.is_empty()).then(|| (k.clone(), rest))
        });
        Set { members, children: children.collect() }
    }

    /// Adds the struct fields that paths pass through.
    #[must_use]
    pub fn with_named_fields(&self, ty: Option<&Type>) -> Set {
        let atom = ty.map(|t| Atom::of(t, None));
        let mut out = Set { members: self.members.clone(), children: BTreeMap::new() };
        for (k, v) in &self.children {
            let child = match (k, &atom) {
                (PathElement::Field(name), Some(Atom::Map(m))) => {
                    if m.has_field(name) {
                        out.members.insert(k.clone());
                    }
                    m.child(name)
                }
                (PathElement::Key(_), Some(Atom::List(l))) => Some(l.elem.clone()),
                _ => None,
            };
            out.children.insert(k.clone(), v.with_named_fields(child.as_ref()));
        }
        out
    }

    /// Every path, members before longer ones.
    #[must_use]
    pub fn paths(&self) -> Vec<Vec<PathElement>> {
        let mut out = Vec::new();
        self.collect(&mut Vec::new(), &mut out);
        out
    }

    fn collect(&self, prefix: &mut Vec<PathElement>, out: &mut Vec<Vec<PathElement>>) {
        for m in &self.members {
            let mut path = prefix.clone();
            path.push(m.clone());
            out.push(path);
        }
        for (k, v) in &self.children {
            prefix.push(k.clone());
            v.collect(prefix, out);
            prefix.pop();
        }
    }

    /// FieldsV1.
    #[must_use]
    pub fn to_fields(&self) -> Value {
        let mut out = Map::new();
        for m in &self.members {
            out.insert(m.to_wire(), json!({}));
        }
        for (k, v) in self.children.iter().filter(|(_, v)| !v.is_empty()) {
            let mut child = v.to_fields();
            if let (true, Value::Object(child)) = (self.members.contains(k), &mut child) {
                child.insert(".".to_owned(), json!({}));
            }
            out.insert(k.to_wire(), child);
        }
        Value::Object(out)
    }

    /// Reads FieldsV1; elements it does not know are an error.
    #[must_use]
    pub fn from_fields(fields: &Value) -> Option<Set> {
        Self::read(fields, 0).map(|(set, _)| set)
    }

    fn read(fields: &Value, depth: usize) -> Option<(Set, bool)> {
        let map = fields.as_object().filter(|_| depth < 200)?;
        let (mut set, mut itself) = (Set::default(), false);
        for (key, value) in map {
            if key == "." {
                itself = true;
                continue;
            }
            let element = PathElement::parse(key)?;
            let (child, member) = Self::read(value, depth + 1)?;
            if member || child.is_empty() {
                set.members.insert(element.clone());
            }
            if !child.is_empty() {
                set.children.insert(element, child);
            }
        }
        Some((set, itself))
    }
}
