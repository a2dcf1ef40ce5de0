//! `cargo suite [--require-all] [--fuzz SECONDS] [--peers]`: the one command that tests everything.
//!
//! Finds Go and Python, builds the real peers (Helm, a Kubernetes control plane with simulated nodes, Argo CD) and the
//! Python module into a cache outside the clone, runs every suite, and ends with what passed, what failed and what did
//! not run and why.

mod browser;
mod fuzz;
mod go_peers;
mod peers;
mod report;
mod step;

use std::process::ExitCode;

use report::Report;
use step::Step;

/// Seconds for each fuzz target when the command line does not say: none, until the cold build of the targets is known to fit
/// into CI.
const FUZZ_SECONDS: u32 = 0;

/// The module of `tests/it` whose tests start real control planes; a suite of its own, as its time is.
const REAL_CLUSTER: &str = "real_cluster::";

/// Tests of `tests/it` that keep every processor busy or wait for real programs: each runs alone, so that none takes the
/// other's time.
const ALONE: [(&str, &str); 3] = [
    ("api_diff::", "Embedded API beside the real one"),
    ("faults::", "Fault matrix"),
    ("argocd::real_argocd_deploys_and", "Hand-over to a real Argo CD and back"),
];

/// What was asked for.
struct Options {
    /// A suite that cannot run is a failure.
    require_all: bool,
    /// Seconds for each fuzz target; 0: no fuzzing.
    fuzz_seconds: u32,
    /// Only build the peers, and say where they are.
    peers_only: bool,
}

fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("{message}\nusage: cargo suite [--require-all] [--fuzz SECONDS] [--peers]");
            return ExitCode::from(2);
        }
    };
    let mut report = Report::default();
    let mut peers = peers::programs(&mut report);
    if options.peers_only {
        peers.environment.iter().for_each(|(name, path)| println!("export {name}={}", path.display()));
        return report.finish(options.require_all);
    }
    peers::complete(&mut peers, &mut report);
    browser::prepare(&mut report, options.require_all);
    // One selection of packages for all, so that nothing is compiled twice.
    let mut general = vec!["--lib", "--bins", "--tests", "--examples", "--", "--skip", REAL_CLUSTER];
    general.extend(ALONE.iter().flat_map(|(name, _)| ["--skip", name]));
    report.run("Rust: unit, fixture, contract, differential and end-to-end tests", rust_tests(&peers, &general));
    for (name, title) in ALONE {
        report.run(title, rust_tests(&peers, &["--test", "it", "--", name, "--nocapture"]));
    }
    if peers.has("PLATE_CONTROL_PLANE") {
        let real = ["--test", "it", "--", REAL_CLUSTER, "--nocapture", "--test-threads=2"];
        report.run("Real cluster: contract, whole deploys, Argo CD", rust_tests(&peers, &real));
    }
    for example in ["embed_engine", "render_chart"] {
        let step = Step::cargo(["run", "--quiet", "--package", "plate-deploy-examples", "--example", example]);
        report.run(&format!("Rust: example {example}"), step);
    }
    report.run("Rust: documentation examples", Step::cargo(["test", "--workspace", "--doc", "--quiet"]));
    if let Some(python) = &peers.python {
        report.run("Python: module and tests", Step::new(python).args(["-m", "pytest", "-q", "plate-deploy-py/tests"]));
    }
    if options.fuzz_seconds > 0 {
        fuzz::run(&mut report, &peers, options.fuzz_seconds);
    }
    report.finish(options.require_all)
}

fn options(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options { require_all: false, fuzz_seconds: FUZZ_SECONDS, peers_only: false };
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--require-all" => options.require_all = true,
            "--peers" => options.peers_only = true,
            "--fuzz" => {
                let seconds = args.next().and_then(|s| s.parse().ok());
                options.fuzz_seconds = seconds.ok_or("--fuzz needs a number of seconds")?;
            }
            other => return Err(format!("unknown argument {other:?}")),
        }
    }
    Ok(options)
}

fn rust_tests(peers: &peers::Peers, args: &[&str]) -> Step {
    let mut step = Step::cargo(["test", "--workspace"]).args(args.iter().copied());
    for (name, path) in &peers.environment {
        step = step.env(name, path);
    }
    step
}
