//! One step of a sync, as Argo CD's `syncContext.Sync` takes it: dry run, health of what runs, waiting, the next wave.

use crate::model::{HealthCode, OperationPhase, ResultCode, SyncPhase};

use super::execute::RunState;
use super::journal::Draft;
use super::namespace;
use super::operation::{Outcome, WaveApplied};
use super::request::MissingKinds;
use super::run::{Flow, Run};
use super::task::Task;

/// Hooks that have ended and have a live object, by what their deletion waits for.
pub(super) struct HooksToDelete {
    pub(super) on_success: Vec<usize>,
    pub(super) on_failure: Vec<usize>,
}

impl Run<'_> {
    /// Takes the step.
    pub(super) fn step(&mut self) -> Flow {
        if !self.valid {
            self.refuse();
            return Ok(());
        }
        if self.results.is_empty() {
            if let Some(refusal) = self.too_many_prunes() {
                self.set_phase(OperationPhase::Failed, refusal);
                return Ok(());
            }
            if !self.dry_run_all()? {
                return Ok(());
            }
        }
        self.wet = true;
        self.assess_running();
        if self.wait_for_running()? {
            return Ok(());
        }
        let all = self.all();
        let going = self.filter(&all, Task::is_being_deleted);
        if !going.is_empty() {
            self.set_waiting(&going, true);
            return Ok(());
        }
        self.release_completed_hooks()?;
        let ended = |task: &Task| task.is_hook() && !task.is_running();
        let deletions = HooksToDelete {
            on_success: self.filter(&all, |task| ended(task) && task.delete_on_success()),
            on_failure: self.filter(&all, |task| ended(task) && task.delete_on_failure()),
        };
        let (fail_hooks, tasks): (Vec<usize>, Vec<usize>) =
            all.into_iter().partition(|&index| self.task(index).phase == SyncPhase::SyncFail);
        if self.any(&tasks, Task::has_failed) {
            let failed = self.sync_failed(&tasks);
            self.delete_hooks(&deletions.on_failure)?;
            self.fail(&fail_hooks, &failed, "one or more synchronization tasks completed unsuccessfully")?;
            return Ok(());
        }
        self.next_wave(&tasks, &fail_hooks, &deletions)
    }

    /// Ends the sync because a task's kind is unknown or not permitted.
    fn refuse(&mut self) {
        let failed = self.results.iter().filter(|result| result.status == Some(ResultCode::SyncFailed));
        let mut reasons: Vec<&str> =
            failed.map(|result| result.message.as_str()).filter(|reason| !reason.is_empty()).collect();
        reasons.sort_unstable();
        reasons.dedup();
        let mut message = String::from("one or more synchronization tasks are not valid");
        if !reasons.is_empty() {
            message = format!("{message}: {}", reasons.join("; "));
        }
        self.set_phase(OperationPhase::Failed, message);
    }

    /// The dry run of everything, once per operation. The application's Namespace is really created before it, since
    /// nothing validates without. `false`: the sync has ended.
    fn dry_run_all(&mut self) -> Flow<bool> {
        let mut tasks = self.all();
        let name = self.request.namespace.as_str();
        let creation = tasks.iter().copied().find(|&index| {
            let task = self.task(index);
            task.live.is_none() && task.target.as_deref().is_some_and(|object| namespace::is_named(object, name))
        });
        if let Some(index) = creation {
            if self.run_tasks(&[index], false)? == RunState::Failed {
                self.fail(&[], &[index], "the namespace failed to apply")?;
                return Ok(false);
            }
            tasks.retain(|&other| other != index);
        }
        let tasks = self.out_of_sync(&tasks);
        if self.run_tasks(&tasks, true)? == RunState::Failed {
            self.set_phase(OperationPhase::Failed, "one or more objects failed to apply (dry run)");
            return Ok(false);
        }
        Ok(true)
    }

    /// With `ApplyOutOfSyncOnly=true`: hooks, and objects that differ, are new, or are to be pruned.
    fn out_of_sync(&self, tasks: &[usize]) -> Vec<usize> {
        if !self.settings.out_of_sync_only {
            return tasks.to_vec();
        }
        self.filter(tasks, |task| {
            let unmodified = self.modified.get(&task.live_key()) == Some(&false);
            task.is_hook() || task.is_prune() || task.live.is_none() || !unmodified
        })
    }

    /// Takes over the health of what was applied in earlier steps.
    fn assess_running(&mut self) {
        for index in self.all() {
            let task = self.task(index);
            let Some(live) = task.live.clone().filter(|_| task.is_running()) else { continue };
            let status = task.status;
            if task.is_hook() {
                match self.hook_phase(&live) {
                    Ok((phase, message)) => self.note(index, status, Some(phase), &message),
                    Err(error) => self.note_error(index, &format!("failed to get resource health: {error}")),
                }
                continue;
            }
            match self.rules.health(&live) {
                Ok(None) => self.note(index, status, Some(OperationPhase::Succeeded), ""),
                Ok(Some(health)) => match health.status {
                    HealthCode::Healthy => {
                        self.note(index, status, Some(OperationPhase::Succeeded), &health.message);
                    }
                    HealthCode::Degraded => self.note(index, status, Some(OperationPhase::Failed), &health.message),
                    _ => {}
                },
                // Argo CD goes on waiting where the health of an object cannot be told.
                Err(_) => {}
            }
        }
    }

    /// Waits for running tasks: for hooks always, for objects when there is more than one wave. `true`: it waits.
    fn wait_for_running(&mut self) -> Flow<bool> {
        let all = self.all();
        let several_waves = match (self.tasks.first(), self.tasks.last()) {
            (Some(first), Some(last)) => (first.phase, first.wave) != (last.phase, last.wave),
            _ => false,
        };
        let mut running = self.filter(&all, |task| task.is_running() && (several_waves || task.is_hook()));
        if self.request.behaviour.fail_fast
            && self.any(&all, |task| task.has_failed() && task.phase != SyncPhase::SyncFail)
        {
            let hooks = self.filter(&running, |task| task.phase != SyncPhase::SyncFail);
            self.terminate_hooks(&hooks)?;
            running = self.filter(&running, |task| task.phase == SyncPhase::SyncFail);
        }
        if running.is_empty() || self.must_finish_wave(&all) {
            return Ok(false);
        }
        self.fail_vanished(&running)?;
        self.set_waiting(&running, false);
        Ok(true)
    }

    /// Whether a wave was left half applied by an interruption. The rest goes first: what was applied may need it to
    /// become healthy (a volume claim waits for its pod).
    fn must_finish_wave(&self, all: &[usize]) -> bool {
        let place = |task: &Task| (task.phase, task.wave);
        let pending = || all.iter().map(|&index| self.task(index)).find(|task| task.is_pending());
        self.interrupted
            && !self.any(all, Task::has_failed)
            && pending().is_some_and(|next| self.any(all, |task| task.is_running() && place(task) == place(next)))
    }

    /// Running objects that are not in the live view are looked for in the cluster: one that is gone has failed, or
    /// the sync would wait for it for ever.
    fn fail_vanished(&mut self, running: &[usize]) -> Flow {
        let unseen = self.filter(running, |task| task.live.is_none());
        let drafts = unseen.iter().map(|&index| Draft::read(self.task(index))).collect();
        let outcomes = self.journal.perform(drafts)?;
        for (index, outcome) in unseen.into_iter().zip(outcomes) {
            match outcome {
                Outcome::Failed { message } => {
                    self.note_error(index, &format!("Failed to get live resource failed to get resource: {message}"));
                }
                Outcome::NotFound => {
                    let key = self.task(index).key();
                    let message = format!(
                        "Resource {}/{}/{} is missing, it might have been deleted",
                        key.group, key.kind, key.name
                    );
                    self.note(index, Some(ResultCode::SyncFailed), Some(OperationPhase::Error), &message);
                }
                Outcome::Found { .. } | Outcome::Done { .. } => {}
            }
        }
        Ok(())
    }

    /// Runs the first wave that is left.
    fn next_wave(&mut self, tasks: &[usize], fail_hooks: &[usize], deletions: &HooksToDelete) -> Flow {
        let pending = self.filter(tasks, Task::is_pending);
        let pending = self.out_of_sync(&pending);
        let (Some(&first), Some(&last)) = (pending.first(), pending.last()) else {
            self.delete_hooks(&deletions.on_success)?;
            self.set_phase(OperationPhase::Succeeded, "successfully synced (no more tasks)");
            return Ok(());
        };
        let place = |run: &Self, index: usize| (run.task(index).phase, run.task(index).wave);
        let (phase, wave) = place(self, first);
        let is_last = (phase, wave) == place(self, last);
        let (now, later): (Vec<usize>, Vec<usize>) =
            pending.into_iter().partition(|&index| place(self, index) == (phase, wave));
        if self.awaits_kinds(&now) {
            return Ok(());
        }
        self.set_phase(OperationPhase::Running, "one or more tasks are running");
        let state = self.run_tasks(&now, false)?;
        if state != RunState::Failed
            && let Err(error) = self.journal.announce(WaveApplied { phase, wave, last: is_last })?
        {
            self.terminate_hooks(&now)?;
            self.set_phase(OperationPhase::Error, format!("SyncWaveHook failed: {error}"));
            return Ok(());
        }
        match state {
            RunState::Failed => self.wave_failed(&now, fail_hooks, deletions),
            RunState::Successful if later.is_empty() && !self.any(&now, Task::is_hook) && !self.hook_runs(tasks) => {
                // The health of the last wave's objects is not awaited.
                self.delete_hooks(&deletions.on_success)?;
                self.set_phase(OperationPhase::Succeeded, "successfully synced (all tasks run)");
                Ok(())
            }
            RunState::Successful => {
                let waiting = if self.interrupted { self.filter(tasks, Task::is_running) } else { now };
                self.set_waiting(&waiting, false);
                Ok(())
            }
            RunState::Pending => {
                let waiting =
                    self.filter(&now, |task| task.delete_before_creation() || (task.is_prune() && task.is_pending()));
                self.set_waiting(&waiting, true);
                Ok(())
            }
        }
    }

    /// Whether a hook runs, of this wave or, after an interruption, of its part applied before.
    fn hook_runs(&self, tasks: &[usize]) -> bool {
        self.any(tasks, |task| task.is_hook() && task.is_running())
    }

    /// [`MissingKinds::Await`]: holds a wave back while one of its kinds is not served and nothing in this sync
    /// defines it.
    fn awaits_kinds(&mut self, wave: &[usize]) -> bool {
        if self.request.behaviour.missing_kinds != MissingKinds::Await {
            return false;
        }
        let unserved = self.filter(wave, |task| task.skip_dry_run && task.namespaced.is_none());
        let Some(&first) = unserved.first() else { return false };
        let gvk = self.task(first).gvk();
        let message = format!("waiting for the API server to serve {} {}", gvk.api_version(), gvk.kind);
        self.set_phase(OperationPhase::Running, message);
        self.waiting_for = unserved.iter().map(|&index| self.task(index).api_key()).collect();
        true
    }
}
