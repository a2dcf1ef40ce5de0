//! The programs of one control plane: started in process groups of their own, watched, stopped whatever happens.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Reads process groups, one a line; at the end of its input, which comes when the test process ends in whatever way,
/// kills them all and removes the folder.
const WATCHDOG: &str = r#"groups=
while read -r group; do groups="$groups -$group"; done
[ -z "$groups" ] || kill -s KILL -- $groups 2>/dev/null
rm -rf -- "$0""#;

/// Clock ticks a second in `/proc`: 100 on every Linux that Rust runs on.
const TICKS: u64 = 100;

/// What one program uses.
#[derive(Clone, Debug)]
pub struct Usage {
    /// The program's name.
    pub name: String,
    /// Resident memory, in bytes.
    pub resident: u64,
    /// Processor time so far, user and system.
    pub cpu: Duration,
}

/// How a program is started; kept so that it can be started again.
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    pub(super) name: &'static str,
    pub(super) program: PathBuf,
    pub(super) args: Vec<OsString>,
    pub(super) env: Vec<(String, OsString)>,
}

impl Recipe {
    pub(super) fn new(name: &'static str, program: &Path) -> Self {
        Self { name, program: program.to_owned(), args: Vec::new(), env: Vec::new() }
    }

    pub(super) fn args<I: IntoIterator<Item: Into<OsString>>>(mut self, args: I) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    pub(super) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }
}

#[derive(Debug)]
struct Running {
    recipe: Recipe,
    child: Option<Child>,
}

/// The programs of one control plane; all end when the value is dropped.
#[derive(Debug)]
pub(super) struct Processes {
    dir: PathBuf,
    running: Mutex<BTreeMap<&'static str, Running>>,
    watchdog: Mutex<(Child, Option<ChildStdin>)>,
}

impl Processes {
    /// Logs go to `dir`, which is removed in the end.
    pub(super) fn new(dir: &Path) -> Result<Self> {
        let mut watchdog = Command::new("sh")
            .args(["-c", WATCHDOG])
            .arg(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A Ctrl-C in the terminal ends the tests, not what cleans up after them.
            .process_group(0)
            .spawn()
            .context("cannot start sh")?;
        let stdin = watchdog.stdin.take();
        Ok(Self { dir: dir.to_owned(), running: Mutex::default(), watchdog: Mutex::new((watchdog, stdin)) })
    }

    pub(super) fn spawn(&self, recipe: Recipe) -> Result<()> {
        let child = self.start(&recipe)?;
        self.running().insert(recipe.name, Running { recipe, child: Some(child) });
        Ok(())
    }

    fn start(&self, recipe: &Recipe) -> Result<Child> {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log(recipe.name))?;
        let child = Command::new(&recipe.program)
            // Argo CD is one program with several names.
            .arg0(recipe.name)
            .args(&recipe.args)
            .envs(recipe.env.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {}", recipe.name))?;
        let mut watchdog = self.watchdog.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stdin) = &mut watchdog.1 {
            writeln!(stdin, "{}", child.id())?;
        }
        Ok(child)
    }

    pub(super) fn stop(&self, name: &str) -> Result<()> {
        let mut running = self.running();
        let program = running.get_mut(name).with_context(|| format!("no program {name:?} was started"))?;
        if let Some(mut child) = program.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    pub(super) fn restart(&self, name: &str) -> Result<()> {
        self.stop(name)?;
        let mut running = self.running();
        let program = running.get_mut(name).with_context(|| format!("no program {name:?} was started"))?;
        program.child = Some(self.start(&program.recipe)?);
        Ok(())
    }

    /// # Errors
    /// When a program that should run has ended; its last words are in the text.
    pub(super) fn check(&self) -> Result<()> {
        for (name, program) in self.running().iter_mut() {
            if let Some(child) = &mut program.child
                && let Some(status) = child.try_wait()?
            {
                bail!("{name} ended with {status}: {}", self.log_tail(name, 15));
            }
        }
        Ok(())
    }

    pub(super) fn usage(&self) -> Vec<Usage> {
        let running = self.running();
        let ids = running.iter().filter_map(|(name, program)| Some((*name, program.child.as_ref()?.id())));
        ids.filter_map(|(name, id)| usage(name, id)).collect()
    }

    pub(super) fn log_tail(&self, name: &str, count: usize) -> String {
        let text = fs::read_to_string(self.log(name)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(count)..].join("\n")
    }

    fn log(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.log"))
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<&'static str, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        let mut watchdog = self.watchdog.lock().unwrap_or_else(PoisonError::into_inner);
        // The end of its input makes the watchdog kill every group; then nobody is left unreaped.
        watchdog.1 = None;
        let _ = watchdog.0.wait();
        for program in self.running().values_mut() {
            if let Some(child) = &mut program.child {
                // Dead already, unless the watchdog could not do its work: then waiting alone would be for ever.
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

/// From `/proc/ID/status` and `/proc/ID/stat` (ticks).
fn usage(name: &str, id: u32) -> Option<Usage> {
    let memory = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let resident = memory.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = resident.trim().trim_end_matches("kB").trim().parse().ok()?;
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The second field, in parentheses, may hold spaces; user and system time are fields 14 and 15.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(Usage { name: name.into(), resident: kilobytes * 1024, cpu: Duration::from_millis(ticks * 1000 / TICKS) })
}
