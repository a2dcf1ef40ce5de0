//! Cross-crate tests: one binary, one module per subject.

mod cluster_contract;
mod deploy;
mod layers;
mod tidy;
