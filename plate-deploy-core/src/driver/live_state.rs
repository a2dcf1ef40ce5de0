//! What the live cache holds: objects by key, cut down to what is needed of them, and which Applications they concern.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::sync::watch;

use crate::model::{GroupVersionKind, Manifest, ResourceKey};

/// How much of an object is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Detail {
    /// Kind and identity, labels, owners: nobody compares it.
    #[default]
    Stub,
    /// Everything but `managedFields`.
    Plain,
    /// Everything: a comparison goes by field managers.
    Full,
}

/// Objects and who is concerned by them.
#[derive(Default)]
pub(super) struct State {
    by_key: HashMap<ResourceKey, Entry>,
    by_app: BTreeMap<String, BTreeSet<ResourceKey>>,
    followers: HashMap<ResourceKey, Vec<Follower>>,
    apps: HashMap<String, App>,
    /// Applications whose objects changed since the last [`State::take_changed`].
    changed: BTreeSet<String>,
}

/// An object and the Application whose tracking it carries.
struct Entry {
    object: Arc<Manifest>,
    app: Option<String>,
    detail: Detail,
}

/// An Application that wants to know about an object, tracked or not.
struct Follower {
    app: String,
    detail: Detail,
}

/// What an Application follows.
struct App {
    keys: Arc<BTreeSet<ResourceKey>>,
    detail: Detail,
    version: watch::Sender<u64>,
}

/// An object for people who only need to know that it is there.
#[derive(Clone, Debug)]
pub(super) struct Present {
    pub(super) key: ResourceKey,
    pub(super) owned: bool,
    pub(super) app: Option<String>,
}

impl State {
    /// The object as far as it is kept.
    pub(super) fn get(&self, key: &ResourceKey) -> Option<(&Arc<Manifest>, Detail)> {
        self.by_key.get(key).map(|entry| (&entry.object, entry.detail))
    }

    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&ResourceKey, &Arc<Manifest>)> {
        self.by_key.iter().map(|(key, entry)| (key, &entry.object))
    }

    /// The objects of a namespace.
    pub(super) fn present(&self, namespace: &str) -> Vec<Present> {
        let inside = self.by_key.iter().filter(|(key, _)| key.namespace == namespace);
        inside
            .map(|(key, entry)| Present { key: key.clone(), owned: has_owner(&entry.object), app: entry.app.clone() })
            .collect()
    }

    /// The objects that carry an Application's tracking.
    pub(super) fn tracked_by<'a>(&'a self, app: &str) -> impl Iterator<Item = &'a Arc<Manifest>> + use<'a> {
        let keys = self.by_app.get(app).into_iter().flatten();
        keys.filter_map(|key| self.by_key.get(key)).map(|entry| &entry.object)
    }

    /// Puts an object in, unless a newer one is known.
    pub(super) fn insert(&mut self, object: Manifest, app: Option<String>) {
        let key = object.key();
        if self.by_key.get(&key).is_some_and(|known| age(&known.object) > age(&object)) {
            return;
        }
        let detail = self.wanted_detail(&key, app.as_deref(), &object);
        if self.by_key.get(&key).is_some_and(|known| known.detail >= detail && same_version(&known.object, &object)) {
            return;
        }
        self.unlink(&key);
        if let Some(app) = &app {
            self.by_app.entry(app.clone()).or_default().insert(key.clone());
        }
        self.announce(&key, app.as_deref());
        self.by_key.insert(key, Entry { object: Arc::new(cut(object, detail)), app, detail });
    }

    /// Takes an object out; with `last`, only when nothing newer is known.
    pub(super) fn remove(&mut self, key: &ResourceKey, last: Option<&Manifest>) {
        let newer = last.is_some_and(|last| self.by_key.get(key).is_some_and(|known| age(&known.object) > age(last)));
        if newer {
            return;
        }
        let app = self.unlink(key);
        self.by_key.remove(key);
        self.announce(key, app.as_deref());
    }

    /// Replaces everything known about a kind.
    pub(super) fn reset(&mut self, kind: &GroupVersionKind, items: Vec<(Manifest, Option<String>)>) {
        let listed: BTreeSet<ResourceKey> = items.iter().map(|(object, _)| object.key()).collect();
        let gone: Vec<ResourceKey> = self
            .by_key
            .keys()
            .filter(|key| key.group == kind.group && key.kind == kind.kind && !listed.contains(*key))
            .cloned()
            .collect();
        gone.iter().for_each(|key| self.remove(key, None));
        items.into_iter().for_each(|(object, app)| self.insert(object, app));
    }

    /// Notes what an Application follows; gives the keys whose objects are known in less detail than it needs.
    pub(super) fn follow(&mut self, name: &str, keys: &Arc<BTreeSet<ResourceKey>>, detail: Detail) -> Vec<ResourceKey> {
        if self.follows(name, keys, detail) {
            return Vec::new();
        }
        let version = self.unfollow(name).unwrap_or_else(|| watch::Sender::new(0));
        for key in keys.iter() {
            self.followers.entry(key.clone()).or_default().push(Follower { app: name.to_owned(), detail });
        }
        self.apps.insert(name.to_owned(), App { keys: Arc::clone(keys), detail, version });
        let coarse = |key: &&ResourceKey| self.by_key.get(*key).is_some_and(|entry| entry.detail < detail);
        keys.iter().filter(coarse).cloned().collect()
    }

    /// Forgets what an Application follows; gives who waits for its changes.
    pub(super) fn unfollow(&mut self, name: &str) -> Option<watch::Sender<u64>> {
        let app = self.apps.remove(name)?;
        for key in app.keys.iter() {
            if let Some(followers) = self.followers.get_mut(key) {
                followers.retain(|follower| follower.app != name);
                if followers.is_empty() {
                    self.followers.remove(key);
                }
            }
        }
        Some(app.version)
    }

    /// A number that grows with every change that concerns the Application; `None` when it follows nothing.
    pub(super) fn version(&self, name: &str) -> Option<watch::Receiver<u64>> {
        self.apps.get(name).map(|app| app.version.subscribe())
    }

    /// Whether the Application follows just this.
    pub(super) fn follows(&self, name: &str, keys: &Arc<BTreeSet<ResourceKey>>, detail: Detail) -> bool {
        let same = |app: &App| app.detail == detail && (Arc::ptr_eq(&app.keys, keys) || app.keys == *keys);
        self.apps.get(name).is_some_and(same)
    }

    pub(super) fn has_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// The Applications concerned by changes since the last call.
    pub(super) fn take_changed(&mut self) -> BTreeSet<String> {
        std::mem::take(&mut self.changed)
    }

    /// A hash of the versions of everything that the Application follows or that carries its tracking.
    pub(super) fn fingerprint(&self, name: &str) -> u64 {
        let mut hash = DefaultHasher::new();
        let followed = self.apps.get(name).into_iter().flat_map(|app| app.keys.iter());
        for key in followed.chain(self.by_app.get(name).into_iter().flatten()) {
            let Some(entry) = self.by_key.get(key) else { continue };
            key.hash(&mut hash);
            resource_version(&entry.object).hash(&mut hash);
        }
        hash.finish()
    }

    /// As if one of the Application's objects had changed.
    pub(super) fn nudge(&mut self, name: &str) {
        if let Some(app) = self.apps.get(name) {
            app.version.send_modify(|version| *version += 1);
            self.changed.insert(name.to_owned());
        }
    }

    fn unlink(&mut self, key: &ResourceKey) -> Option<String> {
        let app = self.by_key.get_mut(key)?.app.take()?;
        if let Some(keys) = self.by_app.get_mut(&app) {
            keys.remove(key);
            if keys.is_empty() {
                self.by_app.remove(&app);
            }
        }
        // Whoever lost the object is concerned too.
        self.announce(key, Some(&app));
        Some(app)
    }

    fn announce(&mut self, key: &ResourceKey, app: Option<&str>) {
        let followers = self.followers.get(key).into_iter().flatten().map(|follower| follower.app.as_str());
        for name in followers.chain(app) {
            if let Some(app) = self.apps.get(name) {
                app.version.send_modify(|version| *version += 1);
                if !self.changed.contains(name) {
                    self.changed.insert(name.to_owned());
                }
            }
        }
    }

    /// Objects of Argo CD itself, and what somebody compares, are kept; of the rest a stub is enough.
    fn wanted_detail(&self, key: &ResourceKey, app: Option<&str>, object: &Manifest) -> Detail {
        let own = if key.group == "argoproj.io" || (app.is_some() && !has_owner(object)) {
            Detail::Plain
        } else {
            Detail::Stub
        };
        let followers = self.followers.get(key).into_iter().flatten().map(|follower| follower.detail);
        followers.chain([own]).max().unwrap_or_default()
    }
}

/// The object without what nobody looks at.
fn cut(object: Manifest, detail: Detail) -> Manifest {
    let mut object = object;
    if detail == Detail::Full {
        return object;
    }
    if let Some(metadata) = object.value_mut().get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    if detail == Detail::Plain {
        return object;
    }
    const KEPT: [&str; 7] =
        ["name", "namespace", "uid", "resourceVersion", "ownerReferences", "labels", "deletionTimestamp"];
    let pick = |value: &Value, names: &[&str]| {
        let fields = names.iter().filter_map(|name| Some(((*name).to_owned(), value.get(*name)?.clone())));
        Value::Object(fields.collect::<Map<_, _>>())
    };
    let mut stub = pick(object.value(), &["apiVersion", "kind"]);
    if let Some(metadata) = object.value().get("metadata") {
        stub["metadata"] = pick(metadata, &KEPT);
    }
    Manifest::new(stub).unwrap_or(object)
}

fn has_owner(object: &Manifest) -> bool {
    let owners = object.value().pointer("/metadata/ownerReferences").and_then(Value::as_array);
    owners.is_some_and(|owners| !owners.is_empty())
}

/// `metadata.resourceVersion`, `""` when there is none.
pub(super) fn resource_version(object: &Manifest) -> &str {
    object.value().pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default()
}

fn same_version(known: &Manifest, object: &Manifest) -> bool {
    let version = resource_version(object);
    !version.is_empty() && resource_version(known) == version
}

/// Resource versions are compared as numbers: Kubernetes promises that since 1.35, and etcd always did.
fn age(object: &Manifest) -> u64 {
    resource_version(object).parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(name: &str, version: u32) -> Manifest {
        Manifest::new(json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"},
            "metadata": {"name": name, "namespace": "n", "resourceVersion": version.to_string(), "managedFields": [{}]}}))
        .unwrap()
    }

    fn keys(names: &[&str]) -> Arc<BTreeSet<ResourceKey>> {
        Arc::new(names.iter().map(|name| object(name, 1).key()).collect())
    }

    #[test]
    fn only_what_somebody_compares_is_kept() {
        let mut state = State::default();
        state.insert(object("tracked", 1), Some("shop".into()));
        state.insert(object("other", 1), None);
        let has_data =
            |state: &State, name: &str| state.get(&object(name, 1).key()).unwrap().0.value().get("data").is_some();
        assert!(has_data(&state, "tracked") && !has_data(&state, "other"));
        assert_eq!(state.follow("shop", &keys(&["tracked", "other"]), Detail::Plain), [object("other", 1).key()]);
        state.insert(object("other", 1), None);
        assert!(has_data(&state, "other"), "the same version in more detail");
        assert!(state.follow("shop", &keys(&["tracked", "other"]), Detail::Plain).is_empty());
    }

    #[test]
    fn changes_are_told_to_followers_and_owners_only() {
        let mut state = State::default();
        state.follow("shop", &keys(&["a"]), Detail::Plain);
        state.follow("web", &keys(&["b"]), Detail::Plain);
        state.insert(object("a", 2), None);
        assert_eq!(state.take_changed(), BTreeSet::from(["shop".to_owned()]));
        state.insert(object("a", 1), None);
        assert!(state.take_changed().is_empty(), "older news is none");
        state.insert(object("c", 3), Some("web".into()));
        state.insert(object("c", 4), Some("shop".into()));
        assert_eq!(state.take_changed().len(), 2, "the loser is told too");
        state.remove(&object("a", 2).key(), None);
        assert_eq!(state.take_changed(), BTreeSet::from(["shop".to_owned()]));
    }
}
