//! History: revisions to commits, logs, and how two commits relate. The same for every backend.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use super::error::GitError;
use super::objects::{ObjectStore, peel_to_commit, read_commit};
use super::revision::{Revision, Step};
use super::tree;
use super::types::{BranchStatus, CommitId, CommitInfo, LogOptions, ObjectId, PushRequest};

/// The references of a repository, as [`resolve`] needs them.
pub(super) trait Refs {
    /// What a full reference name (or `HEAD`) points to, symbolic references followed, tags not.
    fn find(&self, name: &str) -> Result<Option<ObjectId>, GitError>;
    /// Objects whose id begins with these hexadecimal digits; two are enough.
    fn with_prefix(&self, hex: &str) -> Result<Vec<ObjectId>, GitError>;
    /// Name of the remote whose branches may be named without it.
    fn remote_name(&self) -> Option<String>;
}

/// The commit a revision names.
pub(super) fn resolve(store: &dyn ObjectStore, refs: &dyn Refs, text: &str) -> Result<CommitId, GitError> {
    let revision = Revision::parse(text)?;
    let not_found = || GitError::NotFound {
        repository: store.location().to_owned(),
        what: format!("revision `{}`", if text.is_empty() { "HEAD" } else { text }),
        remedy: "check the name of the branch or tag, and fetch if it is new".to_owned(),
    };
    let mut commit = find_base(store, refs, &revision, text)?.ok_or_else(not_found)?;
    for step in &revision.steps {
        let (count, parent) = match step {
            Step::Ancestor(count) => (*count, 1),
            Step::Parent(parent) => (usize::from(*parent > 0), *parent),
        };
        for _ in 0..count {
            let parents = read_commit(store, commit)?.parents;
            commit = *parents.get(parent - 1).ok_or_else(not_found)?;
        }
    }
    Ok(commit)
}

fn find_base(
    store: &dyn ObjectStore,
    refs: &dyn Refs,
    revision: &Revision,
    text: &str,
) -> Result<Option<CommitId>, GitError> {
    if let Some(id) = revision.full_id() {
        return peel_to_commit(store, id.into());
    }
    for name in revision.references(refs.remote_name().as_deref()) {
        if let Some(id) = refs.find(&name)? {
            return peel_to_commit(store, id);
        }
    }
    let Some(hex) = revision.abbreviation() else { return Ok(None) };
    let mut commits = HashSet::new();
    for id in refs.with_prefix(&hex)? {
        commits.extend(peel_to_commit(store, id)?);
    }
    if commits.len() > 1 {
        let reason = "several commits begin with these digits, give more of them".to_owned();
        return Err(GitError::InvalidRevision { revision: text.to_owned(), reason });
    }
    Ok(commits.into_iter().next())
}

/// Newest first; equal times by id, so that the order is always the same.
type Queue = BinaryHeap<(i64, Reverse<CommitId>)>;

fn push(queue: &mut Queue, commit: &CommitInfo) {
    queue.push((commit.committer.time.as_second(), Reverse(commit.id)));
}

/// History from a commit backwards, newest first.
pub(super) fn log(store: &dyn ObjectStore, from: CommitId, options: &LogOptions) -> Result<Vec<CommitInfo>, GitError> {
    let mut hidden = match options.exclude {
        Some(exclude) => Some(relate(store, from, exclude)?),
        None => None,
    };
    let (mut queue, mut seen, mut out) = (Queue::new(), HashMap::new(), Vec::new());
    let first = read_commit(store, from)?;
    push(&mut queue, &first);
    seen.insert(from, Some(first));
    while let Some((_, Reverse(id))) = queue.pop() {
        let Some(commit) = seen.get_mut(&id).and_then(Option::take) else { continue };
        if hidden.as_mut().is_some_and(|relation| relation.sides.get(&id).is_some_and(|sides| *sides & RIGHT != 0)) {
            continue;
        }
        let parents = if options.first_parent { commit.parents.get(..1).unwrap_or_default() } else { &commit.parents };
        for parent in parents {
            if !seen.contains_key(parent) {
                let parent = read_commit(store, *parent)?;
                push(&mut queue, &parent);
                seen.insert(parent.id, Some(parent));
            }
        }
        if touches(store, &commit, options.path.as_deref())? {
            out.push(commit);
        }
        if out.len() >= options.limit {
            break;
        }
    }
    Ok(out)
}

/// Whether a commit changes a path against its first parent.
fn touches(store: &dyn ObjectStore, commit: &CommitInfo, path: Option<&str>) -> Result<bool, GitError> {
    let Some(path) = path else { return Ok(true) };
    let at = |id: CommitId| tree::entry(store, id, path).map(|entry| entry.map(|entry| (entry.kind, entry.id)));
    let before = commit.parents.first().map_or(Ok(None), |parent| at(*parent))?;
    Ok(before != at(commit.id)?)
}

const LEFT: u8 = 1;
const RIGHT: u8 = 2;

/// How two histories overlap.
pub(super) struct Relation {
    /// From which side each visited commit is reachable.
    sides: HashMap<CommitId, u8>,
    left: CommitId,
}

impl Relation {
    /// Commits of the left side that the right one lacks.
    pub(super) fn ahead(&self) -> usize {
        self.sides.values().filter(|sides| **sides == LEFT).count()
    }

    /// Commits of the right side that the left one lacks.
    pub(super) fn behind(&self) -> usize {
        self.sides.values().filter(|sides| **sides == RIGHT).count()
    }

    /// The left commit is reachable from the right one.
    pub(super) fn left_is_ancestor(&self) -> bool {
        self.sides.get(&self.left).is_some_and(|sides| *sides & RIGHT != 0)
    }
}

/// Two histories being walked, newest commit first.
#[derive(Default)]
struct Walk {
    sides: HashMap<CommitId, u8>,
    commits: HashMap<CommitId, CommitInfo>,
    queue: Queue,
    /// Queued commits that only one side is known to reach.
    one_sided: HashSet<CommitId>,
}

impl Walk {
    /// Notes that a side reaches a commit; news are queued, also for a commit that was looked at before.
    fn reach(&mut self, store: &dyn ObjectStore, id: CommitId, side: u8) -> Result<(), GitError> {
        let sides = self.sides.entry(id).or_default();
        if *sides | side == *sides {
            return Ok(());
        }
        *sides |= side;
        if *sides == LEFT | RIGHT {
            self.one_sided.remove(&id);
        } else {
            self.one_sided.insert(id);
        }
        if let Some(commit) = self.commits.get(&id) {
            push(&mut self.queue, commit);
        } else {
            let commit = read_commit(store, id)?;
            push(&mut self.queue, &commit);
            self.commits.insert(id, commit);
        }
        Ok(())
    }
}

/// Walks both histories until only common commits are left to look at (as `git merge-base` does: counts may be too large
/// when clocks of committers were wrong, the ancestor question is always right).
pub(super) fn relate(store: &dyn ObjectStore, left: CommitId, right: CommitId) -> Result<Relation, GitError> {
    let mut walk = Walk::default();
    walk.reach(store, left, LEFT)?;
    walk.reach(store, right, RIGHT)?;
    while !walk.one_sided.is_empty() {
        let Some((_, Reverse(id))) = walk.queue.pop() else { break };
        walk.one_sided.remove(&id);
        let side = walk.sides.get(&id).copied().unwrap_or_default();
        let parents = walk.commits.get(&id).map(|commit| commit.parents.clone()).unwrap_or_default();
        for parent in parents {
            walk.reach(store, parent, side)?;
        }
    }
    Ok(Relation { sides: walk.sides, left })
}

/// Refuses a push whose new head does not descend from the expected one, or whose commits are not here.
pub(super) fn check_fast_forward(store: &dyn ObjectStore, request: &PushRequest) -> Result<(), GitError> {
    read_commit(store, request.new)?;
    let Some(expected) = request.expected else { return Ok(()) };
    if relate(store, expected, request.new)?.left_is_ancestor() {
        return Ok(());
    }
    let (repository, branch) = (store.location().to_owned(), request.branch.clone());
    Err(GitError::NotFastForward { repository, branch, expected, new: request.new })
}

/// Fills in how far local and remote branch are apart.
pub(super) fn branch_status(store: &dyn ObjectStore, mut status: BranchStatus) -> Result<BranchStatus, GitError> {
    if let (Some(local), Some(upstream)) = (status.local, status.upstream) {
        let relation = relate(store, local, upstream)?;
        (status.ahead, status.behind) = (relation.ahead(), relation.behind());
    }
    Ok(status)
}
