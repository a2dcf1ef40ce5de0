//! A plain folder as a Git repository: imported into a bare one under the state directory.
//!
//! The branch `imported` remembers what the folder held last time, so that only what changed in the folder since is taken
//! over, and commits that a deploy made stay.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use bytes::Bytes;

use super::{EngineError, STATE_DIR};
use crate::clock::Clock;
use crate::files::{File, RepoFiles};
use crate::git::{
    CommitId, CommitRequest, EntryKind, FileEdit, GitBackend, GitError, GixGit, PushRequest, Signature, snapshot,
};

const BRANCH: &str = "main";
const IMPORTED: &str = "imported";
/// Most files that are imported.
const MAX_FILES: usize = 100_000;

/// Opens the imported repository, bringing it up to date with the folder.
pub(super) async fn import(folder: &Path, state_dir: &Path, clock: &dyn Clock) -> Result<GixGit, EngineError> {
    if !folder.is_dir() {
        return Err(folder_error(folder, "there is no such folder; give the repository's with --repo"));
    }
    let files = read(folder)?;
    if !files.keys().any(|path| path.ends_with(".yaml") || path.ends_with(".yml")) {
        return Err(folder_error(folder, "this is neither a Git repository nor a folder with YAML files"));
    }
    fs::create_dir_all(state_dir).map_err(|e| folder_error(state_dir, &e.to_string()))?;
    let home = state_dir.join("repo.git");
    let git = if home.exists() { GixGit::open(&home).await? } else { GixGit::init(&home, BRANCH, true).await? };
    let imported = head(&git, IMPORTED).await?;
    let before = match imported {
        Some(commit) => snapshot(&git, commit).await?,
        None => RepoFiles::default(),
    };
    let edits = edits(&before, &files);
    if edits.is_empty() {
        return Ok(git);
    }
    let advance = async |branch: &str, edits: Vec<FileEdit>| {
        let parent = head(&git, branch).await?;
        let who = Signature { name: "plate-deploy".into(), email: "plate-deploy@localhost".into(), time: clock.now() };
        let message = format!("Import {}", folder.display());
        let request = CommitRequest { parent, edits, message, author: who.clone(), committer: who };
        match git.commit(request).await {
            Ok(new) => {
                git.push(PushRequest { branch: branch.into(), new, expected: parent }).await?;
                Ok(())
            }
            Err(GitError::NothingToCommit { .. }) => Ok(()),
            Err(error) => Err(EngineError::Git(error)),
        }
    };
    // The branch first: killed in between, the next import does the same again and finds nothing left to commit.
    let current = match head(&git, BRANCH).await? {
        Some(commit) => snapshot(&git, commit).await?,
        None => RepoFiles::default(),
    };
    let possible = edits.iter().filter(|e| !is_delete(e) || current.is_file(&e.path)).cloned().collect();
    advance(BRANCH, possible).await?;
    advance(IMPORTED, edits).await?;
    Ok(git)
}

fn is_delete(edit: &FileEdit) -> bool {
    edit.change == crate::git::FileChange::Delete
}

async fn head(git: &GixGit, branch: &str) -> Result<Option<CommitId>, EngineError> {
    let name = format!("refs/heads/{branch}");
    Ok(git.refs().await?.into_iter().find(|r| r.name == name).map(|r| r.commit))
}

/// What takes `before` to `now`.
fn edits(before: &RepoFiles, now: &BTreeMap<String, (Bytes, EntryKind)>) -> Vec<FileEdit> {
    let old: BTreeMap<&str, &File> = before.below("").collect();
    let same = |path: &str, content: &Bytes| match old.get(path) {
        Some(File::Blob(old)) => old == content,
        Some(File::Symlink(old)) => old.as_bytes() == &content[..],
        _ => false,
    };
    let written = now.iter().filter(|(path, (content, _))| !same(path, content));
    let mut edits: Vec<FileEdit> =
        written.map(|(path, (content, kind))| FileEdit::write_as(path, content.clone(), *kind)).collect();
    edits.extend(before.paths().filter(|path| !now.contains_key(*path)).map(FileEdit::delete));
    edits
}

/// Every file of the folder, less Git's and our own.
fn read(folder: &Path) -> Result<BTreeMap<String, (Bytes, EntryKind)>, EngineError> {
    let mut files = BTreeMap::new();
    let mut folders = vec![(folder.to_owned(), String::new())];
    while let Some((dir, prefix)) = folders.pop() {
        let entries = fs::read_dir(&dir).map_err(|e| folder_error(&dir, &e.to_string()))?;
        for entry in entries {
            let entry = entry.map_err(|e| folder_error(&dir, &e.to_string()))?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name == ".git" || name == STATE_DIR {
                continue;
            }
            let (path, full) = (format!("{prefix}{name}"), entry.path());
            let kind = entry.file_type().map_err(|e| folder_error(&full, &e.to_string()))?;
            if kind.is_dir() {
                folders.push((full, format!("{path}/")));
            } else if kind.is_symlink() {
                let target = fs::read_link(&full).map_err(|e| folder_error(&full, &e.to_string()))?;
                files.insert(path, (Bytes::from(target.to_string_lossy().into_owned()), EntryKind::Symlink));
            } else if kind.is_file() {
                let content = fs::read(&full).map_err(|e| folder_error(&full, &e.to_string()))?;
                files.insert(path, (Bytes::from(content), EntryKind::Blob));
            }
            if files.len() > MAX_FILES {
                return Err(folder_error(folder, "more than 100,000 files; make it a Git repository"));
            }
        }
    }
    Ok(files)
}

fn folder_error(path: &Path, message: &str) -> EngineError {
    EngineError::Folder { path: path.display().to_string(), message: message.into() }
}
