//! Repositories that people work in: their files, their index, their mistakes; and hostile ones.

use super::*;

/// A repository with one commit and a work tree.
async fn started(root: &Path) -> (GixGit, CommitId) {
    git(root, &["init", "-q"]);
    for (path, text) in [("values.yaml", "a: 1\n"), ("dir/x", "x"), ("dir/y", "y"), ("notes.txt", "one\ntwo\n")] {
        std::fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
        std::fs::write(root.join(path), text).unwrap();
    }
    std::fs::write(root.join(".gitattributes"), "notes.txt eol=crlf\n").unwrap();
    git(root, &["add", "."]);
    git(root, &["commit", "-qm", "start"]);
    let backend = GixGit::open(root).await.unwrap();
    let head = backend.resolve("").await.unwrap();
    (backend, head)
}

#[tokio::test]
async fn files_follow_the_branch_and_other_changes_stay() {
    let root = tempfile::tempdir().unwrap();
    let (ours, head) = started(root.path()).await;
    std::fs::write(root.path().join("dir/y"), "mine").unwrap();
    std::fs::write(root.path().join("untracked"), "mine").unwrap();
    let edits = vec![
        FileEdit::write("values.yaml", "a: 2\n"),
        FileEdit::write("notes.txt", "one\ntwo\nthree\n"),
        FileEdit::delete("dir/x"),
        FileEdit::write("dir/x/now/folder", "1"),
        FileEdit::write_as("bin/run", "#!/bin/sh\n", EntryKind::Executable),
        FileEdit::write_as("link", "values.yaml", EntryKind::Symlink),
    ];
    let head = publish(&ours, Some(head), 1, edits).await.unwrap();
    assert_eq!(git(root.path(), &["status", "--porcelain"]), " M dir/y\n?? untracked\n");
    assert_eq!(
        std::fs::read(root.path().join("notes.txt")).unwrap(),
        b"one\r\ntwo\r\nthree\r\n",
        "line endings as .gitattributes says"
    );
    let status = ours.status("main").await.unwrap().work_tree.unwrap();
    assert_eq!(
        (status.branch.as_deref(), status.changed, status.untracked),
        (Some("main"), vec!["dir/y".to_owned()], vec!["untracked".to_owned()])
    );
    git(root.path(), &["fsck", "--full", "--strict"]);

    let back = vec![
        FileEdit::delete("dir/x/now/folder"),
        FileEdit::write("dir/x", "file again"),
        FileEdit::delete("bin/run"),
        FileEdit::delete("link"),
    ];
    publish(&ours, Some(head), 2, back).await.unwrap();
    assert_eq!(git(root.path(), &["status", "--porcelain"]), " M dir/y\n?? untracked\n");
    assert!(!root.path().join("bin").exists(), "empty folders go");
    git(root.path(), &["commit", "-qam", "git itself goes on from here"]);
}

#[tokio::test]
async fn what_people_changed_is_never_overwritten() {
    let root = tempfile::tempdir().unwrap();
    let (ours, head) = started(root.path()).await;
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("values.yaml"), "a: mine\n").unwrap();
    std::fs::write(root.path().join("new"), "mine").unwrap();
    std::os::unix::fs::symlink(outside.path(), root.path().join("way")).unwrap();
    std::fs::write(root.path().join("dir/y"), "staged").unwrap();
    git(root.path(), &["add", "dir/y"]);
    std::fs::write(root.path().join("dir/y"), "y").unwrap();
    let before = git(root.path(), &["status", "--porcelain"]);
    for (edit, path) in [
        (FileEdit::write("values.yaml", "a: 2\n"), "values.yaml"),
        (FileEdit::delete("values.yaml"), "values.yaml"),
        (FileEdit::write("new", "ours"), "new"),
        (FileEdit::write("way/out", "ours"), "way/out"),
        (FileEdit::write("dir/y", "ours"), "dir/y"),
        (FileEdit::write("new/below", "ours"), "new/below"),
    ] {
        let Err(GitError::WorkTree { paths, .. }) = publish(&ours, Some(head), 1, vec![edit]).await else {
            panic!("{path} was overwritten")
        };
        assert_eq!(paths, [path]);
    }
    assert_eq!(git(root.path(), &["status", "--porcelain"]), before);
    assert_eq!(git(root.path(), &["rev-parse", "main"]).trim(), head.to_string());
    assert!(std::fs::read_dir(outside.path()).unwrap().next().is_none());
}

#[tokio::test]
async fn a_killed_push_is_finished_by_the_next_one() {
    let root = tempfile::tempdir().unwrap();
    let (ours, head) = started(root.path()).await;
    let edits = vec![FileEdit::write("values.yaml", "a: 2\n"), FileEdit::delete("dir/x"), FileEdit::write("more", "m")];
    let request = request(Some(head), 1, "resumed", edits);
    let new = ours.commit(request.clone()).await.unwrap();
    // Killed after the files and the index, before the reference: exactly what `read-tree -u` leaves.
    git(root.path(), &["read-tree", "-m", "-u", "HEAD", &new.to_string()]);
    assert_eq!(ours.commit(request).await.unwrap(), new, "the same request gives the same commit");
    let push = PushRequest { branch: "main".to_owned(), new, expected: Some(head) };
    assert!(ours.push(push.clone()).await.unwrap().moved);
    assert_healthy(root.path());
    assert!(!ours.push(push).await.unwrap().moved);
    assert_eq!(git(root.path(), &["rev-list", "--count", "main"]).trim(), "2");
}

#[tokio::test]
async fn a_branch_with_commits_of_its_own_stays_where_it_is() {
    let root = tempfile::tempdir().unwrap();
    git(root.path(), &["init", "-q", "--bare", "remote.git"]);
    let work = root.path().join("work");
    std::fs::create_dir(&work).unwrap();
    let (_, head) = started(&work).await;
    git(&work, &["remote", "add", "origin", "../remote.git"]);
    git(&work, &["push", "-q", "origin", "main"]);
    git(&work, &["commit", "-q", "--allow-empty", "-m", "mine, not pushed"]);
    let ours = GixGit::open(&work).await.unwrap();
    ours.fetch().await.unwrap();
    let status = ours.status("main").await.unwrap().branch;
    assert_eq!((status.published(), status.ahead, status.behind), (Some(head), 1, 0));
    let new =
        ours.commit(request(Some(head), 1, "ours", vec![FileEdit::write("values.yaml", "a: 2\n")])).await.unwrap();
    let outcome = ours.push(PushRequest { branch: "main".to_owned(), new, expected: Some(head) }).await.unwrap();
    assert!(outcome.moved && matches!(outcome.local, LocalBranch::Unchanged(_)), "{outcome:?}");
    assert_eq!(git(&work, &["log", "-1", "--format=%s", "main"]), "mine, not pushed\n");
    assert_eq!(git(&root.path().join("remote.git"), &["rev-parse", "main"]).trim(), new.to_string());
    let status = ours.status("main").await.unwrap();
    assert_eq!((status.branch.ahead, status.branch.behind), (1, 1));
    assert!(status.work_tree.unwrap().is_clean());
}

#[tokio::test]
async fn revisions_are_found_as_argo_cd_finds_them() {
    let root = tempfile::tempdir().unwrap();
    let (_, first) = started(root.path()).await;
    git(root.path(), &["commit", "-q", "--allow-empty", "-m", "second"]);
    git(root.path(), &["tag", "-a", "-m", "annotated", "v1", &first.to_string()]);
    git(root.path(), &["tag", "both", &first.to_string()]);
    git(root.path(), &["branch", "both"]);
    git(root.path(), &["tag", "tree", "HEAD^{tree}"]);
    git(root.path(), &["gc", "-q"]);
    let ours = GixGit::open(root.path()).await.unwrap();
    let head = ours.resolve("HEAD").await.unwrap();
    for (revision, expected) in [
        ("v1", first),
        ("refs/tags/v1", first),
        ("both", head),
        ("refs/tags/both", first),
        ("v1~0", first),
        ("main~1", first),
    ] {
        assert_eq!(ours.resolve(revision).await.unwrap(), expected, "{revision}");
    }
    assert!(ours.resolve("tree").await.unwrap_err().is_not_found(), "a tag of a tree is no commit");
    let names: Vec<String> = ours.refs().await.unwrap().into_iter().map(|reference| reference.name).collect();
    assert_eq!(names, ["refs/heads/both", "refs/heads/main", "refs/tags/both", "refs/tags/v1"]);
    git(root.path(), &["checkout", "-q", "--detach", &first.to_string()]);
    assert_eq!(ours.resolve("").await.unwrap(), first);
    assert_eq!(ours.status("main").await.unwrap().work_tree.unwrap().branch, None);
}

#[tokio::test]
async fn forbidden_entries_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let (ours, head) = started(root.path()).await;
    let blob = git(root.path(), &["rev-parse", &format!("{head}:values.yaml")]);
    let raw: Vec<u8> = blob
        .trim()
        .as_bytes()
        .chunks(2)
        .map(|hex| u8::from_str_radix(std::str::from_utf8(hex).unwrap(), 16).unwrap())
        .collect();
    for name in [".git", ".GIT", "..", "git~1", "a\\b", "a/b", ".git\u{200c}"] {
        let mut tree = format!("100644 {name}\0").into_bytes();
        tree.extend_from_slice(&raw);
        std::fs::write(root.path().join("evil"), tree).unwrap();
        let tree = git(root.path(), &["hash-object", "-w", "-t", "tree", "--literally", "evil"]);
        let commit: CommitId = git(root.path(), &["commit-tree", "-m", "evil", tree.trim()]).trim().parse().unwrap();
        let listed = ours.list_tree(commit, "", ListOptions::recursive()).await;
        assert!(matches!(listed, Err(GitError::ForbiddenEntry { .. })), "{name:?}: {listed:?}");
        assert!(matches!(ours.changes(Some(head), commit).await, Err(GitError::ForbiddenEntry { .. })), "{name:?}");
    }
}

/// Every setting that would make Git start a program, and hooks: none may run.
#[tokio::test]
async fn nothing_in_a_repository_starts_a_program() {
    let root = tempfile::tempdir().unwrap();
    let work = root.path().join("work");
    std::fs::create_dir(&work).unwrap();
    let (_, head) = started(&work).await;
    let touch = |name: &str| format!("touch {}/ran-{name}", root.path().display());
    for key in [
        "filter.evil.clean",
        "filter.evil.smudge",
        "filter.evil.process",
        "core.fsmonitor",
        "core.sshCommand",
        "core.gitProxy",
        "diff.external",
        "credential.helper",
        "gpg.program",
        "uploadpack.packObjectsHook",
        "core.alternateRefsCommand",
    ] {
        git(&work, &["config", key, &touch(key)]);
    }
    git(&work, &["config", "filter.evil.required", "true"]);
    std::fs::write(work.join(".git/info/attributes"), "values.yaml filter=evil diff=evil\n").unwrap();
    for hook in [
        "pre-commit",
        "post-commit",
        "pre-push",
        "reference-transaction",
        "post-checkout",
        "post-index-change",
        "update",
    ] {
        let path = work.join(".git/hooks").join(hook);
        std::fs::write(&path, format!("#!/bin/sh\n{}\n", touch(hook))).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let ours = GixGit::open(&work).await.unwrap();
    publish(&ours, Some(head), 1, vec![FileEdit::write("values.yaml", "a: 2\n")]).await.unwrap();
    assert!(ours.status("main").await.unwrap().work_tree.unwrap().is_clean());
    let mirror =
        GixGit::clone_or_open(&work.display().to_string(), root.path().join("mirror"), CloneOptions::default())
            .await
            .unwrap();
    let head = mirror.resolve("main").await.unwrap();
    let refused = publish(&mirror, Some(head), 2, vec![FileEdit::write("values.yaml", "a: 3\n")]).await;
    assert!(matches!(refused, Err(GitError::Unsupported { .. })), "a remote with hooks needs a server: {refused:?}");
    let ran: Vec<_> = std::fs::read_dir(root.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name.to_string_lossy().starts_with("ran-"))
        .collect();
    assert!(ran.is_empty(), "{ran:?}");

    let ssh = GixGit::clone_or_open("git@localhost:x.git", root.path().join("ssh"), CloneOptions::default())
        .await
        .unwrap_err();
    assert!(ssh.to_string().contains("allow_ssh_program"), "{ssh}");
}

#[tokio::test]
async fn mirrors_follow_deleted_branches_and_the_default_branch() {
    let root = tempfile::tempdir().unwrap();
    let work = root.path().join("work");
    std::fs::create_dir(&work).unwrap();
    let (_, head) = started(&work).await;
    git(&work, &["branch", "old"]);
    git(&work, &["tag", "v1"]);
    let url = format!("file://{}", work.display());
    let mirror = GixGit::clone_or_open(&url, root.path().join("mirror"), CloneOptions::default()).await.unwrap();
    assert_eq!(mirror.resolve("old").await.unwrap(), head);
    git(&work, &["branch", "-q", "-D", "old"]);
    git(&work, &["branch", "-q", "-m", "main", "trunk"]);
    assert_eq!(mirror.fetch().await.unwrap().updated, ["refs/heads/trunk", "refs/heads/main", "refs/heads/old"]);
    assert!(mirror.resolve("old").await.unwrap_err().is_not_found());
    assert_eq!(mirror.resolve("HEAD").await.unwrap(), head);
    let other =
        GixGit::clone_or_open(&root.path().display().to_string(), root.path().join("mirror"), CloneOptions::default())
            .await;
    assert!(matches!(other, Err(GitError::Unsupported { .. })), "a mirror of something else");
}
