//! Flux: every controller reports `Ready` and `Reconciling`; they differ in what else has to be true.

use super::rule::{P, Rule, Step::Run};
use crate::health::node::Node;
use crate::health::{degraded, healthy, progressing, suspended};
use crate::model::HealthStatus;

const UNKNOWN: super::rule::Answer = (P, "Status unknown");

pub(super) const RULES: &[Rule] = &[
    Rule {
        kinds: "kustomize.toolkit.fluxcd.io/Kustomization image.toolkit.fluxcd.io/ImageUpdateAutomation",
        steps: &[Run(suspended_by_spec), Run(|object| judge(object, &READY))],
        otherwise: UNKNOWN,
    },
    Rule {
        kinds: "helm.toolkit.fluxcd.io/HelmRelease",
        steps: &[Run(suspended_by_spec), Run(|object| judge(object, &RELEASE))],
        otherwise: UNKNOWN,
    },
    Rule {
        kinds: "source.toolkit.fluxcd.io/Bucket|GitRepository|HelmChart|HelmRepository|OCIRepository",
        steps: &[Run(suspended_by_spec), Run(oci_helm_repository), Run(|object| judge(object, &ARTIFACT))],
        otherwise: UNKNOWN,
    },
    Rule {
        kinds: "image.toolkit.fluxcd.io/ImagePolicy",
        steps: &[Run(|object| judge(object, &IMAGE_POLICY))],
        otherwise: UNKNOWN,
    },
    Rule {
        kinds: "image.toolkit.fluxcd.io/ImageRepository",
        steps: &[Run(suspended_by_spec), Run(|object| judge(object, &IMAGE_REPOSITORY))],
        otherwise: UNKNOWN,
    },
    Rule {
        kinds: "notification.toolkit.fluxcd.io/Receiver",
        steps: &[Run(suspended_by_spec), Run(receiver)],
        otherwise: UNKNOWN,
    },
];

/// What a controller's conditions mean.
struct Reading {
    /// The status of `Ready` that, together with `Reconciling`, means work under way.
    pending: &'static str,
    /// Reasons of `Reconciling` that count as work; empty: all.
    working: &'static [&'static str],
    /// Condition types that, when True, count besides `Ready`.
    besides: &'static [&'static str],
    /// How many True conditions it takes.
    needed: usize,
}

const READY: Reading = Reading { pending: "Unknown", working: &[], besides: &[], needed: 1 };
const RELEASE: Reading = Reading { pending: "Unknown", working: &[], besides: &["Released", "TestSuccess"], needed: 2 };
const ARTIFACT: Reading = Reading { pending: "Unknown", working: &[], besides: &["ArtifactInStorage"], needed: 2 };
const IMAGE_POLICY: Reading = Reading {
    pending: "False",
    working: &["NewGeneration", "AccessingRepository", "ApplyingPolicy"],
    besides: &[],
    needed: 1,
};
const IMAGE_REPOSITORY: Reading =
    Reading { pending: "False", working: &["NewGeneration", "Scanning"], besides: &[], needed: 1 };

fn suspended_by_spec(object: Node<'_>) -> Option<HealthStatus> {
    let kind = object.at("/kind").str();
    object.at("/spec/suspend").is_true().then(|| suspended(format!("{kind} is suspended")))
}

fn oci_helm_repository(object: Node<'_>) -> Option<HealthStatus> {
    let oci = object.at("/kind").str() == "HelmRepository" && object.at("/spec/type").str() == "oci";
    oci.then(|| healthy("Helm repositories of type 'oci' do not contain any information in the status."))
}

fn judge(object: Node<'_>, reading: &Reading) -> Option<HealthStatus> {
    if object.at("/status/conditions").is_null() {
        return None;
    }
    let (mut pending, mut succeeded, mut message) = (0, 0, String::new());
    for condition in object.at("/status/conditions").items() {
        let (kind, state) = (condition.at("/type").str(), condition.at("/status").str());
        let reason = condition.at("/reason").str();
        match (kind, state) {
            ("Ready", _) => {
                succeeded += usize::from(state == "True");
                pending += usize::from(state == reading.pending);
                reason.clone_into(&mut message);
            }
            ("Reconciling", "True") => {
                pending += usize::from(reading.working.is_empty() || reading.working.contains(&reason));
            }
            ("ArtifactOutdated", "True") if reading.besides == ARTIFACT.besides => {
                message = format!("{message} {reason}");
            }
            (kind, "True") => succeeded += usize::from(reading.besides.contains(&kind)),
            _ => {}
        }
    }
    Some(if pending == 2 {
        progressing(message)
    } else if succeeded == reading.needed {
        healthy(message)
    } else {
        degraded(message)
    })
}

fn receiver(object: Node<'_>) -> Option<HealthStatus> {
    if object.at("/status/conditions").is_null() {
        return None;
    }
    let ready = object.at("/status/conditions").items().filter(|c| c.at("/type").str() == "Ready");
    let reason = ready.clone().next_back().map(|c| c.at("/reason").str()).unwrap_or_default();
    let succeeded = ready.filter(|c| c.at("/status").str() == "True").count();
    Some(if succeeded == 1 { healthy(reason) } else { degraded(reason) })
}
