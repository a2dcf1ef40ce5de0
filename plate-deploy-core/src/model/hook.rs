//! Which objects are hooks, of which phases, and when they are deleted. Argo CD's annotations come first; Helm's count
//! where Argo CD's name no type it knows.

use super::{Manifest, SyncPhase, annotations};

/// Value of `helm.sh/hook` that marks a CRD, not a hook.
const HELM_CRD_INSTALL: &str = "crd-install";

/// A hook type of the sync engine.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Phase(SyncPhase),
    Skip,
}

/// What is done with a hook, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeletePolicies {
    /// Deleted before it is created again.
    pub before_creation: bool,
    /// Deleted when the whole sync succeeded.
    pub succeeded: bool,
    /// Deleted when the sync failed.
    pub failed: bool,
}

fn argo_type(text: &str) -> Option<Type> {
    Some(match text {
        "PreSync" => Type::Phase(SyncPhase::PreSync),
        "Sync" => Type::Phase(SyncPhase::Sync),
        "PostSync" => Type::Phase(SyncPhase::PostSync),
        "SyncFail" => Type::Phase(SyncPhase::SyncFail),
        "Skip" => Type::Skip,
        // PreDelete and PostDelete take no part in a sync.
        _ => return None,
    })
}

fn helm_type(text: &str) -> Option<Type> {
    Some(match text {
        "pre-install" | "pre-upgrade" => Type::Phase(SyncPhase::PreSync),
        "post-install" | "post-upgrade" => Type::Phase(SyncPhase::PostSync),
        // Tests, rollback and deletion hooks take no part in a sync.
        _ => return None,
    })
}

fn types(object: &Manifest) -> Vec<Type> {
    let mut types: Vec<Type> = Vec::new();
    for found in object.annotation_items(annotations::HOOK).filter_map(argo_type) {
        if !types.contains(&found) {
            types.push(found);
        }
    }
    if types.is_empty() {
        types = object.annotation_items(annotations::HELM_HOOK).filter_map(helm_type).collect();
    }
    types
}

/// Whether the object is never applied: `Skip` is its only type.
#[must_use]
pub fn is_skipped(object: &Manifest) -> bool {
    types(object) == [Type::Skip]
}

/// Whether the object is a hook, of a known type or not.
#[must_use]
pub fn is_hook(object: &Manifest) -> bool {
    if object.annotation(annotations::HOOK).is_some() {
        return !is_skipped(object);
    }
    object.annotation(annotations::HELM_HOOK).is_some_and(|value| value != HELM_CRD_INSTALL)
}

/// Whether the object takes no part at all: a hook none of whose types the engine knows.
#[must_use]
pub fn is_ignored(object: &Manifest) -> bool {
    is_hook(object) && types(object).is_empty()
}

/// The phases in which an object is synced: those of its hook types, `Sync` for a plain object, none when skipped.
#[must_use]
pub fn phases(object: &Manifest) -> Vec<SyncPhase> {
    if is_skipped(object) {
        return Vec::new();
    }
    if !is_hook(object) {
        return vec![SyncPhase::Sync];
    }
    let mut phases: Vec<SyncPhase> = types(object)
        .into_iter()
        .filter_map(|found| match found {
            Type::Phase(phase) => Some(phase),
            Type::Skip => None,
        })
        .collect();
    phases.sort_unstable();
    phases.dedup();
    phases
}

/// A hook's delete policies, Argo CD's and Helm's together; `BeforeHookCreation` where none is known.
#[must_use]
pub fn delete_policies(object: &Manifest) -> DeletePolicies {
    let mut policies = DeletePolicies::default();
    for (annotation, names) in [
        (annotations::HOOK_DELETE_POLICY, ["BeforeHookCreation", "HookSucceeded", "HookFailed"]),
        (annotations::HELM_HOOK_DELETE_POLICY, ["before-hook-creation", "hook-succeeded", "hook-failed"]),
    ] {
        for item in object.annotation_items(annotation) {
            policies.before_creation |= item == names[0];
            policies.succeeded |= item == names[1];
            policies.failed |= item == names[2];
        }
    }
    if policies == DeletePolicies::default() {
        policies.before_creation = true;
    }
    policies
}

/// Whether Argo CD's hook finalizer holds the object.
#[must_use]
pub fn has_finalizer(object: &Manifest) -> bool {
    object.finalizers().any(|finalizer| finalizer == annotations::HOOK_FINALIZER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hook_types_and_phases() {
        use SyncPhase::{PostSync, PreSync, Sync};
        let cases: &[(&str, &str, bool, bool, &[SyncPhase])] = &[
            // argo, helm → is hook, is ignored, phases
            ("", "", false, false, &[Sync]),
            ("PreSync, PostSync", "", true, false, &[PreSync, PostSync]),
            ("Skip", "", false, false, &[]),
            ("Skip,PreSync", "", true, false, &[PreSync]),
            ("Nonsense", "", true, true, &[]),
            ("Nonsense", "post-install", true, false, &[PostSync]),
            ("PreDelete", "", true, true, &[]),
            ("", "crd-install", false, false, &[Sync]),
            ("", "test", true, true, &[]),
            ("", "pre-install,post-upgrade", true, false, &[PreSync, PostSync]),
        ];
        for (argo, helm, hook, ignored, expected) in cases {
            let mut object = Manifest::new(serde_json::json!({
                "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}
            }))
            .unwrap();
            for (name, value) in [(annotations::HOOK, argo), (annotations::HELM_HOOK, helm)] {
                if !value.is_empty() {
                    object.set_annotation(name, value);
                }
            }
            assert_eq!(
                (is_hook(&object), is_ignored(&object), phases(&object).as_slice()),
                (*hook, *ignored, *expected),
                "argo {argo:?}, helm {helm:?}"
            );
        }
    }
}
