//! plate-deploy: deploys applications described by Argo CD Applications and Helm charts in Git onto Kubernetes.
//!
//! The library never prints, never reads the environment or `$HOME`, and starts no process on its default path.
//! Modules, lowest layer first (docs/ARCHITECTURE.md holds the whole map; `tests/it/layers.rs` checks it).

pub mod backup;
pub mod changes;
pub mod clock;
pub mod cluster;
pub mod diff;
pub mod driver;
pub mod engine;
pub mod files;
pub mod git;
pub mod graph;
pub mod health;
pub mod impact;
pub mod lint;
pub mod lock;
pub mod model;
pub mod pipeline;
pub mod render;
pub mod report;
pub mod state;
pub mod sync;
pub mod tracking;
pub mod workspace;
pub mod yaml;
