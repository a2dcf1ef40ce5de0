//! Storage and backups: Rook and Ceph, snapshots, Velero, MinIO, Medusa.

use super::rule::Step::{By, Missing, Run};
use super::rule::{D, H, P, Rule, U};
use crate::health::node::Node;
use crate::health::{degraded, healthy, progressing, status, unknown};
use crate::model::{HealthCode, HealthStatus};

const VELERO_FAILED: [&str; 5] = [
    "FailedValidation",
    "Failed",
    "PartiallyFailed",
    "WaitingForPluginOperationsPartiallyFailed",
    "FinalizingPartiallyFailed",
];

pub(super) const RULES: &[Rule] = &[
    Rule {
        kinds: "snapshot.storage.k8s.io/VolumeSnapshot|VolumeSnapshotContent",
        steps: &[Run(|snapshot| {
            let state = snapshot.at("/status");
            if state.at("/readyToUse").truthy() {
                return Some(healthy("Ready to use"));
            }
            state.at("/error").exists().then(|| degraded(state.at("/error/message").str()))
        })],
        otherwise: (P, "Waiting for status"),
    },
    Rule { kinds: "velero.io/Backup|Restore", steps: &[Run(velero_run)], otherwise: (P, "{.status.phase}") },
    Rule {
        kinds: "velero.io/Schedule",
        steps: &[By(
            "/status/phase",
            &[
                ("Enabled", H, "Schedule is enabled"),
                ("FailedValidation", D, "Schedule failed validation"),
                ("*", P, "{.status.phase}"),
            ],
        )],
        otherwise: (P, "Waiting for schedule to be processed"),
    },
    Rule {
        kinds: "minio.min.io/Tenant",
        steps: &[By(
            "/status/currentState",
            &[
                ("Initialized", H, "{.status.currentState}"),
                ("Statefulset not controlled by operator", D, "{.status.currentState}"),
                ("Another MinIO Tenant already exists in the namespace", D, "{.status.currentState}"),
                ("Tenant credentials are not set properly", D, "{.status.currentState}"),
                ("Different versions across MinIO Pools", D, "{.status.currentState}"),
                ("Pool Decommissioning Not Allowed", D, "{.status.currentState}"),
                ("*", P, "{.status.currentState}"),
            ],
        )],
        otherwise: (P, "No status info available"),
    },
    Rule {
        kinds: "medusa.k8ssandra.io/MedusaBackupJob|MedusaTask",
        steps: &[
            Missing("/status", (U, "No status object")),
            Missing("/status/observedGeneration", (U, "No observedGeneration")),
            super::rule::Step::Unobserved((P, "observedGeneration is not equal to generation")),
            Run(medusa),
        ],
        otherwise: (P, ""),
    },
    Rule {
        kinds: "cassandra.rook.io/Cluster",
        steps: &[Run(cassandra)],
        otherwise: (P, "Waiting for Cassandra Cluster"),
    },
    Rule {
        kinds: "ceph.rook.io/CephCluster",
        steps: &[Missing("/status", (P, "Waiting for status to be reported")), Run(ceph_cluster)],
        otherwise: (P, ""),
    },
    Rule {
        kinds: "ceph.rook.io/CephObjectStore",
        steps: &[Missing("/status", (P, "Waiting for status to be reported")), Run(ceph_object_store)],
        otherwise: (P, ""),
    },
    Rule {
        kinds: "objectbucket.io/ObjectBucketClaim",
        steps: &[
            Missing("/status", (P, "Waiting for status to be reported")),
            By(
                "/status/phase",
                &[
                    ("Bound", H, "Object bucket claim phase is {.status.phase}"),
                    ("Failed", D, "Object bucket claim phase is {.status.phase}"),
                    ("*", P, "Object bucket claim phase is {.status.phase}"),
                ],
            ),
        ],
        otherwise: (P, "Waiting for phase to be reported"),
    },
    Rule {
        kinds: "ocs.openshift.io/StorageCluster",
        steps: &[Run(storage_cluster)],
        otherwise: (U, "StorageCluster is in an unknown state."),
    },
];

fn velero_run(run: Node<'_>) -> Option<HealthStatus> {
    let kind = run.at("/kind").str();
    let Some(phase) = run.at("/status/phase").text() else {
        return Some(progressing(format!("Waiting for {} to be processed", kind.to_lowercase())));
    };
    if phase == "Completed" {
        return Some(healthy(format!("{kind} completed")));
    }
    let reason = run.at("/status/failureReason").text().unwrap_or(phase);
    VELERO_FAILED.contains(&phase).then(|| degraded(reason))
}

/// Lua counts lists from 1: one finished node is enough.
fn medusa(object: Node<'_>) -> Option<HealthStatus> {
    let state = object.at("/status");
    let (finished, failed) = (state.at("/finished"), state.at("/failed"));
    let is_job = object.at("/kind").str() == "MedusaBackupJob";
    if finished.is_null() && failed.is_null() {
        return Some(progressing(if is_job { "Status not known yet" } else { "" }));
    }
    if failed.exists() && (finished.is_null() || !is_job) {
        return Some(degraded("Failed nodes exist"));
    }
    (finished.items().len() > 0).then(|| healthy(""))
}

fn cassandra(cluster: Node<'_>) -> Option<HealthStatus> {
    let racks = cluster.at("/status/racks");
    let complete = |rack: Node<'_>| {
        let (members, ready) = (rack.at("/members"), rack.at("/readyMembers"));
        members.is_null() || ready.is_null() || members.same(ready)
    };
    (racks.exists() && racks.entries().all(|(_, rack)| complete(rack))).then(|| healthy(""))
}

fn ceph_cluster(cluster: Node<'_>) -> Option<HealthStatus> {
    let state = cluster.at("/status");
    let mut code = HealthCode::Progressing;
    let mut parts: Vec<String> = Vec::new();
    if let Some(health) = state.at("/ceph/health").text() {
        code = match health {
            "HEALTH_ERR" | "HEALTH_WARN" => HealthCode::Degraded,
            "HEALTH_OK" => HealthCode::Healthy,
            _ => code,
        };
        let details = state.at("/ceph/details").entries();
        let details: Vec<_> = details.filter_map(|(_, detail)| detail.at("/message").text()).collect();
        let details = if details.is_empty() { String::new() } else { format!(" ({})", details.join("; ")) };
        parts.push(format!("Ceph health is {health}{details}"));
    }
    if let Some(phase) = state.at("/state").text().filter(|_| code == HealthCode::Healthy) {
        parts.push(format!("Ceph cluster state is {phase}"));
        code = match phase {
            "Created" | "Connected" => HealthCode::Healthy,
            "Error" => HealthCode::Degraded,
            _ => HealthCode::Progressing,
        };
    }
    parts.extend(Some(state.at("/message").str().to_owned()).filter(|m| !m.is_empty()));
    Some(status(code, parts.join(" - ")))
}

fn ceph_object_store(store: Node<'_>) -> Option<HealthStatus> {
    let (code, message) = match store.at("/status/phase").text() {
        None => (HealthCode::Progressing, "Waiting for status to be reported".to_owned()),
        Some(phase) => {
            let code = match phase {
                "Ready" => HealthCode::Healthy,
                "Failure" => HealthCode::Degraded,
                _ => HealthCode::Progressing,
            };
            (code, format!("Ceph object store phase is {phase}"))
        }
    };
    let endpoint = store.at("/status/info/endpoint").str();
    let endpoint = if endpoint.is_empty() { String::new() } else { format!(" - endpoint: {endpoint}") };
    Some(status(code, format!("{message}{endpoint}")))
}

/// The worst of three conditions.
fn storage_cluster(cluster: Node<'_>) -> Option<HealthStatus> {
    let last = |kind: &str| {
        let is = |c: &Node<'_>| c.at("/type").str() == kind && c.at("/status").str() == "True";
        cluster.at("/status/conditions").items().rfind(is).map(|c| c.at("/message").str())
    };
    if let Some(message) = last("Degraded") {
        return Some(degraded(message));
    }
    if let Some(message) = last("Progressing") {
        return Some(progressing(message));
    }
    Some(last("Available").map_or_else(|| unknown("StorageCluster is in an unknown state."), healthy))
}
