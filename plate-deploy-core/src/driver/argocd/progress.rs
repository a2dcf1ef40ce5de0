//! Telling a reporter how an Application comes along, each change once.

use std::collections::BTreeMap;

use crate::driver::app_status::LiveApplication;
use crate::model::{HealthCode, OperationPhase, ResourceKey, ResultCode, SyncCode};
use crate::report::{Event, Reporter};

/// What was last told of an Application.
pub(super) struct Progress<'a> {
    name: &'a str,
    reporter: &'a dyn Reporter,
    told: Option<(SyncCode, HealthCode, Option<OperationPhase>, String)>,
    resources: BTreeMap<ResourceKey, String>,
}

impl<'a> Progress<'a> {
    pub(super) fn new(name: &'a str, reporter: &'a dyn Reporter) -> Self {
        Self { name, reporter, told: None, resources: BTreeMap::new() }
    }

    /// Something to know.
    pub(super) fn note(&self, text: String) {
        self.reporter.report(&Event::Note { text });
    }

    /// Tells what is new. `own`: the operation in the status is the one that is followed.
    pub(super) fn tell(&mut self, app: &LiveApplication, own: bool) {
        let state = app.status.operation_state.as_ref().filter(|_| own);
        let message = state
            .filter(|state| !state.phase.completed() || state.phase != OperationPhase::Succeeded)
            .map(|state| state.message.clone())
            .filter(|message| !message.is_empty())
            .unwrap_or_else(|| app.status.health.message.clone());
        let now = (app.status.sync.status, app.status.health.status, state.map(|state| state.phase), message);
        if self.told.as_ref() != Some(&now) {
            let (sync, health, phase, message) = now.clone();
            self.reporter.report(&Event::Application { name: self.name.into(), sync, health, phase, message });
            self.told = Some(now);
        }
        for result in state.and_then(|state| state.sync_result.as_ref()).iter().flat_map(|result| &result.resources) {
            let key = result.key();
            if result.message.is_empty() || self.resources.get(&key) == Some(&result.message) {
                continue;
            }
            self.resources.insert(key.clone(), result.message.clone());
            let failed = matches!(result.status, Some(ResultCode::SyncFailed))
                || matches!(result.hook_phase, Some(OperationPhase::Failed | OperationPhase::Error));
            self.reporter.report(&Event::Resource {
                application: self.name.into(),
                key,
                message: result.message.clone(),
                ok: !failed,
            });
        }
    }
}
