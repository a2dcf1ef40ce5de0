//! One thread's handle on a repository: objects and references through gix.

use std::collections::HashSet;

use gix::objs::{Kind, Write};
use gix::refs::transaction::{Change, LogChange, PreviousValue, RefEdit, RefLog};
use gix::refs::{FullName, Target};

use super::Shared;
use crate::git::error::GitError;
use crate::git::history::Refs;
use crate::git::objects::{ObjectStore, from_gix, peel_to_commit};
use crate::git::types::{CommitId, ObjectId, RefInfo};
use crate::git::url::redact_url;

/// A handle for one blocking call.
pub(super) struct Local<'a> {
    pub(super) repository: gix::Repository,
    pub(super) shared: &'a Shared,
}

/// gix's id for ours.
pub(super) fn to_gix(id: impl Into<ObjectId>) -> gix::ObjectId {
    gix::ObjectId::Sha1(*id.into().as_bytes())
}

/// All causes of a gix error on one line, without credentials.
pub(super) fn describe(error: &gix::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in error.iter_errors() {
        let text = cause.to_string();
        if parts.iter().all(|part| !part.contains(&text)) {
            parts.push(text);
        }
    }
    redact_url(&parts.join(": ")).into_owned()
}

impl<'a> Local<'a> {
    pub(super) fn new(shared: &'a Shared) -> Self {
        Self { repository: shared.repository.to_thread_local(), shared }
    }

    /// Turns an error of gix into ours.
    pub(super) fn failed(&self, action: &str) -> impl Fn(gix::Error) -> GitError + use<> {
        let (repository, action) = (self.shared.location.clone(), action.to_owned());
        move |error| GitError::Backend {
            repository: repository.clone(),
            action: action.clone(),
            message: describe(&error),
        }
    }

    /// Turns an error of the disk into ours.
    pub(super) fn io(&self, action: String) -> impl Fn(std::io::Error) -> GitError + use<> {
        let repository = self.shared.location.clone();
        move |error| GitError::Backend {
            repository: repository.clone(),
            action: action.clone(),
            message: error.to_string(),
        }
    }

    /// The remote's branches are this repository's own branches.
    pub(super) fn is_mirror(&self) -> bool {
        self.shared.remote.is_some() && self.shared.tracking == "refs/heads/"
    }

    /// The commit of a full reference name.
    pub(super) fn reference(&self, name: &str) -> Result<Option<CommitId>, GitError> {
        match self.find(name)? {
            Some(id) => peel_to_commit(self, id),
            None => Ok(None),
        }
    }

    /// Branches, tags and remote branches.
    pub(super) fn refs(&self) -> Result<Vec<RefInfo>, GitError> {
        let mut out = Vec::new();
        let failed = self.failed("list references");
        let platform = self.repository.references().map_err(&failed)?;
        for reference in platform.all().map_err(&failed)? {
            let reference = reference.map_err(|error| failed(gix::Error::from_boxed(error.into())))?;
            let name = reference.name().as_bstr().to_string();
            let wanted = ["refs/heads/", "refs/tags/", "refs/remotes/"].iter().any(|prefix| name.starts_with(prefix));
            let Some(id) = reference.try_id().filter(|_| wanted) else { continue };
            if let Some(commit) = peel_to_commit(self, from_gix(&id))? {
                out.push(RefInfo { name, commit });
            }
        }
        out.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(out)
    }

    /// The edit that moves a reference.
    pub(super) fn edit(&self, name: &str, expected: PreviousValue, new: CommitId) -> Result<RefEdit, GitError> {
        let name = self.full_name(name)?;
        let log = LogChange {
            mode: RefLog::AndReference,
            force_create_reflog: false,
            message: "plate-deploy: publish".into(),
        };
        Ok(RefEdit { change: Change::Update { log, expected, new: Target::Object(to_gix(new)) }, name, deref: false })
    }

    /// Sets a reference whatever it was: for references that only say what the remote has.
    pub(super) fn set_reference(&self, name: &str, new: CommitId) -> Result<(), GitError> {
        let edit = self.edit(name, PreviousValue::Any, new)?;
        let edits = self.repository.edit_references_as([edit], Some(reflog_signature()));
        edits.map(drop).map_err(self.failed(&format!("update {name}")))
    }

    /// Removes a reference that the remote does not have any more.
    pub(super) fn delete_reference(&self, name: &str) -> Result<(), GitError> {
        let edit = self.deletion(name)?;
        let edits = self.repository.edit_references_as([edit], Some(reflog_signature()));
        edits.map(drop).map_err(self.failed(&format!("delete {name}")))
    }

    /// The edit that removes a reference.
    pub(super) fn deletion(&self, name: &str) -> Result<RefEdit, GitError> {
        let change = Change::Delete { expected: PreviousValue::Any, log: RefLog::AndReference };
        Ok(RefEdit { change, name: self.full_name(name)?, deref: false })
    }

    /// Points `HEAD` at a branch, which need not exist.
    pub(super) fn set_head(&self, branch: FullName) -> Result<(), GitError> {
        let log = LogChange {
            mode: RefLog::AndReference,
            force_create_reflog: false,
            message: "plate-deploy: mirror".into(),
        };
        let change = Change::Update { log, expected: PreviousValue::Any, new: Target::Symbolic(branch) };
        let edit = RefEdit { change, name: self.full_name("HEAD")?, deref: false };
        self.repository
            .edit_references_as([edit], Some(reflog_signature()))
            .map(drop)
            .map_err(self.failed("update HEAD"))
    }

    pub(super) fn full_name(&self, name: &str) -> Result<FullName, GitError> {
        FullName::try_from(name)
            .map_err(|error| GitError::InvalidRevision { revision: name.to_owned(), reason: error.to_string() })
    }
}

/// Who moved a reference, for the reflog; its time says nothing, because the clock belongs to the caller.
pub(super) fn reflog_signature() -> gix::actor::SignatureRef<'static> {
    gix::actor::SignatureRef { name: "plate-deploy".into(), email: "plate-deploy@localhost".into(), time: "0 +0000" }
}

impl ObjectStore for Local<'_> {
    fn location(&self) -> &str {
        &self.shared.location
    }

    fn header(&self, id: ObjectId) -> Result<Option<(Kind, u64)>, GitError> {
        let header = self.repository.try_find_header(to_gix(id)).map_err(self.failed(&format!("read object {id}")))?;
        Ok(header.map(|header| (header.kind(), header.size())))
    }

    fn read(&self, id: ObjectId) -> Result<Option<(Kind, Vec<u8>)>, GitError> {
        let object = self.repository.try_find_object(to_gix(id)).map_err(self.failed(&format!("read object {id}")))?;
        Ok(object.map(|mut object| (object.kind, std::mem::take(&mut object.data))))
    }

    fn write(&self, kind: Kind, bytes: &[u8]) -> Result<ObjectId, GitError> {
        let id = gix::objs::compute_hash(gix::hash::Kind::Sha1, kind, bytes).map_err(self.failed("hash an object"))?;
        if self.repository.has_object(id) {
            return Ok(from_gix(&id));
        }
        let written =
            self.repository.objects.write_buf(kind, bytes).map_err(self.failed(&format!("write a {kind}")))?;
        Ok(from_gix(&written))
    }
}

impl Refs for Local<'_> {
    fn find(&self, name: &str) -> Result<Option<ObjectId>, GitError> {
        let failed = self.failed(&format!("read {name}"));
        let full = self.full_name(name)?;
        let Some(mut reference) = self.repository.try_find_reference(full.as_ref()).map_err(&failed)? else {
            return Ok(None);
        };
        match reference.follow_to_object() {
            Ok(id) => Ok(Some(from_gix(&id))),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    fn with_prefix(&self, hex: &str) -> Result<Vec<ObjectId>, GitError> {
        let failed = self.failed("look up an abbreviated id");
        let prefix = gix::hash::Prefix::from_hex(hex).map_err(&failed)?;
        let mut candidates = HashSet::new();
        self.repository.objects.lookup_prefix(prefix, Some(&mut candidates)).map_err(&failed)?;
        Ok(candidates.iter().map(|id| from_gix(id)).collect())
    }

    fn remote_name(&self) -> Option<String> {
        self.shared.tracking.strip_prefix("refs/remotes/").map(|name| name.trim_end_matches('/').to_owned())
    }
}
