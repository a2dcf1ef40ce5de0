//! `bench-gitops [--apps N] [--embedded] [--with-argocd]`: the embedded GitOps engine, and beside it real
//! Argo CD, on one real control plane with simulated nodes. Prints a Markdown table.
//!
//! The programs come from where `cargo suite` builds them (`PLATE_CONTROL_PLANE`, `PLATE_ARGOCD`, `PLATE_HELM`).
//! `--embedded` measures ours on the embedded API instead, in this process.

#![allow(clippy::print_stdout, reason = "a program that reports")]

use std::env;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use plate_deploy_core::cluster::{
    ApplyMode, ClusterBackend, ClusterWriter, EmbeddedCluster, EmbeddedOptions, WriteOptions,
};
use plate_deploy_core::model::Manifest;
use plate_deploy_tests::control_plane::ControlPlane;
use plate_deploy_tests::gitops::{Figures, Workload, argocd, ours};
use serde_json::json;

/// Simulated nodes.
const NODES: usize = 8;

struct Options {
    apps: usize,
    embedded: bool,
    with_argocd: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = options()?;
    let workload = Workload::new(options.apps, "bench-ours")?;
    if options.embedded {
        let cluster: Arc<dyn ClusterBackend> = Arc::new(EmbeddedCluster::start(EmbeddedOptions::default()).await?);
        namespace(&*cluster, &workload.namespace).await?;
        let figures = ours::measure(cluster, &workload).await?;
        print(options.apps, "the embedded API", &figures, None);
        return Ok(());
    }
    let mut builder = ControlPlane::builder().workloads(NODES);
    if options.with_argocd {
        builder = builder.argocd();
    }
    let Some(builder) = builder.available() else { bail!("the programs are not built: run `cargo suite` first") };
    let plane = builder.start().await?;
    if options.with_argocd {
        // One after the other: neither shall pay for the other's work.
        plane.stop("argocd-application-controller")?;
    }
    let cluster: Arc<dyn ClusterBackend> = Arc::new(plane.cluster().await?);
    namespace(&*cluster, &workload.namespace).await?;
    let ours = ours::measure(Arc::clone(&cluster), &workload).await?;
    let mut theirs = None;
    if options.with_argocd {
        let workload = Workload::new(options.apps, "bench-argocd")?;
        namespace(&*cluster, &workload.namespace).await?;
        plane.restart("argocd-application-controller").await?;
        theirs = Some(argocd::measure(&plane, &workload).await?);
    }
    print(options.apps, "Kubernetes 1.37.2, simulated nodes", &ours, theirs.as_ref());
    Ok(())
}

async fn namespace(cluster: &dyn ClusterWriter, name: &str) -> Result<()> {
    let object = Manifest::new(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}))?;
    cluster.apply(&object, ApplyMode::ClientSide, &WriteOptions::default()).await?;
    Ok(())
}

fn print(apps: usize, place: &str, ours: &Figures, theirs: Option<&Figures>) {
    println!("\n{apps} Applications of three objects each, on {place}\n");
    println!("| | ours | Argo CD 3.6.1 | ratio |\n| --- | --- | --- | --- |");
    type Part = fn(&Figures) -> Option<Duration>;
    let times: [(&str, Part); 7] = [
        ("all created → all Synced", |f| f.applied),
        ("all created → all Synced and Healthy", |f| f.healthy),
        ("a look at all without a change", |f| f.refresh),
        ("… its processor time", |f| f.refresh_cpu),
        ("everything rendered and compared anew", |f| f.hard_refresh),
        ("one pushed commit → applied", |f| f.push_applied),
        ("one pushed commit → Synced and Healthy", |f| f.push_healthy),
    ];
    for (what, of) in times {
        let their = theirs.and_then(of);
        row(what, of(ours).map(|t| t.as_secs_f64()), their.map(|t| t.as_secs_f64()), seconds);
    }
    let memory = |f: &Figures| f.resident.map(|bytes| bytes as f64 / f64::from(1 << 20));
    row("resident memory", memory(ours), theirs.and_then(memory), |mib| format!("{mib:.0} MiB"));
}

fn row(what: &str, ours: Option<f64>, theirs: Option<f64>, show: fn(f64) -> String) {
    let text = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), show);
    let ratio = match (ours, theirs) {
        (Some(ours), Some(theirs)) if ours > 0.0 => format!("×{:.1}", theirs / ours),
        _ => "–".to_owned(),
    };
    println!("| {what} | {} | {} | {ratio} |", text(ours), text(theirs));
}

fn seconds(seconds: f64) -> String {
    match seconds {
        s if s >= 1.0 => format!("{s:.1} s"),
        s if s >= 0.01 => format!("{:.0} ms", s * 1e3),
        s => format!("{:.2} ms", s * 1e3),
    }
}

fn options() -> Result<Options> {
    let mut options = Options { apps: 200, embedded: false, with_argocd: false };
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--apps" => options.apps = arguments.next().context("--apps needs a number")?.parse()?,
            "--embedded" => options.embedded = true,
            "--with-argocd" => options.with_argocd = true,
            other => bail!("unknown argument {other}; there are --apps N, --embedded, --with-argocd"),
        }
    }
    Ok(options)
}
