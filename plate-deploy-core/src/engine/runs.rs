//! The runs of a [`Deployer`]: deploy and its relatives, plan, resume.

use std::sync::Arc;
use std::time::Duration;

use super::{Deployer, EngineError};
use crate::lock::{DeployLock, LockRequest};
use crate::pipeline::{DeployRequest, LockOptions, Pipeline, Run, StageError, Verb};
use crate::report::{DeployPlan, DeployReport};
use crate::state::{JournalEvent, JournalRecord, Occupant, ProcessLock, UnfinishedRun, unfinished};

/// How a run that was cut off is continued.
#[derive(Clone, Debug, Default)]
pub struct ResumeOptions {
    /// Only in this environment; `None`: whichever was cut off last.
    pub environment: Option<String>,
    /// End it instead: nothing more of it is done, and its lock is freed.
    pub abandon: bool,
    /// The lock.
    pub lock: LockOptions,
    /// Longest wait for health; `None`: as it was.
    pub timeout: Option<Duration>,
}

impl Deployer {
    /// Carries a request out: a deploy, or what its verb says.
    ///
    /// # Errors
    /// Only when the run could not begin (the cluster cannot be listed, another process works here); everything after that
    /// is in the report.
    pub async fn deploy(&self, request: DeployRequest) -> Result<DeployReport, EngineError> {
        let pipeline = if request.verb == Verb::Backup { Pipeline::backup() } else { Pipeline::deploy() };
        self.run_pipeline(pipeline, request).await
    }

    /// Runs a pipeline of the caller's making. A dry run gets a cluster that cannot be written to, and stops after the
    /// plan.
    ///
    /// # Errors
    /// As [`Deployer::deploy`].
    pub async fn run_pipeline(&self, pipeline: Pipeline, request: DeployRequest) -> Result<DeployReport, EngineError> {
        let pipeline = self.with_stages(if request.dry_run { Pipeline::plan() } else { pipeline })?;
        let _alone = if request.dry_run { None } else { Some(self.alone(&request).await?) };
        let services = self.services(request.dry_run).await?;
        Ok(pipeline.run(Run::new(request, services)).await)
    }

    /// What a request would change; the report holds the stages and what cannot be deployed.
    ///
    /// # Errors
    /// As [`Deployer::deploy`].
    pub async fn plan(&self, request: DeployRequest) -> Result<(Option<DeployPlan>, DeployReport), EngineError> {
        let pipeline = self.with_stages(Pipeline::plan())?;
        let services = self.services(true).await?;
        Ok(pipeline.run_for_plan(Run::new(request.dry_run(true), services)).await)
    }

    /// The runs on this cluster that were cut off, oldest first.
    ///
    /// # Errors
    /// [`EngineError::State`] when the journal cannot be read.
    pub fn cut_off(&self) -> Result<Vec<UnfinishedRun>, EngineError> {
        let mut open = unfinished(&self.state().journal.read()?);
        open.retain(|run| run.cluster == self.cluster.name());
        Ok(open)
    }

    /// Continues the run that was cut off last, as the same run; `None`: there is none.
    ///
    /// # Errors
    /// As [`Deployer::deploy`].
    pub async fn resume(&self, options: ResumeOptions) -> Result<Option<DeployReport>, EngineError> {
        let open = self.cut_off()?;
        let is_part = |run: &UnfinishedRun| open.iter().any(|other| other.rolling_back.as_deref() == Some(&run.id));
        let environment = match &options.environment {
            None => None,
            Some(word) => {
                let loaded = self.repo.offline().load("HEAD").await?;
                Some(loaded.workspace.environment(word).map_or_else(|| word.clone(), |e| e.name.clone()))
            }
        };
        let wanted = |run: &&UnfinishedRun| environment.as_ref().is_none_or(|e| run.environment == *e) && !is_part(run);
        let Some(run) = open.iter().rev().find(wanted) else { return Ok(None) };
        let request: DeployRequest = serde_json::from_value(run.request.clone()).map_err(|e| {
            StageError::failed(format!("the request of run {} is of another version: {e}", run.id))
                .remedy("drop it with `plate-deploy resume --abandon`, and deploy again")
        })?;
        let request = DeployRequest {
            id: run.id.clone(),
            lock: options.lock.clone(),
            timeout: options.timeout.unwrap_or(request.timeout),
            ..request
        };
        if options.abandon {
            self.abandon(&request, run).await?;
            return Ok(None);
        }
        self.deploy(request).await.map(Some)
    }

    /// Ends a run in the journal and frees its lock.
    async fn abandon(&self, request: &DeployRequest, run: &UnfinishedRun) -> Result<(), EngineError> {
        let _alone = self.alone(request).await?;
        let event =
            JournalEvent::Ended { outcome: "abandoned".into(), summary: format!("abandoned by {}", self.safety.who) };
        self.state().journal.append(&JournalRecord { run: run.id.clone(), at: self.clock.now(), event })?;
        let locks =
            DeployLock::new(Arc::clone(&self.cluster), Arc::clone(&self.clock), self.safety.lock.clone());
        let mine = locks.read(&run.environment).await.is_ok_and(|lease| lease.is_some_and(|l| l.run == run.id));
        if mine {
            let take = LockRequest {
                environment: run.environment.clone(),
                run: run.id.clone(),
                who: self.safety.who.clone(),
                what: "abandon".into(),
                ..LockRequest::default()
            };
            let held = locks.acquire(&take, |_| {}).await.map_err(StageError::failed)?;
            held.release().await.map_err(StageError::failed)?;
        }
        Ok(())
    }

    /// Keeps other processes out of the state directory.
    async fn alone(&self, request: &DeployRequest) -> Result<ProcessLock, EngineError> {
        self.prepare_state()?;
        let me = Occupant {
            what: format!("{} {}", request.verb.word(), request.environment),
            who: self.safety.who.clone(),
            since: Some(self.clock.now()),
            ..Occupant::default()
        };
        Ok(ProcessLock::acquire(&self.state().dir.join("run.lock"), &me, request.lock.timeout).await?)
    }
}
