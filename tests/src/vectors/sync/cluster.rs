//! The cluster of a case, as far as a step can see it: answers operations, fails the ones it is told to, and keeps a
//! record in the form of the recorded ones.

use std::collections::BTreeMap;

use plate_deploy_core::model::{Manifest, ResourceKey};
use plate_deploy_core::sync::{Action, Batch, Operation, OperationId, Outcome, Write, WriteMethod};
use serde_json::{Value, json};

use super::input::{ExpectedStep, ExtraKind, Fault, Input};
use super::kinds;

/// The cluster.
pub(super) struct Cluster<'a> {
    faults: Vec<(&'a Fault, u32)>,
    extra_kinds: &'a [ExtraKind],
    objects: BTreeMap<ResourceKey, Manifest>,
    record: Vec<Vec<Value>>,
    /// The wave hook's calls in this step.
    pub(super) waves: Vec<String>,
}

impl<'a> Cluster<'a> {
    pub(super) fn new(input: &'a Input) -> Self {
        Self {
            faults: input.faults.iter().map(|fault| (fault, 0)).collect(),
            extra_kinds: &input.extra_kinds,
            objects: BTreeMap::new(),
            record: Vec::new(),
            waves: Vec::new(),
        }
    }

    /// Takes the recorded objects as they are at the start of a step.
    pub(super) fn begin_step(&mut self, step: &ExpectedStep) {
        self.objects = step.live.iter().chain(&step.uncached).map(|object| (object.key(), object.clone())).collect();
        self.record.clear();
        self.waves.clear();
    }

    /// Carries out a batch.
    pub(super) fn execute(&mut self, batch: Batch) -> Vec<(OperationId, Outcome)> {
        let mut record = Vec::new();
        let mut outcomes = Vec::new();
        for operation in batch.operations {
            let (entry, outcome) = self.perform(&operation);
            record.extend(entry);
            outcomes.push((operation.id, outcome));
        }
        record.sort_by_key(|entry| entry["object"].to_string());
        if !record.is_empty() {
            self.record.push(record);
        }
        outcomes
    }

    fn perform(&mut self, operation: &Operation) -> (Option<Value>, Outcome) {
        let key = &operation.object;
        match &operation.action {
            Action::Read => (None, self.read(operation)),
            Action::Write(write) => self.write(key, write),
            Action::MigrateManagedFields { .. } => self.call("migrateManagedFields", operation, json!({}), true),
            Action::Prune { propagation } => self.call("prune", operation, json!({"propagation": propagation}), false),
            Action::DeleteHook { propagation } => {
                self.call("deleteHook", operation, json!({"propagation": propagation}), true)
            }
            Action::RemoveHookFinalizer { .. } => self.call("removeHookFinalizer", operation, json!({}), true),
            other => (None, Outcome::failed(format!("unknown action {other:?}"))),
        }
    }

    fn read(&mut self, operation: &Operation) -> Outcome {
        let key = &operation.object;
        if let Some(message) = self.fault("getNamespace", key, false) {
            return Outcome::failed(message);
        }
        if let Some(message) = self.fault("get", key, false) {
            return Outcome::failed(format!("{} \"{}\" is forbidden: {message}", self.resource(operation), key.name));
        }
        match self.objects.get(key) {
            Some(object) => Outcome::Found { object: object.clone() },
            None => Outcome::NotFound,
        }
    }

    /// An operation through the API client, whose errors (`forbidden`) are a status of the API server.
    fn call(&mut self, op: &str, operation: &Operation, details: Value, wraps: bool) -> (Option<Value>, Outcome) {
        let key = &operation.object;
        let mut entry = json!({"op": op, "object": key.to_string()});
        if let (Some(entry), Some(details)) = (entry.as_object_mut(), details.as_object()) {
            entry.extend(details.clone());
        }
        if let Some(message) = self.fault(op, key, false) {
            entry["error"] = message.clone().into();
            let resource = self.resource(operation);
            let error = format!("{resource} \"{}\" is forbidden: {message}", key.name);
            return (Some(entry), Outcome::failed(if wraps { error } else { message }));
        }
        if !self.objects.contains_key(key) {
            entry["error"] = "not found".into();
            return (Some(entry), Outcome::NotFound);
        }
        if op == "deleteHook" || op == "prune" {
            self.objects.remove(key);
        }
        (Some(entry), Outcome::done(""))
    }

    fn resource(&self, operation: &Operation) -> String {
        let gvk = &operation.gvk;
        let extra = self.extra_kinds.iter().find(|kind| kind.group == gvk.group && kind.kind == gvk.kind);
        match extra {
            Some(extra) => kinds::qualified(&extra.resource, &gvk.group),
            None => kinds::resource(gvk).unwrap_or_default(),
        }
    }

    fn write(&mut self, key: &ResourceKey, write: &Write) -> (Option<Value>, Outcome) {
        let op = match write.method {
            WriteMethod::Apply => "apply",
            WriteMethod::Create => "create",
            WriteMethod::Replace => "replace",
            WriteMethod::Update => "update",
        };
        let mut entry = json!({"op": op, "object": key.to_string()});
        for (flag, set) in [
            ("dryRun", write.dry_run),
            ("force", write.force),
            ("noValidate", !write.validate && matches!(write.method, WriteMethod::Apply | WriteMethod::Create)),
            ("serverSide", write.server_side.is_some()),
        ] {
            if set {
                entry[flag] = true.into();
            }
        }
        if let Some(manager) = &write.server_side {
            entry["manager"] = manager.as_str().into();
        }
        if let Some(message) = self.fault(op, key, write.dry_run) {
            entry["error"] = message.as_str().into();
            return (Some(entry), Outcome::failed(message));
        }
        let exists = self.objects.contains_key(key);
        let done = match write.method {
            WriteMethod::Apply if exists => "configured",
            WriteMethod::Apply | WriteMethod::Create => "created",
            WriteMethod::Replace | WriteMethod::Update => "replaced",
        };
        let suffix = if write.dry_run { " (dry run)" } else { "" };
        if !write.dry_run {
            self.objects.insert(key.clone(), write.manifest.clone());
        }
        (Some(entry), Outcome::done(format!("{}/{} {done}{suffix}", key.kind, key.name)))
    }

    /// The message of the first fault that strikes.
    fn fault(&mut self, op: &str, key: &ResourceKey, dry_run: bool) -> Option<String> {
        let name = format!("{}/{}", key.kind, key.name);
        let (fault, struck) = self.faults.iter_mut().find(|(fault, struck)| {
            fault.op == op
                && fault.object == name
                && fault.dry_run == dry_run
                && (fault.times == 0 || *struck < fault.times)
        })?;
        *struck += 1;
        Some(fault.message.clone())
    }

    /// The step's operations. Neighbouring ones on hooks, of one sort, are one batch, as recorded.
    pub(super) fn operations(&self) -> Vec<Vec<Value>> {
        let sort = |batch: &[Value]| {
            let op = batch.first()?["op"].as_str()?.to_owned();
            ["removeHookFinalizer", "deleteHook"].contains(&op.as_str()).then_some(op)
        };
        let mut merged: Vec<Vec<Value>> = Vec::new();
        for batch in &self.record {
            match merged.last_mut() {
                Some(last) if sort(last).is_some() && sort(last) == sort(batch) => {
                    last.extend(batch.iter().cloned());
                    last.sort_by_key(|entry| entry["object"].to_string());
                }
                _ => merged.push(batch.clone()),
            }
        }
        merged
    }
}
