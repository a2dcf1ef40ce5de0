//! Networking: Gloo, Istio, Contour, NMState, OpenShift routes.

use super::rule::Step::{By, First, Run};
use super::rule::{D, H, P, Rule, U, f, t};
use crate::health::node::Node;
use crate::health::{degraded, healthy, progressing, suspended};
use crate::model::HealthStatus;

pub(super) const RULES: &[Rule] = &[
    Rule {
        kinds: "gateway.solo.io/Gateway|MatchableHttpGateway|RouteOption|RouteTable|VirtualHostOption|VirtualService \
                gloo.solo.io/Proxy|Settings|Upstream|UpstreamGroup",
        steps: &[Run(gloo)],
        otherwise: (P, "Update in progress"),
    },
    Rule {
        kinds: "install.istio.io/IstioOperator",
        steps: &[By(
            "/status/status",
            &[
                ("0", U, "Component is not present."),
                ("NONE", U, "Component is not present."),
                ("1", P, "Component is being updated to a different version."),
                ("UPDATING", P, "Component is being updated to a different version."),
                ("2", P, "Controller has started but not yet completed reconciliation loop for the component."),
                (
                    "RECONCILING",
                    P,
                    "Controller has started but not yet completed reconciliation loop for the component.",
                ),
                ("3", H, "Component is healthy."),
                ("HEALTHY", H, "Component is healthy."),
                ("4", D, "Component is in an error state."),
                ("ERROR", D, "Component is in an error state."),
            ],
        )],
        otherwise: (P, "Waiting for Istio Control Plane"),
    },
    Rule {
        kinds: "projectcontour.io/ExtensionService|HTTPProxy",
        steps: &[Run(contour)],
        otherwise: (P, "Waiting for status"),
    },
    Rule {
        kinds: "nmstate.io/NodeNetworkConfigurationPolicy",
        steps: &[Run(network_configuration)],
        otherwise: (P, "Waiting for policy to be applied"),
    },
    Rule {
        kinds: "operator.openshift.io/IngressController",
        steps: &[First(&[
            t("Degraded", D, "{message}"),
            f("DeploymentReplicasAllAvailable", P, "{message}"),
            t("Progressing", P, "{reason}"),
            t("Available", H, "IngressController is available"),
        ])],
        otherwise: (P, "Status of IngressController is not known yet"),
    },
    Rule {
        kinds: "route.openshift.io/Route",
        steps: &[Run(openshift_route)],
        otherwise: (P, "Route is still getting admitted"),
    },
    Rule { kinds: "proclaim.dogmatiq.io/DNSSDServiceInstance", steps: &[Run(dns_sd)], otherwise: (P, "") },
];

/// One status, or one for each namespace that watches the object; states are words or their numbers.
fn gloo(object: Node<'_>) -> Option<HealthStatus> {
    let read = |part: Node<'_>| {
        let reason = part.at("/reason").str();
        match part.at("/state").lua().as_str() {
            "Accepted" | "1" => Some(healthy("The resource has been validated")),
            "Warning" | "3" | "Rejected" | "2" => Some(degraded(reason)),
            "Pending" | "0" => Some(suspended("The resource has not yet been validated")),
            _ => None,
        }
    };
    let statuses = object.at("/status/statuses");
    let by_namespace = statuses.entries().map(|(_, part)| part).chain(statuses.items()).find_map(read);
    by_namespace.or_else(|| read(object.at("/status")))
}

fn contour(object: Node<'_>) -> Option<HealthStatus> {
    let is_proxy = object.at("/kind").str() == "HTTPProxy";
    let state = object.at("/status");
    let description = state.at("/description").str();
    let mut result = None;
    for condition in state.at("/conditions").items() {
        if !object.at("/metadata/generation").same(condition.at("/observedGeneration")) {
            continue;
        }
        let message = if is_proxy { description } else { condition.at("/message").str() };
        match (condition.at("/type").str(), condition.at("/status").str()) {
            ("Valid", "True") => return Some(healthy(message)),
            (_, "False") if is_proxy && object.at("/spec/includes").exists() => {
                // Parents and children wait for each other; calling parents healthy lets both be deployed.
                result = Some(healthy("HTTPProxy inclusions cannot be health checked"));
            }
            ("Valid", "False") => return Some(degraded(message)),
            _ => {}
        }
    }
    let unreconciled = is_proxy && state.at("/conditions").is_null() && state.at("/currentStatus").truthy();
    result.or_else(|| unreconciled.then(|| progressing(description)))
}

fn network_configuration(policy: Node<'_>) -> Option<HealthStatus> {
    policy.at("/status/conditions").items().filter(|c| c.at("/status").str() == "True").find_map(|condition| {
        let reason = condition.at("/reason").str();
        let message = match condition.at("/message").str() {
            "" => reason.to_owned(),
            text => format!("{reason}: {text}"),
        };
        match condition.at("/type").str() {
            "Available" => Some(healthy(message)),
            "Degraded" => Some(degraded(message)),
            "Progressing" => Some(progressing(message)),
            "Ignored" => Some(suspended(message)),
            _ => None,
        }
    })
}

fn openshift_route(route: Node<'_>) -> Option<HealthStatus> {
    let ingress = route.at("/status/ingress");
    if ingress.is_null() {
        return None;
    }
    let admitted = |wanted: &'static str| {
        let conditions = ingress.items().flat_map(|rules| rules.at("/conditions").items());
        conditions.filter(|c| c.at("/type").str() == "Admitted" && c.at("/status").str() == wanted).count()
    };
    if admitted("True") == ingress.items().len() {
        Some(healthy("Route is healthy"))
    } else {
        (admitted("False") > 0).then(|| degraded("Route is degraded"))
    }
}

fn dns_sd(instance: Node<'_>) -> Option<HealthStatus> {
    let last = |kind: &str, field: &str| {
        let found = instance.at("/status/conditions").items().rfind(|c| c.at("/type").str() == kind);
        found.map(|c| c.entry(field).str()).unwrap_or_default()
    };
    let discovered = last("Discoverable", "message");
    Some(if last("Adopted", "status") == "False" {
        degraded(last("Adopted", "message"))
    } else if matches!(last("Advertised", "reason"), "AdvertiseError" | "UnadvertiseError") {
        degraded(last("Advertised", "message"))
    } else if last("Discoverable", "reason") == "DiscoveryError" {
        crate::health::unknown(discovered)
    } else if last("Discoverable", "status") == "True" {
        healthy(discovered)
    } else {
        progressing(discovered)
    })
}
