//! Whole processes: `plate-deploy helm template` against `helm template`.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use wait4::Wait4;

use super::{Case, Pair};

/// Time and memory of every chart.
#[derive(Clone, Debug, Default)]
pub struct Whole {
    /// Wall time, milliseconds, the fastest run.
    pub time: Vec<Pair>,
    /// Peak resident memory, MiB, the smallest run.
    pub memory: Vec<Pair>,
    /// Charts that one of the two did not render, with its name.
    pub failed: Vec<String>,
}

/// One process: how long it took and how much memory it held at its peak.
#[derive(Clone, Copy, Debug)]
struct Cost {
    time: Duration,
    peak: u64,
}

/// Runs both programs `runs` times on every case, in turns, so that a noisy moment hits both.
///
/// # Errors
/// A program cannot be started.
pub fn measure(cases: &[Case], corpus: &Path, ours: &Path, helm: &Path, runs: usize) -> anyhow::Result<Whole> {
    let mut whole = Whole::default();
    for case in cases {
        let (mut best_helm, mut best_ours) = (None, None);
        for _ in 0..runs.max(1) {
            best_helm = least(best_helm, run(&mut command(helm, &[], case, corpus))?);
            best_ours = least(best_ours, run(&mut command(ours, &["helm"], case, corpus))?);
        }
        let (Some(helm), Some(ours)) = (best_helm, best_ours) else {
            let who = if best_helm.is_none() { "Helm" } else { "plate-deploy" };
            whole.failed.push(format!("{} ({who})", case.id));
            continue;
        };
        let pair = |figure: fn(Cost) -> f64| Pair {
            id: case.id.clone(),
            helm: figure(helm),
            ours: figure(ours),
            deterministic: case.is_deterministic(),
        };
        whole.time.push(pair(|cost| cost.time.as_secs_f64() * 1e3));
        whole.memory.push(pair(|cost| cost.peak as f64 / f64::from(1 << 20)));
    }
    Ok(whole)
}

/// The peak memory that a process starting nothing is charged with, MiB: Linux counts the parent's memory at the moment
/// of `exec`, so no figure can be below it.
///
/// # Errors
/// `true` cannot be started.
pub fn memory_floor() -> anyhow::Result<f64> {
    let cost = run(&mut Command::new("true"))?.context("`true` fails")?;
    Ok(cost.peak as f64 / f64::from(1 << 20))
}

fn command(program: &Path, verb: &[&str], case: &Case, corpus: &Path) -> Command {
    let args = &case.args;
    let mut command = Command::new(program);
    command.current_dir(corpus).args(verb).args(["template", &args.name, &case.chart]);
    command.args(["--namespace", &args.namespace, "--kube-version", &args.kube_version]);
    args.values.iter().for_each(|path| {
        command.args(["-f", path]);
    });
    if args.include_crds {
        command.arg("--include-crds");
    }
    command
}

/// `None` when the program fails.
fn run(command: &mut Command) -> anyhow::Result<Option<Cost>> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let program = command.get_program().to_string_lossy().into_owned();
    let start = Instant::now();
    let child = command.spawn().with_context(|| program.clone())?;
    let used = child.wait4().with_context(|| program)?;
    let cost = Cost { time: start.elapsed(), peak: used.rusage.maxrss };
    Ok(used.status.success().then_some(cost))
}

fn least(best: Option<Cost>, next: Option<Cost>) -> Option<Cost> {
    let (Some(a), Some(b)) = (best, next) else { return best.or(next) };
    Some(Cost { time: a.time.min(b.time), peak: a.peak.min(b.peak) })
}
