//! The page of one deploy: outcome, timeline, Applications, differences, events, findings.

use std::time::Duration;

use super::{Tone, badge, changes_html, contents, header, page, section, table, text};
use crate::model::{HealthCode, SyncCode};
use crate::report::{
    ApplicationReport, DeployPlan, DeployReport, Diagnostic, Event, Outcome, Severity, StageReport, StageResult,
    TimedEvent,
};

/// Most events on a page: the last ones count.
const MAX_EVENTS: usize = 2000;

/// What a page is made of.
#[derive(Clone, Copy, Debug)]
pub struct DeployPage<'a> {
    /// The report.
    pub report: &'a DeployReport,
    /// The plan that was carried out, when there was one.
    pub plan: Option<&'a DeployPlan>,
    /// The events, in order.
    pub events: &'a [TimedEvent],
}

/// The page, as one HTML file.
#[must_use]
pub fn deploy_page(data: DeployPage<'_>) -> String {
    let report = data.report;
    let mut sections: Vec<(&str, &str, String)> = vec![
        ("timeline", "Timeline", timeline(&report.stages)),
        ("applications", "Applications", applications(&report.applications)),
    ];
    if !report.libraries.is_empty() {
        sections.push(("libraries", "Libraries", libraries(report)));
    }
    if let Some(plan) = data.plan {
        sections.push(("changes", "What changed", plan_html(plan)));
    }
    if !report.access.is_empty() {
        let rows: Vec<_> = report
            .access
            .iter()
            .map(|a| {
                vec![
                    text(&format!("{} {}/{}", a.key.kind, a.key.namespace, a.key.name)),
                    format!("<code>{}</code>", text(&a.url)),
                ]
            })
            .collect();
        sections.push(("access", "Ways in", table("Ways in", &["object", "address"], &rows)));
    }
    if !report.findings.is_empty() {
        sections.push(("findings", "Findings", report.findings.iter().map(finding).collect()));
    }
    if !data.events.is_empty() {
        sections.push(("events", "Events", events(data.events)));
    }
    let links: Vec<_> = sections.iter().map(|(id, title, _)| (*id, *title)).collect();
    let body: String = sections.iter().map(|(id, title, body)| section(id, title, body)).collect();
    let body = format!(
        "{}{}<main id=\"main\">\n{body}</main>\n<footer>Report format {}. Values of Secrets are masked.</footer>\n",
        head(report),
        contents(&links),
        report.version
    );
    page(&format!("Deploy of {}", report.environment), "en", &body)
}

fn head(report: &DeployReport) -> String {
    let (tone, word) = match report.outcome {
        Outcome::Deployed => (Tone::Good, "deployed"),
        Outcome::Unchanged => (Tone::Good, "unchanged"),
        Outcome::Failed => (Tone::Bad, "failed"),
        Outcome::Refused => (Tone::Bad, "refused"),
        Outcome::NotHealthy => (Tone::Warn, "not healthy"),
    };
    let mut facts = vec![
        ("Result", report.summary.clone()),
        ("Cluster", report.cluster.clone()),
        ("Revision", short(&report.revision)),
        ("Time", seconds(report.duration)),
    ];
    if report.dry_run {
        facts.push(("Dry run", "nothing was written".into()));
    }
    if let Some(commit) = &report.commit {
        let pushed = if commit.pushed { "pushed" } else { "local" };
        facts.push(("Commit", format!("{} {} ({pushed}, {})", short(&commit.id), commit.subject, commit.branch)));
    }
    header(&format!("Deploy of {}", report.environment), &badge(tone, word), &facts)
}

/// A row for each stage, with a bar from when it began to when it ended.
fn timeline(stages: &[StageReport]) -> String {
    let total: f64 = stages.iter().map(|stage| stage.duration.as_secs_f64()).sum::<f64>().max(1e-9);
    let mut start = 0.0;
    let mut rows = Vec::new();
    for stage in stages {
        let (tone, word) = match stage.result {
            StageResult::Done => (Tone::Good, "done"),
            StageResult::Skipped => (Tone::Plain, "skipped"),
            StageResult::Failed => (Tone::Bad, "failed"),
            StageResult::Refused => (Tone::Bad, "refused"),
        };
        let length = stage.duration.as_secs_f64();
        rows.push(vec![
            text(&stage.name),
            badge(tone, word),
            text(&seconds(stage.duration)),
            bar(start / total, length / total, tone),
            text(&stage.summary),
        ]);
        start += length;
    }
    table("Timeline", &["step", "result", "time", "when", "what"], &rows)
}

/// A bar from `start` for `length`, both as parts of one.
pub(super) fn bar(start: f64, length: f64, tone: Tone) -> String {
    let (x, width) = (start.clamp(0.0, 0.996) * 1000.0, (length * 1000.0).max(4.0));
    let width = width.min(1000.0 - x);
    let class = if tone == Tone::Bad { "bar bad" } else { "bar" };
    format!(
        "<svg class=\"{class}\" viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
         <rect x=\"{x:.0}\" y=\"0\" width=\"{width:.0}\" height=\"10\"/></svg>"
    )
}

fn health_tone(health: HealthCode) -> Tone {
    match health {
        HealthCode::Healthy => Tone::Good,
        HealthCode::Progressing | HealthCode::Suspended | HealthCode::Unknown => Tone::Warn,
        HealthCode::Degraded | HealthCode::Missing => Tone::Bad,
    }
}

fn sync_badge(sync: SyncCode) -> String {
    let tone = if sync == SyncCode::Synced { Tone::Good } else { Tone::Warn };
    badge(tone, &format!("{sync:?}"))
}

fn applications(all: &[ApplicationReport]) -> String {
    if all.is_empty() {
        return "<p>No Application was part of this run.</p>\n".into();
    }
    let rows: Vec<_> = all
        .iter()
        .map(|app| {
            vec![
                format!("<b>{}</b>", text(&app.name)),
                text(&app.namespace),
                sync_badge(app.sync),
                badge(health_tone(app.health.status), &format!("{:?}", app.health.status)),
                app.resources.len().to_string(),
                app.written.to_string(),
                app.pruned.to_string(),
            ]
        })
        .collect();
    let headings = ["application", "namespace", "sync", "health", "resources", "written", "pruned"];
    let mut out = table("Applications", &headings, &rows);
    out.extend(all.iter().map(application));
    out
}

fn application(app: &ApplicationReport) -> String {
    let open = if app.ready() { "" } else { " open" };
    let word = badge(health_tone(app.health.status), &format!("{:?}", app.health.status));
    let mut out = format!("<details{open}><summary>{}{word}</summary>\n", text(&app.name));
    if !app.health.message.is_empty() {
        out.push_str(&format!("<p class=\"message plain\">{}</p>\n", text(&app.health.message)));
    }
    out.extend(app.problems.iter().map(finding));
    let rows: Vec<_> = app
        .resources
        .iter()
        .map(|resource| {
            let health = resource.health.as_ref();
            let word = health.map_or_else(String::new, |h| badge(health_tone(h.status), &format!("{:?}", h.status)));
            let health_message = health.map_or("", |h| h.message.as_str());
            let message = [health_message, &resource.message].into_iter().filter(|m| !m.is_empty()).collect::<Vec<_>>();
            vec![
                format!("<code>{}</code>", text(&resource.key.to_string())),
                sync_badge(resource.sync),
                word,
                text(&message.join("; ")),
            ]
        })
        .collect();
    out.push_str(&table(&format!("Resources of {}", app.name), &["resource", "sync", "health", "message"], &rows));
    out.push_str("</details>\n");
    out
}

fn libraries(report: &DeployReport) -> String {
    let rows: Vec<_> = report
        .libraries
        .iter()
        .map(|l| {
            let (tone, word) = match (l.ready, l.failed) {
                (true, _) => (Tone::Good, "ready"),
                (_, true) => (Tone::Bad, "failed"),
                _ => (Tone::Warn, "waiting"),
            };
            vec![text(&l.name), text(&l.layer), badge(tone, word), l.written.to_string(), text(&l.message)]
        })
        .collect();
    table("Libraries", &["library", "layer", "state", "written", "message"], &rows)
}

fn plan_html(plan: &DeployPlan) -> String {
    if plan.is_empty() {
        return "<p>Nothing had to change.</p>\n".into();
    }
    let mut out = String::new();
    if !plan.files.is_empty() {
        let rows: Vec<_> = plan
            .files
            .iter()
            .map(|f| vec![format!("<code>{}</code>", text(&f.file)), text(&f.path), text(&f.before), text(&f.after)])
            .collect();
        out.push_str(&table("Edits in Git", &["file", "value", "before", "after"], &rows));
    }
    for app in plan.libraries.iter().chain(&plan.applications).filter(|app| !app.changes.is_empty()) {
        out.push_str(&format!("<h3>{}</h3>\n{}", text(&app.name), changes_html(&app.changes)));
    }
    out
}

/// A finding as a paragraph.
pub(super) fn finding(finding: &Diagnostic) -> String {
    let tone = match finding.severity {
        Severity::Error => Tone::Bad,
        Severity::Warning => Tone::Warn,
        Severity::Info => Tone::Plain,
    };
    format!("<p class=\"message {}\">{}</p>\n", tone.class(), text(&finding.to_string()))
}

fn events(events: &[TimedEvent]) -> String {
    let left_out = events.len().saturating_sub(MAX_EVENTS);
    let mut out = String::new();
    if left_out > 0 {
        out.push_str(&format!("<p class=\"soft\">The first {left_out} events are left out.</p>\n"));
    }
    out.push_str("<details><summary>All events</summary>\n<ol class=\"events\">\n");
    for TimedEvent { at, event } in events.iter().skip(left_out) {
        let at = seconds(*at);
        out.push_str(&format!("<li><time>{at}</time><span>{}</span></li>\n", text(&sentence(event))));
    }
    out.push_str("</ol></details>\n");
    out
}

/// An event as one line.
fn sentence(event: &Event) -> String {
    match event {
        Event::StageStarted { stage } => format!("{stage} begins"),
        Event::StageFinished { stage, summary, duration, ok } => {
            let word = if *ok { "ends" } else { "fails" };
            format!("{stage} {word} after {}: {summary}", seconds(*duration))
        }
        Event::Note { text } => text.clone(),
        Event::Finding(finding) => finding.to_string(),
        Event::Application { name, sync, health, message, .. } => {
            let message = if message.is_empty() { String::new() } else { format!(": {message}") };
            format!("{name} is {sync:?} and {health:?}{message}")
        }
        Event::Resource { application, key, message, .. } => format!("{application}: {key}: {message}"),
        Event::Library { name, message, .. } => format!("{name}: {message}"),
        Event::Planned { plan } => format!("{} objects to change", plan.changes().count()),
        Event::Finished { report } => report.summary.clone(),
        Event::Committed { commit, subject, .. } => format!("commit {} {subject}", short(commit)),
    }
}

fn seconds(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{:.2} s", duration.as_secs_f64())
    }
}

fn short(revision: &str) -> String {
    revision.chars().take(10).collect()
}
