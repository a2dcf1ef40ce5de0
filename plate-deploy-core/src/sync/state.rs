//! The state of a sync between and within its steps: what a driver holds, and may keep on disk.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::{Manifest, OperationPhase, ResourceKey};

use super::journal::{Draft, Journal, Question, RecordError, Suspended};
use super::namespace;
use super::observation::{Observation, SyncRules};
use super::operation::{Batch, OperationId, Outcome, WaveApplied};
use super::plan::{Plan, Planner};
use super::reconcile::{self, Pairs};
use super::request::SyncRequest;
use super::result::{ResourceResult, Results};
use super::run::Run;
use super::settings::Settings;

/// What the driver does next.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Next {
    /// Carry these operations out, [record](SyncState::record) each outcome, then advance again.
    Execute(Batch),
    /// A wave was applied: say with [`SyncState::record_wave`] whether the sync may go on, then advance again.
    WaveApplied(WaveApplied),
    /// The step is over and the sync is not: look at the cluster again after a while, or when one of
    /// [`SyncState::waiting_for`] has changed, and [observe](SyncState::observe).
    Wait,
    /// The sync has ended; see [`SyncState::phase`].
    Done,
}

/// One sync operation, from its request to its end.
///
/// It is plain data: serialise it after [`advance`](Self::advance) and go on later from there. A step that was
/// interrupted starts over with the next [`observe`](Self::observe), but keeps what was already applied.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncState {
    request: SyncRequest,
    phase: OperationPhase,
    message: String,
    results: Results,
    waiting_for: Vec<ResourceKey>,
    steps: u32,
    /// Results of the step under way, from the end of the dry run on.
    progress: Option<Results>,
    /// The last step was given up on the way: a wave may be applied in part.
    interrupted: bool,
    /// The request's targets, shared.
    #[serde(skip)]
    targets: Option<Vec<Arc<Manifest>>>,
    /// The step under way.
    #[serde(skip)]
    step: Option<Box<Step>>,
}

/// The step under way: what it is decided from, and the answers so far.
#[derive(Clone, Debug)]
struct Step {
    settings: Settings,
    observation: Observation,
    pairs: Pairs,
    journal: Journal,
    planned: Option<Planned>,
}

/// A step's plan, which stays the same however often the step runs.
#[derive(Clone, Debug)]
struct Planned {
    plan: Plan,
    /// The results, with the failures found in planning.
    results: Results,
    /// How many answers planning took.
    answers: usize,
}

impl SyncState {
    /// A sync that has not begun.
    #[must_use]
    pub fn new(request: SyncRequest) -> Self {
        Self {
            request,
            phase: OperationPhase::Running,
            message: String::new(),
            results: Results::default(),
            waiting_for: Vec::new(),
            steps: 0,
            progress: None,
            interrupted: false,
            targets: None,
            step: None,
        }
    }

    /// A sync that goes on from the phase, message and results of an operation state, as Argo CD keeps it.
    #[must_use]
    pub fn resume(
        request: SyncRequest,
        phase: OperationPhase,
        message: &str,
        results: impl IntoIterator<Item = ResourceResult>,
    ) -> Self {
        Self { phase, message: message.into(), results: results.into_iter().collect(), ..Self::new(request) }
    }

    /// Phase of the operation.
    #[must_use]
    pub fn phase(&self) -> OperationPhase {
        self.phase
    }

    /// What it is doing or why it ended, in Argo CD's words.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The results so far, in the order in which they came.
    pub fn results(&self) -> impl Iterator<Item = &ResourceResult> {
        self.results.iter()
    }

    /// The objects the sync waits for.
    #[must_use]
    pub fn waiting_for(&self) -> &[ResourceKey] {
        &self.waiting_for
    }

    /// The request.
    #[must_use]
    pub fn request(&self) -> &SyncRequest {
        &self.request
    }

    /// Asks for the sync to be terminated: its next step ends running hooks, and the sync. A step under way is given up;
    /// what it has applied stays. Nothing happens when the sync has ended.
    pub fn terminate(&mut self) {
        if !self.phase.completed() {
            self.phase = OperationPhase::Terminating;
            self.give_up_step();
        }
    }

    /// Starts a step from what the driver sees. A step under way is given up; what it has applied stays.
    pub fn observe(&mut self, observation: Observation) {
        self.give_up_step();
        if self.phase.completed() || self.refuse_or_hold(&observation) {
            return;
        }
        let settings = Settings::of(&self.request);
        let share = |targets: &[Manifest]| targets.iter().cloned().map(Arc::new).collect();
        let normalized: Option<Vec<Arc<Manifest>>> = observation.targets.as_deref().map(share);
        let targets = match &normalized {
            Some(targets) => targets,
            None => self.targets.get_or_insert_with(|| share(&self.request.targets)),
        };
        let pairs = reconcile::pair(targets, &observation.live, &self.request.namespace, &observation.kinds);
        self.steps = self.steps.saturating_add(1);
        let journal = Journal::new(self.steps);
        self.step = Some(Box::new(Step { settings, observation, pairs, journal, planned: None }));
    }

    /// Takes the step as far as it goes. Asking again without recording gives the same operations again, less those
    /// that have an outcome.
    pub fn advance(&mut self, rules: &dyn SyncRules) -> Next {
        let Some(mut step) = self.step.take() else {
            return if self.phase.completed() { Next::Done } else { Next::Wait };
        };
        if step.journal.question().is_none() && self.run(&mut step, rules).is_ok() {
            return if self.phase.completed() { Next::Done } else { Next::Wait };
        }
        let next = match step.journal.question() {
            Some(Question::Wave(wave)) => Next::WaveApplied(*wave),
            _ => step.journal.outstanding().map_or(Next::Wait, Next::Execute),
        };
        self.step = Some(step);
        next
    }

    /// Records how an operation went.
    ///
    /// # Errors
    /// When it was not asked for, or has an outcome already.
    pub fn record(&mut self, id: OperationId, outcome: Outcome) -> Result<(), RecordError> {
        self.step.as_mut().ok_or(RecordError::Unknown(id))?.journal.record(id, outcome)
    }

    /// Lets the sync go on after a wave, or ends it with an error.
    ///
    /// # Errors
    /// When no wave was announced.
    pub fn record_wave(&mut self, word: Result<(), String>) -> Result<(), RecordError> {
        self.step.as_mut().ok_or(RecordError::NoWave)?.journal.record_wave(word)
    }

    /// Runs the step from its top. On `Ok` it is over, and its outcome is this state's.
    fn run(&mut self, step: &mut Step, rules: &dyn SyncRules) -> Result<(), Suspended> {
        let planned = match step.planned.take() {
            Some(planned) => planned,
            None => self.plan(step, rules)?,
        };
        let Planned { plan, results, answers } = step.planned.insert(planned).clone();
        step.journal.rewind(answers);
        let mut run = Run {
            request: &self.request,
            settings: &step.settings,
            rules,
            modified: &step.observation.modified,
            prune_confirmed: step.observation.prune_confirmed(self.request.started_at),
            journal: &mut step.journal,
            tasks: plan.tasks,
            valid: plan.valid,
            results,
            phase: self.phase,
            message: self.message.clone(),
            waiting_for: Vec::new(),
            interrupted: self.interrupted,
            wet: false,
        };
        let flow = if self.phase == OperationPhase::Terminating { run.terminate() } else { run.step() };
        let Run { phase, message, results, waiting_for, wet, .. } = run;
        if flow.is_err() {
            self.progress = wet.then_some(results);
            return flow;
        }
        (self.phase, self.message, self.waiting_for) = (phase, message, waiting_for);
        self.results = results;
        self.progress = None;
        self.interrupted = false;
        Ok(())
    }

    /// Makes the step's plan, after a look at the application's Namespace where that matters.
    fn plan(&self, step: &mut Step, rules: &dyn SyncRules) -> Result<Planned, Suspended> {
        step.journal.rewind(0);
        let lookup = match namespace::wanted(&self.request, &step.settings, &step.pairs) {
            None => None,
            Some(wanted) => {
                let outcomes = step.journal.perform(vec![Draft::read_cluster_scoped(&wanted)])?;
                outcomes.into_iter().next().map(|found| (wanted, found))
            }
        };
        let mut results = self.results.clone();
        let planner = Planner {
            request: &self.request,
            settings: &step.settings,
            observation: &step.observation,
            pairs: &step.pairs,
            rules,
        };
        let plan = planner.plan(lookup, &mut results);
        Ok(Planned { plan, results, answers: step.journal.cursor() })
    }

    fn give_up_step(&mut self) {
        self.step = None;
        if let Some(progress) = self.progress.take() {
            self.results = progress;
            self.interrupted = true;
        }
    }

    /// What stops a step before it begins. `true`: there is no step.
    fn refuse_or_hold(&mut self, observation: &Observation) -> bool {
        let limit = self.request.behaviour.timeout;
        if limit.is_some_and(|limit| observation.now.duration_since(self.request.started_at) > limit) {
            self.phase = OperationPhase::Terminating;
        }
        if self.phase == OperationPhase::Terminating {
            return false;
        }
        if let Some(reason) = &observation.hold {
            self.message.clone_from(reason);
            self.waiting_for.clear();
            return true;
        }
        if let Some(shared) = &self.request.shared_resource
            && Settings::of(&self.request).fail_on_shared_resource
        {
            self.phase = OperationPhase::Failed;
            self.message = format!("Shared resource found: {shared}");
            return true;
        }
        false
    }
}
