//! Trees: look up, list, compare, and edit into a new commit. The same for every backend.

use std::collections::{BTreeMap, BTreeSet};

use gix::objs::Kind;

use super::backend::describe;
use super::error::GitError;
use super::objects::{Node, ObjectStore, empty_tree, mode_of, read_commit, read_tree, to_commit, write_tree};
use super::path::{self, forbidden_name, join};
use super::types::{
    Change, CommitId, CommitRequest, EntryKind, FileChange, FileEdit, ListOptions, ObjectId, Signature, TreeEntry,
};

/// Deepest folder: no checkout on any system can hold more.
const MAX_DEPTH: usize = 512;

/// The tree of a commit.
pub(super) fn root(store: &dyn ObjectStore, commit: CommitId) -> Result<TreeEntry, GitError> {
    let id = read_commit(store, commit)?.tree;
    Ok(TreeEntry { path: String::new(), kind: EntryKind::Tree, id, size: None })
}

/// The entry at a path, symlinks not followed.
pub(super) fn entry(store: &dyn ObjectStore, commit: CommitId, path: &str) -> Result<Option<TreeEntry>, GitError> {
    let path = path::check(path)?;
    let mut found = root(store, commit)?;
    for name in path.split('/').filter(|name| !name.is_empty()) {
        if found.kind != EntryKind::Tree {
            return Ok(None);
        }
        let nodes = read_tree(store, found.id)?;
        let Some(node) = nodes.into_iter().find(|node| node.name == name.as_bytes()) else { return Ok(None) };
        found = to_entry(&found.path, &node);
    }
    Ok(Some(found))
}

fn to_entry(folder: &str, node: &Node) -> TreeEntry {
    let name = String::from_utf8_lossy(&node.name);
    TreeEntry { path: join(folder, &name), kind: node.kind(), id: node.id, size: None }
}

/// The entries of a folder.
pub(super) fn list(
    store: &dyn ObjectStore,
    commit: CommitId,
    path: &str,
    options: &ListOptions,
) -> Result<Vec<TreeEntry>, GitError> {
    let folder = entry(store, commit, path)?.filter(|entry| entry.kind == EntryKind::Tree);
    let folder = folder.ok_or_else(|| GitError::NotFound {
        repository: store.location().to_owned(),
        what: format!("folder {path:?} at commit {}", commit.short()),
        remedy: "check the path and the revision".to_owned(),
    })?;
    let mut out = Vec::new();
    // A stack of entries still to be looked at, last one first, keeps Git's order without recursion.
    let mut todo = children(store, &folder)?;
    todo.reverse();
    while let Some(mut entry) = todo.pop() {
        if options.recursive && entry.kind == EntryKind::Tree {
            let mut below = children(store, &entry)?;
            below.reverse();
            todo.append(&mut below);
        } else {
            if options.sizes && matches!(entry.kind, EntryKind::Blob | EntryKind::Executable | EntryKind::Symlink) {
                entry.size = store.header(entry.id)?.map(|(_, size)| size);
            }
            out.push(entry);
        }
        if out.len() + todo.len() > options.max_entries {
            let limit = options.max_entries as u64;
            let what = format!("folder {path:?} at commit {}", commit.short());
            return Err(GitError::TooLarge {
                repository: store.location().to_owned(),
                what,
                size: limit + 1,
                limit,
                unit: "entries",
            });
        }
    }
    Ok(out)
}

fn children(store: &dyn ObjectStore, folder: &TreeEntry) -> Result<Vec<TreeEntry>, GitError> {
    let nodes = read_tree(store, folder.id)?;
    let entries = nodes.iter().map(|node| {
        let entry = to_entry(&folder.path, node);
        check_entry(store, &entry, node)?;
        Ok(entry)
    });
    entries.collect()
}

fn check_entry(store: &dyn ObjectStore, entry: &TreeEntry, node: &Node) -> Result<(), GitError> {
    let reason = if let Some(reason) = forbidden_name(&node.name) {
        reason
    } else if entry.path.len() > path::MAX_PATH_BYTES || entry.path.matches('/').count() > MAX_DEPTH {
        "the path is longer than 4096 bytes or deeper than 512 folders"
    } else {
        return Ok(());
    };
    let path = entry.path.chars().take(200).collect();
    Err(GitError::ForbiddenEntry { repository: store.location().to_owned(), path, reason: reason.to_owned() })
}

fn below(store: &dyn ObjectStore, folder: Option<TreeEntry>) -> Result<Vec<TreeEntry>, GitError> {
    folder.map_or_else(|| Ok(Vec::new()), |folder| children(store, &folder))
}

/// The differing paths of two trees, sorted by path.
pub(super) fn diff(store: &dyn ObjectStore, from: ObjectId, to: ObjectId) -> Result<Vec<Change>, GitError> {
    let folder = |id| TreeEntry { path: String::new(), kind: EntryKind::Tree, id, size: None };
    let mut changes = Vec::new();
    let mut todo = vec![(Some(folder(from)), Some(folder(to)))];
    while let Some((old, new)) = todo.pop() {
        if old.as_ref().map(|e| (e.kind, e.id)) == new.as_ref().map(|e| (e.kind, e.id)) {
            continue;
        }
        let is_tree = |entry: &Option<TreeEntry>| entry.as_ref().is_some_and(|entry| entry.kind == EntryKind::Tree);
        let (old_tree, new_tree) = (old.clone().filter(|_| is_tree(&old)), new.clone().filter(|_| is_tree(&new)));
        let (old_leaf, new_leaf) =
            (old.filter(|e| e.kind != EntryKind::Tree), new.filter(|e| e.kind != EntryKind::Tree));
        if let Some(path) = old_leaf.as_ref().or(new_leaf.as_ref()).map(|entry| entry.path.clone()) {
            changes.push(Change { path, old: old_leaf, new: new_leaf });
        }
        let mut pairs: BTreeMap<String, (Option<TreeEntry>, Option<TreeEntry>)> = BTreeMap::new();
        for entry in below(store, old_tree)? {
            let pair = pairs.entry(entry.path.clone()).or_default();
            pair.0 = Some(entry);
        }
        for entry in below(store, new_tree)? {
            let pair = pairs.entry(entry.path.clone()).or_default();
            pair.1 = Some(entry);
        }
        todo.extend(pairs.into_values());
    }
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(changes)
}

/// The differing paths of two commits; `None` is the empty tree.
pub(super) fn changes(store: &dyn ObjectStore, from: Option<CommitId>, to: CommitId) -> Result<Vec<Change>, GitError> {
    let old = from.map_or_else(|| Ok(empty_tree()), |from| read_commit(store, from).map(|commit| commit.tree))?;
    diff(store, old, read_commit(store, to)?.tree)
}

/// Writes blobs, trees and the commit of a request.
pub(super) fn commit(store: &dyn ObjectStore, request: &CommitRequest) -> Result<CommitId, GitError> {
    check_request(store, request)?;
    let old = request
        .parent
        .map_or_else(|| Ok(empty_tree()), |parent| read_commit(store, parent).map(|commit| commit.tree))?;
    let mut edits = Vec::new();
    for edit in &request.edits {
        edits.push((path::check(&edit.path)?.split('/').collect::<Vec<_>>(), edit));
    }
    let tree = apply(store, old, "", &edits)?;
    let tree = tree.map_or_else(|| write_tree(store, Vec::new()), Ok)?;
    if tree == old {
        return Err(GitError::NothingToCommit { repository: store.location().to_owned() });
    }
    let mut text = format!("tree {tree}\n");
    text.extend(request.parent.iter().map(|parent| format!("parent {parent}\n")));
    let person = |who: &Signature| format!("{} <{}> {} +0000", who.name, who.email, who.time.as_second());
    text.push_str(&format!("author {}\ncommitter {}\n", person(&request.author), person(&request.committer)));
    text.push_str(&format!("\n{}", request.message));
    if !request.message.ends_with('\n') {
        text.push('\n');
    }
    store.write(Kind::Commit, text.as_bytes()).map(to_commit)
}

fn check_request(store: &dyn ObjectStore, request: &CommitRequest) -> Result<(), GitError> {
    let mut seen = BTreeSet::new();
    let person_is_bad = |who: &Signature| {
        let text = format!("{}{}", who.name, who.email);
        who.name.trim().is_empty() || text.contains(['<', '>', '\n', '\r', '\0'])
    };
    let reason = if request.message.trim().is_empty() || request.message.contains('\0') {
        "the message is empty or holds NUL".to_owned()
    } else if person_is_bad(&request.author) || person_is_bad(&request.committer) {
        "the name of author or committer is empty, or name or email hold `<`, `>`, a line break or NUL".to_owned()
    } else if let Some(twice) = request.edits.iter().find(|edit| !seen.insert(edit.path.trim_end_matches('/'))) {
        format!("path {:?} is edited twice", twice.path)
    } else if request.edits.iter().any(|edit| path::check(&edit.path) == Ok("")) {
        "an edit names no file".to_owned()
    } else {
        return Ok(());
    };
    Err(GitError::InvalidCommit { repository: store.location().to_owned(), reason })
}

/// Applies edits (as name lists relative to `folder`) to a tree; `None` when nothing is left. Recursion is bounded by
/// the depth of checked paths.
fn apply(
    store: &dyn ObjectStore,
    tree: ObjectId,
    folder: &str,
    edits: &[(Vec<&str>, &FileEdit)],
) -> Result<Option<ObjectId>, GitError> {
    let refuse = |reason: String| GitError::InvalidCommit { repository: store.location().to_owned(), reason };
    if folder.matches('/').count() > MAX_DEPTH {
        return Err(refuse(format!("a path is deeper than {MAX_DEPTH} folders")));
    }
    let mut nodes: BTreeMap<Vec<u8>, Node> =
        read_tree(store, tree)?.into_iter().map(|node| (node.name.clone(), node)).collect();
    let mut below: BTreeMap<&str, Vec<(Vec<&str>, &FileEdit)>> = BTreeMap::new();
    let mut writes = Vec::new();
    // Deletions first and writes last, so that a file can become a folder and a folder a file in one commit.
    for (names, edit) in edits {
        match names.split_first() {
            Some((first, [])) if edit.change == FileChange::Delete => edit_leaf(store, &mut nodes, first, edit)?,
            Some((first, [])) => writes.push((first, *edit)),
            Some((first, rest)) => below.entry(first).or_default().push((rest.to_vec(), *edit)),
            None => {}
        }
    }
    for (name, edits) in below {
        let node = nodes.remove(name.as_bytes());
        let path = join(folder, name);
        let subtree = match &node {
            Some(node) if node.kind() == EntryKind::Tree => node.id,
            Some(node) => return Err(refuse(format!("{path:?} is {}, not a folder", describe(node.kind())))),
            None => empty_tree(),
        };
        if let Some(id) = apply(store, subtree, &path, &edits)? {
            nodes.insert(
                name.as_bytes().to_vec(),
                Node { name: name.as_bytes().to_vec(), mode: mode_of(EntryKind::Tree), id },
            );
        }
    }
    for (name, edit) in writes {
        edit_leaf(store, &mut nodes, name, edit)?;
    }
    if nodes.is_empty() { Ok(None) } else { write_tree(store, nodes.into_values().collect()).map(Some) }
}

fn edit_leaf(
    store: &dyn ObjectStore,
    nodes: &mut BTreeMap<Vec<u8>, Node>,
    name: &str,
    edit: &FileEdit,
) -> Result<(), GitError> {
    let refuse = |reason: String| GitError::InvalidCommit { repository: store.location().to_owned(), reason };
    let old = nodes.get(name.as_bytes());
    if let Some(kind) = old.map(Node::kind).filter(|kind| matches!(kind, EntryKind::Tree | EntryKind::Submodule)) {
        return Err(refuse(format!("{:?} is {}, only files and symlinks are edited", edit.path, describe(kind))));
    }
    match &edit.change {
        FileChange::Delete => {
            nodes
                .remove(name.as_bytes())
                .ok_or_else(|| refuse(format!("{:?} is to be deleted but does not exist", edit.path)))?;
        }
        FileChange::Write { content, kind } => {
            let mode = match (kind, old) {
                (Some(kind @ (EntryKind::Blob | EntryKind::Executable | EntryKind::Symlink)), _) => mode_of(*kind),
                (Some(kind), _) => {
                    return Err(refuse(format!("{:?} cannot be written as {}", edit.path, describe(*kind))));
                }
                (None, Some(old)) => old.mode,
                (None, None) => mode_of(EntryKind::Blob),
            };
            let id = store.write(Kind::Blob, content)?;
            nodes.insert(name.as_bytes().to_vec(), Node { name: name.as_bytes().to_vec(), mode, id });
        }
    }
    Ok(())
}
