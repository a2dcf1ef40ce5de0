//! What the driver sees before a step: the live objects, the kinds served, the time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::model::{GroupKind, GroupVersionKind, HealthStatus, Manifest, ResourceKey};

/// The cluster at the start of a step. Every step is decided from this and the earlier results alone.
#[derive(Clone, Debug)]
pub struct Observation {
    /// The application's live objects: those that carry its tracking, and those that the targets name. May lag behind
    /// the cluster; where that matters the machine asks for a read.
    pub live: Vec<Arc<Manifest>>,
    /// Kinds served.
    pub kinds: ApiKinds,
    /// The time.
    pub now: Timestamp,
    /// For `ApplyOutOfSyncOnly=true`: whether a live object differs from its target, by the live object's key. An
    /// object that is not listed counts as different.
    pub modified: BTreeMap<ResourceKey, bool>,
    /// Live objects whose tracking was made for another object (Argo CD's `isSelfReferencedObj`): left alone.
    pub foreign: BTreeSet<ResourceKey>,
    /// The application's `argocd.argoproj.io/deletion-approved` annotation, an RFC 3339 time.
    pub deletion_approved: Option<String>,
    /// Targets to use instead of the request's: with `RespectIgnoreDifferences=true` they carry the live values of
    /// ignored fields.
    pub targets: Option<Vec<Manifest>>,
    /// Start nothing, for this reason: the sync keeps its place (a sync window, a person's hold).
    pub hold: Option<String>,
}

impl Observation {
    /// An observation with nothing special. A driver that shares its live objects sets [`Observation::live`] itself.
    #[must_use]
    pub fn new(live: Vec<Manifest>, kinds: ApiKinds, now: Timestamp) -> Self {
        Self {
            live: live.into_iter().map(Arc::new).collect(),
            kinds,
            now,
            modified: BTreeMap::new(),
            foreign: BTreeSet::new(),
            deletion_approved: None,
            targets: None,
            hold: None,
        }
    }

    /// Argo CD's `IsDeletionConfirmed`: approved at or after the operation's start.
    pub(super) fn prune_confirmed(&self, since: Timestamp) -> bool {
        self.deletion_approved
            .as_deref()
            .and_then(|text| text.parse::<Timestamp>().ok())
            .is_some_and(|approved| approved.as_second() >= since.as_second())
    }
}

/// The kinds an API server serves (discovery).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiKinds {
    namespaced: BTreeMap<GroupVersionKind, bool>,
    failed: BTreeMap<String, String>,
}

impl ApiKinds {
    /// No kinds.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a kind.
    pub fn serve(&mut self, gvk: GroupVersionKind, namespaced: bool) {
        self.namespaced.insert(gvk, namespaced);
    }

    /// Notes that a group version (`apps/v1`) could not be discovered, for another reason than that it is not served.
    pub fn fail(&mut self, api_version: &str, message: &str) {
        self.failed.insert(api_version.into(), message.into());
    }

    /// Whether a kind is namespaced, whatever its version; `None` when it is not served.
    #[must_use]
    pub fn namespaced(&self, kind: &GroupKind) -> Option<bool> {
        self.namespaced
            .iter()
            .find(|(gvk, _)| gvk.group == kind.group && gvk.kind == kind.kind)
            .map(|(_, namespaced)| *namespaced)
    }

    /// Whether exactly this kind is served, and namespaced; the error in client-go's words.
    pub(super) fn lookup(&self, gvk: &GroupVersionKind) -> Result<bool, LookupError> {
        if let Some(namespaced) = self.namespaced.get(gvk) {
            return Ok(*namespaced);
        }
        let version = gvk.api_version();
        if let Some(message) = self.failed.get(&version) {
            let message = format!("failed to discover server resources for group version {version}: {message}");
            return Err(LookupError { not_found: false, message });
        }
        let served = self.namespaced.keys().any(|known| known.group == gvk.group && known.version == gvk.version);
        let message = if !served {
            let reason = "the server could not find the requested resource";
            format!("failed to discover server resources for group version {version}: {reason}")
        } else if gvk.group.is_empty() {
            format!("{} \"\" not found", gvk.kind)
        } else {
            format!("{}.{} \"\" not found", gvk.kind, gvk.group)
        };
        Err(LookupError { not_found: true, message })
    }
}

impl FromIterator<(GroupVersionKind, bool)> for ApiKinds {
    fn from_iter<T: IntoIterator<Item = (GroupVersionKind, bool)>>(kinds: T) -> Self {
        Self { namespaced: kinds.into_iter().collect(), failed: BTreeMap::new() }
    }
}

/// Why a kind could not be looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LookupError {
    /// The server answered that there is no such kind.
    pub(super) not_found: bool,
    /// In client-go's words.
    pub(super) message: String,
}

/// Questions the machine cannot answer by itself. Answers must be the same for the same arguments within a step.
pub trait SyncRules {
    /// Health of a live object; `None` where its kind has none, and its presence is enough.
    ///
    /// # Errors
    /// Why the health could not be assessed (a user's Lua script failed).
    fn health(&self, live: &Manifest) -> Result<Option<HealthStatus>, String>;

    /// Whether the application's project lets it hold this object (Argo CD's `validateSyncPermissions`).
    ///
    /// # Errors
    /// Why not, in a sentence for the object's result.
    fn permitted(&self, object: &Manifest, namespaced: bool) -> Result<(), String> {
        let _ = (object, namespaced);
        Ok(())
    }
}
