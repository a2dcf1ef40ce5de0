//! When a sync fails: SyncFail hooks, waiting for what still runs, the reasons.

use crate::model::{OperationPhase, ResultCode};

use super::run::{Flow, Run};
use super::step::HooksToDelete;
use super::task::Task;

const APPLY_FAILED: &str = "one or more objects failed to apply";

impl Run<'_> {
    /// The ones of `from` that could not be synced.
    pub(super) fn sync_failed(&self, from: &[usize]) -> Vec<usize> {
        self.filter(from, |task| task.status == Some(ResultCode::SyncFailed))
    }

    /// A wave with an object that could not be applied. What still runs is waited for; SyncFail hooks start at once.
    pub(super) fn wave_failed(&mut self, wave: &[usize], fail_hooks: &[usize], deletions: &HooksToDelete) -> Flow {
        let failed = self.sync_failed(wave);
        let mut running = self.filter(wave, Task::is_running);
        if running.is_empty() {
            if self.fail(fail_hooks, &failed, APPLY_FAILED)? {
                self.delete_hooks(&deletions.on_failure)?;
            }
            return Ok(());
        }
        if !fail_hooks.is_empty() && !self.fail(fail_hooks, &failed, APPLY_FAILED)? {
            running.extend_from_slice(fail_hooks);
        }
        self.set_waiting(&running, false);
        Ok(())
    }

    /// Fails the sync, once its SyncFail hooks have run. They start all at once, whatever their waves. `true`: failed;
    /// `false`: the hooks run.
    pub(super) fn fail(&mut self, fail_hooks: &[usize], failed: &[usize], message: &str) -> Flow<bool> {
        let mut message = self.with_reasons(message, failed);
        if fail_hooks.iter().all(|&index| self.task(index).is_completed()) {
            let failed_hooks = self.sync_failed(fail_hooks);
            if !failed_hooks.is_empty() {
                let hooks = self.with_reasons("one or more SyncFail hooks failed", &failed_hooks);
                message = format!("{message}\n{hooks}");
            }
            self.set_phase(OperationPhase::Failed, message);
            return Ok(true);
        }
        let pending = self.filter(fail_hooks, |task| !task.is_completed() && !task.is_running());
        self.run_tasks(&pending, false)?;
        self.set_waiting(&pending, false);
        Ok(false)
    }

    /// The message with the tasks' distinct messages, sorted (Argo CD leaves their order open).
    fn with_reasons(&self, message: &str, tasks: &[usize]) -> String {
        let mut reasons: Vec<&str> = tasks.iter().map(|&index| self.task(index).message.as_str()).collect();
        reasons.sort_unstable();
        reasons.dedup();
        if reasons.is_empty() { message.to_owned() } else { format!("{message}, reason: {}", reasons.join(",")) }
    }
}
