//! Everything the command prints: results to standard output, the rest to standard error.

mod changes;
mod diff;
mod github;
mod impact;
mod page;
mod progress;
mod records;
mod text;

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

use anstream::ColorChoice;
use owo_colors::OwoColorize;
use plate_deploy_core::report::Reporter;
use serde::Serialize;

use crate::args::{Format, Global, When};
use crate::command_error::CommandError;
use crate::language;

pub(crate) use records::{backups_text, history_text};
pub(crate) use changes::{Style, changes_text};
pub(crate) use impact::impact_text;
pub(crate) use text::{lint_text, plan_text, report_text, status_text, table};

/// Sets colours once, before any command runs.
pub(crate) fn init(global: &Global) {
    match global.color {
        When::Auto => {}
        When::Always => ColorChoice::Always.write_global(),
        When::Never => ColorChoice::Never.write_global(),
    }
    language::choose(global.lang);
}

/// Starts logging, for commands of which some part logs.
pub(crate) fn log(global: &Global) {
    let level = match global.verbose {
        0 => "error",
        1 => "plate_deploy_core=info",
        _ => "debug",
    };
    // A second subscriber can only exist in a host program; then its settings stand.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(level))
        .with_writer(io::stderr)
        .try_init();
}

/// Cells across: `$COLUMNS`, the terminal's width, or 120.
pub(crate) fn width() -> usize {
    let variable = std::env::var("COLUMNS").ok().and_then(|columns| columns.trim().parse().ok());
    let terminal = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    variable.or_else(terminal).unwrap_or(120).clamp(40, 400)
}

/// Prints a result in the wanted format; `text` makes the one for people.
pub(crate) fn result<T: Serialize>(
    format: Format,
    value: &T,
    text: impl FnOnce(&T) -> String,
) -> Result<(), CommandError> {
    let rendered = match format {
        Format::Text => text(value),
        Format::Json => serde_json::to_string_pretty(value).map_err(CommandError::failed)? + "\n",
        Format::Yaml => serde_yaml::to_string(value).map_err(CommandError::failed)?,
    };
    raw(&rendered)
}

/// Prints text as it is.
pub(crate) fn raw(text: &str) -> Result<(), CommandError> {
    match anstream::stdout().write_all(text.as_bytes()) {
        // The reader has seen enough (`| head`).
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|e| CommandError::failed(format!("cannot write the result: {e}"))),
    }
}

/// Prints a chart's output byte for byte: what a chart prints is data, whatever escapes it holds.
pub(crate) fn data(text: &str) -> Result<(), CommandError> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|e| CommandError::failed(format!("cannot write the result: {e}"))),
    }
}

/// Prints an error and its hints.
pub(crate) fn error(message: &str, hints: &[String]) {
    let mut err = anstream::stderr();
    // Nothing is left to do when standard error is gone.
    let _ = writeln!(err, "{} {message}", language::Message::Error.text().red().bold());
    for hint in hints {
        let _ = writeln!(err, "  {} {hint}", language::Message::Hint.text().cyan().bold());
    }
}

/// Prints a line for people beside the result.
pub(crate) fn note(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// The reporter that fits: moving bars on a terminal, plain lines elsewhere.
pub(crate) fn reporter(global: &Global) -> Arc<dyn Reporter> {
    let terminal = match global.color {
        When::Auto => io::stderr().is_terminal(),
        When::Always => true,
        When::Never => false,
    };
    let reporter: Arc<dyn Reporter> = match () {
        () if terminal => Arc::new(progress::Bars::new()),
        () if std::env::var_os("GITHUB_ACTIONS").is_some_and(|on| on == "true") => {
            Arc::new(github::Annotations::default())
        }
        () => Arc::new(progress::Lines::default()),
    };
    match &global.report {
        Some(path) => Arc::new(page::PageWriter::new(path.clone(), reporter)),
        None => reporter,
    }
}

/// Asks a question on the terminal; `None` when there is nobody to ask.
pub(crate) fn ask(question: &str) -> Option<String> {
    if !io::stdin().is_terminal() {
        return None;
    }
    let mut err = anstream::stderr();
    write!(err, "{question} ").and_then(|()| err.flush()).ok()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).ok()?;
    Some(answer.trim().to_owned())
}
