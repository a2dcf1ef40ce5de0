//! How one object is written: apply, create, replace or update; client side or server side; forced, validated.

use serde_json::Value;

use crate::model::Manifest;

use super::annotation::has_option;
use super::journal::{Draft, WriteDraft};
use super::operation::{Outcome, WriteMethod};
use super::run::{Flow, Run};
use super::task::Task;
use super::waves::is_crd;

impl Run<'_> {
    /// The write of a task's target; `None` for a prune.
    pub(super) fn write_draft(&self, task: &Task, dry_run: bool) -> Option<Draft> {
        let target = task.target.as_ref()?;
        let method = self.write_method(task);
        let server_side = method == WriteMethod::Apply && self.is_server_side(target, dry_run);
        let write = WriteDraft {
            method,
            dry_run,
            force: matches!(method, WriteMethod::Apply | WriteMethod::Replace)
                && (self.settings.force || either_has(task, "Force=true")),
            validate: self.settings.validate && !has_option(target, "Validate=false"),
            server_side: server_side.then(|| self.request.field_manager.clone()),
            await_established: !dry_run && is_crd(target),
        };
        Some(Draft::write(task, target, write))
    }

    /// `Replace=true` counts on the target, on the live object alone, and for the whole application; there is no way
    /// back on a single object.
    fn write_method(&self, task: &Task) -> WriteMethod {
        if !(self.settings.replace || either_has(task, "Replace=true")) {
            return WriteMethod::Apply;
        }
        let kept = task.gvk().kind == "Namespace" || task.target.as_deref().is_some_and(is_crd);
        match (&task.live, kept) {
            (None, _) => WriteMethod::Create,
            // A replace may delete, and with a CRD or a Namespace goes everything in it.
            (Some(_), true) => WriteMethod::Update,
            (Some(_), false) => WriteMethod::Replace,
        }
    }

    /// A dry run is never server side: what it needs (a namespace, a CRD) may not be there yet.
    fn is_server_side(&self, target: &Manifest, dry_run: bool) -> bool {
        !dry_run
            && !has_option(target, "ServerSideApply=false")
            && (self.settings.server_side_apply || has_option(target, "ServerSideApply=true"))
    }

    /// What a write's result says.
    pub(super) fn write_message(&self, task: &Task, reported: String) -> String {
        match self.write_method(task) {
            WriteMethod::Update => format!("{}/{} updated", task.gvk().kind, task.key().name),
            _ => reported,
        }
    }

    /// Moves fields of the client-side manager to the server-side one before a server-side apply, where the live
    /// object has any; the failures.
    pub(super) fn migrate_managers(&mut self, group: &[usize], dry_run: bool) -> Flow<Vec<(usize, String)>> {
        let manager = self.request.client_side_manager.as_str();
        let affected = self.filter(group, |task| {
            self.settings.client_side_migration
                && task.target.as_deref().is_some_and(|target| self.is_server_side(target, dry_run))
                && task.live.as_deref().is_some_and(|live| is_client_side_managed(live, manager))
        });
        let to = &self.request.field_manager;
        let drafts = affected.iter().map(|&index| Draft::migrate(self.task(index), manager, to)).collect();
        let outcomes = self.journal.perform(drafts)?;
        Ok(affected
            .into_iter()
            .zip(outcomes)
            .filter_map(|(index, outcome)| {
                let Outcome::Failed { message } = outcome else { return None };
                let key = self.task(index).live_key();
                Some((index, format!("Failed to perform client-side apply migration for {key}: {message}")))
            })
            .collect())
    }
}

fn either_has(task: &Task, option: &str) -> bool {
    [&task.target, &task.live].into_iter().flatten().any(|object| has_option(object, option))
}

/// Whether a field manager wrote fields of the object the client-side way (`operation: Update`).
fn is_client_side_managed(live: &Manifest, manager: &str) -> bool {
    !manager.is_empty()
        && live.value().pointer("/metadata/managedFields").and_then(Value::as_array).is_some_and(|entries| {
            entries.iter().any(|entry| {
                entry.get("manager").and_then(Value::as_str) == Some(manager)
                    && entry.get("operation").and_then(Value::as_str) == Some("Update")
            })
        })
}
