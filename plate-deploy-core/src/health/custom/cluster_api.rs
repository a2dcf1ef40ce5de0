//! Cluster API.

use super::rule::Step::{By, First, Run, True};
use super::rule::{D, H, P, Rule, S, f, t};
use crate::health::node::Node;
use crate::health::{degraded, healthy, progressing, status};
use crate::model::{HealthCode, HealthStatus};

pub(super) const RULES: &[Rule] = &[
    Rule {
        kinds: "addons.cluster.x-k8s.io/ClusterResourceSet",
        steps: &[First(&[
            t("ResourcesApplied", H, "cluster resource set is applied"),
            f("ResourcesApplied", D, "{message}"),
        ])],
        otherwise: (P, "Initializing cluster resource set"),
    },
    Rule {
        kinds: "cluster.x-k8s.io/Cluster",
        steps: &[
            True("/spec/paused", (S, "Cluster is paused")),
            Run(cluster_not_ready),
            By("/status/phase", &[("Provisioned", H, "Cluster is running"), ("Failed", D, "")]),
        ],
        otherwise: (P, "Waiting for clusters"),
    },
    Rule { kinds: "cluster.x-k8s.io/Machine", steps: &[Run(machine)], otherwise: (P, "Condition is unknown") },
    Rule {
        kinds: "cluster.x-k8s.io/MachineDeployment",
        steps: &[
            True("/spec/paused", (S, "MachineDeployment is paused")),
            By(
                "/status/phase",
                &[
                    ("Running", H, "Machines are running under this deployment"),
                    ("ScalingUp", P, "Cluster is spawning machines"),
                    ("ScalingDown", P, "Cluster is stopping machines"),
                    ("Failed", D, "MachineDeployment is failed"),
                ],
            ),
        ],
        otherwise: (P, "Waiting for machines"),
    },
    Rule {
        kinds: "cluster.x-k8s.io/MachineHealthCheck",
        steps: &[Run(|check| {
            let healthy_machines = check.at("/status/currentHealthy");
            let all = check.at("/status/expectedMachines").same(healthy_machines);
            healthy_machines.exists().then(|| if all { healthy("") } else { degraded("") })
        })],
        otherwise: (P, ""),
    },
    Rule { kinds: "cluster.x-k8s.io/MachinePool", steps: &[Run(machine_pool)], otherwise: (P, "") },
    Rule {
        kinds: "controlplane.cluster.x-k8s.io/AWSManagedControlPlane",
        steps: &[Run(aws_control_plane)],
        otherwise: (P, "Provisioning..."),
    },
];

fn cluster_not_ready(cluster: Node<'_>) -> Option<HealthStatus> {
    let bad = |c: &Node<'_>| {
        c.at("/type").str() == "Ready" && c.at("/status").str() == "False" && c.at("/severity").str() != "Info"
    };
    cluster.at("/status/conditions").items().find(bad).map(|c| degraded(c.at("/message").str()))
}

fn machine(machine: Node<'_>) -> Option<HealthStatus> {
    let code = match machine.at("/status/phase").str() {
        "Running" => return Some(healthy("Machine is running")),
        "Failed" => HealthCode::Degraded,
        _ => HealthCode::Progressing,
    };
    let unready = |c: &Node<'_>| c.at("/type").str() == "Ready" && c.at("/status").str() == "False";
    let condition = machine.at("/status/conditions").items().find(unready);
    Some(status(code, condition.map_or("Condition is unknown", |c| c.at("/message").str())))
}

fn machine_pool(pool: Node<'_>) -> Option<HealthStatus> {
    let (code, mut message) = match pool.at("/status/phase").text() {
        Some(phase) => {
            let code = match phase {
                "Running" | "Scaling" => HealthCode::Healthy,
                "Failed" | "Unknown" => HealthCode::Degraded,
                _ => HealthCode::Progressing,
            };
            (code, format!("MachinePool is {phase}"))
        }
        None => (HealthCode::Progressing, String::new()),
    };
    let missing = pool.at("/status/conditions").items().filter(|c| c.at("/status").str() == "False");
    let details: Vec<_> = missing
        .filter_map(|c| {
            let kind = c.at("/type").text()?;
            Some(match c.at("/reason").text() {
                Some(reason) => format!("Not {kind} ({reason})"),
                None => format!("Not {kind}"),
            })
        })
        .collect();
    if !details.is_empty() {
        message = format!("{message}: {}", details.join(", "));
    }
    Some(status(code, message))
}

fn aws_control_plane(plane: Node<'_>) -> Option<HealthStatus> {
    let state = plane.at("/status");
    if state.is_null() {
        return None;
    }
    let (seen, current) = (state.at("/observedGeneration"), plane.at("/metadata/generation"));
    if seen.exists() && current.exists() && !seen.same(current) {
        return Some(progressing("Waiting for the control plane spec to be reconciled"));
    }
    let failure = state.at("/failureMessage").str();
    if !failure.is_empty() {
        return Some(degraded(failure));
    }
    if state.at("/conditions").is_null() {
        return None;
    }
    let is = |c: &Node<'_>, kind: &str| c.at("/type").str() == kind && c.at("/status").str() == "True";
    let conditions = state.at("/conditions").items();
    if conditions.clone().any(|c| is(&c, "EKSControlPlaneUpdating")) {
        return Some(progressing("EKS control plane is updating"));
    }
    if conditions.clone().any(|c| is(&c, "Ready")) {
        return Some(healthy("Control plane is ready"));
    }
    let errors = conditions.filter(|c| c.at("/status").str() == "False" && c.at("/severity").str() == "Error");
    let errors: String = errors.map(|c| format!("{} ", c.at("/message").str())).collect();
    Some(if !errors.is_empty() {
        degraded(errors)
    } else if state.at("/ready").is_false() {
        progressing("Control plane is not ready (.status.ready is false)")
    } else {
        progressing("Control plane is not ready")
    })
}
