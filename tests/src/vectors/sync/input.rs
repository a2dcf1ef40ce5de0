//! The shape of a `sync` case.

use std::collections::BTreeMap;

use plate_deploy_core::model::application::ManagedNamespaceMetadata;
use plate_deploy_core::model::{GroupVersionKind, Manifest, ResourceKey};
use plate_deploy_core::sync::{ApiKinds, Observation, SyncOperation, SyncRequest};
use serde::Deserialize;
use serde_json::{Value, json};

use super::kinds;

/// A case's question.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    namespace: String,
    revision: String,
    started_at: String,
    operation: SyncOperation,
    managed_namespace_metadata: Option<ManagedNamespaceMetadata>,
    deletion_approved: Option<String>,
    #[serde(default)]
    targets: Vec<Manifest>,
    #[serde(default)]
    pub(super) extra_kinds: Vec<ExtraKind>,
    #[serde(default)]
    pub(super) denied: Vec<String>,
    #[serde(default)]
    pub(super) faults: Vec<Fault>,
    pub(super) terminate_at_step: Option<usize>,
    #[serde(default)]
    pub(super) wave_hook_error: String,
}

/// A kind that the cluster serves beside the built-in ones.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ExtraKind {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) kind: String,
    pub(super) resource: String,
    #[serde(default)]
    pub(super) namespaced: bool,
}

/// An operation that fails.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Fault {
    pub(super) op: String,
    /// `Kind/name`.
    pub(super) object: String,
    pub(super) message: String,
    #[serde(default)]
    pub(super) dry_run: bool,
    /// How often; 0: always.
    #[serde(default)]
    pub(super) times: u32,
}

/// One recorded step.
#[derive(Deserialize)]
pub(super) struct ExpectedStep {
    pub(super) live: Vec<Manifest>,
    #[serde(default)]
    pub(super) uncached: Vec<Manifest>,
    operations: Value,
    waves: Value,
    phase: Value,
    message: Value,
    results: Value,
}

impl ExpectedStep {
    /// What the machine has to answer.
    pub(super) fn answer(&self) -> Value {
        let mut batches = self.operations.clone();
        for batch in batches.as_array_mut().into_iter().flatten().filter_map(Value::as_array_mut) {
            batch.sort_by_key(|operation| operation["object"].to_string());
        }
        let mut results = self.results.clone();
        if let Some(results) = results.as_array_mut() {
            results.sort_by_key(|row| (row["key"].to_string(), row["syncPhase"].to_string()));
        }
        json!({
            "operations": batches,
            "waves": self.waves,
            "phase": self.phase,
            "message": self.message,
            "results": results,
        })
    }
}

impl Input {
    pub(super) fn request(&self) -> Result<SyncRequest, String> {
        let started_at = self.started_at.parse().map_err(|e| format!("startedAt: {e}"))?;
        let mut request = SyncRequest::new(self.targets.clone(), &self.namespace, &self.revision, started_at)
            .operation(self.operation.clone());
        request.managed_namespace_metadata = self.managed_namespace_metadata.clone();
        Ok(request)
    }

    /// What a driver sees at the start of a step.
    pub(super) fn observation(&self, step: &ExpectedStep) -> Result<Observation, String> {
        // "Namespaces are only managed when among the targets".
        let targeted = |live: &Manifest| {
            self.targets.iter().any(|target| target.kind() == "Namespace" && target.name() == live.name())
        };
        let live: Vec<Manifest> =
            step.live.iter().filter(|live| live.kind() != "Namespace" || targeted(live)).cloned().collect();
        let now = self.started_at.parse().map_err(|e| format!("startedAt: {e}"))?;
        let mut observation = Observation::new(live, self.kinds(&step.live), now);
        observation.modified = self.modified(&step.live);
        observation.deletion_approved = self.deletion_approved.clone();
        Ok(observation)
    }

    /// Built-in kinds, the case's own, and those of CRDs in the cluster.
    fn kinds(&self, live: &[Manifest]) -> ApiKinds {
        let mut served = kinds::built_in();
        for kind in &self.extra_kinds {
            let gvk =
                GroupVersionKind { group: kind.group.clone(), version: kind.version.clone(), kind: kind.kind.clone() };
            served.serve(gvk, kind.namespaced);
        }
        for crd in live.iter().filter(|object| object.kind() == "CustomResourceDefinition") {
            let spec = &crd.value()["spec"];
            for version in spec["versions"].as_array().into_iter().flatten() {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let gvk = GroupVersionKind {
                    group: text(&spec["group"]),
                    version: text(&version["name"]),
                    kind: text(&spec["names"]["kind"]),
                };
                served.serve(gvk, spec["scope"] != "Cluster");
            }
        }
        served
    }

    /// Whether live objects differ from their targets. The cases change plain fields only, so that a target whose
    /// fields are all live is in sync.
    fn modified(&self, live: &[Manifest]) -> BTreeMap<ResourceKey, bool> {
        let mut modified = BTreeMap::new();
        for object in live {
            let target = self.targets.iter().find(|target| {
                let (wanted, found) = (target.key(), object.key());
                wanted.group_kind() == found.group_kind() && wanted.name == found.name
            });
            if let Some(target) = target {
                modified.insert(object.key(), !covers(object.value(), target.value()));
            }
        }
        modified
    }
}

/// Whether every field of `target` is in `live`.
fn covers(live: &Value, target: &Value) -> bool {
    match (live, target) {
        (Value::Object(live), Value::Object(target)) => {
            target.iter().all(|(name, value)| live.get(name).is_some_and(|live| covers(live, value)))
        }
        (Value::Array(live), Value::Array(target)) => {
            live.len() == target.len() && live.iter().zip(target).all(|(live, target)| covers(live, target))
        }
        _ => live == target,
    }
}
