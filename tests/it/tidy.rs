//! Mechanical tidiness of the tree.

use std::path::{Path, PathBuf};

/// The root of the workspace.
pub(crate) fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every Rust file below a folder, sorted.
pub(crate) fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(&dir).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() && entry.file_name() != "target" {
                dirs.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn sources() -> Vec<PathBuf> {
    [
        "plate-deploy-helm",
        "plate-deploy-apiserver",
        "plate-deploy-core",
        "plate-deploy-cli",
        "plate-deploy-py",
        "examples",
        "tests",
    ]
    .iter()
    .flat_map(|krate| rust_files(&workspace_root().join(krate)))
    .collect()
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<_> =
        sources().into_iter().filter(|f| !std::fs::read_to_string(f).unwrap().starts_with("//!")).collect();
    assert!(silent.is_empty(), "these files do not open with //!: {silent:#?}");
}

#[test]
fn files_can_be_read_in_a_sitting() {
    // Blank lines, comments and test modules do not count; neither do the generators and tables of tests.
    let in_src = |file: &PathBuf| file.components().any(|part| part.as_os_str() == "src");
    let sources = sources().into_iter().filter(in_src);
    let long: Vec<_> = sources.map(|file| (code_lines(&file), file)).filter(|(lines, _)| *lines > 500).collect();
    assert!(long.is_empty(), "more than 500 lines of code: {long:#?}");
}

#[test]
fn no_test_is_switched_off() {
    let ignore = ["#[", "ignore"].concat();
    let off: Vec<_> = sources().into_iter().filter(|f| std::fs::read_to_string(f).unwrap().contains(&ignore)).collect();
    assert!(off.is_empty(), "ignored tests: {off:#?}");
}

#[test]
fn core_is_silent_and_hermetic() {
    let forbidden = ["std::env::", "home_dir(", "std::process::Command", "Command::new("];
    let mut found = Vec::new();
    for krate in ["plate-deploy-core", "plate-deploy-helm", "plate-deploy-apiserver"] {
        for file in rust_files(&workspace_root().join(krate).join("src")) {
            let text = std::fs::read_to_string(&file).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            if file.ends_with("testing.rs")
                || file.ends_with("tests.rs")
                || file.components().any(|c| c.as_os_str() == "tests")
            {
                continue;
            }
            for (n, line) in code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
                if forbidden.iter().any(|f| line.contains(f)) {
                    found.push(format!("{}:{}: {}", file.display(), n + 1, line.trim()));
                }
            }
        }
    }
    assert!(found.is_empty(), "the libraries read no environment and start no process:\n{}", found.join("\n"));
}

fn code_lines(file: &Path) -> usize {
    let text = std::fs::read_to_string(file).unwrap();
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}
