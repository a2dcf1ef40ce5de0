//! Restore: targets from a backup in the place of rendered ones. Nothing is pruned.

use std::collections::BTreeSet;

use super::validate::RenderedAll;
use super::{Run, StageError};
use crate::backup::{Backup, BackupStore};
use crate::cluster::ObjectRef;
use crate::driver::Target;
use crate::model::application::{Automated, SyncPolicy};
use crate::model::{Application, Manifest};
use crate::render::Rendered;
use crate::report::{Diagnostic, Severity};

/// The annotation of a Secret whose data is not in the backup.
const NO_DATA: &str = "plate-deploy.io/data-left-out";

/// Reads and checks the backup; the Applications of the run that are in it, with the objects that were live then.
pub(super) async fn targets(run: &mut Run, applications: &[Application], name: &str) -> Result<RenderedAll, StageError> {
    let backup = open(run, name)?;
    let mut targets = Vec::new();
    for application in applications {
        let Some(found) = backup.applications.iter().find(|found| found.name == application.metadata.name) else {
            let message = format!("{} is not in the backup {}", application.metadata.name, backup.info.name);
            run.findings.push(Diagnostic::new(Severity::Warning, "not-in-backup", message));
            continue;
        };
        let mut application = application.clone();
        let policy = application.spec.sync_policy.get_or_insert_with(SyncPolicy::default);
        policy.automated = Some(Automated { prune: Some(false), ..Automated::default() });
        let manifests = complete(run, &found.live).await?;
        let rendered = Rendered { manifests, ..Rendered::default() };
        targets.push(Target { application, rendered, revision: backup.info.revision.clone() });
    }
    if targets.is_empty() {
        return Err(StageError::refused(format!("the backup {} holds none of these applications", backup.info.name)));
    }
    Ok(RenderedAll { targets, broken: Vec::new() })
}

fn open(run: &Run, name: &str) -> Result<Backup, StageError> {
    let Some(state) = &run.services.safety.state else {
        return Err(StageError::refused("there is no state directory, so there are no backups"));
    };
    let store = BackupStore::new(state.dir.join("backups"));
    let backup = store.open(run.environment(), name, &run.services.safety.identities).map_err(StageError::refused)?;
    if backup.info.cluster != run.services.cluster.name() && run.services.confirmed_context.is_none() {
        let message = format!("the backup is of the cluster {}, this is {}", backup.info.cluster, run.services.cluster.name());
        return Err(StageError::refused(message).remedy("vouch for it with --confirm-context if it is meant"));
    }
    Ok(backup)
}

/// The objects; in the place of Secrets without data, the live ones. Those that are gone are told.
async fn complete(run: &mut Run, objects: &[Manifest]) -> Result<Vec<Manifest>, StageError> {
    let mut complete = Vec::new();
    let mut lost = BTreeSet::new();
    for object in objects {
        if object.annotation(NO_DATA).is_none() {
            complete.push(object.clone());
            continue;
        }
        match run.services.cluster.get(&ObjectRef::of(object)).await.map_err(StageError::failed)? {
            Some(live) => complete.push(crate::backup::restorable(&live)),
            None => drop(lost.insert(object.key().to_string())),
        }
    }
    for key in lost {
        let message = format!("{key}: its data is not in the backup, and it is gone from the cluster");
        let remedy = "give the key of an encrypted backup with --identity, or make the Secret again";
        run.findings.push(Diagnostic::new(Severity::Warning, "secret-not-restored", message).remedy(remedy));
    }
    Ok(complete)
}
