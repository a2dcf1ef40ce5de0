//! Creating, replacing and patching.

use serde_json::Value;

use super::catalog::Resource;
use super::{Registry, WriteOptions, admission, convert, crd, decode, services, strategy, validation};
use crate::fieldmanager::{Converter, FieldManager, TypedObject};
use crate::object::{finalizers, is_deleting, meta, remove_meta, set_meta};
use crate::patch::{self, PatchKind};
use crate::scheme::parse_yaml;
use crate::status::{ApiError, ApiResult, FieldError};
use crate::storage::{StoreError, Stored};

/// A body of a POST or PUT, parsed.
#[derive(Debug, Clone, Default)]
pub struct Body {
    /// The object.
    pub value: Value,
    /// `duplicate field …` messages of the parser.
    pub duplicates: Vec<String>,
}

impl From<Value> for Body {
    fn from(value: Value) -> Self {
        Body { value, duplicates: Vec::new() }
    }
}

/// The result of a write.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Written {
    /// The object as stored (as it would be, in a dry run).
    pub object: Value,
    /// True when it did not exist before.
    pub created: bool,
    /// Warnings for the client.
    pub warnings: Vec<String>,
}

/// How often a patch is tried again when another writer was faster.
const RETRIES: usize = 8;

struct Versions<'a> {
    registry: &'a Registry,
    resource: &'a Resource,
}

impl Converter for Versions<'_> {
    fn convert(&self, object: &TypedObject, version: &str) -> Option<TypedObject> {
        if object.version == version {
            return Some(object.clone());
        }
        let (group, name) = version.rsplit_once('/').unwrap_or(("", version));
        let catalog = self.registry.catalog();
        let other = catalog
            .all()
            .iter()
            .find(|r| r.storage == self.resource.storage && r.info.group == group && r.info.version == name)?;
        let mut value = object.value.clone();
        if let Value::Object(map) = &mut value {
            map.entry("apiVersion").or_insert_with(|| object.version.as_str().into());
        }
        let value = convert(value, self.resource, version);
        Some(TypedObject { value, ty: other.info.ty.clone(), version: version.to_owned() })
    }
}

/// Where a write goes.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) resource: &'a Resource,
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    pub(super) subresource: &'a str,
}

impl Registry {
    /// Creates an object.
    ///
    /// # Errors
    /// 400, 403, 404 (no such namespace), 409, 422.
    pub fn create(
        &self,
        resource: &Resource,
        namespace: &str,
        body: impl Into<Body>,
        options: &WriteOptions,
    ) -> ApiResult<Written> {
        let Body { value, duplicates } = body.into();
        let mut warnings = Vec::new();
        let mut object = decode::body(resource, value, duplicates, options, &mut warnings)?;
        let place = Place { resource, namespace, name: "", subresource: "" };
        self.match_namespace(place, &mut object)?;
        if meta(&object, "name").is_empty() && !meta(&object, "generateName").is_empty() {
            let prefix: String = meta(&object, "generateName").chars().take(58).collect();
            set_meta(&mut object, "name", format!("{prefix}{}", self.random_suffix()));
        }
        self.manager(place, options, &self.now()).update(None, &mut object, &Versions { registry: self, resource });
        let object = self.insert(place, object, options)?;
        Ok(Written { object, created: true, warnings })
    }

    /// The part of a creation that POST, PUT and apply share.
    fn insert(&self, place: Place<'_>, mut object: Value, options: &WriteOptions) -> ApiResult<Value> {
        let resource = place.resource;
        let name = meta(&object, "name").to_owned();
        admission::check_namespace(self, resource, place.namespace, &name)?;
        admission::mutate_create(self, resource, &mut object)?;
        let versioned = meta(&object, "resourceVersion").parse::<u64>().is_ok_and(|v| v != 0);
        let system = [
            "uid",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "selfLink",
            "resourceVersion",
        ];
        remove_meta(&mut object, &system);
        set_meta(&mut object, "uid", self.new_uid());
        set_meta(&mut object, "creationTimestamp", self.now());
        strategy::prepare_create(resource, &mut object);
        let errors = validation::create(resource, &object);
        if !errors.is_empty() {
            return Err(ApiError::invalid(resource.kind_target(), &name, &errors));
        }
        match resource.builtin_name() {
            "services" => services::allocate(self, resource, &mut object)?,
            crd::STORAGE => crd::accept(&mut object, &self.now()),
            _ => {}
        }
        let stored_form = convert(object.clone(), resource, &resource.storage_version);
        let key = self.key(resource, place.namespace, &name);
        if options.dry_run {
            return match self.store().get(&key) {
                Some(_) => Err(ApiError::already_exists(resource.target(), &name)),
                None => Ok(object),
            };
        }
        if versioned {
            return Err(ApiError::plain("resourceVersion should not be set on objects to be created"));
        }
        let stored = self.store().create(key.clone(), stored_form).map_err(|e| {
            let deleting = self.store().get(&key).is_some_and(|s| is_deleting(&s.object));
            let e = store_error(resource, &name, &e);
            if deleting { ApiError { message: format!("object is being deleted: {}", e.message), ..e } } else { e }
        })?;
        self.after_write(resource, &stored.object);
        Ok(self.shown(resource, &stored.object))
    }

    fn match_namespace(&self, place: Place<'_>, object: &mut Value) -> ApiResult<()> {
        let own = meta(object, "namespace").to_owned();
        if !place.resource.info.namespaced {
            remove_meta(object, &["namespace"]);
            return Ok(());
        }
        if own.is_empty() {
            set_meta(object, "namespace", place.namespace);
        } else if own != place.namespace {
            let text = "the namespace of the provided object does not match the namespace sent on the request";
            return Err(ApiError::bad_request(text));
        }
        Ok(())
    }

    pub(super) fn manager<'a>(&self, place: Place<'a>, options: &'a WriteOptions, now: &'a str) -> FieldManager<'a> {
        let resource = place.resource;
        let reset: &[&str] = match (place.subresource, resource.has_status(), resource.custom.is_some()) {
            ("status", _, true) => &["spec", "metadata"],
            ("status", _, false) if resource.builtin_name() == "deployments.apps" => &["spec", "metadata.labels"],
            ("status", _, false) => &["spec"],
            (_, true, _) => &["status"],
            _ => &[],
        };
        // The version text lives in the resource: `storage_version` is not always the request's.
        let version = resource.version_text();
        FieldManager {
            manager: &options.manager,
            version,
            ty: &resource.info.ty,
            subresource: place.subresource,
            now,
            reset,
        }
    }

    /// Replaces an object, or one of its subresources (`status`, `finalize`).
    ///
    /// # Errors
    /// 400, 404, 409, 422.
    pub fn replace(
        &self,
        resource: &Resource,
        (namespace, name, subresource): (&str, &str, &str),
        body: impl Into<Body>,
        options: &WriteOptions,
    ) -> ApiResult<Written> {
        let place = Place { resource, namespace, name, subresource };
        let Body { value, duplicates } = body.into();
        let mut warnings = Vec::new();
        let object = decode::body(resource, value, duplicates, options, &mut warnings)?;
        if meta(&object, "name").is_empty() {
            return Err(ApiError::bad_request("name must be provided"));
        }
        check_name(place, &object)?;
        let now = self.now();
        let create = strategy::allows_create_on_update(resource) && subresource.is_empty();
        let uid = meta(&object, "uid").to_owned();
        let build = |live: Option<&Value>| {
            let mut new = object.clone();
            if let (Some(live), false) = (live, uid.is_empty())
                && meta(live, "uid") != uid
            {
                let why = format!(
                    "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
                    meta(live, "uid")
                );
                return Err(ApiError::conflict(resource.target(), name, &why));
            }
            self.match_namespace(place, &mut new)?;
            if let Some(live) = live {
                set_meta(&mut new, "uid", meta(live, "uid"));
            }
            self.manager(place, options, &now).update(live, &mut new, &Versions { registry: self, resource });
            Ok(new)
        };
        let (object, created) = self.update_with(place, options, create, build)?;
        Ok(Written { object, created, warnings })
    }

    /// Patches an object or a subresource; an apply creates objects that do not exist.
    ///
    /// # Errors
    /// 400, 404, 409, 415 (strategic patches of custom resources), 422.
    pub fn patch(
        &self,
        resource: &Resource,
        (namespace, name, subresource): (&str, &str, &str),
        kind: PatchKind,
        body: &[u8],
        options: &WriteOptions,
    ) -> ApiResult<Written> {
        let place = Place { resource, namespace, name, subresource };
        if kind == PatchKind::Strategic && resource.custom.is_some() {
            let accepted = "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";
            return Err(ApiError::unsupported_media_type(accepted));
        }
        let now = self.now();
        let mut warnings = Vec::new();
        if kind != PatchKind::Apply && serde_json::from_slice::<serde::de::IgnoredAny>(body).is_err() {
            return Err(ApiError::bad_request("invalid JSON patch"));
        }
        let applied = match kind {
            PatchKind::Apply => Some(self.apply_body(place, body, options, &mut warnings)?),
            _ => None,
        };
        let mut first = true;
        let build = |live: Option<&Value>| {
            let mut found = Vec::new();
            let new = match (&applied, live) {
                (Some(patch), live) => self.apply_to(place, live, patch, options, &now)?,
                (None, None) => return Err(ApiError::not_found(resource.target(), name)),
                (None, Some(live)) => self.patch_to(place, live, kind, body, options, &mut found, &now)?,
            };
            if std::mem::take(&mut first) {
                warnings.append(&mut found);
            }
            check_name(place, &new)?;
            Ok(new)
        };
        let create = kind == PatchKind::Apply && subresource.is_empty();
        let (object, created) = self.update_with(place, options, create, build)?;
        Ok(Written { object, created, warnings })
    }

    /// Parses the body of an apply and fills in what the URL says.
    fn apply_body(
        &self,
        place: Place<'_>,
        body: &[u8],
        options: &WriteOptions,
        warnings: &mut Vec<String>,
    ) -> ApiResult<Value> {
        let mut duplicates = Vec::new();
        let json = crate::scheme::parse_json(body, &mut duplicates);
        let patch = json
            .or_else(|_| parse_yaml(body))
            .map_err(|e| ApiError::bad_request(format!("error decoding patch: {e}")))?;
        if !patch.is_object() {
            return Err(ApiError::bad_request(
                "error decoding patch: cannot unmarshal into Go value of type map[string]interface {}",
            ));
        }
        decode::report(duplicates, options, warnings)
            .map_err(|list| ApiError::bad_request(format!("error strict decoding patch: {list}")))?;
        let (version, kind) = (crate::object::text(&patch, &["apiVersion"]), crate::object::text(&patch, &["kind"]));
        if kind != place.resource.info.kind || version != place.resource.version_text() {
            let slash = if version.contains('/') { "" } else { "/" };
            return Err(ApiError::bad_request(format!("invalid object type: {slash}{version}, Kind={kind}")));
        }
        Ok(patch)
    }

    fn apply_to(
        &self,
        place: Place<'_>,
        live: Option<&Value>,
        patch: &Value,
        options: &WriteOptions,
        now: &str,
    ) -> ApiResult<Value> {
        let resource = place.resource;
        let versions = Versions { registry: self, resource };
        let merged = self.manager(place, options, now).apply(live, patch, options.force, &versions)?;
        let decoded = decode::typed(resource, merged).map_err(|e| {
            let slash = if resource.version_text().contains('/') { "" } else { "/" };
            let gvk = format!("{slash}{}, Kind={}", resource.version_text(), resource.info.kind);
            let id = format!("{}/{}", meta(patch, "namespace"), meta(patch, "name"));
            ApiError::plain(format!(
                "failed to convert new object ({id}; {gvk}) to proper version: unable to convert unstructured object to {gvk}: {e}"
            ))
        })?;
        let mut object = decoded.object;
        let uid = meta(&object, "uid");
        if live.is_none() && !uid.is_empty() {
            let why =
                format!("uid mismatch: the provided object specified uid {uid}, and no existing object was found");
            return Err(ApiError::conflict(resource.target(), place.name, &why));
        }
        self.match_namespace(place, &mut object)?;
        Ok(object)
    }

    #[expect(clippy::too_many_arguments, reason = "the arguments of a request, passed on once")]
    fn patch_to(
        &self,
        place: Place<'_>,
        live: &Value,
        kind: PatchKind,
        body: &[u8],
        options: &WriteOptions,
        warnings: &mut Vec<String>,
        now: &str,
    ) -> ApiResult<Value> {
        let resource = place.resource;
        let mut strict = Vec::new();
        let patched = patch::apply(kind, live, body, &resource.info.ty, &mut strict)?;
        let invalid = |patched: &Value, why: &str| {
            let e = FieldError::invalid("patch", patched.to_string(), why);
            ApiError::invalid(crate::status::Target { group: "", resource: "" }, "", &[e])
        };
        let version = crate::object::text(&patched, &["apiVersion"]);
        if kind == PatchKind::Strategic {
            // The result is decoded into the type of the URL whatever it says.
        } else if version != resource.info.api_version()
            || crate::object::text(&patched, &["kind"]) != resource.info.kind
        {
            let text = format!(
                "the API version in the data ({version}) does not match the expected API version ({})",
                resource.info.api_version()
            );
            return Err(ApiError::bad_request(text));
        }
        let decoded = decode::typed(resource, patched.clone()).map_err(|e| invalid(&patched, &e))?;
        strict.extend(decoded.strict);
        decode::report(strict, options, warnings)
            .map_err(|list| invalid(&patched, &format!("strict decoding error: {list}")))?;
        let mut new = decoded.object;
        self.match_namespace(place, &mut new)?;
        self.manager(place, options, now).update(Some(live), &mut new, &Versions { registry: self, resource });
        Ok(new)
    }

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
                match self.insert(place, new, options) {
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
            crd::accept(&mut new, &self.now());
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
                Ok(Some(self.shown(resource, &stored.object)))
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

fn check_name(place: Place<'_>, object: &Value) -> ApiResult<()> {
    let (name, namespace) = (meta(object, "name"), meta(object, "namespace"));
    if name.is_empty() {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({} based on URL) was undeterminable: name must be provided",
            place.name
        )));
    }
    if name != place.name {
        let text = format!("the name of the object ({name}) does not match the name on the URL ({})", place.name);
        return Err(ApiError::bad_request(text));
    }
    if !namespace.is_empty() && !place.namespace.is_empty() && namespace != place.namespace {
        return Err(ApiError::bad_request(format!(
            "the namespace of the object ({namespace}) does not match the namespace on the request ({})",
            place.namespace
        )));
    }
    Ok(())
}

/// A failed write as an API error.
pub(super) fn store_error(resource: &Resource, name: &str, error: &StoreError) -> ApiError {
    match error {
        StoreError::Exists => ApiError::already_exists(resource.target(), name),
        StoreError::Missing => ApiError::not_found(resource.target(), name),
        StoreError::Stale => ApiError::stale(resource.target(), name),
        StoreError::File(e) => ApiError::internal(&e.to_string()),
    }
}
