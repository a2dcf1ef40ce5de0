//! What Argo CD's conditions and refusals mean, and what to do about them.

use crate::driver::app_status::{AppCondition, LiveApplication};
use crate::report::{Diagnostic, Severity};

/// Part of a message, and the remedy for it. The first that fits counts.
const REMEDIES: &[(&str, &str)] = &[
    (
        "authentication required",
        "give Argo CD the repository's credentials: argocd repo add URL --username … (or a Secret labelled argocd.argoproj.io/secret-type=repository)",
    ),
    ("repository not found", "check spec.source.repoURL and that Argo CD's credentials may read it"),
    (
        "unable to resolve",
        "spec.source.targetRevision names no branch, tag or commit of the repository: push it, or correct the name",
    ),
    (
        "app path does not exist",
        "spec.source.path is not in the repository at this revision: correct the path, or push the folder",
    ),
    (
        "no such file or directory",
        "a file that the Application names is not in the repository at this revision: plate-deploy lint finds which",
    ),
    ("values file", "a value file is missing or broken: plate-deploy lint finds which"),
    (
        "found in Chart.yaml, but missing in charts/",
        "vendor the chart's dependencies (helm dependency build) and commit them, or let the repo-server reach the chart repository",
    ),
    ("helm template", "render it here to see file and line: plate-deploy template APPLICATION"),
    ("failed to unmarshal manifest", "a manifest is not valid YAML: plate-deploy template APPLICATION shows which"),
    (
        "is not permitted in project",
        "add it to the AppProject (sourceRepos, destinations or the kind lists), or move the Application to another project",
    ),
    (
        "do not match any of the allowed destinations",
        "add the destination to the AppProject, or correct spec.destination",
    ),
    (
        "not allowed in project",
        "allow the kind in the AppProject (clusterResourceWhitelist, namespaceResourceWhitelist)",
    ),
    ("application references project", "create the AppProject, or correct spec.project"),
    ("there are no clusters with this name", "correct spec.destination.name, or add the cluster to Argo CD"),
    (
        "connection refused",
        "a part of Argo CD cannot be reached, most often its repo-server: kubectl -n NAMESPACE get pods; or deploy past it with --driver embedded",
    ),
    (
        "Unavailable desc",
        "a part of Argo CD cannot be reached, most often its repo-server: kubectl -n NAMESPACE get pods; or deploy past it with --driver embedded",
    ),
    ("failed to get cluster info", "Argo CD cannot reach the destination cluster: check its Secret and network"),
    (
        "the server could not find the requested resource",
        "the cluster does not serve a kind: deploy the library that brings its CRD first",
    ),
    ("exceeded quota", "raise the namespace's ResourceQuota, or ask for less"),
    (
        "field is immutable",
        "the change needs a new object: delete it first, or set the sync option Replace=true,Force=true on it",
    ),
    ("another operation is already in progress", "wait for it, or stop it: argocd app terminate-op APPLICATION"),
    ("auto-sync will wipe out all resources", "Git has no manifests for it: was the path moved? allowEmpty permits it"),
];

/// A condition as a finding.
pub(super) fn condition(app: &LiveApplication, condition: &AppCondition) -> Diagnostic {
    let severity = if condition.condition_type.ends_with("Error") { Severity::Error } else { Severity::Warning };
    let code = kebab(&condition.condition_type);
    let text = format!("{}: {}: {}", app.application.metadata.name, condition.condition_type, condition.message);
    Diagnostic::new(severity, code, text).remedy(remedy(app, &condition.message))
}

/// What to do about a message of Argo CD or of the API server behind it; `""` when nothing is known.
pub(super) fn remedy(app: &LiveApplication, message: &str) -> String {
    let lower = message.to_lowercase();
    let found = REMEDIES.iter().find(|(part, _)| lower.contains(&part.to_lowercase()));
    let metadata = &app.application.metadata;
    found
        .map(|(_, remedy)| remedy.replace("APPLICATION", &metadata.name).replace("NAMESPACE", &metadata.namespace))
        .unwrap_or_default()
}

/// `ComparisonError` → `comparison-error`.
fn kebab(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() && !text.is_empty() {
            text.push('-');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_explained() {
        let object = crate::model::Manifest::new(serde_json::json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": "shop", "namespace": "argocd"},
        }))
        .unwrap();
        let app = LiveApplication::read(&object).unwrap();
        let error = AppCondition {
            condition_type: "ComparisonError".into(),
            message: "Failed to load target state: rpc error: code = Unavailable desc = connection refused".into(),
            last_transition_time: None,
        };
        let finding = condition(&app, &error);
        assert_eq!((finding.severity, finding.code.as_str()), (Severity::Error, "comparison-error"));
        assert!(finding.remedy.contains("kubectl -n argocd get pods"), "{}", finding.remedy);
        assert_eq!(kebab("SharedResourceWarning"), "shared-resource-warning");
    }
}
