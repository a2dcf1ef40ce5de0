//! Time-boxed fuzzing of plate-deploy-helm, on the stable toolchain.
//!
//! No sanitizer runs, which nightly Rust would be needed for: the crate has no unsafe code, and what is looked for
//! (panics, hangs, memory without bound) libFuzzer sees by itself.

use std::fs;
use std::path::Path;

use crate::peers::Peers;
use crate::report::Report;
use crate::step::Step;

/// The crate whose `fuzz` folder is run.
const CRATE: &str = "plate-deploy-helm";
/// Longest time for one input, in seconds.
const TIMEOUT: u32 = 10;
/// Most memory, in MiB.
const MEMORY: u32 = 2048;

/// Builds all targets and runs each for `seconds`.
pub(crate) fn run(report: &mut Report, peers: &Peers, seconds: u32) {
    let Ok(entries) = fs::read_dir(Path::new(CRATE).join("fuzz/fuzz_targets")) else {
        report.missing("Fuzzing", "plate-deploy-helm/fuzz is not there");
        return;
    };
    let Some(path) = peers.fuzz_path() else {
        report.missing("Fuzzing", "cargo-fuzz is missing (cargo install cargo-fuzz)");
        return;
    };
    let mut targets: Vec<String> =
        entries.flatten().filter_map(|entry| Some(entry.path().file_stem()?.to_str()?.to_owned())).collect();
    targets.sort();
    let fuzz = |args: &[&str]| Step::cargo(["fuzz"]).args(args.iter().copied()).env("PATH", &path).in_dir(CRATE);
    report.run("Fuzzing: build", fuzz(&["build", "--sanitizer", "none"]));
    for target in targets {
        // New inputs go to the first folder; the second holds the ones to start from.
        let folders = [format!("fuzz/corpus/{target}"), format!("fuzz/seeds/{target}")];
        for folder in &folders {
            // A folder that cannot be made fails the step, with libFuzzer's message.
            let _ = fs::create_dir_all(Path::new(CRATE).join(folder));
        }
        let limits = [
            format!("-max_total_time={seconds}"),
            format!("-timeout={TIMEOUT}"),
            format!("-rss_limit_mb={MEMORY}"),
            "-print_final_stats=1".to_owned(),
        ];
        let mut args = vec!["run", "--sanitizer", "none", target.as_str()];
        args.extend(folders.iter().map(String::as_str));
        args.push("--");
        args.extend(limits.iter().map(String::as_str));
        report.run(&format!("Fuzzing: {target}, {seconds} s"), fuzz(&args));
    }
}
