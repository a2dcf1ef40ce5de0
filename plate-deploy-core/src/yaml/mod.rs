//! YAML with positions: every document of a file as JSON, where each of its fields stands, and edits of one value.
//!
//! Scalars are read as Helm, kubectl and Argo CD read them (sigs.k8s.io/yaml over go-yaml v2: YAML 1.1).

mod document;
mod edit;
mod scalar;

pub use document::{Document, Mark, Parsed, YamlError, parse};
pub use edit::{EditError, set_or_insert, set_scalar};

/// A value as Go's YAML library writes it: what kubectl and Argo CD show.
#[must_use]
pub fn to_string(value: &serde_json::Value) -> String {
    // Only an infinity cannot be written, and JSON has none.
    plate_deploy_helm::value::yaml::to_yaml(&value.into()).unwrap_or_default()
}
