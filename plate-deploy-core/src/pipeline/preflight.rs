//! Preflight: environment, context, cluster, repository, holds, runs that were cut off; and what changes in Git.

use std::time::Duration;

use async_trait::async_trait;

use super::edits::{self, Applied};
use super::locking::{lock_request, refusal};
use super::run::Prepared;
use super::{LockOptions, Run, Selection, Stage, StageDone, StageError, Verb, guard, recover};
use crate::git::{CommitId, FileEdit, GitBackend, RepositoryStatus, snapshot};
use crate::lock::DeployLock;
use crate::report::{Diagnostic, Severity};
use crate::workspace::{DiscoveredEnvironment, Environment, Workspace};

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Preflight;

#[async_trait]
impl Stage for Preflight {
    fn name(&self) -> &str {
        "preflight"
    }

    async fn run(&self, run: &mut Run) -> Result<StageDone, StageError> {
        let (branch, _) = branch_and_head(&*run.services.git).await?;
        let fetched = run.services.git.fetch().await;
        recover::catch_up(run, &branch).await?;
        let (branch, base) = branch_and_head(&*run.services.git).await?;
        let files = snapshot(&*run.services.git, base).await.map_err(StageError::failed)?;
        let workspace = Workspace::discover(&files, &base.to_string()).map_err(StageError::failed)?;
        let environment = find_environment(&workspace, &run.request.environment)?;
        check_verb(run, &environment)?;
        if !run.services.embedded {
            let confirmed = run.services.confirmed_context.as_deref();
            guard::check_context(&environment.name, environment.production, run.services.cluster.name(), confirmed)
                .map_err(|(message, remedy)| StageError::refused(message).remedy(remedy))?;
        }
        let version = run.services.cluster.version().await.map_err(StageError::failed)?;
        recover::adopt(run, &environment.name, base).await?;
        let own = edits::repository(&workspace, &files, base);
        let wishes = edits::wishes(run, &workspace, &environment, &own, base).await?;
        let Applied { files: edited, changes, commits } = edits::apply(&files, &wishes)?;
        check_hold(run, &environment, base, !commits.is_empty()).await?;
        check_repository(run, &branch, &commits, environment.production, fetched.err()).await?;
        // What is deployed is what Git will say: discover again from the edited files.
        let workspace = if commits.is_empty() {
            workspace
        } else {
            Workspace::discover(&edited, &base.to_string()).map_err(StageError::failed)?
        };
        let selection = selection(run, &workspace, &environment)?;
        let summary = format!(
            "{} on {} ({version}), branch {branch} at {}: {} applications, {} libraries{}",
            environment.name,
            run.services.cluster.name(),
            base.short(),
            selection.applications.len(),
            selection.libraries.iter().map(|layer| layer.libraries.len()).sum::<usize>(),
            run.resumed.as_ref().map_or_else(String::new, |r| format!("; goes on with run {} at {}", r.id, r.stage)),
        );
        run.revision = base.to_string();
        run.prepared = Some(Prepared {
            environment,
            branch,
            base,
            workspace,
            files: edited,
            selection,
            wishes,
            edits: commits,
            changes,
        });
        Ok(StageDone::done(summary))
    }
}

/// The branch of the work tree, or of a bare repository's `HEAD`, and its head.
async fn branch_and_head(git: &dyn GitBackend) -> Result<(String, CommitId), StageError> {
    let head = git.resolve("HEAD").await.map_err(StageError::failed)?;
    let status = git.status("main").await.map_err(StageError::failed)?;
    let branch = match status.work_tree {
        Some(tree) => tree.branch.ok_or_else(|| {
            StageError::refused("HEAD is detached: there is no branch to deploy")
                .remedy("check out the branch that the Applications track")
        })?,
        None => {
            let refs = git.refs().await.map_err(StageError::failed)?;
            let of_head = |name: &str| refs.iter().any(|r| r.name == format!("refs/heads/{name}") && r.commit == head);
            ["main", "master"].into_iter().find(|name| of_head(name)).map(str::to_owned).ok_or_else(|| {
                StageError::refused("the bare repository's HEAD is on no branch called main or master")
            })?
        }
    };
    Ok((branch, head))
}

/// The environment that a word means.
pub(super) fn find_environment(workspace: &Workspace, word: &str) -> Result<DiscoveredEnvironment, StageError> {
    workspace.environment(word).cloned().ok_or_else(|| {
        let known: Vec<String> = workspace.environments.iter().map(|e| e.aliases().join(" | ")).collect();
        let error = StageError::refused(format!("there is no environment {word:?} in this repository"));
        if known.is_empty() {
            error.remedy("no Argo CD Applications were found; is this the GitOps repository?")
        } else {
            error.remedy(format!("environments here: {}", known.join("; ")))
        }
    })
}

/// What is never done to production.
fn check_verb(run: &Run, environment: &DiscoveredEnvironment) -> Result<(), StageError> {
    match &run.request.verb {
        Verb::Delete { .. } if environment.production => {
            Err(StageError::refused(format!("{} is production: it is never deleted as a whole", environment.name))
                .remedy("remove single Applications from Git, and deploy"))
        }
        // Their targets are not in Git, and Argo CD knows no other place.
        Verb::Delete { .. } | Verb::Restore { .. } if run.services.driver.name() == "argocd" => {
            let message = format!("{} through Argo CD is not supported: it would bring back what Git says", run.request.verb.word());
            Err(StageError::refused(message)
                .remedy("switch the Applications' automated sync off, and use --driver embedded"))
        }
        _ => Ok(()),
    }
}

/// The Applications of this run; a deletion or a restore may name some of them, and leaves shared ones and libraries alone.
fn selection(run: &Run, workspace: &Workspace, environment: &DiscoveredEnvironment) -> Result<Selection, StageError> {
    let asked = match &run.request.verb {
        Verb::Delete { applications } | Verb::Restore { applications, .. } => applications,
        _ => return Ok(Selection::new(workspace, &environment.name, run.request.libraries)),
    };
    let mut selection = Selection::own(workspace, &environment.name);
    if let Verb::Restore { .. } = run.request.verb {
        selection = Selection { libraries: Vec::new(), ..Selection::new(workspace, &environment.name, super::Libraries::Skip) };
    }
    let known: Vec<String> = selection.applications.iter().map(|a| a.metadata.name.clone()).collect();
    if let Some(unknown) = asked.iter().find(|name| !known.contains(name)) {
        return Err(StageError::refused(format!("{} has no application {unknown:?} of its own", environment.name))
            .remedy(format!("there are: {}", known.join(", "))));
    }
    if !asked.is_empty() {
        selection.applications.retain(|a| asked.contains(&a.metadata.name));
    }
    Ok(selection)
}

/// An environment that is held stays as it is, but for what the hold itself deployed.
async fn check_hold(
    run: &mut Run,
    environment: &DiscoveredEnvironment,
    base: CommitId,
    edits: bool,
) -> Result<(), StageError> {
    let locks = DeployLock::new(
        std::sync::Arc::clone(&run.services.cluster),
        std::sync::Arc::clone(&run.services.clock),
        run.services.safety.lock.clone(),
    );
    let lease = match locks.read(&environment.name).await {
        Ok(lease) => lease,
        // Whoever may not read Leases cannot take the lock either; the lock stage says so when there is something to do.
        Err(_) => return Ok(()),
    };
    // Whoever will not wait need not approve a plan first.
    if let (Some(lease), LockOptions { timeout: Duration::ZERO, break_reason: None }) = (&lease, &run.request.lock)
        && run.lock.is_none()
        && !run.request.dry_run
        && let Some(held) = DeployLock::foreign(lease, &lock_request(run, &environment.name))
    {
        return Err(refusal(held));
    }
    run.lease_version = lease.as_ref().map(|lease| lease.version.clone());
    run.hold = lease.and_then(|lease| lease.hold);
    let Some(hold) = &run.hold else { return Ok(()) };
    let exempt = match run.request.verb {
        Verb::Rollback { .. } | Verb::Restore { .. } | Verb::Backup | Verb::Delete { .. } => true,
        _ => run.request.release_hold || (hold.revision == base.to_string() && !edits),
    };
    if exempt || run.resumed.is_some() {
        return Ok(());
    }
    Err(StageError::refused(format!("{} is {hold}", environment.name))
        .remedy("when it may go on, deploy with --release-hold"))
}

/// A commit needs a branch that is up to date, and files that nobody is editing.
async fn check_repository(
    run: &mut Run,
    branch: &str,
    edits: &[FileEdit],
    production: bool,
    not_fetched: Option<crate::git::GitError>,
) -> Result<(), StageError> {
    if let Some(error) = not_fetched {
        if !edits.is_empty() {
            return Err(StageError::failed(format!("the branch cannot be published: {error}")));
        }
        let message = format!("whether {branch} is up to date is unknown: {error}");
        run.findings.push(Diagnostic::new(Severity::Warning, "not-fetched", message));
    }
    if edits.is_empty() && !production {
        return Ok(());
    }
    let status = run.services.git.status(branch).await.map_err(StageError::failed)?;
    let RepositoryStatus { branch: status, work_tree } = status;
    if status.behind > 0 {
        return Err(StageError::refused(format!("branch {branch} lacks {} commits of its remote", status.behind))
            .remedy("pull first, then deploy what you have seen"));
    }
    if status.ahead > 0 {
        return Err(StageError::refused(format!("branch {branch} has {} commits that its remote lacks", status.ahead))
            .remedy("push them first: what is deployed must be what others can see"));
    }
    // What an earlier try of this very run left in the work tree, the push recognises.
    if run.resumed.is_some() {
        return Ok(());
    }
    let changed = work_tree.map(|tree| tree.changed).unwrap_or_default();
    let dirty: Vec<String> =
        changed.into_iter().filter(|path| production || edits.iter().any(|edit| edit.path == *path)).collect();
    if dirty.is_empty() {
        return Ok(());
    }
    Err(StageError::refused(format!("uncommitted changes in {}", dirty.join(", "))).remedy("commit or undo them first"))
}
