//! Running tasks: finalizers of old hooks, prunes, deletions of old hooks, then writes, kind by kind.

use crate::model::{OperationPhase, ResultCode};

use super::journal::Draft;
use super::operation::Outcome;
use super::run::{Flow, Run};
use super::task::{Task, has_deletion_timestamp};

/// How running a set of tasks went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RunState {
    Successful,
    /// Something is still going away, or waits for confirmation.
    Pending,
    Failed,
}

impl RunState {
    fn failed_if(failed: bool) -> Self {
        if failed { Self::Failed } else { Self::Successful }
    }
}

impl Run<'_> {
    /// Runs tasks, for real or dry. Each part starts only after the one before it went well.
    pub(super) fn run_tasks(&mut self, tasks: &[usize], dry_run: bool) -> Flow<RunState> {
        let dry_run = dry_run || self.settings.dry_run;
        if !dry_run && self.release_old_hooks(tasks)? == RunState::Failed {
            return Ok(RunState::Failed);
        }
        let prunes = self.filter(tasks, Task::is_prune);
        if self.any(&prunes, |task| self.awaits_confirmation(task)) {
            return Ok(RunState::Pending);
        }
        if self.prune_objects(&prunes, dry_run)? == RunState::Failed {
            return Ok(RunState::Failed);
        }
        let writes = self.filter(tasks, |task| !task.is_prune());
        if !dry_run {
            match self.delete_before_creation(&writes)? {
                RunState::Successful => {}
                state => return Ok(state),
            }
        }
        let mut state = RunState::Successful;
        for group in self.by_kind(&writes) {
            if self.write_objects(&group, dry_run)? == RunState::Failed {
                state = RunState::Failed;
            }
        }
        Ok(state)
    }

    /// Takes the finalizer off hooks of an earlier sync, so that they can be deleted.
    fn release_old_hooks(&mut self, tasks: &[usize]) -> Flow<RunState> {
        let old = self.filter(tasks, |task| task.is_hook() && task.is_pending() && task.has_hook_finalizer());
        let failures = self.take_finalizers(&old)?;
        for (index, error) in &failures {
            self.note_error(*index, &format!("failed to remove hook finalizer: {error}"));
        }
        Ok(RunState::failed_if(!failures.is_empty()))
    }

    /// Takes the hook finalizer off live hooks, all at once; the failures, in client-go's words.
    pub(super) fn take_finalizers(&mut self, hooks: &[usize]) -> Flow<Vec<(usize, String)>> {
        let drafts = hooks.iter().map(|&index| Draft::remove_hook_finalizer(self.task(index))).collect();
        let outcomes = self.journal.perform(drafts)?;
        let mut failures = Vec::new();
        for (&index, outcome) in hooks.iter().zip(outcomes) {
            let key = self.task(index).api_key();
            for task in self.tasks.iter_mut().filter(|task| task.is_hook() && task.api_key() == key) {
                task.finalizer_removed = true;
            }
            if let Outcome::Failed { message } = outcome {
                failures.push((index, format!("failed to update resource: failed to update resource: {message}")));
            }
        }
        Ok(failures)
    }

    fn prune_objects(&mut self, prunes: &[usize], dry_run: bool) -> Flow<RunState> {
        let skipped = |run: &Self, index: usize| {
            if !run.settings.prune {
                Some("ignored (requires pruning)")
            } else if run.keeps(run.task(index)) {
                Some("ignored (no prune)")
            } else {
                None
            }
        };
        let deleted: Vec<usize> = prunes
            .iter()
            .copied()
            .filter(|&index| !dry_run && skipped(self, index).is_none())
            .filter(|&index| !self.task(index).live.as_deref().is_some_and(has_deletion_timestamp))
            .collect();
        let propagation = self.settings.propagation;
        let drafts = deleted.iter().map(|&index| Draft::prune(self.task(index), propagation)).collect();
        let mut outcomes = deleted.iter().zip(self.journal.perform(drafts)?).peekable();
        let mut failed = false;
        for &index in prunes {
            let outcome = outcomes.next_if(|(deleted, _)| **deleted == index);
            let (status, message) = match (skipped(self, index), outcome) {
                (Some(reason), _) => (ResultCode::PruneSkipped, reason.to_owned()),
                (None, Some((_, Outcome::Failed { message }))) => (ResultCode::SyncFailed, message),
                (None, _) if dry_run => (ResultCode::Pruned, "pruned (dry run)".to_owned()),
                (None, _) => (ResultCode::Pruned, "pruned".to_owned()),
            };
            failed |= status == ResultCode::SyncFailed;
            self.note_unless_dry(index, dry_run, status, &message);
        }
        Ok(RunState::failed_if(failed))
    }

    /// Deletes hooks of an earlier sync that are to be created again.
    fn delete_before_creation(&mut self, writes: &[usize]) -> Flow<RunState> {
        let old = self.filter(writes, Task::delete_before_creation);
        let propagation = self.settings.propagation;
        let drafts = old.iter().map(|&index| Draft::delete_hook(self.task(index), propagation)).collect();
        let outcomes = self.journal.perform(drafts)?;
        let mut state = RunState::Successful;
        for (&index, outcome) in old.iter().zip(outcomes) {
            match outcome {
                Outcome::NotFound => self.tasks[index].live = None,
                Outcome::Failed { message } => {
                    self.note_error(index, &format!("failed to delete resource: failed to delete resource: {message}"));
                    state = RunState::Failed;
                }
                // It is gone only when the next step does not see it any more.
                _ if state == RunState::Successful => state = RunState::Pending,
                _ => {}
            }
        }
        Ok(state)
    }

    /// Consecutive tasks of one kind; only the kind's name counts, not its group, as in Argo CD.
    fn by_kind(&self, writes: &[usize]) -> Vec<Vec<usize>> {
        writes.chunk_by(|&a, &b| self.task(a).gvk().kind == self.task(b).gvk().kind).map(<[usize]>::to_vec).collect()
    }

    /// Writes the objects of one kind, all at once.
    fn write_objects(&mut self, group: &[usize], dry_run: bool) -> Flow<RunState> {
        let group = self.filter(group, |task| !(dry_run && task.skip_dry_run));
        let migrated = self.migrate_managers(&group, dry_run)?;
        let ready: Vec<usize> =
            group.iter().copied().filter(|index| !migrated.iter().any(|(i, _)| i == index)).collect();
        let drafts = ready.iter().filter_map(|&index| self.write_draft(self.task(index), dry_run)).collect();
        let outcomes = self.journal.perform(drafts)?;
        let mut failed = !migrated.is_empty();
        for (index, message) in migrated {
            self.note_unless_dry(index, dry_run, ResultCode::SyncFailed, &message);
        }
        for (&index, outcome) in ready.iter().zip(outcomes) {
            let (status, message) = match outcome {
                Outcome::Failed { message } => (ResultCode::SyncFailed, message),
                Outcome::NotFound => (ResultCode::SyncFailed, "not found".to_owned()),
                Outcome::Done { message } => (ResultCode::Synced, self.write_message(self.task(index), message)),
                Outcome::Found { .. } => (ResultCode::Synced, String::new()),
            };
            failed |= status == ResultCode::SyncFailed;
            self.note_unless_dry(index, dry_run, status, &message);
        }
        Ok(RunState::failed_if(failed))
    }

    /// Notes a result. The dry run before a sync notes failures only; a sync that is a dry run ends with its results.
    fn note_unless_dry(&mut self, index: usize, dry_run: bool, status: ResultCode, message: &str) {
        if dry_run && !self.settings.dry_run && status != ResultCode::SyncFailed {
            return;
        }
        let state = match status {
            ResultCode::SyncFailed => OperationPhase::Failed,
            ResultCode::Synced if !self.settings.dry_run => OperationPhase::Running,
            ResultCode::Synced | ResultCode::Pruned | ResultCode::PruneSkipped => OperationPhase::Succeeded,
        };
        self.note(index, Some(status), Some(state), message);
    }
}
