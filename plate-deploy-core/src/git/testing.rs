//! What every [`GitBackend`] must do. An implementation outside this crate runs it in its own tests (feature `testing`).

#![expect(clippy::panic, reason = "a contract suite says no by panicking, as a test does")]

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    CommitId, CommitRequest, EntryKind, FileEdit, GitBackend, GitBackendExt, GitError, ListOptions, LocalBranch,
    LogOptions, PushRequest, Signature, SnapshotOptions, resolve_path, snapshot, snapshot_with,
};

pub use super::{Call, FaultyGit, When};

/// Two empty clones of one empty remote.
#[derive(Clone, Debug)]
pub struct Clones {
    /// The clone under test.
    pub ours: Arc<dyn GitBackend>,
    /// Another one, for races.
    pub theirs: Arc<dyn GitBackend>,
}

/// A commit request of a fixed author, `minute` minutes after a fixed time.
#[must_use]
pub fn request(parent: Option<CommitId>, minute: i64, message: &str, edits: Vec<FileEdit>) -> CommitRequest {
    let time = Timestamp::from_second(1_700_000_000 + minute * 60).unwrap_or_default();
    let who = Signature { name: "Kim Tester".to_owned(), email: "kim@example.com".to_owned(), time };
    CommitRequest { parent, edits, message: message.to_owned(), author: who.clone(), committer: who }
}

/// Commits and pushes to `main`.
///
/// # Errors
/// Those of the backend.
pub async fn publish(
    git: &dyn GitBackend,
    parent: Option<CommitId>,
    minute: i64,
    edits: Vec<FileEdit>,
) -> Result<CommitId, GitError> {
    let new = git.commit(request(parent, minute, &format!("change {minute}"), edits)).await?;
    git.push(PushRequest { branch: "main".to_owned(), new, expected: parent }).await?;
    Ok(new)
}

/// Runs every check, each on new clones. Panics on the first difference.
///
/// # Errors
/// An error of the backend where success is required.
pub async fn git_backend_contract(mut make: impl AsyncFnMut() -> Clones) -> Result<(), GitError> {
    reads(make().await).await?;
    commits(make().await).await?;
    edits_that_are_refused(make().await).await?;
    races(make().await).await?;
    history(make().await).await?;
    symlinks(make().await).await
}

async fn reads(clones: Clones) -> Result<(), GitError> {
    let git = &*clones.ours;
    assert!(git.resolve("").await.is_err_and(|error| error.is_not_found()), "HEAD of an empty repository");
    assert!(git.refs().await?.is_empty());
    let edits = vec![
        FileEdit::write("b/values.yaml", "a: 1\n"),
        FileEdit::write("b.txt", ""),
        FileEdit::write_as("b/run.sh", "#!/bin/sh\n", EntryKind::Executable),
        FileEdit::write("가/나.yaml", "k: 값\n"),
    ];
    let head = publish(git, None, 0, edits).await?;
    for revision in [
        "",
        "HEAD",
        "main",
        "refs/heads/main",
        &head.to_string(),
        &head.to_string().to_uppercase(),
        &head.to_string()[..7],
    ] {
        assert_eq!(git.resolve(revision).await?, head, "{revision:?}");
    }
    for revision in ["-main", "main..x", "main:b", "--upload-pack=x", "main^{tree}"] {
        assert!(matches!(git.resolve(revision).await, Err(GitError::InvalidRevision { .. })), "{revision:?}");
    }
    for revision in ["nope", "main~1", &"1".repeat(40), "1234567"] {
        assert!(git.resolve(revision).await.is_err_and(|error| error.is_not_found()), "{revision:?}");
    }

    let paths = |entries: Vec<super::TreeEntry>| entries.into_iter().map(|entry| entry.path).collect::<Vec<_>>();
    assert_eq!(
        paths(git.list_tree(head, "", ListOptions::default()).await?),
        ["b.txt", "b", "가"],
        "Git sorts a folder as `name/`"
    );
    assert_eq!(
        paths(git.list_tree(head, "", ListOptions::recursive()).await?),
        ["b.txt", "b/run.sh", "b/values.yaml", "가/나.yaml"]
    );
    let sized = git.list_tree(head, "b/", ListOptions { sizes: true, ..ListOptions::default() }).await?;
    assert_eq!(
        sized.iter().map(|entry| (entry.kind, entry.size)).collect::<Vec<_>>(),
        [(EntryKind::Executable, Some(10)), (EntryKind::Blob, Some(5))]
    );
    let few = ListOptions { max_entries: 3, ..ListOptions::recursive() };
    assert!(matches!(git.list_tree(head, "", few).await, Err(GitError::TooLarge { .. })));
    assert!(git.list_tree(head, "b.txt", ListOptions::default()).await.is_err_and(|error| error.is_not_found()));
    assert!(git.list_tree(head, "../b", ListOptions::default()).await.is_err());

    assert_eq!(git.read_file(head, "가/나.yaml", 100).await?.as_deref(), Some("k: 값\n".as_bytes()));
    assert_eq!(git.read_file(head, "b/none", 100).await?, None);
    assert_eq!(git.read_file(head, "b.txt/none", 100).await?, None);
    assert!(matches!(git.read_file(head, "b/values.yaml", 4).await, Err(GitError::TooLarge { size: 5, limit: 4, .. })));
    assert!(matches!(git.read_file(head, "b", 100).await, Err(GitError::InvalidPath { .. })));
    assert!(matches!(git.entry(head, ".git/config").await, Err(GitError::InvalidPath { .. })));

    let files = snapshot(git, head).await?;
    assert_eq!(files.paths().collect::<Vec<_>>(), ["b.txt", "b/run.sh", "b/values.yaml", "가/나.yaml"]);
    assert!(files.read("b/values.yaml").is_ok_and(|content| content == "a: 1\n"));
    let small = SnapshotOptions { max_bytes: 4, ..SnapshotOptions::default() };
    assert!(matches!(snapshot_with(git, head, small).await, Err(GitError::TooLarge { .. })));
    assert_eq!(git.resolve_target("main", "").await?, head);
    Ok(())
}

async fn commits(clones: Clones) -> Result<(), GitError> {
    let git = &*clones.ours;
    let first = git
        .commit(request(
            None,
            0,
            "first",
            vec![FileEdit::write_as("a/x", "1", EntryKind::Executable), FileEdit::write("a/y", "1")],
        ))
        .await?;
    assert!(git.resolve("main").await.is_err(), "a commit moves no branch");
    assert_eq!(
        first.to_string(),
        "9e35d3a487ed5f4dd115342b9b6e44b9c8776b33",
        "ids are Git's, and depend on the request only"
    );
    let outcome = git.push(PushRequest { branch: "main".to_owned(), new: first, expected: None }).await?;
    assert!(outcome.moved && outcome.local == LocalBranch::Advanced, "{outcome:?}");
    let again = git.push(PushRequest { branch: "main".to_owned(), new: first, expected: None }).await?;
    assert!(!again.moved, "a push that got through before is a success");

    let second = publish(
        git,
        Some(first),
        1,
        vec![FileEdit::write("a/x", "2"), FileEdit::delete("a/y"), FileEdit::write("new/deep/z", "3")],
    )
    .await?;
    assert_eq!(git.resolve("main").await?, second);
    let info = git.commit_info(second).await?;
    assert_eq!(
        (info.parents.as_slice(), info.message.as_str(), info.author.name.as_str()),
        (&[first][..], "change 1\n", "Kim Tester")
    );
    let changes = git.changes(Some(first), second).await?;
    let kinds: Vec<_> = changes
        .iter()
        .map(|change| (change.path.as_str(), change.old.is_some(), change.new.as_ref().map(|new| new.kind)))
        .collect();
    assert_eq!(
        kinds,
        [("a/x", true, Some(EntryKind::Executable)), ("a/y", true, None), ("new/deep/z", false, Some(EntryKind::Blob))]
    );
    deletions(git, first, second).await
}

async fn deletions(git: &dyn GitBackend, first: CommitId, second: CommitId) -> Result<(), GitError> {
    assert_eq!(git.changes(None, first).await?.len(), 2);
    assert!(git.changes(Some(first), first).await?.is_empty());

    let third = publish(git, Some(second), 2, vec![FileEdit::delete("new/deep/z")]).await?;
    assert_eq!(git.entry(third, "new").await?, None, "empty folders do not exist");
    let folder_for_file =
        publish(git, Some(third), 3, vec![FileEdit::delete("a/x"), FileEdit::write("a/x2/y", "")]).await?;
    assert_eq!(git.list_tree(folder_for_file, "", ListOptions::recursive()).await?.len(), 1);
    let status = git.status("main").await?;
    assert_eq!(
        (status.branch.local, status.branch.published(), status.branch.ahead, status.branch.behind),
        (Some(folder_for_file), Some(folder_for_file), 0, 0)
    );
    assert!(status.work_tree.is_none_or(|tree| tree.is_clean() && tree.untracked.is_empty()));
    Ok(())
}

async fn edits_that_are_refused(clones: Clones) -> Result<(), GitError> {
    let git = &*clones.ours;
    let head = publish(git, None, 0, vec![FileEdit::write("a/x", "1")]).await?;
    let refused = [
        vec![FileEdit::write("../x", "")],
        vec![FileEdit::write("/x", "")],
        vec![FileEdit::write("a/.GIT/hooks/post-commit", "")],
        vec![FileEdit::write("a", "a folder")],
        vec![FileEdit::write("a/x/y", "below a file")],
        vec![FileEdit::delete("a/none")],
        vec![FileEdit::delete("a")],
        vec![FileEdit::write("b", "1"), FileEdit::write("b", "2")],
        vec![FileEdit::write_as("b", "", EntryKind::Submodule)],
        vec![FileEdit::write("", "")],
    ];
    for edits in refused {
        let found = git.commit(request(Some(head), 1, "no", edits.clone())).await;
        assert!(
            matches!(found, Err(GitError::InvalidCommit { .. } | GitError::InvalidPath { .. })),
            "{edits:?}: {found:?}"
        );
    }
    for edits in [vec![], vec![FileEdit::write("a/x", "1")]] {
        assert!(matches!(
            git.commit(request(Some(head), 1, "same", edits)).await,
            Err(GitError::NothingToCommit { .. })
        ));
    }
    let mut forged = request(Some(head), 1, "x", vec![FileEdit::write("b", "")]);
    forged.author.name = "a <b>\nparent 0".to_owned();
    assert!(matches!(git.commit(forged).await, Err(GitError::InvalidCommit { .. })));
    assert!(
        git.commit(request(Some(CommitId::from_bytes([1; 20])), 1, "x", vec![]))
            .await
            .is_err_and(|error| error.is_not_found())
    );
    for branch in ["-x", "refs/heads/main", "a b", "HEAD", ""] {
        let push = git.push(PushRequest { branch: branch.to_owned(), new: head, expected: None }).await;
        assert!(matches!(push, Err(GitError::InvalidRevision { .. })), "{branch:?}: {push:?}");
    }
    Ok(())
}

async fn races(clones: Clones) -> Result<(), GitError> {
    let Clones { ours, theirs } = clones;
    let base = publish(&*ours, None, 0, vec![FileEdit::write("values.yaml", "a: 0\nb: 0\n")]).await?;
    theirs.fetch().await?;
    assert_eq!(theirs.resolve("main").await?, base);
    assert_eq!(theirs.status("main").await?.branch.published(), Some(base));
    let fast = publish(&*theirs, Some(base), 1, vec![FileEdit::write("values.yaml", "a: 1\nb: 0\n")]).await?;

    let slow = ours.commit(request(Some(base), 2, "slow", vec![FileEdit::write("other.yaml", "")])).await?;
    let lost = ours.push(PushRequest { branch: "main".to_owned(), new: slow, expected: Some(base) }).await;
    let Err(GitError::Stale { expected, actual, .. }) = lost else { panic!("a lost race is Stale, not {lost:?}") };
    assert_eq!((expected, actual), (Some(base), Some(fast)));
    assert_eq!(ours.resolve("main").await?, base, "a lost race moves nothing here");

    assert_eq!(ours.fetch().await?.updated, ["refs/heads/main"]);
    assert!(ours.fetch().await?.updated.is_empty(), "nothing new the second time");
    assert_eq!(ours.status("main").await?.branch.published(), Some(fast));
    assert!(
        ours.is_ancestor(base, fast).await?
            && !ours.is_ancestor(fast, base).await?
            && !ours.is_ancestor(slow, fast).await?
    );
    let sideways = ours.push(PushRequest { branch: "main".to_owned(), new: slow, expected: Some(fast) }).await;
    assert!(matches!(sideways, Err(GitError::NotFastForward { .. })), "never forced: {sideways:?}");
    let won = publish(&*ours, Some(fast), 3, vec![FileEdit::write("other.yaml", "")]).await?;
    assert_eq!((ours.resolve("main").await?, ours.status("main").await?.branch.ahead), (won, 0));

    let exists = theirs.push(PushRequest { branch: "main".to_owned(), new: fast, expected: None }).await;
    assert!(exists.is_err_and(|error| error.is_stale()), "`expected: None` means that the branch must not exist");
    let branch = theirs.push(PushRequest { branch: "release/1".to_owned(), new: fast, expected: None }).await?;
    assert!(branch.moved);
    ours.fetch().await?;
    assert_eq!(ours.resolve("release/1").await?, fast, "a branch that only the remote has");
    let unknown = theirs
        .push(PushRequest { branch: "main".to_owned(), new: CommitId::from_bytes([7; 20]), expected: Some(fast) })
        .await;
    assert!(unknown.is_err_and(|error| error.is_not_found()));
    Ok(())
}

async fn history(clones: Clones) -> Result<(), GitError> {
    let git = &*clones.ours;
    let mut commits = Vec::new();
    for minute in 0..6 {
        let path = if minute % 2 == 0 { "even/x" } else { "odd/x" };
        commits.push(
            publish(git, commits.last().copied(), minute, vec![FileEdit::write(path, minute.to_string())]).await?,
        );
    }
    let [zero, _, two, three, four, head] = commits[..] else { panic!("six commits") };
    let ids = |log: Vec<super::CommitInfo>| log.into_iter().map(|commit| commit.id).collect::<Vec<_>>();
    assert_eq!(ids(git.log(head, LogOptions { limit: 3, ..LogOptions::default() }).await?), [head, four, three]);
    assert_eq!(ids(git.log(head, LogOptions { exclude: Some(three), ..LogOptions::default() }).await?), [head, four]);
    let even = LogOptions { path: Some("even".to_owned()), ..LogOptions::default() };
    assert_eq!(ids(git.log(head, even).await?), [four, two, zero]);
    assert_eq!(git.resolve("main~3").await?, two);
    assert_eq!(git.resolve("main^^1^0").await?, three);
    assert!(
        git.is_ancestor(zero, head).await?
            && git.is_ancestor(head, head).await?
            && !git.is_ancestor(head, zero).await?
    );
    Ok(())
}

async fn symlinks(clones: Clones) -> Result<(), GitError> {
    let git = &*clones.ours;
    let link = |path: &str, target: &str| FileEdit::write_as(path, target.to_owned(), EntryKind::Symlink);
    let edits = vec![
        FileEdit::write("base/values.yaml", "x"),
        link("env/base", "../base"),
        link("env/v.yaml", "base/./values.yaml"),
        link("env/gone", "nothing"),
        link("env/abs", "/etc/passwd"),
        link("env/out", "../../etc/passwd"),
        link("env/dot", "../.git/config"),
        link("loop/a", "b"),
        link("loop/b", "a"),
        link("self", "self/x"),
    ];
    let head = publish(git, None, 0, edits).await?;
    let entry = git.entry(head, "env/v.yaml").await?;
    assert!(entry.is_some_and(|entry| entry.kind == EntryKind::Symlink), "symlinks are returned as such");
    let found = resolve_path(git, head, "env/v.yaml").await?;
    let found = found.map(|found| (found.entry.path, found.links));
    assert_eq!(found, Some(("base/values.yaml".to_owned(), vec!["env/v.yaml".to_owned(), "env/base".to_owned()])));
    for path in ["env/gone", "nowhere", "base/values.yaml/x"] {
        assert_eq!(resolve_path(git, head, path).await?, None, "{path}");
    }
    for path in ["env/abs", "env/out", "loop/a", "self"] {
        assert!(matches!(resolve_path(git, head, path).await, Err(GitError::Symlink { .. })), "{path}");
    }
    assert!(resolve_path(git, head, "env/dot").await.is_err());
    assert!(resolve_path(git, head, "env/../../x").await.is_err());
    Ok(())
}
