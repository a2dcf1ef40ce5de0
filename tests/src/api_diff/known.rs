//! The differences that COMPATIBILITY.md names, as rules over requests and places.

use super::Wire;

/// A difference that is known.
struct Known {
    /// Words that stand in COMPATIBILITY.md.
    entry: &'static str,
    /// Whether a difference is of this sort.
    applies: fn(&Wire, &str) -> bool,
}

fn has_empty_list(text: &str) -> bool {
    ["\"rules\":[]", "\"limits\":[]", "\"policies\":[]", "f:rules", "f:limits"].iter().any(|w| text.contains(w))
}

const KNOWN: &[Known] = &[
    Known {
        entry: "`claimRef` of a PersistentVolume is owned as a whole",
        applies: |wire, place| wire.path.contains("/persistentvolumes") && place.contains("claimRef"),
    },
    Known {
        entry: "Lists that are given empty count as not given",
        applies: |wire, place| {
            let body = wire.body.to_string();
            (place.contains("managedFields") || place.contains("policies: Required")) && has_empty_list(&(body + place))
        },
    },
    Known {
        entry: "`autoscaling/v1` keeps what it has no fields for in the annotations in the form of `autoscaling/v2`",
        applies: |wire, place| wire.path.contains("autoscaling") && place.contains("autoscaling.alpha.kubernetes.io"),
    },
    Known {
        entry: "A `generation` that a client sends for a kind that does not count it is dropped",
        applies: |_, place| place.contains("generation: embedded \"(absent)\""),
    },
    Known {
        entry: "Services that a write to `status` creates get a cluster IP with the next write",
        applies: |wire, place| wire.path.contains("/services") && place.contains("/spec/clusterIP"),
    },
    Known {
        entry: "APIServices get no status without the controllers",
        applies: |wire, place| wire.path.contains("/apiservices/") && place.contains("embedded"),
    },
    Known {
        entry: "The condition `KubernetesAPIApprovalPolicyConformant` is not set",
        applies: |_, place| place.contains("KubernetesAPIApprovalPolicyConformant"),
    },
    Known {
        entry: "`privileged` containers are allowed",
        applies: |_, place| place.contains("disallowed by cluster policy"),
    },
];

/// The entry of COMPATIBILITY.md that covers a difference.
#[must_use]
pub fn explain(wire: &Wire, place: &str) -> Option<&'static str> {
    KNOWN.iter().find(|known| (known.applies)(wire, place)).map(|known| known.entry)
}

/// All entries, for the test that looks them up in COMPATIBILITY.md.
#[must_use]
pub fn entries() -> Vec<&'static str> {
    KNOWN.iter().map(|known| known.entry).collect()
}
