//! From the JSON of a request to an object that fits its type, with defaults.

use serde_json::{Map, Value};

use super::catalog::Resource;
use super::{FieldValidation, WriteOptions};
use crate::object::{at, metadata_mut, text};
use crate::scheme::{self, StructRef, Type};
use crate::status::{ApiError, ApiResult, FieldError, Target};

/// What decoding found besides the object.
pub(super) struct Decoded {
    pub(super) object: Value,
    /// `unknown field …` and `duplicate field …`.
    pub(super) strict: Vec<String>,
}

/// Drops unknown fields, takes canonical texts, fills defaults.
///
/// # Errors
/// The text of the decoder when a field has the wrong JSON type.
pub(super) fn typed(resource: &Resource, value: Value) -> Result<Decoded, String> {
    decoded(resource, value, false)
}

/// As [`typed`] for the result of an apply, in which nulls stay.
pub(super) fn applied(resource: &Resource, value: Value) -> Result<Decoded, String> {
    decoded(resource, value, true)
}

fn decoded(resource: &Resource, value: Value, applied: bool) -> Result<Decoded, String> {
    let mut strict = Vec::new();
    let resets = !applied
        && resource.custom.is_none()
        && at(&value, &["metadata", "managedFields"]).and_then(Value::as_array).is_some_and(Vec::is_empty);
    let mut object = match (&resource.custom, &resource.info.ty) {
        (Some(custom), _) => {
            let mut object = custom_metadata(value, &mut strict)?;
            custom.prune(&mut object, &mut strict);
            custom.default(&mut object);
            if !applied {
                custom.drop_nulls(&mut object);
            }
            object
        }
        (None, Type::Struct(ty)) => {
            let mut object = scheme::decode(value, ty, &mut strict).map_err(|e| e.to_string())?;
            if let Value::Object(map) = &mut object {
                map.insert("apiVersion".to_owned(), resource.info.api_version().into());
                map.insert("kind".to_owned(), resource.info.kind.as_str().into());
            }
            scheme::defaults::apply(&mut object);
            match resource.builtin_name() {
                "daemonsets.apps" => super::strategy::keep_template_generation(&mut object),
                "horizontalpodautoscalers.autoscaling" => super::convert::default_autoscaler(&mut object),
                "secrets" => super::strategy::merge_string_data(&mut object),
                _ => {}
            }
            object
        }
        (None, _) => value,
    };
    if let Value::Object(map) = &mut object {
        map.insert("apiVersion".to_owned(), resource.info.api_version().into());
        map.insert("kind".to_owned(), resource.info.kind.as_str().into());
    }
    if !applied {
        distinct_owners(&mut object);
    }
    if resets && let Some(metadata) = metadata_mut(&mut object) {
        // An empty list, other than none, means: forget who owns what.
        metadata.insert("managedFields".to_owned(), Value::Array(Vec::new()));
    }
    Ok(Decoded { object, strict })
}

/// An owner that is named twice counts once.
fn distinct_owners(object: &mut Value) {
    let owners = metadata_mut(object).and_then(|m| m.get_mut("ownerReferences")).and_then(Value::as_array_mut);
    if let Some(owners) = owners {
        let mut seen: Vec<Value> = Vec::with_capacity(owners.len());
        owners.retain(|o| {
            let new = !seen.contains(o);
            if new {
                seen.push(o.clone());
            }
            new
        });
    }
}

/// `metadata` of a custom resource is typed whatever its schema says.
fn custom_metadata(mut value: Value, strict: &mut Vec<String>) -> Result<Value, String> {
    let Value::Object(map) = &mut value else {
        return Err("json: cannot unmarshal into Go value of type map[string]interface {}".to_owned());
    };
    let metadata = map.remove("metadata").filter(|m| !m.is_null()).unwrap_or_else(|| Value::Object(Map::new()));
    let mut unknown = Vec::new();
    let ty = StructRef::Builtin("meta/v1.ObjectMeta".into());
    let metadata = scheme::decode(metadata, &ty, &mut unknown).map_err(|e| e.to_string())?;
    let place = |u: &String| u.replacen("unknown field \"", "unknown field \"metadata.", 1);
    strict.extend(unknown.iter().map(place));
    map.insert("metadata".to_owned(), metadata);
    Ok(value)
}

/// Decodes the body of a POST or PUT.
///
/// # Errors
/// 400 in the apiserver's words.
pub(super) fn body(
    resource: &Resource,
    value: Value,
    duplicates: Vec<String>,
    options: &WriteOptions,
    warnings: &mut Vec<String>,
) -> ApiResult<Value> {
    let info = &resource.info;
    let (api_version, kind) = (text(&value, &["apiVersion"]).to_owned(), text(&value, &["kind"]).to_owned());
    if resource.custom.is_some() {
        if kind.is_empty() {
            return Err(ApiError::bad_request(format!("Object 'Kind' is missing in '{}'", short(&value))));
        }
        if api_version.is_empty() {
            return Err(ApiError::bad_request(format!("Object 'apiVersion' is missing in '{}'", short(&value))));
        }
    }
    let expected = info.api_version();
    let version = &info.version;
    if resource.custom.is_none() && !(kind.is_empty() && api_version.is_empty()) {
        check_registered(resource, &api_version, &kind)?;
    }
    if !api_version.is_empty() && api_version != expected {
        let text =
            format!("the API version in the data ({api_version}) does not match the expected API version ({expected})");
        return Err(ApiError::bad_request(text));
    }
    let cannot = |why: &str| {
        ApiError::bad_request(format!(
            "{} in version {version:?} cannot be handled as a {}: {why}",
            info.kind, info.kind
        ))
    };
    if resource.custom.is_some() && kind != info.kind {
        let target = Target { group: &info.group, resource: &kind };
        let e = FieldError::invalid("kind", kind.as_str(), format!("must be {}", info.kind));
        return Err(ApiError::invalid(target, crate::object::meta(&value, "name"), &[e]));
    }
    if !kind.is_empty() && kind != info.kind {
        let text = format!("{kind} in version {version:?} cannot be handled as a {}: ", info.kind);
        return Err(ApiError::bad_request(
            text + &format!("converting ({kind}) to ({}): unknown conversion", info.kind),
        ));
    }
    let decoded = typed(resource, value).map_err(|e| cannot(&e))?;
    let mut strict = duplicates;
    strict.extend(decoded.strict);
    report(strict, options, warnings).map_err(|list| cannot(&format!("strict decoding error: {list}")))?;
    Ok(decoded.object)
}

/// Refuses kinds that no built-in version has, as the scheme of a server does.
fn check_registered(resource: &Resource, api_version: &str, kind: &str) -> ApiResult<()> {
    let info = &resource.info;
    let own_version = info.api_version();
    let (api_version, kind) = (
        if api_version.is_empty() { own_version.as_str() } else { api_version },
        if kind.is_empty() { info.kind.as_str() } else { kind },
    );
    let gvk = scheme::Gvk::from_api_version(api_version, kind);
    if scheme::builtin_kind(&gvk).is_some() {
        return Ok(());
    }
    let text = format!(
        "{kind} in version {:?} cannot be handled as a {}: no kind {kind:?} is registered for version {api_version:?} in scheme \"pkg/runtime/scheme.go:111\"",
        gvk.version, info.kind
    );
    Err(ApiError::bad_request(text))
}

/// Warns of strict errors, or gives their list when they are fatal.
pub(super) fn report(strict: Vec<String>, options: &WriteOptions, warnings: &mut Vec<String>) -> Result<(), String> {
    match options.validation {
        FieldValidation::Ignore => {}
        FieldValidation::Warn => warnings.extend(strict),
        FieldValidation::Strict if strict.is_empty() => {}
        FieldValidation::Strict => return Err(strict.join(", ")),
    }
    Ok(())
}

fn short(value: &Value) -> String {
    value.to_string().chars().take(300).collect()
}
