//! KubeVirt and its data volumes.

use super::rule::{P, Rule, Step::Run};
use crate::health::node::Node;
use crate::health::{degraded, healthy, progressing, status, suspended, unknown};
use crate::model::{HealthCode, HealthStatus};

pub(super) const RULES: &[Rule] = &[
    Rule { kinds: "cdi.kubevirt.io/DataVolume", steps: &[Run(data_volume)], otherwise: (P, "No status available") },
    Rule { kinds: "kubevirt.io/VirtualMachine", steps: &[Run(virtual_machine)], otherwise: (P, "No status available") },
    Rule {
        kinds: "kubevirt.io/VirtualMachineInstance",
        steps: &[Run(instance)],
        otherwise: (P, "No status available"),
    },
];

fn data_volume(volume: Node<'_>) -> Option<HealthStatus> {
    let phase = volume.at("/status/phase").text();
    match phase {
        Some("Succeeded") => return Some(healthy("Succeeded")),
        Some("Paused") => return Some(suspended("Paused")),
        _ => {}
    }
    let failed = |c: &Node<'_>| {
        c.at("/type").str() == "Running" && c.at("/status").str() == "False" && c.at("/reason").str() == "Error"
    };
    if let Some(condition) = volume.at("/status/conditions").items().find(failed) {
        return Some(degraded(condition.at("/message").str()));
    }
    let phase = phase?;
    Some(if matches!(phase, "Failed" | "Unknown") { degraded(phase) } else { progressing(phase) })
}

fn virtual_machine(machine: Node<'_>) -> Option<HealthStatus> {
    let stopped_as_wanted = machine.at("/spec/running").is_false() || machine.at("/spec/runStrategy").str() == "Halted";
    let created = machine.at("/status/created").truthy();
    if stopped_as_wanted && !created {
        return Some(healthy("Stopped as declared"));
    }
    let mut result = (HealthCode::Progressing, "No status available");
    for condition in machine.at("/status/conditions").items() {
        match (condition.at("/type").str(), condition.at("/status").str()) {
            ("Paused", "True") => return Some(suspended("Paused")),
            ("Ready", "True") => result = (HealthCode::Healthy, "Running"),
            ("Ready", _) if created => result.1 = "Starting",
            ("Ready", _) => result = (HealthCode::Suspended, "Stopped"),
            _ => {}
        }
    }
    let (code, message) = result;
    Some(status(code, machine.at("/status/printableStatus").text().unwrap_or(message)))
}

fn instance(instance: Node<'_>) -> Option<HealthStatus> {
    let phase = instance.at("/status/phase").text();
    match phase {
        Some(phase @ "Failed") => return Some(degraded(phase)),
        Some(phase @ ("Pending" | "Scheduling" | "Scheduled")) => return Some(progressing(phase)),
        Some(phase @ "Succeeded") => return Some(suspended(phase)),
        Some(phase @ "Unknown") => return Some(unknown(phase)),
        _ => {}
    }
    let mut result = progressing(phase.unwrap_or("No status available"));
    for condition in instance.at("/status/conditions").items() {
        let message = condition.at("/message").str();
        match (condition.at("/type").str(), condition.at("/status").str()) {
            ("Ready", "True") => result = healthy("Running"),
            ("Ready", _) => result = degraded(message),
            ("Paused", "True") => return Some(suspended(message)),
            _ => {}
        }
    }
    Some(result)
}
