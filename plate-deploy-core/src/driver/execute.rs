//! Carries out the sync machine's operations on a cluster.

use std::time::Duration;

use serde_json::{Value, json};

use super::LiveCache;
use super::live::Known;
use super::live_state::Detail;
use crate::cluster::{self, ApplyMode, ClusterBackend, ClusterError, ObjectRef, Patch, WriteOptions};
use crate::model::{GroupVersionKind, Manifest, annotations};
use crate::sync::{Action, Operation, Outcome, Propagation, Write, WriteMethod};

/// Longest wait for a CRD to be established (Argo CD: 3 s).
const ESTABLISH: Duration = Duration::from_secs(3);
/// First wait between two looks at a CRD; it doubles.
const FIRST_LOOK: Duration = Duration::from_millis(5);
/// How often a finalizer's removal is tried when others change the object.
const CONFLICTS: usize = 5;
/// Field manager of client-side writes, as Argo CD names itself.
const MANAGER: &str = "argocd-controller";

/// What one operation did.
#[derive(Debug)]
pub(super) struct Executed {
    /// For the state machine.
    pub(super) outcome: Outcome,
    /// The object as it is now, when the operation returned one.
    pub(super) object: Option<Manifest>,
    /// Whether something was really written or deleted.
    pub(super) changed: bool,
    /// Kinds may have appeared.
    pub(super) new_kinds: bool,
}

impl Executed {
    fn of(outcome: Outcome) -> Self {
        Self { outcome, object: None, changed: false, new_kinds: false }
    }
}

/// Runs one operation.
pub(super) async fn execute(cluster: &dyn ClusterBackend, live: &LiveCache, operation: &Operation) -> Executed {
    let at = ObjectRef {
        kind: operation.gvk.clone(),
        namespace: operation.object.namespace.clone(),
        name: operation.object.name.clone(),
    };
    let result = match &operation.action {
        Action::Read => read(cluster, &at).await,
        Action::Write(write) => self::write(cluster, live, &at, write).await,
        Action::MigrateManagedFields { from, to } => migrate(cluster, &at, from, to).await,
        Action::Prune { propagation } | Action::DeleteHook { propagation } => delete(cluster, &at, *propagation).await,
        Action::RemoveHookFinalizer { finalizer } => remove_finalizer(cluster, &at, finalizer).await,
    };
    result.unwrap_or_else(|error| Executed::of(Outcome::failed(message(&error))))
}

/// The server's own words, without our prefix: they become the resource's result.
fn message(error: &ClusterError) -> String {
    match error {
        ClusterError::Api { message, .. } => message.clone(),
        other => other.to_string(),
    }
}

async fn read(cluster: &dyn ClusterBackend, at: &ObjectRef) -> cluster::Result<Executed> {
    Ok(match cluster.get(at).await? {
        None => Executed::of(Outcome::NotFound),
        Some(object) => Executed { object: Some(object.clone()), ..Executed::of(Outcome::Found { object }) },
    })
}

async fn write(
    cluster: &dyn ClusterBackend,
    live: &LiveCache,
    at: &ObjectRef,
    write: &Write,
) -> cluster::Result<Executed> {
    let name = format!("{}/{}", at.kind.kind, at.name);
    if write.dry_run {
        // A dry run is on our side only, as in Argo CD: what the object needs on the server may not be there yet.
        let known = cluster.catalog(false).await?.get(&at.kind).is_some();
        return if known {
            Ok(Executed::of(Outcome::done(format!("{name} configured (dry run)"))))
        } else {
            Err(ClusterError::UnknownKind { kind: at.kind.clone() })
        };
    }
    // What a watch would have told of is not looked for; a creation that comes second is an apply after all.
    let missing = matches!(live.look(at, Detail::Stub), Known::Missing);
    if missing && write.method == WriteMethod::Apply && write.server_side.is_none() {
        let options = WriteOptions { expect_missing: true, ..options(write) };
        let after = cluster.apply(&write.manifest, ApplyMode::ClientSide, &options).await?;
        return established_after(cluster, at, write, after, (true, "created")).await;
    }
    let before = cluster.get(at).await?;
    let after = match send(cluster, write, before.as_ref()).await {
        Err(error) if write.force && error.is_invalid() && before.is_some() => {
            cluster.delete(at, cluster::Propagation::Background, &options(write)).await?;
            cluster.create(&write.manifest, &options(write)).await?
        }
        other => other?,
    };
    let (changed, verb) = match &before {
        None => (true, "created"),
        Some(before) if version(before) == version(&after) => (false, "unchanged"),
        Some(_) => (true, if write.method == WriteMethod::Apply { "configured" } else { "replaced" }),
    };
    let verb = if write.server_side.is_some() { "serverside-applied" } else { verb };
    established_after(cluster, at, write, after, (changed, verb)).await
}

/// Ends a write, after the wait for a CRD.
async fn established_after(
    cluster: &dyn ClusterBackend,
    at: &ObjectRef,
    write: &Write,
    after: Manifest,
    (changed, verb): (bool, &str),
) -> cluster::Result<Executed> {
    if write.await_established {
        await_established(cluster, at).await?;
    }
    Ok(Executed {
        outcome: Outcome::done(format!("{}/{} {verb}", at.kind.kind, at.name)),
        object: Some(after),
        changed,
        new_kinds: write.await_established,
    })
}

async fn send(cluster: &dyn ClusterBackend, write: &Write, before: Option<&Manifest>) -> cluster::Result<Manifest> {
    let options = options(write);
    match (write.method, before) {
        (WriteMethod::Create, _) | (WriteMethod::Replace | WriteMethod::Update, None) => {
            cluster.create(&write.manifest, &options).await
        }
        (WriteMethod::Replace | WriteMethod::Update, Some(live)) => {
            let mut object = write.manifest.clone();
            // Replacing needs the version it replaces, and Kubernetes refuses to change these two.
            for pointer in ["resourceVersion", "uid"] {
                if let (Some(value), Some(metadata)) = (
                    live.value().pointer(&format!("/metadata/{pointer}")).cloned(),
                    object.value_mut().pointer_mut("/metadata").and_then(Value::as_object_mut),
                ) {
                    metadata.insert(pointer.into(), value);
                }
            }
            cluster.replace(&object, &options).await
        }
        (WriteMethod::Apply, _) => {
            let mode =
                if write.server_side.is_some() { ApplyMode::ServerSide { force: true } } else { ApplyMode::ClientSide };
            let object = if write.server_side.is_some() {
                without_last_applied(&write.manifest)
            } else {
                write.manifest.clone()
            };
            cluster.apply(&object, mode, &options).await
        }
    }
}

fn options(write: &Write) -> WriteOptions {
    WriteOptions {
        field_manager: write.server_side.clone().unwrap_or_else(|| MANAGER.into()),
        dry_run: false,
        // Argo CD's apply leaves the server at its default, which drops unknown fields with a warning; only what it
        // creates is checked strictly.
        strict: write.validate && write.method == WriteMethod::Create,
        expect_missing: false,
    }
}

/// A server-side apply must not carry the annotation of the other kind of apply.
fn without_last_applied(manifest: &Manifest) -> Manifest {
    let mut object = manifest.clone();
    if let Some(Value::Object(entries)) = object.value_mut().pointer_mut("/metadata/annotations") {
        entries.remove(annotations::LAST_APPLIED);
    }
    object
}

fn version(object: &Manifest) -> Option<&str> {
    object.value().pointer("/metadata/resourceVersion").and_then(Value::as_str)
}

async fn await_established(cluster: &dyn ClusterBackend, at: &ObjectRef) -> cluster::Result<()> {
    let deadline = tokio::time::Instant::now() + ESTABLISH;
    let mut wait = FIRST_LOOK;
    loop {
        let crd = cluster.get(at).await?.filter(established);
        let over = tokio::time::Instant::now() >= deadline;
        if crd.is_some() || over {
            // A real API server lists an established kind in its discovery a moment later.
            let catalog = cluster.catalog(true).await?;
            if over || crd.is_some_and(|crd| served(&crd).all(|kind| catalog.get(&kind).is_some())) {
                return Ok(());
            }
        }
        tokio::time::sleep(wait).await;
        wait *= 2;
    }
}

/// The kinds that a CRD serves.
fn served(crd: &Manifest) -> impl Iterator<Item = GroupVersionKind> + '_ {
    let text = |pointer: &str| crd.value().pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (group, kind) = (text("/spec/group"), text("/spec/names/kind"));
    let versions = crd.value().pointer("/spec/versions").and_then(Value::as_array).into_iter().flatten();
    versions
        .filter(|version| version["served"] == true)
        .filter_map(|version| version["name"].as_str())
        .map(move |version| GroupVersionKind::parse(&format!("{group}/{version}"), kind))
}

fn established(crd: &Manifest) -> bool {
    let conditions = crd.value().pointer("/status/conditions").and_then(Value::as_array);
    conditions.into_iter().flatten().any(|c| c["type"] == "Established" && c["status"] == "True")
}

async fn delete(cluster: &dyn ClusterBackend, at: &ObjectRef, propagation: Propagation) -> cluster::Result<Executed> {
    if cluster.get(at).await?.is_none() {
        return Ok(Executed::of(Outcome::NotFound));
    }
    let propagation = match propagation {
        Propagation::Foreground => cluster::Propagation::Foreground,
        Propagation::Background => cluster::Propagation::Background,
        Propagation::Orphan => cluster::Propagation::Orphan,
    };
    cluster.delete(at, propagation, &WriteOptions::default()).await?;
    let object = cluster.get(at).await?;
    Ok(Executed { object, changed: true, ..Executed::of(Outcome::done("pruned")) })
}

async fn remove_finalizer(cluster: &dyn ClusterBackend, at: &ObjectRef, finalizer: &str) -> cluster::Result<Executed> {
    for _ in 0..CONFLICTS {
        let Some(live) = cluster.get(at).await? else { return Ok(Executed::of(Outcome::NotFound)) };
        let kept: Vec<Value> = live
            .value()
            .pointer("/metadata/finalizers")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter(|f| f.as_str() != Some(finalizer))
            .cloned()
            .collect();
        let patch = Patch::Merge(json!({"metadata": {"finalizers": kept, "resourceVersion": version(&live)}}));
        match cluster
            .patch(at, None, &patch, &WriteOptions { field_manager: MANAGER.into(), ..WriteOptions::default() })
            .await
        {
            Err(error) if error.is_conflict() => {}
            Err(error) if error.is_not_found() => return Ok(Executed::of(Outcome::NotFound)),
            other => {
                let object = Some(other?);
                return Ok(Executed { object, changed: true, ..Executed::of(Outcome::done("finalizer removed")) });
            }
        }
    }
    Ok(Executed::of(Outcome::failed("the object kept changing while its finalizer was being removed")))
}

/// Turns the `Update` entries of one client-side manager into an `Apply` entry of the server-side one, as client-go's
/// `csaupgrade` does, so that the next apply may drop fields which that manager had set.
async fn migrate(cluster: &dyn ClusterBackend, at: &ObjectRef, from: &str, to: &str) -> cluster::Result<Executed> {
    let Some(live) = cluster.get(at).await? else { return Ok(Executed::of(Outcome::NotFound)) };
    let entries =
        live.value().pointer("/metadata/managedFields").and_then(Value::as_array).cloned().unwrap_or_default();
    let is_from = |entry: &Value| {
        entry["manager"] == from && entry["operation"] == "Update" && entry.get("subresource").is_none()
    };
    if !entries.iter().any(is_from) {
        return Ok(Executed::of(Outcome::done("nothing to migrate")));
    }
    let is_to =
        |entry: &Value| entry["manager"] == to && entry["operation"] == "Apply" && entry.get("subresource").is_none();
    let mut fields = json!({});
    let mut kept = Vec::new();
    let mut target: Option<Value> = None;
    for mut entry in entries {
        let migrate = is_from(&entry);
        if migrate || is_to(&entry) {
            merge_fields(&mut fields, entry["fieldsV1"].take());
            if target.is_none() || !migrate {
                target = Some(entry);
            }
        } else {
            kept.push(entry);
        }
    }
    if let Some(mut target) = target {
        target["manager"] = to.into();
        target["operation"] = "Apply".into();
        target["fieldsV1"] = fields;
        kept.push(target);
    }
    let patch = Patch::Json(json!([
        {"op": "replace", "path": "/metadata/managedFields", "value": kept},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version(&live)},
    ]));
    let object =
        cluster.patch(at, None, &patch, &WriteOptions { field_manager: to.into(), ..WriteOptions::default() }).await?;
    Ok(Executed { object: Some(object), changed: true, ..Executed::of(Outcome::done("managed fields migrated")) })
}

/// The union of two field sets.
fn merge_fields(into: &mut Value, from: Value) {
    let (Value::Object(into), Value::Object(from)) = (into, from) else { return };
    for (key, inner) in from {
        merge_fields(into.entry(key).or_insert_with(|| json!({})), inner);
    }
}
