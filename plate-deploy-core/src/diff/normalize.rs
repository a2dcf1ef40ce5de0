//! Making an object comparable: the spelling of its types, the quirks of a few kinds, and what does not count.

use std::cell::RefCell;

use plate_deploy_apiserver::scheme::{StructRef, decode};
use serde_json::{Map, Value};

use super::builtin::Kind;
use super::options::DiffOptions;
use super::{endpoints, ignore, json, known_types, overrides};
use crate::model::application::ResourceIgnoreDifferences;
use crate::model::{GroupVersionKind, Manifest};

/// Normalizes the objects of one comparison.
#[derive(Debug)]
pub(super) struct Normalizer<'a> {
    options: std::borrow::Cow<'a, DiffOptions>,
    rules: Vec<ResourceIgnoreDifferences>,
    warnings: RefCell<Vec<String>>,
}

impl<'a> Normalizer<'a> {
    /// `config` may carry a rule in its annotation, which then holds for the live object too.
    pub(super) fn new(options: &'a DiffOptions, config: Option<&Manifest>) -> Self {
        let rules = overrides::rules(options, config);
        Self { options: std::borrow::Cow::Borrowed(options), rules, warnings: RefCell::default() }
    }

    /// The same, on its own.
    pub(super) fn into_owned(self) -> Normalizer<'static> {
        let options = std::borrow::Cow::Owned(self.options.into_owned());
        Normalizer { options, rules: self.rules, warnings: self.warnings }
    }

    /// What was found wrong with the rules so far.
    pub(super) fn take_warnings(&self) -> Vec<String> {
        let mut warnings = self.warnings.take();
        warnings.sort();
        warnings.dedup();
        warnings
    }

    /// Everything: for a comparison on this side.
    pub(super) fn full(&self, object: Value) -> Value {
        self.unread(self.spelled(object))
    }

    /// Without the rules: they must not change the object that a dry run is made of.
    pub(super) fn kind_only(&self, object: Value) -> Value {
        let mut object = self.spelled(object);
        self.kind(&mut object);
        object
    }

    /// The rules alone, for an object that is to be applied.
    pub(super) fn rules_only(&self, mut object: Value) -> Value {
        self.rules(&mut object);
        object
    }

    /// As [`Normalizer::full`] for an object that keeps its spelling, such as what was applied last.
    pub(super) fn unread(&self, mut object: Value) -> Value {
        self.kind(&mut object);
        self.rules(&mut object);
        object
    }

    fn rules(&self, object: &mut Value) {
        let warnings = ignore::apply(&self.rules, object);
        self.warnings.borrow_mut().extend(warnings);
        let gvk = gvk_of(object);
        known_types::normalize(&self.options, &gvk, object);
    }

    /// The spelling that Go's types would give the object.
    pub(super) fn spelled(&self, mut object: Value) -> Value {
        json::normalize_numbers(&mut object);
        match Kind::of(&object) {
            Some(kind) => kind.respelled(&object),
            None => object,
        }
    }

    fn kind(&self, object: &mut Value) {
        // SealedSecrets and others export `creationTimestamp: null`.
        json::remove_field(object, &["metadata", "creationTimestamp"]);
        let gvk = gvk_of(object);
        match (gvk.group.as_str(), gvk.kind.as_str()) {
            ("", "Secret") => secret(object),
            ("rbac.authorization.k8s.io", "Role" | "ClusterRole") => {
                role(object, self.options.ignore_aggregated_roles);
            }
            ("", "Endpoints") => endpoints::normalize(object),
            _ => {}
        }
    }
}

fn gvk_of(object: &Value) -> GroupVersionKind {
    let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
    GroupVersionKind::parse(text("apiVersion"), text("kind"))
}

/// `stringData` goes into `data`, nothing becomes `""`; a Secret that does not fit its type keeps its `data`.
pub(super) fn secret(object: &mut Value) {
    let Some(map) = object.as_object_mut() else { return };
    let data_is_map = map.get("data").is_none_or(Value::is_object);
    if data_is_map && let Some(Value::Object(plain)) = map.get("stringData").cloned() {
        let data = map.entry("data").or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(data) = data {
            data.extend(plain.into_iter().map(|(key, value)| (key, encoded(value))));
        }
        map.remove("stringData");
    }
    let typed = decode(object.clone(), &StructRef::Builtin("core/v1.Secret".into()), &mut Vec::new());
    if let Ok(Value::Object(mut typed)) = typed
        && let Some(Value::Object(mut data)) = typed.remove("data")
        && let Some(map) = object.as_object_mut()
    {
        data.values_mut().filter(|value| value.is_null()).for_each(|value| *value = Value::from(""));
        map.insert("data".into(), Value::Object(data));
    }
}

/// Text in base64; other values stay, so that the apply fails on them.
fn encoded(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text)),
        other => other,
    }
}

/// No rules are written in two ways; rules that were aggregated from other roles are not Git's.
fn role(object: &mut Value, ignore_aggregated: bool) {
    let Some(map) = object.as_object_mut() else { return };
    let aggregated = ignore_aggregated && map.get("aggregationRule").is_some_and(Value::is_object);
    let empty = map.get("rules").and_then(Value::as_array).is_some_and(Vec::is_empty);
    if aggregated || empty {
        map.insert("rules".into(), Value::Null);
    }
}
