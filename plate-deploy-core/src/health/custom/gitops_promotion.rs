//! GitOps Promoter: how far a promotion got, from the commits and commit statuses of its environments.

use crate::health::node::Node;
use crate::health::{degraded, healthy, progressing};
use crate::model::HealthStatus;

/// How many commit statuses are in which phase, and the keys of those that matter.
#[derive(Default)]
struct Tally<'a> {
    pending: Vec<&'a str>,
    failed: Vec<&'a str>,
    successful: usize,
}

impl<'a> Tally<'a> {
    fn of(part: Node<'a>) -> Self {
        let mut tally = Self::default();
        for status in part.at("/commitStatuses").items() {
            match status.at("/phase").str() {
                "pending" => tally.pending.push(status.at("/key").str()),
                "failure" => tally.failed.push(status.at("/key").str()),
                "success" => tally.successful += 1,
                _ => {}
            }
        }
        tally
    }

    fn is_clean(&self) -> bool {
        self.pending.is_empty() && self.failed.is_empty()
    }

    fn describe(&self) -> String {
        let counts =
            format!("{} pending, {} successful, {} failed. ", self.pending.len(), self.successful, self.failed.len());
        let list = |what: &str, keys: &[&str]| {
            if keys.is_empty() { String::new() } else { format!("{what} commit statuses: {}. ", keys.join(", ")) }
        };
        format!("{counts}{}{}", list("Pending", &self.pending), list("Failed", &self.failed))
    }
}

fn short(sha: &str) -> &str {
    sha.get(..7).unwrap_or(sha)
}

pub(super) fn change_transfer_policy(object: Node<'_>) -> Option<HealthStatus> {
    let (active, proposed) = (object.at("/status/active"), object.at("/status/proposed"));
    let (from, to) = (active.at("/dry/sha").str(), proposed.at("/dry/sha").str());
    if from.is_empty() {
        return Some(progressing("The active commit DRY SHA is missing or empty."));
    }
    if to.is_empty() {
        return Some(progressing("The proposed commit DRY SHA is missing or empty."));
    }
    let tally = Tally::of(active);
    Some(healthy(if from != to {
        let counts = Tally::of(proposed).describe();
        format!("Promotion in progress from '{}' to '{}': {counts}", short(from), short(to))
    } else if tally.is_clean() {
        format!("Environment is up-to-date on commit {}.", short(from))
    } else {
        let counts = tally.describe();
        format!("Environment is up-to-date, but there are non-successful active commit statuses: {counts}")
    }))
}

/// The commit the hydrator has processed for an environment.
fn hydrated(environment: Node<'_>) -> &str {
    let note = environment.at("/proposed/note/drySha").str();
    if note.is_empty() { environment.at("/proposed/dry/sha").str() } else { note }
}

pub(super) fn promotion_strategy(object: Node<'_>) -> Option<HealthStatus> {
    let environments = object.at("/status/environments").items();
    let Some(first) = environments.clone().next() else {
        return Some(degraded("Promotion strategy has no environments configured"));
    };
    for environment in environments.clone() {
        let active = environment.at("/active/dry/sha").str();
        let missing = if active.is_empty() {
            "active"
        } else if hydrated(environment).is_empty() {
            "proposed"
        } else {
            continue;
        };
        let branch = environment.at("/branch").str();
        return Some(progressing(format!(
            "The {missing} commit DRY SHA is missing or empty in environment '{branch}'."
        )));
    }
    if environments.clone().any(|environment| hydrated(environment) != hydrated(first)) {
        return Some(progressing(
            "Not all environments have the same proposed commit SHA. This likely means the hydrator has not run for \
             all environments yet.",
        ));
    }
    if let Some(environment) = environments.clone().find(|e| !e.at("/proposed/dry/sha").same(e.at("/active/dry/sha"))) {
        return Some(healthy(format!(
            "Promotion in progress for environment '{}' from '{}' to '{}': {}Hydrator has processed dry commit '{}'. ",
            environment.at("/branch").str(),
            short(environment.at("/active/dry/sha").str()),
            short(environment.at("/proposed/dry/sha").str()),
            Tally::of(environment.at("/proposed")).describe(),
            short(hydrated(environment)),
        )));
    }
    let unclean: Vec<_> = environments
        .filter_map(|e| {
            let tally = Tally::of(e.at("/active"));
            let counts = format!("({} failed, {} pending)", tally.failed.len(), tally.pending.len());
            (!tally.is_clean()).then(|| format!("{} {counts}", e.at("/branch").str()))
        })
        .collect();
    Some(healthy(if unclean.is_empty() {
        let (active, dry) = (short(first.at("/active/dry/sha").str()), short(hydrated(first)));
        format!("All environments are up-to-date on commit '{active}'. Hydrator has processed dry commit '{dry}'.")
    } else {
        format!(
            "Environments are up-to-date, but some environments have non-successful commit statuses: {}.",
            unclean.join(", ")
        )
    }))
}
