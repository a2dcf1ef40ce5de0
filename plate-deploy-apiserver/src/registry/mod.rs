//! The API without HTTP: what a kube-apiserver does between a decoded request and its store.
//!
//! [`Registry`] is the in-process face that the endpoints and the controllers use:
//!
//! ```
//! # use plate_deploy_apiserver::{clock::SystemClock, registry::{Registry, WriteOptions}, storage::Store};
//! # use std::sync::Arc;
//! let registry = Registry::new(Store::in_memory(), Arc::new(SystemClock));
//! let configmaps = registry.resource("", "v1", "configmaps").expect("served");
//! let object = serde_json::json!({"metadata": {"name": "a"}, "data": {"k": "v"}});
//! let stored = registry.create(&configmaps, "default", object, &WriteOptions::manager("test")).expect("created");
//! assert_eq!(registry.get(&configmaps, "default", "a").expect("there"), stored.object);
//! ```

mod access;
mod admission;
mod bootstrap;
mod catalog;
mod convert;
pub(crate) mod crd;
mod decode;
mod delete;
mod limits;
mod read;
mod scale;
mod services;
mod strategy;
mod update;
mod validation;
mod write;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::Value;

pub use crate::scheme::base64;
pub use access::{Attributes, Decision, User};
pub(crate) use bootstrap::default_account;
pub use catalog::{Catalog, Resource};
pub use convert::convert;
pub(crate) use crd::version_order;
pub use delete::{DeleteOptions, Deleted, Propagation};
pub use read::{ListOptions, ListPage, too_old};
pub use write::{Body, Written};

use crate::clock::Clock;
use crate::storage::{Change, Store};

/// What to do about fields that the schema does not know and keys that occur twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FieldValidation {
    /// Drop them silently.
    Ignore,
    /// Drop them and send warnings.
    #[default]
    Warn,
    /// Refuse the request.
    Strict,
}

/// Options of every write.
#[derive(Debug, Clone, Default)]
pub struct WriteOptions {
    /// Nothing is stored.
    pub dry_run: bool,
    /// Name of the field manager.
    pub manager: String,
    /// What to do about unknown fields.
    pub validation: FieldValidation,
    /// Server-side apply takes fields over from other managers.
    pub force: bool,
}

impl WriteOptions {
    /// Options with a field manager.
    #[must_use]
    pub fn manager(name: &str) -> Self {
        WriteOptions { manager: name.to_owned(), ..WriteOptions::default() }
    }
}

/// The API on top of a store. Shared behind an [`Arc`].
#[derive(Debug)]
pub struct Registry {
    store: Store,
    clock: Arc<dyn Clock>,
    catalog: RwLock<Arc<Catalog>>,
    counter: AtomicU64,
    service_accounts: bool,
}

impl Registry {
    /// A registry over a store; creates the objects that every cluster has.
    #[must_use]
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Arc<Self> {
        Self::with_service_accounts(store, clock, false)
    }

    /// As [`Registry::new`]; with the ServiceAccount admission plug-in, which needs the namespace controller (a new
    /// namespace has no account without it, and pods are then refused).
    #[must_use]
    pub fn with_service_accounts(store: Store, clock: Arc<dyn Clock>, service_accounts: bool) -> Arc<Self> {
        let registry = Registry {
            service_accounts,
            counter: AtomicU64::new(store.version()),
            store,
            clock,
            catalog: RwLock::new(Arc::new(Catalog::default())),
        };
        registry.reload_catalog();
        access::bootstrap(&registry);
        bootstrap::run(&registry);
        Arc::new(registry)
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The time now, as objects carry it.
    #[must_use]
    pub fn now(&self) -> String {
        crate::scheme::format_time(self.clock.now(), 0)
    }

    /// The resources served now.
    #[must_use]
    pub fn catalog(&self) -> Arc<Catalog> {
        self.catalog.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A served resource by group, version and plural name.
    #[must_use]
    pub fn resource(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Resource>> {
        self.catalog().find(group, version, plural)
    }

    /// Changes after a resource version, of one resource (`deployments.apps`) when given.
    ///
    /// # Errors
    /// When the history does not reach back to it: list and start from there.
    pub fn changes_since(
        &self,
        version: u64,
        resource: Option<&str>,
    ) -> Result<Vec<Arc<Change>>, crate::storage::TooOld> {
        self.store.changes_since(version, resource)
    }

    fn reload_catalog(&self) {
        let (_, definitions) = self.store.list(crd::STORAGE, None);
        let catalog = Catalog::new(definitions.iter().map(|(_, s)| s.object.as_ref()));
        *self.catalog.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(catalog);
    }

    /// Five characters of the alphabet that generated names use.
    pub(crate) fn random_suffix(&self) -> String {
        const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
        // uuid is the crate's source of randomness; the counter keeps two calls in one process apart whatever it gives.
        let seed = uuid::Uuid::new_v4().as_u128() ^ u128::from(self.counter.fetch_add(1, Ordering::Relaxed));
        let mut n = seed;
        let digits = std::iter::repeat_with(|| {
            let digit = ALPHABET.get((n % 27) as usize).copied().unwrap_or(b'b');
            n /= 27;
            char::from(digit)
        });
        digits.take(5).collect()
    }

    pub(crate) fn new_uid(&self) -> String {
        uuid::Uuid::new_v4().to_string()
    }

    /// Follows up on a stored change: a CustomResourceDefinition changes what is served.
    fn after_write(&self, resource: &Resource, _object: &Value) {
        if resource.builtin_name() == crd::STORAGE {
            self.reload_catalog();
        }
    }
}
