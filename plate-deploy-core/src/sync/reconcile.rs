//! Pairing targets with live objects.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{Manifest, ResourceKey};

use super::observation::ApiKinds;
use crate::model::hook;

/// A target, a live object, or both; never neither.
#[derive(Clone, Debug, Default)]
pub(super) struct Pair {
    pub(super) target: Option<Arc<Manifest>>,
    pub(super) live: Option<Arc<Manifest>>,
}

/// Targets and live objects, paired, and the hooks of Git.
#[derive(Clone, Debug, Default)]
pub(super) struct Pairs {
    /// By the live object's key, else the target's as Git writes it.
    pub(super) objects: BTreeMap<ResourceKey, Pair>,
    pub(super) hooks: Vec<Arc<Manifest>>,
}

impl Pairs {
    /// The live object that a target with its namespace set corresponds to. Keys of cluster-scoped objects have no
    /// namespace, whatever the target says.
    pub(super) fn live_of(&self, target: &Manifest) -> Option<&Arc<Manifest>> {
        let mut key = target.key();
        let namespace = std::mem::take(&mut key.namespace);
        let found = self.objects.get(&key).or_else(|| {
            key.namespace = namespace;
            self.objects.get(&key)
        });
        found?.live.as_ref()
    }
}

/// Pairs targets with live objects (gitops-engine's `Reconcile`).
pub(super) fn pair(targets: &[Arc<Manifest>], live: &[Arc<Manifest>], namespace: &str, kinds: &ApiKinds) -> Pairs {
    let mut pairs = Pairs::default();
    let mut plain: Vec<&Arc<Manifest>> = Vec::new();
    for target in targets.iter().filter(|target| !hook::is_ignored(target)) {
        if hook::is_hook(target) {
            pairs.hooks.push(Arc::clone(target));
        } else {
            plain.push(target);
        }
    }
    let mut left: BTreeMap<ResourceKey, Arc<Manifest>> =
        live.iter().map(|object| (object.key(), Arc::clone(object))).collect();
    let wanted = plain.iter().map(|target| target.key()).collect();
    drop_duplicates(&mut left, &wanted);
    for target in plain {
        let live = live_keys(target, namespace, kinds).iter().find_map(|key| left.remove(key));
        let key = live.as_ref().map_or_else(|| target.key(), |live| live.key());
        pairs.objects.insert(key, Pair { target: Some(Arc::clone(target)), live });
    }
    for (key, live) in left {
        pairs.objects.insert(key, Pair { target: None, live: Some(live) });
    }
    pairs
}

/// Where a target's live object may be. A kind of unknown scope is looked for in both places, lest its live object be
/// missed and pruned.
fn live_keys(target: &Manifest, namespace: &str, kinds: &ApiKinds) -> Vec<ResourceKey> {
    let key = target.key();
    let scope = kinds.namespaced(&key.group_kind());
    let inside = if key.namespace.is_empty() { namespace.to_owned() } else { key.namespace.clone() };
    let mut keys = Vec::new();
    if scope != Some(false) {
        keys.push(ResourceKey { namespace: inside, ..key.clone() });
    }
    if scope != Some(true) {
        keys.push(ResourceKey { namespace: String::new(), ..key });
    }
    keys
}

/// One object can be served under several groups (`extensions` and `apps`): keeps the ones in Git, at least one of each.
fn drop_duplicates(live: &mut BTreeMap<ResourceKey, Arc<Manifest>>, wanted: &BTreeSet<ResourceKey>) {
    let mut by_uid: BTreeMap<String, Vec<ResourceKey>> = BTreeMap::new();
    for (key, object) in live.iter() {
        if let Some(uid) = object.value().pointer("/metadata/uid").and_then(serde_json::Value::as_str)
            && !uid.is_empty()
        {
            by_uid.entry(uid.to_owned()).or_default().push(key.clone());
        }
    }
    for keys in by_uid.into_values() {
        let mut left = keys.len();
        for key in keys {
            if left > 1 && !wanted.contains(&key) {
                live.remove(&key);
                left -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::GroupVersionKind;

    fn object(api: &str, kind: &str, namespace: &str, uid: &str) -> Manifest {
        let mut value = serde_json::json!({"apiVersion": api, "kind": kind, "metadata": {"name": "x"}});
        for (field, text) in [("namespace", namespace), ("uid", uid)] {
            if !text.is_empty() {
                value["metadata"][field] = text.into();
            }
        }
        Manifest::new(value).unwrap()
    }

    #[test]
    fn an_object_served_twice_is_paired_once() {
        let target = Arc::new(object("networking.k8s.io/v1", "Ingress", "demo", ""));
        let live = [
            object("extensions/v1beta1", "Ingress", "demo", "1"),
            object("networking.k8s.io/v1", "Ingress", "demo", "1"),
        ]
        .map(Arc::new);
        let pairs = pair(&[target], &live, "demo", &ApiKinds::new());
        assert_eq!(pairs.objects.len(), 1);
        assert!(pairs.objects.values().all(|pair| pair.target.is_some() && pair.live.is_some()));
    }

    #[test]
    fn a_kind_of_unknown_scope_is_looked_for_in_both_places() {
        let target = Arc::new(object("example.com/v1", "Widget", "demo", ""));
        let live = [Arc::new(object("example.com/v1", "Widget", "", "1"))];
        let pairs = pair(&[Arc::clone(&target)], &live, "demo", &ApiKinds::new());
        assert_eq!(pairs.objects.len(), 1, "else the live object would be pruned");
        let kinds = ApiKinds::from_iter([(GroupVersionKind::parse("example.com/v1", "Widget"), true)]);
        assert_eq!(pair(&[target], &live, "demo", &kinds).objects.len(), 2);
    }
}
