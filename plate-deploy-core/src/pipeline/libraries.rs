//! Libraries: cluster services, then development tools; each layer is ready before the next begins.

use async_trait::async_trait;

use super::validate::render_all;
use super::{Run, Stage, StageDone, StageError, library_application};
use crate::driver::SyncOptions;
use crate::report::{ApplicationReport, Event, LibraryReport};
use crate::workspace::LibraryLayer;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct DeployLibraries;

#[async_trait]
impl Stage for DeployLibraries {
    fn name(&self) -> &str {
        "libraries"
    }

    async fn run(&self, run: &mut Run) -> Result<StageDone, StageError> {
        let layers = run.prepared()?.selection.libraries.clone();
        for layer in &layers {
            let reports = deploy_layer(run, layer).await?;
            run.libraries.extend(reports);
        }
        let (all, ready) = (run.libraries.len(), run.libraries.iter().filter(|l| l.ready).count());
        if all == 0 {
            return Ok(StageDone::skipped("no libraries asked for"));
        }
        let written: usize = run.libraries.iter().map(|l| l.written).sum();
        Ok(StageDone { summary: format!("{ready} of {all} ready, {written} objects written"), skipped: written == 0 })
    }
}

/// Deploys one layer and waits for it. A library that cannot be deployed does not hold up the others: what needs it will
/// say so.
async fn deploy_layer(run: &Run, layer: &LibraryLayer) -> Result<Vec<LibraryReport>, StageError> {
    let repo_url = run.prepared()?.workspace.repo_url.clone();
    let applications: Vec<_> = layer.libraries.iter().map(|library| library_application(library, &repo_url)).collect();
    let own = run.prepared()?.repository(&run.revision);
    let rendered = render_all(&run.services, &own, &applications).await?;
    let options = SyncOptions::new(run.request.timeout);
    let reporter = &*run.services.reporter;
    let mut synced =
        run.services.library_driver.sync(rendered.targets, options, reporter).await.map_err(StageError::failed)?;
    synced.extend(rendered.broken);
    let order = |name: &str| layer.libraries.iter().position(|library| library.name == name);
    synced.sort_by_key(|report| order(&report.name));
    let reports: Vec<LibraryReport> = synced.iter().map(|report| library_report(report, layer)).collect();
    for report in &reports {
        run.report(&Event::Library { name: report.name.clone(), message: report.message.clone(), ready: report.ready });
    }
    Ok(reports)
}

fn library_report(report: &ApplicationReport, layer: &LibraryLayer) -> LibraryReport {
    let ready = report.ready();
    let message = match report.problems.iter().find(|_| !ready) {
        Some(problem) if problem.remedy.is_empty() => problem.message.clone(),
        Some(problem) => format!("{}; {}", problem.message, problem.remedy),
        None if ready && report.written == 0 => "ready, unchanged".into(),
        None if ready => "ready".into(),
        None => {
            format!("{:?}, {:?} {}", report.sync, report.health.status, report.health.message).trim_end().to_owned()
        }
    };
    LibraryReport {
        name: report.name.clone(),
        layer: layer.name.clone(),
        ready,
        failed: !ready && !report.problems.is_empty(),
        message,
        written: report.written,
    }
}
