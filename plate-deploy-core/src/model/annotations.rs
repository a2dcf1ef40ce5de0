//! Every annotation, label and finalizer name that Argo CD, Helm or Kubernetes give a meaning to, in one place.

/// Argo CD's tracking id: `<app>:<group>/<kind>:<namespace>/<name>`.
pub const TRACKING_ID: &str = "argocd.argoproj.io/tracking-id";
/// The id of the Argo CD installation that tracks an object.
pub const INSTALLATION_ID: &str = "argocd.argoproj.io/installation-id";
/// Argo CD's default tracking label.
pub const INSTANCE_LABEL: &str = "app.kubernetes.io/instance";
/// Sync options of one resource, comma separated.
pub const SYNC_OPTIONS: &str = "argocd.argoproj.io/sync-options";
/// Sync wave (an integer).
pub const SYNC_WAVE: &str = "argocd.argoproj.io/sync-wave";
/// Argo CD hook types, comma separated.
pub const HOOK: &str = "argocd.argoproj.io/hook";
/// Argo CD hook delete policies, comma separated.
pub const HOOK_DELETE_POLICY: &str = "argocd.argoproj.io/hook-delete-policy";
/// Comparison options of one resource, comma separated.
pub const COMPARE_OPTIONS: &str = "argocd.argoproj.io/compare-options";
/// Differences to ignore on one resource.
pub const IGNORE_DIFFERENCES: &str = "argocd.argoproj.io/ignore-differences";
/// Approval of `Prune=confirm` / `Delete=confirm` (an RFC 3339 time).
pub const DELETION_APPROVED: &str = "argocd.argoproj.io/deletion-approved";
/// Asks Argo CD for a refresh: `normal` or `hard`.
pub const REFRESH: &str = "argocd.argoproj.io/refresh";
/// Helm hook types.
pub const HELM_HOOK: &str = "helm.sh/hook";
/// Helm hook weight.
pub const HELM_HOOK_WEIGHT: &str = "helm.sh/hook-weight";
/// Helm hook delete policies.
pub const HELM_HOOK_DELETE_POLICY: &str = "helm.sh/hook-delete-policy";
/// Helm's `keep` policy.
pub const HELM_RESOURCE_POLICY: &str = "helm.sh/resource-policy";
/// kubectl's last applied configuration.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Deleting the Application deletes its resources.
pub const RESOURCES_FINALIZER: &str = "resources-finalizer.argocd.argoproj.io";
/// Keeps a hook until its result was seen.
pub const HOOK_FINALIZER: &str = "argocd.argoproj.io/hook-finalizer";
/// Asks for a foreground deletion of the Application's resources.
pub const FOREGROUND_FINALIZER: &str = "resources-finalizer.argocd.argoproj.io/foreground";
/// Asks for a background deletion of the Application's resources.
pub const BACKGROUND_FINALIZER: &str = "resources-finalizer.argocd.argoproj.io/background";
/// The client-side field manager that a server-side apply takes over from.
pub const MIGRATION_MANAGER: &str = "argocd.argoproj.io/client-side-apply-migration-manager";
/// Ours: the Applications that must be Synced and Healthy before this one is synced, comma separated.
pub const DEPENDS_ON: &str = "plate-deploy.dev/depends-on";
/// Ours: a hold on an Application, as JSON (`by`, `why`, `since`, `revision`).
pub const HOLD: &str = "plate-deploy.dev/hold";
