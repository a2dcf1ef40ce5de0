//! Strict reading of a built-in kind: its API version must be one with a check, its numbers must be integers.

use crate::health::HealthError;
use crate::health::node::Node;
use crate::model::Manifest;

/// A built-in object whose version was checked.
#[derive(Clone, Copy)]
pub(super) struct Typed<'a> {
    kind: &'static str,
    node: Node<'a>,
}

impl<'a> Typed<'a> {
    /// `kind` is the word messages use; `versions` are those that have a check.
    pub(super) fn new(object: &'a Manifest, kind: &'static str, versions: &[&str]) -> Result<Self, HealthError> {
        let gvk = object.gvk();
        if versions.contains(&gvk.version.as_str()) {
            return Ok(Self { kind, node: Node::new(object.value()) });
        }
        Err(HealthError::UnsupportedVersion { kind, group: gvk.group, version: gvk.version, full_kind: gvk.kind })
    }

    pub(super) fn node(self) -> Node<'a> {
        self.node
    }

    pub(super) fn at(self, pointer: &str) -> Node<'a> {
        self.node.at(pointer)
    }

    pub(super) fn name(self) -> &'a str {
        self.at("/metadata/name").str()
    }

    /// An integer; `None` when absent.
    pub(super) fn int(self, pointer: &str) -> Result<Option<i64>, HealthError> {
        let node = self.at(pointer);
        if node.is_null() {
            return Ok(None);
        }
        let expected = if pointer.ends_with("eneration") { "int64" } else { "int32" };
        node.int().map(Some).ok_or(HealthError::Field { kind: self.kind, field: pointer.into(), expected })
    }

    /// An integer of the status, 0 when absent.
    pub(super) fn count(self, pointer: &str) -> Result<i64, HealthError> {
        Ok(self.int(pointer)?.unwrap_or_default())
    }

    /// Whether the controller has not yet seen the newest spec.
    pub(super) fn is_stale(self) -> Result<bool, HealthError> {
        Ok(self.count("/metadata/generation")? > self.count("/status/observedGeneration")?)
    }
}
