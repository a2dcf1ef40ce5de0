//! What a run changes in Git: found once, applied to the files, and applied again when somebody else was faster.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;

use super::recover::commit_of;
use super::{Run, StageError, Verb, promote, rollback};
use crate::files::RepoFiles;
use crate::git::{CommitId, FileEdit};
use crate::model::FieldStep;
use crate::render::Repository;
use crate::report::FileChange;
use crate::workspace::{Component, DiscoveredEnvironment, ImageRequest, ValueEdit, Workspace};
use crate::yaml;

/// One change, with what it expects to find.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// A scalar in a values file.
    Value(ValueEdit),
    /// A whole file.
    File {
        /// The file.
        path: String,
        /// What it holds now; `None`: it does not exist.
        before: Option<Bytes>,
        /// What it shall hold; `None`: it shall not exist.
        after: Option<Bytes>,
    },
}

/// Edits put into files.
#[derive(Debug)]
pub(super) struct Applied {
    /// The files with the edits in them.
    pub(super) files: RepoFiles,
    /// The edits for people.
    pub(super) changes: Vec<FileChange>,
    /// The edits for the commit.
    pub(super) commits: Vec<FileEdit>,
}

/// A revision's files for renders.
pub(super) fn repository(workspace: &Workspace, files: &RepoFiles, revision: CommitId) -> Repository {
    Repository { url: workspace.repo_url.clone(), files: files.clone(), revision: revision.to_string() }
}

/// What the request changes in Git.
pub(super) async fn wishes(
    run: &mut Run,
    workspace: &Workspace,
    environment: &DiscoveredEnvironment,
    own: &Repository,
    base: CommitId,
) -> Result<Vec<Edit>, StageError> {
    // A run that was cut off after its commit must not make its wishes anew: "the last healthy revision" is another one
    // when its own commit counts.
    let own_commit = commit_of(&*run.services.git, base, &run.request.id).await.map_err(StageError::failed)?;
    if own_commit.is_some() {
        return Ok(Vec::new());
    }
    match run.request.verb.clone() {
        Verb::Deploy => images(run, workspace, environment),
        Verb::Promote { from, components } => {
            promote::edits(run, workspace, environment, own, (&from, &components)).await
        }
        Verb::Rollback { to, .. } => rollback::edits(run, workspace, environment, own, (base, &to)).await,
        _ => Ok(Vec::new()),
    }
}

fn images(run: &Run, workspace: &Workspace, environment: &DiscoveredEnvironment) -> Result<Vec<Edit>, StageError> {
    let mut edits = Vec::new();
    for change in &run.request.images {
        let component = workspace.component(&change.component).ok_or_else(|| {
            let known: Vec<&str> = workspace.components.iter().map(|c| c.name.as_str()).collect();
            StageError::refused(format!("there is no component {:?}", change.component))
                .remedy(format!("components here: {}", known.join(", ")))
        })?;
        let request = ImageRequest::parse(&change.image);
        let found = component.image_edits(Some(&environment.name), &request).map_err(StageError::refused)?;
        edits.extend(found.into_iter().map(Edit::Value));
    }
    Ok(edits)
}

/// Puts edits into files. What an edit expects must be there, or already what the edit makes of it.
pub(super) fn apply(files: &RepoFiles, edits: &[Edit]) -> Result<Applied, StageError> {
    // The new content by path; `None`: the file goes.
    let mut texts: BTreeMap<String, Option<Bytes>> = BTreeMap::new();
    let mut changes = Vec::new();
    for edit in edits {
        match edit {
            Edit::Value(edit) => changes.extend(apply_value(files, &mut texts, edit)?),
            Edit::File { path, before, after } => {
                let now = files.read(path).ok().cloned();
                if now == *after {
                    continue;
                }
                if now != *before {
                    return Err(conflict(path, "", (&size(before), &size(after)), &size(&now)));
                }
                texts.insert(path.clone(), after.clone());
                changes.push(FileChange {
                    file: path.clone(),
                    path: "(the file)".into(),
                    before: size(before),
                    after: size(after),
                });
            }
        }
    }
    let edited = files.with(texts.iter().map(|(path, text)| (path.clone(), text.clone())));
    let commits = texts
        .into_iter()
        .map(|(path, text)| match text {
            Some(text) => FileEdit::write(path, text),
            None => FileEdit::delete(path),
        })
        .collect();
    Ok(Applied { files: edited, changes, commits })
}

fn apply_value(
    files: &RepoFiles,
    texts: &mut BTreeMap<String, Option<Bytes>>,
    edit: &ValueEdit,
) -> Result<Option<FileChange>, StageError> {
    let text = match texts.get(&edit.file) {
        Some(Some(text)) => String::from_utf8_lossy(text).into_owned(),
        _ => String::from_utf8_lossy(files.read(&edit.file).map_err(StageError::failed)?).into_owned(),
    };
    let now = scalar(&text, edit);
    if now.as_deref() == Some(&edit.new) {
        return Ok(None);
    }
    if now.as_deref() != Some(&edit.old) {
        let now = now.unwrap_or_else(|| "no longer there".into());
        return Err(conflict(&edit.file, &edit.path.to_string(), (&edit.old, &edit.new), &now));
    }
    let edited = yaml::set_scalar(&text, edit.document, &edit.path, &edit.new.clone().into())
        .map_err(|e| StageError::refused(format!("{}: {e}", edit.file)))?;
    texts.insert(edit.file.clone(), Some(Bytes::from(edited)));
    Ok(Some(FileChange {
        file: edit.file.clone(),
        path: edit.path.to_string(),
        before: edit.old.clone(),
        after: edit.new.clone(),
    }))
}

/// The text of the scalar that an edit is about.
fn scalar(text: &str, edit: &ValueEdit) -> Option<String> {
    let parsed = yaml::parse(text);
    let document = parsed.documents.get(edit.document)?.json().ok()?;
    let found = edit.path.steps().iter().try_fold(&document, |at, step| match step {
        FieldStep::Key(key) => at.get(key),
        FieldStep::Index(index) => at.get(index),
    })?;
    match found {
        Value::String(text) => Some(text.clone()),
        Value::Null => Some(String::new()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// Both sides of an edit that no longer fits.
fn conflict(file: &str, path: &str, (before, after): (&str, &str), now: &str) -> StageError {
    let place = if path.is_empty() { file.to_owned() } else { format!("{file}: {path}") };
    StageError::refused(format!(
        "{place} was changed meanwhile: here {before:?} -> {after:?}, there {before:?} -> {now:?}"
    ))
    .remedy("pull, decide which of the two it shall be, and deploy again")
}

fn size(content: &Option<Bytes>) -> String {
    match content {
        None => "no file".into(),
        Some(content) => {
            use sha2::{Digest, Sha256};
            let sum: String = Sha256::digest(content).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
            format!("{} bytes, {sum}", content.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FieldPath;

    fn value(old: &str, new: &str) -> Edit {
        let path = FieldPath::keys(["image", "tag"]);
        Edit::Value(ValueEdit { file: "v.yaml".into(), document: 0, path, old: old.into(), new: new.into() })
    }

    #[test]
    fn edits_apply_where_they_fit_and_show_both_sides_where_not() {
        let files = RepoFiles::from_texts([("v.yaml", "image: {tag: \"1\"} # why\n"), ("w", "x")]);
        let applied = apply(&files, &[value("1", "2")]).unwrap();
        assert_eq!(applied.files.read("v.yaml").unwrap(), "image: {tag: \"2\"} # why\n");
        let again = apply(&applied.files, &[value("1", "2")]).unwrap();
        assert!(again.commits.is_empty() && again.changes.is_empty(), "what is there already is no change");
        let theirs = files.with([("v.yaml".into(), Some(Bytes::from_static(b"image: {tag: \"3\"}\n")))]);
        let refused = apply(&theirs, &[value("1", "2")]).unwrap_err();
        assert!(refused.refused && refused.message.contains("\"1\" -> \"2\""), "{refused}");
        assert!(refused.message.contains("there \"1\" -> \"3\""), "{refused}");
        // Somebody else's change beside it is none of ours.
        let beside = files.with([("v.yaml".into(), Some(Bytes::from_static(b"a: 1\nimage: {tag: \"1\"}\n")))]);
        assert_eq!(
            apply(&beside, &[value("1", "2")]).unwrap().files.read("v.yaml").unwrap(),
            "a: 1\nimage: {tag: \"2\"}\n"
        );
    }

    #[test]
    fn whole_files_come_and_go() {
        let files = RepoFiles::from_texts([("a", "1"), ("b", "1")]);
        let bytes = |text: &'static str| Some(Bytes::from_static(text.as_bytes()));
        let edit = |path: &str, before, after| Edit::File { path: path.into(), before, after };
        let edits = [edit("a", bytes("1"), None), edit("c", None, bytes("2")), edit("b", bytes("0"), bytes("1"))];
        let applied = apply(&files, &edits).unwrap();
        assert_eq!(applied.files.paths().collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(applied.commits.len(), 2);
        assert!(apply(&files, &[edit("b", bytes("0"), None)]).unwrap_err().refused);
    }
}
