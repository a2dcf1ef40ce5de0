//! The roles and bindings that kube-apiserver makes when it starts.
//!
//! `data/rbac.jsonl.gz` holds one object a line, as a new kube-apiserver 1.37.2 shows them
//! (`kubectl get clusterroles,clusterrolebindings,roles,rolebindings -A -o json`, those labelled
//! `kubernetes.io/bootstrapping: rbac-defaults`, without what the server sets).

use std::io::Read;

use serde_json::Value;

use super::{GROUP, Registry};
use crate::object::{meta, set_meta, text};
use crate::storage::Key;

static POLICY: &[u8] = include_bytes!("../data/rbac.jsonl.gz");

/// Creates what is missing. The objects are valid, so they go straight to the store.
pub(in crate::registry) fn run(registry: &Registry) {
    let mut lines = String::new();
    let read = flate2::read::GzDecoder::new(POLICY).read_to_string(&mut lines);
    debug_assert!(read.is_ok(), "the embedded policy is valid gzip");
    for line in lines.lines() {
        let Ok(mut object) = serde_json::from_str::<Value>(line) else { continue };
        let plural = text(&object, &["kind"]).to_lowercase() + "s";
        let key = Key::new(&format!("{plural}.{GROUP}"), meta(&object, "namespace"), meta(&object, "name"));
        if registry.store().get(&key).is_none() {
            set_meta(&mut object, "uid", registry.new_uid());
            set_meta(&mut object, "creationTimestamp", registry.now());
            // Only a store file that cannot be written fails here, and the next write will say so.
            drop(registry.store().create(key, object));
        }
    }
}
