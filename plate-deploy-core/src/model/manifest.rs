//! One Kubernetes object as JSON.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{GroupVersionKind, ResourceKey};

/// A Kubernetes object: a JSON object with `apiVersion`, `kind` and `metadata.name` (or `generateName`).
///
/// `Debug` prints the key only: objects may hold secrets.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Manifest(Value);

/// Why a document is no Kubernetes object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// Not a mapping.
    #[error("not a Kubernetes object: expected a mapping, found {found}")]
    NotAMapping {
        /// What was found: `a list`, `a string` …
        found: &'static str,
    },
    /// A required field is missing or not a string.
    #[error("not a Kubernetes object: {field} is missing")]
    Missing {
        /// The field's path.
        field: &'static str,
    },
}

impl Manifest {
    /// Checks the shape that every consumer relies on: a mapping with `apiVersion` and `kind`.
    ///
    /// # Errors
    /// [`ManifestError`] when the document is something else.
    pub fn new(value: Value) -> Result<Self, ManifestError> {
        let found = match &value {
            Value::Object(map) => {
                for field in ["apiVersion", "kind"] {
                    if map.get(field).and_then(Value::as_str).is_none_or(str::is_empty) {
                        return Err(ManifestError::Missing { field });
                    }
                }
                return Ok(Self(value));
            }
            Value::Null => "nothing",
            Value::Array(_) => "a list",
            Value::String(_) => "a string",
            Value::Bool(_) | Value::Number(_) => "a scalar",
        };
        Err(ManifestError::NotAMapping { found })
    }

    /// The JSON.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// The JSON, to change. Keep it an object.
    pub fn value_mut(&mut self) -> &mut Value {
        &mut self.0
    }

    /// The JSON, owned.
    #[must_use]
    pub fn into_value(self) -> Value {
        self.0
    }

    /// Group, version and kind.
    #[must_use]
    pub fn gvk(&self) -> GroupVersionKind {
        GroupVersionKind::parse(self.text("apiVersion"), self.kind())
    }

    /// `kind`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.text("kind")
    }

    /// `metadata.name`, `""` when missing.
    #[must_use]
    pub fn name(&self) -> &str {
        self.metadata_text("name")
    }

    /// `metadata.namespace`, `""` when missing.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.metadata_text("namespace")
    }

    /// The key, with the namespace as the object says it.
    #[must_use]
    pub fn key(&self) -> ResourceKey {
        let gvk = self.gvk();
        ResourceKey { group: gvk.group, kind: gvk.kind, namespace: self.namespace().into(), name: self.name().into() }
    }

    /// One annotation.
    #[must_use]
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.0.get("metadata")?.get("annotations")?.get(name)?.as_str()
    }

    /// Items of an annotation that is a list: separated by commas, trimmed, without empty ones.
    pub fn annotation_items<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.annotation(name).unwrap_or_default().split(',').map(str::trim).filter(|item| !item.is_empty())
    }

    /// `metadata.finalizers`.
    pub fn finalizers(&self) -> impl Iterator<Item = &str> {
        let list = self.0.pointer("/metadata/finalizers").and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str)
    }

    /// One label.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        self.0.get("metadata")?.get("labels")?.get(name)?.as_str()
    }

    /// Sets an annotation, making `metadata.annotations` when needed.
    pub fn set_annotation(&mut self, name: &str, value: &str) {
        self.set_metadata_entry("annotations", name, value);
    }

    /// Sets a label, making `metadata.labels` when needed.
    pub fn set_label(&mut self, name: &str, value: &str) {
        self.set_metadata_entry("labels", name, value);
    }

    /// Sets `metadata.namespace`.
    pub fn set_namespace(&mut self, namespace: &str) {
        if let Some(metadata) = object_at(&mut self.0, "metadata") {
            metadata.insert("namespace".into(), namespace.into());
        }
    }

    fn set_metadata_entry(&mut self, map: &str, name: &str, value: &str) {
        let Some(Value::Object(metadata)) =
            object_at(&mut self.0, "metadata").map(|m| m.entry(map).or_insert(Value::Null)).map(|v| {
                if v.is_null() {
                    *v = Value::Object(Map::new());
                }
                v
            })
        else {
            return;
        };
        metadata.insert(name.into(), value.into());
    }

    // These are asked for all the time: `Value::pointer` unescapes and allocates, plain lookups do not.

    fn text(&self, field: &str) -> &str {
        self.0.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    fn metadata_text(&self, field: &str) -> &str {
        self.0.get("metadata").and_then(|metadata| metadata.get(field)).and_then(Value::as_str).unwrap_or_default()
    }
}

/// The object below `key`, made when missing or null; `None` when something else is there.
fn object_at<'a>(value: &'a mut Value, key: &str) -> Option<&'a mut Map<String, Value>> {
    let slot = value.as_object_mut()?.entry(key).or_insert(Value::Null);
    if slot.is_null() {
        *slot = Value::Object(Map::new());
    }
    slot.as_object_mut()
}

impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Manifest({})", self.key())
    }
}
