//! Ending hooks: finalizers off, deletions by policy, and the termination of a whole sync.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::OperationPhase;

use super::journal::Draft;
use super::operation::Outcome;
use super::run::{Flow, Run};
use super::task::Task;

impl Run<'_> {
    /// Terminates the sync (Argo CD's `Terminate`): running hooks are ended, everything else stays as it is.
    pub(super) fn terminate(&mut self) -> Flow {
        self.wet = true;
        self.release_completed_hooks()?;
        let all = self.all();
        if self.terminate_hooks(&all)? {
            self.set_phase(OperationPhase::Failed, "Operation terminated");
        } else {
            self.set_phase(OperationPhase::Error, "Operation termination had errors");
        }
        Ok(())
    }

    /// Takes the finalizer off hooks that have ended, also off those that the live view does not show.
    pub(super) fn release_completed_hooks(&mut self) -> Flow {
        let completed = self.filter(&self.all(), |task| task.is_hook() && task.is_completed());
        let unseen = self.filter(&completed, |task| task.live.is_none());
        let drafts = unseen.iter().map(|&index| Draft::read(self.task(index))).collect();
        let mut failures = Vec::new();
        for (index, outcome) in unseen.into_iter().zip(self.journal.perform(drafts)?) {
            match outcome {
                Outcome::Found { object } => self.tasks[index].live = Some(Arc::new(object)),
                Outcome::Failed { message } => {
                    failures.push((index, format!("failed to get resource: failed to get resource: {message}")));
                }
                Outcome::NotFound | Outcome::Done { .. } => {}
            }
        }
        // A hook of two phases has two tasks and one object.
        let mut held = self.filter(&completed, Task::has_hook_finalizer);
        let mut seen = BTreeSet::new();
        held.retain(|&index| seen.insert(self.task(index).api_key()));
        failures.extend(self.take_finalizers(&held)?);
        for (index, error) in failures {
            self.note_error(index, &format!("Failed to remove hook finalizer: {error}"));
        }
        Ok(())
    }

    /// Deletes hooks.
    pub(super) fn delete_hooks(&mut self, hooks: &[usize]) -> Flow {
        let propagation = self.settings.propagation;
        let drafts = hooks.iter().map(|&index| Draft::delete_hook(self.task(index), propagation)).collect();
        for (&index, outcome) in hooks.iter().zip(self.journal.perform(drafts)?) {
            if let Outcome::Failed { message } = outcome {
                self.note_error(index, &format!("failed to delete resource: failed to delete resource: {message}"));
            }
        }
        Ok(())
    }

    /// Ends the running hooks among the tasks before they are done. `false`: one of them could not be ended.
    pub(super) fn terminate_hooks(&mut self, tasks: &[usize]) -> Flow<bool> {
        let mut all_ended = true;
        for index in self.filter(tasks, |task| task.is_hook() && task.is_running()) {
            all_ended &= self.terminate_hook(index)?;
        }
        Ok(all_ended)
    }

    fn terminate_hook(&mut self, index: usize) -> Flow<bool> {
        let status = self.task(index).status;
        if self.task(index).live.is_none() {
            // A hook written in this step has no live object yet.
            match self.perform_one(Draft::read(self.task(index)))? {
                Outcome::Found { object } => self.tasks[index].live = Some(Arc::new(object)),
                Outcome::Failed { message } => {
                    self.note_error(index, &format!("Failed to get live resource: failed to get resource: {message}"));
                    return Ok(false);
                }
                Outcome::NotFound | Outcome::Done { .. } => {}
            }
        }
        let Some(live) = self.task(index).live.clone() else {
            self.note(index, status, Some(OperationPhase::Succeeded), "Terminated");
            return Ok(true);
        };
        // It may have ended since.
        let found = self.hook_phase(&live);
        if let Err(error) = &found {
            self.note_error(index, &format!("Failed to get hook health: {error}"));
        }
        if self.task(index).has_hook_finalizer()
            && let Some((_, error)) = self.take_finalizers(&[index])?.pop()
        {
            self.note_error(index, &format!("Failed to remove hook finalizer: {error}"));
            return Ok(false);
        }
        let still_running = found.as_ref().map_or(true, |(phase, _)| *phase == OperationPhase::Running);
        if still_running || self.task(index).delete_on_failure() {
            let draft = Draft::delete_hook(self.task(index), self.settings.propagation);
            if let Outcome::Failed { message } = self.perform_one(draft)? {
                let message = format!("Failed to delete: failed to delete resource: {message}");
                self.note(index, status, Some(OperationPhase::Failed), &message);
                return Ok(false);
            }
        }
        match found {
            Ok((phase, message)) if phase.completed() => self.note(index, status, Some(phase), &message),
            Ok(_) => self.note(index, status, Some(OperationPhase::Failed), "Terminated"),
            Err(_) => {}
        }
        Ok(true)
    }
}
