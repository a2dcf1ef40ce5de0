//! Cross-crate tests: one binary, one module per subject.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod api_diff;
mod argocd;
mod cluster_contract;
mod deploy;
mod driver;
mod faults;
mod impact;
mod kubectl;
mod layers;
mod pages;
mod pipeline;
mod real_cluster;
mod tidy;
mod vectors;
