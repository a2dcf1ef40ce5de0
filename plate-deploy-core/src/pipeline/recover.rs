//! Going on where a run of ours was killed: which run it was, what of it is in Git already.

use super::{Run, StageError};
use crate::git::{CommitId, CommitInfo, GitBackend, GitError, LogOptions, PushRequest};
use crate::state::{StateError, UnfinishedRun, unfinished};

/// The line of a commit's message that names the run which made it.
pub(super) const TRAILER: &str = "Plate-Deploy-Run";
/// How far back a commit of a run that was cut off is looked for.
const LOOK_BACK: usize = 200;

/// An error of the state directory.
pub(super) fn state_error(error: StateError) -> StageError {
    StageError::failed(error)
}

/// Whether a commit is a run's.
pub(super) fn is_of(commit: &CommitInfo, run: &str) -> bool {
    commit.message.lines().any(|line| line.strip_prefix(TRAILER).and_then(|l| l.strip_prefix(": ")) == Some(run))
}

/// The commit of a run in the history of `head`.
pub(super) async fn commit_of(
    git: &dyn GitBackend,
    head: CommitId,
    run: &str,
) -> Result<Option<CommitInfo>, GitError> {
    let options = LogOptions { limit: LOOK_BACK, ..LogOptions::default() };
    Ok(git.log(head, options).await?.into_iter().find(|commit| is_of(commit, run)))
}

/// Brings the local branch to its remote when all it lacks are commits of runs of ours that were killed between the
/// remote's and the local half of a push.
pub(super) async fn catch_up(run: &Run, branch: &str) -> Result<(), StageError> {
    let Some(state) = run.services.safety.state.as_ref().filter(|_| !run.request.dry_run) else { return Ok(()) };
    let git = &*run.services.git;
    let status = git.status(branch).await.map_err(StageError::failed)?.branch;
    let (Some(local), Some(upstream)) = (status.local, status.upstream) else { return Ok(()) };
    if status.behind == 0 || status.ahead > 0 {
        return Ok(());
    }
    let options = LogOptions { exclude: Some(local), limit: LOOK_BACK, ..LogOptions::default() };
    let missing = git.log(upstream, options).await.map_err(StageError::failed)?;
    let open = unfinished(&state.journal.read().map_err(state_error)?);
    if missing.iter().all(|commit| open.iter().any(|run| is_of(commit, &run.id))) {
        let push = PushRequest { branch: branch.into(), new: upstream, expected: Some(local) };
        git.push(push).await.map_err(StageError::failed)?;
    }
    Ok(())
}

/// Finds out whether this run is one that was killed. If so it keeps that run's id, approval and commit; if another one
/// of this environment was killed with a commit that nobody has seen yet, this one is refused.
pub(super) async fn adopt(run: &mut Run, environment: &str, base: CommitId) -> Result<(), StageError> {
    if std::mem::replace(&mut run.adopted, true) {
        return Ok(());
    }
    let Some(state) = run.services.safety.state.as_ref().filter(|_| !run.request.dry_run) else {
        return if run.request.id.is_empty() { new_id(run) } else { Ok(()) };
    };
    let records = state.journal.read().map_err(state_error)?;
    let mut open = unfinished(&records);
    open.retain(|other| other.environment == environment && other.cluster == run.services.cluster.name());
    // Only one process at a time works with this journal: whatever run is in it, its process is gone.
    run.dead_runs = records.iter().map(|record| record.run.clone()).collect();
    if let Some(at) = open.iter().rposition(|other| is_same(run, other)) {
        let found = open.swap_remove(at);
        run.request.id.clone_from(&found.id);
        run.started = found.started;
        run.resumed = Some(found);
        return Ok(());
    }
    // A rollback is part of the run that it undoes.
    open.retain(|other| other.rolling_back.is_none() || other.rolling_back.as_deref() != Some(run.request.id.as_str()));
    for other in &open {
        if !may_be_dropped(run, other, base).await? {
            let message = format!(
                "run {} ({}, begun {:.0}) was cut off after its approval and before its commit was published",
                other.id,
                other.request.get("verb").and_then(|v| v.as_str()).unwrap_or("deploy"),
                other.started
            );
            return Err(StageError::refused(message)
                .remedy("`plate-deploy resume` finishes it, `plate-deploy resume --abandon` drops it"));
        }
    }
    if run.request.id.is_empty() { new_id(run) } else { Ok(()) }
}

/// The same run: resumed by its id, or asked for again in the same words.
fn is_same(run: &Run, other: &UnfinishedRun) -> bool {
    if !run.request.id.is_empty() {
        return run.request.id == other.id;
    }
    serde_json::from_value::<super::DeployRequest>(other.request.clone())
        .is_ok_and(|request| run.request.same_wish(&request))
}

/// A run that changed nothing in Git, or whose commit is in the branch, is continued by any other deploy.
async fn may_be_dropped(run: &Run, other: &UnfinishedRun, base: CommitId) -> Result<bool, StageError> {
    match &other.approved {
        Some((_, _, true)) if !other.pushed => {
            Ok(commit_of(&*run.services.git, base, &other.id).await.map_err(StageError::failed)?.is_some())
        }
        _ => Ok(true),
    }
}

fn new_id(run: &mut Run) -> Result<(), StageError> {
    let mut bytes = [0; 6];
    getrandom::fill(&mut bytes).map_err(|e| StageError::failed(format!("no random numbers: {e}")))?;
    run.request.id = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(())
}
