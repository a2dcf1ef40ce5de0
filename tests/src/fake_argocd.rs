//! A stand-in for Argo CD's controller: it answers refreshes and operations on Application objects as the real one does,
//! and misbehaves on request. What the real one decides is tested against the real one; this is for what it must be made
//! to do on cue.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use futures::StreamExt;
use jiff::Timestamp;
use plate_deploy_core::cluster::{
    ClusterBackend, ClusterWriter, ListOptions, ObjectRef, Patch, WatchEvent, WriteOptions,
};
use plate_deploy_core::model::{GroupVersionKind, Manifest};
use serde_json::{Value, json};

/// How the stand-in treats one Application.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// It never answers a refresh.
    pub deaf: bool,
    /// Conditions after a refresh.
    pub conditions: Vec<(String, String)>,
    /// The revision it sees.
    pub revision: String,
    /// The message that a sync fails with.
    pub failure: Option<String>,
    /// Health after a successful sync; empty: `Healthy`.
    pub health: String,
}

/// The running stand-in; it stops when dropped.
#[derive(Debug)]
pub struct FakeArgoCd {
    task: tokio::task::JoinHandle<()>,
    scripts: Arc<Mutex<BTreeMap<String, Script>>>,
}

/// Kind of Applications.
#[must_use]
pub fn application_kind() -> GroupVersionKind {
    GroupVersionKind::parse("argoproj.io/v1alpha1", "Application")
}

/// Makes the cluster serve Applications and AppProjects, without their schemas.
///
/// # Errors
/// When the cluster refuses.
pub async fn install_kinds(cluster: &dyn ClusterWriter) -> Result<()> {
    for (kind, plural) in [("Application", "applications"), ("AppProject", "appprojects")] {
        let crd = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.argoproj.io")},
            "spec": {
                "group": "argoproj.io", "scope": "Namespaced",
                "names": {"kind": kind, "listKind": format!("{kind}List"), "plural": plural, "singular": kind.to_lowercase()},
                "versions": [{"name": "v1alpha1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                    "type": "object", "x-kubernetes-preserve-unknown-fields": true,
                }}}],
            },
        });
        cluster.create(&Manifest::new(crd)?, &WriteOptions::default()).await?;
    }
    cluster.catalog(true).await?;
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "argocd"}});
    cluster.create(&Manifest::new(namespace)?, &WriteOptions::default()).await?;
    Ok(())
}

impl FakeArgoCd {
    /// Begins to answer.
    #[must_use]
    pub fn start(cluster: Arc<dyn ClusterBackend>, scripts: impl IntoIterator<Item = (&'static str, Script)>) -> Self {
        let scripts = scripts.into_iter().map(|(name, script)| (name.to_owned(), script)).collect();
        let scripts: Arc<Mutex<BTreeMap<String, Script>>> = Arc::new(Mutex::new(scripts));
        let known = Arc::clone(&scripts);
        let task = tokio::spawn(async move {
            loop {
                // A watch that ends is begun again; a failing answer is tried at the next event.
                let _ = watch(&*cluster, &known).await;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        Self { task, scripts }
    }

    /// Changes how an Application is treated.
    pub fn script(&self, name: &str, script: Script) {
        self.scripts.lock().unwrap_or_else(PoisonError::into_inner).insert(name.into(), script);
    }
}

impl Drop for FakeArgoCd {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn watch(cluster: &dyn ClusterBackend, scripts: &Mutex<BTreeMap<String, Script>>) -> Result<()> {
    let kind = application_kind();
    let list = cluster.list(&kind, &ListOptions::default()).await?;
    let mut events = cluster.watch(&kind, &ListOptions::default(), &list.resource_version).await?;
    for object in &list.items {
        answer(cluster, scripts, object).await?;
    }
    while let Some(event) = events.next().await {
        if let WatchEvent::Applied(object) = event? {
            answer(cluster, scripts, &object).await?;
        }
    }
    Ok(())
}

async fn answer(
    cluster: &dyn ClusterBackend,
    scripts: &Mutex<BTreeMap<String, Script>>,
    object: &Manifest,
) -> Result<()> {
    let script = scripts.lock().unwrap_or_else(PoisonError::into_inner).get(object.name()).cloned().unwrap_or_default();
    if script.deaf {
        return Ok(());
    }
    let at = ObjectRef::of(object);
    let value = object.value();
    let patch = |patch: Value| {
        let at = at.clone();
        async move { cluster.patch(&at, None, &Patch::Merge(patch), &WriteOptions::default()).await }
    };
    let now = Timestamp::now().round(jiff::Unit::Second)?;
    if value.pointer("/status/operationState/phase").and_then(Value::as_str) == Some("Terminating") {
        patch(json!({"operation": null, "status": {"operationState": {
            "phase": "Failed", "message": "Operation terminated", "finishedAt": now,
        }}}))
        .await?;
        return Ok(());
    }
    if object.annotation("argocd.argoproj.io/refresh").is_some() {
        let conditions: Vec<Value> =
            script.conditions.iter().map(|(kind, message)| json!({"type": kind, "message": message})).collect();
        let synced = value.pointer("/status/sync/status").and_then(Value::as_str) == Some("Synced")
            && value.pointer("/status/sync/revision").and_then(Value::as_str) == Some(&script.revision);
        patch(json!({
            "metadata": {"annotations": {"argocd.argoproj.io/refresh": null}},
            "status": {
                "conditions": conditions, "reconciledAt": now,
                "sync": {"status": if synced { "Synced" } else { "OutOfSync" }, "revision": script.revision},
                "health": {"status": if synced { "Healthy" } else { "Missing" }},
            },
        }))
        .await?;
        return Ok(());
    }
    let Some(operation) = value.get("operation").filter(|operation| !operation.is_null()) else { return Ok(()) };
    let (phase, code, message) = match &script.failure {
        Some(message) => ("Failed", "SyncFailed", message.clone()),
        None => ("Succeeded", "Synced", "deployment.apps/web configured".into()),
    };
    let (sync, health) = match (&script.failure, script.health.as_str()) {
        (Some(_), _) => ("OutOfSync", "Missing"),
        (None, "") => ("Synced", "Healthy"),
        (None, health) => ("Synced", health),
    };
    patch(json!({
        "operation": null,
        "status": {
            "operationState": {
                "operation": operation, "phase": phase, "startedAt": now, "finishedAt": now,
                "message": if script.failure.is_some() { "one or more objects failed to apply" } else { "successfully synced (all tasks run)" },
                "syncResult": {"revision": operation["sync"]["revision"], "resources": [{
                    "group": "apps", "version": "v1", "kind": "Deployment", "namespace": "shop", "name": "web",
                    "status": code, "message": message, "syncPhase": "Sync",
                }]},
            },
            "reconciledAt": now,
            "sync": {"status": sync, "revision": script.revision},
            "health": {"status": health},
            "resources": [{"group": "apps", "version": "v1", "kind": "Deployment", "namespace": "shop", "name": "web", "status": sync}],
        },
    }))
    .await?;
    Ok(())
}
