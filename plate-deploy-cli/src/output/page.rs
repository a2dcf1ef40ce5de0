//! `--report FILE`: the run as a self-contained page, written when it ends.

use std::path::PathBuf;
use std::sync::Arc;

use plate_deploy_core::report::html::{DeployPage, deploy_page};
use plate_deploy_core::report::{Event, Reporter, TimedRecorder};

/// Records a run, passes every event on, and writes the page at the end.
#[derive(Debug)]
pub(crate) struct PageWriter {
    path: PathBuf,
    recorder: TimedRecorder,
}

impl PageWriter {
    /// For a file, in front of another reporter.
    pub(crate) fn new(path: PathBuf, next: Arc<dyn Reporter>) -> Self {
        Self { path, recorder: TimedRecorder::new(next) }
    }
}

impl Reporter for PageWriter {
    fn report(&self, event: &Event) {
        self.recorder.report(event);
        let Event::Finished { report } = event else { return };
        let events = self.recorder.events();
        let plan = events.iter().rev().find_map(|timed| match &timed.event {
            Event::Planned { plan } => Some(&**plan),
            _ => None,
        });
        let page = deploy_page(DeployPage { report, plan, events: &events });
        // The run is over: a page that cannot be written must not make it a failure.
        if let Err(error) = std::fs::write(&self.path, page) {
            super::note(&format!("--report {}: {error}", self.path.display()));
        }
    }
}
