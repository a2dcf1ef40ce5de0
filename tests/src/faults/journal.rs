//! The journal with points before and after each write.

use std::sync::Arc;

use plate_deploy_core::state::{Journal, JournalRecord, StateError};

use super::Plan;

/// A journal with points.
#[derive(Debug)]
pub struct PointedJournal {
    inner: Arc<dyn Journal>,
    plan: Plan,
}

impl PointedJournal {
    /// Wraps a journal.
    #[must_use]
    pub fn new(inner: Arc<dyn Journal>, plan: Plan) -> Self {
        Self { inner, plan }
    }
}

fn full() -> StateError {
    StateError::Io { path: "journal.log".into(), action: "append to", message: "no space left on device".into() }
}

impl Journal for PointedJournal {
    fn read(&self) -> Result<Vec<JournalRecord>, StateError> {
        self.inner.read()
    }

    fn append(&self, record: &JournalRecord) -> Result<(), StateError> {
        let value = serde_json::to_value(&record.event).unwrap_or_default();
        let text = |field: &str| value.get(field).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
        let part = if record.run.ends_with("-rollback") { "rollback " } else { "" };
        let operation = self.plan.begin(format!("journal {part}{} {}", text("event"), text("stage")).trim_end());
        if self.plan.pass(&operation, "before").is_some() {
            return Err(full());
        }
        self.inner.append(record)?;
        match self.plan.pass(&operation, "after") {
            Some(_) => Err(full()),
            None => Ok(()),
        }
    }
}
