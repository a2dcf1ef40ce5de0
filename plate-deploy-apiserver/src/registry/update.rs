//! Storing a changed object: read, build, check, write, and again when another writer was faster.

use serde_json::Value;

use super::write::{Place, store_error};
use super::{Registry, WriteOptions, convert, crd, services, strategy, validation};
use crate::object::{finalizers, is_deleting, meta, remove_meta, set_meta};
use crate::status::{ApiError, ApiResult, FieldError};
use crate::storage::{StoreError, Stored};

/// How often a patch is tried again when another writer was faster.
const RETRIES: usize = 8;

impl Registry {
    /// Reads, builds, checks and writes; again when another writer was faster.
    pub(super) fn update_with(
        &self,
        place: Place<'_>,
        options: &WriteOptions,
        allow_create: bool,
        mut build: impl FnMut(Option<&Value>) -> ApiResult<Value>,
    ) -> ApiResult<(Value, bool)> {
        let Place { resource, namespace, name, .. } = place;
        for _ in 0..RETRIES {
            let stored = self.store().get(&self.key(resource, namespace, name));
            let Some(stored) = stored else {
                if !allow_create {
                    return Err(ApiError::not_found(resource.target(), name));
                }
                let new = build(None)?;
                parse_version(meta(&new, "resourceVersion"))?;
                match self.insert(place, new, false, options) {
                    // Another writer created it meanwhile: merge with what it wrote.
                    Err(e) if e.reason == "AlreadyExists" => continue,
                    other => return other.map(|o| (o, true)),
                }
            };
            let live = self.shown(resource, &stored.object);
            let new = build(Some(&live))?;
            match self.update_once(place, options, &stored, &live, new)? {
                Some(object) => return Ok((object, false)),
                None => continue,
            }
        }
        Err(ApiError::stale(resource.target(), name))
    }

    /// One attempt to store `new` over `live`; `None` when the object changed meanwhile and the request did not say
    /// which version it is for.
    fn update_once(
        &self,
        place: Place<'_>,
        options: &WriteOptions,
        stored: &Stored,
        live: &Value,
        mut new: Value,
    ) -> ApiResult<Option<Value>> {
        let Place { resource, name, subresource, .. } = place;
        let asked = meta(&new, "resourceVersion").to_owned();
        parse_version(&asked)?;
        if asked.is_empty() || asked == "0" {
            if !strategy::allows_unconditional_update(resource) {
                let e = FieldError::invalid("metadata.resourceVersion", 0, "must be specified for an update");
                return Err(ApiError::invalid(resource.target(), name, &[e]));
            }
        } else if asked != stored.version.to_string() {
            return Err(ApiError::stale(resource.target(), name));
        }
        set_meta(&mut new, "resourceVersion", stored.version.to_string());
        self.prepare_update(place, &mut new, live)?;
        let errors = validation::update(resource, &new, live);
        if !errors.is_empty() {
            return Err(ApiError::invalid(resource.kind_target(), name, &errors));
        }
        if resource.builtin_name() == "services" && subresource.is_empty() {
            services::allocate(self, resource, &mut new)?;
        }
        if resource.builtin_name() == crd::STORAGE {
            crd::initialize(&mut new);
        }
        ignore_timestamps(&mut new, live);
        if is_deleting(live) && finalizers(&new).is_empty() && self.may_vanish(resource, live, &new) {
            return self.vanish(place, options, stored, new).map(Some);
        }
        if new == *live || options.dry_run {
            return Ok(Some(new));
        }
        let form = convert(new, resource, &resource.storage_version);
        match self.store().update(self.key(resource, place.namespace, name), stored.version, form) {
            Ok(stored) => {
                self.after_write(resource, &stored.object);
                let shown = self.shown(resource, &stored.object);
                if resource.builtin_name() == crd::STORAGE {
                    let mut accepted = stored.object.as_ref().clone();
                    crd::accept(&mut accepted, &self.now());
                    if accepted["status"] != stored.object["status"] {
                        self.establish(stored, &self.key(resource, place.namespace, name));
                    }
                }
                Ok(Some(shown))
            }
            Err(StoreError::Stale) => Ok(None),
            Err(e) => Err(store_error(resource, name, &e)),
        }
    }

    fn prepare_update(&self, place: Place<'_>, new: &mut Value, live: &Value) -> ApiResult<()> {
        let resource = place.resource;
        if resource.builtin_name() == "services" && place.subresource.is_empty() {
            services::keep_on_update(new, live);
        }
        strategy::prepare_update(resource, place.subresource, new, live);
        for key in ["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"] {
            let old = live.get("metadata").and_then(|m| m.get(key));
            let own = new.get("metadata").and_then(|m| m.get(key)).filter(|v| !v.is_null());
            match (key, old, own) {
                ("uid" | "deletionGracePeriodSeconds", Some(old), None)
                | ("creationTimestamp" | "deletionTimestamp", Some(old), _) => {
                    set_meta(new, key, old.clone());
                }
                (_, None, None) => remove_meta(new, &[key]),
                _ => {}
            }
        }
        remove_meta(new, &["selfLink"]);
        Ok(())
    }

    /// An update that takes the last finalizer away ends a deletion.
    fn vanish(&self, place: Place<'_>, options: &WriteOptions, stored: &Stored, new: Value) -> ApiResult<Value> {
        if !options.dry_run {
            let form = convert(new.clone(), place.resource, &place.resource.storage_version);
            let key = self.key(place.resource, place.namespace, place.name);
            match self.store().delete(key, stored.version, form) {
                Ok(gone) => self.after_write(place.resource, &gone.object),
                Err(StoreError::Missing) => {}
                Err(e) => return Err(store_error(place.resource, place.name, &e)),
            }
        }
        Ok(new)
    }
}

/// Managed fields that differ only in their times stay as they were, so that a write that changes nothing is none.
fn ignore_timestamps(new: &mut Value, live: &Value) {
    let strip = |v: &Value| {
        let mut v = v.clone();
        let entries = v.get_mut("metadata").and_then(|m| m.get_mut("managedFields")).and_then(Value::as_array_mut);
        for e in entries.into_iter().flatten().filter_map(Value::as_object_mut) {
            e.remove("time");
        }
        v
    };
    if new != live && strip(new) == strip(live) {
        *new = live.clone();
    }
}

/// Versions are numbers.
fn parse_version(text: &str) -> ApiResult<()> {
    if text.is_empty() || text.parse::<u64>().is_ok() {
        return Ok(());
    }
    Err(ApiError::plain(format!("strconv.ParseUint: parsing {text:?}: invalid syntax")))
}
