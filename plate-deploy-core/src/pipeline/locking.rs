//! Lock: from here on nobody else deploys to the environment.

use std::sync::Arc;

use async_trait::async_trait;

use super::approve::ask_if_changed;
use super::check::Check;
use super::plan::Plan;
use super::preflight::Preflight;
use super::validate::Validate;
use super::{Run, Stage, StageDone, StageError};
use crate::lock::{DeployLock, LockError, LockRequest};
use crate::report::Event;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lock;

#[async_trait]
impl Stage for Lock {
    fn name(&self) -> &str {
        "lock"
    }

    async fn run(&self, run: &mut Run) -> Result<StageDone, StageError> {
        let nothing = run.plan.as_ref().is_some_and(crate::report::DeployPlan::is_empty);
        // A run that was cut off left its lock behind, even when nothing else is left to do.
        if nothing && !run.writes_anyway() && run.resumed.is_none() {
            return Ok(StageDone::skipped("nothing to change"));
        }
        if run.lock.is_some() {
            return Ok(StageDone::skipped("held by the run that this one belongs to"));
        }
        let locks = DeployLock::new(
            Arc::clone(&run.services.cluster),
            Arc::clone(&run.services.clock),
            run.services.safety.lock.clone(),
        );
        let environment = run.environment().to_owned();
        let request = lock_request(run, &environment);
        let reporter = Arc::clone(&run.services.reporter);
        let waiting = |held: &LockError| reporter.report(&Event::Note { text: format!("waiting: {held}") });
        let held = locks.acquire(&request, waiting).await.map_err(refusal)?;
        run.lock = Some(held);
        let now = locks.read(&environment).await.map_err(refusal)?;
        // The Lease changed by more than our own write: somebody else deployed since the plan was made.
        let before = run.lease_version.clone().unwrap_or_default();
        let mine_only = now.is_some_and(|lease| lease.previous_version == before);
        if mine_only {
            return Ok(StageDone::done(format!("{environment} is ours (run {})", run.request.id)));
        }
        look_again(run).await?;
        Ok(StageDone::done(format!(
            "{environment} is ours (run {}); somebody else deployed meanwhile, planned again",
            run.request.id
        )))
    }
}

/// What the run asks of the lock.
pub(super) fn lock_request(run: &Run, environment: &str) -> LockRequest {
    LockRequest {
        environment: environment.to_owned(),
        run: run.request.id.clone(),
        dead_runs: run.dead_runs.clone(),
        who: run.services.safety.who.clone(),
        what: format!("{} {environment}", run.request.verb.word()),
        timeout: run.request.lock.timeout,
        break_reason: run.request.lock.break_reason.clone(),
    }
}

/// Makes the plan again, now that nobody else changes what it is made from; in production it is approved again when it
/// has become another one.
async fn look_again(run: &mut Run) -> Result<(), StageError> {
    let before = run.plan.clone();
    let stages: [&dyn Stage; 4] = [&Preflight, &Validate, &Plan, &Check];
    for stage in stages {
        stage.run(run).await?;
    }
    ask_if_changed(run, before.as_ref()).await
}

pub(super) fn refusal(error: LockError) -> StageError {
    let held = matches!(error, LockError::Held { .. });
    let error_text = error.to_string();
    match error {
        LockError::Cluster { error, .. } if error.is_forbidden() => {
            StageError::refused(error_text).remedy("have the right to get, create and update Leases granted")
        }
        LockError::Cluster { .. } => StageError::failed(error_text),
        _ if held => StageError::refused(error_text).remedy(
            "wait for it (--lock-timeout 10m; the lock of a run that died expires by itself), or take it with \
             --break-lock --reason WHY",
        ),
        _ => StageError::refused(error_text),
    }
}
