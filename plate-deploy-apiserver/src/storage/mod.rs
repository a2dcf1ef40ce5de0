//! Objects by key, one version counter for all, and the history that watches read.
//!
//! The store knows nothing of kinds: keys and JSON. It sets `metadata.resourceVersion`; everything else is the
//! registry's. All operations are short and synchronous.

mod file;

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::watch;

pub use file::StoreFileError;

/// How many past changes a watch may start from.
const HISTORY: usize = 8192;

/// Names an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Resource and group, such as `deployments.apps`.
    pub resource: Arc<str>,
    /// Namespace; empty for cluster-wide objects.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl Key {
    /// Makes a key.
    #[must_use]
    pub fn new(resource: &str, namespace: &str, name: &str) -> Self {
        Key { resource: resource.into(), namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

/// An object as stored.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Its resource version.
    pub version: u64,
    /// The object, with that version in its metadata.
    pub object: Arc<Value>,
}

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It was created.
    Added,
    /// It was changed.
    Modified,
    /// It was removed; the change holds its last state.
    Deleted,
}

/// One change.
#[derive(Debug, Clone)]
pub struct Change {
    /// Resource version of the change.
    pub version: u64,
    /// What happened.
    pub kind: ChangeKind,
    /// Of which object.
    pub key: Key,
    /// The object after the change.
    pub object: Arc<Value>,
    /// The object before the change.
    pub previous: Option<Stored>,
}

/// Why a write was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The key exists already.
    #[error("the object exists already")]
    Exists,
    /// The key does not exist.
    #[error("the object does not exist")]
    Missing,
    /// The object has another version than expected.
    #[error("the object was modified")]
    Stale,
    /// The store file could not be written.
    #[error(transparent)]
    File(#[from] StoreFileError),
}

/// The version is older than the history that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too old resource version")]
pub struct TooOld {
    /// The oldest version a watch may start from.
    pub oldest: u64,
}

#[derive(Debug)]
struct Inner {
    version: u64,
    objects: BTreeMap<Key, Stored>,
    history: VecDeque<Arc<Change>>,
    /// Version before the first change in `history`.
    floor: u64,
    file: Option<file::StoreFile>,
}

/// The store. Cheap to share behind an [`Arc`].
#[derive(Debug)]
pub struct Store {
    inner: Mutex<Inner>,
    latest: watch::Sender<u64>,
}

impl Store {
    /// A store that lives as long as the process.
    #[must_use]
    pub fn in_memory() -> Self {
        let inner = Inner { version: 1, objects: BTreeMap::new(), history: VecDeque::new(), floor: 1, file: None };
        Store { inner: Mutex::new(inner), latest: watch::Sender::new(1) }
    }

    /// Opens the store file at `path`, or creates it.
    ///
    /// # Errors
    /// When another process has it open, when it is no store file, or when it cannot be read or written.
    pub fn open(path: &Path) -> Result<Self, StoreFileError> {
        let (file, version, objects) = file::StoreFile::open(path)?;
        let version = version.max(1);
        let inner = Inner { version, objects, history: VecDeque::new(), floor: version, file: Some(file) };
        Ok(Store { inner: Mutex::new(inner), latest: watch::Sender::new(version) })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while the lock was held cannot leave the maps half changed: every write is its last step.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The version of the last change.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.lock().version
    }

    /// Tells of new versions; a receiver that lags sees only the latest.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.latest.subscribe()
    }

    /// One object.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Stored> {
        self.lock().objects.get(key).cloned()
    }

    /// The objects of a resource, of one namespace when given, ordered by namespace and name, and the store's version.
    #[must_use]
    pub fn list(&self, resource: &str, namespace: Option<&str>) -> (u64, Vec<(Key, Stored)>) {
        let inner = self.lock();
        let start = Key::new(resource, namespace.unwrap_or(""), "");
        let items = inner
            .objects
            .range(start..)
            .take_while(|(k, _)| k.resource.as_ref() == resource && namespace.is_none_or(|ns| k.namespace == ns));
        (inner.version, items.map(|(k, s)| (k.clone(), s.clone())).collect())
    }

    /// The objects of a resource as they were at `version`.
    ///
    /// # Errors
    /// When the history does not reach back to it.
    pub fn list_at(&self, resource: &str, namespace: Option<&str>, version: u64) -> Result<Vec<(Key, Stored)>, TooOld> {
        let changes = self.changes_since(version, Some(resource))?;
        let (_, now) = self.list(resource, namespace);
        let mut objects: BTreeMap<Key, Stored> = now.into_iter().collect();
        for change in changes.iter().rev().filter(|c| namespace.is_none_or(|ns| c.key.namespace == ns)) {
            match &change.previous {
                Some(previous) => objects.insert(change.key.clone(), previous.clone()),
                None => objects.remove(&change.key),
            };
        }
        objects.retain(|_, s| s.version <= version);
        Ok(objects.into_iter().collect())
    }

    /// All resources that have objects.
    #[must_use]
    pub fn resources(&self) -> Vec<Arc<str>> {
        let mut out: Vec<Arc<str>> = Vec::new();
        for key in self.lock().objects.keys() {
            if out.last() != Some(&key.resource) {
                out.push(key.resource.clone());
            }
        }
        out
    }

    /// Changes after `version`, of one resource when given, oldest first.
    ///
    /// # Errors
    /// When the history does not reach back to it.
    pub fn changes_since(&self, version: u64, resource: Option<&str>) -> Result<Vec<Arc<Change>>, TooOld> {
        let inner = self.lock();
        if version < inner.floor {
            return Err(TooOld { oldest: inner.floor });
        }
        let start = inner.history.partition_point(|c| c.version <= version);
        let wanted = inner.history.range(start..).filter(|c| resource.is_none_or(|r| c.key.resource.as_ref() == r));
        Ok(wanted.cloned().collect())
    }

    /// Forgets the history, so that watches from older versions get "too old" (tests, memory).
    pub fn compact(&self) {
        let mut inner = self.lock();
        inner.history.clear();
        inner.floor = inner.version;
    }

    /// Creates an object.
    ///
    /// # Errors
    /// [`StoreError::Exists`], or a file error.
    pub fn create(&self, key: Key, object: Value) -> Result<Stored, StoreError> {
        let mut inner = self.lock();
        if inner.objects.contains_key(&key) {
            return Err(StoreError::Exists);
        }
        self.write(&mut inner, ChangeKind::Added, key, object, None)
    }

    /// Replaces an object that has the version `expected`.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Stale`], or a file error.
    pub fn update(&self, key: Key, expected: u64, object: Value) -> Result<Stored, StoreError> {
        let mut inner = self.lock();
        let previous = inner.objects.get(&key).cloned().ok_or(StoreError::Missing)?;
        if previous.version != expected {
            return Err(StoreError::Stale);
        }
        self.write(&mut inner, ChangeKind::Modified, key, object, Some(previous))
    }

    /// Removes an object that has the version `expected`; its last state becomes `object`.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Stale`], or a file error.
    pub fn delete(&self, key: Key, expected: u64, object: Value) -> Result<Stored, StoreError> {
        let mut inner = self.lock();
        let previous = inner.objects.get(&key).cloned().ok_or(StoreError::Missing)?;
        if previous.version != expected {
            return Err(StoreError::Stale);
        }
        self.write(&mut inner, ChangeKind::Deleted, key, object, Some(previous))
    }

    fn write(
        &self,
        inner: &mut Inner,
        kind: ChangeKind,
        key: Key,
        mut object: Value,
        previous: Option<Stored>,
    ) -> Result<Stored, StoreError> {
        let version = inner.version + 1;
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("resourceVersion".to_owned(), version.to_string().into());
        }
        let stored = Stored { version, object: Arc::new(object) };
        if let Some(file) = &mut inner.file {
            let live = (kind != ChangeKind::Deleted).then_some(stored.object.as_ref());
            file.append(version, &key, live)?;
        }
        inner.version = version;
        if kind == ChangeKind::Deleted {
            inner.objects.remove(&key);
        } else {
            inner.objects.insert(key.clone(), stored.clone());
        }
        inner.history.push_back(Arc::new(Change { version, kind, key, object: stored.object.clone(), previous }));
        while inner.history.len() > HISTORY {
            if let Some(old) = inner.history.pop_front() {
                inner.floor = old.version;
            }
        }
        let Inner { file, objects, .. } = inner;
        if let Some(file) = file {
            file.compact_if_large(version, objects)?;
        }
        self.latest.send_replace(version);
        Ok(stored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn history_rewinds_lists_and_expires() {
        let s = Store::in_memory();
        let key = Key::new("configmaps", "a", "x");
        let v1 = s.create(key.clone(), json!({"metadata": {}, "n": 1})).unwrap().version;
        assert!(matches!(s.create(key.clone(), json!({})), Err(StoreError::Exists)));
        let v2 = s.update(key.clone(), v1, json!({"metadata": {}, "n": 2})).unwrap().version;
        assert!(matches!(s.update(key.clone(), v1, json!({})), Err(StoreError::Stale)));
        s.delete(key, v2, json!({"metadata": {}})).unwrap();
        assert!(s.list("configmaps", None).1.is_empty());
        assert_eq!(s.list_at("configmaps", None, v1).unwrap()[0].1.object["n"], 1);
        assert_eq!(s.changes_since(v1, None).unwrap().len(), 2);
        s.compact();
        assert!(s.list_at("configmaps", None, v1).is_err());
    }
}
