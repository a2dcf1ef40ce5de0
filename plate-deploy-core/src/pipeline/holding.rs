//! Hold: a rollback or a restore stays until somebody says that it need not.

use async_trait::async_trait;

use super::{Run, Stage, StageDone, StageError, Verb};
use crate::lock::Hold;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct HoldBack;

#[async_trait]
impl Stage for HoldBack {
    fn name(&self) -> &str {
        "hold"
    }

    async fn run(&self, run: &mut Run) -> Result<StageDone, StageError> {
        let why = match &run.request.verb {
            Verb::Rollback { why, .. } if why.is_empty() => "rolled back".to_owned(),
            Verb::Rollback { why, .. } => why.clone(),
            Verb::Restore { backup, .. } => format!("restored from the backup {backup}"),
            _ if run.request.release_hold && run.hold.is_some() => String::new(),
            _ => return Ok(StageDone::skipped("nothing is held")),
        };
        let Some(lock) = &run.lock else { return Err(StageError::failed("a hold needs the lock")) };
        let hold = (!why.is_empty()).then(|| Hold {
            who: run.services.safety.who.clone(),
            why,
            since: run.started,
            revision: run.revision.clone(),
        });
        lock.set_hold(hold.clone()).await.map_err(StageError::failed)?;
        run.hold.clone_from(&hold);
        Ok(StageDone::done(match hold {
            Some(hold) => format!("{} is {hold}", run.environment()),
            None => format!("the hold of {} is lifted", run.environment()),
        }))
    }
}
