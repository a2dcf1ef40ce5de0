//! A live picture of the cluster: one list and one watch per kind, and an index by Application.
//!
//! After the first lists nothing is asked again: drift, health and progress come from the watches. Objects that no
//! Application compares are kept as stubs.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use futures::{StreamExt, stream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::filter::ResourceFilter;
use super::live_state::{Detail, Present, State, resource_version};
use crate::cluster::{ApiCatalog, ApiKind, ClusterBackend, ClusterError, ListOptions, ObjectRef, Result, WatchEvent};
use crate::model::{GroupKind, GroupVersionKind, Manifest, ResourceKey};
use crate::tracking::Tracker;

/// Kinds that change all the time and belong to nobody's Git (the exclusions of Argo CD's default `argocd-cm`). They are
/// not watched; one that an Application does bring is asked for by name.
const UNWATCHED: &[(&str, &str)] = &[("", "Endpoints"), ("discovery.k8s.io", "EndpointSlice")];
/// Lists that run at the same time.
const PARALLEL_LISTS: usize = 8;
/// Wait before a watch that broke is started again.
const RESTART: Duration = Duration::from_millis(500);

/// The objects of a cluster, kept up to date until it is dropped.
pub struct LiveCache {
    cluster: Arc<dyn ClusterBackend>,
    objects: Arc<Objects>,
    filter: ResourceFilter,
    watches: Mutex<HashMap<GroupVersionKind, JoinHandle<()>>>,
}

/// The shared state of the cache and its watch tasks.
struct Objects {
    tracker: Tracker,
    state: RwLock<State>,
    version: watch::Sender<u64>,
}

/// What the cache knows of an object.
pub(super) enum Known {
    /// It is not there.
    Missing,
    /// It is there, in enough detail.
    Object(Arc<Manifest>),
    /// Ask the cluster.
    Ask,
}

impl LiveCache {
    /// Lists every kind that can be listed and watched, and keeps watching.
    ///
    /// # Errors
    /// When discovery or a list fails. A kind the user may not list is left out: its objects are then looked up one by
    /// one when an Application names them.
    pub async fn start(cluster: Arc<dyn ClusterBackend>, tracker: Tracker, filter: ResourceFilter) -> Result<Self> {
        let objects = Arc::new(Objects { tracker, state: RwLock::default(), version: watch::Sender::new(0) });
        let cache = Self { cluster, objects, filter, watches: Mutex::default() };
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
                .filter(|kind| self.wanted(kind) && !watches.contains_key(&kind.kind))
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

    fn wanted(&self, kind: &ApiKind) -> bool {
        let (group, name) = (kind.kind.group.as_str(), kind.kind.kind.as_str());
        let unwatched = UNWATCHED.contains(&(group, name)) || self.filter.excludes(group, name);
        kind.can("list") && kind.can("watch") && !unwatched
    }

    /// One object, in whatever API version it was listed; `None` when it is missing, or not an Application's concern.
    #[must_use]
    pub fn get(&self, key: &ResourceKey) -> Option<Arc<Manifest>> {
        self.objects
            .read(|state| state.get(key).filter(|(_, detail)| *detail > Detail::Stub).map(|(o, _)| Arc::clone(o)))
    }

    /// One object in the API version and detail asked for.
    pub(super) fn look(&self, at: &ObjectRef, detail: Detail) -> Known {
        let known =
            self.objects.read(|state| state.get(&at.key()).map(|(object, detail)| (Arc::clone(object), detail)));
        match known {
            Some((object, known)) if known >= detail && object.gvk() == at.kind => Known::Object(object),
            None if self.watches(&at.kind.group_kind()) => Known::Missing,
            _ => Known::Ask,
        }
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
        self.objects.read(|state| state.tracked_by(app).cloned().collect())
    }

    /// The objects of a namespace, by name only.
    pub(super) fn present(&self, namespace: &str) -> Vec<Present> {
        self.objects.read(|state| state.present(namespace))
    }

    /// All objects of a kind in a namespace (`""`: everywhere), sorted. Those that no Application compares are stubs:
    /// kind, name, namespace, uid, version, owners, labels.
    #[must_use]
    pub fn of_kind(&self, group: &str, kind: &str, namespace: &str) -> Vec<Arc<Manifest>> {
        self.objects.read(|state| {
            let fits = |key: &ResourceKey| {
                key.group == group && key.kind == kind && (namespace.is_empty() || key.namespace == namespace)
            };
            let mut found: Vec<_> = state.all().filter(|(key, _)| fits(key)).collect();
            found.sort_by(|a, b| a.0.cmp(b.0));
            found.into_iter().map(|(_, object)| Arc::clone(object)).collect()
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

    /// Notes the objects that an Application compares, tracked or not. Objects that were known as stubs only are read.
    pub(super) async fn follow(
        &self,
        app: &str,
        keys: &Arc<BTreeSet<ResourceKey>>,
        detail: Detail,
        at: impl Fn(&ResourceKey) -> Option<ObjectRef>,
    ) -> Result<()> {
        let known = self.objects.read(|state| state.follows(app, keys, detail));
        if known {
            return Ok(());
        }
        let coarse = self.objects.change(|state| state.follow(app, keys, detail));
        for at in coarse.iter().filter_map(at) {
            if let Some(object) = self.cluster.get(&at).await? {
                self.objects.put(object);
            }
        }
        Ok(())
    }

    /// Forgets what an Application compares.
    pub(super) fn unfollow(&self, app: &str) {
        self.objects.change(|state| state.unfollow(app));
    }

    /// A number that grows with every change.
    #[must_use]
    pub fn version(&self) -> u64 {
        *self.objects.version.borrow()
    }

    /// Waits until something changed after `since`, or the time is over.
    pub async fn changed(&self, since: u64, longest: Duration) {
        // A time-out means: look again.
        let _ = tokio::time::timeout(longest, self.any_change(since)).await;
    }

    /// A number that grows with every change that concerns an Application which was compared before.
    pub(super) fn version_of(&self, app: &str) -> u64 {
        self.objects.read(|state| state.version(app)).map_or(0, |version| *version.borrow())
    }

    /// Waits until something that concerns the Application changed after `since`, or the time is over.
    pub(super) async fn changed_for(&self, app: &str, since: u64, longest: Duration) {
        let Some(mut version) = self.objects.read(|state| state.version(app)) else {
            return tokio::time::sleep(longest).await;
        };
        // A closed channel or a time-out both mean: look again.
        let _ = tokio::time::timeout(longest, version.wait_for(|now| *now > since)).await;
    }

    /// Names the state of everything that concerns an Application: the same number, nothing to compare again.
    pub(super) fn fingerprint(&self, app: &str) -> u64 {
        self.objects.read(|state| state.fingerprint(app))
    }

    /// Makes whoever waits for an Application look again.
    pub(super) fn nudge(&self, app: &str) {
        self.objects.change(|state| state.nudge(app));
    }

    /// Waits until anything changed after `since`.
    pub(super) async fn any_change(&self, since: u64) {
        let mut version = self.objects.version.subscribe();
        let _ = version.wait_for(|now| *now > since).await;
    }

    /// The Applications concerned by changes since the last call.
    pub(super) fn take_changed(&self) -> BTreeSet<String> {
        if self.objects.read(|state| !state.has_changed()) {
            return BTreeSet::new();
        }
        self.objects.state.write().unwrap_or_else(PoisonError::into_inner).take_changed()
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
        let count = self.objects.read(State::len);
        f.debug_struct("LiveCache").field("cluster", &self.cluster).field("objects", &count).finish_non_exhaustive()
    }
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
                resource_version(&object).clone_into(version);
                objects.put(object);
            }
            WatchEvent::Deleted(object) => {
                resource_version(&object).clone_into(version);
                objects.remove(&object.key(), Some(&object));
            }
            WatchEvent::Bookmark(newer) => *version = newer,
        }
    }
    Ok(())
}

impl Objects {
    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner));
        self.version.send_modify(|version| *version += 1);
        result
    }

    fn put(&self, object: Manifest) {
        let app = self.tracker.app_name(&object);
        self.change(|state| state.insert(object, app));
    }

    fn remove(&self, key: &ResourceKey, last: Option<&Manifest>) {
        self.change(|state| state.remove(key, last));
    }

    fn reset(&self, kind: &GroupVersionKind, items: Vec<Manifest>) {
        let items = items.into_iter().map(|object| (self.tracker.app_name(&object), object)).map(|(a, o)| (o, a));
        let items = items.collect();
        self.change(|state| state.reset(kind, items));
    }
}
