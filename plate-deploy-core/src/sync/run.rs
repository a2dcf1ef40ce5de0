//! One step under way: its tasks, the results so far, and what the steps of Argo CD's sync context have in common.

use crate::model::{Manifest, OperationPhase, ResourceKey, ResultCode};

use super::journal::{Draft, Journal, Suspended};
use super::observation::SyncRules;
use super::operation::Outcome;
use super::request::SyncRequest;
use super::result::Results;
use super::settings::Settings;
use super::task::Task;

/// A part of a step: done with a value, or suspended at a question.
pub(super) type Flow<T = ()> = Result<T, Suspended>;

/// One step under way.
pub(super) struct Run<'a> {
    pub(super) request: &'a SyncRequest,
    pub(super) settings: &'a Settings,
    pub(super) rules: &'a dyn SyncRules,
    pub(super) modified: &'a std::collections::BTreeMap<ResourceKey, bool>,
    pub(super) prune_confirmed: bool,
    pub(super) journal: &'a mut Journal,
    pub(super) tasks: Vec<Task>,
    pub(super) valid: bool,
    pub(super) results: Results,
    pub(super) phase: OperationPhase,
    pub(super) message: String,
    /// What the sync waits for.
    pub(super) waiting_for: Vec<ResourceKey>,
    /// The step before was given up on the way: a wave may be applied in part.
    pub(super) interrupted: bool,
    /// The dry run is over: results from here on are true of the cluster.
    pub(super) wet: bool,
}

impl Run<'_> {
    pub(super) fn task(&self, index: usize) -> &Task {
        &self.tasks[index]
    }

    /// Indices of all tasks.
    pub(super) fn all(&self) -> Vec<usize> {
        (0..self.tasks.len()).collect()
    }

    /// The ones of `from` that fulfil a predicate.
    pub(super) fn filter(&self, from: &[usize], predicate: impl Fn(&Task) -> bool) -> Vec<usize> {
        from.iter().copied().filter(|&index| predicate(self.task(index))).collect()
    }

    pub(super) fn any(&self, from: &[usize], predicate: impl Fn(&Task) -> bool) -> bool {
        from.iter().any(|&index| predicate(self.task(index)))
    }

    /// Notes a task's result, in the task and among the results.
    pub(super) fn note(
        &mut self,
        index: usize,
        status: Option<ResultCode>,
        state: Option<OperationPhase>,
        message: &str,
    ) {
        let task = &mut self.tasks[index];
        task.note(status, state, message);
        self.results.set(task.result());
    }

    /// Notes an error without changing the status.
    pub(super) fn note_error(&mut self, index: usize, message: &str) {
        let status = self.task(index).status;
        self.note(index, status, Some(OperationPhase::Error), message);
    }

    pub(super) fn set_phase(&mut self, phase: OperationPhase, message: impl Into<String>) {
        self.phase = phase;
        self.message = message.into();
        self.waiting_for.clear();
    }

    /// Runs one operation.
    pub(super) fn perform_one(&mut self, draft: Draft) -> Flow<Outcome> {
        let outcomes = self.journal.perform(vec![draft])?;
        Ok(outcomes.into_iter().next().unwrap_or(Outcome::NotFound))
    }

    /// Phase that a live hook's health stands for; an object without health is done as soon as it is there.
    pub(super) fn hook_phase(&self, live: &Manifest) -> Result<(OperationPhase, String), String> {
        use crate::model::HealthCode::{Degraded, Healthy, Missing, Progressing, Suspended, Unknown};
        let created = (OperationPhase::Succeeded, format!("{} created", live.name()));
        Ok(match self.rules.health(live)? {
            None => created,
            Some(health) => match health.status {
                Unknown | Degraded => (OperationPhase::Failed, health.message),
                Progressing | Suspended => (OperationPhase::Running, health.message),
                Healthy => (OperationPhase::Succeeded, health.message),
                Missing => created,
            },
        })
    }

    /// Says what the sync waits for, in Argo CD's words.
    pub(super) fn set_waiting(&mut self, waiting: &[usize], for_deletion: bool) {
        self.set_phase(OperationPhase::Running, "");
        let hooks = self.filter(waiting, Task::is_hook);
        let Some(&first) = hooks.first().or(waiting.first()) else { return };
        let mut reason = match (for_deletion, hooks.is_empty()) {
            (true, true) => "deletion of",
            (true, false) => "deletion of hook",
            (false, true) => "healthy state of",
            (false, false) => "completion of hook",
        };
        let noun = if hooks.len() == waiting.len() { "hooks" } else { "resources" };
        let (mut first, mut more) = (first, waiting.len() - 1);
        let unconfirmed = self.filter(waiting, |task| self.awaits_confirmation(task));
        if let Some(&index) = unconfirmed.first() {
            (reason, first, more) = ("pruning confirmation of", index, unconfirmed.len() - 1);
        }
        let key = self.task(first).key();
        let mut message = format!("waiting for {reason} {}/{}/{}", key.group, key.kind, key.name);
        if more > 0 {
            message = format!("{message} and {more} more {noun}");
        }
        self.message = message;
        self.waiting_for = waiting.iter().map(|&index| self.task(index).api_key()).collect();
    }
}
