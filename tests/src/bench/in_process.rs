//! Renders of charts that are already loaded: this library against Helm's Go engine, which the Helm oracle
//! (`tests/oracle`) times in its own process.
//!
//! Both are timed for the same work: choose subcharts and import values, merge values, check schemas, render all
//! templates. Neither is timed for loading charts and values files, or for sorting manifests.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use plate_deploy_helm::chart::{Capabilities, Chart, KubeVersion, ValueRules, ValueSources};
use plate_deploy_helm::engine::{Engine, NoLookup, Release, RenderInput, RenderOptions};
use plate_deploy_helm::value::Map;
use serde_json::{Value, json};

use super::{Case, Pair};

/// When a chart has been rendered often enough; the oracle has the same rule.
const BUDGET: Duration = Duration::from_millis(400);
/// How often a chart is rendered at least.
const MIN_RUNS: usize = 3;

/// Milliseconds of the fastest render of every chart.
#[derive(Clone, Debug, Default)]
pub struct InProcess {
    /// Ours with an engine that is kept between renders, as a long-running program has it.
    pub warm: Vec<Pair>,
    /// Ours with a new engine every time, which parses all templates again, as Helm's does.
    pub cold: Vec<Pair>,
}

/// Renders every case up to `runs` times with both engines.
///
/// # Errors
/// The oracle cannot be started, or one of the two does not render a chart.
pub fn measure(cases: &[Case], corpus: &Path, oracle: &Path, runs: usize) -> anyhow::Result<InProcess> {
    let mut oracle = Oracle::start(oracle)?;
    let mut all = InProcess::default();
    for case in cases {
        let helm = oracle.fastest(case, corpus, runs)?.as_secs_f64() * 1e3;
        let chart = Chart::load_path(&corpus.join(&case.chart)).with_context(|| case.id.clone())?;
        let input = Input::of(case, corpus)?;
        let pair = |ours: Duration| Pair {
            id: case.id.clone(),
            helm,
            ours: ours.as_secs_f64() * 1e3,
            deterministic: case.is_deterministic(),
        };
        let kept = Engine::default();
        all.warm.push(pair(fastest(runs, || input.render(&kept, &chart))?));
        all.cold.push(pair(fastest(runs, || input.render(&Engine::default(), &chart))?));
    }
    oracle.stop()?;
    Ok(all)
}

/// What a case is rendered with.
struct Input {
    user: Map,
    release: Release,
    capabilities: Capabilities,
}

impl Input {
    fn of(case: &Case, corpus: &Path) -> anyhow::Result<Self> {
        let read = |path: &String| fs::read(corpus.join(path)).with_context(|| path.clone());
        let files = case.args.values.iter().map(|path| Ok((path.clone(), read(path)?)));
        let sources = ValueSources { files: files.collect::<anyhow::Result<_>>()?, ..ValueSources::default() };
        let kube_version = KubeVersion::parse(&case.args.kube_version).map_err(anyhow::Error::msg)?;
        Ok(Self {
            user: sources.merge()?,
            release: Release {
                name: case.args.name.clone(),
                namespace: case.args.namespace.clone(),
                revision: 1,
                is_upgrade: false,
            },
            capabilities: Capabilities { kube_version, ..Capabilities::default() },
        })
    }

    fn render(&self, engine: &Engine, chart: &Chart) -> anyhow::Result<usize> {
        let prepared = chart.prepare(&self.user, ValueRules::default())?;
        let input = RenderInput {
            chart: &prepared.chart,
            values: &prepared.values,
            release: &self.release,
            capabilities: &self.capabilities,
            lookup: &NoLookup,
        };
        Ok(engine.render(input, &RenderOptions::default())?.files.len())
    }
}

/// The fastest of up to `runs` runs, after one that does not count.
pub(super) fn fastest(runs: usize, mut run: impl FnMut() -> anyhow::Result<usize>) -> anyhow::Result<Duration> {
    run()?;
    let (began, mut best) = (Instant::now(), Duration::MAX);
    for done in 0..runs.max(1) {
        if done >= MIN_RUNS && began.elapsed() > BUDGET {
            break;
        }
        let start = Instant::now();
        std::hint::black_box(run()?);
        best = best.min(start.elapsed());
    }
    Ok(best)
}

/// The running oracle: one JSON line in, one out.
struct Oracle {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Oracle {
    fn start(path: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| path.display().to_string())?;
        let input = child.stdin.take().context("the oracle has no input")?;
        let output = BufReader::new(child.stdout.take().context("the oracle has no output")?);
        Ok(Self { child, input, output })
    }

    fn fastest(&mut self, case: &Case, corpus: &Path, runs: usize) -> anyhow::Result<Duration> {
        let read = |path: &String| fs::read_to_string(corpus.join(path)).with_context(|| path.clone());
        let values = case.args.values.iter().map(read).collect::<anyhow::Result<Vec<_>>>()?;
        let question = json!({"bench": {
            "chart": corpus.join(&case.chart),
            "name": case.args.name,
            "namespace": case.args.namespace,
            "kube_version": case.args.kube_version,
            "values": values,
            "runs": runs,
        }});
        writeln!(self.input, "{question}")?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let answer: Value = serde_json::from_str(&line).with_context(|| format!("the oracle answers {line:?}"))?;
        match answer["nanos"].as_u64() {
            Some(nanos) => Ok(Duration::from_nanos(nanos)),
            None => bail!("{}: the oracle (is it built from tests/oracle?) says {}", case.id, answer["error"]),
        }
    }

    fn stop(self) -> anyhow::Result<()> {
        let Self { mut child, input, output } = self;
        drop((input, output));
        child.wait()?;
        Ok(())
    }
}
