//! A deploy as a process of its own, with fail points around journal, Git and cluster: what the fault matrix kills.
//!
//! Its argument is a [`Job`] as JSON; unless it is killed, it prints an [`Answer`] as JSON.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result};
use async_trait::async_trait;
use plate_deploy_core::cluster::{ClusterBackend, ClusterReader, ConnectOptions, ListOptions, ObjectRef, connect};
use plate_deploy_core::engine::{Repo, ResumeOptions};
use plate_deploy_core::git::GixGit;
use plate_deploy_core::model::GroupVersionKind;
use plate_deploy_core::pipeline::{Anchor, ApproveAll, Run, Safety, Stage, StageDone, StageError, Verb};
use plate_deploy_core::state::{State, unfinished};
use plate_deploy_tests::faults::matrix::{Answer, Job};
use plate_deploy_tests::faults::{Plan, PointedCluster, PointedGit, PointedJournal};
use serde_json::Value;

/// Kinds that controllers make, or that say something else every time.
const VOLATILE: [&str; 12] = [
    "Event",
    "Lease",
    "Pod",
    "ReplicaSet",
    "EndpointSlice",
    "Endpoints",
    "Node",
    "PersistentVolume",
    "ControllerRevision",
    "APIService",
    "ComponentStatus",
    "PodMetrics",
];
/// Fields that differ from run to run.
const FIELDS: [&str; 14] = [
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "managedFields",
    "generation",
    "status",
    "clusterIP",
    "clusterIPs",
    "nodePort",
    "volumeName",
    "controller-uid",
    "batch.kubernetes.io/controller-uid",
    "deployment.kubernetes.io/revision",
    "ownerReferences",
];

/// Fails a deploy when everything else was done.
#[derive(Debug)]
struct FailInTheEnd;

#[async_trait]
impl Stage for FailInTheEnd {
    fn name(&self) -> &str {
        "acceptance"
    }

    async fn run(&self, run: &mut Run) -> Result<StageDone, StageError> {
        match run.request.verb {
            Verb::Deploy => Err(StageError::failed("the acceptance test fails")),
            _ => Ok(StageDone::skipped("no deploy")),
        }
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let job: Job = serde_json::from_str(&std::env::args().nth(1).context("no job")?)?;
    let plan = if job.kill.is_empty() { Plan::watch() } else { Plan::kill_at(&job.kill) };
    let (folder, dir) = (job.world.join("repo"), job.world.join("state"));
    let git = PointedGit::new(Arc::new(GixGit::open(&folder).await?), plan.clone());
    let repo = Repo::new(&folder, Arc::new(git)).state_dir(&dir).repeatable()?;
    let cluster: Arc<dyn ClusterBackend> = if job.kubeconfig.as_os_str().is_empty() {
        let options = plate_deploy_core::cluster::EmbeddedOptions {
            store: Some(dir.join("cluster")),
            ..plate_deploy_core::cluster::EmbeddedOptions::default()
        };
        Arc::new(plate_deploy_core::cluster::EmbeddedCluster::start(options).await?)
    } else {
        let options = ConnectOptions { kubeconfig: vec![job.kubeconfig.clone()], ..ConnectOptions::default() };
        Arc::new(connect(&options).await?.cluster)
    };
    let mut state = State::open(&dir);
    state.journal = Arc::new(PointedJournal::new(Arc::clone(&state.journal), plan.clone()));
    let safety = Safety { state: Some(state.clone()), who: "matrix".into(), ..Safety::default() };
    let pointed = PointedCluster::new(Arc::clone(&cluster), plan.clone());
    let mut deployer = repo.on(Arc::new(pointed)).as_embedded().approver(Arc::new(ApproveAll)).safety(safety);
    if job.fail_in_the_end {
        deployer = deployer.stage(Anchor::After("verify".into()), Arc::new(FailInTheEnd));
    }
    let environment = job.request.as_ref().map(|request| request.environment.clone()).unwrap_or_default();
    let report = match job.request {
        _ if job.resume => deployer.resume(ResumeOptions::default()).await?,
        Some(request) => Some(deployer.deploy(request).await?),
        None => None,
    };
    let answer = Answer {
        code: report.as_ref().map(|report| report.outcome.exit_code()),
        summary: report.map(|report| format!("{} {:?}", report.summary, report.findings)).unwrap_or_default(),
        points: plan.points(),
        objects: objects(&*cluster).await?,
        unfinished: unfinished(&state.journal.read()?).len(),
        holder: holder(&*cluster, &environment).await?,
    };
    #[expect(clippy::print_stdout, reason = "the answer")]
    {
        println!("{}", serde_json::to_string(&answer)?);
    }
    Ok(())
}

/// Every object that somebody deployed, without what differs from run to run.
async fn objects(cluster: &dyn ClusterReader) -> Result<BTreeMap<String, Value>> {
    let mut all = BTreeMap::new();
    let catalog = cluster.catalog(true).await?;
    for kind in catalog.kinds().filter(|kind| kind.can("list") && !VOLATILE.contains(&kind.kind.kind.as_str())) {
        for object in cluster.list(&kind.kind, &ListOptions::default()).await?.items {
            let key = object.key().to_string();
            // What a real control plane makes by itself, whenever it gets to it.
            let system = object.namespace().starts_with("kube-") || object.name().starts_with("system:") || object.name().starts_with("kube-");
            if system || object.label("kubernetes.io/bootstrapping").is_some() {
                continue;
            }
            let mut value = object.into_value();
            strip(&mut value, 0);
            all.insert(key, value);
        }
    }
    Ok(all)
}

fn strip(value: &mut Value, depth: usize) {
    match value {
        Value::Object(map) if depth < 100 => {
            FIELDS.iter().for_each(|field| drop(map.remove(*field)));
            map.values_mut().for_each(|value| strip(value, depth + 1));
        }
        Value::Array(items) if depth < 100 => items.iter_mut().for_each(|value| strip(value, depth + 1)),
        _ => {}
    }
}

async fn holder(cluster: &dyn ClusterReader, environment: &str) -> Result<String> {
    let at = ObjectRef {
        kind: GroupVersionKind::parse("coordination.k8s.io/v1", "Lease"),
        namespace: "default".into(),
        name: format!("plate-deploy-{environment}"),
    };
    let lease = cluster.get(&at).await?;
    let holder = lease.as_ref().and_then(|lease| lease.value().pointer("/spec/holderIdentity")?.as_str());
    Ok(holder.unwrap_or_default().to_owned())
}
