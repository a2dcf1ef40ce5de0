//! Objects that are being deleted.

use super::{Checked, progressing};
use crate::model::{HealthStatus, Manifest, hook};

/// The health of an object that is being deleted; `None` for others, and for hooks that only wait for their result to
/// be seen (Argo CD holds them with its hook finalizer).
pub(super) fn pending(object: &Manifest, checked: Option<&Checked>) -> Option<HealthStatus> {
    // client-go reads an unparsable time as none.
    let timestamp = object.value().pointer("/metadata/deletionTimestamp")?.as_str()?;
    timestamp.parse::<jiff::Timestamp>().ok()?;
    if hook::has_finalizer(object) {
        return None;
    }
    if let Some(Checked { status, deletion_message: Some(message) }) = checked {
        return Some(HealthStatus { status: status.status, message: message.clone() });
    }
    let finalizers: Vec<_> = object.finalizers().collect();
    Some(progressing(if finalizers.is_empty() {
        "Pending deletion".to_owned()
    } else {
        format!("Pending deletion; blocked by finalizers: {}", finalizers.join(", "))
    }))
}
