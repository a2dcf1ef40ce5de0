//! YAML with positions: every document of a file as JSON, and where each of its fields stands.
//!
//! Scalars are read as Helm, kubectl and Argo CD read them (sigs.k8s.io/yaml over go-yaml v2: YAML 1.1).

mod document;
mod scalar;

pub use document::{Document, Mark, Parsed, YamlError, parse};
