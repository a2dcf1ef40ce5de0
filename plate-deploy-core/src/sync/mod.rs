//! The sync state machine: which operations bring the cluster to what Git wants, in which order, and when to wait.
//!
//! It decides as Argo CD does, and does nothing itself: no IO, no clock, no randomness. A driver shows it the cluster
//! ([`SyncState::observe`]), carries out what it asks for ([`SyncState::advance`], [`SyncState::record`]), and looks
//! again when it waits. One observation makes one *step*; every step is decided anew from the live objects and the
//! results of the steps before.
//!
//! ```
//! use plate_deploy_core::model::{GroupVersionKind, HealthStatus, Manifest, OperationPhase};
//! use plate_deploy_core::sync::{Action, ApiKinds, Next, Observation, Outcome, SyncRequest, SyncRules, SyncState};
//!
//! struct Rules;
//! impl SyncRules for Rules {
//!     fn health(&self, _live: &Manifest) -> Result<Option<HealthStatus>, String> {
//!         Ok(None) // a driver asks the `health` module
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let object = Manifest::new(serde_json::json!({
//!     "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "demo"}
//! }))?;
//! let mut sync = SyncState::new(SyncRequest::new(vec![object], "demo", "0123abc", "2026-01-01T00:00:00Z".parse()?));
//! let mut cluster: Vec<Manifest> = Vec::new();
//! let kinds = ApiKinds::from_iter([(GroupVersionKind::parse("v1", "ConfigMap"), true)]);
//! loop {
//!     sync.observe(Observation::new(cluster.clone(), kinds.clone(), "2026-01-01T00:00:01Z".parse()?));
//!     let done = loop {
//!         match sync.advance(&Rules) {
//!             Next::Execute(batch) => {
//!                 for operation in batch.operations {
//!                     if let Action::Write(write) = operation.action
//!                         && !write.dry_run
//!                     {
//!                         cluster.push(write.manifest);
//!                     }
//!                     sync.record(operation.id, Outcome::done("ConfigMap/settings created"))?;
//!                 }
//!             }
//!             Next::WaveApplied(_) => sync.record_wave(Ok(()))?,
//!             Next::Done => break true,
//!             _ => break false, // a driver waits for a change of `sync.waiting_for()`
//!         }
//!     };
//!     if done {
//!         break;
//!     }
//! }
//! assert_eq!(sync.phase(), OperationPhase::Succeeded);
//! assert_eq!(sync.message(), "successfully synced (all tasks run)");
//! # Ok(())
//! # }
//! ```
//!
//! Where Argo CD's default is a known pain, [`Behaviour`] has a named way out. Left to the driver:
//! `RespectIgnoreDifferences` ([`Observation::targets`]), sync windows ([`Observation::hold`]), and the difference
//! itself ([`Observation::modified`]).
//!
//! [`autosync`] decides whether a sync starts by itself, [`retry`] when a failed one is tried again.

mod annotation;
mod apply;
pub mod autosync;
pub mod deletion;
mod execute;
mod failure;
mod journal;
mod namespace;
mod observation;
mod operation;
mod plan;
mod prune;
mod reconcile;
mod request;
mod result;
pub mod retry;
mod run;
mod settings;
mod spec;
mod state;
mod step;
mod task;
mod terminate;
#[cfg(test)]
mod tests;
mod waves;

pub use journal::RecordError;
pub use observation::{ApiKinds, Observation, SyncRules};
pub use operation::{Action, Batch, Operation, OperationId, Outcome, Propagation, WaveApplied, Write, WriteMethod};
pub use request::{Behaviour, CLIENT_SIDE_MANAGER, FIELD_MANAGER, MissingKinds, SyncRequest};
pub use result::ResourceResult;
pub use spec::{Initiator, OperationRequest, SelectedResource, StrategyOptions, SyncOperation, SyncStrategy};
pub use state::{Next, SyncState};
