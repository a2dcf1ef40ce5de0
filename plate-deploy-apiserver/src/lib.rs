//! An embedded Kubernetes API.
//!
//! Modules, lowest layer first; a module names only lower ones:
//! [`scheme`] schemas, defaulting, strategic merge.

pub mod scheme;
