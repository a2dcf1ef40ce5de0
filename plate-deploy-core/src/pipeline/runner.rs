//! Runs the stages, writes each down before and after, and ends the run: rollback, lock, history, report.

use std::sync::Arc;
use std::time::Instant;

use super::recover::state_error;
use super::{Moment, Pipeline, RollbackTo, Run, Stage, StageError, Verb};
use crate::report::{DeployPlan, DeployReport, Diagnostic, Event, Outcome, Severity, StageReport, StageResult};
use crate::state::{HistoryEntry, JournalEvent, UnfinishedRun};

impl Pipeline {
    /// Runs the stages until one fails or refuses, and reports.
    pub async fn run(&self, run: Run) -> DeployReport {
        self.run_for_plan(run).await.1
    }

    /// The same, with the plan that was made.
    pub async fn run_for_plan(&self, mut run: Run) -> (Option<DeployPlan>, DeployReport) {
        let start = Instant::now();
        let mut stages = Vec::new();
        let mut begun = false;
        for stage in &self.stages {
            let first = stages.is_empty();
            stages.push(self.step(&mut run, &**stage, begun).await);
            if first && run.stopped().is_none() && self.writes && !run.request.dry_run {
                begun = true;
                if let Err(error) = begin(&mut run).await {
                    run.stop(error);
                }
            }
            if run.stopped().is_some() {
                break;
            }
        }
        if begun {
            self.end(&mut run).await;
        }
        let reporter = Arc::clone(&run.services.reporter);
        let (plan, report) = (run.plan.take(), run.into_report(stages, start.elapsed()));
        reporter.report(&Event::Finished { report: Box::new(report.clone()) });
        (plan, report)
    }

    /// One stage.
    async fn step(&self, run: &mut Run, stage: &dyn Stage, begun: bool) -> StageReport {
        let name = stage.name().to_owned();
        run.report(&Event::StageStarted { stage: name.clone() });
        let started = Instant::now();
        let intent = if begun { run.journal(JournalEvent::Stage { stage: name.clone() }) } else { Ok(()) };
        let mut result = match intent {
            Ok(()) => stage.run(run).await,
            Err(error) => Err(error),
        };
        if let (true, Ok(done)) = (begun, &result) {
            let event = JournalEvent::StageDone { stage: name.clone(), summary: done.summary.clone() };
            if let Err(error) = run.journal(event) {
                result = Err(error);
            }
        }
        let duration = started.elapsed();
        let (result, summary) = match result {
            Ok(done) => (if done.skipped { StageResult::Skipped } else { StageResult::Done }, done.summary),
            Err(error) => {
                let result = if error.refused { StageResult::Refused } else { StageResult::Failed };
                let summary = error.message.clone();
                run.stop(error);
                if begun {
                    // The run ends with the same words anyhow.
                    let _ = run.journal(JournalEvent::StageFailed { stage: name.clone(), summary: summary.clone() });
                }
                (result, summary)
            }
        };
        let ok = run.stopped().is_none();
        run.report(&Event::StageFinished { stage: name.clone(), summary: summary.clone(), duration, ok });
        StageReport { name, result, summary, duration }
    }

    /// Everything after the last stage.
    async fn end(&self, run: &mut Run) {
        if needs_rollback(run) {
            roll_back(run).await;
        }
        if let Some(lock) = run.lock.take()
            && let Err(error) = lock.release().await
        {
            let message = format!("the lock could not be given back and will expire: {error}");
            run.findings.push(Diagnostic::new(Severity::Warning, "lock-not-released", message));
        }
        let (outcome, summary) = run.outcome();
        let moment = if outcome.exit_code() == 0 { Moment::Succeeded } else { Moment::Failed };
        run.notify(moment).await;
        let written = remember(run, outcome, &summary);
        let ended = run.journal(JournalEvent::Ended { outcome: word(outcome), summary });
        for error in [written, ended].into_iter().filter_map(Result::err) {
            run.findings.push(Diagnostic::new(Severity::Warning, "state", error.message));
        }
    }
}

/// Writes down that the run begins; runs that it continues in other words end here.
async fn begin(run: &mut Run) -> Result<(), StageError> {
    let base = run.prepared()?.base.to_string();
    let rolling_back = run.resumed.as_ref().and_then(|resumed| resumed.rolling_back.clone());
    let request = serde_json::to_value(&run.request).map_err(StageError::failed)?;
    run.journal(JournalEvent::Started {
        environment: run.environment().to_owned(),
        cluster: run.services.cluster.name().into(),
        request,
        base,
    })?;
    drop_superseded(run)?;
    if rolling_back.is_some() {
        return Err(StageError::failed("its verification had failed before it was cut off"));
    }
    run.notify(Moment::Started).await;
    Ok(())
}

/// Ends what other runs of ours left open, less the run that this one is a part of.
fn drop_superseded(run: &Run) -> Result<(), StageError> {
    let Some(state) = &run.services.safety.state else { return Ok(()) };
    let open = crate::state::unfinished(&state.journal.read().map_err(state_error)?);
    let (environment, cluster) = (run.environment(), run.services.cluster.name());
    let mine = |other: &&UnfinishedRun| other.environment == environment && other.cluster == cluster;
    for other in open.iter().filter(mine).filter(|other| other.id != run.request.id) {
        let is_parent = other.rolling_back.as_deref() == Some(&run.request.id);
        let is_child = run.resumed.as_ref().is_some_and(|r| r.rolling_back.as_deref() == Some(other.id.as_str()));
        if !is_parent && !is_child {
            let event = JournalEvent::Ended {
                outcome: "superseded".into(),
                summary: format!("continued by run {}", run.request.id),
            };
            let record = crate::state::JournalRecord { run: other.id.clone(), at: run.services.clock.now(), event };
            state.journal.append(&record).map_err(state_error)?;
        }
    }
    Ok(())
}

/// A production environment that was changed and did not become what it should.
fn needs_rollback(run: &Run) -> bool {
    let production = run.prepared.as_ref().is_some_and(|prepared| prepared.environment.production);
    let deploys = matches!(run.request.verb, Verb::Deploy | Verb::Promote { .. });
    // Who lost the lock must not touch what somebody else deploys now.
    if !production || !deploys || !run.request.auto_rollback || run.check_lock().is_err() {
        return false;
    }
    if run.resumed.as_ref().is_some_and(|resumed| resumed.rolling_back.is_some()) {
        return true;
    }
    let changed = run.commit.is_some() || run.applications.iter().any(|app| app.written + app.pruned > 0);
    let (outcome, _) = run.outcome();
    changed && matches!(outcome, Outcome::Failed | Outcome::NotHealthy)
}

/// Runs the rollback as a run of its own, under the same lock.
async fn roll_back(run: &mut Run) {
    let id = format!("{}-rollback", run.request.id);
    let why = format!("the verification of run {} failed", run.request.id);
    let own = run.commit.as_ref().map(|commit| commit.id.clone());
    let own = own.or_else(|| run.resumed.as_ref().and_then(|resumed| resumed.commit.clone()));
    let to = own.map_or(RollbackTo::LastHealthy, RollbackTo::Undo);
    if let Err(error) = run.journal(JournalEvent::RollingBack { by: id.clone() }) {
        run.findings.push(Diagnostic::new(Severity::Error, "not-rolled-back", error.message));
        return;
    }
    run.report(&Event::Note { text: format!("{why}: rolling back (--no-auto-rollback leaves it as it is)") });
    let mut request = run.request.clone();
    (request.id, request.images, request.verb) = (id, Vec::new(), Verb::Rollback { to, why });
    request.libraries = super::Libraries::Skip;
    let mut services = run.services.clone();
    // The deploy was approved together with its undoing.
    services.approver = Arc::new(super::ApproveAll);
    let mut undo = Run::new(request, services);
    undo.lock = run.lock.take();
    let report = Box::pin(Pipeline::deploy().run(undo)).await;
    if report.outcome.exit_code() != 0 {
        let finding = Diagnostic::new(Severity::Error, "not-rolled-back", format!("the rollback: {}", report.summary));
        run.findings.push(finding.remedy("look at its report; then `plate-deploy rollback`"));
    }
    run.rollback = Some(Box::new(report));
}

/// The history's entry.
fn remember(run: &Run, outcome: Outcome, summary: &str) -> Result<(), StageError> {
    let Some(state) = &run.services.safety.state else { return Ok(()) };
    // A run that changed nothing and found nothing wrong is no event, but the first one of a revision is worth knowing.
    let entry = HistoryEntry {
        id: run.request.id.clone(),
        started: run.started,
        ended: run.services.clock.now(),
        verb: run.request.verb.word().into(),
        environment: run.environment().into(),
        cluster: run.services.cluster.name().into(),
        revision: run.revision.clone(),
        commit: run.commit.as_ref().map(|commit| commit.id.clone()),
        outcome: word(outcome),
        healthy: matches!(outcome, Outcome::Deployed | Outcome::Unchanged) && !run.applications.is_empty(),
        summary: summary.to_owned(),
        who: run.services.safety.who.clone(),
        images: run.request.images.iter().map(|i| format!("{} = {}", i.component, i.image)).collect(),
        digest: run.plan.as_ref().map(DeployPlan::digest).unwrap_or_default(),
    };
    state.history.add(&entry).map_err(state_error)
}

/// The outcome as reports write it.
fn word(outcome: Outcome) -> String {
    match outcome {
        Outcome::Deployed => "deployed",
        Outcome::Unchanged => "unchanged",
        Outcome::Failed => "failed",
        Outcome::Refused => "refused",
        Outcome::NotHealthy => "notHealthy",
    }
    .into()
}
