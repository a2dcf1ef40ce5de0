//! Validation of objects before they are stored.
//!
//! [`metadata`] holds for every kind. Kind-specific rules are chosen in [`kinds`] and written by topic:
//! [`pods`], [`workloads`], [`network`], [`policy`], [`cluster`], [`admin`].

mod admin;
mod cluster;
mod common;
mod kinds;
mod metadata;
mod network;
mod pods;
mod policy;
mod workloads;

use serde_json::Value;

use super::catalog::Resource;
use crate::status::FieldError;

/// The errors of a new object.
pub(super) fn create(resource: &Resource, object: &Value) -> Vec<FieldError> {
    let mut errors = metadata::create(resource, object);
    match &resource.custom {
        Some(custom) => errors.extend(custom.validate(object)),
        None => errors.extend(kinds::create(resource, object)),
    }
    errors
}

/// The errors of an object that replaces `old`.
pub(super) fn update(resource: &Resource, new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = metadata::create(resource, new);
    errors.extend(metadata::update(new, old));
    match &resource.custom {
        Some(custom) => errors.extend(custom.validate(new)),
        None => errors.extend(kinds::update(resource, new, old)),
    }
    errors
}
