//! Reading the annotations that steer a sync: `key=value` options, waves.

use crate::model::{Manifest, annotations};

/// Whether an object carries a sync option, spelled exactly so (`Force=true`).
pub(super) fn has_option(object: &Manifest, option: &str) -> bool {
    object.annotation_items(annotations::SYNC_OPTIONS).any(|item| item == option)
}

/// Value of the object's first `key=value` sync option.
pub(super) fn option_value<'a>(object: &'a Manifest, key: &str) -> Option<&'a str> {
    object.annotation_items(annotations::SYNC_OPTIONS).find_map(|item| item.strip_prefix(key)?.strip_prefix('='))
}

/// The wave: `sync-wave`, else `helm.sh/hook-weight` (on plain objects too), else 0. A text that is no integer does not
/// count.
pub(super) fn wave(object: &Manifest) -> i64 {
    [annotations::SYNC_WAVE, annotations::HELM_HOOK_WEIGHT]
        .iter()
        .find_map(|name| object.annotation(name)?.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(annotations: serde_json::Value) -> Manifest {
        Manifest::new(serde_json::json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "annotations": annotations}
        }))
        .unwrap()
    }

    #[test]
    fn the_wave_falls_back_to_helms_weight() {
        let of = |annotations| wave(&object(annotations));
        assert_eq!(of(serde_json::json!({"argocd.argoproj.io/sync-wave": "-5", "helm.sh/hook-weight": "2"})), -5);
        assert_eq!(of(serde_json::json!({"argocd.argoproj.io/sync-wave": "x", "helm.sh/hook-weight": "2"})), 2);
        assert_eq!(of(serde_json::json!({"argocd.argoproj.io/sync-wave": " 3"})), 0, "Go's Atoi takes no spaces");
    }

    #[test]
    fn options_are_exact_and_trimmed() {
        let object = object(serde_json::json!({"argocd.argoproj.io/sync-options": " Force=true , Prune=confirm,,"}));
        assert!(has_option(&object, "Force=true"));
        assert!(!has_option(&object, "force=true"));
        assert_eq!(option_value(&object, "Prune"), Some("confirm"));
        assert_eq!(option_value(&object, "Pru"), None);
    }
}
