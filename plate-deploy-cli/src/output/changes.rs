//! What a change of the repository changes, as text.

use std::fmt::Write;

use owo_colors::OwoColorize;
use plate_deploy_core::changes::{ApplicationDiff, Fate, RepositoryDiff, SubjectKind};

use super::{diff, width};

/// How differences are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Not at all.
    Summary,
    /// One below the other.
    Unified,
    /// In two columns.
    SideBySide,
}

/// The whole difference.
pub(crate) fn changes_text(found: &RepositoryDiff, style: Style) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut out, found, style);
    out
}

fn write(out: &mut String, found: &RepositoryDiff, style: Style) -> std::fmt::Result {
    let short = |commit: &str| commit.chars().take(10).collect::<String>();
    writeln!(out, "{}..{} {}", short(&found.from.commit), short(&found.to.commit), found.summary().bold())?;
    for app in found.changed() {
        write_application(out, app, style)?;
    }
    for app in found.applications.iter().filter(|app| app.fate == Fate::Same) {
        for problem in &app.problems {
            writeln!(out, "{} {}", app.name.bold(), problem.to_string().yellow())?;
        }
    }
    writeln!(out, "{}", format!("{} files changed, {:.3} s", found.files.len(), found.seconds).dimmed())
}

fn write_application(out: &mut String, app: &ApplicationDiff, style: Style) -> std::fmt::Result {
    let kind = match app.kind {
        SubjectKind::Application => "",
        SubjectKind::Library => " (library)",
        SubjectKind::AppOfApps => " (app-of-apps)",
    };
    let fate = match app.fate {
        Fate::Added => " new".green().to_string(),
        Fate::Removed => " removed".red().to_string(),
        Fate::Changed | Fate::Same => String::new(),
    };
    let causes = app.causes.join(", ");
    writeln!(
        out,
        "\n{}{kind}{fate} {}",
        diff::printable(&app.name).bold(),
        format!("← {}", diff::printable(&causes)).dimmed()
    )?;
    for problem in &app.problems {
        writeln!(out, "  {}", problem.to_string().red())?;
    }
    for change in &app.changes {
        let sign = diff::sign(change.action);
        writeln!(out, "  {sign} {}", diff::printable(&change.key.to_string()))?;
        match style {
            Style::Summary => {}
            Style::Unified => out.push_str(&diff::unified(&change.before, &change.after, "      ")),
            Style::SideBySide => out.push_str(&diff::columns(&change.before, &change.after, "  ", width())),
        }
    }
    Ok(())
}
