//! Approve: somebody says yes to exactly this plan.

use async_trait::async_trait;

use super::recover::{commit_of, state_error};
use super::{Approval, Moment, Run, Stage, StageDone, StageError, Verb};
use crate::report::DeployPlan;
use crate::state::{JournalEvent, JournalRecord};

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Approve;

#[async_trait]
impl Stage for Approve {
    fn name(&self) -> &str {
        "approve"
    }

    async fn run(&self, run: &mut Run) -> Result<StageDone, StageError> {
        let plan =
            run.plan.as_ref().ok_or_else(|| StageError::failed("this stage needs the plan stage to run first"))?;
        if plan.is_empty() && !run.writes_anyway() {
            return Ok(StageDone::skipped("nothing to approve"));
        }
        if approved_before(run).await? {
            let id = &run.request.id;
            return Ok(StageDone::done(format!("run {id} was approved before it was cut off")));
        }
        ask(run).await?;
        let digest = run.plan.as_ref().map(DeployPlan::digest).unwrap_or_default();
        Ok(StageDone::done(format!("plan {digest} approved")))
    }
}

/// Asks for the plan as it is now, and writes the answer down.
pub(super) async fn ask(run: &mut Run) -> Result<(), StageError> {
    let prepared = run.prepared()?;
    let environment = &prepared.environment;
    let must_type = environment.production || matches!(run.request.verb, Verb::Delete { .. });
    let must_type = must_type.then_some(environment.name.as_str());
    let plan = run.plan.as_ref().ok_or_else(|| StageError::failed("there is no plan to approve"))?;
    if let Approval::No(reason) = run.services.approver.approve(plan, must_type).await {
        return Err(StageError::refused(format!("not approved: {reason}")));
    }
    let event = JournalEvent::Approved {
        digest: plan.digest(),
        base: prepared.base.to_string(),
        edits: !prepared.edits.is_empty(),
    };
    run.journal(event)?;
    run.notify(Moment::Approved).await;
    Ok(())
}

/// Asks again when the plan does something else than the one that was approved, and the environment is production.
/// Which commit it starts from does not count.
pub(super) async fn ask_if_changed(run: &mut Run, approved: Option<&DeployPlan>) -> Result<(), StageError> {
    let strip = |plan: &DeployPlan| DeployPlan { revision: String::new(), ..plan.clone() };
    let same = approved.map(strip) == run.plan.as_ref().map(strip);
    let production = run.prepared()?.environment.production;
    if same || !production { Ok(()) } else { ask(run).await }
}

impl Run {
    /// Writes a step of the run down; it is on the disk when this returns.
    ///
    /// # Errors
    /// When it cannot be written: then what it announces must not be done.
    pub(super) fn journal(&self, event: JournalEvent) -> Result<(), StageError> {
        let Some(state) = self.services.safety.state.as_ref().filter(|_| !self.request.dry_run) else { return Ok(()) };
        let record = JournalRecord { run: self.request.id.clone(), at: self.services.clock.now(), event };
        state.journal.append(&record).map_err(state_error)
    }

    /// Whether the run does something even when no object and no file changes.
    pub(super) fn writes_anyway(&self) -> bool {
        let holds = matches!(self.request.verb, Verb::Rollback { .. } | Verb::Restore { .. });
        holds || (self.request.release_hold && self.hold.is_some())
    }
}

/// Whether somebody approved this run before it was cut off, and the branch is still where it was then, or has the run's
/// own commit on top.
async fn approved_before(run: &Run) -> Result<bool, StageError> {
    let Some((digest, base, _)) = run.resumed.as_ref().and_then(|resumed| resumed.approved.as_ref()) else {
        return Ok(false);
    };
    let prepared = run.prepared()?;
    if run.plan.as_ref().is_some_and(|plan| plan.digest() == *digest) || prepared.base.to_string() == *base {
        return Ok(true);
    }
    let own = commit_of(&*run.services.git, prepared.base, &run.request.id).await.map_err(StageError::failed)?;
    Ok(own.is_some_and(|own| own.id == prepared.base && own.parents.iter().any(|parent| parent.to_string() == *base)))
}
