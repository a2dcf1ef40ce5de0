//! The book and the README: every `sh` block is run, in a copy of the example platform; the reference is what the code says.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

fn pages(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut todo = vec![folder.to_owned()];
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                todo.push(path);
            } else if path.extension().is_some_and(|e| e == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The `sh` blocks of a page, in order.
fn blocks(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut block: Option<String> = None;
    for line in text.lines() {
        match (&mut block, line) {
            (None, "```sh") => block = Some(String::new()),
            (Some(text), "```") => found.extend(Some(std::mem::take(text)).filter(|text| !text.is_empty())),
            (Some(text), line) => {
                text.push_str(line);
                text.push('\n');
            }
            _ => {}
        }
        if line == "```" {
            block = None;
        }
    }
    found
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.file_name() == ".plate-deploy" || entry.file_name() == ".git" {
            continue;
        }
        if entry.path().is_dir() {
            copy(&entry.path(), &target)
        } else {
            fs::copy(entry.path(), target).map(drop).unwrap()
        }
    }
}

const SETUP: &str = "git init --quiet --initial-branch main
git config user.name reader
git config user.email reader@localhost
printf '.plate-deploy\n*.html\n*.json\n*.mmd\n*.dot\n*.svg\n*.bash\nman1\ncomment.md\n' > .git/info/exclude
git add --all
git commit --quiet --message platform
git commit --quiet --allow-empty --message second
";

/// Runs a page's blocks, one after the other, in a platform of its own.
fn run(page: &Path) {
    let blocks = blocks(&fs::read_to_string(page).unwrap());
    if blocks.is_empty() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let repo = dir.path().join("repo");
    copy(&root().join("examples/plate-gitops"), &repo);
    let binary = Path::new(env!("CARGO_BIN_EXE_plate-deploy")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    for script in [SETUP].into_iter().chain(blocks.iter().map(String::as_str)) {
        let output = Command::new("sh")
            .args(["-eux", "-c", script])
            .env_clear()
            .env("PATH", &path)
            .env("HOME", dir.path())
            .current_dir(&repo)
            .output()
            .unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{}:\n{script}\n{out}\n{err}", page.display());
        assert!(!err.contains("panicked"), "{err}");
    }
}

#[test]
fn every_command_of_the_book_works() {
    let all = pages(&root().join("docs/book/src"));
    let count: usize = all.iter().map(|page| blocks(&fs::read_to_string(page).unwrap()).len()).sum();
    assert!(count >= 15, "only {count} blocks were found");
    std::thread::scope(|scope| {
        let runs: Vec<_> = all.iter().map(|page| scope.spawn(move || run(page))).collect();
        for one in runs {
            if let Err(panic) = one.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
}

#[test]
fn every_page_is_in_the_summary_and_every_link_leads_somewhere() {
    let src = root().join("docs/book/src");
    let summary = fs::read_to_string(src.join("SUMMARY.md")).unwrap();
    for page in pages(&src) {
        let name = page.strip_prefix(&src).unwrap().to_string_lossy().into_owned();
        assert!(name == "SUMMARY.md" || summary.contains(&format!("({name})")), "{name} is not in SUMMARY.md");
        let text = fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            assert!(page.parent().unwrap().join(target).exists(), "{name}: {link} leads nowhere");
        }
    }
}

fn plate_deploy(args: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_plate-deploy")).args(args).env_clear().env("COLUMNS", "100").output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The verbs below a command, from its help.
fn verbs(help: &str) -> Vec<String> {
    let list = help.split("Commands:\n").nth(1).unwrap_or_default().split("\n\n").next().unwrap();
    let names =
        list.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next().filter(|name| !name.is_empty()));
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

/// Compares a page with what it should be; `PLATE_UPDATE=1` writes it.
fn generated(page: &str, text: &str) {
    let path = root().join("docs/book/src/reference").join(page);
    if std::env::var_os("PLATE_UPDATE").is_some() {
        fs::write(&path, text).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == text,
        "{page} is not what the code says: PLATE_UPDATE=1 cargo test -p plate-deploy-cli --test book"
    );
}

#[test]
fn the_reference_of_commands_is_generated() {
    let mut text = String::from("# Commands\n\nGenerated from the code by `tests/book.rs`.\n");
    let mut todo: Vec<Vec<String>> =
        verbs(&plate_deploy(&["--help"])).into_iter().rev().map(|verb| vec![verb]).collect();
    assert!(todo.len() > 10);
    while let Some(words) = todo.pop() {
        let args: Vec<&str> = words.iter().map(String::as_str).chain(["--help"]).collect();
        let help = plate_deploy(&args);
        let below = verbs(&help);
        let help: String = help.lines().map(|line| format!("{}\n", line.trim_end())).collect();
        text.push_str(&format!("\n## {}\n\n```text\n{help}```\n", words.join(" ")));
        todo.extend(below.into_iter().rev().map(|verb| [words.clone(), vec![verb]].concat()));
    }
    generated("commands.md", &text);
}

#[test]
fn the_reference_of_codes_is_generated() {
    let all: Vec<serde_json::Value> = serde_json::from_str(&plate_deploy(&["explain", "--output", "json"])).unwrap();
    let mut text = String::from(
        "# Codes of findings\n\nGenerated from the code by `tests/book.rs`.\n\n| code | what it means, and what to do |\n|---|---|\n",
    );
    for code in all {
        let explanation = code["explanation"].as_str().unwrap().replace('|', "\\|");
        text.push_str(&format!("| `{}` | {explanation} |\n", code["code"].as_str().unwrap()));
    }
    generated("codes.md", &text);
}

/// Every verb that people use has examples.
#[test]
fn every_verb_shows_examples() {
    for verb in verbs(&plate_deploy(&["--help"])) {
        let help = plate_deploy(&[verb.as_str(), "--help"]);
        assert!(help.contains("Examples:") || help.contains("Commands:"), "{verb} --help shows no example");
    }
}
