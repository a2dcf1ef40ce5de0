//! Who carries a sync out: [`SyncDriver`]. The built-in one, [`EmbeddedDriver`], is a GitOps engine in this process.

pub mod app_status;
pub mod argocd;
mod cascade;
mod choice;
mod compare;
mod embedded;
mod execute;
mod filter;
mod history;
mod live;
mod live_state;
mod operation;
mod options;
mod order;
mod prepare;
mod project;
mod reconciler;
mod requested;
mod settings;

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;

pub use cascade::Deleted;
pub use choice::{ChoiceError, Chosen, DriverChoice, choose};
pub use compare::{Comparison, ResourceComparison};
pub use embedded::EmbeddedDriver;
pub use filter::{FilteredResource, ResourceFilter};
pub use history::{ApplicationRecord, HistoryEntry, HistoryStore, Hold, MemoryHistory};
pub use live::LiveCache;
pub use options::DriverOptions;
pub use reconciler::{Pass, Reconciler, ReconcilerOptions};
pub use settings::{ArgoSettings, SettingsError};

use crate::cluster::ClusterError;
use crate::model::{Application, OperationPhase};
use crate::render::Rendered;
use crate::report::{ApplicationReport, Event, Reporter};

/// An Application with the manifests it shall have.
#[derive(Clone, Debug)]
pub struct Target {
    /// The Application.
    pub application: Application,
    /// Its manifests.
    pub rendered: Rendered,
    /// The commit they were rendered from.
    pub revision: String,
}

impl Target {
    /// Namespace of its destination.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.application.spec.destination.namespace
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.application.metadata.name
    }
}

/// How a sync is done. Make it with [`SyncOptions::new`], then change what is to be different.
#[derive(Clone, Copy, Debug)]
pub struct SyncOptions {
    /// Longest wait for all Applications to become healthy.
    pub timeout: Duration,
    /// Delete what left Git; `None`: as the Application's automated policy says.
    pub prune: Option<bool>,
    /// Somebody asks for it: sync windows with `manualSync` let it through.
    pub manual: bool,
    /// Leave an Application alone that somebody holds. Only the rollback that sets the hold may move it.
    pub keep_holds: bool,
}

impl SyncOptions {
    /// A sync that somebody asks for.
    #[must_use]
    pub fn new(timeout: Duration) -> Self {
        Self { timeout, prune: None, manual: true, keep_holds: true }
    }
}

/// Carries out syncs and tells how Applications are.
#[async_trait]
pub trait SyncDriver: Debug + Send + Sync {
    /// `embedded`, `argocd`.
    fn name(&self) -> &str;

    /// How Applications compare with the cluster, in the order given. Changes nothing.
    async fn compare(&self, targets: &[Target]) -> Result<Vec<Comparison>, ClusterError>;

    /// Brings Applications to what they shall be and waits until they are healthy, have failed, or the time is over. Each
    /// report says which; an Application that is Synced and Healthy already is left alone.
    async fn sync(
        &self,
        targets: Vec<Target>,
        options: SyncOptions,
        reporter: &dyn Reporter,
    ) -> Result<Vec<ApplicationReport>, ClusterError>;
}

/// Tells how an Application is; `message` counts before the health's own.
fn announce(
    target: &Target,
    comparison: &Comparison,
    phase: Option<OperationPhase>,
    message: &str,
    reporter: &dyn Reporter,
) {
    reporter.report(&Event::Application {
        name: target.name().into(),
        sync: comparison.sync,
        health: comparison.health.status,
        phase,
        message: if message.is_empty() { comparison.health.message.clone() } else { message.into() },
    });
}
