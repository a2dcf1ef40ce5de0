//! The garbage collector: what only a deleted object owned goes, too.

use serde_json::{Value, json};

use super::context::Context;
use crate::object::{finalizers, is_deleting, list, meta};
use crate::registry::{DeleteOptions, Propagation};
use crate::storage::Key;

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

/// Goes on with a deletion that waits for dependents: deletes them (foreground) or lets them go (orphan).
pub(super) fn finish(context: &Context<'_>, key: &Key, object: &Value) {
    let uid = meta(object, "uid");
    for finalizer in finalizers(object) {
        let dependents = || dependents(context, |owner| owner == uid);
        match finalizer {
            FOREGROUND => {
                let waiting: Vec<_> = dependents();
                for (key, dependent) in waiting.iter().filter(|(_, dependent)| !is_deleting(dependent)) {
                    delete(context, key, dependent, Propagation::Foreground);
                }
                if !waiting.is_empty() {
                    continue;
                }
            }
            ORPHAN => dependents().iter().for_each(|(key, dependent)| release(context, key, dependent, uid)),
            _ => continue,
        }
        if let Some(resource) = context.registry.catalog().find_storage(&key.resource) {
            // The object may be gone already.
            let _ = context.registry.remove_finalizers(&resource, &key.namespace, &key.name, &[finalizer]);
        }
    }
}

/// Collects what the deleted objects with these uids owned.
pub(super) fn collect(context: &Context<'_>, gone: &[String]) {
    for (key, dependent) in dependents(context, |owner| gone.iter().any(|uid| uid == owner)) {
        let owners = list(&dependent, &["metadata", "ownerReferences"]);
        let lost: Vec<&str> =
            owners.iter().filter_map(|o| o["uid"].as_str()).filter(|owner| gone.iter().any(|uid| uid == owner)).collect();
        if lost.len() < owners.len() {
            lost.iter().for_each(|uid| release(context, &key, &dependent, uid));
        } else if !is_deleting(&dependent) {
            delete(context, &key, &dependent, Propagation::Background);
        }
    }
}

/// Every object that has an owner with such a uid.
fn dependents(context: &Context<'_>, is_owner: impl Fn(&str) -> bool) -> Vec<(Key, Value)> {
    let store = context.registry.store();
    let mut found = Vec::new();
    for resource in store.resources() {
        for (key, stored) in store.list(&resource, None).1 {
            let owners = list(&stored.object, &["metadata", "ownerReferences"]);
            if owners.iter().any(|owner| owner["uid"].as_str().is_some_and(&is_owner)) {
                found.push((key, stored.object.as_ref().clone()));
            }
        }
    }
    found
}

fn release(context: &Context<'_>, key: &Key, dependent: &Value, uid: &str) {
    let kept: Vec<&Value> = list(dependent, &["metadata", "ownerReferences"]).iter().filter(|o| o["uid"] != uid).collect();
    context.patch(&key.resource, dependent, "", &json!({"metadata": {"ownerReferences": kept}}));
}

fn delete(context: &Context<'_>, key: &Key, dependent: &Value, propagation: Propagation) {
    let Some(resource) = context.registry.catalog().find_storage(&key.resource) else { return };
    let options = DeleteOptions {
        propagation: Some(propagation),
        grace_seconds: Some(0),
        uid: Some(meta(dependent, "uid").to_owned()),
        ..DeleteOptions::default()
    };
    // Somebody else may have been faster.
    let _ = context.registry.delete(&resource, &key.namespace, &key.name, &options);
}
