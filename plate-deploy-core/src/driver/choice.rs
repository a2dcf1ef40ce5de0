//! Who carries a sync out where both could: the embedded engine, or the Argo CD of the cluster.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::argocd::{ArgoCdDriver, ArgoCdOptions, Installation};
use super::{EmbeddedDriver, SyncDriver};
use crate::cluster::ClusterError;
use crate::report::{Diagnostic, Severity};

/// Who shall carry syncs out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DriverChoice {
    /// Argo CD when the cluster has one that works; the embedded engine when it has none. One that does not work is told
    /// with the evidence, and nothing is done.
    #[default]
    Auto,
    /// The embedded engine, with Argo CD's own marks on the objects: an Argo CD that comes back finds everything Synced.
    Embedded,
    /// Argo CD.
    ArgoCd,
}

impl fmt::Display for DriverChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Embedded => "embedded",
            Self::ArgoCd => "argocd",
        })
    }
}

impl FromStr for DriverChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "embedded" => Ok(Self::Embedded),
            "argocd" => Ok(Self::ArgoCd),
            _ => Err(format!("{text:?} is no driver: auto, embedded or argocd")),
        }
    }
}

/// A driver, and what is to be said about the choice.
#[derive(Debug)]
pub struct Chosen {
    /// The driver.
    pub driver: Arc<dyn SyncDriver>,
    /// Findings for the report.
    pub notes: Vec<Diagnostic>,
}

/// Why there is no driver.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChoiceError {
    /// The cluster could not be asked.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// Argo CD was asked for, and there is none.
    #[error("there is no Argo CD in this cluster")]
    NoArgoCd,
    /// Argo CD does not work.
    #[error("{}", .0.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; "))]
    Down(Vec<Diagnostic>),
}

impl ChoiceError {
    /// What to do.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Cluster(_) => String::new(),
            Self::NoArgoCd => "install it, or deploy with --driver embedded".into(),
            Self::Down(problems) => {
                let first = problems.first().map(|problem| problem.remedy.as_str()).unwrap_or_default();
                format!(
                    "repair it ({first}), or deploy past it with --driver embedded: it will find everything Synced when it comes back"
                )
            }
        }
    }
}

/// Picks the driver.
///
/// # Errors
/// [`ChoiceError`].
pub async fn choose(
    choice: DriverChoice,
    engine: Arc<EmbeddedDriver>,
    options: ArgoCdOptions,
) -> Result<Chosen, ChoiceError> {
    let found = Installation::find(&*engine.cluster, None).await?;
    let Some(installation) = found else {
        return match choice {
            DriverChoice::ArgoCd => Err(ChoiceError::NoArgoCd),
            _ => Ok(Chosen { driver: engine, notes: Vec::new() }),
        };
    };
    let problems = installation.problems(engine.clock.now());
    match (choice, problems.is_empty()) {
        (DriverChoice::Embedded, _) => Ok(Chosen { driver: engine, notes: past(&installation, problems) }),
        (_, false) => Err(ChoiceError::Down(problems)),
        (_, true) => {
            let driver = Arc::new(ArgoCdDriver::new(engine, installation, options));
            Ok(Chosen { driver, notes: Vec::new() })
        }
    }
}

/// What to know when the embedded engine deploys where an Argo CD is.
fn past(installation: &Installation, problems: Vec<Diagnostic>) -> Vec<Diagnostic> {
    if problems.is_empty() {
        let text = format!(
            "an Argo CD works in namespace {}, and this deploy goes past it: both write the same objects",
            installation.namespace
        );
        return vec![
            Diagnostic::new(Severity::Warning, "past-argocd", text)
                .remedy("--driver argocd lets it do the work; what is deployed must be on the branch that it follows"),
        ];
    }
    let lower = |mut problem: Diagnostic| {
        problem.severity = Severity::Warning;
        problem
    };
    problems.into_iter().map(lower).collect()
}
