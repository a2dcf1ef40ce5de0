//! Verify: is everything Synced and Healthy, and where can it be reached?

use async_trait::async_trait;

use super::{Run, Stage, StageDone, StageError, access_points};

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verify;

#[async_trait]
impl Stage for Verify {
    fn name(&self) -> &str {
        "verify"
    }

    async fn run(&self, run: &mut Run) -> Result<StageDone, StageError> {
        run.access = access_points::find(&*run.services.cluster, &run.applications).await;
        let ready = run.applications.iter().filter(|app| app.ready()).count();
        let libraries = run.libraries.iter().filter(|library| library.ready).count();
        Ok(StageDone::done(format!(
            "{ready} of {} applications and {libraries} of {} libraries ready, {} ways in",
            run.applications.len(),
            run.libraries.len(),
            run.access.len()
        )))
    }
}
