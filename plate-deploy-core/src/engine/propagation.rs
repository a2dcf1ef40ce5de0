//! The way of a commit to the cluster, measured: Git and renders on the repository, the deploy on an embedded cluster.

use std::sync::Arc;
use std::time::Duration;

use super::compare::CompareOptions;
use super::{EngineError, Repo};
use crate::changes::{Fate, SubjectKind};
use crate::clock::SystemClock;
use crate::cluster::{ClusterBackend, EmbeddedCluster, EmbeddedOptions};
use crate::driver::{DriverOptions, EmbeddedDriver, SyncDriver, SyncOptions, Target};
use crate::graph::{Member, TimelineStep, propagation};
use crate::pipeline::{Capabilities, render_one};
use crate::render::NativeRenderer;
use crate::report::{Event, NoReporter, TimedEvent, TimedRecorder};

/// Longest wait for the deploys.
const PATIENCE: Duration = Duration::from_secs(60);

impl Repo {
    /// The ten steps of a commit against its first parent, with measured times. What it changes is deployed to an embedded
    /// cluster in memory that holds the parent's state; nothing outside of this process changes.
    ///
    /// # Errors
    /// [`EngineError`] when the commit, or its parent, cannot be read.
    pub async fn propagation(&self, revision: &str) -> Result<Vec<TimelineStep>, EngineError> {
        let commit = self.git().resolve(revision).await?;
        let info = self.git().commit_info(commit).await?;
        let range = format!("{commit}~1..{commit}");
        let (diff, phases) = self.offline().compare_timed(&range, &CompareOptions::default()).await?;
        let names: Vec<String> = diff
            .changed()
            .filter(|app| app.kind != SubjectKind::AppOfApps && app.fate != Fate::Removed)
            .map(|app| app.name.clone())
            .collect();
        let before = self.members(&format!("{commit}~1"), &names).await?;
        let after = self.members(&commit.to_string(), &names).await?;
        let events = deploy(before, after).await?;
        let at = |wanted: &dyn Fn(&Event) -> bool| {
            events.iter().filter(|timed| wanted(&timed.event)).map(|timed| timed.at).max()
        };
        let applied = at(&|event| matches!(event, Event::Resource { .. }));
        let written = events.iter().filter(|timed| matches!(timed.event, Event::Resource { ok: true, .. })).count();
        let end = events.last().map(|timed| timed.at);
        let after_apply = |time: Option<Duration>| Some(ms(time?.saturating_sub(applied.unwrap_or_default())));
        let changed = diff.changed().count();
        let objects: usize = diff.changed().map(|app| app.changes.len()).sum();
        Ok(propagation([
            (format!("{}: {}", info.author.name, info.summary()), None),
            (format!("{revision} is {}", commit.short()), Some(ms(phases.resolve))),
            (
                format!("{} Applications and libraries found", diff.unaffected + diff.applications.len()),
                Some(ms(phases.discover)),
            ),
            (
                format!("{} files changed; {} are affected", diff.files.len(), diff.applications.len()),
                Some(ms(phases.affected)),
            ),
            ("as it was".into(), Some(ms(phases.render_before))),
            ("as it shall be".into(), Some(ms(phases.render_after))),
            (format!("{changed} change, {objects} objects in them"), Some(ms(phases.compare))),
            (format!("{written} objects written"), applied.map(ms)),
            ("after the last write".into(), after_apply(at(&|e| matches!(e, Event::Application { .. })))),
            (format!("{} deployed", names.len()), end.map(ms)),
        ]))
    }

    /// The members of these names at a revision, rendered.
    async fn members(&self, revision: &str, names: &[String]) -> Result<Vec<Target>, EngineError> {
        let related = self.offline().relations(revision, None).await?;
        let own = related.loaded.repository();
        let (renderer, capabilities) = (NativeRenderer::default(), Capabilities::offline(None));
        let mut targets = Vec::new();
        for Member { application, .. } in
            related.members.iter().filter(|m| names.contains(&m.application.metadata.name))
        {
            if let Ok(rendered) = render_one(&self.sources, &renderer, application, &own, &capabilities).await {
                targets.push(Target { application: application.clone(), rendered, revision: own.revision.clone() });
            }
        }
        Ok(targets)
    }
}

async fn deploy(before: Vec<Target>, after: Vec<Target>) -> Result<Vec<TimedEvent>, EngineError> {
    let cluster: Arc<dyn ClusterBackend> = Arc::new(EmbeddedCluster::start(EmbeddedOptions::default()).await?);
    let options = SyncOptions::new(PATIENCE);
    let driver = EmbeddedDriver::start(cluster, Arc::new(SystemClock), DriverOptions::default()).await?;
    driver.sync(before, options, &NoReporter).await?;
    let recorder = TimedRecorder::new(Arc::new(NoReporter));
    driver.sync(after, options, &recorder).await?;
    Ok(recorder.events())
}

fn ms(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10_000.0).round() / 10.0
}
