//! Publish: one commit with the edits, pushed when there is a remote.

use async_trait::async_trait;

use super::{Run, Stage, StageDone, StageError};
use crate::git::{CommitRequest, PushRequest, Signature};
use crate::report::{CommitReport, Event, FileChange};

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Publish;

#[async_trait]
impl Stage for Publish {
    fn name(&self) -> &str {
        "publish"
    }

    async fn run(&self, run: &mut Run) -> Result<StageDone, StageError> {
        let prepared = run.prepared()?;
        if prepared.edits.is_empty() {
            return Ok(StageDone::skipped("Git says already what was asked for"));
        }
        let git = &run.services.git;
        let who = Signature {
            name: run.request.author.name.clone(),
            email: run.request.author.email.clone(),
            time: run.services.clock.now(),
        };
        let subject = subject(&prepared.environment.name, &prepared.changes);
        let request = CommitRequest {
            parent: Some(prepared.base),
            edits: prepared.edits.clone(),
            message: message(&subject, &prepared.changes),
            author: who.clone(),
            committer: who,
        };
        let commit = git.commit(request).await.map_err(StageError::failed)?;
        let push = PushRequest { branch: prepared.branch.clone(), new: commit, expected: Some(prepared.base) };
        let outcome = git.push(push).await.map_err(|e| {
            StageError::refused(format!("the commit was not published: {e}"))
                .remedy("pull, look at the new plan, and deploy again")
        })?;
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
}

fn subject(environment: &str, changes: &[FileChange]) -> String {
    match changes {
        [one] => format!("Deploy {environment}: {} = {}", one.path, one.after),
        many => format!("Deploy {environment}: {} values", many.len()),
    }
}

fn message(subject: &str, changes: &[FileChange]) -> String {
    let lines: String =
        changes.iter().map(|c| format!("{}: {}: {} -> {}\n", c.file, c.path, c.before, c.after)).collect();
    format!("{subject}\n\n{lines}")
}
