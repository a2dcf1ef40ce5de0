//! Fields that trusted managers own: where Git and the cluster disagree about one of them, it does not count.

use plate_deploy_apiserver::fieldmanager::{Set, compare_typed, problems_of, without};
use plate_deploy_apiserver::scheme::Type;
use serde_json::Value;

use super::builtin::Kind;

/// Removes from both sides what differs and belongs to one of the managers (Argo CD's `managedfields.Normalize`).
/// Objects that do not fit their type stay as they are.
pub(super) fn normalize(config: &Value, live: &Value, managers: &[String]) -> (Value, Value) {
    let mut sides = (config.clone(), live.clone());
    if managers.is_empty() {
        return sides;
    }
    let kind = Kind::of(config);
    let ty = kind.as_ref().map_or(&Type::Any, Kind::ty);
    if !problems_of(config, ty).is_empty() || !problems_of(live, ty).is_empty() {
        return sides;
    }
    let modified = compare_typed(live, config, ty).modified;
    for manager in managers {
        for owned in
            entries(live).filter(|(name, _)| name == manager).filter_map(|(_, fields)| Set::from_fields(fields))
        {
            let ignored = owned.intersection(&modified);
            if !ignored.is_empty() {
                sides = (without(&sides.0, &ignored, ty), without(&sides.1, &ignored, ty));
            }
        }
    }
    sides
}

/// The managers of an object and their fields.
pub(super) fn entries(object: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array).into_iter().flatten();
    entries.filter_map(|entry| Some((entry.get("manager")?.as_str()?, entry.get("fieldsV1")?)))
}
