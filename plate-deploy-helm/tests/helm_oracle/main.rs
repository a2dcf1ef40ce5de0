//! Differential tests against Helm's own engine.
//!
//! `random_templates_render_as_with_helm` generates templates from a seed and renders each with this crate and with the
//! Helm oracle (`tests/oracle`, a Go program around `helm.sh/helm/v4` v4.3.1). Both must give the same bytes, or both
//! must fail. It needs the built oracle in `PLATE_HELM_ORACLE`:
//!
//! ```text
//! (cd tests/oracle && go build -o ~/.cache/plate-deploy-peers/helm-oracle-4.3.1/helm-oracle .)
//! PLATE_HELM_ORACLE=~/.cache/plate-deploy-peers/helm-oracle-4.3.1/helm-oracle cargo test -p plate-deploy-helm --test helm_oracle
//! ```
//!
//! `PLATE_HELM_ORACLE_CASES` (20 000) and `PLATE_HELM_ORACLE_SEED` (1) choose what runs; `PLATE_HELM_ORACLE_RECORD=path`
//! writes the differences found, shrunk, as fixtures with Helm's answers, and `PLATE_HELM_ORACLE_SAMPLE=path` every
//! 40th case on which both agree. Fixtures in `tests/fixtures/helm_oracle` are
//! replayed without Go by `recorded_cases_render_as_with_helm`.

#![allow(
    clippy::print_stdout,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test prints what it ran and where it differs"
)]

mod functions;
mod generator;
mod oracle;
mod pools;
mod rng;

use std::path::{Path, PathBuf};

use generator::Case;
use oracle::{Answer, Oracle, ours};
use plate_deploy_helm::engine::Engine;

/// Cases sent to Helm before reading its answers.
const BATCH: usize = 16;
/// Longest line, in bytes, that is kept as a sample.
const LONGEST_SAMPLE: usize = 1400;
/// Differences shown before a run gives up.
const SHOWN: usize = 25;

fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn number(name: &str, default: u64) -> u64 {
    setting(name).map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} is no number: {value}")))
}

/// Same bytes, or failed both. A panic of ours never agrees.
fn agree(helm: &Answer, ours: &Answer) -> bool {
    match (helm, ours) {
        (Ok(helm), Ok(ours)) => helm == ours || readable(helm) == readable(ours),
        // Go lets `slice` look past a list's end into its spare capacity.
        (Ok(_), Err(ours)) if ours.contains("slice index out of bounds") => true,
        (Err(_), Err(ours)) => ours != "PANIC",
        _ => false,
    }
}

/// Output that is no UTF-8 crosses the oracle's JSON with another number of replacement characters.
fn readable(text: &str) -> String {
    let text = match text.find("toml: line ") {
        // What a TOML parser says after the line is its own wording; the rest of such an output is not looked at.
        Some(at) => &text[..text[at..].find([' ', ':']).map_or(text.len(), |end| at + end)],
        None => text,
    };
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c != char::REPLACEMENT_CHARACTER || !out.ends_with(c) {
            out.push(c);
        }
    }
    out
}

/// Drops statements, then the definitions, as long as the answers still differ.
fn shrink(oracle: &mut Oracle, engine: &Engine, case: &Case) -> Case {
    let mut best = case.clone();
    let mut differs = |candidate: &Case| {
        let helm = oracle.ask(&[candidate]).expect("the oracle answers").remove(0);
        !agree(&helm, &ours(engine, candidate))
    };
    let mut at = 0;
    while at < best.statements.len() && best.statements.len() > 1 {
        let mut candidate = best.clone();
        candidate.statements.remove(at);
        if differs(&candidate) { best = candidate } else { at += 1 }
    }
    let bare = Case { partials: String::new(), ..best.clone() };
    if differs(&bare) { bare } else { best }
}

#[test]
fn random_templates_render_as_with_helm() {
    let Some(path) = setting("PLATE_HELM_ORACLE") else {
        println!("helm oracle not available: suite not run");
        return;
    };
    let (seed, count) = (number("PLATE_HELM_ORACLE_SEED", 1), number("PLATE_HELM_ORACLE_CASES", 20_000));
    println!("helm oracle: seed {seed}, {count} cases");
    let mut oracle = Oracle::start(&path).expect("the oracle starts");
    let engine = Engine::default();
    let (mut succeeded, mut differences, mut sample) = (0usize, Vec::new(), String::new());
    let seeds: Vec<u64> = (0..count).map(|n| seed.wrapping_mul(1_000_003).wrapping_add(n)).collect();
    for batch in seeds.chunks(BATCH) {
        let cases: Vec<Case> = batch.iter().map(|seed| generator::case(*seed)).collect();
        let helm = oracle.ask(&cases.iter().collect::<Vec<_>>()).expect("the oracle answers");
        for ((case, helm), seed) in cases.iter().zip(helm).zip(batch) {
            succeeded += usize::from(helm.is_ok());
            let line = fixture(case, &helm);
            if !agree(&helm, &ours(&engine, case)) {
                differences.push((*seed, shrink(&mut oracle, &engine, case)));
            } else if seed % 40 == 0 && line.len() < LONGEST_SAMPLE {
                sample.push_str(&line);
            }
        }
        if differences.len() >= SHOWN && setting("PLATE_HELM_ORACLE_RECORD").is_none() {
            break;
        }
    }
    println!("helm oracle: {succeeded} of {count} cases rendered, the others failed in Helm");
    if let Some(path) = setting("PLATE_HELM_ORACLE_SAMPLE") {
        std::fs::write(path, sample).expect("the sample is written");
    }
    report(&mut oracle, &engine, &differences);
    assert!(differences.is_empty(), "{} cases differ from Helm (seed {seed})", differences.len());
}

fn report(oracle: &mut Oracle, engine: &Engine, differences: &[(u64, Case)]) {
    let mut recorded = String::new();
    for (seed, case) in differences {
        let helm = oracle.ask(&[case]).expect("the oracle answers").remove(0);
        println!("--- case {seed}\n{}", case.template());
        if !case.partials.is_empty() {
            println!("--- partials\n{}", case.partials);
        }
        println!("--- values\n{}--- Helm\n{helm:?}\n--- ours\n{:?}\n", case.values, ours(engine, case));
        recorded.push_str(&fixture(case, &helm));
    }
    if let Some(path) = setting("PLATE_HELM_ORACLE_RECORD") {
        std::fs::write(path, recorded).expect("the record is written");
    }
}

/// A fixture line: the case with Helm's output, or `null` when Helm fails.
fn fixture(case: &Case, helm: &Answer) -> String {
    let out = helm.as_ref().ok();
    let line = serde_json::json!({
        "template": case.template(), "partials": case.partials, "values": case.values, "out": out,
    });
    format!("{line}\n")
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/helm_oracle")
}

#[test]
fn recorded_cases_render_as_with_helm() {
    let engine = Engine::default();
    let mut cases = 0;
    for entry in std::fs::read_dir(fixtures()).expect("fixtures") {
        let path = entry.expect("a fixture").path();
        for (at, line) in std::fs::read_to_string(&path).expect("a text").lines().enumerate() {
            let recorded: serde_json::Value = serde_json::from_str(line).expect("a case");
            let text = |key: &str| recorded[key].as_str().unwrap_or_default().to_owned();
            let case = Case { statements: vec![text("template")], partials: text("partials"), values: text("values") };
            let helm = recorded["out"].as_str().map(str::to_owned).ok_or_else(String::new);
            let answer = ours(&engine, &case);
            let place = format!("{}:{}", path.display(), at + 1);
            assert!(agree(&helm, &answer), "{place}\n{}\nHelm {helm:?}\nours {answer:?}", case.template());
            cases += 1;
        }
    }
    assert!(cases > 0, "no fixtures");
}
