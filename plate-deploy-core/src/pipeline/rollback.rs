//! Rollback: the environment's files as they were, as a new commit.

use std::collections::BTreeSet;

use super::edits::{Edit, repository};
use super::recover::state_error;
use super::validate::render_all;
use super::{RollbackTo, Run, StageError};
use crate::files::RepoFiles;
use crate::git::{CommitId, snapshot};
use crate::model::Application;
use crate::render::Repository;
use crate::report::{Diagnostic, Severity};
use crate::workspace::{DiscoveredEnvironment, Workspace};

/// The edits that bring back what the environment reads.
pub(super) async fn edits(
    run: &mut Run,
    workspace: &Workspace,
    environment: &DiscoveredEnvironment,
    own: &Repository,
    (base, to): (CommitId, &RollbackTo),
) -> Result<Vec<Edit>, StageError> {
    let target = target(run, &environment.name, base, to).await?;
    let then = snapshot(&*run.services.git, target).await.map_err(StageError::failed)?;
    let paths = match to {
        RollbackTo::Undo(commit) => {
            let commit: CommitId = commit.parse().map_err(StageError::refused)?;
            let changes = run.services.git.changes(Some(target), commit).await.map_err(StageError::failed)?;
            changes.into_iter().map(|change| change.path).collect()
        }
        _ => relevant(run, workspace, environment, own, (base, target, &then)).await?,
    };
    let edit = |path: String| {
        let (before, after) = (own.files.read(&path).ok().cloned(), then.read(&path).ok().cloned());
        (before != after).then_some(Edit::File { path, before, after })
    };
    Ok(paths.into_iter().filter_map(edit).collect())
}

/// The commit to go back to.
async fn target(run: &Run, environment: &str, base: CommitId, to: &RollbackTo) -> Result<CommitId, StageError> {
    let git = &*run.services.git;
    let state = run.services.safety.state.as_ref();
    let history = || state.map(|s| s.history.entries()).transpose().map_err(state_error).map(Option::unwrap_or_default);
    let revision = match to {
        RollbackTo::Revision(revision) => match (git.resolve(revision).await, state) {
            (Ok(commit), _) => return Ok(commit),
            // No revision: perhaps a run of the history.
            (Err(error), Some(state)) => match state.history.find(environment, revision).map_err(state_error)? {
                Some(entry) => entry.revision,
                None => return Err(StageError::refused(error).remedy("`plate-deploy history` lists the runs")),
            },
            (Err(error), None) => return Err(StageError::refused(error)),
        },
        RollbackTo::Undo(commit) => format!("{commit}~1"),
        RollbackTo::LastHealthy => {
            let entries = history()?;
            let fits = |e: &&crate::state::HistoryEntry| {
                e.environment == environment && e.healthy && e.verb != "delete" && e.revision != base.to_string()
            };
            entries.iter().rev().find(fits).map(|e| e.revision.clone()).ok_or_else(|| {
                StageError::refused(format!("the history knows no earlier healthy deploy of {environment}"))
                    .remedy("name a revision: rollback --to REVISION")
            })?
        }
        RollbackTo::Entry(id) => {
            let found = match state {
                Some(state) => state.history.find(environment, id).map_err(state_error)?,
                None => None,
            };
            found.map(|entry| entry.revision).ok_or_else(|| {
                StageError::refused(format!("the history of {environment} has no run {id:?}, or several that begin so"))
                    .remedy("`plate-deploy history` lists them")
            })?
        }
    };
    git.resolve(&revision).await.map_err(StageError::refused)
}

/// The files that differ and that the environment reads, now or then. Those that other environments read, too, are
/// told, or left out when only own ones are wanted.
async fn relevant(
    run: &mut Run,
    workspace: &Workspace,
    environment: &DiscoveredEnvironment,
    own: &Repository,
    (base, target, then): (CommitId, CommitId, &RepoFiles),
) -> Result<Vec<String>, StageError> {
    let former = Workspace::discover(then, &target.to_string()).map_err(StageError::failed)?;
    let mut mine = read_by(run, workspace, own, |e| e.is_none() || e == Some(&environment.name)).await?;
    mine.extend(read_by(run, &former, &repository(&former, then, target), |e| e == Some(&environment.name)).await?);
    let theirs = read_by(run, workspace, own, |e| e.is_some() && e != Some(&environment.name)).await?;
    let changes = run.services.git.changes(Some(target), base).await.map_err(StageError::failed)?;
    let paths = changes.into_iter().map(|change| change.path).filter(|path| mine.contains(path));
    let (shared, only_mine): (Vec<String>, Vec<String>) = paths.partition(|path| theirs.contains(path));
    if shared.is_empty() {
        return Ok(only_mine);
    }
    let (verb, remedy) = if run.request.own_files_only {
        ("stay as they are", "without --own-files-only they are brought back, too")
    } else {
        ("are brought back for all of them", "with --own-files-only they stay as they are")
    };
    let message = format!("files that other environments read, too, {verb}: {}", shared.join(", "));
    run.findings.push(Diagnostic::new(Severity::Warning, "shared-files", message).remedy(remedy));
    Ok(if run.request.own_files_only { only_mine } else { only_mine.into_iter().chain(shared).collect() })
}

/// Every file that the Applications of the chosen environments are made from, the Applications' own files included.
async fn read_by(
    run: &Run,
    workspace: &Workspace,
    own: &Repository,
    chosen: impl Fn(Option<&String>) -> bool,
) -> Result<BTreeSet<String>, StageError> {
    let picked = workspace.applications.iter().filter(|a| chosen(a.environment.as_ref()) && a.component.is_some());
    let mut files: BTreeSet<String> = picked.clone().map(|a| a.source.file.clone()).collect();
    let applications: Vec<Application> = picked.map(|a| a.source.object.clone()).collect();
    for target in render_all(&run.services, own, &applications).await?.targets {
        files.extend(target.rendered.files_read.into_values().flatten());
    }
    // A file that is only there in one of the two revisions is read where its folder is.
    let folders: BTreeSet<String> =
        workspace.components.iter().flat_map(|c| &c.deployments).filter(|d| chosen(d.environment.as_ref())).filter(|d| d.is_chart).filter_map(|d| d.folder.clone()).collect();
    for folder in folders {
        files.extend(own.files.below(&format!("{folder}/templates")).map(|(path, _)| format!("{folder}/templates/{path}")));
    }
    Ok(files)
}

