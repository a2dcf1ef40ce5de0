//! A remote that is a folder on this machine: both repositories are opened, objects are copied and references moved with
//! compare-and-swap. Nothing is executed, so a remote with server-side hooks is refused for pushes.

use std::collections::BTreeMap;
use std::path::Path;

use gix::refs::Target;
use gix::refs::transaction::{PreviousValue, RefEdit};

use super::open::open_isolated;
use super::remote::Pushed;
use super::store::{Local, describe, reflog_signature, to_gix};
use super::transfer;
use crate::git::error::GitError;
use crate::git::history::Refs;
use crate::git::objects::{from_gix, to_commit};
use crate::git::types::{CommitId, ObjectId, PushRequest};

/// Hooks that may refuse or change a push.
const SERVER_HOOKS: [&str; 6] =
    ["pre-receive", "update", "post-receive", "post-update", "reference-transaction", "proc-receive"];

fn failed(folder: &Path, action: &str) -> impl Fn(gix::Error) -> GitError + use<> {
    let (repository, action) = (folder.display().to_string(), action.to_owned());
    move |error| GitError::Backend { repository: repository.clone(), action: action.clone(), message: describe(&error) }
}

/// The remote's branches and tags with what they point to (tags not followed).
fn list(remote: &gix::Repository, folder: &Path) -> Result<BTreeMap<String, ObjectId>, GitError> {
    let failed = failed(folder, "list references");
    let mut out = BTreeMap::new();
    for reference in remote.references().map_err(&failed)?.all().map_err(&failed)? {
        let mut reference = reference.map_err(|error| failed(gix::Error::from_boxed(error.into())))?;
        let name = reference.name().as_bstr().to_string();
        if name.starts_with("refs/heads/") || name.starts_with("refs/tags/") {
            let Ok(id) = reference.follow_to_object() else { continue };
            out.insert(name, from_gix(&id));
        }
    }
    Ok(out)
}

/// Copies what is missing and moves the references that say what the remote has.
pub(super) fn fetch(local: &Local<'_>, folder: &Path) -> Result<Vec<String>, GitError> {
    let remote = open_isolated(folder)?;
    let theirs = list(&remote, folder)?;
    let tips: Vec<gix::ObjectId> = theirs.values().map(|id| to_gix(*id)).collect();
    transfer::copy(&remote, &local.repository, &tips)
        .map_err(local.failed(&format!("copy objects from {}", folder.display())))?;
    let mut updated = Vec::new();
    let mut edits = Vec::new();
    for (name, id) in &theirs {
        let here = name
            .strip_prefix("refs/heads/")
            .map_or_else(|| name.clone(), |branch| format!("{}{branch}", local.shared.tracking));
        let known = local.find(&here)?;
        // A tag in a user's clone is theirs once it exists, as for `git fetch`.
        if known == Some(*id) || (known.is_some() && name.starts_with("refs/tags/") && !local.is_mirror()) {
            continue;
        }
        edits.push(local.edit(&here, PreviousValue::Any, to_commit(*id))?);
        updated.push(name.clone());
    }
    if local.is_mirror() {
        prune(local, &theirs, &mut edits, &mut updated)?;
        follow_head(local, &remote)?;
    }
    local.repository.edit_references_as(edits, Some(reflog_signature())).map_err(local.failed("update references"))?;
    Ok(updated)
}

/// A mirror forgets what the remote forgot.
fn prune(
    local: &Local<'_>,
    theirs: &BTreeMap<String, ObjectId>,
    edits: &mut Vec<RefEdit>,
    updated: &mut Vec<String>,
) -> Result<(), GitError> {
    for gone in local.refs()?.into_iter().map(|reference| reference.name).filter(|name| !theirs.contains_key(name)) {
        edits.push(local.deletion(&gone)?);
        updated.push(gone);
    }
    Ok(())
}

/// A mirror's `HEAD` names the remote's default branch.
fn follow_head(local: &Local<'_>, remote: &gix::Repository) -> Result<(), GitError> {
    let Ok(Some(branch)) = remote.head_name() else { return Ok(()) };
    local.set_head(branch)
}

/// Copies the new objects and moves the branch there if it still has the expected head.
pub(super) fn push(local: &Local<'_>, folder: &Path, request: &PushRequest) -> Result<Pushed, GitError> {
    let remote = open_isolated(folder)?;
    let name = format!("refs/heads/{}", request.branch);
    let actual = head_of(&remote, folder, &name)?;
    if actual == Some(request.new) {
        return Ok(Pushed::default());
    }
    let stale = |actual| GitError::Stale {
        repository: folder.display().to_string(),
        branch: request.branch.clone(),
        expected: request.expected,
        actual,
    };
    if actual != request.expected {
        return Err(stale(actual));
    }
    refuse_what_needs_a_server(&remote, folder, &name)?;
    transfer::copy(&local.repository, &remote, &[to_gix(request.new)]).map_err(failed(folder, "copy objects"))?;
    let expected =
        actual.map_or(PreviousValue::MustNotExist, |old| PreviousValue::MustExistAndMatch(Target::Object(to_gix(old))));
    let edit = local.edit(&name, expected, request.new)?;
    match remote.edit_references_as([edit], Some(reflog_signature())) {
        Ok(_) => Ok(Pushed { moved: true, messages: Vec::new() }),
        Err(error) => {
            // Somebody may have been faster between the look above and the lock.
            let actual = head_of(&remote, folder, &name)?;
            if actual == request.expected {
                Err(failed(folder, &format!("move {name}"))(error))
            } else {
                Err(stale(actual))
            }
        }
    }
}

fn head_of(remote: &gix::Repository, folder: &Path, name: &str) -> Result<Option<CommitId>, GitError> {
    let failed = failed(folder, &format!("read {name}"));
    let full = gix::refs::FullName::try_from(name)
        .map_err(|error| GitError::InvalidRevision { revision: name.to_owned(), reason: error.to_string() })?;
    let found = remote.try_find_reference(full.as_ref()).map_err(&failed)?;
    Ok(found.and_then(|reference| reference.try_id().map(|id| to_commit(from_gix(&id)))))
}

/// Hooks are programs; and a branch that a work tree shows may not move under it (`receive.denyCurrentBranch`).
fn refuse_what_needs_a_server(remote: &gix::Repository, folder: &Path, name: &str) -> Result<(), GitError> {
    let unsupported = |what: String, remedy: &str| {
        Err(GitError::Unsupported { repository: folder.display().to_string(), what, remedy: remedy.to_owned() })
    };
    let config = remote.config_snapshot();
    let hooks = config
        .string("core.hooksPath")
        .map_or_else(|| remote.common_dir().join("hooks"), |path| folder.join(path.to_string()));
    if let Some(hook) = SERVER_HOOKS.iter().find(|hook| hooks.join(hook).exists()) {
        return unsupported(
            format!("a push into a folder with a `{hook}` hook"),
            "push through a Git server, which runs it",
        );
    }
    let head = remote.head_name().map_err(failed(folder, "read HEAD"))?;
    let shown = remote.workdir().is_some() && head.is_some_and(|head| head.as_bstr() == name);
    let allowed = config
        .string("receive.denyCurrentBranch")
        .is_some_and(|value| matches!(value.to_string().as_str(), "ignore" | "warn" | "false"));
    if shown && !allowed {
        return unsupported(
            "a push to the branch that the remote folder has checked out".to_owned(),
            "make the remote a bare repository",
        );
    }
    Ok(())
}
