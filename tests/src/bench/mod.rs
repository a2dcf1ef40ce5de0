//! Measurements of plate-deploy-helm beside real Helm, for the binary `bench-helm`.
//!
//! [`whole`] compares processes, [`in_process`] compares renders of charts that are already loaded, [`linear`] shows
//! how the cost of a render grows. A ratio is always Helm's figure divided by ours: above 1 is in our favour.

pub mod in_process;
pub mod linear;
pub mod whole;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;
use serde_json::Value;

/// A chart of the corpus and the flags to render it with; paths are relative to the corpus.
#[derive(Clone, Debug, Deserialize)]
pub struct Case {
    /// Unique: `repository/chart/default`.
    pub id: String,
    /// The chart's folder.
    pub chart: String,
    /// Flags of `helm template`.
    pub args: Args,
    /// Two runs of Helm differ: the chart makes keys, passwords or dates.
    #[serde(default)]
    pub nondeterministic: Value,
    expect: Expect,
}

/// Flags of `helm template` that a measured case may have.
#[derive(Clone, Debug, Deserialize)]
pub struct Args {
    /// NAME.
    pub name: String,
    /// `--namespace`.
    pub namespace: String,
    /// `--kube-version`.
    pub kube_version: String,
    /// `-f`.
    #[serde(default)]
    pub values: Vec<String>,
    /// `--include-crds`.
    #[serde(default)]
    pub include_crds: bool,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

#[derive(Clone, Debug, Deserialize)]
struct Expect {
    exit: i32,
}

impl Case {
    /// Whether two renders give the same bytes.
    #[must_use]
    pub fn is_deterministic(&self) -> bool {
        !matches!(self.nondeterministic, Value::Bool(true) | Value::Array(_) | Value::Object(_) | Value::String(_))
    }
}

/// The case `default` of every chart in the corpus that renders.
///
/// # Errors
/// `cases.jsonl` cannot be read.
pub fn cases(corpus: &Path) -> anyhow::Result<Vec<Case>> {
    let path = corpus.join("cases.jsonl");
    let file = File::open(&path).with_context(|| path.display().to_string())?;
    let mut cases = Vec::new();
    for line in BufReader::new(file).lines() {
        let case: Case = serde_json::from_str(&line?).with_context(|| path.display().to_string())?;
        if case.id.ends_with("/default") && case.expect.exit == 0 && case.args.others.is_empty() {
            cases.push(case);
        }
    }
    anyhow::ensure!(!cases.is_empty(), "{} has no case named default", path.display());
    Ok(cases)
}

/// One chart's figures, Helm's and ours, in the same unit.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The case.
    pub id: String,
    /// Helm's figure.
    pub helm: f64,
    /// Ours.
    pub ours: f64,
    /// Whether the chart renders the same twice.
    pub deterministic: bool,
}

impl Pair {
    /// Helm's figure divided by ours.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        self.helm / self.ours
    }
}

/// What many pairs come to.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Median of our figures.
    pub ours: f64,
    /// Median of Helm's figures.
    pub helm: f64,
    /// Median ratio.
    pub median: f64,
    /// The ratio that nine charts in ten reach.
    pub p10: f64,
    /// Pairs by ratio, the worst first.
    pub worst: Vec<Pair>,
}

impl Summary {
    /// Sums the pairs up; `None` when there are none.
    #[must_use]
    pub fn of(mut pairs: Vec<Pair>) -> Option<Self> {
        pairs.sort_by(|a, b| a.ratio().total_cmp(&b.ratio()));
        let at = |part: usize| pairs.get(pairs.len() * part / 100).map(Pair::ratio);
        let (median, p10) = (at(50)?, at(10)?);
        let middle = |figure: fn(&Pair) -> f64| {
            let mut figures: Vec<f64> = pairs.iter().map(figure).collect();
            figures.sort_by(f64::total_cmp);
            figures.get(figures.len() / 2).copied()
        };
        let (ours, helm) = (middle(|pair| pair.ours)?, middle(|pair| pair.helm)?);
        Some(Self { ours, helm, median, p10, worst: pairs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_puts_the_worst_ratio_first() {
        let pair = |id: &str, helm, ours| Pair { id: id.into(), helm, ours, deterministic: true };
        let summary = Summary::of(vec![pair("a", 10.0, 1.0), pair("b", 1.0, 2.0), pair("c", 9.0, 3.0)]).unwrap();
        assert_eq!((summary.median, summary.p10, summary.ours, summary.helm), (3.0, 0.5, 2.0, 9.0));
        assert_eq!(summary.worst.iter().map(|pair| pair.id.as_str()).collect::<Vec<_>>(), ["b", "c", "a"]);
        assert!(Summary::of(Vec::new()).is_none());
    }
}
