//! One deploy at a time to an environment, whoever runs it from wherever: a Lease in the cluster.
//!
//! The rules are client-go's leader election's: whoever holds the Lease renews it; it is taken over when it has not been
//! renewed for its duration *as seen by the one who waits*, on a clock that no change of the time of day moves; every
//! write carries the resource version that was read, so that of two only one succeeds. The Lease also keeps the
//! environment's [`Hold`] between runs.

mod held;
mod lease;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

pub use held::Held;
pub use lease::{Hold, LeaseState};

use crate::clock::Clock;
use crate::cluster::{ClusterBackend, ClusterError, ObjectRef, WriteOptions};
use crate::model::GroupVersionKind;
use jiff::Timestamp;
use tokio::time::Instant;

/// Wait after an answer that a passing trouble gave.
const TRY_AGAIN: Duration = Duration::from_millis(100);

/// How Leases are kept.
#[derive(Clone, Debug)]
pub struct LockSettings {
    /// Namespace of the Leases. Default: `default`, which every cluster has.
    pub namespace: String,
    /// A Lease that was not renewed for this long may be taken over. Default: 30 seconds; renewed three times as often.
    pub duration: Duration,
}

impl Default for LockSettings {
    fn default() -> Self {
        Self { namespace: "default".into(), duration: Duration::from_secs(30) }
    }
}

/// Who wants the lock, for what.
#[derive(Clone, Debug, Default)]
pub struct LockRequest {
    /// The environment.
    pub environment: String,
    /// The run.
    pub run: String,
    /// Runs of ours that are known to be dead: their lock is ours.
    pub dead_runs: BTreeSet<String>,
    /// Who: a person or a machine.
    pub who: String,
    /// What for: `deploy staging`.
    pub what: String,
    /// How long to wait for another holder. Default: not at all.
    pub timeout: Duration,
    /// Take it from its holder at once, for this reason, which is recorded in the Lease.
    pub break_reason: Option<String>,
}

/// Why there is no lock.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Somebody else has it.
    #[error("{environment} is locked by {who} since {since} for {what:?} (run {run})")]
    Held {
        /// The environment.
        environment: String,
        /// Who holds it.
        who: String,
        /// Since when.
        since: String,
        /// For what.
        what: String,
        /// Their run.
        run: String,
    },
    /// It was ours and was taken, or could not be renewed in time.
    #[error("the lock on {environment} was lost: {reason}")]
    Lost {
        /// The environment.
        environment: String,
        /// How.
        reason: String,
    },
    /// The cluster cannot keep it.
    #[error("the lock on {environment}: {error}")]
    Cluster {
        /// The environment.
        environment: String,
        /// Why.
        error: ClusterError,
    },
}

/// Keeps the Leases of a cluster.
#[derive(Clone, Debug)]
pub struct DeployLock {
    cluster: Arc<dyn ClusterBackend>,
    clock: Arc<dyn Clock>,
    settings: LockSettings,
}

impl DeployLock {
    /// The locks of this cluster.
    #[must_use]
    pub fn new(cluster: Arc<dyn ClusterBackend>, clock: Arc<dyn Clock>, settings: LockSettings) -> Self {
        Self { cluster, clock, settings }
    }

    fn at(&self, environment: &str) -> ObjectRef {
        ObjectRef {
            kind: GroupVersionKind::parse("coordination.k8s.io/v1", "Lease"),
            namespace: self.settings.namespace.clone(),
            name: format!("plate-deploy-{environment}"),
        }
    }

    /// The Lease as it is; `None`: there was never one.
    ///
    /// # Errors
    /// [`LockError::Cluster`].
    pub async fn read(&self, environment: &str) -> Result<Option<LeaseState>, LockError> {
        let found = self.cluster.get(&self.at(environment)).await.map_err(cluster_error(environment))?;
        Ok(found.as_ref().map(LeaseState::of))
    }

    /// Takes the lock and renews it in the background until the value is released or dropped. `waiting` is told once
    /// who is waited for.
    ///
    /// # Errors
    /// [`LockError::Held`] when somebody else keeps it for longer than the request waits.
    pub async fn acquire(&self, request: &LockRequest, waiting: impl Fn(&LockError)) -> Result<Held, LockError> {
        let environment = request.environment.as_str();
        let deadline = Instant::now() + request.timeout;
        // Version of the foreign Lease that was seen last, and since when it has not changed.
        let mut seen: Option<(String, Instant)> = None;
        loop {
            let current = match self.read(environment).await {
                Err(LockError::Cluster { error, .. }) if error.is_transient() && Instant::now() < deadline => {
                    tokio::time::sleep(TRY_AGAIN).await;
                    continue;
                }
                other => other?,
            };
            let foreign = current.as_ref().filter(|lease| !self.is_free(lease, request, seen.as_ref()));
            let Some(lease) = foreign else {
                match self.take(current.as_ref(), request).await {
                    Ok(held) => return Ok(held),
                    // Somebody was faster: look who.
                    Err(error) if error.is_conflict() || error.is_already_exists() => continue,
                    Err(error) if error.is_transient() && Instant::now() < deadline => {
                        tokio::time::sleep(TRY_AGAIN).await;
                        continue;
                    }
                    Err(error) => return Err(cluster_error(environment)(error)),
                }
            };
            let held = held_by(environment, lease);
            if seen.as_ref().is_none_or(|(version, _)| *version != lease.version) {
                if seen.is_none() && Instant::now() < deadline {
                    waiting(&held);
                }
                seen = Some((lease.version.clone(), Instant::now()));
            }
            if Instant::now() >= deadline {
                return Err(held);
            }
            let pause = (self.settings.duration / 20).clamp(Duration::from_millis(20), Duration::from_secs(1));
            tokio::time::sleep(pause.min(deadline.saturating_duration_since(Instant::now()))).await;
        }
    }

    /// Who has the lock now, if that is neither us nor nobody. A look only: it may change at any time.
    #[must_use]
    pub fn foreign(lease: &LeaseState, request: &LockRequest) -> Option<LockError> {
        let ours = lease.holder.is_empty() || lease.run == request.run || request.dead_runs.contains(&lease.run);
        (!ours).then(|| held_by(&request.environment, lease))
    }

    /// Whether a Lease may be taken: nobody holds it, it is ours, it is to be broken, or it was not renewed for as long
    /// as its holder promised to renew it within.
    fn is_free(&self, lease: &LeaseState, request: &LockRequest, seen: Option<&(String, Instant)>) -> bool {
        let expired = seen.is_some_and(|(version, since)| *version == lease.version && since.elapsed() > lease.duration);
        Self::foreign(lease, request).is_none() || expired || request.break_reason.is_some()
    }

    async fn take(&self, current: Option<&LeaseState>, request: &LockRequest) -> Result<Held, ClusterError> {
        let now = self.clock.now();
        let lease = LeaseState::taken(current, request, self.settings.duration, now);
        let object = lease.object(&self.at(&request.environment))?;
        let options = WriteOptions::default();
        let stored = match current {
            None => self.cluster.create(&object, &options).await?,
            Some(_) => self.cluster.replace(&object, &options).await?,
        };
        let at = self.at(&request.environment);
        Ok(Held::start(Arc::clone(&self.cluster), Arc::clone(&self.clock), at, LeaseState::of(&stored), request))
    }
}

fn cluster_error(environment: &str) -> impl Fn(ClusterError) -> LockError + use<> {
    let environment = environment.to_owned();
    move |error| LockError::Cluster { environment: environment.clone(), error }
}

fn held_by(environment: &str, lease: &LeaseState) -> LockError {
    LockError::Held {
        environment: environment.into(),
        who: lease.holder.clone(),
        since: lease.since.map_or_else(|| "an unknown time".into(), |t: Timestamp| format!("{t:.0}")),
        what: lease.what.clone(),
        run: lease.run.clone(),
    }
}

#[cfg(test)]
mod tests;
