//! Preflight: environment, context, cluster, repository; and what the request changes in Git.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;

use super::run::Prepared;
use super::{Run, Selection, Stage, StageDone, StageError, guard};
use crate::files::RepoFiles;
use crate::git::{CommitId, FileEdit, GitBackend, RepositoryStatus, snapshot};
use crate::report::FileChange;
use crate::workspace::{Component, DiscoveredEnvironment, Environment, ImageRequest, ValueEdit, Workspace};
use crate::yaml;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Preflight;

#[async_trait]
impl Stage for Preflight {
    fn name(&self) -> &str {
        "preflight"
    }

    async fn run(&self, run: &mut Run) -> Result<StageDone, StageError> {
        let (branch, base) = branch_and_head(&*run.services.git).await?;
        let files = snapshot(&*run.services.git, base).await.map_err(StageError::failed)?;
        let workspace = Workspace::discover(&files, &base.to_string()).map_err(StageError::failed)?;
        let environment = find_environment(&workspace, &run.request.environment)?;
        if !run.services.embedded {
            let confirmed = run.services.confirmed_context.as_deref();
            guard::check_context(&environment.name, run.services.cluster.name(), confirmed)
                .map_err(|(message, remedy)| StageError::refused(message).remedy(remedy))?;
        }
        let version = run.services.cluster.version().await.map_err(StageError::failed)?;
        let edits = image_edits(run, &workspace, &environment)?;
        let (edited, changes, commits) = edit(&files, &edits)?;
        if !commits.is_empty() {
            check_clean(&*run.services.git, &branch, &commits).await?;
        }
        // What is deployed is what Git will say: discover again from the edited files.
        let workspace = if commits.is_empty() {
            workspace
        } else {
            Workspace::discover(&edited, &base.to_string()).map_err(StageError::failed)?
        };
        let selection = Selection::new(&workspace, &environment.name, run.request.libraries);
        let summary = format!(
            "{} on {} ({version}), branch {branch} at {}: {} applications, {} libraries",
            environment.name,
            run.services.cluster.name(),
            base.short(),
            selection.applications.len(),
            selection.libraries.iter().map(|layer| layer.libraries.len()).sum::<usize>(),
        );
        run.revision = base.to_string();
        run.prepared =
            Some(Prepared { environment, branch, base, workspace, files: edited, selection, edits: commits, changes });
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

fn find_environment(workspace: &Workspace, word: &str) -> Result<DiscoveredEnvironment, StageError> {
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

fn image_edits(
    run: &Run,
    workspace: &Workspace,
    environment: &DiscoveredEnvironment,
) -> Result<Vec<ValueEdit>, StageError> {
    let mut edits = Vec::new();
    for change in &run.request.images {
        let component = workspace.component(&change.component).ok_or_else(|| {
            let known: Vec<&str> = workspace.components.iter().map(|c| c.name.as_str()).collect();
            StageError::refused(format!("there is no component {:?}", change.component))
                .remedy(format!("components here: {}", known.join(", ")))
        })?;
        let request = ImageRequest::parse(&change.image);
        edits.extend(component.image_edits(Some(&environment.name), &request).map_err(StageError::refused)?);
    }
    Ok(edits)
}

/// The files with the edits in them, the edits for people, and for the commit.
fn edit(files: &RepoFiles, edits: &[ValueEdit]) -> Result<(RepoFiles, Vec<FileChange>, Vec<FileEdit>), StageError> {
    let mut texts: BTreeMap<&str, String> = BTreeMap::new();
    let mut changes = Vec::new();
    for edit in edits.iter().filter(|edit| edit.old != edit.new) {
        let text = match texts.get(edit.file.as_str()) {
            Some(text) => text.clone(),
            None => String::from_utf8_lossy(files.read(&edit.file).map_err(StageError::failed)?).into_owned(),
        };
        let edited = yaml::set_scalar(&text, edit.document, &edit.path, &edit.new.clone().into())
            .map_err(|e| StageError::refused(format!("{}: {e}", edit.file)))?;
        texts.insert(&edit.file, edited);
        changes.push(FileChange {
            file: edit.file.clone(),
            path: edit.path.to_string(),
            before: edit.old.clone(),
            after: edit.new.clone(),
        });
    }
    let edited = files.with(texts.iter().map(|(path, text)| ((*path).to_owned(), Some(Bytes::from(text.clone())))));
    let commits = texts.into_iter().map(|(path, text)| FileEdit::write(path, text)).collect();
    Ok((edited, changes, commits))
}

/// A commit needs a branch that is up to date, and files that nobody is editing.
async fn check_clean(git: &dyn GitBackend, branch: &str, edits: &[FileEdit]) -> Result<(), StageError> {
    let RepositoryStatus { branch: status, work_tree } = git.status(branch).await.map_err(StageError::failed)?;
    if status.behind > 0 {
        return Err(StageError::refused(format!("branch {branch} lacks {} commits of its remote", status.behind))
            .remedy("pull first, then deploy what you have seen"));
    }
    let dirty: Vec<String> = work_tree
        .map(|tree| tree.changed)
        .unwrap_or_default()
        .into_iter()
        .filter(|path| edits.iter().any(|edit| edit.path == *path))
        .collect();
    if dirty.is_empty() {
        return Ok(());
    }
    Err(StageError::refused(format!("uncommitted changes in {}", dirty.join(", "))).remedy("commit or undo them first"))
}
