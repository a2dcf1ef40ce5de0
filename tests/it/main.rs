//! Cross-crate tests: one binary, one module per subject.

mod layers;
mod tidy;
