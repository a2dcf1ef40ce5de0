//! How a step stops for the cluster and goes on: its code runs from the top, takes the answers already recorded, and
//! leaves with the first question that has none.
//!
//! A step decides from one observation, so running it again with the same answers takes the same way. That keeps the
//! code of a step a straight line, as it reads in Argo CD, and makes its whole state a list of answers.

use std::sync::Arc;

use crate::model::{GroupVersionKind, Manifest, ResourceKey};

use super::operation::{Action, Batch, Operation, OperationId, Outcome, Propagation, WaveApplied, Write, WriteMethod};
use super::task::Task;

/// An operation before it gets its id; cheap to make, as most are made again for answers that are there.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    object: ResourceKey,
    gvk: GroupVersionKind,
    action: DraftAction,
}

#[derive(Clone, Debug)]
enum DraftAction {
    Read,
    Write { write: WriteDraft, manifest: Arc<Manifest>, drop_namespace: bool },
    Migrate { from: String, to: String },
    Prune(Propagation),
    RemoveHookFinalizer,
    DeleteHook(Propagation),
}

/// A [`Write`] without its manifest.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the flags of a kubectl command")]
pub(super) struct WriteDraft {
    pub(super) method: WriteMethod,
    pub(super) dry_run: bool,
    pub(super) force: bool,
    pub(super) validate: bool,
    pub(super) server_side: Option<String>,
    pub(super) await_established: bool,
}

impl Draft {
    fn new(task: &Task, action: DraftAction) -> Self {
        Self { object: task.api_key(), gvk: task.gvk().clone(), action }
    }

    pub(super) fn read(task: &Task) -> Self {
        Self::new(task, DraftAction::Read)
    }

    /// Reads a cluster-scoped object that has no task yet.
    pub(super) fn read_cluster_scoped(object: &Manifest) -> Self {
        let mut key = object.key();
        key.namespace.clear();
        Self { object: key, gvk: object.gvk(), action: DraftAction::Read }
    }

    pub(super) fn write(task: &Task, manifest: &Arc<Manifest>, write: WriteDraft) -> Self {
        let drop_namespace = task.namespaced == Some(false);
        Self::new(task, DraftAction::Write { write, manifest: Arc::clone(manifest), drop_namespace })
    }

    pub(super) fn migrate(task: &Task, from: &str, to: &str) -> Self {
        Self::new(task, DraftAction::Migrate { from: from.into(), to: to.into() })
    }

    pub(super) fn prune(task: &Task, propagation: Propagation) -> Self {
        Self::new(task, DraftAction::Prune(propagation))
    }

    pub(super) fn remove_hook_finalizer(task: &Task) -> Self {
        Self::new(task, DraftAction::RemoveHookFinalizer)
    }

    pub(super) fn delete_hook(task: &Task, propagation: Propagation) -> Self {
        Self::new(task, DraftAction::DeleteHook(propagation))
    }

    fn into_operation(self, id: OperationId) -> Operation {
        let action = match self.action {
            DraftAction::Read => Action::Read,
            DraftAction::Write { write, manifest, drop_namespace } => {
                let mut manifest = (*manifest).clone();
                if drop_namespace && let Some(metadata) = manifest.value_mut().pointer_mut("/metadata") {
                    metadata.as_object_mut().map(|metadata| metadata.remove("namespace"));
                }
                let WriteDraft { method, dry_run, force, validate, server_side, await_established } = write;
                Action::Write(Write { method, manifest, dry_run, force, validate, server_side, await_established })
            }
            DraftAction::Migrate { from, to } => Action::MigrateManagedFields { from, to },
            DraftAction::Prune(propagation) => Action::Prune { propagation },
            DraftAction::RemoveHookFinalizer => {
                Action::RemoveHookFinalizer { finalizer: crate::model::annotations::HOOK_FINALIZER.into() }
            }
            DraftAction::DeleteHook(propagation) => Action::DeleteHook { propagation },
        };
        Operation { id, object: self.object, gvk: self.gvk, action }
    }
}

/// Why a step stops: it has asked something that is not answered yet.
#[derive(Debug)]
pub(super) struct Suspended;

/// What a step is waiting for.
#[derive(Clone, Debug)]
pub(super) enum Question {
    /// The outcomes of these operations.
    Batch(Vec<(Operation, Option<Outcome>)>),
    /// The driver's word on a wave.
    Wave(WaveApplied),
}

/// An answered question.
#[derive(Clone, Debug)]
enum Answer {
    Outcomes(Vec<Outcome>),
    Wave(Result<(), String>),
}

/// The answers of one step.
#[derive(Clone, Debug)]
pub(super) struct Journal {
    step: u32,
    answers: Vec<Answer>,
    cursor: usize,
    question: Option<Question>,
}

/// Why an outcome was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// Nothing of this name was asked for.
    #[error("operation {0} was not asked for, or belongs to an earlier batch")]
    Unknown(OperationId),
    /// It has an outcome.
    #[error("operation {0} has an outcome already")]
    Twice(OperationId),
    /// No wave's word was asked for.
    #[error("no wave was announced")]
    NoWave,
}

impl Journal {
    pub(super) fn new(step: u32) -> Self {
        Self { step, answers: Vec::new(), cursor: 0, question: None }
    }

    /// How many answers were taken.
    pub(super) fn cursor(&self) -> usize {
        self.cursor
    }

    /// Goes back to where so many answers were taken.
    pub(super) fn rewind(&mut self, cursor: usize) {
        self.cursor = cursor;
    }

    /// What is asked and not answered.
    pub(super) fn question(&self) -> Option<&Question> {
        self.question.as_ref()
    }

    /// The outcomes of operations, in their order; no operations need no outcome.
    pub(super) fn perform(&mut self, drafts: Vec<Draft>) -> Result<Vec<Outcome>, Suspended> {
        if drafts.is_empty() {
            return Ok(Vec::new());
        }
        if let Some(Answer::Outcomes(outcomes)) = self.answers.get(self.cursor) {
            self.cursor += 1;
            return Ok(outcomes.clone());
        }
        let (step, batch) = (self.step, number(self.answers.len()));
        let operations = drafts
            .into_iter()
            .enumerate()
            .map(|(index, draft)| (draft.into_operation(OperationId { step, batch, index: number(index) }), None));
        self.question = Some(Question::Batch(operations.collect()));
        Err(Suspended)
    }

    /// The driver's word on a wave.
    pub(super) fn announce(&mut self, wave: WaveApplied) -> Result<Result<(), String>, Suspended> {
        if let Some(Answer::Wave(word)) = self.answers.get(self.cursor) {
            self.cursor += 1;
            return Ok(word.clone());
        }
        self.question = Some(Question::Wave(wave));
        Err(Suspended)
    }

    /// Operations still without an outcome.
    pub(super) fn outstanding(&self) -> Option<Batch> {
        let Some(Question::Batch(operations)) = &self.question else { return None };
        let left = operations.iter().filter(|(_, outcome)| outcome.is_none());
        Some(Batch { operations: left.map(|(operation, _)| operation.clone()).collect() })
    }

    /// Takes an outcome; the last one of a batch answers it.
    pub(super) fn record(&mut self, id: OperationId, outcome: Outcome) -> Result<(), RecordError> {
        let Some(Question::Batch(operations)) = &mut self.question else { return Err(RecordError::Unknown(id)) };
        let (_, slot) =
            operations.iter_mut().find(|(operation, _)| operation.id == id).ok_or(RecordError::Unknown(id))?;
        if slot.is_some() {
            return Err(RecordError::Twice(id));
        }
        *slot = Some(outcome);
        if operations.iter().all(|(_, outcome)| outcome.is_some())
            && let Some(Question::Batch(operations)) = self.question.take()
        {
            self.answers.push(Answer::Outcomes(operations.into_iter().filter_map(|(_, outcome)| outcome).collect()));
        }
        Ok(())
    }

    /// Takes the driver's word on a wave.
    pub(super) fn record_wave(&mut self, word: Result<(), String>) -> Result<(), RecordError> {
        if !matches!(self.question, Some(Question::Wave(_))) {
            return Err(RecordError::NoWave);
        }
        self.answers.push(Answer::Wave(word));
        self.question = None;
        Ok(())
    }
}

/// Ids are 32 bits: no sync has that many operations.
fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
