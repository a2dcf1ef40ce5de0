//! A failure, tried out: the whole repository is deployed to an embedded cluster in memory, the part fails, and every
//! ability is measured on what is really there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use plate_deploy_apiserver::ApiServer;
use plate_deploy_apiserver::controllers::{Part, Simulation, registry_of};
use plate_deploy_apiserver::registry::DeleteOptions;
use plate_deploy_apiserver::storage::Key;
use serde_json::{Value, json};

use super::{EngineError, Related, Repo};
use crate::clock::SystemClock;
use crate::cluster::{
    ApplyMode, ClusterBackend, ClusterReader, ClusterWriter, EmbeddedCluster, EmbeddedOptions, ObjectRef, Patch,
    WriteOptions,
};
use crate::driver::{DriverOptions, EmbeddedDriver, SyncDriver, SyncOptions, Target};
use crate::git::{Call, FaultyGit, GitBackend, When};
use crate::graph::{Member, Needs, NodeKind, Workload};
use crate::impact::{Ability, ArgoPart, ClusterPart, Failure, Measured};
use crate::model::{GroupVersionKind, Manifest, OperationPhase, annotations};
use crate::pipeline::{
    ApproveAll, Capabilities, DeployRequest, Pipeline, Run, Stage, StageDone, StageError, render_one,
};
use crate::render::{NativeRenderer, RenderError, RenderRequest, Rendered, Renderer, Repository};
use crate::report::NoReporter;

/// Marks a change that a measurement brings.
const MARK: &str = "plate-deploy.io/simulated-change";

/// How long things may take in the simulation.
#[derive(Clone, Debug)]
pub struct SimulateOptions {
    /// Longest wait for the first deploy. Default: 60 s.
    pub setup: Duration,
    /// Shortest wait for something that may never happen; on a busy machine as long as a sync of the first deploy took. Default:
    /// 1.5 s; what works is there in milliseconds.
    pub patience: Duration,
}

impl Default for SimulateOptions {
    fn default() -> Self {
        Self { setup: Duration::from_secs(60), patience: Duration::from_millis(1500) }
    }
}

impl Repo {
    /// Deploys everything to an embedded cluster in memory, lets the part fail, and measures what still works. Nothing outside
    /// of this process changes. Abilities that a member did not have before the failure are not measured.
    ///
    /// # Errors
    /// [`EngineError`] when the repository cannot be read, or the first deploy fails for a reason of its own.
    pub async fn simulate(
        &self,
        related: &Related,
        failure: &Failure,
        options: &SimulateOptions,
    ) -> Result<Measured, EngineError> {
        let world = World::build(self, related, failure, options).await?;
        let mut measured = Measured::new();
        let healthy = world.look();
        world.break_it();
        let broken = world.look();
        for (name, abilities) in &healthy {
            let seen = abilities.iter().filter(|(_, worked)| **worked);
            let now = seen.map(|(ability, _)| (*ability, broken.get(name).and_then(|b| b.get(ability)) == Some(&true)));
            measured.entry(name.clone()).or_default().extend(now);
        }
        for (ability, changed) in [
            (Ability::Deploy, world.deploy().await?),
            (Ability::AutoSync, world.auto_sync().await),
            (Ability::Storage, world.claims().await),
            (Ability::Operators, world.operators().await),
            (Ability::Heal, world.heal().await),
            (Ability::Rollout, world.rollout().await),
        ] {
            for (name, works) in changed {
                measured.entry(name).or_default().insert(ability, works);
            }
        }
        for member in &related.members {
            measured.entry(member.application.metadata.name.clone()).or_default();
        }
        Ok(measured)
    }
}

type Seen = BTreeMap<String, bool>;

/// The cluster, what is in it, and what fails.
struct World<'a> {
    repo: &'a Repo,
    related: &'a Related,
    failure: &'a Failure,
    cluster: Arc<EmbeddedCluster>,
    /// The repository as it is read after the failure.
    own: Repository,
    patience: Duration,
    /// The same for a whole sync.
    sync_patience: Duration,
}

impl<'a> World<'a> {
    async fn build(
        repo: &'a Repo,
        related: &'a Related,
        failure: &'a Failure,
        options: &'a SimulateOptions,
    ) -> Result<World<'a>, EngineError> {
        let simulation = Simulation { pod_start: Duration::from_millis(1), ..Simulation::default() };
        let embedded = EmbeddedOptions { store: None, simulation };
        let cluster = Arc::new(EmbeddedCluster::start(embedded).await?);
        let mut own = related.loaded.repository();
        own.files = own.files.with(broken_files(related, failure));
        let mut world =
            World { repo, related, failure, cluster, own, patience: options.patience, sync_patience: options.patience };
        let start = tokio::time::Instant::now();
        let healthy = related.loaded.repository();
        // Two rounds: what needs another's custom resource definitions comes with the second.
        for _ in 0..2 {
            for kind in [NodeKind::Library, NodeKind::Application] {
                let targets = world.targets(&healthy, &NativeRenderer::default(), "", |needs| needs.kind == kind).await;
                let targets = targets.into_values().flatten().collect();
                let driver = world.driver().await?;
                driver.sync(targets, SyncOptions::new(options.setup), &NoReporter).await?;
            }
        }
        // The setup is four syncs of many; what a measurement waits for is less than one of them. A sync with hooks waits for
        // several things in a row.
        world.patience = world.patience.max(start.elapsed() / 4);
        world.sync_patience = (world.patience * 4).max(start.elapsed());
        Ok(world)
    }

    fn server(&self) -> &ApiServer {
        self.cluster.server()
    }

    async fn driver(&self) -> Result<EmbeddedDriver, EngineError> {
        let cluster: Arc<dyn ClusterBackend> = Arc::clone(&self.cluster) as Arc<dyn ClusterBackend>;
        Ok(EmbeddedDriver::start(cluster, Arc::new(SystemClock), DriverOptions::default()).await?)
    }

    fn break_it(&self) {
        for part in parts(self.related, self.failure) {
            self.server().fail(part, true);
        }
    }

    /// The members with a need, by name.
    fn with(&self, fits: impl Fn(&Needs) -> bool) -> Vec<(&'a str, &'a Needs, &'a Member)> {
        let found = self.related.members.iter().filter_map(|member| {
            let name = member.application.metadata.name.as_str();
            Some((name, self.related.graph.needs.get(name)?, member))
        });
        found.filter(|(_, needs, _)| fits(needs)).collect()
    }

    /// Targets of members, each object marked as changed; an error for those that cannot be rendered.
    async fn targets(
        &self,
        own: &Repository,
        renderer: &dyn Renderer,
        mark: &str,
        fits: impl Fn(&Needs) -> bool,
    ) -> BTreeMap<String, Option<Target>> {
        // Without asking the cluster: the same manifests before and during the failure.
        let capabilities = Capabilities::offline(None);
        let sources = match self.failure {
            Failure::Git(url) => self.repo.sources.clone().without(url),
            _ => self.repo.sources.clone(),
        };
        let mut found = BTreeMap::new();
        for (name, _, member) in self.with(fits) {
            let rendered = render_one(&sources, renderer, &member.application, own, &capabilities).await;
            let target = rendered.ok().filter(|rendered| !rendered.manifests.is_empty()).map(|mut rendered| {
                if !mark.is_empty() {
                    rendered.manifests.iter_mut().filter(|m| !is_hook(m)).for_each(|m| m.set_annotation(MARK, mark));
                }
                Target { application: member.application.clone(), rendered, revision: own.revision.clone() }
            });
            found.insert(name.to_owned(), target);
        }
        found
    }

    /// Renders and syncs; whether the change of each member reached the cluster.
    async fn bring(&self, renderer: &dyn Renderer, mark: &str, fits: impl Fn(&Needs) -> bool) -> Seen {
        let targets = self.targets(&self.own, renderer, mark, fits).await;
        let mut seen: Seen = targets.keys().map(|name| (name.clone(), false)).collect();
        let Ok(driver) = self.driver().await else { return seen };
        let targets: Vec<Target> = targets.into_values().flatten().collect();
        let options = SyncOptions::new(self.sync_patience);
        // One by one: whether an Application can be deployed does not depend on the waves of others.
        let syncs = targets.iter().map(|target| driver.sync(vec![target.clone()], options, &NoReporter));
        let reports = futures::future::join_all(syncs).await;
        for (target, report) in targets.iter().zip(reports) {
            let Some(report) = report.ok().and_then(|mut reports| reports.pop()) else { continue };
            let done = report.operation.is_none_or(|phase| phase == OperationPhase::Succeeded);
            let arrived =
                target.rendered.manifests.iter().filter(|m| !is_hook(m)).all(|m| self.has_mark(m, target, mark));
            seen.insert(target.name().to_owned(), done && arrived);
        }
        seen
    }

    /// Looks into the store itself: what is there, whoever may see it.
    fn has_mark(&self, manifest: &Manifest, target: &Target, mark: &str) -> bool {
        let registry = self.server().registry();
        let gvk = manifest.gvk();
        let kind = plate_deploy_apiserver::scheme::Gvk::from_api_version(&gvk.api_version(), &gvk.kind);
        let Some(resource) = registry.catalog().find_kind(&kind) else { return false };
        let namespace = match (resource.info.namespaced, manifest.namespace()) {
            (false, _) => "",
            (true, "") => target.namespace(),
            (true, namespace) => namespace,
        };
        let stored = registry.store().get(&Key::new(&resource.storage, namespace, manifest.name()));
        stored.is_some_and(|s| s.object["metadata"]["annotations"].get(MARK).and_then(Value::as_str) == Some(mark))
    }

    async fn deploy(&self) -> Result<Seen, EngineError> {
        let all = |needs: &Needs| needs.rendered;
        match self.failure {
            Failure::Pipeline => self.crashing_pipeline().await,
            Failure::Git(url) if *url == self.related.graph.home => {
                let git = FaultyGit::new(Arc::clone(self.repo.git()));
                git.fail(Call::Resolve, When::Before);
                let read = git.resolve("HEAD").await.is_ok();
                Ok(self.with(all).into_iter().map(|(name, ..)| (name.to_owned(), read)).collect())
            }
            _ => Ok(self.bring(&NativeRenderer::default(), "deploy", all).await),
        }
    }

    /// The real pipeline, which dies once it has planned; a member counts as deployed when something of it was written.
    async fn crashing_pipeline(&self) -> Result<Seen, EngineError> {
        let before = self.server().registry().store().version();
        let cluster: Arc<dyn ClusterBackend> = Arc::clone(&self.cluster) as Arc<dyn ClusterBackend>;
        let deployer = self.repo.clone().on(cluster).as_embedded().approver(Arc::new(ApproveAll));
        for environment in &self.related.loaded.workspace.environments {
            let pipeline = Pipeline::deploy().insert_after("plan", Arc::new(Crash));
            deployer.run_pipeline(pipeline, DeployRequest::new(&environment.name)).await?;
        }
        let written = self.server().registry().store().version() != before;
        Ok(self.with(|needs| needs.rendered).into_iter().map(|(name, ..)| (name.to_owned(), written)).collect())
    }

    /// What Argo CD's controller does for automated Applications, done by the embedded engine with Argo CD's parts.
    async fn auto_sync(&self) -> Seen {
        let automated = |needs: &Needs| needs.rendered && needs.automated;
        let none = || self.with(automated).into_iter().map(|(name, ..)| (name.to_owned(), false)).collect();
        match self.failure {
            Failure::ArgoCd(ArgoPart::Controller) => none(),
            Failure::ArgoCd(ArgoPart::RepoServer) => self.bring(&NoRepoServer, "argocd", automated).await,
            Failure::Git(url) if *url == self.related.graph.home => none(),
            // Without Redis every render begins with empty caches, as this one does.
            _ => self.bring(&NativeRenderer::default(), "argocd", automated).await,
        }
    }

    /// New claims of every storage class.
    async fn claims(&self) -> Seen {
        let mut seen = Seen::new();
        for (n, (name, needs, _)) in self.with(|needs| !needs.storage_classes.is_empty()).into_iter().enumerate() {
            let mut bound = true;
            for (m, class) in needs.storage_classes.iter().enumerate() {
                let claim = format!("simulated-{n}-{m}");
                bound &= self.claim(&claim, class).await;
            }
            seen.insert(name.to_owned(), bound);
        }
        seen
    }

    async fn claim(&self, name: &str, class: &str) -> bool {
        let mut spec = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
        if !class.is_empty() {
            spec["storageClassName"] = class.into();
        }
        let metadata = json!({"name": name, "namespace": "default"});
        let object = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec});
        let Ok(object) = Manifest::new(object) else { return false };
        if self.cluster.apply(&object, ApplyMode::ClientSide, &WriteOptions::default()).await.is_err() {
            return false;
        }
        self.wait(|| {
            let stored = self.server().registry().store().get(&Key::new("persistentvolumeclaims", "default", name));
            stored.is_some_and(|s| s.object["status"]["phase"] == "Bound")
        })
        .await
    }

    /// Operators work when their pods are ready and the API answers them.
    async fn operators(&self) -> Seen {
        let graph = &self.related.graph;
        let mut seen = Seen::new();
        let answers = self.cluster.version().await.is_ok();
        for (name, needs, _) in self.with(|needs| needs.kind == NodeKind::Application) {
            let mut serving = graph
                .provides
                .iter()
                .filter(|(_, provides)| !provides.groups.is_disjoint(&needs.custom_groups))
                .peekable();
            if serving.peek().is_none() {
                continue;
            }
            let ready = serving.all(|(library, _)| graph.needs.get(library).is_none_or(|needs| self.runs(needs)));
            seen.insert(name.to_owned(), ready && answers);
        }
        seen
    }

    /// Takes all pods away, as a crash does.
    async fn heal(&self) -> Seen {
        let members = self.with(|needs| needs.workloads.iter().any(|w| w.replicas > 0));
        for (_, needs, _) in &members {
            for workload in &needs.workloads {
                self.kill(workload);
            }
        }
        self.server().settle();
        self.all_run(&members).await
    }

    fn kill(&self, workload: &Workload) {
        let registry = self.server().registry();
        let Some(pods) = registry.catalog().find_storage("pods") else { return };
        for pod in self.pods(workload) {
            let name = pod["metadata"]["name"].as_str().unwrap_or_default();
            let options = DeleteOptions { grace_seconds: Some(0), ..DeleteOptions::default() };
            // One that is gone already is what was wanted.
            let _ = registry.delete(&pods, &workload.namespace, name, &options);
        }
    }

    /// Gives every workload an image that no node has yet.
    async fn rollout(&self) -> Seen {
        let members = self.with(|needs| needs.workloads.iter().any(|w| w.replicas > 0));
        let mut changed: BTreeMap<&str, bool> = BTreeMap::new();
        for (name, needs, _) in &members {
            for workload in &needs.workloads {
                *changed.entry(*name).or_insert(true) &= self.new_version(workload).await;
            }
        }
        self.server().settle();
        let mut seen = self.all_run(&members).await;
        for (name, works) in &mut seen {
            *works &= changed.get(name.as_str()).copied().unwrap_or(false);
        }
        seen
    }

    async fn new_version(&self, workload: &Workload) -> bool {
        let Some(object) = self.stored(workload) else { return false };
        let containers = object["spec"]["template"]["spec"]["containers"].as_array().cloned().unwrap_or_default();
        let changes: Vec<Value> = containers
            .iter()
            .enumerate()
            .map(|(n, container)| {
                let image = container["image"].as_str().unwrap_or_default();
                // Same registry, another image: nobody has pulled it.
                let next = format!(
                    "{}-next:simulated",
                    image.split('@').next().unwrap_or(image).rsplit_once(':').map_or(image, |(name, _)| name)
                );
                debug_assert_eq!(registry_of(&next), registry_of(image));
                json!({"op": "replace", "path": format!("/spec/template/spec/containers/{n}/image"), "value": next})
            })
            .collect();
        let at = ObjectRef {
            kind: GroupVersionKind::parse("apps/v1", &workload.kind),
            namespace: workload.namespace.clone(),
            name: workload.name.clone(),
        };
        self.cluster.patch(&at, None, &Patch::Json(Value::Array(changes)), &WriteOptions::default()).await.is_ok()
    }

    async fn all_run(&self, members: &[(&str, &Needs, &Member)]) -> Seen {
        // One wait for all: those that come up do so while the others are waited for.
        self.wait(|| members.iter().all(|(_, needs, _)| self.runs(needs))).await;
        members.iter().map(|(name, needs, _)| ((*name).to_owned(), self.runs(needs))).collect()
    }

    async fn wait(&self, done: impl Fn() -> bool) -> bool {
        let deadline = tokio::time::Instant::now() + self.patience;
        while !done() {
            if tokio::time::Instant::now() >= deadline {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        true
    }

    /// What runs and answers now.
    fn look(&self) -> BTreeMap<String, BTreeMap<Ability, bool>> {
        let mut seen: BTreeMap<String, BTreeMap<Ability, bool>> = BTreeMap::new();
        for (name, needs, _) in self.with(|_| true) {
            let abilities = seen.entry(name.to_owned()).or_default();
            if needs.workloads.iter().any(|workload| workload.replicas > 0) {
                abilities.insert(Ability::Run, self.runs(needs));
            }
            if !needs.entry_points.is_empty() {
                let answers = |e: &crate::graph::EntryPoint| self.server().reachable(&e.kind, &e.namespace, &e.name);
                abilities.insert(Ability::Reach, needs.entry_points.iter().all(answers));
            }
        }
        seen
    }

    /// Whether every workload has as many ready pods of its newest version as it wants.
    fn runs(&self, needs: &Needs) -> bool {
        needs.workloads.iter().all(|workload| {
            let Some(object) = self.stored(workload) else { return false };
            let images = |spec: &Value| -> BTreeSet<String> {
                let containers = spec["containers"].as_array().into_iter().flatten();
                containers.filter_map(|container| container["image"].as_str().map(str::to_owned)).collect()
            };
            let wanted = images(&object["spec"]["template"]["spec"]);
            let ready = |pod: &Value| {
                let conditions = pod["status"]["conditions"].as_array();
                conditions.is_some_and(|all| all.iter().any(|c| c["type"] == "Ready" && c["status"] == "True"))
            };
            let pods = self.pods(workload).into_iter().filter(|pod| ready(pod) && images(&pod["spec"]) == wanted);
            pods.count() as u64 >= workload.replicas
        })
    }

    fn stored(&self, workload: &Workload) -> Option<Value> {
        let resource = format!("{}s.apps", workload.kind.to_lowercase());
        let key = Key::new(&resource, &workload.namespace, &workload.name);
        self.server().registry().store().get(&key).map(|stored| stored.object.as_ref().clone())
    }

    fn pods(&self, workload: &Workload) -> Vec<Value> {
        let Some(object) = self.stored(workload) else { return Vec::new() };
        let selector = object["spec"]["selector"]["matchLabels"].as_object().cloned().unwrap_or_default();
        let pods = self.server().registry().store().list("pods", Some(&workload.namespace)).1;
        let pods = pods.into_iter().map(|(_, stored)| stored.object.as_ref().clone());
        pods.filter(|pod| {
            !selector.is_empty()
                && selector.iter().all(|(key, value)| pod["metadata"]["labels"].get(key) == Some(value))
        })
        .collect()
    }
}

fn is_hook(manifest: &Manifest) -> bool {
    manifest.annotation(annotations::HOOK).is_some() || manifest.annotation(annotations::HELM_HOOK).is_some()
}

/// Files that are broken by the failure.
fn broken_files(related: &Related, failure: &Failure) -> Vec<(String, Option<bytes::Bytes>)> {
    let broken = || Some(bytes::Bytes::from_static(b"{{ broken: ["));
    match failure {
        Failure::Chart(name) => {
            let folders = related.graph.charts.get(name).into_iter().flatten();
            folders.map(|folder| (format!("{folder}/Chart.yaml"), broken())).collect()
        }
        Failure::Values(path) => vec![(path.clone(), broken())],
        _ => Vec::new(),
    }
}

/// Parts of the simulated cluster that fail.
fn parts(related: &Related, failure: &Failure) -> Vec<Part> {
    let graph = &related.graph;
    let workloads = |name: &str| -> Vec<Part> {
        let workloads = graph.needs.get(name).map(|needs| needs.workloads.clone()).unwrap_or_default();
        workloads.into_iter().map(|w| Part::Workload(w.namespace, w.name)).collect()
    };
    match failure {
        Failure::Cluster(part) => vec![match part {
            ClusterPart::ApiServer => Part::ApiServer,
            ClusterPart::Etcd => Part::Etcd,
            ClusterPart::Scheduler => Part::Scheduler,
            ClusterPart::ControllerManager => Part::ControllerManager,
            ClusterPart::Node(_) => Part::Node,
            ClusterPart::StorageClass(class) => Part::StorageClass(class.clone()),
            ClusterPart::IngressController => Part::IngressController,
            ClusterPart::LoadBalancer => Part::LoadBalancer,
        }],
        Failure::Registry(host) => vec![Part::Registry(host.clone())],
        Failure::Application(name) => workloads(name),
        Failure::Library(name) => {
            let mut parts = workloads(name);
            if let Some(provides) = graph.provides.get(name) {
                parts.extend(provides.storage_classes.iter().cloned().map(Part::StorageClass));
                parts.extend(provides.ingress.then_some(Part::IngressController));
                parts.extend(provides.load_balancer.then_some(Part::LoadBalancer));
                parts.extend(provides.hosts.iter().cloned().map(Part::Registry));
            }
            parts
        }
        _ => Vec::new(),
    }
}

/// The pipeline's process dies here.
#[derive(Debug)]
struct Crash;

#[async_trait]
impl Stage for Crash {
    fn name(&self) -> &str {
        "crash"
    }

    async fn run(&self, _: &mut Run) -> Result<StageDone, StageError> {
        Err(StageError::failed("the pipeline died (simulated)"))
    }
}

/// A repo-server that does not answer.
#[derive(Debug)]
struct NoRepoServer;

#[async_trait]
impl Renderer for NoRepoServer {
    async fn render(&self, _: RenderRequest) -> Result<Rendered, RenderError> {
        Err(RenderError::Internal("the repo-server does not answer (simulated)".into()))
    }
}
