//! What is told of an Application in the end: Argo CD's own status, and findings with their remedies.

use super::{ArgoCdDriver, explain};
use crate::driver::Target;
use crate::driver::app_status::{LiveApplication, OperationState, SyncedResource};
use crate::model::{HealthStatus, OperationPhase, ResourceKey, ResultCode, SyncCode};
use crate::report::{ApplicationReport, Diagnostic, ResourceReport, Severity};

impl ArgoCdDriver {
    /// The report of an Application as the watch last saw it.
    pub(super) fn report(
        &self,
        target: &Target,
        app: Option<LiveApplication>,
        operation: Option<OperationState>,
        mut problems: Vec<Diagnostic>,
    ) -> ApplicationReport {
        let results: &[SyncedResource] =
            operation.as_ref().and_then(|state| state.sync_result.as_ref()).map_or(&[], |result| &result.resources);
        if let (Some(app), Some(state)) = (&app, &operation) {
            problems.extend(failures(app, state));
        }
        if let Some(app) = &app {
            let shown: Vec<String> = problems.iter().map(|problem| problem.message.clone()).collect();
            let new = app.status.conditions.iter().map(|condition| explain::condition(app, condition));
            problems.extend(new.filter(|problem| !shown.contains(&problem.message)));
        }
        let status = app.map(|app| app.status).unwrap_or_default();
        let message = |key: &ResourceKey| {
            let same = |r: &&SyncedResource| r.kind == key.kind && r.name == key.name && r.group == key.group;
            results.iter().find(same).map(|r| r.message.clone()).unwrap_or_default()
        };
        ApplicationReport {
            name: target.name().into(),
            namespace: target.namespace().into(),
            sync: status.sync.status,
            health: HealthStatus { status: status.health.status, message: status.health.message.clone() },
            operation: operation.as_ref().map(|state| state.phase),
            revision: if status.revision().is_empty() { target.revision.clone() } else { status.revision().into() },
            problems,
            resources: status
                .resources
                .iter()
                .filter(|resource| !resource.hook)
                .map(|resource| ResourceReport {
                    key: resource.key(),
                    sync: resource.status.unwrap_or_default(),
                    health: resource.health.clone(),
                    message: message(&resource.key()),
                })
                .collect(),
            written: results.iter().filter(|r| r.status == Some(ResultCode::Synced) && wrote(&r.message)).count(),
            pruned: results.iter().filter(|r| r.status == Some(ResultCode::Pruned)).count(),
        }
    }
}

/// Whether a result's message speaks of a change; Argo CD passes kubectl's words on.
fn wrote(message: &str) -> bool {
    !message.trim_end().ends_with("unchanged")
}

/// Why an operation did not succeed.
fn failures(app: &LiveApplication, state: &OperationState) -> Vec<Diagnostic> {
    if matches!(state.phase, OperationPhase::Succeeded | OperationPhase::Running) {
        return Vec::new();
    }
    let failed = |r: &&SyncedResource| {
        r.status == Some(ResultCode::SyncFailed)
            || matches!(r.hook_phase, Some(OperationPhase::Failed | OperationPhase::Error))
    };
    let finding = |text: String, message: &str| {
        Diagnostic::new(Severity::Error, "sync-failed", text).remedy(explain::remedy(app, message))
    };
    let resources = state.sync_result.iter().flat_map(|result| &result.resources).filter(failed);
    let mut all: Vec<Diagnostic> =
        resources.map(|r| finding(format!("{}: {}", r.key(), r.message), &r.message)).collect();
    if all.is_empty() {
        all.push(finding(format!("{}: {}", app.application.metadata.name, state.message), &state.message));
    }
    all
}

/// What is worth knowing about an Application that Argo CD manages.
pub(super) fn notes(app: &LiveApplication) -> Vec<Diagnostic> {
    if app.application.spec.is_automated() {
        return Vec::new();
    }
    let name = &app.application.metadata.name;
    let text = format!(
        "automated sync of {name} is off: Argo CD deploys this revision because it was asked to, later ones not"
    );
    vec![Diagnostic::new(Severity::Info, "auto-sync-off", text)]
}

/// The report of an Application of which Argo CD says nothing about the revision to be deployed: what it said before does
/// not count.
pub(super) fn unknown(mut report: ApplicationReport) -> ApplicationReport {
    report.sync = SyncCode::Unknown;
    report
}

pub(super) fn out_of_time(target: &Target) -> Diagnostic {
    let text =
        format!("the time was over before {} had its turn: Applications of earlier waves took it", target.name());
    Diagnostic::new(Severity::Error, "out-of-time", text).remedy("see what they wait for, or give a longer --timeout")
}

pub(super) fn missing(key: &ResourceKey) -> Diagnostic {
    Diagnostic::new(
        Severity::Error,
        "application-missing",
        format!("there is no Application {} in {}", key.name, key.namespace),
    )
    .remedy("apply its manifest, or sync the app-of-apps that brings it")
}

pub(super) fn in_the_way(app: &LiveApplication) -> Diagnostic {
    let name = &app.application.metadata.name;
    let by = app.status.operation_state.as_ref().map(|state| &state.operation.initiated_by);
    let by = match by {
        Some(by) if by.automated => "automated sync".into(),
        Some(by) if !by.username.is_empty() => by.username.clone(),
        _ => "somebody".to_owned(),
    };
    let text = format!("another operation on {name}, started by {by}, did not end in time");
    Diagnostic::new(Severity::Error, "operation-in-progress", text)
        .remedy(format!("look at it with argocd app get {name}; argocd app terminate-op {name} stops it"))
}

pub(super) fn changed_elsewhere(target: &Target, now: &LiveApplication) -> Diagnostic {
    let name = target.name();
    let by = now.parent.as_ref().map(|parent| format!(" (its app-of-apps is {parent})")).unwrap_or_default();
    let text = format!("somebody else changed Application {name} while it was being deployed{by}");
    Diagnostic::new(Severity::Warning, "application-changed-elsewhere", text).remedy(format!(
        "change it in Git only; kubectl get application {name} --show-managed-fields -o yaml tells who wrote the spec"
    ))
}

pub(super) fn short(revision: &str) -> &str {
    revision.get(..7).unwrap_or(revision)
}
