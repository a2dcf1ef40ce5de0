//! Reports, plans, status and findings as text for people.

use std::fmt::Write;
use std::io::IsTerminal;
use std::time::Duration;

use comfy_table::{Cell, ContentArrangement, Table, presets};
use owo_colors::OwoColorize;
use plate_deploy_core::model::{HealthCode, SyncCode};
use plate_deploy_core::report::{
    Action, ApplicationPlan, ApplicationReport, DeployPlan, DeployReport, Diagnostic, Outcome, Severity, StageResult,
};

use super::diff;

/// `1.23 s`, `45 ms`.
pub(crate) fn seconds(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{:.2} s", duration.as_secs_f64())
    }
}

/// A coloured mark for a health.
pub(crate) fn health_mark(health: HealthCode) -> String {
    match health {
        HealthCode::Healthy => "✓".green().to_string(),
        HealthCode::Progressing => "…".yellow().to_string(),
        HealthCode::Suspended => "‖".blue().to_string(),
        HealthCode::Degraded | HealthCode::Missing => "✗".red().to_string(),
        HealthCode::Unknown => "?".yellow().to_string(),
    }
}

/// A table without lines, not wider than the terminal.
pub(crate) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    if std::io::stdout().is_terminal() || std::env::var_os("COLUMNS").is_some() {
        let width = u16::try_from(super::width()).unwrap_or(120);
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    table.load_style(presets::NOTHING).set_header(header.iter().map(|h| Cell::new(h.to_uppercase())));
    table
}

/// The final report of a deploy.
pub(crate) fn report_text(report: &DeployReport) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write_report(&mut out, report);
    out
}

fn write_report(out: &mut String, report: &DeployReport) -> std::fmt::Result {
    let title = format!("{}: {}", report.environment, report.summary);
    let title = match report.outcome {
        Outcome::Deployed | Outcome::Unchanged => title.green().bold().to_string(),
        Outcome::NotHealthy => title.yellow().bold().to_string(),
        _ => title.red().bold().to_string(),
    };
    writeln!(out, "\n{title}")?;
    let dry = if report.dry_run { " (dry run: nothing was written)" } else { "" };
    writeln!(
        out,
        "cluster {}, revision {}, {}{dry}",
        report.cluster,
        short(&report.revision),
        seconds(report.duration)
    )?;
    if let Some(commit) = &report.commit {
        let pushed = if commit.pushed { "pushed" } else { "local" };
        writeln!(out, "commit {} on {} ({pushed}): {}", short(&commit.id), commit.branch, commit.subject)?;
    }
    if !report.libraries.is_empty() {
        let mut rows = table(&["library", "layer", "ready", "written", "message"]);
        for l in &report.libraries {
            let ready = if l.ready { "yes" } else { "no" };
            rows.add_row([&l.name, &l.layer, ready, &l.written.to_string(), &l.message]);
        }
        writeln!(out, "\n{rows}")?;
    }
    if !report.applications.is_empty() {
        writeln!(out, "\n{}", application_table(&report.applications))?;
    }
    problems(out, &report.applications)?;
    if !report.access.is_empty() {
        let mut rows = table(&["access point", "address"]);
        for a in &report.access {
            rows.add_row([format!("{} {}/{}", a.key.kind, a.key.namespace, a.key.name), a.url.clone()]);
        }
        writeln!(out, "\n{rows}")?;
    }
    let mut rows = table(&["step", "result", "time", "what"]);
    for stage in &report.stages {
        let result = match stage.result {
            StageResult::Done => "done",
            StageResult::Skipped => "skipped",
            StageResult::Failed => "failed",
            StageResult::Refused => "refused",
        };
        rows.add_row([&stage.name, result, &seconds(stage.duration), &stage.summary]);
    }
    writeln!(out, "\n{rows}")?;
    if !report.findings.is_empty() {
        writeln!(out, "\n{}", findings(&report.findings))?;
    }
    Ok(())
}

fn application_table(applications: &[ApplicationReport]) -> Table {
    let mut rows = table(&["", "application", "namespace", "sync", "health", "resources", "written", "pruned"]);
    for app in applications {
        let mark = if app.ready() { "✓" } else { "✗" };
        rows.add_row([
            mark,
            &app.name,
            &app.namespace,
            &format!("{:?}", app.sync),
            &format!("{:?}", app.health.status),
            &app.resources.len().to_string(),
            &app.written.to_string(),
            &app.pruned.to_string(),
        ]);
    }
    rows
}

fn problems(out: &mut String, applications: &[ApplicationReport]) -> std::fmt::Result {
    for app in applications.iter().filter(|app| !app.ready()) {
        writeln!(out, "\n{} {}", app.name.bold(), app.health.message)?;
        for problem in &app.problems {
            writeln!(out, "  {}", coloured(problem))?;
        }
        for resource in &app.resources {
            let health = resource.health.as_ref().filter(|h| h.status != HealthCode::Healthy);
            if resource.sync != SyncCode::Synced || health.is_some() {
                let reason = health.map_or(String::new(), |h| format!(", {:?} {}", h.status, h.message));
                writeln!(out, "  {} {:?}{reason} {}", resource.key, resource.sync, resource.message)?;
            }
        }
    }
    Ok(())
}

/// The state of Applications.
pub(crate) fn status_text(applications: &[ApplicationReport]) -> String {
    let mut out = format!("{}\n", application_table(applications));
    let _ = problems(&mut out, applications);
    out
}

/// What a deploy would change.
pub(crate) fn plan_text(plan: &DeployPlan, show_diff: bool) -> String {
    let mut out = String::new();
    let _ = write_plan(&mut out, plan, show_diff);
    out
}

fn write_plan(out: &mut String, plan: &DeployPlan, show_diff: bool) -> std::fmt::Result {
    writeln!(
        out,
        "Plan for {} on {} from {} (digest {})",
        plan.environment.bold(),
        plan.cluster,
        short(&plan.revision),
        plan.digest()
    )?;
    for change in &plan.files {
        writeln!(
            out,
            "  {} {}: {}: {} → {}",
            "edit".cyan(),
            change.file,
            change.path,
            change.before.red(),
            change.after.green()
        )?;
    }
    for app in plan.libraries.iter().chain(&plan.applications) {
        write_application(out, app, show_diff)?;
    }
    if plan.is_empty() {
        writeln!(out, "{}", crate::language::Message::NothingToChange.text())?;
    }
    Ok(())
}

fn write_application(out: &mut String, app: &ApplicationPlan, show_diff: bool) -> std::fmt::Result {
    if app.changes.is_empty() && app.problems.is_empty() {
        return Ok(());
    }
    writeln!(out, "{} ({} of {} resources)", app.name.bold(), app.changes.len(), app.resources)?;
    for change in &app.changes {
        let sign = diff::sign(change.action);
        writeln!(out, "  {sign} {}", change.key)?;
        // What changes is always shown; whole objects that come or go only when asked for.
        if change.action == Action::Update || (show_diff && change.action != Action::KeepExtra) {
            out.push_str(&diff::unified(&change.before, &change.after, "      "));
        }
    }
    for problem in &app.problems {
        writeln!(out, "  {}", coloured(problem))?;
    }
    Ok(())
}

/// Findings, one a line with its remedy, and their count.
pub(crate) fn lint_text(all: &[Diagnostic]) -> String {
    let count = |severity| all.iter().filter(|f| f.severity == severity).count();
    let (errors, warnings, infos) = (count(Severity::Error), count(Severity::Warning), count(Severity::Info));
    if std::env::var_os("GITHUB_ACTIONS").is_some_and(|on| on == "true") {
        // Standard error: the result on standard output stays what it is.
        all.iter().for_each(|finding| super::note(&super::github::annotation(finding)));
    }
    format!("{}{errors} errors, {warnings} warnings, {infos} notes\n", findings(all))
}

fn findings(all: &[Diagnostic]) -> String {
    all.iter().map(|finding| format!("{}\n", coloured(finding))).collect()
}

fn coloured(finding: &Diagnostic) -> String {
    let text = finding.to_string();
    match finding.severity {
        Severity::Error => text.red().to_string(),
        Severity::Warning => text.yellow().to_string(),
        Severity::Info => text,
    }
}

/// The first ten digits of a commit.
fn short(revision: &str) -> &str {
    revision.get(..10).unwrap_or(revision)
}
