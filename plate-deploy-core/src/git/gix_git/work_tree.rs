//! Moving a local branch, together with the files and the index of a work tree that has it checked out.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use gix::bstr::{BStr, ByteSlice};
use gix::filter::plumbing::driver::apply::Delay;
use gix::filter::plumbing::pipeline::convert::{ToGitOutcome, to_worktree};
use gix::index::entry::{Flags, Mode, Stat};
use gix::lock::acquire::Fail;
use gix::objs::Kind;
use gix::refs::Target;
use gix::refs::transaction::PreviousValue;

use super::store::{Local, reflog_signature, to_gix};
use crate::git::error::GitError;
use crate::git::objects::{ObjectStore, from_gix};
use crate::git::tree;
use crate::git::types::{Change, CommitId, EntryKind, ObjectId, TreeEntry};

/// Refuses when moving the branch would overwrite something, without changing anything.
pub(super) fn check(local: &Local<'_>, name: &str, old: Option<CommitId>, new: CommitId) -> Result<(), GitError> {
    if !is_checked_out(local, name)? {
        return Ok(());
    }
    let index = read_index(local)?;
    Checkout::plan(local, &index, old, new).map(drop)
}

/// Moves a branch from `old` to `new`; `false` when it was there already. Files come before the reference: a run that is
/// killed in between leaves staged changes, which the next try recognises.
pub(super) fn advance(local: &Local<'_>, name: &str, old: Option<CommitId>, new: CommitId) -> Result<bool, GitError> {
    let actual = local.reference(name)?;
    if actual == Some(new) {
        return Ok(false);
    }
    if actual != old {
        let branch = name.trim_start_matches("refs/heads/").to_owned();
        return Err(GitError::Stale { repository: local.shared.location.clone(), branch, expected: old, actual });
    }
    let expected =
        old.map_or(PreviousValue::MustNotExist, |old| PreviousValue::MustExistAndMatch(Target::Object(to_gix(old))));
    let edit = local.edit(name, expected, new)?;
    let failed = local.failed(&format!("move {name}"));
    if is_checked_out(local, name)? {
        let failed_index = local.failed("lock the index (remove index.lock when no Git program is running)");
        let mut lock =
            gix::lock::File::acquire_to_update_resource(local.repository.index_path(), Fail::Immediately, None, 0)
                .map_err(failed_index)?;
        let mut index = read_index(local)?;
        let checkout = Checkout::plan(local, &index, old, new)?;
        let transaction = local
            .repository
            .refs
            .transaction()
            .prepare([edit], Fail::Immediately, Fail::Immediately)
            .map_err(&failed)?;
        checkout.carry_out(&mut index)?;
        index.remove_tree();
        index.write_to(&mut lock, gix::index::write::Options::default()).map_err(local.failed("write the index"))?;
        lock.commit()
            .map_err(|error| local.io("write the index".to_owned())(std::io::Error::other(error.to_string())))?;
        transaction.commit(Some(reflog_signature())).map_err(failed)?;
    } else {
        local.repository.edit_references_as([edit], Some(reflog_signature())).map_err(failed)?;
    }
    Ok(true)
}

/// Whether this work tree shows the branch; another linked work tree that shows it makes it unmovable.
fn is_checked_out(local: &Local<'_>, name: &str) -> Result<bool, GitError> {
    let failed = local.failed("read HEAD");
    let shows = |repository: &gix::Repository| -> Result<bool, GitError> {
        let head = repository.head_name().map_err(&failed)?;
        Ok(head.is_some_and(|head| head.as_bstr() == name) && repository.workdir().is_some())
    };
    if shows(&local.repository)? {
        return Ok(true);
    }
    for proxy in local.repository.worktrees().map_err(&failed)? {
        let base = proxy.base().map_err(&failed)?;
        let other = proxy.into_repo_with_possibly_inaccessible_worktree().map_err(&failed)?;
        if shows(&other)? && other.git_dir() != local.repository.git_dir() {
            return Err(GitError::WorkTree {
                repository: local.shared.location.clone(),
                paths: vec![base.display().to_string()],
                reason: format!("another work tree has `{name}` checked out"),
            });
        }
    }
    Ok(false)
}

fn read_index(local: &Local<'_>) -> Result<gix::index::File, GitError> {
    let path = local.repository.index_path();
    let index =
        gix::index::File::at_or_default(path, gix::hash::Kind::Sha1, false, gix::index::decode::Options::default());
    let index = index.map_err(local.failed("read the index"))?;
    if index.is_sparse() || index.link().is_some() {
        return Err(GitError::Unsupported {
            repository: local.shared.location.clone(),
            what: "a sparse or split index".to_owned(),
            remedy: "run `git sparse-checkout disable` and `git update-index --no-split-index`".to_owned(),
        });
    }
    Ok(index)
}

/// The files to change, checked to be unchanged by others.
struct Checkout<'a> {
    local: &'a Local<'a>,
    root: PathBuf,
    changes: Vec<Change>,
    /// Line endings and encodings as .gitattributes says; made once, because it reads the whole index.
    filters: RefCell<Filters<'a>>,
}

struct Filters<'a> {
    pipeline: gix::filter::Pipeline<'a>,
    index: gix::worktree::IndexPersistedOrInMemory,
}

/// What stands at a path on disk.
#[derive(PartialEq)]
enum OnDisk {
    Nothing,
    Folder,
    File(ObjectId),
}

impl<'a> Checkout<'a> {
    fn plan(
        local: &'a Local<'a>,
        index: &gix::index::File,
        old: Option<CommitId>,
        new: CommitId,
    ) -> Result<Self, GitError> {
        let root = local.repository.workdir().map(Path::to_owned).unwrap_or_default();
        let (pipeline, attributes) =
            local.repository.filter_pipeline(None).map_err(local.failed("read .gitattributes"))?;
        let filters = RefCell::new(Filters { pipeline, index: attributes });
        let checkout = Self { local, root, changes: tree::changes(local, old, new)?, filters };
        let removed: BTreeSet<&str> =
            checkout.changes.iter().filter(|change| change.new.is_none()).map(|change| change.path.as_str()).collect();
        let mut dirty = Vec::new();
        for change in &checkout.changes {
            if !checkout.is_clean(index, change, &removed)? {
                dirty.push(change.path.clone());
            }
        }
        if dirty.is_empty() {
            return Ok(checkout);
        }
        let reason = "these files have changes that the commit would overwrite".to_owned();
        Err(GitError::WorkTree { repository: local.shared.location.clone(), paths: dirty, reason })
    }

    /// Index and disk show the old state, or the new one already (an earlier try was killed).
    fn is_clean(&self, index: &gix::index::File, change: &Change, removed: &BTreeSet<&str>) -> Result<bool, GitError> {
        let same = |entry: &Option<TreeEntry>, staged: Option<(ObjectId, Mode)>| {
            entry.as_ref().map(|entry| (entry.id, index_mode(entry.kind))) == staged
        };
        let staged = staged(index, &change.path);
        if staged.is_err() || !staged.is_ok_and(|staged| same(&change.old, staged) || same(&change.new, staged)) {
            return Ok(false);
        }
        if self.has_foreign_parent(&change.path, removed) {
            return Ok(false);
        }
        let is_submodule =
            |entry: &Option<TreeEntry>| entry.as_ref().is_some_and(|entry| entry.kind == EntryKind::Submodule);
        if is_submodule(&change.old) || is_submodule(&change.new) {
            return Ok(true);
        }
        let content =
            |entry: &Option<TreeEntry>| entry.as_ref().map_or(OnDisk::Nothing, |entry| OnDisk::File(entry.id));
        Ok(match self.on_disk(&change.path)? {
            OnDisk::Folder => change.old.is_none() && self.holds_only(&change.path, removed),
            found => found == content(&change.old) || found == content(&change.new),
        })
    }

    /// A parent that is a symlink or a file: writing would leave the work tree or replace the file.
    fn has_foreign_parent(&self, path: &str, removed: &BTreeSet<&str>) -> bool {
        path.match_indices('/').any(|(at, _)| {
            let parent = &path[..at];
            let found = self.root.join(parent).symlink_metadata();
            found.is_ok_and(|found| !found.is_dir()) && !removed.contains(parent)
        })
    }

    /// A folder that becomes a file: everything in it is tracked and goes away.
    fn holds_only(&self, folder: &str, removed: &BTreeSet<&str>) -> bool {
        let mut todo = vec![folder.to_owned()];
        while let Some(folder) = todo.pop() {
            let Ok(entries) = std::fs::read_dir(self.root.join(&folder)) else { return false };
            for entry in entries {
                let Ok(entry) = entry else { return false };
                let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    todo.push(path);
                } else if !removed.contains(path.as_str()) {
                    return false;
                }
            }
        }
        true
    }

    /// The id that the file on disk would have in Git (line endings and encodings as .gitattributes says).
    fn on_disk(&self, path: &str) -> Result<OnDisk, GitError> {
        let full = self.root.join(path);
        let io = self.local.io(format!("read {}", full.display()));
        let found = match full.symlink_metadata() {
            Ok(found) => found,
            Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
                return Ok(OnDisk::Nothing);
            }
            Err(error) => return Err(io(error)),
        };
        if found.is_dir() {
            return Ok(OnDisk::Folder);
        }
        let bytes = if found.is_symlink() {
            let target = std::fs::read_link(&full).map_err(&io)?;
            gix::path::into_bstr(target).map(|target| target.to_vec()).map_err(self.local.failed("read a symlink"))?
        } else {
            let failed = self.local.failed(&format!("convert {path}"));
            let Filters { pipeline, index } = &mut *self.filters.borrow_mut();
            let file = std::fs::File::open(&full).map_err(&io)?;
            let mut bytes = Vec::new();
            match pipeline.convert_to_git(file, Path::new(path), index).map_err(&failed)? {
                ToGitOutcome::Unchanged(mut file) => read_all(&mut file, &mut bytes).map_err(&io)?,
                ToGitOutcome::Buffer(buffer) => bytes.extend_from_slice(buffer),
                ToGitOutcome::Process(mut process) => read_all(&mut process, &mut bytes).map_err(&io)?,
            }
            bytes
        };
        let id = gix::objs::compute_hash(gix::hash::Kind::Sha1, Kind::Blob, &bytes)
            .map_err(self.local.failed("hash a file"))?;
        Ok(OnDisk::File(from_gix(&id)))
    }

    fn carry_out(&self, index: &mut gix::index::File) -> Result<(), GitError> {
        for change in self.changes.iter().filter(|change| change.new.is_none()) {
            self.remove(&change.path)?;
        }
        let touched: BTreeSet<&[u8]> = self.changes.iter().map(|change| change.path.as_bytes()).collect();
        index.remove_entries(|_, path, _| touched.contains(path.as_bytes()));
        for entry in self.changes.iter().filter_map(|change| change.new.as_ref()) {
            let stat = if entry.kind == EntryKind::Submodule { Stat::default() } else { self.write(entry)? };
            index.dangerously_push_entry(
                stat,
                to_gix(entry.id),
                Flags::empty(),
                index_mode(entry.kind),
                BStr::new(entry.path.as_bytes()),
            );
        }
        index.sort_entries();
        Ok(())
    }

    fn remove(&self, path: &str) -> Result<(), GitError> {
        let full = self.root.join(path);
        match std::fs::remove_file(&full) {
            Err(error)
                if !matches!(
                    error.kind(),
                    std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory | std::io::ErrorKind::IsADirectory
                ) =>
            {
                return Err(self.local.io(format!("remove {}", full.display()))(error));
            }
            _ => {}
        }
        // As Git does: folders that became empty go too.
        for (at, _) in path.rmatch_indices('/') {
            if std::fs::remove_dir(self.root.join(&path[..at])).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Writes a file beside its place and renames it, so that nobody sees half of it.
    fn write(&self, entry: &TreeEntry) -> Result<Stat, GitError> {
        let full = self.root.join(&entry.path);
        let io = self.local.io(format!("write {}", full.display()));
        let folder = full.parent().unwrap_or(&self.root);
        std::fs::create_dir_all(folder).map_err(&io)?;
        if full.symlink_metadata().is_ok_and(|found| found.is_dir()) {
            remove_empty_folders(&full).map_err(&io)?;
        }
        let bytes = self.local.read(entry.id)?.map(|(_, bytes)| bytes).unwrap_or_default();
        let temporary = folder.join(format!(".plate-deploy-{}.tmp", entry.id.short()));
        let written =
            self.write_new(&temporary, entry, &bytes).and_then(|()| std::fs::rename(&temporary, &full).map_err(&io));
        if written.is_err() {
            let _ = std::fs::remove_file(&temporary);
        }
        written?;
        let found = gix::index::fs::Metadata::from_path_no_follow(&full).map_err(&io)?;
        Stat::from_fs(&found).map_err(|error| io(std::io::Error::other(error)))
    }

    fn write_new(&self, path: &Path, entry: &TreeEntry, bytes: &[u8]) -> Result<(), GitError> {
        let io = self.local.io(format!("write {}", path.display()));
        if path.symlink_metadata().is_ok() {
            std::fs::remove_file(path).map_err(&io)?;
        }
        #[cfg(unix)]
        if entry.kind == EntryKind::Symlink {
            use std::os::unix::ffi::OsStrExt;
            return std::os::unix::fs::symlink(std::ffi::OsStr::from_bytes(bytes), path).map_err(&io);
        }
        let failed = self.local.failed(&format!("convert {}", entry.path));
        let pipeline = &mut self.filters.borrow_mut().pipeline;
        let options =
            to_worktree::Options { can_delay: Delay::Forbid, unknown_encoding: to_worktree::UnknownEncoding::Fail };
        let mut converted = Vec::new();
        let mut reader =
            pipeline.convert_to_worktree(bytes, entry.path.as_bytes().as_bstr(), options).map_err(&failed)?;
        reader.read_to_end(&mut converted).map_err(&io)?;
        std::fs::write(path, &converted).map_err(&io)?;
        #[cfg(unix)]
        if entry.kind == EntryKind::Executable {
            use std::os::unix::fs::PermissionsExt;
            let mode = path.metadata().map_err(&io)?.permissions().mode();
            // Whoever may read it may run it, as Git does under any umask.
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode | (mode & 0o444) >> 2)).map_err(&io)?;
        }
        Ok(())
    }
}

fn read_all(from: &mut dyn Read, into: &mut Vec<u8>) -> std::io::Result<()> {
    from.read_to_end(into).map(|_| ())
}

/// Removes a folder that holds nothing but folders (checked before).
fn remove_empty_folders(folder: &Path) -> std::io::Result<()> {
    let mut todo = vec![folder.to_owned()];
    let mut folders = Vec::new();
    while let Some(folder) = todo.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                todo.push(entry.path());
            }
        }
        folders.push(folder);
    }
    folders.iter().rev().try_for_each(std::fs::remove_dir)
}

fn index_mode(kind: EntryKind) -> Mode {
    match kind {
        EntryKind::Blob => Mode::FILE,
        EntryKind::Executable => Mode::FILE_EXECUTABLE,
        EntryKind::Symlink => Mode::SYMLINK,
        EntryKind::Submodule => Mode::COMMIT,
        EntryKind::Tree => Mode::DIR,
    }
}

/// What the index has for a path; an error for a path in the middle of a merge.
fn staged(index: &gix::index::File, path: &str) -> Result<Option<(ObjectId, Mode)>, ()> {
    let range = index.entry_range(BStr::new(path.as_bytes())).unwrap_or_default();
    match index.entries().get(range).unwrap_or_default() {
        [] => Ok(None),
        [entry] if entry.stage_raw() == 0 => Ok(Some((from_gix(&entry.id), entry.mode))),
        _ => Err(()),
    }
}
