//! Creating, replacing and patching.

use serde_json::Value;

use super::catalog::Resource;
use super::{Registry, WriteOptions, admission, convert, crd, decode, services, strategy, validation};
use crate::fieldmanager::{Converter, FieldManager, TypedObject};
use crate::object::{is_deleting, meta, remove_meta, set_meta};
use crate::patch::{self, PatchKind};
use crate::scheme::parse_yaml;
use crate::status::{ApiError, ApiResult, FieldError};
use crate::storage::{Key, StoreError, Stored};

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
        if resource.builtin_name() == "limitranges" && meta(&object, "name").is_empty() {
            set_meta(&mut object, "name", self.new_uid());
        }
        remove_meta(&mut object, &["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"]);
        let versioned = meta(&object, "resourceVersion").parse::<u64>().is_ok_and(|v| v != 0);
        self.claim_fields(place, &mut object, options);
        let object = self.insert(place, object, versioned, options)?;
        warnings.extend(crd::unsupported_rules(resource, &object));
        Ok(Written { object, created: true, warnings })
    }

    /// Gives the fields of a new object to the request's manager.
    pub(super) fn claim_fields(&self, place: Place<'_>, object: &mut Value, options: &WriteOptions) {
        let versions = Versions { registry: self, resource: place.resource };
        self.manager(place, options, &self.now()).update(None, object, &versions);
    }

    /// The part of a creation that POST, PUT and apply share.
    /// `versioned`: a POST named a resource version.
    pub(super) fn insert(
        &self,
        place: Place<'_>,
        mut object: Value,
        versioned: bool,
        options: &WriteOptions,
    ) -> ApiResult<Value> {
        let resource = place.resource;
        let name = meta(&object, "name").to_owned();
        admission::check_namespace(self, resource, place.namespace, &name)?;
        admission::mutate_create(self, resource, &mut object)?;
        let generated = !meta(&object, "generateName").is_empty();
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
            "services" if place.subresource.is_empty() => services::allocate(self, resource, &mut object)?,
            crd::STORAGE => crd::initialize(&mut object),
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
            let mut e = store_error(resource, &name, &e);
            if e.reason == "AlreadyExists" && generated {
                e.message.push_str(", the server was not able to generate a unique name for the object");
            }
            if deleting { ApiError { message: format!("object is being deleted: {}", e.message), ..e } } else { e }
        })?;
        self.after_write(resource, &stored.object);
        if resource.builtin_name() == crd::STORAGE {
            self.establish(stored.clone(), &key);
        }
        Ok(self.shown(resource, &stored.object))
    }

    /// Accepts the names of a definition and serves it: what a real server's controllers do a moment later.
    pub(super) fn establish(&self, stored: Stored, key: &Key) {
        let mut object = stored.object.as_ref().clone();
        crd::accept(&mut object, &self.now());
        crd::own_status(&mut object, &self.now());
        // When somebody was faster, that write establishes it.
        drop(self.store().update(key.clone(), stored.version, object));
        self.reload_catalog();
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
        self.match_namespace(place, &mut object.clone())?;
        check_name(place, &object)?;
        let now = self.now();
        let create = strategy::allows_create_on_update(resource);
        let uid = meta(&object, "uid").to_owned();
        let build = |live: Option<&Value>| {
            let mut new = object.clone();
            let own = live.map_or("", |live| meta(live, "uid"));
            if !uid.is_empty() && own != uid {
                let why = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {own}");
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
        warnings.extend(crd::unsupported_rules(resource, &object));
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
        let create =
            kind == PatchKind::Apply && (subresource.is_empty() || strategy::allows_create_on_update(resource));
        if !create {
            self.stored(resource, namespace, name)?;
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
        let (object, created) = self.update_with(place, options, create, build)?;
        warnings.extend(crd::unsupported_rules(resource, &object));
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
        let decoded = decode::applied(resource, merged).map_err(|e| {
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
