//! The other side: a repository on this disk, or one behind https or ssh.

use std::fmt;

use super::store::Local;
use super::{http, local_remote};
use crate::git::credentials::Credentials;
use crate::git::error::GitError;
use crate::git::types::PushRequest;
use crate::git::url::RepoUrl;

/// What is needed to get in.
#[derive(Clone, Debug, Default)]
pub(super) struct Access {
    pub(super) credentials: Vec<Credentials>,
    pub(super) allow_ssh_program: bool,
    pub(super) ca_certificates: Vec<u8>,
}

/// A remote repository.
#[derive(Clone, Debug)]
pub(super) struct Remote {
    url: RepoUrl,
    access: Access,
}

/// What a push did at the remote.
#[derive(Debug, Default)]
pub(super) struct Pushed {
    /// `false`: the branch was there already.
    pub(super) moved: bool,
    /// Lines for people.
    pub(super) messages: Vec<String>,
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}

impl Remote {
    pub(super) fn new(url: RepoUrl, access: Access) -> Self {
        Self { url, access }
    }

    /// Brings branches and tags; returns the remote's names of those that changed.
    pub(super) fn fetch(&self, local: &Local<'_>) -> Result<Vec<String>, GitError> {
        match &self.url {
            RepoUrl::Local(folder) => local_remote::fetch(local, folder),
            url => http::fetch(local, url, &self.checked_access()?),
        }
    }

    /// Moves a branch if it has the expected head.
    pub(super) fn push(&self, local: &Local<'_>, request: &PushRequest) -> Result<Pushed, GitError> {
        match &self.url {
            RepoUrl::Local(folder) => local_remote::push(local, folder, request),
            url => http::push(local, url, &self.checked_access()?, request),
        }
    }

    fn checked_access(&self) -> Result<Access, GitError> {
        if matches!(self.url, RepoUrl::Ssh(_)) && !self.access.allow_ssh_program {
            return Err(GitError::Unsupported {
                repository: self.to_string(),
                what: "ssh without the `ssh` program".to_owned(),
                remedy: "set `allow_ssh_program` to let it start, or use an https:// address".to_owned(),
            });
        }
        Ok(self.access.clone())
    }
}
