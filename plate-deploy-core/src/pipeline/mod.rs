//! A deploy as a row of stages: preflight → validate → plan → check → approve → lock → backup → libraries → publish →
//! hold → sync → verify.
//!
//! Each [`Stage`] takes what earlier ones left in the [`Run`] and leaves its own value. A dry run is a shorter pipeline,
//! not a flag; rollback, promotion, restore and deletion are other [`Verb`]s for the same stages. Every step is in the
//! journal before it is taken, so that a run which was killed goes on as the same run (docs/RELIABILITY.md).

mod access_points;
mod approval;
mod approve;
mod back_up;
mod check;
mod edits;
mod guard;
mod holding;
mod libraries;
mod library_ready;
mod locking;
mod mask;
mod notify;
mod plan;
mod plan_file;
mod pods;
mod preflight;
mod probe;
mod promote;
mod publish;
mod recover;
mod request;
mod restore;
mod rollback;
mod run;
mod runner;
mod select;
mod sources;
mod stage;
mod sync;
mod validate;
mod verify;
mod watch;

use std::sync::Arc;

pub use approval::{Approval, ApproveAll, ApproveDigest, ApproveUnguarded, Approver};
pub use edits::Edit;
pub use notify::{Moment, Notification, Notifier, Webhook};
pub use plan_file::{PlanFile, PlanFileError};
pub use request::{
    Author, DeployRequest, ImageChange, Libraries, LockOptions, RollbackTo, Verb, VerifyOptions,
};
pub use run::{Prepared, Run, Safety, Services};
pub use select::{Selection, library_application};
pub use sources::{Capabilities, Sources};
pub use stage::{Anchor, Stage, StageDone, StageError};
pub use validate::{RenderedAll, render_all, render_one};

/// The stages of a run, in order.
#[derive(Clone, Debug)]
pub struct Pipeline {
    stages: Vec<Arc<dyn Stage>>,
    /// It changes something: it is in the journal and in the history.
    writes: bool,
}

impl Pipeline {
    /// The stages of a deploy, and of every other verb that changes the cluster.
    #[must_use]
    pub fn deploy() -> Self {
        let mut pipeline = Self::plan();
        pipeline.stages.extend([
            Arc::new(approve::Approve) as Arc<dyn Stage>,
            Arc::new(locking::Lock),
            Arc::new(back_up::BackUp),
            Arc::new(libraries::DeployLibraries),
            Arc::new(publish::Publish),
            Arc::new(holding::HoldBack),
            Arc::new(sync::Sync),
            Arc::new(verify::Verify),
        ]);
        pipeline.writes = true;
        pipeline
    }

    /// The stages that only look: a dry run.
    #[must_use]
    pub fn plan() -> Self {
        Self {
            stages: vec![
                Arc::new(preflight::Preflight),
                Arc::new(validate::Validate),
                Arc::new(plan::Plan),
                Arc::new(check::Check),
            ],
            writes: false,
        }
    }

    /// The stages of a backup on its own.
    #[must_use]
    pub fn backup() -> Self {
        Self {
            stages: vec![
                Arc::new(preflight::Preflight),
                Arc::new(validate::Validate),
                Arc::new(back_up::BackUp),
            ],
            writes: false,
        }
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

    /// Puts a stage where an anchor says.
    ///
    /// # Errors
    /// A refusal that names the stages there are when the anchor's is not among them, or the stage's own name is taken.
    pub fn insert(self, anchor: &Anchor, stage: Arc<dyn Stage>) -> Result<Self, StageError> {
        let names: Vec<String> = self.names().map(str::to_owned).collect();
        let (Anchor::Before(name) | Anchor::After(name)) = anchor;
        if !names.contains(name) {
            return Err(StageError::refused(format!("there is no stage {name:?} to put {:?} beside", stage.name()))
                .remedy(format!("the stages are: {}", names.join(", "))));
        }
        if names.iter().any(|taken| taken == stage.name()) {
            return Err(StageError::refused(format!("there is a stage {:?} already", stage.name())));
        }
        Ok(match anchor {
            Anchor::Before(name) => self.insert_before(name, stage),
            Anchor::After(name) => self.insert_after(name, stage),
        })
    }

    /// Names of the stages, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.stages.iter().map(|stage| stage.name())
    }
}
