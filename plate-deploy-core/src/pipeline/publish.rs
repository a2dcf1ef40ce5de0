//! Publish: one commit with the edits, pushed when there is a remote.
//!
//! The commit names its run, and its time is the run's: made again after a crash it is the same commit, and one that was
//! pushed without anybody having heard of it is recognised. A push that loses a race is made again on the new head if the
//! edits still fit; nothing is ever forced.

use async_trait::async_trait;

use super::approve::ask_if_changed;
use super::edits::{self, Applied};
use super::plan::Plan;
use super::recover::{TRAILER, commit_of};
use super::validate::Validate;
use super::{Run, Stage, StageDone, StageError, Verb};
use crate::git::{CommitId, CommitRequest, GitError, PushOutcome, PushRequest, Signature, snapshot};
use crate::report::{CommitReport, Event};
use crate::state::JournalEvent;
use crate::workspace::Workspace;

/// How often a race may be lost.
const RACES: usize = 5;
/// How often a push is tried whose outcome is unknown: pushing what is there already is a success.
const TRIES: usize = 3;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Publish;

#[async_trait]
impl Stage for Publish {
    fn name(&self) -> &str {
        "publish"
    }

    async fn run(&self, run: &mut Run) -> Result<StageDone, StageError> {
        for _ in 0..RACES {
            run.check_lock()?;
            if run.prepared()?.edits.is_empty() {
                return already_there(run).await;
            }
            let commit = write(run).await?;
            match push(run, commit).await {
                Ok(outcome) => return done(run, commit, outcome),
                Err(GitError::Stale { .. }) => rebase(run).await?,
                Err(error) => return Err(refused(&error)),
            }
        }
        Err(StageError::refused(format!("the branch moved {RACES} times while this commit was being pushed"))
            .remedy("deploy again when it is quieter"))
    }
}

/// Nothing to commit: Git says it already, perhaps because this very run said so before it was cut off.
async fn already_there(run: &mut Run) -> Result<StageDone, StageError> {
    let prepared = run.prepared()?;
    let (branch, git) = (prepared.branch.clone(), &run.services.git);
    let own = commit_of(&**git, prepared.base, &run.request.id).await.map_err(StageError::failed)?;
    let Some(own) = own else { return Ok(StageDone::skipped("Git says already what was asked for")) };
    let pushed = git.status(&branch).await.map_err(StageError::failed)?.branch.has_remote;
    run.journal(JournalEvent::Pushed { commit: own.id.to_string(), branch: branch.clone() })?;
    let subject = own.summary().to_owned();
    run.commit = Some(CommitReport { id: own.id.to_string(), subject, branch, pushed });
    Ok(StageDone::done(format!("{} was published before the run was cut off", own.id.short())))
}

async fn write(run: &Run) -> Result<CommitId, StageError> {
    let prepared = run.prepared()?;
    let author = &run.request.author;
    let who = Signature { name: author.name.clone(), email: author.email.clone(), time: run.started };
    let request = CommitRequest {
        parent: Some(prepared.base),
        edits: prepared.edits.clone(),
        message: message(run, &subject(run)?)?,
        author: who.clone(),
        committer: who,
    };
    run.services.git.commit(request).await.map_err(StageError::failed)
}

async fn push(run: &Run, commit: CommitId) -> Result<PushOutcome, GitError> {
    let prepared = run.prepared().map_err(|e| backend(run, &e))?;
    let event = JournalEvent::Pushing {
        commit: commit.to_string(),
        base: prepared.base.to_string(),
        branch: prepared.branch.clone(),
    };
    run.journal(event).map_err(|e| backend(run, &e))?;
    let mut last = None;
    for _ in 0..TRIES {
        let push = PushRequest { branch: prepared.branch.clone(), new: commit, expected: Some(prepared.base) };
        match run.services.git.push(push).await {
            Err(error @ GitError::Backend { .. }) => last = Some(error),
            other => return other,
        }
    }
    Err(last.unwrap_or_else(|| GitError::NothingToCommit { repository: run.services.git.location() }))
}

fn backend(run: &Run, error: &StageError) -> GitError {
    GitError::Backend {
        repository: run.services.git.location(),
        action: "push".into(),
        message: error.message.clone(),
    }
}

fn done(run: &mut Run, commit: CommitId, outcome: PushOutcome) -> Result<StageDone, StageError> {
    run.journal(JournalEvent::Pushed { commit: commit.to_string(), branch: outcome.branch.clone() })?;
    let subject = subject(run)?;
    let report =
        CommitReport { id: commit.to_string(), subject, branch: outcome.branch, pushed: outcome.remote.is_some() };
    run.report(&Event::Committed {
        commit: report.id.clone(),
        subject: report.subject.clone(),
        pushed: report.pushed,
    });
    let to = outcome.remote.map_or_else(String::new, |remote| format!(", pushed to {remote}"));
    let summary = format!("{} on {}{to}", commit.short(), report.branch);
    run.revision = report.id.clone();
    run.commit = Some(report);
    Ok(StageDone::done(summary))
}

/// Somebody else pushed first: the same wishes on their head, planned again, and approved again in production when the
/// plan is another one now.
async fn rebase(run: &mut Run) -> Result<(), StageError> {
    let git = std::sync::Arc::clone(&run.services.git);
    git.fetch().await.map_err(StageError::failed)?;
    let branch = run.prepared()?.branch.clone();
    let status = git.status(&branch).await.map_err(StageError::failed)?.branch;
    let head = status.published().ok_or_else(|| StageError::refused(format!("the branch {branch} is gone")))?;
    let files = snapshot(&*git, head).await.map_err(StageError::failed)?;
    let before = run.plan.take();
    let Some(prepared) = run.prepared.as_mut() else { return Err(StageError::failed("preflight did not run")) };
    let Applied { files, changes, commits } = edits::apply(&files, &prepared.wishes)?;
    prepared.workspace = Workspace::discover(&files, &head.to_string()).map_err(StageError::failed)?;
    let environment = prepared.environment.name.clone();
    prepared.selection = super::Selection::new(&prepared.workspace, &environment, run.request.libraries);
    (prepared.base, prepared.files, prepared.changes, prepared.edits) = (head, files, changes, commits);
    run.revision = head.to_string();
    run.report(&Event::Note { text: format!("{branch} moved to {}; trying again on top of it", head.short()) });
    Validate.run(run).await?;
    Plan.run(run).await?;
    ask_if_changed(run, before.as_ref()).await
}

fn refused(error: &GitError) -> StageError {
    StageError::refused(format!("the commit was not published: {error}"))
        .remedy("pull, look at the new plan, and deploy again")
}

fn subject(run: &Run) -> Result<String, StageError> {
    let prepared = run.prepared()?;
    let environment = &prepared.environment.name;
    Ok(match (&run.request.verb, prepared.changes.as_slice()) {
        (Verb::Rollback { .. }, _) => format!("Roll back {environment}"),
        (Verb::Promote { from, .. }, changes) => format!("Promote {from} to {environment}: {} values", changes.len()),
        (_, [one]) => format!("Deploy {environment}: {} = {}", one.path, one.after),
        (_, many) => format!("Deploy {environment}: {} values", many.len()),
    })
}

fn message(run: &Run, subject: &str) -> Result<String, StageError> {
    let changes = &run.prepared()?.changes;
    let lines: String =
        changes.iter().map(|c| format!("{}: {}: {} -> {}\n", c.file, c.path, c.before, c.after)).collect();
    let why = match &run.request.verb {
        Verb::Rollback { why, .. } if !why.is_empty() => format!("{}\n\n", one_line(why)),
        _ => String::new(),
    };
    Ok(format!("{subject}\n\n{why}{lines}\n{TRAILER}: {}\n", run.request.id))
}

/// A reason must not look like a trailer of its own.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
