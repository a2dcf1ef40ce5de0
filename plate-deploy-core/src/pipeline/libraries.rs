//! Libraries: cluster services, then development tools; each layer is ready before the next begins.

use async_trait::async_trait;
use tokio::time::Instant;

use super::library_ready;
use super::validate::render_all;
use super::{Run, Stage, StageDone, StageError, library_application};
use crate::driver::{Comparison, SyncOptions};
use crate::report::{ApplicationReport, Event, LibraryReport};
use crate::workspace::{LibraryLayer, LibrarySource};

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
            run.check_lock()?;
            let reports = deploy_layer(run, layer).await?;
            run.libraries.extend(reports);
        }
        let (all, ready) = (run.libraries.len(), run.libraries.iter().filter(|l| l.ready).count());
        if all == 0 {
            return Ok(StageDone::skipped("no libraries asked for"));
        }
        let written: usize = run.libraries.iter().map(|l| l.written).sum();
        let moved: Vec<String> = run.libraries.iter().filter_map(version_change).collect();
        let moved = if moved.is_empty() { String::new() } else { format!("; {}", moved.join(", ")) };
        Ok(StageDone {
            summary: format!("{ready} of {all} ready, {written} objects written{moved}"),
            skipped: written == 0,
        })
    }
}

/// Deploys one layer and waits for it. A library that cannot be deployed does not hold up the others: what needs it will
/// say so.
async fn deploy_layer(run: &Run, layer: &LibraryLayer) -> Result<Vec<LibraryReport>, StageError> {
    let repo_url = run.prepared()?.workspace.repo_url.clone();
    let applications: Vec<_> = layer.libraries.iter().map(|library| library_application(library, &repo_url)).collect();
    let own = run.prepared()?.repository(&run.revision);
    let rendered = render_all(&run.services, &own, &applications).await?;
    let targets = rendered.targets;
    let before = run.services.library_driver.compare(&targets).await.map_err(StageError::failed)?;
    let deadline = Instant::now() + run.request.timeout;
    let options = SyncOptions::new(run.request.timeout);
    let reporter = &*run.services.reporter;
    let driver = &run.services.library_driver;
    let mut synced = driver.sync(targets.clone(), options, reporter).await.map_err(StageError::failed)?;
    synced.extend(rendered.broken);
    let order = |name: &str| layer.libraries.iter().position(|library| library.name == name);
    synced.sort_by_key(|report| order(&report.name));
    let mut reports = Vec::new();
    for synced in &synced {
        let at = targets.iter().position(|target| target.name() == synced.name);
        let missing = match at.and_then(|at| targets.get(at)) {
            Some(target) if synced.ready() => library_ready::wait(&*run.services.cluster, target, deadline).await,
            _ => Vec::new(),
        };
        let mut report = library_report(synced, layer, &missing);
        report.previous = at.and_then(|at| installed(before.get(at)?)).unwrap_or_default();
        run.report(&Event::Library { name: report.name.clone(), message: report.message.clone(), ready: report.ready });
        reports.push(report);
    }
    Ok(reports)
}

fn library_report(report: &ApplicationReport, layer: &LibraryLayer, missing: &[String]) -> LibraryReport {
    let ready = report.ready() && missing.is_empty();
    let message = match report.problems.iter().find(|_| !ready) {
        _ if !missing.is_empty() => missing.join("; "),
        Some(problem) if problem.remedy.is_empty() => problem.message.clone(),
        Some(problem) => format!("{}; {}", problem.message, problem.remedy),
        None if ready && report.written == 0 => "ready, unchanged".into(),
        None if ready => "ready".into(),
        None => {
            format!("{:?}, {:?} {}", report.sync, report.health.status, report.health.message).trim_end().to_owned()
        }
    };
    let source = layer.libraries.iter().find(|library| library.name == report.name).map(|library| &library.source);
    let version = match source {
        Some(LibrarySource::Chart(chart)) => chart.version.clone(),
        _ => String::new(),
    };
    LibraryReport {
        name: report.name.clone(),
        layer: layer.name.clone(),
        ready,
        failed: !ready && !report.problems.is_empty(),
        message,
        written: report.written,
        version,
        previous: String::new(),
    }
}

/// The chart's version that is installed, as the label `helm.sh/chart` of its objects says.
fn installed(before: &Comparison) -> Option<String> {
    before.resources.iter().filter_map(|resource| resource.live.as_ref()).find_map(|live| {
        // `cert-manager-v1.15.0`: the chart's name may hold dashes, its version begins with a digit.
        let label = live.label("helm.sh/chart")?;
        let mut version = label.match_indices('-').filter_map(|(at, _)| label.get(at + 1..));
        let is_version = |text: &&str| text.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit());
        version.find(is_version).map(str::to_owned)
    })
}

/// `cert-manager 1.14.0 → 1.15.0`.
fn version_change(report: &LibraryReport) -> Option<String> {
    let changed = !report.previous.is_empty() && !report.version.is_empty() && report.previous != report.version;
    changed.then(|| format!("{} {} → {}", report.name, report.previous, report.version))
}
