//! One program to run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A program, its arguments and surroundings.
pub(crate) struct Step {
    program: PathBuf,
    args: Vec<String>,
    env: Vec<(String, PathBuf)>,
    dir: Option<PathBuf>,
}

impl Step {
    pub(crate) fn new(program: impl AsRef<Path>) -> Self {
        Self { program: program.as_ref().to_owned(), args: Vec::new(), env: Vec::new(), dir: None }
    }

    /// The cargo that runs us.
    pub(crate) fn cargo<'a>(args: impl IntoIterator<Item = &'a str>) -> Self {
        // rustup's `cargo` knows `+toolchain`, the toolchain's own does not.
        Self::new("cargo").args(args)
    }

    pub(crate) fn args<'a>(mut self, args: impl IntoIterator<Item = &'a str>) -> Self {
        self.args.extend(args.into_iter().map(str::to_owned));
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<Path>) -> Self {
        self.env.push((name.into(), value.as_ref().to_owned()));
        self
    }

    pub(crate) fn in_dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.dir = Some(dir.as_ref().to_owned());
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).stdin(Stdio::null());
        // A cargo that runs us pins its own toolchain here; the steps choose theirs.
        command.env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN");
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        command
    }

    /// Runs it with our output; whether it succeeded.
    pub(crate) fn run(&self) -> bool {
        match self.command().status() {
            Ok(status) => status.success(),
            Err(error) => {
                eprintln!("cannot start {}: {error}", self.program.display());
                false
            }
        }
    }

    /// Runs it quietly; its standard output when it succeeded.
    pub(crate) fn output(&self) -> Option<String> {
        let output = self.command().stderr(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}
