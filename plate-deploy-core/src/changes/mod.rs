//! What a change of the repository changes in the cluster: every affected Application at two revisions, object by object.
//!
//! Pure: [`affected`] decides from what renders may read which Applications have to be rendered at all, [`compare`] makes
//! the differences of two renders, [`RepositoryDiff`] holds them, and [`markdown`] and [`html`] show them. The engine
//! reads Git and renders.

mod affected;
mod compare;
mod html;
mod markdown;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use affected::{Subject, affected};
pub use compare::{Side, compare};
pub use html::html;
pub use markdown::{GITHUB_LIMIT, markdown};

use crate::report::{Action, Diagnostic, ResourceChange};

/// One of the two revisions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    /// As it was asked for, e.g. `main`.
    pub name: String,
    /// The commit, as a full id.
    pub commit: String,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SubjectKind {
    /// A library (cluster service or development tool).
    Library,
    /// An Application that brings Applications.
    AppOfApps,
    /// An Application.
    Application,
}

/// What becomes of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Fate {
    /// It is new.
    Added,
    /// It goes.
    Removed,
    /// It stays, and something in it changes.
    Changed,
    /// It was rendered, because files changed that a render may read, and both renders are equal.
    Same,
}

/// One affected Application or library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationDiff {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: SubjectKind,
    /// Its environment; none for what all environments share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Where its objects go.
    pub namespace: String,
    /// What becomes of it.
    pub fate: Fate,
    /// Why it was looked at: the changed files that it reads, or `Application` for its own definition.
    pub causes: Vec<String>,
    /// The objects that differ. Values of Secrets are masked.
    pub changes: Vec<ResourceChange>,
    /// Objects it has at the second revision.
    pub resources: usize,
    /// What cannot be rendered, and at which revision.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Diagnostic>,
}

impl ApplicationDiff {
    /// How many objects of it are created, changed and deleted.
    #[must_use]
    pub fn counts(&self) -> [usize; 3] {
        [Action::Create, Action::Update, Action::Prune]
            .map(|action| self.changes.iter().filter(|change| change.action == action).count())
    }
}

/// Everything that differs between two revisions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryDiff {
    /// Version of this format.
    pub version: u32,
    /// The revision before.
    pub from: Revision,
    /// The revision after.
    pub to: Revision,
    /// The environment that was asked for; none for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Changed files of the repository.
    pub files: Vec<String>,
    /// The affected ones, by kind and name.
    pub applications: Vec<ApplicationDiff>,
    /// How many were not affected, and so never rendered.
    pub unaffected: usize,
    /// Seconds it took.
    pub seconds: f64,
}

impl RepositoryDiff {
    /// Version of the format written today.
    pub const VERSION: u32 = 1;

    /// Those in which something changes, or that cannot be rendered any more.
    pub fn changed(&self) -> impl Iterator<Item = &ApplicationDiff> {
        self.applications.iter().filter(|app| app.fate != Fate::Same)
    }

    /// Whether nothing would change in any cluster.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changed().next().is_none()
    }

    /// Whether something cannot be rendered at the second revision.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.applications.iter().any(|app| app.problems.iter().any(|p| p.severity == crate::report::Severity::Error))
    }

    /// One line about it.
    #[must_use]
    pub fn summary(&self) -> String {
        let counts = self
            .changed()
            .map(ApplicationDiff::counts)
            .fold([0; 3], |sum, c| [sum[0] + c[0], sum[1] + c[1], sum[2] + c[2]]);
        let looked = self.applications.len();
        let changed = self.changed().count();
        if changed == 0 {
            return format!("nothing changes ({looked} rendered, {} not affected)", self.unaffected);
        }
        let [created, updated, deleted] = counts;
        format!(
            "{changed} of {} change: {created} objects created, {updated} changed, {deleted} deleted ({looked} rendered, {} not affected)",
            looked + self.unaffected,
            self.unaffected
        )
    }

    /// The duration, as the field's type.
    #[must_use]
    pub fn took(duration: Duration) -> f64 {
        (duration.as_secs_f64() * 1000.0).round() / 1000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ResourceKey;

    /// A difference of one object of one Application.
    pub(super) fn diff_of(name: &str, before: &str, after: &str) -> RepositoryDiff {
        let key = ResourceKey { name: name.into(), kind: "ConfigMap".into(), ..ResourceKey::default() };
        let change = ResourceChange { key, action: Action::Create, before: before.into(), after: after.into() };
        let app = ApplicationDiff {
            name: name.into(),
            kind: SubjectKind::Application,
            environment: Some(name.into()),
            namespace: name.into(),
            fate: Fate::Changed,
            causes: vec![name.into()],
            changes: vec![change],
            resources: 1,
            problems: Vec::new(),
        };
        RepositoryDiff {
            version: RepositoryDiff::VERSION,
            from: Revision::default(),
            to: Revision::default(),
            environment: None,
            files: vec![name.into()],
            applications: vec![app],
            unaffected: 499,
            seconds: 0.1,
        }
    }

    #[test]
    fn the_summary_counts() {
        let text = diff_of("a", "", "b: 1\n").summary();
        assert_eq!(text, "1 of 500 change: 1 objects created, 0 changed, 0 deleted (1 rendered, 499 not affected)");
    }
}
