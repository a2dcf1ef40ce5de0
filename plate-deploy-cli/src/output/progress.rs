//! Live progress: [`Bars`] on a terminal, [`Lines`] for logs.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use owo_colors::OwoColorize;
use plate_deploy_core::model::{HealthCode, SyncCode};
use plate_deploy_core::report::{Event, Reporter};

use super::text::{health_mark, seconds};

/// One spinner for the stage and one for each Application or library under way.
#[derive(Debug)]
pub(crate) struct Bars {
    all: MultiProgress,
    bars: Mutex<HashMap<String, ProgressBar>>,
}

impl Bars {
    pub(crate) fn new() -> Self {
        Self { all: MultiProgress::new(), bars: Mutex::default() }
    }

    fn set(&self, id: &str, message: String) {
        let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = bars.entry(id.to_owned()).or_insert_with(|| {
            let bar = self.all.add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template("{spinner:.cyan} {wide_msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        bar.set_message(message);
    }

    fn finish(&self, id: &str, line: &str) {
        let bar = self.bars.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        // A terminal that is gone needs no progress.
        let _ = self.all.println(line);
    }
}

impl Reporter for Bars {
    fn report(&self, event: &Event) {
        match event {
            Event::StageStarted { stage } => self.set(stage, stage.bold().to_string()),
            Event::Application { name, .. } => {
                if finished(event) {
                    self.finish(&format!("app:{name}"), &line(event).unwrap_or_default());
                } else {
                    self.set(&format!("app:{name}"), line(event).unwrap_or_default());
                }
            }
            Event::Library { name, ready, .. } => {
                if *ready {
                    self.finish(&format!("lib:{name}"), &line(event).unwrap_or_default());
                } else {
                    self.set(&format!("lib:{name}"), line(event).unwrap_or_default());
                }
            }
            Event::StageFinished { stage, .. } => {
                let rest: Vec<ProgressBar> = {
                    let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
                    bars.extract_if(|id, _| id != stage).map(|(_, bar)| bar).collect()
                };
                rest.iter().for_each(ProgressBar::finish_and_clear);
                self.finish(stage, &line(event).unwrap_or_default());
            }
            _ => {
                if let Some(line) = line(event) {
                    let _ = self.all.println(line);
                }
            }
        }
    }
}

/// One line an event; the same line is not repeated.
#[derive(Debug)]
pub(crate) struct Lines {
    start: Instant,
    last: Mutex<HashMap<String, String>>,
}

impl Default for Lines {
    fn default() -> Self {
        Self { start: Instant::now(), last: Mutex::default() }
    }
}

impl Reporter for Lines {
    fn report(&self, event: &Event) {
        let Some(line) = line(event) else { return };
        let subject = match event {
            Event::Application { name, .. } | Event::Library { name, .. } => name.clone(),
            _ => String::new(),
        };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if !subject.is_empty() && last.insert(subject, line.clone()).as_ref() == Some(&line) {
            return;
        }
        let _ = writeln!(anstream::stderr(), "[{:>6.2}s] {line}", self.start.elapsed().as_secs_f64());
    }
}

fn finished(event: &Event) -> bool {
    matches!(event, Event::Application { sync: SyncCode::Synced, health: HealthCode::Healthy, .. })
}

/// The line of an event; `None` for events that are only counted.
fn line(event: &Event) -> Option<String> {
    Some(match event {
        Event::StageStarted { stage } => format!("{} …", stage.bold()),
        Event::StageFinished { stage, summary, duration, ok } => {
            let mark = if *ok { "✓".green().to_string() } else { "✗".red().to_string() };
            format!("{mark} {} {summary} {}", stage.bold(), format!("({})", seconds(*duration)).dimmed())
        }
        Event::Note { text } => text.clone(),
        Event::Finding(finding) => finding.to_string(),
        Event::Application { name, sync, health, phase: _, message } => {
            let detail = if message.is_empty() { String::new() } else { format!(" — {message}") };
            format!("  {} {name}: {sync:?}, {health:?}{detail}", health_mark(*health))
        }
        Event::Resource { application, key, message, ok: false } => {
            format!("  {} {application}: {key}: {message}", "✗".red())
        }
        Event::Library { name, message, ready } => {
            let mark = if *ready { "✓".green().to_string() } else { "…".yellow().to_string() };
            format!("  {mark} {name}: {message}")
        }
        Event::Committed { commit, subject, pushed } => {
            let short = commit.get(..10).unwrap_or(commit);
            format!("  {} {short} {subject}{}", "commit".cyan(), if *pushed { " (pushed)" } else { "" })
        }
        _ => return None,
    })
}
