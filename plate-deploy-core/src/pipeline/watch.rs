//! Watches pods during a sync, so that a wait which is in vain ends early and says why.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::mask::Masker;
use super::pods::{Trouble, Workloads, is_ready, no_pods, owner, restarts, trouble};
use super::request::VerifyOptions;
use crate::cluster::{ClusterReader, ListOptions, LogOptions};
use crate::driver::Target;
use crate::model::{GroupVersionKind, Manifest, ResourceKey};
use crate::report::{Diagnostic, Severity};

/// Wait between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// Log lines in a report.
const LOG_LINES: usize = 10;
/// Events in a report.
const EVENTS: usize = 5;

/// The pods of some Applications.
#[derive(Debug)]
pub(super) struct PodWatch<'a> {
    cluster: &'a dyn ClusterReader,
    workloads: Workloads,
    options: &'a VerifyOptions,
}

/// What one look found.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// What cannot start.
    pub(super) troubles: Vec<Trouble>,
    /// Pods of the new state: how often each restarted.
    pub(super) restarts: BTreeMap<ResourceKey, (String, u64)>,
    /// Pods of the new state that are not ready.
    pub(super) not_ready: Vec<(String, ResourceKey)>,
}

impl<'a> PodWatch<'a> {
    /// Of rendered Applications.
    pub(super) fn new(cluster: &'a dyn ClusterReader, targets: &[Target], options: &'a VerifyOptions) -> Self {
        Self { cluster, workloads: Workloads::of(targets), options }
    }

    /// Returns when something cannot start for longer than the options allow; else never.
    pub(super) async fn until_hopeless(&self) -> Vec<Trouble> {
        let mut since: BTreeMap<(ResourceKey, String), Instant> = BTreeMap::new();
        loop {
            tokio::time::sleep(LOOK_AGAIN).await;
            // A cluster that cannot be asked is the sync's own failure.
            let look = self.look().await;
            let now = Instant::now();
            // A crash loop alternates between running and waiting: what was seen once counts until the pod is ready or gone.
            since.retain(|(key, _), _| {
                look.not_ready.iter().any(|(_, pod)| pod == key) || look.troubles.iter().any(|t| t.key == *key)
            });
            let mut hopeless = Vec::new();
            for found in look.troubles {
                let first = *since.entry((found.key.clone(), found.container.clone())).or_insert(now);
                if now.duration_since(first) >= self.options.fail_after {
                    hopeless.push(found);
                }
            }
            if !hopeless.is_empty() {
                return hopeless;
            }
        }
    }

    /// Looks once. What cannot be listed is left out.
    pub(super) async fn look(&self) -> Look {
        let mut look = Look::default();
        for namespace in &self.workloads.namespaces {
            let sets = self.list("apps/v1", "ReplicaSet", namespace).await;
            let by_name: BTreeMap<String, &Manifest> =
                sets.iter().map(|set| (format!("{namespace}/{}", set.name()), set)).collect();
            for pod in &self.list("v1", "Pod", namespace).await {
                if pod.value().pointer("/metadata/deletionTimestamp").is_some() {
                    continue;
                }
                let Some(application) = self.workloads.application(pod, &by_name) else { continue };
                look.troubles.extend(trouble(pod, application));
                look.restarts.insert(pod.key(), (application.to_owned(), restarts(pod)));
                if !is_ready(pod) {
                    look.not_ready.push((application.to_owned(), pod.key()));
                }
            }
            look.troubles.extend(sets.iter().filter_map(|set| self.starved(set)));
        }
        look
    }

    /// A ReplicaSet that gets no pods, in the name of its Deployment.
    fn starved(&self, set: &Manifest) -> Option<Trouble> {
        let (reason, message) = no_pods(set)?;
        let key = match owner(set) {
            Some((kind, name)) => ResourceKey { kind, name, ..set.key() },
            None => set.key(),
        };
        let application = self.workloads.of_workload(&key)?.to_owned();
        Some(Trouble { application, key, container: String::new(), reason, message })
    }

    async fn list(&self, version: &str, kind: &str, namespace: &str) -> Vec<Manifest> {
        let options = ListOptions { namespace: Some(namespace.into()), ..ListOptions::default() };
        let found = self.cluster.list(&GroupVersionKind::parse(version, kind), &options).await;
        found.map(|list| list.items).unwrap_or_default()
    }
}

/// A finding with the latest events and the last lines of the log; what looks like a secret is masked.
pub(super) async fn explain(cluster: &dyn ClusterReader, trouble: &Trouble) -> Diagnostic {
    let namespace = &trouble.key.namespace;
    let masker = Masker::for_namespace(cluster, namespace).await;
    let container = if trouble.container.is_empty() { String::new() } else { format!(" container {}", trouble.container) };
    let mut text = format!("{}{container}: {}: {}", trouble.key, trouble.reason, trouble.message);
    for event in events(cluster, &trouble.key).await {
        text.push_str(&format!("\n      event {event}"));
    }
    if trouble.key.kind == "Pod" && !trouble.container.is_empty() {
        for previous in [false, true] {
            let options = LogOptions { container: trouble.container.clone(), lines: LOG_LINES, previous };
            let log = cluster.pod_log(namespace, &trouble.key.name, &options).await.unwrap_or_default();
            let name = if previous { "log (before its last restart)" } else { "log" };
            log.lines().rev().take(LOG_LINES).collect::<Vec<_>>().iter().rev().for_each(|line| {
                text.push_str(&format!("\n      {name}: {line}"));
            });
        }
    }
    let finding = Diagnostic::new(Severity::Error, "pod-failed", masker.mask(&text));
    finding.remedy(remedy(&trouble.reason))
}

fn remedy(reason: &str) -> &'static str {
    match reason {
        "ImagePullBackOff" | "ErrImagePull" | "InvalidImageName" | "ErrImageNeverPull" | "RegistryUnavailable" => {
            "check that the image and its tag exist and that the namespace has the registry's pull secret"
        }
        "CrashLoopBackOff" | "RunContainerError" => "read the log above; the container ends right after its start",
        "CreateContainerConfigError" | "CreateContainerError" => "check the ConfigMaps and Secrets that the pod names",
        "Unschedulable" => "no node fits: check requests, selectors, taints and volumes, or add a node",
        "FailedCreate" => "the pod may not be created: check quotas, limits and admission policies",
        _ => "",
    }
}

/// The latest events about an object, the latest last.
async fn events(cluster: &dyn ClusterReader, key: &ResourceKey) -> Vec<String> {
    let options = ListOptions {
        namespace: Some(key.namespace.clone()),
        fields: format!("involvedObject.name={}", key.name),
        ..ListOptions::default()
    };
    let Ok(list) = cluster.list(&GroupVersionKind::parse("v1", "Event"), &options).await else { return Vec::new() };
    let text = |event: &Manifest, pointer: &str| {
        event.value().pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let mut found: Vec<(String, String)> = list
        .items
        .iter()
        .filter(|event| text(event, "/involvedObject/name") == key.name)
        .map(|event| {
            let time = [text(event, "/lastTimestamp"), text(event, "/eventTime"), text(event, "/metadata/creationTimestamp")];
            let line = format!("{} {}: {}", text(event, "/type"), text(event, "/reason"), text(event, "/message"));
            (time.into_iter().find(|time| !time.is_empty()).unwrap_or_default(), line.trim().to_owned())
        })
        .collect();
    found.sort();
    let surplus = found.len().saturating_sub(EVENTS);
    found.into_iter().skip(surplus).map(|(_, line)| line).collect()
}
