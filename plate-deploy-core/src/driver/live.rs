//! A live picture of the cluster: one list and one watch per kind, and an index by Application.
//!
//! After the first lists nothing is asked again: drift, health and progress come from the watches.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use futures::{StreamExt, stream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::cluster::{ApiCatalog, ApiKind, ClusterBackend, ClusterError, ListOptions, Result, WatchEvent};
use crate::model::{GroupKind, GroupVersionKind, Manifest, ResourceKey};
use crate::tracking::Tracker;

/// Kinds that change all the time and belong to nobody's Git: Argo CD's own default exclusions, and Events.
const EXCLUDED: &[(&str, &str)] = &[
    ("", "Endpoints"),
    ("", "Event"),
    ("events.k8s.io", "Event"),
    ("discovery.k8s.io", "EndpointSlice"),
    ("coordination.k8s.io", "Lease"),
    ("metrics.k8s.io", "NodeMetrics"),
    ("metrics.k8s.io", "PodMetrics"),
];
/// Lists that run at the same time.
const PARALLEL_LISTS: usize = 8;
/// Wait before a watch that broke is started again.
const RESTART: Duration = Duration::from_millis(500);

/// The objects of a cluster, kept up to date until it is dropped.
pub struct LiveCache {
    cluster: Arc<dyn ClusterBackend>,
    objects: Arc<Objects>,
    watches: Mutex<HashMap<GroupVersionKind, JoinHandle<()>>>,
}

/// The shared state of the cache and its watch tasks.
struct Objects {
    tracker: Tracker,
    state: RwLock<State>,
    version: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    by_key: HashMap<ResourceKey, Entry>,
    by_app: BTreeMap<String, BTreeSet<ResourceKey>>,
}

/// An object and the Application whose tracking it carries.
struct Entry {
    object: Arc<Manifest>,
    app: Option<String>,
}

impl LiveCache {
    /// Lists every kind that can be listed and watched, and keeps watching.
    ///
    /// # Errors
    /// When discovery or a list fails. A kind the user may not list is left out: its objects are then looked up one by
    /// one when an Application names them.
    pub async fn start(cluster: Arc<dyn ClusterBackend>, tracker: Tracker) -> Result<Self> {
        let objects = Arc::new(Objects { tracker, state: RwLock::default(), version: watch::Sender::new(0) });
        let cache = Self { cluster, objects, watches: Mutex::default() };
        cache.refresh_kinds().await?;
        Ok(cache)
    }

    /// Starts with kinds that have appeared since, e.g. by a CRD.
    ///
    /// # Errors
    /// As [`LiveCache::start`].
    pub async fn refresh_kinds(&self) -> Result<Arc<ApiCatalog>> {
        let catalog = self.cluster.catalog(true).await?;
        let new: Vec<GroupVersionKind> = {
            let watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
            catalog
                .kinds()
                .filter(|kind| wanted(kind) && !watches.contains_key(&kind.kind))
                .map(|k| k.kind.clone())
                .collect()
        };
        let lists = stream::iter(new).map(|kind| async {
            let list = self.cluster.list(&kind, &ListOptions::default()).await;
            (kind, list)
        });
        let mut lists = lists.buffer_unordered(PARALLEL_LISTS);
        while let Some((kind, list)) = lists.next().await {
            let list = match list {
                Err(e) if e.is_forbidden() || e.is_not_found() => continue,
                other => other?,
            };
            self.objects.reset(&kind, list.items);
            let task = tokio::spawn(follow(
                Arc::clone(&self.cluster),
                Arc::clone(&self.objects),
                kind.clone(),
                list.resource_version,
            ));
            self.watches.lock().unwrap_or_else(PoisonError::into_inner).insert(kind, task);
        }
        Ok(catalog)
    }

    /// One object, in whatever API version it was listed.
    #[must_use]
    pub fn get(&self, key: &ResourceKey) -> Option<Arc<Manifest>> {
        self.objects.read(|state| state.get(key).cloned())
    }

    /// Whether objects of the kind are listed and watched: what is not here then does not exist.
    #[must_use]
    pub fn watches(&self, kind: &GroupKind) -> bool {
        let watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        watches.keys().any(|watched| watched.group == kind.group && watched.kind == kind.kind)
    }

    /// The objects that carry an Application's tracking.
    #[must_use]
    pub fn tracked_by(&self, app: &str) -> Vec<Arc<Manifest>> {
        self.objects.read(|state| {
            state.by_app.get(app).into_iter().flatten().filter_map(|key| state.get(key).cloned()).collect()
        })
    }

    /// All objects of a kind in a namespace (`""`: everywhere).
    #[must_use]
    pub fn of_kind(&self, group: &str, kind: &str, namespace: &str) -> Vec<Arc<Manifest>> {
        self.objects.read(|state| {
            let fits = |key: &ResourceKey| {
                key.group == group && key.kind == kind && (namespace.is_empty() || key.namespace == namespace)
            };
            let mut found: Vec<_> = state.by_key.iter().filter(|(key, _)| fits(key)).collect();
            found.sort_by(|a, b| a.0.cmp(b.0));
            found.into_iter().map(|(_, entry)| Arc::clone(&entry.object)).collect()
        })
    }

    /// Takes an object as a write returned it, so that the next look does not depend on the watch's speed.
    pub fn observe(&self, object: Manifest) {
        self.objects.put(object);
    }

    /// Takes note that an object is gone.
    pub fn forget(&self, key: &ResourceKey) {
        self.objects.remove(key, None);
    }

    /// A number that grows with every change.
    #[must_use]
    pub fn version(&self) -> u64 {
        *self.objects.version.borrow()
    }

    /// Waits until something changed after `since`, or the time is over.
    pub async fn changed(&self, since: u64, longest: Duration) {
        let mut version = self.objects.version.subscribe();
        // A closed channel or a time-out both mean: look again.
        let _ = tokio::time::timeout(longest, version.wait_for(|now| *now > since)).await;
    }
}

impl Drop for LiveCache {
    fn drop(&mut self) {
        for task in self.watches.get_mut().unwrap_or_else(PoisonError::into_inner).values() {
            task.abort();
        }
    }
}

impl fmt::Debug for LiveCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.objects.read(|state| state.by_key.len());
        f.debug_struct("LiveCache").field("cluster", &self.cluster).field("objects", &count).finish_non_exhaustive()
    }
}

fn wanted(kind: &ApiKind) -> bool {
    let excluded = EXCLUDED.contains(&(kind.kind.group.as_str(), kind.kind.kind.as_str()));
    kind.can("list") && kind.can("watch") && !excluded
}

/// Follows one kind for ever: watch, and list again when the watch is too old.
async fn follow(cluster: Arc<dyn ClusterBackend>, objects: Arc<Objects>, kind: GroupVersionKind, mut version: String) {
    let everything = ListOptions::default();
    loop {
        if let Err(error) = watch_once(&cluster, &objects, &kind, &mut version).await {
            tracing::debug!(%error, kind = %kind.group_kind(), "watch ended");
            tokio::time::sleep(RESTART).await;
            if let Ok(list) = cluster.list(&kind, &everything).await {
                objects.reset(&kind, list.items);
                version = list.resource_version;
            }
        }
    }
}

async fn watch_once(
    cluster: &Arc<dyn ClusterBackend>,
    objects: &Objects,
    kind: &GroupVersionKind,
    version: &mut String,
) -> Result<(), ClusterError> {
    let mut events = cluster.watch(kind, &ListOptions::default(), version).await?;
    while let Some(event) = events.next().await {
        match event? {
            WatchEvent::Applied(object) => {
                *version = resource_version(&object).to_owned();
                objects.put(object);
            }
            WatchEvent::Deleted(object) => {
                *version = resource_version(&object).to_owned();
                objects.remove(&object.key(), Some(&object));
            }
            WatchEvent::Bookmark(newer) => *version = newer,
        }
    }
    Ok(())
}

fn resource_version(object: &Manifest) -> &str {
    object.value().pointer("/metadata/resourceVersion").and_then(serde_json::Value::as_str).unwrap_or_default()
}

/// Resource versions are compared as numbers: Kubernetes promises that since 1.35, and etcd always did.
fn age(object: &Manifest) -> u64 {
    resource_version(object).parse().unwrap_or(0)
}

impl Objects {
    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner));
        self.version.send_modify(|version| *version += 1);
    }

    /// Takes an object unless a newer one is known.
    fn put(&self, object: Manifest) {
        let (key, app) = (object.key(), self.tracker.app_name(&object));
        self.write(|state| {
            if state.get(&key).is_some_and(|known| age(known) > age(&object)) {
                return;
            }
            state.insert(key, app, object);
        });
    }

    /// Forgets an object; with `last`, only when nothing newer is known.
    fn remove(&self, key: &ResourceKey, last: Option<&Manifest>) {
        self.write(|state| {
            let newer = last.is_some_and(|last| state.get(key).is_some_and(|known| age(known) > age(last)));
            if !newer {
                state.remove(key);
            }
        });
    }

    /// Replaces everything known about a kind.
    fn reset(&self, kind: &GroupVersionKind, items: Vec<Manifest>) {
        let items: Vec<_> =
            items.into_iter().map(|object| (object.key(), self.tracker.app_name(&object), object)).collect();
        self.write(|state| {
            let of_kind = |key: &&ResourceKey| key.group == kind.group && key.kind == kind.kind;
            let old: Vec<ResourceKey> = state.by_key.keys().filter(of_kind).cloned().collect();
            old.iter().for_each(|key| state.remove(key));
            items.into_iter().for_each(|(key, app, object)| state.insert(key, app, object));
        });
    }
}

impl State {
    fn insert(&mut self, key: ResourceKey, app: Option<String>, object: Manifest) {
        self.remove(&key);
        if let Some(app) = &app {
            self.by_app.entry(app.clone()).or_default().insert(key.clone());
        }
        self.by_key.insert(key, Entry { object: Arc::new(object), app });
    }

    fn remove(&mut self, key: &ResourceKey) {
        let Some(Entry { app: Some(app), .. }) = self.by_key.remove(key) else { return };
        if let Some(keys) = self.by_app.get_mut(&app) {
            keys.remove(key);
            if keys.is_empty() {
                self.by_app.remove(&app);
            }
        }
    }

    fn get(&self, key: &ResourceKey) -> Option<&Arc<Manifest>> {
        self.by_key.get(key).map(|entry| &entry.object)
    }
}
