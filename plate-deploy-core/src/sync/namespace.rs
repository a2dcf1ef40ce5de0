//! `CreateNamespace=true`: the Namespace of the application's destination, with its managed labels and annotations.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::model::application::ManagedNamespaceMetadata;
use crate::model::{Manifest, OperationPhase, ResultCode, SyncPhase, annotations};

use super::operation::Outcome;
use super::reconcile::Pairs;
use super::request::SyncRequest;
use super::settings::Settings;
use super::task::Task;

/// The Namespace to look up first, when this sync may have to create one: it has a name and is not among the targets.
/// A hook of kind Namespace does not count, as in Argo CD.
pub(super) fn wanted(request: &SyncRequest, settings: &Settings, pairs: &Pairs) -> Option<Manifest> {
    let name = request.namespace.as_str();
    let in_git = pairs.objects.values().any(|pair| pair.target.as_deref().is_some_and(|object| is_named(object, name)));
    if !settings.create_namespace || name.is_empty() || in_git {
        return None;
    }
    Manifest::new(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})).ok()
}

/// Whether the object is the Namespace of this name.
pub(super) fn is_named(object: &Manifest, name: &str) -> bool {
    let gvk = object.gvk();
    gvk.kind == "Namespace" && gvk.group.is_empty() && object.name() == name
}

/// The task that brings the Namespace about, given what the lookup found; `None` where nothing is to be done. A lookup
/// that failed becomes a task that has failed.
pub(super) fn task(
    mut namespace: Manifest,
    found: &Outcome,
    managed: Option<&ManagedNamespaceMetadata>,
) -> Option<Task> {
    let live = match found {
        Outcome::Found { object } => Some(Arc::new(object.clone())),
        Outcome::NotFound | Outcome::Done { .. } => None,
        Outcome::Failed { message } => {
            let mut task = Task::new(SyncPhase::PreSync, Arc::new(namespace), None);
            let message = format!("namespace auto creation failed: {message}");
            task.note(Some(ResultCode::SyncFailed), Some(OperationPhase::Error), &message);
            return Some(task);
        }
    };
    if managed.is_none() && live.is_some() {
        return None;
    }
    if let Some(managed) = managed {
        manage(&mut namespace, managed);
    }
    Some(Task::new(SyncPhase::PreSync, Arc::new(namespace), live))
}

/// Sets labels and annotations. Server-side apply leaves the ones that others set alone.
fn manage(namespace: &mut Manifest, managed: &ManagedNamespaceMetadata) {
    let text = |(name, value): (&String, &String)| (name.clone(), Value::from(value.as_str()));
    let mut notes: Map<String, Value> = managed.annotations.iter().map(text).collect();
    notes.insert(annotations::SYNC_OPTIONS.into(), "ServerSideApply=true".into());
    let labels: Map<String, Value> = managed.labels.iter().map(text).collect();
    if let Some(metadata) = namespace.value_mut().get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("annotations".into(), notes.into());
        if !labels.is_empty() {
            metadata.insert("labels".into(), labels.into());
        }
    }
}
