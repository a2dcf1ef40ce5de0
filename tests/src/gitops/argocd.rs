//! Real Argo CD: its Applications are created, its status is watched.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::{StreamExt, stream};
use plate_deploy_core::cluster::{
    ClusterReader, ClusterWriter, KubeCluster, ListOptions, ObjectRef, Patch, WriteOptions,
};
use plate_deploy_core::model::{GroupVersionKind, Manifest};
use serde_json::json;

use super::{Figures, Workload, median};
use crate::control_plane::{ARGOCD_NAMESPACE, ControlPlane};

/// Commits pushed.
const PUSHES: usize = 3;
/// Longest wait for anything.
const LIMIT: Duration = Duration::from_secs(900);
/// Between two looks at its status, so that looking costs the API server little.
const LOOK: Duration = Duration::from_millis(250);

/// Runs the whole measurement on a control plane with Argo CD.
///
/// # Errors
/// When the cluster or the repository cannot be used, or something does not happen in time.
pub async fn measure(plane: &ControlPlane, workload: &Workload) -> Result<Figures> {
    let cluster = plane.cluster().await?;
    let mut figures = Figures::default();
    let start = Instant::now();
    stream::iter(0..workload.count)
        .map(|n| plane.apply(workload.application(n)))
        .buffer_unordered(8)
        .collect::<Vec<_>>()
        .await
        .into_iter()
        .collect::<Result<Vec<_>>>()?;
    wait(&cluster, |applications| {
        let synced = applications.iter().filter(|app| text(app, "/status/sync/status") == "Synced").count();
        if figures.applied.is_none() && synced == workload.count {
            figures.applied = Some(start.elapsed());
        }
        applications.iter().filter(|app| ready(app)).count() == workload.count
    })
    .await?;
    figures.healthy = Some(start.elapsed());
    tokio::time::sleep(Duration::from_secs(5)).await;

    let cpu = processor_time(plane);
    figures.refresh = Some(refresh(&cluster, workload, "normal").await?);
    figures.refresh_cpu = Some(processor_time(plane).saturating_sub(cpu));
    figures.hard_refresh = Some(refresh(&cluster, workload, "hard").await?);

    let (mut applied, mut healthy) = (Vec::new(), Vec::new());
    for n in 0..PUSHES {
        let (a, h) = push(&cluster, workload, n).await?;
        applied.push(a);
        healthy.push(h);
    }
    figures.push_applied = median(applied);
    figures.push_healthy = median(healthy);
    figures.resident =
        Some(plane.usage().iter().filter(|usage| is_argocd(&usage.name)).map(|usage| usage.resident).sum());
    Ok(figures)
}

fn is_argocd(program: &str) -> bool {
    program.starts_with("argocd") || program.starts_with("redis")
}

fn processor_time(plane: &ControlPlane) -> Duration {
    plane.usage().iter().filter(|usage| is_argocd(&usage.name)).map(|usage| usage.cpu).sum()
}

/// Asks for a refresh of every Application, and waits until Argo CD has taken every request back.
async fn refresh(cluster: &KubeCluster, workload: &Workload, kind: &str) -> Result<Duration> {
    let start = Instant::now();
    let asks = stream::iter(0..workload.count).map(|n| ask(cluster, n, kind)).buffer_unordered(8);
    asks.collect::<Vec<_>>().await.into_iter().collect::<Result<Vec<_>>>()?;
    let asked = |app: &Manifest| app.annotation("argocd.argoproj.io/refresh").is_some();
    wait(cluster, |applications| !applications.iter().any(asked)).await?;
    Ok(start.elapsed())
}

async fn ask(cluster: &KubeCluster, n: usize, kind: &str) -> Result<()> {
    let patch = Patch::Merge(json!({"metadata": {"annotations": {"argocd.argoproj.io/refresh": kind}}}));
    cluster.patch(&application(n), None, &patch, &WriteOptions::default()).await?;
    Ok(())
}

/// One commit, from the moment it is in the repository and a refresh is asked for.
async fn push(cluster: &KubeCluster, workload: &Workload, n: usize) -> Result<(Duration, Duration)> {
    workload.push(n, n + 1)?;
    let start = Instant::now();
    ask(cluster, n, "normal").await?;
    let at = ObjectRef {
        kind: GroupVersionKind::parse("v1", "ConfigMap"),
        namespace: workload.namespace.clone(),
        name: Workload::name(n),
    };
    let mut applied = None;
    while start.elapsed() < LIMIT {
        if applied.is_none() {
            let live = cluster.get(&at).await?.context("the ConfigMap is gone")?;
            if live.value()["data"]["value"] == (n + 1).to_string() {
                applied = Some(start.elapsed());
            }
        }
        let app = cluster.get(&application(n)).await?.context("the Application is gone")?;
        if let Some(applied) = applied
            && ready(&app)
        {
            return Ok((applied, start.elapsed()));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bail!("the commit was not applied in time")
}

async fn wait(cluster: &KubeCluster, mut done: impl FnMut(&[Manifest]) -> bool) -> Result<()> {
    let options = ListOptions { namespace: Some(ARGOCD_NAMESPACE.into()), ..ListOptions::default() };
    let start = Instant::now();
    while start.elapsed() < LIMIT {
        if done(&cluster.list(&kind(), &options).await?.items) {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
    bail!("Argo CD was not done in time")
}

fn kind() -> GroupVersionKind {
    GroupVersionKind::parse("argoproj.io/v1alpha1", "Application")
}

fn application(n: usize) -> ObjectRef {
    ObjectRef { kind: kind(), namespace: ARGOCD_NAMESPACE.into(), name: Workload::name(n) }
}

fn text<'a>(app: &'a Manifest, pointer: &str) -> &'a str {
    app.value().pointer(pointer).and_then(|value| value.as_str()).unwrap_or_default()
}

fn ready(app: &Manifest) -> bool {
    text(app, "/status/sync/status") == "Synced" && text(app, "/status/health/status") == "Healthy"
}
