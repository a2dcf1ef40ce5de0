//! The embedded engine: `GitOps` followed by a loop, as an agent would.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use plate_deploy_core::cluster::{ClusterBackend, ClusterReader, ObjectRef};
use plate_deploy_core::driver::ReconcilerOptions;
use plate_deploy_core::engine::{GitOps, Repo};
use plate_deploy_core::model::{GroupVersionKind, SyncCode};

use super::{Figures, Workload, median};

/// Commits pushed.
const PUSHES: usize = 7;
/// Longest wait for anything.
const LIMIT: Duration = Duration::from_secs(900);

/// Runs the whole measurement on a cluster.
///
/// # Errors
/// When the cluster or the repository cannot be used, or something does not happen in time.
pub async fn measure(cluster: Arc<dyn ClusterBackend>, workload: &Workload) -> Result<Figures> {
    let mut figures = Figures::default();
    let repo = Repo::open(workload.repository.folder()).await?;
    let deployer = repo.on(Arc::clone(&cluster));
    let mut gitops = deployer.gitops("HEAD", ReconcilerOptions::default()).await?;

    let start = Instant::now();
    let first = gitops.refresh().await?;
    ensure!(first.broken.is_empty(), "{:?}", first.broken);
    ensure!(first.changed == workload.count, "{} of {} applications found", first.changed, workload.count);
    until(&mut gitops, |gitops| {
        if figures.applied.is_none() && synced(gitops) == workload.count {
            figures.applied = Some(start.elapsed());
        }
        ready(gitops) == workload.count
    })
    .await?;
    figures.healthy = Some(start.elapsed());
    rest(&mut gitops).await?;

    let (mut looks, cpu, rounds) = (Vec::new(), processor_time()?, 11);
    for _ in 0..rounds {
        gitops.reconciler().refresh();
        let start = Instant::now();
        let pass = gitops.pass().await?;
        looks.push(start.elapsed());
        ensure!(pass.compared == 0 && pass.started == 0, "something changed meanwhile: {pass:?}");
    }
    figures.refresh = median(looks);
    figures.refresh_cpu = Some((processor_time()? - cpu) / rounds);

    let start = Instant::now();
    let hard = gitops.hard_refresh().await?;
    ensure!(hard.renders.rendered == workload.count, "{:?}", hard.renders);
    gitops.pass().await?;
    figures.hard_refresh = Some(start.elapsed());

    let (mut applied, mut healthy) = (Vec::new(), Vec::new());
    for n in 0..PUSHES {
        let (a, h) = push(&mut gitops, &*cluster, workload, n).await?;
        applied.push(a);
        healthy.push(h);
    }
    figures.push_applied = median(applied);
    figures.push_healthy = median(healthy);
    figures.resident = Some(resident()?);
    Ok(figures)
}

/// One commit, from the moment it is in the repository.
async fn push(
    gitops: &mut GitOps,
    cluster: &dyn ClusterReader,
    workload: &Workload,
    n: usize,
) -> Result<(Duration, Duration)> {
    workload.push(n, n + 1)?;
    let start = Instant::now();
    let refresh = gitops.refresh().await?;
    ensure!(refresh.changed == 1 && refresh.renders.rendered == 1, "{refresh:?}");
    gitops.pass().await?;
    // The operation's end makes the engine look again; until then nothing is asked of the cluster.
    let mut applied = None;
    until(gitops, |gitops| {
        let done = ready(gitops) == workload.count && !gitops.reconciler().is_busy();
        if done && applied.is_none() {
            applied = Some(start.elapsed());
        }
        done
    })
    .await?;
    let healthy = start.elapsed();
    let at = ObjectRef {
        kind: GroupVersionKind::parse("v1", "ConfigMap"),
        namespace: workload.namespace.clone(),
        name: Workload::name(n),
    };
    let live = cluster.get(&at).await?.context("the ConfigMap is gone")?;
    ensure!(live.value()["data"]["value"] == (n + 1).to_string(), "the change was not applied");
    Ok((applied.unwrap_or(healthy), healthy))
}

async fn until(gitops: &mut GitOps, mut done: impl FnMut(&mut GitOps) -> bool) -> Result<()> {
    let start = Instant::now();
    loop {
        gitops.pass().await?;
        if done(gitops) {
            return Ok(());
        }
        if start.elapsed() > LIMIT {
            let open: Vec<_> = gitops.reconciler().reports().filter(|report| !report.ready()).collect();
            bail!("not in time; {} applications are not ready: {:#?}", open.len(), open.first());
        }
        gitops.changed(Duration::from_secs(1)).await;
    }
}

/// Waits until the cluster is quiet, so that later figures are not about the echo of earlier ones.
async fn rest(gitops: &mut GitOps) -> Result<()> {
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        gitops.pass().await?;
    }
    Ok(())
}

fn synced(gitops: &mut GitOps) -> usize {
    gitops.reconciler().reports().filter(|report| report.sync == SyncCode::Synced).count()
}

fn ready(gitops: &mut GitOps) -> usize {
    gitops.reconciler().reports().filter(|report| report.ready()).count()
}

/// Resident memory of this process.
fn resident() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes * 1024)
}

/// Processor time of this process so far.
fn processor_time() -> Result<Duration> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(") ").next().context("stat")?.split(' ').collect();
    let ticks = |n: usize| fields.get(n).and_then(|field| field.parse::<u64>().ok()).context("ticks");
    Ok(Duration::from_millis((ticks(11)? + ticks(12)?) * 10))
}
