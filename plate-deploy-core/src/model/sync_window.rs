//! Sync windows: when a project's Applications may sync.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::application::Destination;
use super::cron::{CronError, CronSchedule, time_zone};
use super::duration::{DurationError, GoDuration};
use super::glob::glob_match;
use super::serde_skip::is_false;

/// One of a project's `syncWindows`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SyncWindow {
    /// `allow` or `deny`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// When it opens: a cron schedule.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub schedule: String,
    /// How long it stays open: a Go duration.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub duration: String,
    /// Globs of Application names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub applications: Vec<String>,
    /// Globs of destination namespaces.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// Globs of cluster names or URLs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<String>,
    /// A sync that someone asks for is not held back.
    #[serde(skip_serializing_if = "is_false")]
    pub manual_sync: bool,
    /// Time zone of the schedule; `""` and unknown ones are UTC.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub time_zone: String,
    /// Applications, namespaces and clusters must all match, not just one of them.
    #[serde(skip_serializing_if = "is_false")]
    pub and_operator: bool,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// A sync that began when it was allowed may go on.
    #[serde(skip_serializing_if = "is_false")]
    pub sync_overrun: bool,
}

/// A window that cannot be understood. It blocks every sync.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SyncWindowError {
    /// Its schedule.
    #[error("cannot parse schedule '{schedule}': {error}")]
    Schedule {
        /// As written.
        schedule: String,
        /// Why.
        error: CronError,
    },
    /// Its duration.
    #[error("cannot parse duration '{duration}': {error}")]
    Duration {
        /// As written.
        duration: String,
        /// Why.
        error: DurationError,
    },
}

impl SyncWindow {
    fn parts(&self) -> Result<(CronSchedule, GoDuration), SyncWindowError> {
        let schedule = CronSchedule::parse(&self.schedule)
            .map_err(|error| SyncWindowError::Schedule { schedule: self.schedule.clone(), error })?;
        let duration = self
            .duration
            .parse()
            .map_err(|error| SyncWindowError::Duration { duration: self.duration.clone(), error })?;
        Ok((schedule, duration))
    }

    /// Whether the window is open at `at`. The time zone's offset is the one that holds at `now`, as in Argo CD: a
    /// schedule moves with daylight saving time. The exact first and last second are outside.
    ///
    /// # Errors
    /// [`SyncWindowError`] when schedule or duration cannot be parsed.
    pub fn is_active(&self, at: Timestamp, now: Timestamp) -> Result<bool, SyncWindowError> {
        let (schedule, duration) = self.parts()?;
        let offset = time_zone(&self.time_zone).map_or(0, |zone| zone.to_offset(now).seconds());
        let local = at.saturating_add(SignedDuration::from_secs(offset.into())).unwrap_or(at);
        let before = local.saturating_sub(SignedDuration::from_nanos(duration.nanoseconds())).unwrap_or(local);
        // A schedule without a next time counts as one in the distant past.
        Ok(schedule.next(before).is_none_or(|opens| opens < local))
    }

    /// Whether the window concerns an Application.
    #[must_use]
    pub fn matches(&self, application: &str, destination: &Destination) -> bool {
        let any = |globs: &[String], text: &str| globs.iter().any(|glob| glob == "*" || glob_match(glob, text, &[]));
        let by_name = any(&self.applications, application);
        let by_cluster = !destination.name.is_empty() && any(&self.clusters, &destination.name)
            || !destination.server.is_empty() && any(&self.clusters, &destination.server);
        let by_namespace = any(&self.namespaces, &destination.namespace);
        if !self.and_operator {
            return by_name || by_cluster || by_namespace;
        }
        let lists = [(&self.applications, by_name), (&self.clusters, by_cluster), (&self.namespaces, by_namespace)];
        let mut set = lists.iter().filter(|(globs, _)| !globs.is_empty()).peekable();
        set.peek().is_some() && set.all(|(_, matched)| *matched)
    }

    /// Why Argo CD refuses the window; `None` when it does not.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        if self.kind != "allow" && self.kind != "deny" {
            return Some(format!("kind '{}' mismatch: can only be allow or deny", self.kind));
        }
        if let Err(error) = self.parts() {
            return Some(error.to_string());
        }
        (self.description.len() > 255).then(|| "description must not exceed 255 characters".into())
    }
}

/// The windows of `windows` that concern an Application, as indices.
#[must_use]
pub fn matching_windows(windows: &[SyncWindow], application: &str, destination: &Destination) -> Vec<usize> {
    let matching = windows.iter().enumerate().filter(|(_, window)| window.matches(application, destination));
    matching.map(|(i, _)| i).collect()
}

/// A question to [`can_sync`].
#[derive(Clone, Copy, Debug)]
pub struct SyncQuestion {
    /// The time it is.
    pub now: Timestamp,
    /// Someone asks for the sync.
    pub manual: bool,
    /// When the sync under way began, if one is.
    pub started_at: Option<Timestamp>,
}

/// Whether the windows that concern an Application let it sync now (Argo CD's `SyncWindows.CanSync`).
///
/// # Errors
/// A window that cannot be understood: no sync.
pub fn can_sync(windows: &[SyncWindow], question: SyncQuestion) -> Result<bool, SyncWindowError> {
    let SyncQuestion { now, manual, started_at } = question;
    let state = WindowState::at(windows, now, now)?;
    if state.lets(manual) {
        return Ok(true);
    }
    match started_at {
        Some(started_at) if state.lets_overrun() => Ok(WindowState::at(windows, started_at, now)?.lets(manual)),
        _ => Ok(false),
    }
}

/// The windows that decide at a time.
struct WindowState<'a> {
    denying: Vec<&'a SyncWindow>,
    allowing: Vec<&'a SyncWindow>,
    closed_allows: Vec<&'a SyncWindow>,
}

impl<'a> WindowState<'a> {
    fn at(windows: &'a [SyncWindow], at: Timestamp, now: Timestamp) -> Result<Self, SyncWindowError> {
        let mut state = Self { denying: Vec::new(), allowing: Vec::new(), closed_allows: Vec::new() };
        for window in windows {
            match (window.kind.as_str(), window.is_active(at, now)?) {
                ("deny", true) => state.denying.push(window),
                ("allow", true) => state.allowing.push(window),
                ("allow", false) => state.closed_allows.push(window),
                _ => {}
            }
        }
        Ok(state)
    }

    /// The windows that hold a sync back: open deny windows, else closed allow windows when no allow window is open.
    fn holding(&self) -> &[&'a SyncWindow] {
        match (self.denying.is_empty(), self.allowing.is_empty()) {
            (false, _) => &self.denying,
            (true, false) => &[],
            (true, true) => &self.closed_allows,
        }
    }

    fn lets(&self, manual: bool) -> bool {
        let holding = self.holding();
        holding.is_empty() || manual && holding.iter().all(|window| window.manual_sync)
    }

    fn lets_overrun(&self) -> bool {
        self.holding().iter().all(|window| window.sync_overrun)
    }
}
