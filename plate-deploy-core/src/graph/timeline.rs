//! How a commit reaches the cluster: ten steps, with the time that each took where it was measured.

use serde::{Deserialize, Serialize};

/// One step on the way of a commit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TimelineStep {
    /// From 1 to 10.
    pub number: usize,
    /// A short name.
    pub title: String,
    /// What happens, for this commit.
    pub what: String,
    /// How long it took, in milliseconds; none when it was not measured.
    pub milliseconds: Option<f64>,
}

/// The ten steps; `measured`: what happened in each of them and how long it took, as far as it is known.
#[must_use]
pub fn propagation(measured: [(String, Option<f64>); 10]) -> Vec<TimelineStep> {
    const TITLES: [&str; 10] = [
        "commit",
        "resolve the revision",
        "find Applications",
        "find what is affected",
        "render before",
        "render after",
        "compare",
        "apply",
        "pods come up",
        "Synced and Healthy",
    ];
    TITLES
        .iter()
        .zip(measured)
        .enumerate()
        .map(|(n, (title, (what, milliseconds)))| TimelineStep {
            number: n + 1,
            title: (*title).to_owned(),
            what,
            milliseconds,
        })
        .collect()
}
