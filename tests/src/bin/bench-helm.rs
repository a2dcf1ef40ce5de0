//! `bench-helm [--helm PATH] [--oracle PATH] [--corpus DIR] [--runs N] [--only whole|render|growth]`: plate-deploy-helm beside real Helm, as ratios.
//!
//! Build `plate-deploy` in the same profile first: it is looked for beside this program. Without an oracle (built from
//! `tests/oracle` with `go build`) the comparison within a process is left out.

#![allow(clippy::print_stdout, reason = "a program that reports")]

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use plate_deploy_tests::bench::{Pair, Summary, cases, in_process, linear, whole};

/// Runs of each program on each chart.
const RUNS: usize = 5;
/// Renders of each chart within a process, at most.
const RENDERS: usize = 50;
/// How many of the worst charts are named.
const SHOWN: usize = 8;

struct Options {
    helm: PathBuf,
    oracle: Option<PathBuf>,
    corpus: PathBuf,
    runs: usize,
    only: Option<String>,
}

fn main() -> anyhow::Result<()> {
    let options = options()?;
    let wants = |part: &str| options.only.as_deref().is_none_or(|only| only == part);
    if wants("whole") {
        processes(&options)?;
    }
    if wants("render") {
        renders(&options)?;
    }
    if wants("growth") {
        growth()?;
    }
    Ok(())
}

fn processes(options: &Options) -> anyhow::Result<()> {
    let ours = env::current_exe()?.with_file_name("plate-deploy");
    anyhow::ensure!(ours.exists(), "{} is not there: cargo build --release -p plate-deploy-cli", ours.display());
    let cases = cases(&options.corpus)?;
    let floor = whole::memory_floor()?;
    let processes = whole::measure(&cases, &options.corpus, &ours, &options.helm, options.runs)?;
    println!("{} charts, fastest of {} runs; memory figures start at {floor:.1} MiB", cases.len(), options.runs);
    for failed in &processes.failed {
        println!("not rendered: {failed}");
    }
    print("whole process, wall time", "ms", 20.0, processes.time);
    print("whole process, peak memory", "MiB", 5.0, processes.memory);
    Ok(())
}

fn renders(options: &Options) -> anyhow::Result<()> {
    match &options.oracle {
        Some(oracle) => {
            let renders = in_process::measure(&cases(&options.corpus)?, &options.corpus, oracle, RENDERS)?;
            print("render of a loaded chart, engine kept", "ms", 3.0, renders.warm);
            print("render of a loaded chart, new engine", "ms", 3.0, renders.cold);
        }
        None => println!("\nrender of a loaded chart: left out, no --oracle"),
    }
    Ok(())
}

fn growth() -> anyhow::Result<()> {
    println!("\ngrowth, ns per unit at each size (rise: largest size against smallest; 1 is linear)");
    for growth in linear::measure(RENDERS)? {
        let sizes: Vec<usize> = growth.points.iter().map(|(size, _)| *size).collect();
        let prices: Vec<String> = growth.per_unit().iter().map(|price| format!("{price:.0}")).collect();
        println!("  {}: {sizes:?} → {} (rise {:.2})", growth.unit, prices.join(", "), growth.rise());
    }
    Ok(())
}

fn print(what: &str, unit: &str, goal: f64, pairs: Vec<Pair>) {
    let stable = Summary::of(pairs.iter().filter(|pair| pair.deterministic).cloned().collect());
    let Some(summary) = Summary::of(pairs) else { return println!("\n{what}: nothing measured") };
    let met = if summary.median >= goal { "met" } else { "missed" };
    println!("\n{what}: median ×{:.1} (goal ×{goal}: {met}), nine in ten ×{:.1}", summary.median, summary.p10);
    println!("  medians: ours {:.2} {unit}, Helm {:.2} {unit}", summary.ours, summary.helm);
    if let Some(stable) = stable {
        let count = stable.worst.len();
        println!("  {count} charts without randomness: median ×{:.1}, nine in ten ×{:.1}", stable.median, stable.p10);
    }
    let slower = summary.worst.iter().filter(|pair| pair.ratio() < 1.0).count();
    println!("  worse than Helm on {slower} of {} charts; the worst:", summary.worst.len());
    for pair in summary.worst.iter().take(SHOWN) {
        let random = if pair.deterministic { "" } else { ", random" };
        let (ratio, id) = (pair.ratio(), &pair.id);
        println!("  ×{ratio:.2} {id} (ours {:.2} {unit}, Helm {:.2} {unit}{random})", pair.ours, pair.helm);
    }
}

fn options() -> anyhow::Result<Options> {
    let home = env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let given = |name: &str| env::var_os(name).map(PathBuf::from);
    let mut options = Options {
        helm: given("PLATE_HELM").unwrap_or_else(|| home.join(".cache/plate-deploy-peers/helm-4.3.1/helm")),
        oracle: given("PLATE_HELM_ORACLE"),
        corpus: given("PLATE_DEPLOY_CORPUS").unwrap_or_else(beside),
        runs: RUNS,
        only: None,
    };
    let mut args = env::args().skip(1);
    while let Some(flag) = args.next() {
        let value = args.next().with_context(|| format!("{flag} needs a value"))?;
        match flag.as_str() {
            "--helm" => options.helm = value.into(),
            "--oracle" => options.oracle = Some(value.into()),
            "--corpus" => options.corpus = value.into(),
            "--runs" => options.runs = value.parse().context("--runs")?,
            "--only" if ["whole", "render", "growth"].contains(&value.as_str()) => options.only = Some(value),
            "--only" => bail!("--only is whole, render or growth"),
            _ => bail!("unknown flag {flag}; known: --helm, --oracle, --corpus, --runs, --only"),
        }
    }
    Ok(options)
}

/// `shared/corpus` beside the repository or above it.
fn beside() -> PathBuf {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|dir| dir.join("shared/corpus"));
    found.into_iter().find(|dir| dir.is_dir()).unwrap_or_else(|| "shared/corpus".into())
}
