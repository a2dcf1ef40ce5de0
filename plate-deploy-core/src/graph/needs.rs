//! What one Application or library needs, and what a library provides.

use std::collections::{BTreeMap, BTreeSet};

use plate_deploy_apiserver::controllers::registry_of;
use serde::Serialize;
use serde_json::Value;

use super::{Member, NodeKind};
use crate::git::{RepoUrlMap, redact_url};
use crate::model::{Manifest, annotations};
use crate::workspace::Workspace;

/// Kinds that run pods for as long as they are there.
const LONG_RUNNING: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];

/// Charts that are ingress controllers, and those that give addresses to Services.
const INGRESS_CONTROLLERS: [&str; 6] = ["ingress-nginx", "nginx-ingress", "traefik", "haproxy", "contour", "kong"];
const LOAD_BALANCERS: [&str; 3] = ["metallb", "kube-vip", "purelb"];

/// Something that runs pods.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Workload {
    /// `Deployment`, `StatefulSet` or `DaemonSet`.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Pods it wants (a DaemonSet: 1).
    pub replicas: u64,
}

/// A way in from outside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryPoint {
    /// `Ingress` or `Service`.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The Applications and libraries whose pods answer.
    pub backends: BTreeSet<String>,
}

impl EntryPoint {
    /// The part of the cluster that it goes through.
    #[must_use]
    pub fn through(&self) -> &'static str {
        if self.kind == "Ingress" { "ingress-controller" } else { "load-balancer" }
    }
}

/// Everything that an Application or library needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Needs {
    /// Application or library.
    pub kind: NodeKind,
    /// Its environment; none for what all share.
    pub environment: Option<String>,
    /// Namespace of its destination.
    pub namespace: String,
    /// Git remotes of its sources, without credentials.
    pub git: BTreeSet<String>,
    /// Files that its render read in this repository.
    pub files: BTreeSet<String>,
    /// Values files among them, other than charts' defaults.
    pub values: BTreeSet<String>,
    /// Registries of its images; whether an image of it is pulled each time a container starts.
    pub registries: BTreeMap<String, bool>,
    /// Storage classes of its volume claims; `""`: the default one.
    pub storage_classes: BTreeSet<String>,
    /// What runs its pods.
    pub workloads: Vec<Workload>,
    /// Ways in from outside whose requests find a pod.
    pub entry_points: Vec<EntryPoint>,
    /// API groups of its custom resources.
    pub custom_groups: BTreeSet<String>,
    /// Whether hooks of it run pods, which a sync waits for.
    pub hooks_run_pods: bool,
    /// The same for hooks whose images are pulled each time.
    pub hooks_always_pull: bool,
    /// Whether its sync waits for the health of pods between waves.
    pub waits_for_pods: bool,
    /// Whether Argo CD syncs it by itself.
    pub automated: bool,
    /// Whether it was rendered.
    pub rendered: bool,
}

/// What a library provides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Provides {
    /// API groups of its custom resource definitions.
    pub groups: BTreeSet<String>,
    /// Storage classes.
    pub storage_classes: BTreeSet<String>,
    /// It is an ingress controller.
    pub ingress: bool,
    /// It gives addresses to Services.
    pub load_balancer: bool,
    /// Hosts at which it answers: a registry among the libraries is found by them.
    pub hosts: BTreeSet<String>,
}

impl Provides {
    pub(super) fn of(member: &Member) -> Self {
        let mut found = Self::default();
        let source = member.application.spec.source.as_ref();
        let folder = source.and_then(|source| source.path.rsplit('/').next()).unwrap_or_default();
        let is = |names: &[&str]| names.contains(&folder);
        found.ingress = is(&INGRESS_CONTROLLERS);
        found.load_balancer = is(&LOAD_BALANCERS);
        for manifest in &member.manifests {
            let value = manifest.value();
            match manifest.kind() {
                "CustomResourceDefinition" => {
                    found.groups.extend(value.pointer("/spec/group").and_then(Value::as_str).map(str::to_owned));
                }
                "StorageClass" => {
                    found.storage_classes.insert(manifest.name().to_owned());
                }
                "IngressClass" => found.ingress = true,
                "Ingress" => {
                    let rules = value.pointer("/spec/rules").and_then(Value::as_array).into_iter().flatten();
                    found.hosts.extend(rules.filter_map(|rule| Some(rule.get("host")?.as_str()?.to_owned())));
                }
                _ => {}
            }
        }
        found
    }

    /// Whether a member needs something of it.
    #[must_use]
    pub fn serves(&self, needs: &Needs) -> bool {
        let through = |part: &str| needs.entry_points.iter().any(|entry| entry.through() == part);
        !self.groups.is_disjoint(&needs.custom_groups)
            || !self.storage_classes.is_disjoint(&needs.storage_classes)
            || (self.ingress && through("ingress-controller"))
            || (self.load_balancer && through("load-balancer"))
            || needs.registries.keys().any(|host| self.hosts.contains(host))
    }
}

/// Which pods there are, to find out who answers at a Service.
pub(super) struct Workloads {
    /// Member, namespace, labels of its pods.
    pods: Vec<(String, String, BTreeMap<String, String>)>,
    /// Namespace and name of Services, with their selectors.
    services: BTreeMap<(String, String), BTreeMap<String, String>>,
    /// Groups that CRDs of any member define.
    groups: BTreeSet<String>,
}

impl Workloads {
    pub(super) fn of(members: &[Member]) -> Self {
        let mut found = Self { pods: Vec::new(), services: BTreeMap::new(), groups: BTreeSet::new() };
        for member in members {
            let app = &member.application;
            for manifest in &member.manifests {
                let namespace = namespace_of(manifest, member);
                let value = manifest.value();
                if LONG_RUNNING.contains(&manifest.kind()) {
                    let labels = text_map(value.pointer("/spec/template/metadata/labels"));
                    found.pods.push((app.metadata.name.clone(), namespace, labels));
                } else if manifest.kind() == "Service" {
                    let selector = text_map(value.pointer("/spec/selector"));
                    found.services.insert((namespace, manifest.name().to_owned()), selector);
                } else if manifest.kind() == "CustomResourceDefinition" {
                    found.groups.extend(value.pointer("/spec/group").and_then(Value::as_str).map(str::to_owned));
                }
            }
        }
        found
    }

    /// The members whose pods answer at a Service; empty when there are none.
    fn behind(&self, namespace: &str, service: &str) -> BTreeSet<String> {
        let Some(selector) = self.services.get(&(namespace.to_owned(), service.to_owned())) else {
            return BTreeSet::new();
        };
        let fits = |labels: &BTreeMap<String, String>| {
            !selector.is_empty() && selector.iter().all(|(key, value)| labels.get(key) == Some(value))
        };
        let pods = self.pods.iter().filter(|(_, space, labels)| space == namespace && fits(labels));
        pods.map(|(member, ..)| member.clone()).collect()
    }
}

impl Needs {
    pub(super) fn of(member: &Member, workspace: &Workspace, all: &Workloads) -> Self {
        let spec = &member.application.spec;
        let sources = spec.effective_sources();
        let home = |url: &str| {
            if RepoUrlMap::same(url, &workspace.repo_url) { workspace.repo_url.clone() } else { url.to_owned() }
        };
        let named: BTreeSet<&str> = sources
            .iter()
            .filter_map(|s| s.helm.as_ref())
            .flat_map(|helm| &helm.value_files)
            .map(|f| f.rsplit('/').next().unwrap_or(f))
            .collect();
        let is_values = |path: &&String| {
            let file = path.rsplit('/').next().unwrap_or(path);
            file != "values.yaml" && (named.contains(file) || file.starts_with("values"))
        };
        let automated = spec.sync_policy.as_ref().and_then(|policy| policy.automated.as_ref());
        let mut needs = Self {
            kind: member.kind,
            environment: member.environment.clone(),
            namespace: spec.destination.namespace.clone(),
            git: sources.iter().map(|source| redact_url(&home(&source.repo_url)).into_owned()).collect(),
            values: member.files.iter().filter(is_values).cloned().collect(),
            files: member.files.clone(),
            registries: BTreeMap::new(),
            storage_classes: BTreeSet::new(),
            workloads: Vec::new(),
            entry_points: Vec::new(),
            custom_groups: BTreeSet::new(),
            hooks_run_pods: false,
            hooks_always_pull: false,
            waits_for_pods: false,
            automated: member.kind == NodeKind::Application && automated.is_some(),
            rendered: !member.manifests.is_empty(),
        };
        let mut waves = BTreeSet::new();
        for manifest in &member.manifests {
            needs.add(manifest, member, all);
            waves.insert(manifest.annotation(annotations::SYNC_WAVE).unwrap_or("0").trim().to_owned());
        }
        needs.waits_for_pods = waves.len() > 1 && !needs.workloads.is_empty();
        needs
    }

    fn add(&mut self, manifest: &Manifest, member: &Member, all: &Workloads) {
        let value = manifest.value();
        let namespace = namespace_of(manifest, member);
        let name = manifest.name().to_owned();
        let is_hook =
            manifest.annotation(annotations::HOOK).is_some() || manifest.annotation(annotations::HELM_HOOK).is_some();
        let template = ["/spec/template/spec", "/spec/jobTemplate/spec/template/spec"];
        let pod =
            if manifest.kind() == "Pod" { value.get("spec") } else { template.iter().find_map(|at| value.pointer(at)) };
        let always = pod.map_or(false, |pod| self.add_images(pod));
        if is_hook && pod.is_some() {
            let test = manifest.annotation(annotations::HELM_HOOK).is_some_and(|hook| hook.trim() == "test");
            self.hooks_run_pods |= !test;
            self.hooks_always_pull |= always && !test;
            return;
        }
        let kind = manifest.kind();
        if LONG_RUNNING.contains(&kind) {
            let replicas = value.pointer("/spec/replicas").and_then(Value::as_u64).unwrap_or(1);
            self.workloads.push(Workload {
                kind: kind.to_owned(),
                namespace: namespace.clone(),
                name: name.clone(),
                replicas,
            });
        }
        let class = |claim: &Value| {
            claim.pointer("/spec/storageClassName").and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        match kind {
            "PersistentVolumeClaim" => drop(self.storage_classes.insert(class(value))),
            "StatefulSet" => {
                let claims = value.pointer("/spec/volumeClaimTemplates").and_then(Value::as_array);
                self.storage_classes.extend(claims.into_iter().flatten().map(class));
            }
            "Ingress" => {
                let services = ingress_services(value);
                let found: Vec<_> = services.iter().map(|service| all.behind(&namespace, service)).collect();
                if !found.is_empty() && found.iter().all(|members| !members.is_empty()) {
                    let backends = found.into_iter().flatten().collect();
                    self.entry_points.push(EntryPoint { kind: "Ingress".into(), namespace, name, backends });
                }
            }
            "Service" if value.pointer("/spec/type").and_then(Value::as_str) == Some("LoadBalancer") => {
                let backends = all.behind(&namespace, &name);
                if !backends.is_empty() {
                    self.entry_points.push(EntryPoint { kind: "Service".into(), namespace, name, backends });
                }
            }
            _ => {
                let group = manifest.gvk().group;
                if all.groups.contains(&group) {
                    self.custom_groups.insert(group);
                }
            }
        }
    }

    /// Notes the images of a pod; whether one of them is pulled each time.
    fn add_images(&mut self, pod: &Value) -> bool {
        let mut any = false;
        let lists = ["initContainers", "containers"].iter().filter_map(|list| pod.get(list)?.as_array());
        for container in lists.flatten() {
            let Some(image) = container.get("image").and_then(Value::as_str) else { continue };
            let policy = container.get("imagePullPolicy").and_then(Value::as_str);
            let tag = image.rsplit('/').next().and_then(|last| last.split_once(':')).map(|(_, tag)| tag);
            let always = match policy {
                Some(policy) => policy == "Always",
                // Kubernetes' default: pulled each time without a tag, or with the tag latest.
                None => !image.contains('@') && tag.is_none_or(|tag| tag == "latest"),
            };
            *self.registries.entry(registry_of(image).to_owned()).or_default() |= always;
            any |= always;
        }
        any
    }
}

fn namespace_of(manifest: &Manifest, member: &Member) -> String {
    if manifest.namespace().is_empty() {
        member.application.spec.destination.namespace.clone()
    } else {
        manifest.namespace().to_owned()
    }
}

fn text_map(value: Option<&Value>) -> BTreeMap<String, String> {
    let entries = value.and_then(Value::as_object).into_iter().flatten();
    entries.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

/// The Services that an Ingress leads to.
fn ingress_services(ingress: &Value) -> BTreeSet<String> {
    let array = |value: &Value, at: &str| value.pointer(at).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut found = BTreeSet::new();
    for rule in array(ingress, "/spec/rules") {
        for path in array(&rule, "/http/paths") {
            found.extend(path.pointer("/backend/service/name").and_then(Value::as_str).map(str::to_owned));
        }
    }
    found.extend(ingress.pointer("/spec/defaultBackend/service/name").and_then(Value::as_str).map(str::to_owned));
    found
}
