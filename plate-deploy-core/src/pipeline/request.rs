//! What a caller asks of a deploy.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a run is for. All of them go through the same stages; they differ in what changes in Git and in the targets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Verb {
    /// Bring an environment to what Git says, with the images of the request.
    #[default]
    Deploy,
    /// Bring the environment's files back, as a new commit, and hold it there.
    Rollback {
        /// To what.
        to: RollbackTo,
        /// Why, for the commit and the hold.
        why: String,
    },
    /// Copy the image references that are healthy in another environment.
    Promote {
        /// The other environment.
        from: String,
        /// Only these components; empty: every one that is deployed to both and healthy.
        components: Vec<String>,
    },
    /// Bring objects back from a backup, and hold the environment.
    Restore {
        /// Its name, or `latest`.
        backup: String,
        /// Only these Applications; empty: all.
        applications: Vec<String>,
    },
    /// Delete what the environment's own Applications brought. Refused in production.
    Delete {
        /// Only these Applications; empty: all of the environment.
        applications: Vec<String>,
    },
    /// Only back up.
    Backup,
}

impl Verb {
    /// One word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Rollback { .. } => "rollback",
            Self::Promote { .. } => "promote",
            Self::Restore { .. } => "restore",
            Self::Delete { .. } => "delete",
            Self::Backup => "backup",
        }
    }
}

/// What a rollback goes back to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RollbackTo {
    /// The last run in the history after which the environment was healthy, before the present one.
    #[default]
    LastHealthy,
    /// What that run of the history deployed.
    Entry(String),
    /// A branch, tag or commit.
    Revision(String),
    /// Before that commit of ours: only what it changed.
    Undo(String),
}

/// How a deploy is looked at once it is synced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VerifyOptions {
    /// Everything must stay ready for this long. Default: not at all.
    pub soak: Duration,
    /// URLs that must answer with 2xx or 3xx.
    pub probes: Vec<String>,
    /// A pod of the new state may restart so often. Default: 2.
    pub max_restarts: u64,
    /// A pod that cannot start (image, crash loop, quota, no node) for this long ends the wait. Default: 10 seconds.
    pub fail_after: Duration,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        Self { soak: Duration::ZERO, probes: Vec::new(), max_restarts: 2, fail_after: Duration::from_secs(10) }
    }
}

/// How the environment's lock is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LockOptions {
    /// How long to wait for another run. Default: one minute, long enough for a dead holder's lock to expire.
    pub timeout: Duration,
    /// Take the lock from its holder, for this reason.
    pub break_reason: Option<String>,
}

impl Default for LockOptions {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(60), break_reason: None }
    }
}

/// Which libraries a deploy touches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Libraries {
    /// Libraries first, then the Applications.
    #[default]
    Include,
    /// Only the Applications.
    Skip,
    /// Only the libraries.
    Only,
}

/// A wish to set a component's image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageChange {
    /// Component, as the workspace names it.
    pub component: String,
    /// `repository:tag`, `repository@digest`, or `:tag` to keep the repository.
    pub image: String,
}

impl ImageChange {
    /// From `component=image:tag`.
    ///
    /// # Errors
    /// A text that says what is expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((component, image)) if !component.is_empty() && !image.is_empty() => {
                Ok(Self { component: component.into(), image: image.into() })
            }
            _ => Err(format!(
                "{text:?} is not COMPONENT=IMAGE:TAG, e.g. plate-server=registry.example.com/plate-server:1.2.3"
            )),
        }
    }
}

/// One deploy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployRequest {
    /// Id of the run; `""`: a new one. A resumed run keeps its id.
    #[serde(default)]
    pub id: String,
    /// What the run is for.
    #[serde(flatten)]
    pub verb: Verb,
    /// Environment, by name or alias.
    pub environment: String,
    /// Images to set, as one commit.
    pub images: Vec<ImageChange>,
    /// Which libraries.
    pub libraries: Libraries,
    /// Stop after the plan; write nothing anywhere.
    pub dry_run: bool,
    /// How long to wait for health, for the libraries and for the Applications each. Default: 10 minutes.
    pub timeout: Duration,
    /// Who the commit is by.
    pub author: Author,
    /// The lock.
    #[serde(default)]
    pub lock: LockOptions,
    /// The verification.
    #[serde(default)]
    pub verify: VerifyOptions,
    /// Roll back by itself when the verification of a production environment fails. Default: yes.
    #[serde(default = "yes")]
    pub auto_rollback: bool,
    /// Back up although the environment is not production.
    #[serde(default)]
    pub backup: bool,
    /// Lift the environment's hold.
    #[serde(default)]
    pub release_hold: bool,
    /// A rollback brings back only the files that no other environment reads.
    #[serde(default)]
    pub own_files_only: bool,
}

fn yes() -> bool {
    true
}

/// Author of the commits a deploy makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// Name.
    pub name: String,
    /// Mail address.
    pub email: String,
}

impl Default for Author {
    fn default() -> Self {
        Self { name: "plate-deploy".into(), email: "plate-deploy@localhost".into() }
    }
}

impl DeployRequest {
    /// A deploy of everything in an environment, as it is in Git.
    pub fn new(environment: impl Into<String>) -> Self {
        Self {
            id: String::new(),
            verb: Verb::Deploy,
            environment: environment.into(),
            images: Vec::new(),
            libraries: Libraries::default(),
            dry_run: false,
            timeout: Duration::from_secs(600),
            author: Author::default(),
            lock: LockOptions::default(),
            verify: VerifyOptions::default(),
            auto_rollback: true,
            backup: false,
            release_hold: false,
            own_files_only: false,
        }
    }

    /// For something else than a deploy.
    #[must_use]
    pub fn verb(mut self, verb: Verb) -> Self {
        self.verb = verb;
        self
    }

    /// Whether both ask for the same end state: how long to wait and the like may differ.
    #[must_use]
    pub fn same_wish(&self, other: &Self) -> bool {
        (&self.verb, &self.images, self.libraries, self.own_files_only)
            == (&other.verb, &other.images, other.libraries, other.own_files_only)
    }

    /// With an image change.
    #[must_use]
    pub fn image(mut self, component: impl Into<String>, image: impl Into<String>) -> Self {
        self.images.push(ImageChange { component: component.into(), image: image.into() });
        self
    }

    /// With this choice of libraries.
    #[must_use]
    pub fn libraries(mut self, libraries: Libraries) -> Self {
        self.libraries = libraries;
        self
    }

    /// As a dry run, or not.
    #[must_use]
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// With another longest wait.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}
