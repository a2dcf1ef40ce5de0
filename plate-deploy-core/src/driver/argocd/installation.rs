//! Finding Argo CD in a cluster, and telling from evidence whether it works.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::cluster::{ClusterError, ClusterReader, ListOptions, ObjectRef};
use crate::driver::app_status::LiveApplication;
use crate::model::{GroupKind, GroupVersionKind, Manifest, ResourceKey};
use crate::report::{Diagnostic, Severity};

/// Group of Argo CD's kinds.
const GROUP: &str = "argoproj.io";
/// The parts without which nothing is deployed, by the name label that the official manifests and chart give them.
const COMPONENTS: &[(&str, &str)] = &[
    ("argocd-application-controller", "application-controller"),
    ("argocd-repo-server", "repo-server"),
    ("argocd-redis", "redis"),
];
/// Argo CD's default `timeout.reconciliation`, and the jitter on top of it.
const RECONCILIATION: Duration = Duration::from_secs(120 + 60);
/// Reconciliations that may be missed before the controller counts as standing still.
const MISSED: u32 = 3;

/// An Argo CD in a cluster.
#[derive(Clone, Debug)]
pub struct Installation {
    /// Where its settings, projects and (by default) Applications live.
    pub namespace: String,
    /// From the controller's image tag or version label, e.g. `v3.6.1`.
    pub version: Option<String>,
    /// Its controller, repo-server and redis, where they run in this cluster.
    pub components: Vec<Component>,
    /// Applications in its namespace.
    pub applications: usize,
    /// When it last compared any of them with Git.
    pub reconciled_at: Option<Timestamp>,
    /// How long it may take to come round to an Application again before it counts as standing still.
    pub stale_after: Duration,
}

/// One of Argo CD's workloads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// `application-controller`, `repo-server`, `redis`.
    pub name: &'static str,
    /// The workload.
    pub key: ResourceKey,
    /// Pods it shall have.
    pub wanted: i64,
    /// Pods that are ready.
    pub ready: i64,
}

impl Installation {
    /// Looks for Argo CD; `namespace`: only there. `None` when the cluster does not serve its kinds, or there is neither
    /// a controller, nor its settings, nor an Application that a controller ever looked at.
    ///
    /// # Errors
    /// When the cluster cannot be read. What the user may not read is not evidence.
    pub async fn find(cluster: &dyn ClusterReader, namespace: Option<&str>) -> Result<Option<Self>, ClusterError> {
        let catalog = cluster.catalog(false).await?;
        let Some(kind) = catalog.preferred(&GroupKind { group: GROUP.into(), kind: "Application".into() }) else {
            return Ok(None);
        };
        let applications = list(cluster, &kind.kind, namespace, "").await?;
        let live: Vec<LiveApplication> =
            applications.iter().filter_map(|object| LiveApplication::read(object).ok()).collect();
        let workloads = workloads(cluster, namespace).await?;
        let settings = settings(cluster, namespace).await?;
        let reconciled_at = live.iter().filter_map(|app| app.status.reconciled_at).max();
        let home = workloads
            .first()
            .map(|found| found.component.key.namespace.clone())
            .or_else(|| settings.as_ref().map(|map| map.namespace().to_owned()))
            .or_else(|| {
                let served = live.iter().find(|app| app.status.reconciled_at.is_some())?;
                let controller = &served.status.controller_namespace;
                let own = &served.application.metadata.namespace;
                Some(if controller.is_empty() { own.clone() } else { controller.clone() })
            });
        let Some(namespace) = home else { return Ok(None) };
        let controller = workloads.iter().find(|found| found.component.name == "application-controller");
        let version = controller.and_then(|found| found.version.clone());
        let reconciliation = settings.as_ref().and_then(|map| string(map, &["data", "timeout.reconciliation"]));
        Ok(Some(Self {
            version,
            applications: live.iter().filter(|app| app.application.metadata.namespace == namespace).count(),
            reconciled_at,
            stale_after: MISSED * period(reconciliation.as_deref()),
            components: workloads
                .into_iter()
                .map(|found| found.component)
                .filter(|component| component.key.namespace == namespace)
                .collect(),
            namespace,
        }))
    }

    /// Why it cannot deploy anything now, with evidence; empty when it seems to work. A controller that does not run in
    /// this cluster is judged by what it writes.
    #[must_use]
    pub fn problems(&self, now: Timestamp) -> Vec<Diagnostic> {
        let mut problems: Vec<Diagnostic> = self
            .components
            .iter()
            .filter(|component| component.ready == 0)
            .map(|component| {
                let Component { name, key, wanted, .. } = component;
                let text = format!("Argo CD's {name} is down: {key} has 0 of {wanted} pods ready");
                down(text).remedy(if *wanted == 0 {
                    format!(
                        "it is scaled to nothing: kubectl -n {} scale {}/{} --replicas 1",
                        key.namespace,
                        key.kind.to_lowercase(),
                        key.name
                    )
                } else {
                    format!("kubectl -n {} describe {}/{}", key.namespace, key.kind.to_lowercase(), key.name)
                })
            })
            .collect();
        if let Some(reconciled_at) = self.reconciled_at.filter(|_| problems.is_empty()) {
            let idle = now.duration_since(reconciled_at);
            if idle.unsigned_abs() > self.stale_after && !idle.is_negative() {
                let text = format!(
                    "Argo CD has not looked at any of its {} Applications for {} minutes (last at {reconciled_at}; it should every {} minutes at most)",
                    self.applications,
                    idle.as_mins(),
                    self.stale_after.as_secs() / 60,
                );
                problems.push(down(text).remedy(format!(
                    "look at the controller's log in namespace {}, or deploy past it with --driver embedded",
                    self.namespace
                )));
            }
        }
        problems
    }
}

fn down(text: String) -> Diagnostic {
    Diagnostic::new(Severity::Error, "argocd-down", text)
}

/// A workload of Argo CD, and the version its image tells.
struct Found {
    component: Component,
    version: Option<String>,
}

async fn workloads(cluster: &dyn ClusterReader, namespace: Option<&str>) -> Result<Vec<Found>, ClusterError> {
    let mut found = Vec::new();
    for kind in ["StatefulSet", "Deployment"] {
        let kind = GroupVersionKind::parse("apps/v1", kind);
        for object in list(cluster, &kind, namespace, "app.kubernetes.io/part-of=argocd").await? {
            let label = object.label("app.kubernetes.io/name").unwrap_or_default().to_owned();
            let part = object.label("app.kubernetes.io/component").unwrap_or_default().to_owned();
            // The chart may name everything after its release; the component label stays.
            let Some((_, name)) = COMPONENTS.iter().find(|(full, short)| label == *full || part == *short) else {
                continue;
            };
            let number =
                |path: &str, default: i64| object.value().pointer(path).and_then(Value::as_i64).unwrap_or(default);
            let component = Component {
                name,
                key: object.key(),
                wanted: number("/spec/replicas", 1),
                ready: number("/status/readyReplicas", 0),
            };
            found.push(Found { component, version: version(&object) });
        }
    }
    // The controller's namespace decides where Argo CD lives.
    found.sort_by_key(|found| found.component.name != "application-controller");
    Ok(found)
}

fn version(workload: &Manifest) -> Option<String> {
    let image = workload.value().pointer("/spec/template/spec/containers/0/image").and_then(Value::as_str)?;
    let without_digest = image.split('@').next().unwrap_or(image);
    let tag = without_digest.rsplit('/').next()?.split_once(':').map(|(_, tag)| tag.to_owned());
    tag.or_else(|| workload.label("app.kubernetes.io/version").map(str::to_owned))
}

/// `argocd-cm`.
async fn settings(cluster: &dyn ClusterReader, namespace: Option<&str>) -> Result<Option<Manifest>, ClusterError> {
    let kind = GroupVersionKind::parse("v1", "ConfigMap");
    if let Some(namespace) = namespace {
        let at = ObjectRef { kind, namespace: namespace.into(), name: "argocd-cm".into() };
        return cluster.get(&at).await;
    }
    let mut maps = list(cluster, &kind, None, "app.kubernetes.io/part-of=argocd").await?;
    maps.retain(|map| map.name() == "argocd-cm");
    Ok(maps.into_iter().next())
}

async fn list(
    cluster: &dyn ClusterReader,
    kind: &GroupVersionKind,
    namespace: Option<&str>,
    labels: &str,
) -> Result<Vec<Manifest>, ClusterError> {
    let options =
        ListOptions { namespace: namespace.map(str::to_owned), labels: labels.into(), ..ListOptions::default() };
    match cluster.list(kind, &options).await {
        Ok(list) => Ok(list.items),
        Err(error) if error.is_forbidden() || error.is_not_found() || error.is_unknown_kind() => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn string(object: &Manifest, path: &[&str]) -> Option<String> {
    let found = path.iter().try_fold(object.value(), |value, field| value.get(field))?;
    found.as_str().map(str::to_owned)
}

/// `timeout.reconciliation` as Argo CD reads it; `0` (never) leaves the default, because refreshes by webhook say
/// nothing about how long is too long.
fn period(setting: Option<&str>) -> Duration {
    let parsed = setting.and_then(|text| text.parse::<crate::model::GoDuration>().ok());
    let nanos = parsed.map_or(0, |duration| u64::try_from(duration.nanoseconds()).unwrap_or(0));
    if nanos == 0 { RECONCILIATION } else { Duration::from_nanos(nanos) + Duration::from_secs(60) }
}
