//! What came of each object: Argo CD's `ResourceResult`, keyed and ordered as Argo CD does it.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::model::{OperationPhase, ResourceKey, ResultCode, SyncPhase};

/// Result of one object in one phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceResult {
    /// The object. A cluster-scoped object carries the application's namespace here, as in Argo CD.
    pub key: ResourceKey,
    /// API version without the group.
    pub version: String,
    /// Phase the object was synced in; an object that is a hook of two phases has two results.
    pub sync_phase: SyncPhase,
    /// How it went; `None` until something was done to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ResultCode>,
    /// The last message.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// For a hook: its type, which is its phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook_type: Option<SyncPhase>,
    /// How far the object is, hook or not: running until it is healthy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook_phase: Option<OperationPhase>,
    /// The kind is cluster-scoped: the key's namespace is none of the object's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cluster_scoped: bool,
    /// Container images of a workload.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
}

impl ResourceResult {
    /// The object as the API server names it, without the namespace that Argo CD's key of a cluster-scoped object has.
    #[must_use]
    pub fn api_key(&self) -> ResourceKey {
        let mut key = self.key.clone();
        if self.cluster_scoped {
            key.namespace.clear();
        }
        key
    }
}

/// Results in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Results(IndexMap<(ResourceKey, SyncPhase), ResourceResult>);

impl Results {
    /// The result of an object in a phase.
    pub(super) fn get(&self, key: &ResourceKey, phase: SyncPhase) -> Option<&ResourceResult> {
        // A tuple key cannot be looked up by parts; results are few, a clone is cheap enough.
        self.0.get(&(key.clone(), phase))
    }

    /// Adds a result, or changes status, state and message of the one that is there.
    pub(super) fn set(&mut self, result: ResourceResult) {
        match self.0.get_mut(&(result.key.clone(), result.sync_phase)) {
            Some(existing) => {
                existing.status = result.status;
                existing.hook_phase = result.hook_phase;
                existing.message = result.message;
            }
            None => {
                self.0.insert((result.key.clone(), result.sync_phase), result);
            }
        }
    }

    /// Whether anything was recorded yet.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// In order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &ResourceResult> {
        self.0.values()
    }
}

impl FromIterator<ResourceResult> for Results {
    fn from_iter<T: IntoIterator<Item = ResourceResult>>(results: T) -> Self {
        let mut all = Self::default();
        for result in results {
            all.set(result);
        }
        all
    }
}

impl Serialize for Results {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Results {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<ResourceResult>::deserialize(deserializer)?.into_iter().collect())
    }
}
