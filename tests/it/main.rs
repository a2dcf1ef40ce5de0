//! Cross-crate tests: one binary, one module per subject.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod api_diff;
mod cluster_contract;
mod deploy;
mod kubectl;
mod layers;
mod tidy;
mod vectors;
