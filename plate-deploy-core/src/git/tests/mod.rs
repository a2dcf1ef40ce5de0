//! The contract on every implementation, and what only real repositories can show. The `git` program makes and checks
//! repositories here; the code under test never starts it.

mod https;
mod server;
mod work_tree;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use super::testing::{Clones, git_backend_contract, publish, request};
use super::*;

/// Runs `git` with no configuration but the given one; returns its output.
fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(folder)
        .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap())
        .env("HOME", folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// No damage, no dangling index, a clean work tree.
fn assert_healthy(folder: &Path) {
    git(folder, &["fsck", "--full", "--strict"]);
    if !folder.join("HEAD").exists() {
        assert_eq!(git(folder, &["status", "--porcelain"]), "");
    }
}

#[tokio::test]
async fn memory_fulfils_the_contract() {
    git_backend_contract(async || {
        let ours = MemoryGit::new("memory");
        let theirs = ours.another_clone("memory 2");
        Clones { ours: Arc::new(ours), theirs: Arc::new(theirs) }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn work_trees_with_a_local_remote_fulfil_the_contract() {
    let root = tempfile::tempdir().unwrap();
    let mut count = 0;
    git_backend_contract(async || {
        count += 1;
        let folder = root.path().join(count.to_string());
        std::fs::create_dir(&folder).unwrap();
        git(&folder, &["init", "-q", "--bare", "remote.git"]);
        for clone in ["ours", "theirs"] {
            git(&folder, &["init", "-q", clone]);
            git(&folder.join(clone), &["remote", "add", "origin", "../remote.git"]);
        }
        let [ours, theirs] = ["ours", "theirs"].map(|name| folder.join(name));
        Clones {
            ours: Arc::new(GixGit::open(ours).await.unwrap()),
            theirs: Arc::new(GixGit::open(theirs).await.unwrap()),
        }
    })
    .await
    .unwrap();
    for run in 1..=count {
        for name in ["ours", "theirs", "remote.git"] {
            assert_healthy(&root.path().join(run.to_string()).join(name));
        }
    }
}

#[tokio::test]
async fn mirrors_fulfil_the_contract() {
    let root = tempfile::tempdir().unwrap();
    let mut count = 0;
    git_backend_contract(async || {
        count += 1;
        let folder = root.path().join(count.to_string());
        GixGit::init(folder.join("remote.git"), "main", true).await.unwrap();
        let url = format!("file://{}/remote.git", folder.display());
        let clone =
            async |name: &str| GixGit::clone_or_open(&url, folder.join(name), CloneOptions::default()).await.unwrap();
        Clones { ours: Arc::new(clone("ours.git").await), theirs: Arc::new(clone("theirs.git").await) }
    })
    .await
    .unwrap();
    for run in 1..=count {
        assert_healthy(&root.path().join(run.to_string()).join("remote.git"));
        assert_healthy(&root.path().join(run.to_string()).join("ours.git"));
    }
}
