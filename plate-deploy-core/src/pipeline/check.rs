//! Check: may we do what the plan says, and would the server take it? Asked before the first write.
//!
//! Permissions are asked with SelfSubjectAccessReview, once for each verb, resource and namespace of the plan. Then every
//! object that is created or changed is sent as a server-side dry run: fields that cannot be changed, quotas and admission
//! webhooks say no now rather than half-way through.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream;

use super::validate::render_all;
use super::{Run, Stage, StageDone, StageError, Verb, library_application};
use crate::cluster::{AccessRequest, ApiCatalog, ApplyMode, ClusterError, ObjectRef, WriteOptions};
use crate::driver::Target;
use crate::model::{Manifest, ResourceKey, annotations};
use crate::report::{Action, Diagnostic, Severity};

/// Questions to the server at the same time.
const PARALLEL: usize = 16;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Check;

#[async_trait]
impl Stage for Check {
    fn name(&self) -> &str {
        "check"
    }

    async fn run(&self, run: &mut Run) -> Result<StageDone, StageError> {
        let Some(plan) = run.plan.as_ref() else {
            return Err(StageError::failed("this stage needs the plan stage to run first"));
        };
        let changes: BTreeMap<ResourceKey, Action> = plan.changes().map(|c| (c.key.clone(), c.action)).collect();
        if changes.is_empty() {
            return Ok(StageDone::skipped("nothing to check"));
        }
        let catalog = run.services.cluster.catalog(false).await.map_err(StageError::failed)?;
        let asked = permissions(run, &changes, &catalog).await?;
        let tried = if matches!(run.request.verb, Verb::Delete { .. }) { 0 } else { dry_run(run, &changes).await? };
        Ok(StageDone::done(format!("{asked} permissions granted, {tried} objects accepted by the server's dry run")))
    }
}

/// Asks for everything the plan needs; how many questions it took.
async fn permissions(
    run: &Run,
    changes: &BTreeMap<ResourceKey, Action>,
    catalog: &ApiCatalog,
) -> Result<usize, StageError> {
    let mut requests: BTreeSet<AccessRequest> = BTreeSet::new();
    for (key, action) in changes {
        // What the cluster does not serve yet, a library of this run may bring.
        let Some(kind) = catalog.preferred(&key.group_kind()) else { continue };
        let verbs: &[&str] = match action {
            Action::Create => &["create"],
            Action::Update => &["patch"],
            Action::Prune => &["delete"],
            Action::Hook => &["create", "delete"],
            Action::KeepExtra => &[],
        };
        requests.extend(verbs.iter().map(|verb| AccessRequest {
            verb: (*verb).into(),
            group: key.group.clone(),
            resource: kind.plural.clone(),
            namespace: if kind.namespaced { key.namespace.clone() } else { String::new() },
        }));
    }
    let lease = |verb: &str| AccessRequest {
        verb: verb.into(),
        group: "coordination.k8s.io".into(),
        resource: "leases".into(),
        namespace: run.services.safety.lock.namespace.clone(),
    };
    requests.extend(["create", "get", "update"].map(lease));
    let count = requests.len();
    let answers = stream::iter(requests.into_iter().map(|request| async {
        let answer = run.services.cluster.access(&request).await;
        (request, answer)
    }));
    let answers: Vec<_> = answers.buffered(PARALLEL).collect().await;
    let mut denied = Vec::new();
    for (request, answer) in answers {
        let answer = answer.map_err(StageError::failed)?;
        if !answer.allowed {
            denied.push(denial(&request, &answer.reason));
        }
    }
    if denied.is_empty() {
        return Ok(count);
    }
    let message = format!("{} of {count} permissions are missing; nothing was written", denied.len());
    let remedy = "have an administrator grant them with a Role (or ClusterRole) and a binding";
    Err(StageError { findings: denied, ..StageError::refused(message).remedy(remedy) })
}

fn denial(request: &AccessRequest, reason: &str) -> Diagnostic {
    let resource = if request.group.is_empty() {
        request.resource.clone()
    } else {
        format!("{}.{}", request.resource, request.group)
    };
    let place = match request.namespace.as_str() {
        "" => "cluster-wide".to_owned(),
        namespace => format!("in {namespace}"),
    };
    let reason = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
    let message = format!("you may not {} {resource} {place}{reason}", request.verb);
    Diagnostic::new(Severity::Error, "permission-denied", message)
}

/// Sends what would be created or changed as a dry run; how many objects were accepted.
async fn dry_run(run: &Run, changes: &BTreeMap<ResourceKey, Action>) -> Result<usize, StageError> {
    let mut targets: Vec<Target> = run.targets.clone();
    targets.extend(library_targets(run).await?);
    let catalog = run.services.cluster.catalog(false).await.map_err(StageError::failed)?;
    let mut objects = Vec::new();
    for target in &targets {
        for manifest in &target.rendered.manifests {
            let mut object = manifest.clone();
            if catalog.namespaced(&object.gvk().group_kind()) == Some(true) && object.namespace().is_empty() {
                object.set_namespace(target.namespace());
            }
            let touched = matches!(changes.get(&object.key()), Some(Action::Create | Action::Update));
            if touched && !replaces(target, &object) {
                objects.push((target.name().to_owned(), server_side(target, &object), object));
            }
        }
    }
    let cluster = Arc::clone(&run.services.cluster);
    let tries = stream::iter(objects.into_iter().map(|(application, server_side, object)| {
        let cluster = Arc::clone(&cluster);
        async move {
            let options = WriteOptions {
                field_manager: "argocd-controller".into(),
                dry_run: true,
                ..WriteOptions::default()
            };
            let mode = if server_side { ApplyMode::ServerSide { force: true } } else { ApplyMode::ClientSide };
            let answer = cluster.apply(&object, mode, &options).await;
            (application, ObjectRef::of(&object), answer.err())
        }
    }));
    let answers: Vec<_> = tries.buffered(PARALLEL).collect().await;
    let count = answers.len();
    let refused: Vec<Diagnostic> = answers
        .into_iter()
        .filter_map(|(application, at, error)| Some(refusal(&application, &at, &error.filter(is_final)?)))
        .collect();
    if refused.is_empty() {
        return Ok(count);
    }
    let message = format!("the server would not take {} of {count} objects; nothing was written", refused.len());
    Err(StageError { findings: refused, ..StageError::refused(message).remedy("change them in Git, and deploy again") })
}

async fn library_targets(run: &Run) -> Result<Vec<Target>, StageError> {
    let prepared = run.prepared()?;
    let url = &prepared.workspace.repo_url;
    let libraries: Vec<_> = prepared
        .selection
        .libraries
        .iter()
        .flat_map(|layer| &layer.libraries)
        .map(|library| library_application(library, url))
        .collect();
    Ok(render_all(&run.services, &prepared.repository(&run.revision), &libraries).await?.targets)
}

/// Whether the answer will be the same later. A namespace or a kind that is missing may be brought by this very run, and
/// no answer at all is no refusal.
fn is_final(error: &ClusterError) -> bool {
    match error {
        ClusterError::Api { code, reason, message, .. } => match code {
            422 => true,
            // A quota, or an admission webhook.
            403 => !message.contains("not found") && !message.contains("being terminated"),
            400 => reason != "NotFound" && !message.contains("failed calling webhook"),
            _ => false,
        },
        ClusterError::Merge { .. } => true,
        _ => false,
    }
}

fn refusal(application: &str, at: &ObjectRef, error: &ClusterError) -> Diagnostic {
    let text = match error {
        ClusterError::Api { message, .. } => message.clone(),
        other => other.to_string(),
    };
    let (code, remedy) = if text.contains("exceeded quota") {
        ("quota", "ask for less, remove something, or have the quota raised")
    } else if text.contains("immutable") || text.contains("updates to") || text.contains("Forbidden: ") {
        (
            "immutable-field",
            "the field cannot be changed: rename the object, or let it be replaced (the annotation \
             argocd.argoproj.io/sync-options: Replace=true,Force=true on it)",
        )
    } else {
        ("dry-run", "")
    };
    Diagnostic::new(Severity::Error, code, format!("{application}: {}: {text}", at.key())).remedy(remedy)
}

/// Sync options of the Application and of the object.
fn has_option(target: &Target, object: &Manifest, option: &str) -> bool {
    let policy = target.application.spec.sync_policy.as_ref();
    let of_object = object.annotation(annotations::SYNC_OPTIONS).unwrap_or_default();
    policy.is_some_and(|policy| policy.sync_options.iter().any(|o| o == option))
        || of_object.split(',').any(|o| o.trim() == option)
}

fn replaces(target: &Target, object: &Manifest) -> bool {
    has_option(target, object, "Replace=true") || has_option(target, object, "Force=true")
}

fn server_side(target: &Target, object: &Manifest) -> bool {
    has_option(target, object, "ServerSideApply=true") && !has_option(target, object, "ServerSideApply=false")
}
