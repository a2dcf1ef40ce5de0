//! Who carries a sync out: [`SyncDriver`]. The built-in one, [`EmbeddedDriver`], is a GitOps engine in this process.

pub mod app_status;
pub mod argocd;
mod choice;
mod compare;
mod embedded;
mod execute;
mod live;
mod operation;

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;

pub use choice::{ChoiceError, Chosen, DriverChoice, choose};
pub use compare::{Comparison, ResourceComparison};
pub use embedded::{DriverOptions, EmbeddedDriver};
pub use live::LiveCache;

use crate::cluster::ClusterError;
use crate::model::Application;
use crate::render::Rendered;
use crate::report::{ApplicationReport, Reporter};

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

/// How far a sync goes.
#[derive(Clone, Copy, Debug)]
pub struct SyncOptions {
    /// Longest wait for all Applications to become healthy.
    pub timeout: Duration,
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
