//! Go maps with string keys: shared, mutable through every alias, iterated in key order as templates do.

use std::cell::{Ref, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use super::{Str, Value};

/// The Go type of a [`Map`]; visible through `typeOf`, `printf "%T"` and in how a missing key reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum MapKind {
    /// `map[string]interface {}`: a missing key reads as nil.
    #[default]
    Any,
    /// `map[string]string`: a missing key reads as `""`.
    String,
    /// Helm's `common.Values` (Helm 3: `chartutil.Values`), a named `map[string]interface {}`.
    Values,
    /// `map[string][]uint8`.
    Bytes,
}

/// A shared map. `clone` makes an alias, [`Map::copy`] a new map.
#[derive(Clone, Default)]
pub struct Map {
    entries: Rc<RefCell<BTreeMap<Str, Value>>>,
    kind: MapKind,
    nil: bool,
}

impl Map {
    /// An empty `map[string]interface {}`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A map of the given Go type.
    #[must_use]
    pub fn with_kind(entries: BTreeMap<Str, Value>, kind: MapKind) -> Self {
        Self { entries: Rc::new(RefCell::new(entries)), kind, nil: false }
    }

    /// A nil map: empty, but `null` in JSON and YAML (`.Chart.Annotations` of a chart without any).
    #[must_use]
    pub fn nil(kind: MapKind) -> Self {
        Self { entries: Rc::default(), kind, nil: true }
    }

    /// Whether it is a nil map. One that got entries (as Go's `merge` makes it a map first) is none.
    #[must_use]
    pub fn is_nil(&self) -> bool {
        self.nil && self.is_empty()
    }

    /// The same map under another Go type: still an alias.
    #[must_use]
    pub fn alias_as(&self, kind: MapKind) -> Self {
        Self { entries: Rc::clone(&self.entries), kind, nil: self.nil }
    }

    /// The Go type.
    #[must_use]
    pub fn kind(&self) -> MapKind {
        self.kind
    }

    /// The value at `key`, if the key is there.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Value> {
        self.entries.borrow().get(key.as_bytes()).cloned()
    }

    /// Whether the key is there (its value may be nil).
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.entries.borrow().contains_key(key.as_bytes())
    }

    /// Sets a key for every alias of this map.
    pub fn insert(&self, key: impl Into<Str>, value: Value) {
        self.entries.borrow_mut().insert(key.into(), value);
    }

    /// Removes a key for every alias of this map, giving what was there.
    pub fn remove(&self, key: &str) -> Option<Value> {
        self.remove_bytes(key.as_bytes())
    }

    /// [`Map::remove`] for a key that may not be UTF-8.
    pub fn remove_bytes(&self, key: &[u8]) -> Option<Value> {
        self.entries.borrow_mut().remove(key)
    }

    /// Number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.borrow().len()
    }

    /// Whether there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.borrow().is_empty()
    }

    /// The entries, sorted by key bytes. Do not change the map (through any alias) while the borrow lives: copy out
    /// with [`Map::snapshot`] when template code may run in between.
    #[must_use]
    pub fn borrow(&self) -> Ref<'_, BTreeMap<Str, Value>> {
        self.entries.borrow()
    }

    /// The entries as they are now, sorted by key.
    #[must_use]
    pub fn snapshot(&self) -> Vec<(Str, Value)> {
        self.entries.borrow().iter().map(|(k, v)| (k.clone(), v.clone())).collect()
    }

    /// A new map with the same entries (one level deep).
    #[must_use]
    pub fn copy(&self) -> Self {
        Self::with_kind(self.entries.borrow().clone(), self.kind)
    }

    /// A number that all aliases of this map share, and no other living map has.
    #[must_use]
    pub fn identity(&self) -> usize {
        Rc::as_ptr(&self.entries).cast::<()>() as usize
    }

    /// Whether both are the same map, not just equal ones.
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.entries, &other.entries)
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        if let Some(entries) = Rc::get_mut(&mut self.entries) {
            let entries = std::mem::take(entries.get_mut());
            if !entries.is_empty() {
                super::drop::free(super::drop::Contents::Map(entries));
            }
        }
    }
}

impl<K: Into<Str>> FromIterator<(K, Value)> for Map {
    fn from_iter<T: IntoIterator<Item = (K, Value)>>(iter: T) -> Self {
        Self::with_kind(iter.into_iter().map(|(k, v)| (k.into(), v)).collect(), MapKind::Any)
    }
}

impl std::fmt::Debug for Map {
    /// Keys only: values may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.entries.borrow().keys()).finish()
    }
}
