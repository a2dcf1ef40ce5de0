//! A deploy as a row of stages: preflight → validate → plan → approve → libraries → publish → sync → verify.
//!
//! Each [`Stage`] takes what earlier ones left in the [`Run`] and leaves its own value. A dry run is a shorter pipeline,
//! not a flag; rollback and libraries-only are other selections for the same stages.

mod access_points;
mod approval;
mod approve;
mod guard;
mod libraries;
mod plan;
mod preflight;
mod publish;
mod request;
mod run;
mod select;
mod sources;
mod stage;
mod sync;
mod validate;
mod verify;

use std::sync::Arc;
use std::time::Instant;

pub use approval::{Approval, ApproveAll, ApproveUnguarded, Approver};
pub use request::{Author, DeployRequest, ImageChange, Libraries};
pub use run::{Prepared, Run, Services};
pub use select::{Selection, library_application};
pub use sources::{Capabilities, Sources};
pub use stage::{Stage, StageDone, StageError};
pub use validate::{RenderedAll, render_all, render_one};

use crate::report::{DeployPlan, DeployReport, Event, StageReport, StageResult};

/// The stages of a deploy, in order.
#[derive(Clone, Debug)]
pub struct Pipeline {
    stages: Vec<Arc<dyn Stage>>,
}

impl Pipeline {
    /// The stages of a deploy.
    #[must_use]
    pub fn deploy() -> Self {
        let mut pipeline = Self::plan();
        pipeline.stages.extend([
            Arc::new(approve::Approve) as Arc<dyn Stage>,
            Arc::new(libraries::DeployLibraries),
            Arc::new(publish::Publish),
            Arc::new(sync::Sync),
            Arc::new(verify::Verify),
        ]);
        pipeline
    }

    /// The stages that only look: a dry run.
    #[must_use]
    pub fn plan() -> Self {
        Self { stages: vec![Arc::new(preflight::Preflight), Arc::new(validate::Validate), Arc::new(plan::Plan)] }
    }

    /// Puts a stage behind the one named `name`; at the end when there is none.
    #[must_use]
    pub fn insert_after(mut self, name: &str, stage: Arc<dyn Stage>) -> Self {
        let at = self.stages.iter().position(|s| s.name() == name).map_or(self.stages.len(), |i| i + 1);
        self.stages.insert(at, stage);
        self
    }

    /// Puts a stage before the one named `name`; at the front when there is none.
    #[must_use]
    pub fn insert_before(mut self, name: &str, stage: Arc<dyn Stage>) -> Self {
        let at = self.stages.iter().position(|s| s.name() == name).unwrap_or(0);
        self.stages.insert(at, stage);
        self
    }

    /// Names of the stages, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.stages.iter().map(|stage| stage.name())
    }

    /// Runs the stages until one fails or refuses, and reports.
    pub async fn run(&self, run: Run) -> DeployReport {
        self.run_for_plan(run).await.1
    }

    /// The same, with the plan that was made.
    pub async fn run_for_plan(&self, mut run: Run) -> (Option<DeployPlan>, DeployReport) {
        let start = Instant::now();
        let mut stages = Vec::new();
        for stage in &self.stages {
            let name = stage.name().to_owned();
            run.report(&Event::StageStarted { stage: name.clone() });
            let started = Instant::now();
            let result = stage.run(&mut run).await;
            let duration = started.elapsed();
            let (result, summary) = match result {
                Ok(done) => (if done.skipped { StageResult::Skipped } else { StageResult::Done }, done.summary),
                Err(error) => {
                    let result = if error.refused { StageResult::Refused } else { StageResult::Failed };
                    let summary = error.message.clone();
                    run.stop(error);
                    (result, summary)
                }
            };
            let ok = run.stopped().is_none();
            run.report(&Event::StageFinished { stage: name.clone(), summary: summary.clone(), duration, ok });
            stages.push(StageReport { name, result, summary, duration });
            if !ok {
                break;
            }
        }
        let reporter = Arc::clone(&run.services.reporter);
        let (plan, report) = (run.plan.take(), run.into_report(stages, start.elapsed()));
        reporter.report(&Event::Finished { report: Box::new(report.clone()) });
        (plan, report)
    }
}
