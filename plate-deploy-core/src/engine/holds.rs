//! Histories, rollbacks that stay rolled back, and holds.

use std::sync::Arc;
use std::time::Duration;

use super::{Deployer, EngineError};
use crate::driver::{ApplicationRecord, EmbeddedDriver, Hold, SyncDriver, SyncOptions, Target};
use crate::model::Application;
use crate::pipeline::{Capabilities, StageError, render_one};
use crate::report::ApplicationReport;

/// Who does something to an Application by hand, and why; both are shown to everybody it stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// A person's name.
    pub by: String,
    /// Why.
    pub why: String,
}

impl Deployer {
    /// What an Application was synced to before, and whether it is held.
    ///
    /// # Errors
    /// When there is no such Application, or its record cannot be read.
    pub async fn history(&self, application: &str) -> Result<ApplicationRecord, EngineError> {
        let application = self.application(application).await?;
        Ok(self.engine().await?.record(&application).await?)
    }

    /// Syncs an Application to an entry of its history and holds it there: no sync moves it until the hold is lifted.
    /// The hold comes first, so that a rollback which is cut off is not undone by the next deploy.
    ///
    /// # Errors
    /// When there is no such Application or entry, the revision is not in the repository, or it cannot be rendered.
    pub async fn roll_back(
        &self,
        application: &str,
        id: i64,
        reason: Reason,
        timeout: Duration,
    ) -> Result<ApplicationReport, EngineError> {
        let mut application = self.application(application).await?;
        let engine = self.engine().await?;
        let record = engine.record(&application).await?;
        let entry = record.history.iter().find(|entry| entry.id == id).ok_or_else(|| {
            let known: Vec<String> = record.history.iter().map(|entry| entry.id.to_string()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            StageError::refused(format!("{} has no history entry {id}", application.metadata.name))
                .remedy(format!("its entries are: {known}"))
        })?;
        let revision = entry.revisions.first().unwrap_or(&entry.revision).clone();
        application.spec.source.clone_from(&entry.source);
        application.spec.sources.clone_from(&entry.sources);
        let own = self.repo.offline().load(&revision).await?.repository();
        let capabilities = Capabilities::of(&*self.cluster).await?;
        let sources = self.repo.sources.clone().tracker(engine.options().settings.tracker.clone());
        let rendered = render_one(&sources, &*self.renderer, &application, &own, &capabilities).await;
        let rendered = rendered.map_err(|finding| StageError::failed(&finding.message).remedy(finding.remedy))?;
        let hold = Hold { by: reason.by, why: reason.why, since: self.clock.now(), revision: revision.clone() };
        engine.hold(&application, Some(&hold)).await?;
        let options = SyncOptions { keep_holds: false, ..SyncOptions::new(timeout) };
        let target = Target { application, rendered, revision };
        let reports = engine.sync(vec![target], options, &*self.reporter).await?;
        reports.into_iter().next().ok_or_else(|| StageError::failed("the sync gave no report").into())
    }

    /// Holds an Application where it is.
    ///
    /// # Errors
    /// When there is no such Application, or the hold cannot be kept.
    pub async fn hold(&self, application: &str, reason: Reason) -> Result<(), EngineError> {
        let application = self.application(application).await?;
        let hold = Hold { by: reason.by, why: reason.why, since: self.clock.now(), revision: String::new() };
        Ok(self.engine().await?.hold(&application, Some(&hold)).await?)
    }

    /// Lifts a hold; the next sync moves the Application again.
    ///
    /// # Errors
    /// As [`Deployer::hold`].
    pub async fn lift_hold(&self, application: &str) -> Result<(), EngineError> {
        let application = self.application(application).await?;
        Ok(self.engine().await?.hold(&application, None).await?)
    }

    async fn engine(&self) -> Result<EmbeddedDriver, EngineError> {
        let options = self.options_at_head().await?;
        Ok(EmbeddedDriver::start(Arc::clone(&self.cluster), Arc::clone(&self.clock), options).await?)
    }

    async fn application(&self, name: &str) -> Result<Application, EngineError> {
        let loaded = self.repo.offline().load("HEAD").await?;
        match loaded.workspace.application(name) {
            Some(found) => Ok(found.source.object.clone()),
            None => {
                let known = loaded.workspace.applications.iter().map(|found| found.name().to_owned()).collect();
                Err(EngineError::UnknownApplication { asked: name.to_owned(), known })
            }
        }
    }
}
