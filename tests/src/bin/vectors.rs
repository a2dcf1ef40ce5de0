//! `vectors DIR [GROUP [ID]]`: runs the vectors recorded from real Argo CD against this library.
//!
//! Prints one line per group, the failures with their ids, and, alone on the last line, the total. Exits with 1 when
//! anything failed, with 2 when the vectors cannot be read.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use plate_deploy_tests::vectors::{self, Selection};

fn main() -> anyhow::Result<ExitCode> {
    let mut args = std::env::args().skip(1);
    let dir = PathBuf::from(args.next().context("usage: vectors DIR [GROUP [ID]]")?);
    let selection = Selection { group: args.next(), id: args.next() };
    let mut out = std::io::stdout().lock();
    let reports = match vectors::run(&dir, &selection) {
        Ok(reports) => reports,
        Err(error) => {
            writeln!(out, "error: {error:#}")?;
            return Ok(ExitCode::from(2));
        }
    };
    for report in &reports {
        for failure in &report.failures {
            writeln!(out, "FAIL {} {}: {}", report.group, failure.id, failure.reason)?;
        }
    }
    for report in &reports {
        writeln!(out, "{report}")?;
    }
    let passed: usize = reports.iter().map(|r| r.passed).sum();
    let failed: usize = reports.iter().map(|r| r.failures.len()).sum();
    writeln!(out, "{passed} passed, {failed} failed")?;
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
