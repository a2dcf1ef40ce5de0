//! Tests of whole syncs against a small simulated cluster. What Argo CD does is tested by the recorded vectors; here is
//! what it does not have, and what must hold for every sync.

mod behaviour;
mod properties;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::*;
use crate::model::{GroupVersionKind, HealthCode, HealthStatus, Manifest, OperationPhase, ResourceKey, annotations};

/// Annotation that carries a simulated object's health.
const HEALTH: &str = "test/health";
/// Most steps of a sync before it counts as stuck.
const MOST_STEPS: u32 = 200;

/// Health from the annotation; a ConfigMap has none.
struct Rules;

impl SyncRules for Rules {
    fn health(&self, live: &Manifest) -> Result<Option<HealthStatus>, String> {
        if live.kind() == "ConfigMap" {
            return Ok(None);
        }
        let status = match live.annotation(HEALTH) {
            Some("degraded") => HealthCode::Degraded,
            Some("progressing") => HealthCode::Progressing,
            _ => HealthCode::Healthy,
        };
        Ok(Some(HealthStatus { status, message: String::new() }))
    }
}

/// A cluster in which objects become healthy some observations after they were written.
#[derive(Clone, Default)]
struct Cluster {
    objects: BTreeMap<ResourceKey, Manifest>,
    /// Observations until an object is healthy, by name.
    slow: BTreeMap<String, u32>,
    /// Names of objects that end up degraded.
    degraded: BTreeSet<String>,
    /// Names of objects that cannot be written.
    refused: BTreeSet<String>,
    /// Observations since an object was written.
    age: BTreeMap<ResourceKey, u32>,
    unserved: BTreeSet<String>,
    /// What was really done, in order: `write ConfigMap/a`, `prune …`, `delete …`.
    log: Vec<String>,
}

impl Cluster {
    fn hold(&mut self, object: Manifest) {
        self.age.insert(object.key(), 1000);
        self.objects.insert(object.key(), object);
    }

    fn health(&self, key: &ResourceKey) -> &'static str {
        let age = self.age.get(key).copied().unwrap_or_default();
        match self.slow.get(&key.name) {
            Some(slow) if age <= *slow => "progressing",
            _ if self.degraded.contains(&key.name) => "degraded",
            _ => "healthy",
        }
    }

    fn observe(&mut self) -> Observation {
        self.age.values_mut().for_each(|age| *age += 1);
        let live = self.objects.iter().map(|(key, object)| {
            let mut object = object.clone();
            object.set_annotation(HEALTH, self.health(key));
            object
        });
        let served = [("v1", "ConfigMap"), ("apps/v1", "Deployment"), ("batch/v1", "Job"), ("x.io/v1", "Widget")];
        let kinds = served
            .iter()
            .filter(|(_, kind)| !self.unserved.contains(*kind))
            .map(|(version, kind)| (GroupVersionKind::parse(version, kind), true));
        Observation::new(live.collect(), kinds.collect(), time("2026-01-01T00:01:00Z"))
    }

    fn execute(&mut self, operation: &Operation) -> Outcome {
        let key = &operation.object;
        let name = format!("{}/{}", key.kind, key.name);
        match &operation.action {
            Action::Read => match self.objects.get(key) {
                Some(object) => Outcome::Found { object: object.clone() },
                None => Outcome::NotFound,
            },
            Action::Write(write) if write.dry_run => Outcome::done("dry"),
            Action::Write(write) => {
                self.log.push(format!("write {name}"));
                if self.refused.contains(&key.name) {
                    return Outcome::failed("refused");
                }
                self.objects.insert(key.clone(), write.manifest.clone());
                self.age.insert(key.clone(), 0);
                Outcome::done(format!("{name} written"))
            }
            Action::Prune { .. } | Action::DeleteHook { .. } => {
                let verb = if matches!(operation.action, Action::Prune { .. }) { "prune" } else { "delete" };
                self.log.push(format!("{verb} {name}"));
                match self.objects.remove(key) {
                    Some(_) => Outcome::done(""),
                    None => Outcome::NotFound,
                }
            }
            _ => Outcome::done(""),
        }
    }
}

fn time(text: &str) -> jiff::Timestamp {
    text.parse().unwrap()
}

fn object(kind: &str, name: &str, notes: &[(&str, &str)]) -> Manifest {
    let version = match kind {
        "Deployment" => "apps/v1",
        "Job" => "batch/v1",
        "Widget" => "x.io/v1",
        _ => "v1",
    };
    let mut object =
        Manifest::new(json!({"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "demo"}}))
            .unwrap();
    for (note, value) in notes {
        object.set_annotation(note, value);
    }
    object
}

fn request(targets: Vec<Manifest>) -> SyncRequest {
    SyncRequest::new(targets, "demo", "0123456789", time("2026-01-01T00:00:00Z"))
        .operation(SyncOperation { prune: true, ..SyncOperation::default() })
}

/// Takes one step; `stop_after` questions it is given up, as in a crash. `false`: it was.
fn step(sync: &mut SyncState, cluster: &mut Cluster, stop_after: Option<u32>) -> bool {
    sync.observe(cluster.observe());
    let mut questions = 0;
    loop {
        let next = sync.advance(&Rules);
        if matches!(next, Next::Wait | Next::Done) {
            return true;
        }
        if stop_after == Some(questions) {
            return false;
        }
        questions += 1;
        match next {
            Next::Execute(batch) => {
                for operation in batch.operations {
                    let outcome = cluster.execute(&operation);
                    sync.record(operation.id, outcome).unwrap();
                }
            }
            Next::WaveApplied(_) => sync.record_wave(Ok(())).unwrap(),
            Next::Wait | Next::Done => unreachable!("handled above"),
        }
    }
}

/// Runs a sync to its end, or until it is stuck.
fn run(sync: &mut SyncState, cluster: &mut Cluster) {
    for _ in 0..MOST_STEPS {
        if sync.phase().completed() {
            return;
        }
        step(sync, cluster, None);
    }
}
