//! The scale subresource.

use serde_json::{Value, json};

use super::catalog::Resource;
use super::write::Place;
use super::{Registry, WriteOptions};
use crate::object::{at, meta, text};
use crate::patch::{self, PatchKind};
use crate::scheme::Gvk;
use crate::status::{ApiError, ApiResult};

/// Where a resource keeps its replicas.
struct Paths {
    spec: Vec<String>,
    status: Vec<String>,
    selector: Vec<String>,
}

fn paths(resource: &Resource) -> Paths {
    let split = |p: &str| p.trim_start_matches('.').split('.').map(str::to_owned).collect::<Vec<_>>();
    match resource.custom.as_ref().and_then(|c| c.scale.as_ref()) {
        Some(s) => Paths {
            spec: split(&s.spec),
            status: split(&s.status),
            selector: s.selector.as_deref().map(split).unwrap_or_default(),
        },
        None => Paths { spec: split("spec.replicas"), status: split("status.replicas"), selector: Vec::new() },
    }
}

fn number(object: &Value, path: &[String]) -> i64 {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    at(object, &path).and_then(Value::as_i64).unwrap_or(0)
}

/// `matchLabels` and `matchExpressions` as text.
fn selector_text(resource: &Resource, object: &Value, path: &[String]) -> String {
    if resource.custom.is_some() {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        return text(object, &path).to_owned();
    }
    let selector = &object["spec"]["selector"];
    let expressions = crate::object::list(selector, &["matchExpressions"]);
    let plain = selector.get("matchLabels").is_none() && expressions.is_empty();
    let labels = if plain { selector } else { &selector["matchLabels"] };
    let pairs = labels.as_object().into_iter().flatten().filter(|(_, v)| v.is_string());
    let mut parts: Vec<(String, String)> =
        pairs.map(|(k, v)| (k.clone(), format!("{k}={}", v.as_str().unwrap_or_default()))).collect();
    for e in expressions {
        let key = text(e, &["key"]);
        let mut values: Vec<&str> = crate::object::list(e, &["values"]).iter().filter_map(Value::as_str).collect();
        values.sort_unstable();
        let values = values.join(",");
        let part = match text(e, &["operator"]) {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "DoesNotExist" => format!("!{key}"),
            _ => key.to_owned(),
        };
        parts.push((key.to_owned(), part));
    }
    parts.sort();
    parts.into_iter().map(|(_, part)| part).collect::<Vec<_>>().join(",")
}

fn set_number(object: &mut Value, path: &[String], value: i64) {
    let [first, rest @ ..] = path else { return };
    let Value::Object(map) = object else { return };
    if rest.is_empty() {
        map.insert(first.clone(), value.into());
    } else {
        set_number(map.entry(first.clone()).or_insert_with(|| json!({})), rest, value);
    }
}

impl Registry {
    /// The Scale of an object.
    ///
    /// # Errors
    /// 404.
    pub fn get_scale(&self, resource: &Resource, namespace: &str, name: &str) -> ApiResult<Value> {
        let object = self.get(resource, namespace, name)?;
        has_replicas(resource, &object)?;
        Ok(scale_of(resource, &object))
    }

    /// Writes a Scale: a whole one, or a patch of the present one.
    ///
    /// # Errors
    /// As an update.
    pub fn update_scale(
        &self,
        resource: &Resource,
        (namespace, name): (&str, &str),
        change: (Option<PatchKind>, &[u8]),
        options: &WriteOptions,
    ) -> ApiResult<Value> {
        let place = Place { resource, namespace, name, subresource: "scale" };
        let ty = crate::scheme::Schema::of(&Gvk::new("apps", "v1", "Deployment")).map(|s| s.root().clone());
        let (kind, body) = change;
        let now = self.now();
        let build = |live: Option<&Value>| {
            let live = live.ok_or_else(|| ApiError::not_found(resource.target(), name))?;
            if kind == Some(PatchKind::Apply) && resource.custom.is_some() {
                // kube-apiserver fails so: it cannot convert a custom resource to a Scale.
                let text = "failed to create manager for existing fields: failed to convert live object (/; autoscaling/v1, Kind=Scale) to proper version: request to convert CR to an invalid group/version: autoscaling/v1";
                return Err(ApiError::plain(text));
            }
            let current = scale_of(resource, live);
            let scale = match (kind, &ty) {
                (Some(kind), Some(ty)) => patch::apply(kind, &current, body, ty, &mut Vec::new())?,
                _ => crate::scheme::parse_json(body, &mut Vec::new()).map_err(ApiError::bad_request)?,
            };
            let asked = meta(&scale, "resourceVersion").to_owned();
            let replicas = at(&scale, &["spec", "replicas"]).and_then(Value::as_i64).unwrap_or(0);
            if replicas < 0 && resource.custom.is_none() {
                let e =
                    crate::status::FieldError::invalid("spec.replicas", replicas, "must be greater than or equal to 0");
                let target = crate::status::Target { group: "autoscaling", resource: "Scale" };
                return Err(ApiError::invalid(target, name, &[e]));
            }
            let mut new = live.clone();
            set_number(&mut new, &paths(resource).spec, replicas);
            if asked.is_empty() {
                crate::object::remove_meta(&mut new, &["resourceVersion"]);
            } else {
                crate::object::set_meta(&mut new, "resourceVersion", asked);
            }
            if resource.custom.is_some() && meta(&new, "resourceVersion").is_empty() {
                crate::object::set_meta(&mut new, "resourceVersion", meta(live, "resourceVersion"));
            }
            if resource.custom.is_none() {
                self.manager(place, options, &now).update(Some(live), &mut new, &SameVersion);
                own_replicas(&mut new, kind == Some(PatchKind::Apply), options, resource);
            }
            Ok(new)
        };
        let (object, _) = self.update_with(place, options, false, build)?;
        Ok(scale_of(resource, &object))
    }
}

/// Who owns `spec.replicas` after a write: an update takes the field from its owners and kube-apiserver does not record
/// the new one; an apply is recorded even when it changes nothing.
fn own_replicas(object: &mut Value, applied: bool, options: &WriteOptions, resource: &Resource) {
    let Some(metadata) = crate::object::metadata_mut(object) else { return };
    let entries = metadata.entry("managedFields").or_insert_with(|| json!([]));
    let Value::Array(entries) = entries else { return };
    entries.retain(|e| e["subresource"] != "scale" || e["operation"] != "Update");
    let own = |e: &Value| e["subresource"] == "scale" && e["manager"] == options.manager;
    if applied && !entries.iter().any(own) {
        entries.push(json!({"manager": options.manager, "operation": "Apply", "apiVersion": resource.version_text(),
            "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:replicas": {}}}, "subresource": "scale"}));
    }
    if entries.is_empty() {
        crate::object::remove_meta(object, &["managedFields"]);
    }
}

/// A custom resource must have the field that its definition names.
fn has_replicas(resource: &Resource, object: &Value) -> ApiResult<()> {
    let Some(scale) = resource.custom.as_ref().and_then(|c| c.scale.as_ref()) else { return Ok(()) };
    let path: Vec<&str> = scale.spec.trim_start_matches('.').split('.').collect();
    if at(object, &path).is_some_and(|v| !v.is_null()) {
        return Ok(());
    }
    Err(ApiError::internal(&format!("the spec replicas field {:?} does not exist", scale.spec)))
}

struct SameVersion;

impl crate::fieldmanager::Converter for SameVersion {
    fn convert(
        &self,
        object: &crate::fieldmanager::TypedObject,
        version: &str,
    ) -> Option<crate::fieldmanager::TypedObject> {
        (object.version == version).then(|| object.clone())
    }
}

fn scale_of(resource: &Resource, object: &Value) -> Value {
    let paths = paths(resource);
    let mut metadata = json!({});
    for key in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if !meta(object, key).is_empty() {
            metadata[key] = meta(object, key).into();
        }
    }
    let mut out = json!({"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": {},
        "status": {"replicas": number(object, &paths.status)}});
    let wanted = number(object, &paths.spec);
    if wanted != 0 {
        out["spec"]["replicas"] = wanted.into();
    }
    let selector = selector_text(resource, object, &paths.selector);
    if !selector.is_empty() {
        out["status"]["selector"] = selector.into();
    }
    out
}
