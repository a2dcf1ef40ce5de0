//! Validation of objects before they are stored.
//!
//! [`metadata`] holds for every kind. Kind-specific rules are chosen in [`kinds`] and written by topic:
//! [`pods`], [`pod_details`], [`scheduling`], [`workloads`], [`autoscaling`], [`network`], [`policy`], [`quota`],
//! [`cluster`], [`admin`].

mod admin;
mod autoscaling;
mod cluster;
mod common;
mod kinds;
mod metadata;
mod network;
mod pod_details;
mod pods;
mod policy;
mod quota;
mod scheduling;
mod workloads;

use serde_json::Value;

use super::catalog::Resource;
use crate::status::FieldError;

/// The errors of a new object.
pub(super) fn create(resource: &Resource, object: &Value) -> Vec<FieldError> {
    let mut errors = metadata::create(resource, object);
    match &resource.custom {
        Some(custom) => errors.extend(custom.validate(object, None)),
        None => errors.extend(kinds::create(resource, object)),
    }
    errors
}

/// The errors of an object that replaces `old`.
pub(super) fn update(resource: &Resource, new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = metadata::create(resource, new);
    errors.extend(metadata::update(new, old));
    match &resource.custom {
        Some(custom) => errors.extend(custom.validate(new, Some(old))),
        None => errors.extend(kinds::update(resource, new, old)),
    }
    errors
}
