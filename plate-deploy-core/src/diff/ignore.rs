//! Removing what does not count, by the rules that apply to an object.

use serde_json::Value;

use super::overrides::applies;
use super::{jq, pointer};
use crate::model::application::ResourceIgnoreDifferences;
use crate::model::{Manifest, ResourceKey};

/// Removes what the rules select; returns what could not be applied. Paths that are not there are harmless.
pub(super) fn apply(rules: &[ResourceIgnoreDifferences], object: &mut Value) -> Vec<String> {
    let Ok(manifest) = Manifest::new(object.clone()) else { return Vec::new() };
    let ResourceKey { group, kind, namespace, name } = manifest.key();
    let mut warnings = Vec::new();
    let mut out = object.clone();
    for rule in rules.iter().filter(|rule| applies(rule, &group, &kind, &name, &namespace)) {
        for path in &rule.json_pointers {
            pointer::remove(&mut out, path);
        }
        for expression in &rule.jq_path_expressions {
            match jq::delete(&out, expression) {
                Ok(reduced) => out = reduced,
                Err(reason) => warnings.push(format!("{}: jq {expression:?}: {reason}", manifest.key())),
            }
        }
    }
    // What is left must still be an object with a kind.
    if Manifest::new(out.clone()).is_ok() {
        *object = out;
    }
    warnings
}
