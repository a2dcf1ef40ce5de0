//! What a cluster itself shows about a part that may fail.

use serde_json::Value;

use super::{Deployer, Related};
use crate::cluster::{ClusterReader, ListOptions};
use crate::impact::{ArgoPart, ClusterPart, Evidence, Failure};
use crate::model::{GroupVersionKind, Manifest};

/// Most objects that are named.
const MAX_NAMED: usize = 10;

impl Deployer {
    /// What the cluster shows about a part, and how many nodes can take pods. What cannot be asked is said, too.
    pub async fn evidence(&self, failure: &Failure, related: &Related) -> (Vec<Evidence>, Option<usize>) {
        let look = Look { cluster: &**self.cluster() };
        let (mut found, nodes) = look.nodes().await;
        found.extend(match failure {
            Failure::Pipeline => Vec::new(),
            Failure::ArgoCd(part) => look.argocd(*part).await,
            Failure::Cluster(part) => look.cluster_part(part).await,
            Failure::Application(name) | Failure::Library(name) => look.workloads_of(related, name).await,
            Failure::Registry(host) => look.pulls(host).await,
            Failure::Chart(_) | Failure::Values(_) | Failure::Git(_) => look.applications().await,
        });
        (found, nodes)
    }
}

struct Look<'a> {
    cluster: &'a dyn ClusterReader,
}

fn fact(healthy: bool, fact: String) -> Evidence {
    Evidence { fact, healthy: Some(healthy) }
}

fn condition<'v>(object: &'v Value, kind: &str) -> Option<&'v str> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    conditions.iter().find(|c| c["type"] == kind)?.get("status")?.as_str()
}

impl Look<'_> {
    async fn list(&self, api_version: &str, kind: &str, labels: &str) -> Result<Vec<Manifest>, Evidence> {
        let options = ListOptions { labels: labels.into(), ..ListOptions::default() };
        let listed = self.cluster.list(&GroupVersionKind::parse(api_version, kind), &options).await;
        listed.map(|list| list.items).map_err(|error| fact(false, format!("{kind}s cannot be listed: {error}")))
    }

    async fn nodes(&self) -> (Vec<Evidence>, Option<usize>) {
        let nodes = match self.list("v1", "Node", "").await {
            Ok(nodes) => nodes,
            Err(evidence) => return (vec![evidence], None),
        };
        let ready = |node: &&Manifest| condition(node.value(), "Ready") == Some("True");
        let takes = |node: &&Manifest| node.value().pointer("/spec/unschedulable") != Some(&Value::Bool(true));
        let count = nodes.iter().filter(ready).filter(takes).count();
        let mut found = vec![fact(count > 0, format!("{count} of {} nodes are ready and take pods", nodes.len()))];
        let bad = nodes.iter().filter(|node| !ready(node)).take(MAX_NAMED);
        found.extend(bad.map(|node| fact(false, format!("node {} is not ready", node.name()))));
        (found, Some(count.max(1)))
    }

    /// Pods with a label: how many are ready.
    async fn pods(&self, what: &str, labels: &str) -> Vec<Evidence> {
        match self.list("v1", "Pod", labels).await {
            Err(evidence) => vec![evidence],
            Ok(pods) if pods.is_empty() => {
                vec![Evidence { fact: format!("no pods of {what} ({labels})"), healthy: None }]
            }
            Ok(pods) => {
                let ready = pods.iter().filter(|pod| condition(pod.value(), "Ready") == Some("True")).count();
                vec![fact(ready == pods.len(), format!("{ready} of {} pods of {what} are ready", pods.len()))]
            }
        }
    }

    async fn argocd(&self, part: ArgoPart) -> Vec<Evidence> {
        let name = match part {
            ArgoPart::Controller => "argocd-application-controller",
            ArgoPart::RepoServer => "argocd-repo-server",
            ArgoPart::Redis => "argocd-redis",
        };
        let mut found = self.pods(name, &format!("app.kubernetes.io/name={name}")).await;
        found.extend(self.applications().await);
        found
    }

    /// Argo CD's Applications with an error.
    async fn applications(&self) -> Vec<Evidence> {
        let applications = match self.list("argoproj.io/v1alpha1", "Application", "").await {
            Ok(applications) => applications,
            Err(_) => return vec![Evidence { fact: "Argo CD's Applications are not there".into(), healthy: None }],
        };
        let mut found = Vec::new();
        for app in applications.iter() {
            let conditions = app.value().pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
            for condition in conditions.filter(|c| c["type"].as_str().is_some_and(|kind| kind.ends_with("Error"))) {
                let (kind, message) = (condition["type"].as_str(), condition["message"].as_str());
                let (kind, message) = (kind.unwrap_or_default(), message.unwrap_or_default());
                found.push(fact(false, format!("Application {}: {kind}: {message}", app.name())));
            }
        }
        found.truncate(MAX_NAMED);
        if found.is_empty() {
            found.push(fact(true, format!("{} Applications of Argo CD, none with an error", applications.len())));
        }
        found
    }

    async fn cluster_part(&self, part: &ClusterPart) -> Vec<Evidence> {
        match part {
            ClusterPart::ApiServer => match self.cluster.version().await {
                Ok(version) => vec![fact(true, format!("the API answers: Kubernetes {version}"))],
                Err(error) => vec![fact(false, format!("the API does not answer: {error}"))],
            },
            ClusterPart::Etcd => self.pods("etcd", "component=etcd").await,
            ClusterPart::Scheduler => self.pods("kube-scheduler", "component=kube-scheduler").await,
            ClusterPart::ControllerManager => {
                self.pods("kube-controller-manager", "component=kube-controller-manager").await
            }
            ClusterPart::Node(name) => self.on_node(name).await,
            ClusterPart::StorageClass(class) => self.claims(class).await,
            ClusterPart::IngressController => self.addresses("networking.k8s.io/v1", "Ingress").await,
            ClusterPart::LoadBalancer => self.addresses("v1", "Service").await,
        }
    }

    async fn on_node(&self, name: &str) -> Vec<Evidence> {
        let pods = match self.list("v1", "Pod", "").await {
            Ok(pods) => pods,
            Err(evidence) => return vec![evidence],
        };
        let node = |pod: &Manifest| {
            pod.value().pointer("/spec/nodeName").and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let count = pods.iter().filter(|pod| name.is_empty() || node(pod) == name).count();
        let place = if name.is_empty() { "all nodes".to_owned() } else { format!("node {name}") };
        vec![Evidence { fact: format!("{count} pods are on {place}"), healthy: None }]
    }

    async fn claims(&self, class: &str) -> Vec<Evidence> {
        let mut found = match self.list("storage.k8s.io/v1", "StorageClass", "").await {
            Ok(classes) => {
                let there = class.is_empty() || classes.iter().any(|c| c.name() == class);
                vec![fact(
                    there,
                    format!("storage class {class:?} {}", if there { "is there" } else { "is not there" }),
                )]
            }
            Err(evidence) => vec![evidence],
        };
        match self.list("v1", "PersistentVolumeClaim", "").await {
            Ok(claims) => {
                let mine = |c: &&Manifest| {
                    c.value().pointer("/spec/storageClassName").and_then(Value::as_str).unwrap_or_default() == class
                };
                let pending: Vec<_> = claims
                    .iter()
                    .filter(mine)
                    .filter(|c| c.value().pointer("/status/phase") != Some(&"Bound".into()))
                    .collect();
                let all = claims.iter().filter(mine).count();
                found.push(fact(
                    pending.is_empty(),
                    format!("{} of {all} claims of the class are bound", all - pending.len()),
                ));
            }
            Err(evidence) => found.push(evidence),
        }
        found
    }

    /// Ingresses, or Services of type LoadBalancer, without an address.
    async fn addresses(&self, api_version: &str, kind: &str) -> Vec<Evidence> {
        let objects = match self.list(api_version, kind, "").await {
            Ok(objects) => objects,
            Err(evidence) => return vec![evidence],
        };
        let wants =
            |o: &&Manifest| kind == "Ingress" || o.value().pointer("/spec/type") == Some(&"LoadBalancer".into());
        let all: Vec<_> = objects.iter().filter(wants).collect();
        let has = |o: &&&Manifest| o.value().pointer("/status/loadBalancer/ingress/0").is_some();
        let with = all.iter().filter(has).count();
        vec![fact(with == all.len(), format!("{with} of {} {kind} objects have an address", all.len()))]
    }

    async fn workloads_of(&self, related: &Related, name: &str) -> Vec<Evidence> {
        let Some(needs) = related.graph.needs.get(name) else { return Vec::new() };
        let mut found = Vec::new();
        for workload in &needs.workloads {
            let listed = self.list("apps/v1", &workload.kind, "").await;
            let shown = format!("{} {}/{}", workload.kind, workload.namespace, workload.name);
            let objects = match listed {
                Ok(objects) => objects,
                Err(evidence) => return vec![evidence],
            };
            let object = objects.iter().find(|o| o.name() == workload.name && o.namespace() == workload.namespace);
            found.push(match object {
                None => fact(false, format!("{shown} is not there")),
                Some(object) => {
                    let ready = ["/status/readyReplicas", "/status/numberReady"];
                    let ready = ready.iter().find_map(|at| object.value().pointer(at)?.as_u64()).unwrap_or(0);
                    fact(
                        ready >= workload.replicas,
                        format!("{shown}: {ready} of {} pods are ready", workload.replicas),
                    )
                }
            });
        }
        found
    }

    async fn pulls(&self, host: &str) -> Vec<Evidence> {
        let pods = match self.list("v1", "Pod", "").await {
            Ok(pods) => pods,
            Err(evidence) => return vec![evidence],
        };
        let mut waiting = Vec::new();
        for pod in &pods {
            let statuses =
                pod.value().pointer("/status/containerStatuses").and_then(Value::as_array).into_iter().flatten();
            for status in statuses {
                let reason = status.pointer("/state/waiting/reason").and_then(Value::as_str).unwrap_or_default();
                let image = status["image"].as_str().unwrap_or_default();
                if matches!(reason, "ErrImagePull" | "ImagePullBackOff") && image.starts_with(host) {
                    waiting.push(fact(false, format!("pod {}/{}: {reason}: {image}", pod.namespace(), pod.name())));
                }
            }
        }
        waiting.truncate(MAX_NAMED);
        if waiting.is_empty() {
            waiting.push(fact(true, format!("no pod waits for an image of {host}")));
        }
        waiting
    }
}
