//! The health of an Application: the worst of its objects', with Argo CD's exceptions.

use super::{HealthError, HealthOverrides, assess};
use crate::model::hook;
use crate::model::{HealthCode, HealthStatus, Manifest, ResourceKey};

/// Keeps an object's health out of its Application's.
const IGNORE_HEALTHCHECK: &str = "argocd.argoproj.io/ignore-healthcheck";
/// How many causes a message names.
const CAUSES_SHOWN: usize = 3;

/// One object of an Application, as wanted and as found.
#[derive(Clone, Copy, Debug)]
pub struct ResourceHealth<'a> {
    /// The object Git wants; `None` for one that is to be pruned.
    pub target: Option<&'a Manifest>,
    /// The object in the cluster; `None` when it is missing.
    pub live: Option<&'a Manifest>,
}

/// The health of an Application and of each of its objects.
#[derive(Clone, Debug, Default)]
pub struct ApplicationHealth {
    /// The worst code that counts, and what caused it (at most three objects are named).
    pub status: HealthStatus,
    /// One entry for each object given, in the same order; `None` where the object does not count or has no check.
    pub resources: Vec<Option<HealthStatus>>,
    /// Checks that failed; their objects are Unknown.
    pub errors: Vec<(ResourceKey, HealthError)>,
}

/// Judges an Application by its objects (Argo CD's `setApplicationHealth`).
///
/// Hooks, skipped objects and objects annotated `argocd.argoproj.io/ignore-healthcheck: "true"` do not count; neither
/// do missing objects (they are out of sync already) nor child Applications that are Missing or Unknown. An
/// Application none of whose objects exists is Missing. `own_key` is the Application itself, which may be one of its
/// own objects and then does not count.
#[must_use]
pub fn aggregate(
    objects: &[ResourceHealth<'_>],
    own_key: Option<&ResourceKey>,
    overrides: &HealthOverrides,
) -> ApplicationHealth {
    let mut result = ApplicationHealth {
        status: HealthStatus { status: HealthCode::Healthy, message: String::new() },
        resources: vec![None; objects.len()],
        errors: Vec::new(),
    };
    let mut causes: Vec<ResourceKey> = Vec::new();
    let (mut any, mut any_live) = (false, false);
    for (object, slot) in objects.iter().zip(&mut result.resources) {
        if object.target.is_some_and(hook::is_skipped)
            || object.live.is_some_and(|live| hook::is_hook(live) || hook::is_ignored(live))
        {
            continue;
        }
        any = true;
        let Some(live) = object.live else {
            *slot = Some(HealthStatus { status: HealthCode::Missing, message: String::new() });
            continue;
        };
        any_live = true;
        let key = live.key();
        if live.annotation(IGNORE_HEALTHCHECK) == Some("true") || own_key == Some(&key) {
            continue;
        }
        let health = assess(live, overrides).unwrap_or_else(|error| {
            let status = error.status();
            result.errors.push((key.clone(), error));
            Some(status)
        });
        let Some(health) = health else { continue };
        let code = health.status;
        *slot = Some(health);
        if is_application(&key) && matches!(code, HealthCode::Missing | HealthCode::Unknown) {
            continue;
        }
        if code > result.status.status {
            result.status.status = code;
            causes = vec![key];
        } else if code == result.status.status && code != HealthCode::Healthy {
            causes.push(key);
        }
    }
    if any && !any_live && HealthCode::Missing > result.status.status {
        result.status.status = HealthCode::Missing;
    }
    result.status.message = describe(&causes);
    result
}

fn is_application(key: &ResourceKey) -> bool {
    key.group == "argoproj.io" && key.kind == "Application"
}

fn describe(causes: &[ResourceKey]) -> String {
    if causes.is_empty() {
        return String::new();
    }
    let name = |key: &ResourceKey| {
        let separator = if key.namespace.is_empty() { "" } else { "/" };
        format!("{}:{}{separator}{}", key.group_kind(), key.namespace, key.name)
    };
    let shown: Vec<_> = causes.iter().take(CAUSES_SHOWN).map(name).collect();
    let more = causes.len().saturating_sub(CAUSES_SHOWN);
    let rest = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("Caused by {}{rest}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::annotations;
    use serde_json::json;

    fn pod(name: &str, phase: &str, annotations: serde_json::Value) -> Manifest {
        Manifest::new(json!({"apiVersion": "v1", "kind": "Pod", "status": {"phase": phase},
            "metadata": {"name": name, "namespace": "n", "annotations": annotations}}))
        .unwrap()
    }

    fn code(objects: &[Manifest]) -> HealthStatus {
        let objects: Vec<_> = objects.iter().map(|live| ResourceHealth { target: None, live: Some(live) }).collect();
        aggregate(&objects, None, &HealthOverrides::default()).status
    }

    #[test]
    fn worst_object_decides_and_is_named() {
        let objects = [pod("a", "Succeeded", json!({})), pod("b", "Pending", json!({})), pod("c", "Failed", json!({}))];
        let health = code(&objects);
        assert_eq!((health.status, health.message.as_str()), (HealthCode::Degraded, "Caused by Pod:n/c"));
    }

    #[test]
    fn hooks_and_ignored_objects_do_not_count() {
        let failed = [
            pod("hook", "Failed", json!({(annotations::HOOK): "PreSync"})),
            pod("ignored", "Failed", json!({IGNORE_HEALTHCHECK: "true"})),
        ];
        assert_eq!(code(&failed).status, HealthCode::Healthy);
    }

    #[test]
    fn an_application_without_any_live_object_is_missing() {
        let wanted = pod("a", "", json!({}));
        let present = pod("b", "Succeeded", json!({}));
        let missing = ResourceHealth { target: Some(&wanted), live: None };
        let live = ResourceHealth { target: None, live: Some(&present) };
        let overrides = HealthOverrides::default();
        assert_eq!(aggregate(&[missing], None, &overrides).status.status, HealthCode::Missing);
        assert_eq!(aggregate(&[missing, live], None, &overrides).status.status, HealthCode::Healthy);
    }
}
