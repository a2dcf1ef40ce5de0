//! Backups of an environment: a folder with the values, the rendered and the live manifests, a list of them and their
//! checksums.
//!
//! ```text
//! backups/production/20261123T204512Z-4f1c…/
//!   backup.json                        what it is, and the SHA-256 of every other file
//!   values/<path in the repository>    the value files of the environment's Applications
//!   applications/<name>/application.yaml  rendered.yaml  live.yaml
//!   applications/<name>/secrets.yaml.age   live Secrets, encrypted; only with recipients
//! ```
//!
//! A Secret's data is in no other file. A folder gets its name when all of it is on the disk: half a backup has another
//! name and is removed by the next one.

mod manifests;
mod seal;
mod store;

use std::collections::BTreeMap;
use std::path::PathBuf;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use manifests::{restorable, without_data};
pub use seal::{Identities, Recipients};
pub use store::BackupStore;

use crate::model::Manifest;

/// Why there is no backup, or none that can be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// Reading or writing failed.
    #[error("{path}: cannot {action}: {message}")]
    Io {
        /// The file.
        path: String,
        /// What was tried.
        action: &'static str,
        /// The cause.
        message: String,
    },
    /// There is no such backup.
    #[error("there is no backup {name:?} of {environment}; there are: {}", .known.join(", "))]
    Unknown {
        /// The name.
        name: String,
        /// The environment.
        environment: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// It is not what was written.
    #[error("the backup {path} is damaged: {reason}; nothing was restored from it")]
    Damaged {
        /// The folder.
        path: String,
        /// What differs.
        reason: String,
    },
    /// A key that cannot be used.
    #[error("{0}")]
    Key(String),
}

/// What a backup is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupInfo {
    /// Version of the format.
    pub version: u32,
    /// Name of its folder.
    pub name: String,
    /// The environment.
    pub environment: String,
    /// The cluster's context, or `embedded`.
    pub cluster: String,
    /// The commit that was deployed.
    pub revision: String,
    /// The run that made it.
    pub run: String,
    /// What that run was for: `deploy`, `restore` …
    pub verb: String,
    /// When.
    pub created: Timestamp,
    /// Whether Secrets' data is in it, encrypted.
    pub encrypted: bool,
    /// SHA-256 by path, for every file of the backup.
    pub files: BTreeMap<String, String>,
}

/// One Application in a backup.
#[derive(Clone, Debug)]
pub struct BackedUpApplication {
    /// Its name.
    pub name: String,
    /// The Application itself.
    pub application: Value,
    /// What Git wanted.
    pub rendered: Vec<Manifest>,
    /// What was there.
    pub live: Vec<Manifest>,
}

/// What goes into a backup.
#[derive(Clone, Debug)]
pub struct BackupContents {
    /// What it is of; name and files are filled in.
    pub info: BackupInfo,
    /// Value files by path in the repository.
    pub values: Vec<(String, Bytes)>,
    /// The Applications.
    pub applications: Vec<BackedUpApplication>,
}

/// A backup that was read and checked.
#[derive(Clone, Debug)]
pub struct Backup {
    /// What it is of.
    pub info: BackupInfo,
    /// Its folder.
    pub folder: PathBuf,
    /// The Applications. Live Secrets are complete when the identities fit, else without data.
    pub applications: Vec<BackedUpApplication>,
}

impl BackupInfo {
    /// Version of the format written today.
    pub const VERSION: u32 = 1;
}
