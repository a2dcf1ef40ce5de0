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
        entry: "After writes through `scale`, and in several versions of a custom kind, managed fields may be kept differently",
        applies: |wire, place| is_scaled(wire) && place.contains("managedFields"),
    },
    Known { entry: "`metadata.selfLink` is always dropped", applies: |_, place| place.contains("/metadata/selfLink") },
    Known {
        entry: "DaemonSets always carry the annotation `deprecated.daemonset.template.generation`",
        applies: |wire, place| wire.path.contains("/daemonsets") && place.contains("/metadata/annotations"),
    },
    Known {
        entry: "The generation of a HorizontalPodAutoscaler also counts changes that `autoscaling/v1` cannot show",
        applies: |wire, place| {
            wire.path.contains("/horizontalpodautoscalers") && place.contains("/metadata/generation")
        },
    },
    Known {
        entry: "An autoscaler whose metrics are taken away gets the default metric of 80 % CPU",
        applies: |wire, place| wire.path.contains("/horizontalpodautoscalers") && place.contains("/spec/metrics"),
    },
    Known {
        entry: "Services that a write to `status` creates are validated and defaulted as by a normal write",
        applies: |wire, place| {
            wire.path.contains("/services") && (place.contains("ipFamil") || place.contains("ingress: Forbidden"))
        },
    },
    Known {
        entry: "`privileged` containers are allowed",
        applies: |_, place| place.contains("disallowed by cluster policy"),
    },
];

/// Kinds whose objects the random requests write through `scale` or in several versions.
fn is_scaled(wire: &Wire) -> bool {
    ["/deployments", "/statefulsets", "/replicasets", "/replicationcontrollers", "/widgets"]
        .iter()
        .any(|kind| wire.path.contains(kind))
}

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
