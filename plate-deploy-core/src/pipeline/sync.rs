//! Sync: the driver brings the Applications to the published revision and waits for their health, or until a pod shows
//! that waiting is in vain.

use async_trait::async_trait;

use super::validate::{RenderedAll, render_all};
use super::watch::{self, PodWatch};
use super::{Run, Stage, StageDone, StageError, Verb};
use crate::driver::{SyncOptions, Target};
use crate::report::{ApplicationReport, Diagnostic};

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sync;

#[async_trait]
impl Stage for Sync {
    fn name(&self) -> &str {
        "sync"
    }

    async fn run(&self, run: &mut Run) -> Result<StageDone, StageError> {
        run.check_lock()?;
        let applications = run.prepared()?.selection.applications.clone();
        if applications.is_empty() {
            return Ok(StageDone::skipped("no applications asked for"));
        }
        let rendered = match run.request.verb {
            // Their targets do not come from Git.
            Verb::Delete { .. } | Verb::Restore { .. } => {
                RenderedAll { targets: run.targets.clone(), broken: Vec::new() }
            }
            // Again, not from the validate stage: the revision is known now, and libraries may have brought kinds that
            // charts ask for.
            _ => {
                let own = run.prepared()?.repository(&run.revision);
                render_all(&run.services, &own, &applications).await?
            }
        };
        run.targets.clone_from(&rendered.targets);
        let mut reports = carry_out(run, rendered.targets).await?;
        reports.extend(rendered.broken);
        reports.sort_by(|a, b| a.name.cmp(&b.name));
        let written: usize = reports.iter().map(|r| r.written).sum();
        let pruned: usize = reports.iter().map(|r| r.pruned).sum();
        run.applications = reports;
        let summary = format!("{} applications, {written} objects written, {pruned} deleted", applications.len());
        Ok(StageDone { summary, skipped: written + pruned == 0 })
    }
}

/// Syncs until the driver is done, or pods of the new state cannot start.
async fn carry_out(run: &Run, targets: Vec<Target>) -> Result<Vec<ApplicationReport>, StageError> {
    let options = SyncOptions::new(run.request.timeout);
    let reporter = &*run.services.reporter;
    let watch = PodWatch::new(&*run.services.cluster, &targets, &run.request.verify);
    let driver = match run.request.verb {
        Verb::Delete { .. } | Verb::Restore { .. } => &run.services.library_driver,
        _ => &run.services.driver,
    };
    let syncing = driver.sync(targets.clone(), options, reporter);
    tokio::select! {
        done = syncing => done.map_err(StageError::failed),
        troubles = watch.until_hopeless() => {
            let comparisons = run.services.driver.compare(&targets).await.map_err(StageError::failed)?;
            let mut reports: Vec<ApplicationReport> =
                targets.iter().zip(&comparisons).map(|(target, found)| found.report(target)).collect();
            for trouble in troubles {
                let finding: Diagnostic = watch::explain(&*run.services.cluster, &trouble).await;
                if let Some(report) = reports.iter_mut().find(|report| report.name == trouble.application) {
                    report.problems.push(finding);
                    // The objects were sent; how many is not known once the sync is cut off.
                    report.written = report.written.max(1);
                }
            }
            Ok(reports)
        }
    }
}
