//! https: fetch and push against Git's own server side.

use super::server::{AUTHORITY, PASSWORD, USER, serve};
use super::*;

fn options(host: &str, password: &str) -> CloneOptions {
    CloneOptions {
        credentials: vec![
            Credentials::basic("elsewhere.example.com", "other", "other"),
            Credentials::basic(host, USER, password),
        ],
        ca_certificates: AUTHORITY.to_vec(),
        ..CloneOptions::default()
    }
}

fn bare(root: &Path, name: &str) {
    git(root, &["init", "-q", "--bare", name]);
    git(&root.join(name), &["config", "http.receivepack", "true"]);
}

#[tokio::test]
async fn mirrors_over_https_fulfil_the_contract() {
    let root = tempfile::tempdir().unwrap();
    let host = serve(root.path());
    let mut count = 0;
    git_backend_contract(async || {
        count += 1;
        bare(root.path(), &format!("{count}.git"));
        let url = format!("https://{host}/{count}.git");
        let clone = async |name: &str| {
            GixGit::clone_or_open(&url, root.path().join(format!("{count}-{name}")), options(&host, PASSWORD))
                .await
                .unwrap()
        };
        Clones { ours: Arc::new(clone("ours").await), theirs: Arc::new(clone("theirs").await) }
    })
    .await
    .unwrap();
    for run in 1..=count {
        assert_healthy(&root.path().join(format!("{run}.git")));
        assert_healthy(&root.path().join(format!("{run}-ours")));
    }
}

#[tokio::test]
async fn refusals_of_a_server_are_told_without_secrets() {
    let root = tempfile::tempdir().unwrap();
    let host = serve(root.path());
    bare(root.path(), "r.git");
    let hook = root.path().join("r.git/hooks/pre-receive");
    std::fs::write(&hook, "#!/bin/sh\necho 'main is protected'; exit 1\n").unwrap();
    git(root.path(), &["init", "-q"]);
    Command::new("chmod").arg("+x").arg(&hook).status().unwrap();
    let url = format!("https://{host}/r.git");

    for (index, options) in
        [options(&host, "wrong-4711"), CloneOptions { ca_certificates: AUTHORITY.to_vec(), ..CloneOptions::default() }]
            .into_iter()
            .enumerate()
    {
        let error =
            GixGit::clone_or_open(&url, root.path().join(format!("refused-{index}")), options).await.unwrap_err();
        assert!(matches!(error, GitError::Authentication { .. }), "{error:?}");
        assert!(!format!("{error:?} {error}").contains("4711"), "{error:?}");
    }
    let unknown =
        GixGit::clone_or_open(&format!("https://{host}/none.git"), root.path().join("none"), options(&host, PASSWORD))
            .await
            .unwrap_err();
    assert!(!format!("{unknown:?}").contains(PASSWORD), "{unknown:?}");
    let untrusted = CloneOptions { ca_certificates: Vec::new(), ..options(&host, PASSWORD) };
    assert!(matches!(
        GixGit::clone_or_open(&url, root.path().join("tls"), untrusted).await,
        Err(GitError::Backend { .. })
    ));

    let embedded = format!("https://{USER}:{PASSWORD}@{host}/r.git");
    let trusting = CloneOptions { ca_certificates: AUTHORITY.to_vec(), ..CloneOptions::default() };
    let ours = GixGit::clone_or_open(&embedded, root.path().join("ours"), trusting).await.unwrap();
    let config = std::fs::read_to_string(root.path().join("ours/config")).unwrap();
    assert!(!config.contains(PASSWORD) && !format!("{ours:?}").contains(PASSWORD), "the password is kept nowhere");
    let Err(GitError::Rejected { message, .. }) = publish(&ours, None, 0, vec![FileEdit::write("a", "1")]).await else {
        panic!("the hook says no")
    };
    assert!(message.contains("pre-receive hook declined") && message.contains("main is protected"), "{message}");
    std::fs::remove_file(hook).unwrap();
    let head = publish(&ours, None, 0, vec![FileEdit::write("a", "1")]).await.unwrap();
    assert_eq!(git(&root.path().join("r.git"), &["rev-parse", "main"]).trim(), head.to_string());
}

#[tokio::test]
async fn a_work_tree_pushes_over_https_only_what_is_new() {
    let root = tempfile::tempdir().unwrap();
    let host = serve(root.path());
    bare(root.path(), "r.git");
    git(root.path(), &["init", "-q", "work"]);
    let work = root.path().join("work");
    git(&work, &["remote", "add", "origin", &format!("https://{host}/r.git")]);
    let ours = GixGit::open_with(&work, options(&host, PASSWORD)).await.unwrap();
    let edits =
        (0..200).map(|file| FileEdit::write(format!("apps/{file}/values.yaml"), format!("n: {file}\n"))).collect();
    let first = publish(&ours, None, 0, edits).await.unwrap();
    let second =
        publish(&ours, Some(first), 1, vec![FileEdit::write("apps/7/values.yaml", "n: changed\n")]).await.unwrap();
    assert_healthy(&work);
    assert_healthy(&root.path().join("r.git"));
    // Commit, three trees and a blob, loose because they are few; the first push came as a pack of all.
    let counts = git(&root.path().join("r.git"), &["count-objects", "-v"]);
    assert!(counts.contains("count: 5\n") && counts.contains("packs: 1\n"), "{counts}");
    assert_eq!(ours.resolve("origin/main").await.unwrap(), second);
}
