//! A live object that was last synced under label tracking must not look different only because the tracking
//! annotation is new (Argo CD's `ResourceTracking.Normalize`).

use super::{Tracker, TrackingError, TrackingMethod, metadata};
use crate::model::{Manifest, annotations};

/// Fills in the annotation a labelled live object lacks, and drops the live label when the wanted object has none.
///
/// A live annotation of another Application is left alone: the object has really moved, and a sync must repair it.
pub(super) fn normalize(tracker: &Tracker, config: &Manifest, live: &mut Manifest) -> Result<(), TrackingError> {
    if matches!(tracker.method, TrackingMethod::Label | TrackingMethod::Unset) {
        return Ok(());
    }
    let text = |object: &Manifest, field, key| metadata::get(object, field, key).map(Option::unwrap_or_default);
    if text(live, "labels", &tracker.label_key)?.is_empty() || !Tracker::tracks(live) {
        return Ok(());
    }
    if text(live, "annotations", annotations::TRACKING_ID)?.is_empty() {
        let wanted = text(config, "annotations", annotations::TRACKING_ID)?;
        metadata::set(live, "annotations", annotations::TRACKING_ID, &wanted)?;
    }
    if text(config, "labels", &tracker.label_key)?.is_empty() {
        metadata::remove(live, "labels", &tracker.label_key)?;
    }
    Ok(())
}
