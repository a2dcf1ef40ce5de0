//! What ran, how it went, and what could not run.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::step::Step;

/// The results so far.
pub(crate) struct Report {
    begin: Instant,
    ran: Vec<(String, bool, Duration)>,
    missing: Vec<(String, String)>,
}

impl Default for Report {
    fn default() -> Self {
        Self { begin: Instant::now(), ran: Vec::new(), missing: Vec::new() }
    }
}

impl Report {
    /// Runs a suite and notes the result.
    pub(crate) fn run(&mut self, name: &str, step: Step) {
        println!("\n== {name}");
        let start = Instant::now();
        let ok = step.run();
        self.ran.push((name.into(), ok, start.elapsed()));
    }

    /// Notes a suite that cannot run here.
    pub(crate) fn missing(&mut self, name: &str, why: &str) {
        self.missing.push((name.into(), why.into()));
    }

    /// Prints the summary; failure when a suite failed (or, with `require_all`, did not run).
    pub(crate) fn finish(self, require_all: bool) -> ExitCode {
        println!("\n== Summary");
        for (name, ok, time) in &self.ran {
            println!("{:4}  {name} ({:.0} s)", if *ok { "ok" } else { "FAIL" }, time.as_secs_f64());
        }
        for (name, why) in &self.missing {
            println!("NOT RUN  {name}: {why}{}", if require_all { " (a failure: --require-all)" } else { "" });
        }
        let passed = self.ran.iter().filter(|(_, ok, _)| *ok).count();
        let failed = self.ran.len() - passed;
        let failure = failed > 0 || (require_all && !self.missing.is_empty());
        let minutes = self.begin.elapsed().as_secs_f64() / 60.0;
        println!("suites: {passed} passed, {failed} failed, {} not run, {minutes:.1} min", self.missing.len());
        if failure { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}
