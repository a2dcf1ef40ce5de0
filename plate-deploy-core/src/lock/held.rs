//! A lock in our hands: renewed in the background, given back in the end.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{Hold, LeaseState, LockError, LockRequest, TRY_AGAIN};
use crate::clock::Clock;
use crate::cluster::{ClusterBackend, ClusterError, ObjectRef, WriteOptions};

/// How often a change is tried when the renewal gets in between.
const TRIES: usize = 10;

/// The lock. Dropping it stops the renewal, and the Lease expires; [`Held::release`] frees it at once.
#[derive(Debug)]
pub struct Held {
    shared: Arc<Shared>,
    stop: CancellationToken,
    renewal: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    cluster: Arc<dyn ClusterBackend>,
    clock: Arc<dyn Clock>,
    at: ObjectRef,
    environment: String,
    run: String,
    /// How the lock was lost, once it was.
    lost: Mutex<Option<String>>,
    /// Until when the last renewal keeps others out.
    valid_until: Mutex<Instant>,
    duration: std::time::Duration,
}

impl Held {
    pub(super) fn start(
        cluster: Arc<dyn ClusterBackend>,
        clock: Arc<dyn Clock>,
        at: ObjectRef,
        lease: LeaseState,
        request: &LockRequest,
    ) -> Self {
        let shared = Arc::new(Shared {
            cluster,
            clock,
            at,
            environment: request.environment.clone(),
            run: request.run.clone(),
            lost: Mutex::default(),
            valid_until: Mutex::new(Instant::now() + lease.duration),
            duration: lease.duration,
        });
        let stop = CancellationToken::new();
        let renewal = tokio::spawn(renew(Arc::clone(&shared), stop.clone()));
        Self { shared, stop, renewal }
    }

    /// Whether it is still ours. Asked before everything that must not be done by two.
    ///
    /// # Errors
    /// [`LockError::Lost`].
    pub fn check(&self) -> Result<(), LockError> {
        self.shared.check()
    }

    /// Sets or lifts the environment's hold.
    ///
    /// # Errors
    /// [`LockError`] when the lock is no longer ours, or the cluster cannot be written.
    pub async fn set_hold(&self, hold: Option<Hold>) -> Result<(), LockError> {
        self.check()?;
        self.shared.change(|lease| lease.hold.clone_from(&hold)).await
    }

    /// Gives the lock back. The Lease stays, without a holder.
    ///
    /// # Errors
    /// [`LockError::Cluster`] when the cluster cannot be told; then it expires.
    pub async fn release(self) -> Result<(), LockError> {
        self.stop.cancel();
        // A renewal under way must not come after the release.
        let Self { shared, renewal, .. } = &self;
        renewal.abort();
        if shared.lost.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
            return Ok(());
        }
        shared
            .change(|lease| {
                lease.holder.clear();
                lease.run.clear();
                lease.what.clear();
            })
            .await
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Shared {
    fn check(&self) -> Result<(), LockError> {
        let lost = |reason: String| Err(LockError::Lost { environment: self.environment.clone(), reason });
        if let Some(reason) = self.lost.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            return lost(reason);
        }
        let until = *self.valid_until.lock().unwrap_or_else(PoisonError::into_inner);
        if Instant::now() > until {
            return lost("it could not be renewed in time".into());
        }
        Ok(())
    }

    fn lose(&self, reason: String) {
        *self.lost.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
    }

    /// Changes the Lease if it is still ours.
    async fn change(&self, edit: impl Fn(&mut LeaseState)) -> Result<(), LockError> {
        let failed = |error: ClusterError| LockError::Cluster { environment: self.environment.clone(), error };
        let lost = |reason: &str| LockError::Lost { environment: self.environment.clone(), reason: reason.into() };
        for _ in 0..TRIES {
            let before = Instant::now();
            let found = self.cluster.get(&self.at).await.map_err(failed)?;
            let Some(mut lease) = found.as_ref().map(LeaseState::of) else { return Err(lost("somebody deleted it")) };
            if lease.run != self.run {
                return Err(lost(&format!("{} has it now for {:?}", lease.holder, lease.what)));
            }
            lease.renewed = Some(self.clock.now());
            edit(&mut lease);
            let object = lease.object(&self.at).map_err(failed)?;
            match self.cluster.replace(&object, &WriteOptions::default()).await {
                Ok(_) => {
                    *self.valid_until.lock().unwrap_or_else(PoisonError::into_inner) = before + self.duration;
                    return Ok(());
                }
                Err(error) if error.is_conflict() => {}
                Err(error) if error.is_transient() => sleep(TRY_AGAIN).await,
                Err(error) => return Err(failed(error)),
            }
        }
        Err(lost("it could not be changed in several tries"))
    }
}

/// Renews until told to stop, or the lock is lost.
async fn renew(shared: Arc<Shared>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(shared.duration / 3) => {}
        }
        match shared.change(|_| {}).await {
            Err(LockError::Lost { reason, .. }) => return shared.lose(reason),
            // The cluster may come back in time; `check` knows when it did not.
            Ok(()) | Err(_) => {}
        }
    }
}
