//! Sync: the driver brings the Applications to the published revision and waits for their health.

use async_trait::async_trait;

use super::validate::render_all;
use super::{Run, Stage, StageDone, StageError};
use crate::driver::SyncOptions;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sync;

#[async_trait]
impl Stage for Sync {
    fn name(&self) -> &str {
        "sync"
    }

    async fn run(&self, run: &mut Run) -> Result<StageDone, StageError> {
        let applications = run.prepared()?.selection.applications.clone();
        if applications.is_empty() {
            return Ok(StageDone::skipped("no applications asked for"));
        }
        // Again, not from the validate stage: the revision is known now, and libraries may have brought kinds that charts
        // ask for.
        let own = run.prepared()?.repository(&run.revision);
        let rendered = render_all(&run.services, &own, &applications).await?;
        let options = SyncOptions::new(run.request.timeout);
        let reporter = &*run.services.reporter;
        let mut reports =
            run.services.driver.sync(rendered.targets, options, reporter).await.map_err(StageError::failed)?;
        reports.extend(rendered.broken);
        reports.sort_by(|a, b| a.name.cmp(&b.name));
        let written: usize = reports.iter().map(|r| r.written).sum();
        let pruned: usize = reports.iter().map(|r| r.pruned).sum();
        run.applications = reports;
        let summary = format!("{} applications, {written} objects written, {pruned} deleted", applications.len());
        Ok(StageDone { summary, skipped: written + pruned == 0 })
    }
}
