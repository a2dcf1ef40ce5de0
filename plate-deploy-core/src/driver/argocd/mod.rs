//! Handing the sync to an Argo CD that runs in the cluster: refresh its Applications right after the push, start their
//! operations, follow them, and explain what holds them back.
//!
//! The plan is still made by the embedded engine, so that it looks the same whoever carries it out; what is written to
//! the cluster here are Application objects only.

mod applications;
mod explain;
mod installation;
mod operate;
mod progress;
mod report;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use tokio::time::Instant;

pub use installation::{Component, Installation};

use super::order::wave;
use super::{Comparison, EmbeddedDriver, SyncDriver, SyncOptions, Target};
use crate::cluster::ClusterError;
use crate::report::{ApplicationReport, Reporter};

/// How Argo CD is asked.
#[derive(Clone, Debug)]
pub struct ArgoCdOptions {
    /// Refresh with Argo CD's manifest cache thrown away (`hard`). Default: no.
    pub hard_refresh: bool,
    /// Who operations are started by. Default: `plate-deploy`.
    pub initiator: String,
    /// How long a refresh may take before Argo CD counts as not reconciling. Default: 60 s.
    pub refresh_timeout: Duration,
}

impl Default for ArgoCdOptions {
    fn default() -> Self {
        Self { hard_refresh: false, initiator: "plate-deploy".into(), refresh_timeout: Duration::from_secs(60) }
    }
}

/// Lets an Argo CD in the cluster sync.
#[derive(Debug)]
pub struct ArgoCdDriver {
    engine: Arc<EmbeddedDriver>,
    installation: Installation,
    options: ArgoCdOptions,
    /// Numbers the operations of this driver, so that each is known again in the Application's status.
    operations: AtomicU64,
}

impl ArgoCdDriver {
    /// Over an installation that was found; `engine` compares, and its watches show the Applications.
    #[must_use]
    pub fn new(engine: Arc<EmbeddedDriver>, installation: Installation, options: ArgoCdOptions) -> Self {
        Self { engine, installation, options, operations: AtomicU64::new(0) }
    }

    /// The Argo CD that is asked.
    #[must_use]
    pub fn installation(&self) -> &Installation {
        &self.installation
    }
}

#[async_trait]
impl SyncDriver for ArgoCdDriver {
    fn name(&self) -> &str {
        "argocd"
    }

    async fn compare(&self, targets: &[Target]) -> Result<Vec<Comparison>, ClusterError> {
        self.engine.compare(targets).await
    }

    async fn sync(
        &self,
        targets: Vec<Target>,
        options: SyncOptions,
        reporter: &dyn Reporter,
    ) -> Result<Vec<ApplicationReport>, ClusterError> {
        let deadline = Instant::now() + options.timeout;
        let mut findings = self.bring_applications(&targets, deadline, reporter).await?;
        let mut waves: BTreeMap<i64, Vec<(usize, &Target)>> = BTreeMap::new();
        for (n, target) in targets.iter().enumerate() {
            waves.entry(wave(target)).or_default().push((n, target));
        }
        let mut reports: BTreeMap<usize, ApplicationReport> = BTreeMap::new();
        for (_, wave) in waves {
            let syncs = wave.iter().map(|(_, target)| self.sync_one(target, deadline, reporter));
            for ((n, target), report) in wave.iter().zip(join_all(syncs).await) {
                let mut report = report?;
                report.problems.extend(findings.remove(target.name()).into_iter().flatten());
                reports.insert(*n, report);
            }
        }
        Ok(reports.into_values().collect())
    }
}
