//! Back up: before production changes, everything needed to bring it back as it was.

use async_trait::async_trait;

use super::validate::render_all;
use super::{Libraries, Run, Selection, Stage, StageDone, StageError, Verb};
use crate::backup::{BackedUpApplication, BackupContents, BackupInfo, BackupStore};
use crate::report::{Diagnostic, Event, Severity};
use crate::workspace::Component;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct BackUp;

#[async_trait]
impl Stage for BackUp {
    fn name(&self) -> &str {
        "backup"
    }

    async fn run(&self, run: &mut Run) -> Result<StageDone, StageError> {
        let only = matches!(run.request.verb, Verb::Backup);
        let production = run.prepared()?.environment.production;
        if !production && !run.request.backup && !only {
            return Ok(StageDone::skipped("not production (--backup makes one)"));
        }
        let unchanged = run.plan.as_ref().is_some_and(crate::report::DeployPlan::is_empty);
        if unchanged && !only && !run.writes_anyway() {
            return Ok(StageDone::skipped("nothing to change"));
        }
        let Some(state) = run.services.safety.state.clone() else {
            return Err(StageError::refused("there is no state directory to keep a backup in"));
        };
        let store = BackupStore::new(state.dir.join("backups"));
        let contents = contents(run).await?;
        let recipients = run.services.safety.recipients.clone();
        let writing = store.clone();
        let write = tokio::task::spawn_blocking(move || writing.write(contents, &recipients));
        let backup = write.await.map_err(StageError::failed)?.map_err(StageError::failed)?;
        let environment = run.environment().to_owned();
        match store.thin_out(&environment, run.services.safety.keep_backups) {
            Ok(removed) if !removed.is_empty() => {
                run.report(&Event::Note { text: format!("removed old backups: {}", removed.join(", ")) });
            }
            Ok(_) => {}
            Err(error) => run.findings.push(Diagnostic::new(Severity::Warning, "backup-retention", error.to_string())),
        }
        let secrets = if backup.info.encrypted { "Secrets encrypted" } else { "without Secrets' data" };
        let summary = format!("{} files in {}, {secrets}", backup.info.files.len(), backup.folder.display());
        run.backup = Some(backup.info);
        Ok(StageDone::done(summary))
    }
}

async fn contents(run: &Run) -> Result<BackupContents, StageError> {
    let prepared = run.prepared()?;
    let environment = prepared.environment.name.as_str();
    // What is being replaced is what Git said before this run's edits.
    let before = crate::git::snapshot(&*run.services.git, prepared.base).await.map_err(StageError::failed)?;
    let mut values = Vec::new();
    for component in &prepared.workspace.components {
        for path in component.value_files(Some(environment)).into_iter().chain(component.value_files(None)) {
            if let Ok(content) = before.read(path) {
                values.push((path.to_owned(), content.clone()));
            }
        }
    }
    values.sort();
    values.dedup();
    // The whole environment, whatever part of it the run is about.
    let selection = Selection::new(&prepared.workspace, environment, Libraries::Skip);
    let own = prepared.repository(&prepared.base.to_string());
    let targets = render_all(&run.services, &own, &selection.applications).await?.targets;
    let comparisons = run.services.driver.compare(&targets).await.map_err(StageError::failed)?;
    let applications = targets
        .iter()
        .zip(comparisons)
        .map(|(target, comparison)| BackedUpApplication {
            name: target.name().to_owned(),
            application: serde_json::to_value(&target.application).unwrap_or_default(),
            rendered: target.rendered.manifests.clone(),
            live: comparison
                .resources
                .iter()
                .filter(|resource| !resource.hook)
                .filter_map(|resource| resource.live.as_deref().cloned())
                .collect(),
        })
        .collect();
    let info = BackupInfo {
        version: BackupInfo::VERSION,
        name: String::new(),
        environment: environment.into(),
        cluster: run.services.cluster.name().into(),
        revision: prepared.base.to_string(),
        run: run.request.id.clone(),
        verb: run.request.verb.word().into(),
        created: run.services.clock.now(),
        encrypted: false,
        files: std::collections::BTreeMap::new(),
    };
    Ok(BackupContents { info, values, applications })
}
