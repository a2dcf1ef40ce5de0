//! The recorded vectors: what real Argo CD answered, case by case, and the runner that asks this library the same.
//!
//! A group is a folder of `*.jsonl` files; a line is `{id, note?, input, expect}`. Each group has one file here with
//! one function from a [`Case`] to an [`Outcome`]; `GROUPS` is the registry.

mod appspec;
mod autosync;
mod compare;
mod diff;
mod health;
mod project;
mod retry;
mod source;
mod sync;
mod tracking;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::Value;

pub use compare::{difference, same};

/// `Ok` when the library answers as recorded, else what differs.
pub type Outcome = Result<(), String>;

/// One recorded question and answer.
#[derive(Clone, Debug, Deserialize)]
pub struct Case {
    /// Name of the file, without `.jsonl`.
    #[serde(skip)]
    pub file: String,
    /// Unique in its group.
    pub id: String,
    /// The question; its shape is the group's own.
    pub input: Value,
    /// The recorded answer.
    #[serde(default)]
    pub expect: Value,
}

/// A group and the function that runs one of its cases.
struct Group {
    name: &'static str,
    run: fn(&Case) -> Outcome,
}

/// Every known group. `run` gets one case at a time and must not depend on the order.
const GROUPS: &[Group] = &[
    Group { name: "appspec", run: appspec::run },
    Group { name: "autosync", run: autosync::run },
    Group { name: "diff", run: diff::run },
    Group { name: "health", run: health::run },
    Group { name: "project", run: project::run },
    Group { name: "retry", run: retry::run },
    Group { name: "source", run: source::run },
    Group { name: "sync", run: sync::run },
    Group { name: "tracking", run: tracking::run },
];

/// Which cases to run; `None` means all.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// One group.
    pub group: Option<String>,
    /// Cases whose id contains this.
    pub id: Option<String>,
}

/// A case that was answered otherwise.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The case's id.
    pub id: String,
    /// What differs.
    pub reason: String,
}

/// How one group went; `Display` is its summary line.
#[derive(Clone, Debug)]
pub struct GroupReport {
    /// Name of the group (its folder).
    pub group: String,
    /// Cases answered as recorded.
    pub passed: usize,
    /// All others.
    pub failures: Vec<Failure>,
}

impl fmt::Display for GroupReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} passed, {} failed", self.group, self.passed, self.failures.len())
    }
}

/// Runs the groups below `dir` in the order of their names. A folder without `*.jsonl` files holds no vectors and is
/// left out; a folder of an unknown group counts all its cases as failed.
///
/// # Errors
/// When `dir` or a vector file cannot be read or holds a line that is no case, or when nothing was selected.
pub fn run(dir: &Path, selection: &Selection) -> anyhow::Result<Vec<GroupReport>> {
    let mut reports = Vec::new();
    for name in folders(dir)? {
        if selection.group.as_ref().is_some_and(|wanted| *wanted != name) {
            continue;
        }
        let mut cases = read_cases(&dir.join(&name))?;
        if let Some(id) = &selection.id {
            cases.retain(|case| case.id.contains(id.as_str()));
        }
        if !cases.is_empty() {
            reports.push(run_group(&name, &cases));
        }
    }
    if reports.is_empty() {
        bail!("no vectors selected below {}", dir.display());
    }
    Ok(reports)
}

fn run_group(name: &str, cases: &[Case]) -> GroupReport {
    let group = GROUPS.iter().find(|group| group.name == name);
    let mut report = GroupReport { group: name.into(), passed: 0, failures: Vec::new() };
    for case in cases {
        let outcome = match group {
            Some(group) => run_case(group, case),
            None => Err("unknown group: this runner has no code for it".into()),
        };
        match outcome {
            Ok(()) => report.passed += 1,
            Err(reason) => report.failures.push(Failure { id: case.id.clone(), reason }),
        }
    }
    report
}

/// A panic is a failure of its case, not the end of the run.
fn run_case(group: &Group, case: &Case) -> Outcome {
    catch_unwind(AssertUnwindSafe(|| (group.run)(case))).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        Err(format!("panicked: {text}"))
    })
}

fn folders(dir: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn read_cases(dir: &Path) -> anyhow::Result<Vec<Case>> {
    let mut files: Vec<_> = std::fs::read_dir(dir)?.collect::<Result<_, _>>()?;
    files.sort_by_key(std::fs::DirEntry::file_name);
    let mut cases = Vec::new();
    for path in files.iter().map(std::fs::DirEntry::path).filter(|p| p.extension().is_some_and(|e| e == "jsonl")) {
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let file = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let case: Case =
                serde_json::from_str(line).with_context(|| format!("{}:{}: no case", path.display(), index + 1))?;
            cases.push(Case { file: file.clone(), ..case });
        }
    }
    Ok(cases)
}

/// A part of the input, decoded.
///
/// # Errors
/// When it has another shape; names the field.
pub fn decode<T: serde::de::DeserializeOwned>(value: &Value, field: &str) -> Result<T, String> {
    let part = value.get(field).unwrap_or(&Value::Null);
    serde_json::from_value(part.clone()).map_err(|error| format!("input.{field}: {error}"))
}
