//! Approve: somebody says yes to exactly this plan.

use async_trait::async_trait;

use super::{Approval, Run, Stage, StageDone, StageError};

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
        if plan.is_empty() {
            return Ok(StageDone::skipped("nothing to approve"));
        }
        let environment = &run.prepared()?.environment;
        let must_type = environment.production.then_some(environment.name.as_str());
        match run.services.approver.approve(plan, must_type).await {
            Approval::Yes => Ok(StageDone::done(format!("plan {} approved", plan.digest()))),
            Approval::No(reason) => Err(StageError::refused(format!("not approved: {reason}"))),
        }
    }
}
