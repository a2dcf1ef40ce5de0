//! Which objects another repository lacks, in an order that never leaves a dangling reference, and copying them.

use std::collections::HashSet;

use gix::objs::{Kind, Write};

/// One step of the walk: look below an object, or take it after everything below it.
enum Step {
    Enter(gix::ObjectId),
    Take(gix::ObjectId),
}

/// The objects reachable from `tips` that `has` (given id and kind) does not know, what is referred to before what refers to it. An object that
/// is there stands for everything below it.
pub(super) fn missing(
    from: &gix::Repository,
    has: impl Fn(gix::ObjectId, Kind) -> bool,
    tips: &[gix::ObjectId],
) -> gix::Result<Vec<gix::ObjectId>> {
    let mut todo: Vec<Step> = tips.iter().rev().map(|id| Step::Enter(*id)).collect();
    let (mut seen, mut out) = (HashSet::new(), Vec::new());
    while let Some(step) = todo.pop() {
        let id = match step {
            Step::Enter(id) => id,
            Step::Take(id) => {
                out.push(id);
                continue;
            }
        };
        if !seen.insert(id) {
            continue;
        }
        let kind = from.find_header(id)?.kind();
        if has(id, kind) {
            continue;
        }
        todo.push(Step::Take(id));
        if kind != Kind::Blob {
            todo.extend(below(from, id)?.into_iter().map(Step::Enter));
        }
    }
    Ok(out)
}

/// What an object refers to; commits of submodules are elsewhere.
fn below(from: &gix::Repository, id: gix::ObjectId) -> gix::Result<Vec<gix::ObjectId>> {
    let object = from.find_object(id)?;
    let sha1 = gix::hash::Kind::Sha1;
    Ok(match object.kind {
        Kind::Blob => Vec::new(),
        Kind::Tag => vec![gix::objs::TagRef::from_bytes(&object.data, sha1)?.target()],
        Kind::Commit => {
            let commit = gix::objs::CommitRef::from_bytes(&object.data, sha1)?;
            commit.parents().chain([commit.tree()]).collect()
        }
        Kind::Tree => {
            let mut ids = Vec::new();
            for entry in gix::objs::TreeRefIter::from_bytes(&object.data, sha1) {
                let entry = entry?;
                if !entry.mode.is_commit() {
                    ids.push(entry.oid.to_owned());
                }
            }
            ids
        }
    })
}

/// Copies what `to` lacks of `tips`.
pub(super) fn copy(from: &gix::Repository, to: &gix::Repository, tips: &[gix::ObjectId]) -> gix::Result<()> {
    for id in missing(from, |id, _| to.has_object(id), tips)? {
        let object = from.find_object(id)?;
        to.objects.write_buf(object.kind, &object.data)?;
    }
    Ok(())
}
