//! What is checked out, and what of it was changed.

use std::collections::BTreeSet;

use gix::status::UntrackedFiles;

use super::store::Local;
use crate::git::error::GitError;
use crate::git::history;
use crate::git::types::{BranchStatus, RepositoryStatus, WorkTreeStatus};

/// The state of a branch and of the work tree.
pub(super) fn status(local: &Local<'_>, branch: &str) -> Result<RepositoryStatus, GitError> {
    let head = local.reference(&format!("refs/heads/{branch}"))?;
    let upstream = match &local.shared.remote {
        Some(_) => local.reference(&format!("{}{branch}", local.shared.tracking))?,
        None => None,
    };
    let has_remote = local.shared.remote.is_some();
    let branch =
        BranchStatus { branch: branch.to_owned(), local: head, upstream, has_remote, ..BranchStatus::default() };
    let branch = history::branch_status(local, branch)?;
    let work_tree = match local.repository.workdir() {
        Some(_) => Some(work_tree(local)?),
        None => None,
    };
    Ok(RepositoryStatus { branch, work_tree })
}

fn work_tree(local: &Local<'_>) -> Result<WorkTreeStatus, GitError> {
    let failed = local.failed("read the state of the work tree");
    let platform = local.repository.status(gix::progress::Discard).map_err(&failed)?;
    let platform = platform
        .untracked_files(UntrackedFiles::Collapsed)
        .index_worktree_rewrites(None)
        .index_worktree_submodules(gix::status::Submodule::Given {
            ignore: gix::submodule::config::Ignore::Dirty,
            check_dirty: false,
        })
        .tree_index_track_renames(gix::status::tree_index::TrackRenames::Disabled);
    let (mut changed, mut untracked) = (BTreeSet::new(), BTreeSet::new());
    for item in platform.into_iter(Vec::new()).map_err(&failed)? {
        match item.map_err(&failed)? {
            gix::status::Item::IndexWorktree(gix::status::index_worktree::Item::DirectoryContents {
                entry, ..
            }) => {
                let folder = entry.disk_kind.is_some_and(|kind| kind.is_dir());
                if matches!(entry.status, gix::dir::entry::Status::Untracked) {
                    untracked.insert(format!("{}{}", entry.rela_path, if folder { "/" } else { "" }));
                }
            }
            item if needs_update_only(&item) => {}
            item => drop(changed.insert(item.location().to_string())),
        }
    }
    let branch = local.repository.head_name().map_err(&failed)?.map(|name| name.shorten().to_string());
    Ok(WorkTreeStatus { branch, changed: changed.into_iter().collect(), untracked: untracked.into_iter().collect() })
}

/// The file is unchanged, only the index's notes about it (times) are old.
fn needs_update_only(item: &gix::status::Item) -> bool {
    use gix::status::index_worktree::Item;
    use gix::status::plumbing::index_as_worktree::EntryStatus;
    matches!(item, gix::status::Item::IndexWorktree(Item::Modification { status: EntryStatus::NeedsUpdate(_), .. }))
}
