//! Fields of custom resources that hold built-in types: `cpu: 1000m` there is `cpu: "1"` too.

use plate_deploy_apiserver::scheme::{MapType, Quantity, Scalar, StructRef, Type, decode};
use serde_json::Value;

use super::options::DiffOptions;
use crate::model::GroupVersionKind;

/// The fields of a kind that hold built-in types, with the types' names. Argo Rollouts' pod template always does.
fn fields_of<'a>(options: &'a DiffOptions, gvk: &GroupVersionKind) -> Vec<(&'a str, &'a str)> {
    let keys = [format!("{}/{}", gvk.group, gvk.kind), gvk.kind.clone()];
    let key = if gvk.group.is_empty() { &keys[1] } else { &keys[0] };
    let own = options.overrides.get(key).map(|rule| rule.known_type_fields.as_slice()).unwrap_or_default();
    if own.is_empty() && gvk.group == "argoproj.io" && gvk.kind == "Rollout" {
        return vec![("spec.template.spec", "core/v1/PodSpec")];
    }
    own.iter().map(|field| (field.field.as_str(), field.type_name.as_str())).collect()
}

/// Respells the known fields; values that do not fit their type stay.
pub(super) fn normalize(options: &DiffOptions, gvk: &GroupVersionKind, object: &mut Value) {
    for (field, type_name) in fields_of(options, gvk) {
        if let Some(ty) = known_type(type_name) {
            let path: Vec<&str> = field.split('.').collect();
            respell_at(object, &path, &ty);
        }
    }
}

/// Walks to the field, through lists.
fn respell_at(value: &mut Value, path: &[&str], ty: &Type) {
    if let Value::Array(items) = value {
        items.iter_mut().for_each(|item| respell_at(item, path, ty));
        return;
    }
    match path.split_first() {
        None => {
            if let Some(respelled) = respell(value, ty) {
                *value = respelled;
            }
        }
        Some((first, rest)) => {
            if let Some(child) = value.get_mut(*first) {
                respell_at(child, rest, ty);
            }
        }
    }
}

fn respell(value: &Value, ty: &Type) -> Option<Value> {
    match ty {
        Type::Struct(r) => decode(value.clone(), r, &mut Vec::new()).ok(),
        Type::Map(map) => {
            let entries = value.as_object()?.iter();
            entries.map(|(key, value)| Some((key.clone(), respell(value, &map.elem)?))).collect()
        }
        Type::Scalar(Scalar::Quantity) => {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => return None,
            };
            Quantity::parse(text.trim()).ok().map(|q| Value::from(q.canonical()))
        }
        Type::Scalar(Scalar::Duration) => go_duration(value.as_str()?).map(Value::from),
        _ => None,
    }
}

/// A type by Argo CD's name for it.
fn known_type(name: &str) -> Option<Type> {
    match name {
        "core/Quantity" => Some(Type::Scalar(Scalar::Quantity)),
        "meta/v1/Duration" => Some(Type::Scalar(Scalar::Duration)),
        "core/v1/ResourceList" => {
            let elem = Type::Scalar(Scalar::Quantity);
            Some(Type::Map(MapType { elem, atomic: false }.into()))
        }
        _ => {
            let name = name.strip_prefix("core/v1/").filter(|name| !name.is_empty())?;
            let ty = StructRef::Builtin(format!("core/v1.{name}").into());
            // A name that is no type resolves to one without fields.
            (!ty.resolve().fields.is_empty()).then_some(Type::Struct(ty))
        }
    }
}

/// A duration as Go prints it: `90m` is `1h30m0s`.
fn go_duration(text: &str) -> Option<String> {
    text.parse::<crate::model::GoDuration>().ok().map(|d| d.to_string())
}
