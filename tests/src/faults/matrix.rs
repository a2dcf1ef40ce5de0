//! The fault matrix: a world is copied, a run in it is killed at one point by SIGKILL, another process goes on, and what
//! is there in the end must be what an undisturbed run leaves.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail, ensure};
use plate_deploy_core::pipeline::DeployRequest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tempfile::TempDir;

use crate::platform::copy_folder;

/// One process: what it does, and where it is killed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Job {
    /// Folder with `repo`, `origin.git` and `state`.
    pub world: PathBuf,
    /// A kubeconfig; empty: the embedded cluster.
    pub kubeconfig: PathBuf,
    /// What is asked for.
    pub request: Option<DeployRequest>,
    /// Go on with what was cut off; without that, the request.
    pub resume: bool,
    /// A stage behind `verify` that fails, so that production rolls back.
    pub fail_in_the_end: bool,
    /// The point at which the process is killed; empty: nowhere.
    pub kill: String,
}

/// What a process that was not killed prints.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// Exit status of the run; `None`: there was nothing to go on with.
    pub code: Option<u8>,
    /// The report's summary.
    pub summary: String,
    /// The points it passed.
    pub points: Vec<String>,
    /// Every object in the end, without what differs from run to run.
    pub objects: BTreeMap<String, Value>,
    /// Runs without an end in the journal.
    pub unfinished: usize,
    /// Who holds the lock.
    pub holder: String,
}

/// A repository with a remote, and the state directory.
#[derive(Debug)]
pub struct World {
    dir: TempDir,
}

/// The state in the end that must not depend on where a process was killed.
#[derive(Clone, Debug, PartialEq)]
struct End {
    objects: BTreeMap<String, Value>,
    /// The tree of the branch at the remote.
    tree: String,
    /// How many commits were pushed.
    commits: usize,
}

/// One way in which a platform is changed.
#[derive(Debug)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// Where it starts.
    pub world: World,
    /// What is run in it.
    pub job: Job,
}

/// What the matrix found.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Distinct points per scenario.
    pub points: Vec<(&'static str, usize)>,
    /// Points at which a process was killed.
    pub killed: usize,
    /// What went wrong, with its point.
    pub failures: Vec<String>,
}

impl World {
    /// A Git repository with these files, cloned from a bare one beside it.
    ///
    /// # Errors
    /// When Git cannot make it.
    pub fn new(platform: &Path) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let (origin, repo) = (dir.path().join("origin.git"), dir.path().join("repo"));
        git(dir.path(), &["init", "--quiet", "--bare", "--initial-branch", "main", &origin.to_string_lossy()])?;
        git(dir.path(), &["clone", "--quiet", &origin.to_string_lossy(), &repo.to_string_lossy()])?;
        copy_folder(platform, &repo)?;
        fs::write(repo.join(".gitignore"), ".plate-deploy/\n")?;
        git(&repo, &["checkout", "--quiet", "-B", "main"])?;
        git(&repo, &["add", "--all"])?;
        git(&repo, &["-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "--quiet", "-m", "import"])?;
        // Relative, so that the whole world can be copied.
        git(&repo, &["remote", "set-url", "origin", "../origin.git"])?;
        git(&repo, &["push", "--quiet", "--set-upstream", "origin", "main"])?;
        Ok(Self { dir })
    }

    /// Its folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A copy of it.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub fn copy(&self) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        copy_all(self.path(), dir.path())?;
        Ok(Self { dir })
    }

    /// What the remote's branch says.
    fn git_end(&self, base: &str) -> Result<(String, usize)> {
        let origin = self.path().join("origin.git");
        let tree = git(&origin, &["rev-parse", "main^{tree}"])?;
        let local = git(&self.path().join("repo"), &["rev-parse", "HEAD^{tree}"])?;
        ensure!(tree == local, "the clone shows another tree than its remote");
        let dirty = git(&self.path().join("repo"), &["status", "--porcelain"])?;
        ensure!(dirty.is_empty(), "the work tree is not clean: {dirty}");
        Ok((tree, git(&origin, &["rev-list", &format!("{base}..main")])?.lines().count()))
    }

    /// The head of the remote's branch.
    ///
    /// # Errors
    /// When Git fails.
    pub fn head(&self) -> Result<String> {
        git(&self.path().join("origin.git"), &["rev-parse", "main"])
    }
}

/// Runs one process in a world.
///
/// # Errors
/// When it cannot be started.
pub fn run(program: &Path, job: &Job) -> Result<Output> {
    let mut command = Command::new(program);
    command.arg(serde_json::to_string(job)?).stdin(Stdio::null()).env_clear().env("HOME", "/nonexistent");
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command.output().with_context(|| format!("cannot start {}", program.display()))
}

/// Runs one process that shall come to its end.
///
/// # Errors
/// When it does not.
pub fn run_to_end(program: &Path, job: &Job) -> Result<Answer> {
    let output = run(program, job)?;
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(text.lines().last().unwrap_or_default())
        .with_context(|| format!("{}\n{text}\n{}", output.status, String::from_utf8_lossy(&output.stderr)))
}

/// Every point of every scenario, `parallel` worlds at a time; only every `step`-th point of each.
///
/// # Errors
/// When an undisturbed run fails already.
pub fn matrix(program: &Path, scenarios: &[Scenario], parallel: usize, step: usize) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut cases = Vec::new();
    let mut references = Vec::new();
    for (n, scenario) in scenarios.iter().enumerate() {
        let (reference, points) = reference(program, scenario)?;
        outcome.points.push((scenario.name, points.len()));
        cases.extend(points.into_iter().step_by(step).enumerate().map(|(at, point)| (n, at, point)));
        references.push(reference);
    }
    let (next, killed, failures) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..parallel.max(1) {
            scope.spawn(|| {
                while let Some((n, at, point)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (Some(scenario), Some(reference)) = (scenarios.get(*n), references.get(*n)) else { continue };
                    match one(program, scenario, reference, (*at, point)) {
                        Ok(true) => drop(killed.fetch_add(1, Ordering::Relaxed)),
                        Ok(false) => {}
                        Err(error) => {
                            let text = format!("{}: killed {point}: {error:#}", scenario.name);
                            failures.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(text);
                        }
                    }
                }
            });
        }
    });
    outcome.killed = killed.into_inner();
    outcome.failures = failures.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    Ok(outcome)
}

/// An undisturbed run: what it leaves, and the distinct points on its way.
fn reference(program: &Path, scenario: &Scenario) -> Result<(End, Vec<String>)> {
    let world = scenario.world.copy()?;
    let base = world.head()?;
    let answer = run_to_end(program, &Job { world: world.path().into(), ..scenario.job.clone() })?;
    let (tree, commits) = world.git_end(&base)?;
    let mut points = Vec::new();
    for point in answer.points {
        // Where a watch starts nothing is written; and how often the lock is renewed depends on the machine.
        if !points.contains(&point) && !point.contains(" watch ") {
            points.push(point);
        }
    }
    ensure!(answer.unfinished == 0 && answer.holder.is_empty(), "{}: {}", scenario.name, answer.summary);
    Ok((End { objects: answer.objects, tree, commits }, points))
}

/// Kills a run at one point and goes on; whether it was killed (the order of parallel writes may leave a point out).
fn one(program: &Path, scenario: &Scenario, reference: &End, (at, point): (usize, &str)) -> Result<bool> {
    let world = scenario.world.copy()?;
    let base = world.head()?;
    let job = Job { world: world.path().into(), ..scenario.job.clone() };
    let output = run(program, &Job { kill: point.to_owned(), ..job.clone() })?;
    let killed = output.status.code().is_none();
    let mut answer = None;
    // Half of them are resumed, the other half simply asked for again.
    if at % 2 == 0 {
        answer = Some(run_to_end(program, &Job { resume: true, ..job.clone() })?).filter(|a| a.code.is_some());
    }
    let answer = match answer {
        Some(answer) => answer,
        None => run_to_end(program, &job)?,
    };
    let (tree, commits) = world.git_end(&base)?;
    let end = End { objects: answer.objects.clone(), tree, commits };
    if end != *reference {
        bail!("it ends differently: {} ({})", difference(reference, &end), answer.summary);
    }
    ensure!(answer.unfinished == 0, "{} runs are left open in the journal ({})", answer.unfinished, answer.summary);
    ensure!(answer.holder.is_empty(), "the lock is held by {}", answer.holder);
    Ok(killed)
}

fn difference(expected: &End, found: &End) -> String {
    let mut parts = Vec::new();
    if expected.commits != found.commits {
        parts.push(format!("{} commits instead of {}", found.commits, expected.commits));
    }
    if expected.tree != found.tree {
        parts.push("other files in Git".to_owned());
    }
    for (key, object) in &expected.objects {
        match found.objects.get(key) {
            None => parts.push(format!("{key} is missing")),
            Some(other) if other != object => parts.push(format!("{key} is {other}, not {object}")),
            Some(_) => {}
        }
    }
    parts.extend(found.objects.keys().filter(|key| !expected.objects.contains_key(*key)).map(|key| format!("{key} is too much")));
    parts.join("; ")
}

/// Copies everything, `.git` included.
fn copy_all(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_all(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

fn git(folder: &Path, args: &[&str]) -> Result<String> {
    let output = Command::new("git").arg("-C").arg(folder).args(args).env("GIT_CONFIG_GLOBAL", "/dev/null").output()?;
    ensure!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
