//! The command as a process: exit statuses, and one clear error for each bad input.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// Runs the command in a folder of its own, without the caller's home or kubeconfig.
fn run(args: &[&str]) -> Output {
    let home = tempfile::tempdir().unwrap();
    Command::new(env!("CARGO_BIN_EXE_plate-deploy"))
        .args(args)
        .args(["--color", "never"])
        .env_clear()
        .env("HOME", home.path())
        .current_dir(home.path())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The command fails with this status, says all of `words` on standard error, and does not panic.
fn fails(args: &[&str], status: i32, words: &[&str]) {
    let output = run(args);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(status), "{args:?}\n{out}\n{err}");
    assert!(!err.contains("panicked"), "{err}");
    for word in words {
        assert!(err.contains(word) || out.contains(word), "{args:?} does not say {word:?}:\n{out}\n{err}");
    }
}

/// A copy of the example platform, for runs that leave state behind.
fn platform() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let repo = dir.path().join("repo");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/plate-gitops"), &repo);
    (dir, repo)
}

fn git(repo: &Path, args: &[&str]) {
    assert!(Command::new("git").arg("-C").arg(repo).args(args).status().unwrap().success());
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_name() == ".plate-deploy" {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_deploy_survives_between_commands() {
    let (_dir, repo) = platform();
    let repo = repo.to_str().unwrap();
    let first = run(&["deploy", "staging", "--repo", repo, "--embedded", "--yes", "--output", "json"]);
    assert_eq!(first.status.code(), Some(0), "{}\n{}", text(&first.stdout), text(&first.stderr));
    let report: serde_json::Value = serde_json::from_slice(&first.stdout).unwrap();
    assert_eq!((&report["outcome"], &report["environment"]), (&"deployed".into(), &"staging".into()));
    let second = run(&["deploy", "stg", "--repo", repo, "--embedded", "--output", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&second.stdout).unwrap();
    assert_eq!(report["outcome"], "unchanged", "{report:#}");
    let status = run(&["status", "staging", "--repo", repo, "--embedded"]);
    assert_eq!(status.status.code(), Some(0), "{}", text(&status.stdout));
    let plan = run(&["plan", "staging", "--repo", repo, "--embedded"]);
    assert!(text(&plan.stdout).contains("Nothing to change"), "{}", text(&plan.stdout));
}

#[test]
fn production_is_refused_without_a_yes() {
    let (_dir, repo) = platform();
    let repo = repo.to_str().unwrap();
    fails(&["deploy", "production", "--repo", repo, "--embedded"], 3, &["typed confirmation", "--yes"]);
}

#[test]
fn bad_repositories() {
    let empty = tempfile::tempdir().unwrap();
    let empty = empty.path().to_str().unwrap();
    fails(&["deploy", "staging", "--repo", "/no/such/folder", "--embedded"], 1, &["/no/such/folder", "--repo"]);
    fails(&["deploy", "staging", "--repo", empty, "--embedded"], 1, &["neither a Git repository"]);
    let (_dir, repo) = platform();
    fails(&["deploy", "nowhere", "--repo", repo.to_str().unwrap(), "--embedded"], 3, &["nowhere", "staging"]);
    let apps = repo.join("environments/argocd/apps");
    let broken =
        fs::read_dir(&apps).unwrap().flatten().find(|e| e.file_name().to_string_lossy().contains("web-stg")).unwrap();
    fs::write(broken.path(), "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: [\n").unwrap();
    fails(&["lint", "--repo", repo.to_str().unwrap()], 1, &["web-stg", "invalid-yaml"]);
}

#[test]
fn bad_clusters() {
    let (dir, repo) = platform();
    git(&repo, &["init", "--quiet", "--initial-branch", "main"]);
    git(&repo, &["add", "--all"]);
    git(&repo, &["-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "--quiet", "-m", "import"]);
    let repo = repo.to_str().unwrap();
    fails(&["deploy", "staging", "--repo", repo, "--kubeconfig", "/no/such/config"], 3, &["/no/such/config"]);
    let config = dir.path().join("config");
    let user = "users: [{name: u, user: {token: planted-secret}}, {name: x, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: touch, args: [/tmp/pwned]}}}]";
    let contexts =
        "contexts: [{name: stg, context: {cluster: c, user: u}}, {name: evil, context: {cluster: c, user: x}}]";
    let clusters = "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]";
    fs::write(&config, format!("apiVersion: v1\nkind: Config\n{clusters}\n{user}\n{contexts}\n")).unwrap();
    let config = config.to_str().unwrap();
    let deploy =
        |context: &'static str| ["deploy", "staging", "--repo", repo, "--kubeconfig", config, "--context", context];
    fails(&deploy("nope"), 3, &["no context \"nope\"", "stg"]);
    fails(&deploy("evil"), 3, &["starts a program", "--allow-exec"]);
    fails(&deploy("stg"), 1, &["cannot reach the cluster stg"]);
    assert!(!text(&run(&deploy("stg")).stderr).contains("planted-secret"));
}

#[test]
fn bad_charts_and_usage() {
    fails(&["helm", "template", "web", "/no/such/chart"], 1, &["/no/such/chart"]);
    fails(&["deploy"], 2, &["ENVIRONMENT"]);
    let (_dir, repo) = platform();
    let repo = repo.to_str().unwrap();
    fails(&["deploy", "staging", "--repo", repo, "--embedded", "--set-image", "oops"], 2, &["COMPONENT=IMAGE:TAG"]);
}

/// `diff` between two commits: text, JSON, Markdown and a page; side by side; a broken revision fails.
#[test]
fn two_revisions_are_compared() {
    let (dir, repo) = platform();
    let commit = |message: &str| {
        git(&repo, &["add", "--all"]);
        git(&repo, &["-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "--quiet", "-m", message]);
    };
    git(&repo, &["init", "--quiet", "--initial-branch", "main"]);
    commit("one");
    let values = repo.join("helm/applications/plate-web/values-stg.yaml");
    let before = fs::read_to_string(&values).unwrap();
    fs::write(&values, before.replace("1.4.0", "1.5.0")).unwrap();
    fs::write(repo.join("README.md"), "changed\n").unwrap();
    commit("two");
    let folder = repo.to_str().unwrap();
    let json = run(&["diff", "HEAD~1..HEAD", "--repo", folder, "--output", "json"]);
    assert_eq!(json.status.code(), Some(0), "{}", text(&json.stderr));
    let found: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(found["applications"].as_array().unwrap().len(), 1, "{found:#}");
    assert_eq!(found["applications"][0]["name"], "plate-web-stg");
    assert_eq!(found["applications"][0]["changes"][0]["action"], "update");
    assert!(found["unaffected"].as_u64().unwrap() > 5);
    let (md, html) = (dir.path().join("c.md"), dir.path().join("d.html"));
    let files = ["--markdown", md.to_str().unwrap(), "--html", html.to_str().unwrap(), "--side-by-side"];
    let text_run = run(&[&["diff", "HEAD~1", "--repo", folder, "--env", "stg"], &files[..]].concat());
    assert!(text(&text_run.stdout).contains("│ +"), "{}", text(&text_run.stdout));
    assert!(fs::read_to_string(md).unwrap().contains("```diff"));
    assert!(fs::read_to_string(html).unwrap().contains("plate-web-stg"));
    let production = run(&["diff", "HEAD~1", "--repo", folder, "--env", "prod"]);
    assert!(text(&production.stdout).contains("nothing changes"), "{}", text(&production.stdout));
    fs::write(repo.join("helm/applications/plate-web/templates/service.yaml"), "{{ fail \"broken\" }}").unwrap();
    commit("three");
    fails(&["diff", "HEAD~1..HEAD", "--repo", folder], 1, &["plate-web-prod", "at the second revision", "broken"]);
    fails(&["diff", "a..b..c", "--repo", folder], 2, &["REV..REV"]);
    fails(&["diff", "nope..HEAD", "--repo", folder], 1, &["nope"]);
}

/// Every document of `--output json` is what docs/output.schema.json says.
#[test]
fn json_documents_fit_their_schema() {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/output.schema.json").canonicalize().unwrap();
    let (_dir, repo) = platform();
    for (n, message) in ["one", "two"].iter().enumerate() {
        if n == 0 {
            git(&repo, &["init", "--quiet", "--initial-branch", "main"]);
        } else {
            let values = repo.join("helm/applications/plate-web/values-stg.yaml");
            fs::write(&values, fs::read_to_string(&values).unwrap().replace("1.4.0", "1.5.0")).unwrap();
        }
        git(&repo, &["add", "--all"]);
        git(&repo, &["-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "--quiet", "-m", message]);
    }
    let folder = repo.to_str().unwrap();
    let cases: [(&str, &[&str]); 13] = [
        ("plan", &["plan", "staging", "--embedded", "--repo", folder]),
        ("report", &["deploy", "staging", "--embedded", "--yes", "--repo", folder]),
        ("report", &["deploy", "production", "--embedded", "--repo", folder]),
        ("status", &["status", "staging", "--embedded", "--repo", folder]),
        ("template", &["template", "staging", "--repo", folder]),
        ("lint", &["lint", "--repo", folder]),
        ("diff", &["diff", "HEAD~1", "--repo", folder]),
        ("impact", &["impact", "app/plate-web-stg", "--live", "--embedded", "--repo", folder]),
        ("impact", &["impact", "argocd/redis", "--repo", folder]),
        ("graph", &["graph", "--live", "--embedded", "--timeline", "HEAD", "--repo", folder]),
        ("doctor", &["doctor", "--embedded", "--repo", folder]),
        ("explain", &["explain", "missing-path"]),
        ("codes", &["explain"]),
    ];
    for (definition, args) in cases {
        let output = run(&[args, &["--output", "json"]].concat());
        let value: serde_json::Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{args:?}: {e}\n{}\n{}", text(&output.stdout), text(&output.stderr)));
        let mut schemas = boon::Schemas::new();
        let at = format!("{}#/$defs/{definition}", schema.display());
        let compiled = boon::Compiler::new().compile(&at, &mut schemas).unwrap();
        if let Err(error) = schemas.validate(&value, compiled) {
            panic!("{args:?} is no {definition}: {error:#}");
        }
        let empty = serde_json::json!({});
        assert!(definition == "codes" || schemas.validate(&empty, compiled).is_err(), "{definition} accepts anything");
    }
}

/// The commands that `impact` tells to run are commands that there are.
#[test]
fn recovery_commands_are_real() {
    let (_dir, repo) = platform();
    let folder = repo.to_str().unwrap();
    let mut seen = 0;
    for failure in [
        "pipeline",
        "argocd/controller",
        "chart/plate-web",
        "app/plate-server-prod",
        "git",
        "cluster/etcd",
        "library/banner-operator",
    ] {
        let output = run(&["impact", failure, "--repo", folder, "--output", "json"]);
        let impact: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        for command in
            impact["recovery"].as_array().unwrap().iter().flat_map(|step| step["commands"].as_array().unwrap())
        {
            let command = command.as_str().unwrap();
            let Some(ours) = command.strip_prefix("plate-deploy ") else { continue };
            let words: Vec<&str> = ours.split(" > ").next().unwrap().split(' ').chain(["--help"]).collect();
            let help = run(&words);
            assert_eq!(help.status.code(), Some(0), "{command}: {}", text(&help.stderr));
            seen += 1;
        }
    }
    assert!(seen > 15, "only {seen} commands");
}

#[test]
fn words_are_korean_where_that_is_wanted() {
    let (_dir, repo) = platform();
    let korean = run(&["impact", "etcd", "--lang", "ko", "--repo", repo.to_str().unwrap()]);
    assert!(text(&korean.stdout).contains("해야 할 일"), "{}", text(&korean.stdout));
    assert!(text(&run(&["explain", "missing-path", "--lang", "ko"]).stdout).contains("저장소"));
    assert!(text(&run(&["explain", "missing-path"]).stdout).contains("repository"));
    fails(&["explain", "missing-pth"], 2, &["plate-deploy explain missing-path"]);
}
