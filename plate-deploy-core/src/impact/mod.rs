//! What a failure reaches: computed from the relation graph, with recovery steps and prevention for this repository.
//!
//! [`predict`] is pure. The engine's simulation runs the embedded cluster with the part failing and measures the same
//! [`Ability`]s, so that the prediction can be checked ([`Impact::differences`]).

mod failure;
mod predict;
mod prevention;
mod recovery;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use failure::{ArgoPart, ClusterPart, Failure, FailureError};
pub use predict::{Facts, predict};

use crate::graph::NodeKind;

/// What an Application can do, or what can be done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Ability {
    /// Its pods run and are ready.
    Run,
    /// It answers requests from outside.
    Reach,
    /// plate-deploy brings a change of Git to the cluster.
    Deploy,
    /// Argo CD brings a change of Git to the cluster.
    AutoSync,
    /// New volume claims are bound.
    Storage,
    /// The operators of its custom resources work.
    Operators,
    /// A pod that is lost is replaced.
    Heal,
    /// Pods of a new version come up.
    Rollout,
}

impl Ability {
    /// All of them, in the order in which they are shown and measured.
    pub const ALL: [Self; 8] = [
        Self::Run,
        Self::Reach,
        Self::Deploy,
        Self::AutoSync,
        Self::Storage,
        Self::Operators,
        Self::Heal,
        Self::Rollout,
    ];

    /// Whether its loss is felt at once, not only when something is to happen.
    #[must_use]
    pub fn is_immediate(self) -> bool {
        matches!(self, Self::Run | Self::Reach)
    }
}

/// When an Application feels a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Affected {
    /// At once: it stops running or answering.
    Now,
    /// When something is to change, or a pod or volume to be made.
    Later,
    /// Not at all.
    No,
}

/// One Application or library under a failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberImpact {
    /// Its name.
    pub name: String,
    /// Application or library.
    pub kind: NodeKind,
    /// Its environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// When it feels it.
    pub affected: Affected,
    /// What still works; abilities that it never had are left out.
    pub works: BTreeMap<Ability, bool>,
    /// The relations through which it is reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
}

/// A step of recovery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// What it is good for.
    pub what: String,
    /// Commands, ready to be run.
    pub commands: Vec<String>,
}

/// Whether a protection is in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Protection {
    /// It is on.
    On,
    /// It is off.
    Off,
    /// Only a look into the cluster tells (`--live`).
    Unknown,
}

/// Something that would have helped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Prevention {
    /// What it is: a lint rule, a setting, a backup.
    pub what: String,
    /// Whether it is on.
    pub state: Protection,
    /// What to do, or where it is.
    pub how: String,
}

/// Something that was seen in the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// What was seen.
    pub fact: String,
    /// Whether it speaks for health; none when for neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healthy: Option<bool>,
}

/// A prediction that the simulation contradicts, or that it could not look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The Application or library.
    pub name: String,
    /// The ability.
    pub ability: Ability,
    /// What was predicted; none: not at all.
    pub predicted: Option<bool>,
    /// What was measured; none: not at all.
    pub measured: Option<bool>,
}

/// What was measured while the part failed, by member.
pub type Measured = BTreeMap<String, BTreeMap<Ability, bool>>;

/// What a failure does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Impact {
    /// Version of this format.
    pub version: u32,
    /// The failure, as `KIND/NAME`.
    pub failure: String,
    /// What it means, in a sentence.
    pub meaning: String,
    /// Every Application and library, the affected ones first.
    pub members: Vec<MemberImpact>,
    /// What to do, the best step first.
    pub recovery: Vec<Step>,
    /// What would have helped.
    pub prevention: Vec<Prevention>,
    /// What was seen in the cluster (`--live`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// What was measured in the simulation (`--simulate`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<Measured>,
    /// Where the simulation contradicts the prediction.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
}

impl Impact {
    /// Version of the format written today.
    pub const VERSION: u32 = 1;

    /// Names of the members that feel it then.
    #[must_use]
    pub fn names(&self, when: Affected) -> Vec<&str> {
        self.members.iter().filter(|m| m.affected == when).map(|m| m.name.as_str()).collect()
    }

    /// Puts what was measured beside the prediction.
    #[must_use]
    pub fn with_measured(mut self, measured: Measured) -> Self {
        let mut differences = Vec::new();
        for member in &self.members {
            let seen = measured.get(&member.name);
            for ability in Ability::ALL {
                let (predicted, measured) =
                    (member.works.get(&ability).copied(), seen.and_then(|seen| seen.get(&ability).copied()));
                if predicted != measured {
                    differences.push(Difference { name: member.name.clone(), ability, predicted, measured });
                }
            }
        }
        self.differences = differences;
        self.measured = Some(measured);
        self
    }
}
