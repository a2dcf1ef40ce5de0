//! Deleting: finalizers, grace periods, propagation, collections.

use serde_json::{Value, json};

use super::catalog::Resource;
use super::write::{Place, store_error};
use super::{ListOptions, Registry, WriteOptions, admission, convert, crd, strategy};
use crate::object::{at, finalizers, is_deleting, list, meta, metadata_mut, set_meta, text};
use crate::status::{ApiError, ApiResult, FieldError, Target};
use crate::storage::{StoreError, Stored};

/// What happens to the objects that an object owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagation {
    /// They are deleted after it.
    Background,
    /// They are deleted before it.
    Foreground,
    /// They stay.
    Orphan,
}

/// Options of a deletion.
#[derive(Debug, Clone, Default)]
pub struct DeleteOptions {
    /// Nothing is deleted.
    pub dry_run: bool,
    /// Seconds a pod gets to end.
    pub grace_seconds: Option<i64>,
    /// What happens to owned objects.
    pub propagation: Option<Propagation>,
    /// The uid the object must have.
    pub uid: Option<String>,
    /// The version the object must have.
    pub resource_version: Option<String>,
}

impl DeleteOptions {
    /// Reads a `DeleteOptions` object.
    ///
    /// # Errors
    /// 422 for an unknown policy, or policy and `orphanDependents` together.
    pub fn from_object(value: &Value) -> ApiResult<Self> {
        let target = Target { group: "meta.k8s.io", resource: "DeleteOptions" };
        let policy = text(value, &["propagationPolicy"]);
        let orphan = value.get("orphanDependents").and_then(Value::as_bool);
        let propagation = match (policy, orphan) {
            ("", None) => None,
            ("", Some(true)) => Some(Propagation::Orphan),
            ("", Some(false)) | ("Background", None) => Some(Propagation::Background),
            ("Foreground", None) => Some(Propagation::Foreground),
            ("Orphan", None) => Some(Propagation::Orphan),
            (_, Some(_)) => {
                let detail = "orphanDependents and deletionPropagation cannot be both set";
                return Err(ApiError::invalid(target, "", &[FieldError::invalid("propagationPolicy", policy, detail)]));
            }
            (other, None) => {
                let e = FieldError::not_supported(
                    "propagationPolicy",
                    other,
                    &["Foreground", "Background", "Orphan", "nil"],
                );
                return Err(ApiError::invalid(target, "", &[e]));
            }
        };
        let condition = |key: &str| at(value, &["preconditions", key]).and_then(Value::as_str).map(str::to_owned);
        Ok(DeleteOptions {
            dry_run: list(value, &["dryRun"]).iter().any(|d| d == "All"),
            grace_seconds: value.get("gracePeriodSeconds").and_then(Value::as_i64),
            propagation,
            uid: condition("uid"),
            resource_version: condition("resourceVersion"),
        })
    }
}

/// The outcome of a deletion.
#[derive(Debug, Clone)]
pub struct Deleted {
    /// The body of the answer: the object, or a Status.
    pub answer: Value,
    /// False when finalizers or a grace period hold the object.
    pub gone: bool,
}

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

impl Registry {
    /// Deletes an object, or marks it when finalizers or a grace period hold it.
    ///
    /// # Errors
    /// 403 (namespaces that must stay), 404, 409 (preconditions).
    pub fn delete(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
        options: &DeleteOptions,
    ) -> ApiResult<Deleted> {
        admission::check_delete(resource, name)?;
        loop {
            let stored = self.stored(resource, namespace, name)?;
            check_preconditions(resource, &stored, options)?;
            let place = Place { resource, namespace, name, subresource: "" };
            let outcome = self.delete_once(place, &stored, options)?;
            if let Some(deleted) = outcome {
                return Ok(deleted);
            }
        }
    }

    /// `None` when another writer was faster.
    fn delete_once(&self, place: Place<'_>, stored: &Stored, options: &DeleteOptions) -> ApiResult<Option<Deleted>> {
        let resource = place.resource;
        let mut object = stored.object.as_ref().clone();
        let grace = grace_seconds(resource, &object, options);
        if is_deleting(&object) && still_graceful(&object, options) {
            return Ok(Some(self.answer(resource, &object, false)));
        }
        if resource.builtin_name() == "namespaces" && !list(&object, &["spec", "finalizers"]).is_empty() {
            object["status"]["phase"] = "Terminating".into();
            if options.propagation.is_some() {
                collect_finalizers(resource, &mut object, options);
            }
            self.mark(&mut object, 0);
            crate::object::remove_meta(&mut object, &["deletionGracePeriodSeconds"]);
            return self.store_marked(place, stored, object, options);
        }
        collect_finalizers(resource, &mut object, options);
        if resource.builtin_name() == crd::STORAGE && !options.dry_run {
            self.delete_instances(&object);
        }
        let held = !finalizers(&object).is_empty();
        if held || grace > 0 {
            self.mark(&mut object, grace);
            return self.store_marked(place, stored, object, options);
        }
        let mut version = stored.version;
        if resource.builtin_name() == "pods" {
            // Pods end gracefully even when there is nothing to wait for: watchers see the mark first.
            self.mark(&mut object, 0);
            if !options.dry_run && object != *stored.object {
                let key = self.key(resource, place.namespace, place.name);
                match self.store().update(key, version, object.clone()) {
                    Ok(marked) => version = marked.version,
                    Err(StoreError::Stale) => return Ok(None),
                    Err(e) => return Err(store_error(resource, place.name, &e)),
                }
            }
        }
        if !options.dry_run {
            let key = self.key(resource, place.namespace, place.name);
            match self.store().delete(key, version, object.clone()) {
                Ok(gone) => {
                    object = gone.object.as_ref().clone();
                    self.after_write(resource, &gone.object);
                }
                Err(StoreError::Stale) => return Ok(None),
                Err(e) => return Err(store_error(resource, place.name, &e)),
            }
        }
        Ok(Some(self.answer(resource, &object, true)))
    }

    fn mark(&self, object: &mut Value, grace: i64) {
        if is_deleting(object) {
            return;
        }
        let at =
            self.clock().now().saturating_add(jiff::SignedDuration::from_secs(grace)).unwrap_or(jiff::Timestamp::MAX);
        set_meta(object, "deletionTimestamp", crate::scheme::format_time(at, 0));
        set_meta(object, "deletionGracePeriodSeconds", grace);
        let generation = crate::object::generation(object);
        if generation > 0 {
            set_meta(object, "generation", generation + 1);
        }
    }

    fn store_marked(
        &self,
        place: Place<'_>,
        stored: &Stored,
        object: Value,
        options: &DeleteOptions,
    ) -> ApiResult<Option<Deleted>> {
        let resource = place.resource;
        if object == *stored.object || options.dry_run {
            return Ok(Some(self.answer_object(resource, &object, false)));
        }
        match self.store().update(self.key(resource, place.namespace, place.name), stored.version, object) {
            Ok(s) => Ok(Some(self.answer_object(resource, &s.object, false))),
            Err(StoreError::Stale) => Ok(None),
            Err(e) => Err(store_error(resource, place.name, &e)),
        }
    }

    fn answer_object(&self, resource: &Resource, object: &Value, gone: bool) -> Deleted {
        Deleted { answer: self.shown(resource, object), gone }
    }

    fn answer(&self, resource: &Resource, object: &Value, gone: bool) -> Deleted {
        if strategy::returns_deleted(resource) {
            return self.answer_object(resource, object, gone);
        }
        let mut details =
            json!({"name": meta(object, "name"), "kind": resource.info.plural, "uid": meta(object, "uid")});
        if !resource.info.group.is_empty() {
            details["group"] = resource.info.group.as_str().into();
        }
        let answer =
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details});
        Deleted { answer, gone }
    }

    /// Deletes what a list selects; returns the objects as they were.
    ///
    /// # Errors
    /// The first error of a deletion other than 404.
    pub fn delete_collection(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        select: &ListOptions,
        options: &DeleteOptions,
    ) -> ApiResult<super::ListPage> {
        let page = self.list(resource, namespace, select)?;
        for object in &page.items {
            match self.delete(resource, meta(object, "namespace"), meta(object, "name"), options) {
                Err(e) if e.code != 404 => return Err(e),
                _ => {}
            }
        }
        Ok(page)
    }

    /// True when a deleted object has nothing left that holds it.
    pub(super) fn may_vanish(&self, resource: &Resource, live: &Value, new: &Value) -> bool {
        if resource.builtin_name() == "namespaces" && !list(new, &["spec", "finalizers"]).is_empty() {
            return false;
        }
        at(live, &["metadata", "deletionGracePeriodSeconds"]).and_then(Value::as_i64).unwrap_or(0) == 0
    }

    /// Without its definition a custom resource is unreachable: its objects go with it.
    fn delete_instances(&self, definition: &Value) {
        let Some(resource) = crd::resources(definition).into_iter().next() else { return };
        for (key, _) in self.store().list(&resource.storage, None).1 {
            let options = DeleteOptions::default();
            let held = self.delete(&resource, &key.namespace, &key.name, &options).is_ok_and(|d| !d.gone);
            if held && let Some(s) = self.store().get(&key) {
                drop(self.store().delete(key, s.version, s.object.as_ref().clone()));
            }
        }
    }

    /// Removes the named finalizers from an object, which may end its deletion (for controllers).
    ///
    /// # Errors
    /// As an update.
    pub fn remove_finalizers(&self, resource: &Resource, namespace: &str, name: &str, gone: &[&str]) -> ApiResult<()> {
        let place = Place { resource, namespace, name, subresource: "" };
        let build = |live: Option<&Value>| {
            let mut new = live.cloned().unwrap_or_default();
            if let Some(m) = metadata_mut(&mut new)
                && let Some(Value::Array(list)) = m.get_mut("finalizers")
            {
                list.retain(|f| !gone.iter().any(|g| f == g));
                if list.is_empty() {
                    m.remove("finalizers");
                }
            }
            Ok(new)
        };
        self.update_with(place, &WriteOptions::manager("controller"), false, build).map(|_| ())
    }

    /// Ends the deletion of a namespace (for the namespace controller): its finalizers are emptied and it vanishes.
    ///
    /// # Errors
    /// As an update.
    pub fn finalize_namespace(&self, name: &str) -> ApiResult<()> {
        let Some(resource) = self.resource("", "v1", "namespaces") else { return Ok(()) };
        let place = Place { resource: &resource, namespace: "", name, subresource: "finalize" };
        let build = |live: Option<&Value>| {
            let mut new = live.cloned().unwrap_or_default();
            if let Some(spec) = new.get_mut("spec").and_then(Value::as_object_mut) {
                spec.remove("finalizers");
            }
            Ok(new)
        };
        self.update_with(place, &WriteOptions::manager("kube-controller-manager"), false, build).map(|_| ())
    }

    /// Removes an object whatever holds it back but its finalizers (for the simulated kubelet).
    ///
    /// # Errors
    /// As a deletion.
    pub fn delete_now(&self, resource: &Resource, namespace: &str, name: &str) -> ApiResult<()> {
        let stored = self.stored(resource, namespace, name)?;
        let object = convert(stored.object.as_ref().clone(), resource, &resource.storage_version);
        let gone = self.store().delete(self.key(resource, namespace, name), stored.version, object);
        let gone = gone.map_err(|e| store_error(resource, name, &e))?;
        self.after_write(resource, &gone.object);
        Ok(())
    }
}

fn check_preconditions(resource: &Resource, stored: &Stored, options: &DeleteOptions) -> ApiResult<()> {
    let target = Target { group: &resource.info.group, resource: &resource.info.kind };
    let name = meta(&stored.object, "name");
    let uid = meta(&stored.object, "uid");
    if let Some(want) = options.uid.as_deref().filter(|u| *u != uid) {
        let why = format!(
            "the UID in the precondition ({want}) does not match the UID in record ({uid}). The object might have been deleted and then recreated"
        );
        return Err(ApiError::conflict(target, name, &why));
    }
    let version = stored.version.to_string();
    if let Some(want) = options.resource_version.as_deref().filter(|v| *v != version) {
        let why = format!(
            "the ResourceVersion in the precondition ({want}) does not match the ResourceVersion in record ({version}). The object might have been modified"
        );
        return Err(ApiError::conflict(target, name, &why));
    }
    Ok(())
}

/// Only pods that run somewhere end gracefully.
fn grace_seconds(resource: &Resource, object: &Value, options: &DeleteOptions) -> i64 {
    if resource.builtin_name() != "pods" || text(object, &["spec", "nodeName"]).is_empty() {
        return 0;
    }
    if matches!(text(object, &["status", "phase"]), "Failed" | "Succeeded") {
        return 0;
    }
    let own = at(object, &["spec", "terminationGracePeriodSeconds"]).and_then(Value::as_i64);
    let asked = options.grace_seconds.or(own).unwrap_or(30);
    if asked < 0 { 1 } else { asked }
}

/// True when a graceful deletion is under way and this one is no shorter.
fn still_graceful(object: &Value, options: &DeleteOptions) -> bool {
    let left = at(object, &["metadata", "deletionGracePeriodSeconds"]).and_then(Value::as_i64).unwrap_or(0);
    left > 0 && options.grace_seconds.is_none_or(|asked| asked >= left)
}

/// Puts the finalizer of the propagation policy on the object.
fn collect_finalizers(resource: &Resource, object: &mut Value, options: &DeleteOptions) {
    if resource.builtin_name() == "events" {
        // Events own nothing: the policy does not apply to them.
        return;
    }
    let own = finalizers(object);
    let by_finalizer = match (own.contains(&ORPHAN), own.contains(&FOREGROUND)) {
        (true, _) => Some(Propagation::Orphan),
        (_, true) => Some(Propagation::Foreground),
        _ => None,
    };
    let default = if strategy::orphans_by_default(resource) { Propagation::Orphan } else { Propagation::Background };
    let policy = options.propagation.or(by_finalizer).unwrap_or(default);
    let mut new: Vec<Value> = own.iter().filter(|f| **f != ORPHAN && **f != FOREGROUND).map(|f| (*f).into()).collect();
    match policy {
        Propagation::Orphan => new.push(ORPHAN.into()),
        Propagation::Foreground => new.push(FOREGROUND.into()),
        Propagation::Background => {}
    }
    if let Some(m) = metadata_mut(object) {
        if new.is_empty() {
            m.remove("finalizers");
        } else {
            m.insert("finalizers".to_owned(), Value::Array(new));
        }
    }
}
