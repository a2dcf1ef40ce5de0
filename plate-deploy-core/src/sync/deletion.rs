//! Deleting an Application with its objects: what goes next (Argo CD's `finalizeApplicationDeletion`). Pure.

use std::sync::Arc;

use jiff::Timestamp;

use super::annotation::{option_value, wave};
use super::operation::Propagation;
use crate::model::{Manifest, ResourceKey, annotations};

/// An Application under deletion, and what is left of it.
#[derive(Clone, Debug)]
pub struct DeletionRequest<'a> {
    /// The Application's objects that are still there and that its project lets it touch.
    pub live: &'a [Arc<Manifest>],
    /// Its sync options (`Delete=…`, `Prune=…` count).
    pub sync_options: &'a [String],
    /// The Application itself, which may be one of its own objects.
    pub own_key: Option<&'a ResourceKey>,
    /// Its `argocd.argoproj.io/deletion-approved` annotation.
    pub approved: Option<&'a str>,
    /// When the deletion was asked for.
    pub since: Timestamp,
}

/// What happens next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// These are being deleted: look again when they are gone.
    Wait(Vec<ResourceKey>),
    /// These need a person's approval first.
    Confirm(Vec<ResourceKey>),
    /// Delete these, the last wave that is left, and look again.
    Delete(Vec<ResourceKey>),
    /// Nothing is left to delete.
    Done,
}

impl DeletionRequest<'_> {
    /// Decides.
    #[must_use]
    pub fn next(&self) -> Deletion {
        let keys = |objects: &[&Arc<Manifest>]| objects.iter().map(|object| object.key()).collect();
        let going = |object: &&Arc<Manifest>| object.value().pointer("/metadata/deletionTimestamp").is_some();
        let under_way: Vec<_> = self.live.iter().filter(going).collect();
        if !under_way.is_empty() {
            return Deletion::Wait(keys(&under_way));
        }
        let doomed: Vec<_> = self.live.iter().filter(|object| self.goes(object)).collect();
        let unconfirmed: Vec<_> = doomed.iter().copied().filter(|object| self.needs_approval(object)).collect();
        if !unconfirmed.is_empty() && !self.is_approved() {
            return Deletion::Confirm(keys(&unconfirmed));
        }
        let Some(last) = doomed.iter().map(|object| wave(object)).max() else { return Deletion::Done };
        let now: Vec<_> = doomed.into_iter().filter(|object| wave(object) == last).collect();
        Deletion::Delete(keys(&now))
    }

    fn option<'a>(&'a self, object: &'a Manifest, name: &str) -> Option<&'a str> {
        let of_application =
            || self.sync_options.iter().find_map(|option| option.strip_prefix(name)?.strip_prefix('='));
        option_value(object, name).or_else(of_application)
    }

    /// CRDs, the Application itself, and what an option keeps stay.
    fn goes(&self, object: &Manifest) -> bool {
        let key = object.key();
        let is_crd = key.kind == "CustomResourceDefinition" && key.group == "apiextensions.k8s.io";
        !is_crd
            && self.own_key != Some(&key)
            && self.option(object, "Delete") != Some("false")
            && !object.annotation_items(annotations::HELM_RESOURCE_POLICY).any(|policy| policy == "keep")
    }

    fn needs_approval(&self, object: &Manifest) -> bool {
        ["Delete", "Prune"].iter().any(|name| self.option(object, name) == Some("confirm"))
    }

    fn is_approved(&self) -> bool {
        let at = self.approved.and_then(|text| text.parse::<Timestamp>().ok());
        at.is_some_and(|at| at.as_second() >= self.since.as_second())
    }
}

/// How the finalizers of an Application ask for its objects to go; `None`: they stay.
#[must_use]
pub fn cascade(finalizers: &[String]) -> Option<Propagation> {
    finalizers.iter().find_map(|finalizer| match finalizer.as_str() {
        annotations::RESOURCES_FINALIZER | annotations::FOREGROUND_FINALIZER => Some(Propagation::Foreground),
        annotations::BACKGROUND_FINALIZER => Some(Propagation::Background),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(kind: &str, name: &str, notes: &[(&str, &str)]) -> Arc<Manifest> {
        let api = if kind == "CustomResourceDefinition" { "apiextensions.k8s.io/v1" } else { "v1" };
        let mut object = Manifest::new(json!({"apiVersion": api, "kind": kind, "metadata": {"name": name}})).unwrap();
        notes.iter().for_each(|(key, value)| object.set_annotation(key, value));
        Arc::new(object)
    }

    fn next(live: &[Arc<Manifest>], options: &[&str], approved: Option<&str>) -> (&'static str, Vec<String>) {
        let sync_options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        let since = "2026-01-01T00:00:00Z".parse().unwrap();
        let request = DeletionRequest { live, sync_options: &sync_options, own_key: None, approved, since };
        let (word, keys) = match request.next() {
            Deletion::Wait(keys) => ("wait", keys),
            Deletion::Confirm(keys) => ("confirm", keys),
            Deletion::Delete(keys) => ("delete", keys),
            Deletion::Done => ("done", Vec::new()),
        };
        (word, keys.into_iter().map(|key| key.name).collect())
    }

    #[test]
    fn the_last_wave_goes_first_and_is_waited_for() {
        let wave = |n| [(annotations::SYNC_WAVE, n)];
        let (a, b) = (object("ConfigMap", "a", &wave("1")), object("ConfigMap", "b", &wave("2")));
        assert_eq!(next(&[a.clone(), b.clone()], &[], None), ("delete", vec!["b".into()]));
        let mut going = (*b).clone();
        going.value_mut()["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        assert_eq!(next(&[a.clone(), Arc::new(going)], &[], None), ("wait", vec!["b".into()]));
        assert_eq!(next(&[a], &[], None), ("delete", vec!["a".into()]));
        assert_eq!(next(&[], &[], None).0, "done");
    }

    #[test]
    fn options_keep_objects_or_ask_first() {
        let kept = [
            object("CustomResourceDefinition", "crd", &[]),
            object("ConfigMap", "own", &[(annotations::SYNC_OPTIONS, "Delete=false")]),
            object("ConfigMap", "helm", &[(annotations::HELM_RESOURCE_POLICY, "keep")]),
        ];
        assert_eq!(next(&kept, &[], None).0, "done");
        let plain = [object("ConfigMap", "a", &[])];
        assert_eq!(next(&plain, &["Delete=false"], None).0, "done");
        assert_eq!(next(&plain, &["Delete=confirm"], None), ("confirm", vec!["a".into()]));
        assert_eq!(next(&plain, &["Prune=confirm"], Some("2025-12-31T00:00:00Z")).0, "confirm", "an old approval");
        assert_eq!(next(&plain, &["Delete=confirm"], Some("2026-01-01T00:00:00Z")).0, "delete");
    }

    #[test]
    fn finalizers_say_how() {
        let of = |name: &str| cascade(&["other".to_owned(), name.to_owned()]);
        assert_eq!(of(annotations::RESOURCES_FINALIZER), Some(Propagation::Foreground));
        assert_eq!(of(annotations::BACKGROUND_FINALIZER), Some(Propagation::Background));
        assert_eq!(of("x"), None);
    }
}
