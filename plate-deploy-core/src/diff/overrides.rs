//! The system's rules (`resource.customizations…` of `argocd-cm`), and which rules apply to an object.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::DiffError;
use super::options::DiffOptions;
use crate::model::application::ResourceIgnoreDifferences;
use crate::model::glob::glob_match;
use crate::model::{Manifest, annotations};

/// The system's rules for one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceOverride {
    /// JSON pointers to ignore.
    pub json_pointers: Vec<String>,
    /// jq path expressions to ignore.
    pub jq_path_expressions: Vec<String>,
    /// Field managers whose changes do not count.
    pub managed_fields_managers: Vec<String>,
    /// Fields of custom resources that hold built-in types, and so may be spelled in several ways.
    pub known_type_fields: Vec<KnownTypeField>,
}

/// A field of a custom resource that holds a built-in type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct KnownTypeField {
    /// Its path, with dots (`spec.resources`); lists on the way are walked.
    pub field: String,
    /// The type: `core/v1/PodSpec`, `core/Quantity`, `meta/v1/Duration`.
    #[serde(rename = "type")]
    pub type_name: String,
}

const CRD: &str = "apiextensions.k8s.io/CustomResourceDefinition";

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Ignored {
    json_pointers: Vec<String>,
    jq_path_expressions: Vec<String>,
    managed_fields_managers: Vec<String>,
}

/// Reads the rules for comparisons from the `data` of Argo CD's ConfigMap `argocd-cm`: split keys
/// (`resource.customizations.ignoreDifferences.<group>_<kind>`, `….knownTypeFields.…`), the older
/// `resource.customizations`, and `resource.compareoptions` (`ignoreResourceStatusField`, by default `all`).
///
/// # Errors
/// [`DiffError::Overrides`] for YAML of another shape.
pub fn overrides_from_config_map(
    data: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, ResourceOverride>, DiffError> {
    let mut rules: BTreeMap<String, ResourceOverride> = BTreeMap::new();
    if let Some(text) = data.get("resource.customizations").filter(|text| !text.trim().is_empty()) {
        let all: BTreeMap<String, Value> = yaml("resource.customizations", text)?;
        for (kind, rule) in all {
            let entry = rules.entry(kind).or_default();
            if let Some(text) = rule.get("ignoreDifferences").and_then(Value::as_str) {
                add_ignored(entry, yaml("resource.customizations", text)?);
            }
            if let Some(fields) = rule.get("knownTypeFields") {
                entry.known_type_fields = known_fields("resource.customizations", fields)?;
            }
        }
    }
    for (key, text) in data {
        if let Some(kind) = key.strip_prefix("resource.customizations.ignoreDifferences.") {
            add_ignored(rules.entry(group_kind(kind)).or_default(), yaml(key, text)?);
        } else if let Some(kind) = key.strip_prefix("resource.customizations.knownTypeFields.") {
            rules.entry(group_kind(kind)).or_default().known_type_fields = known_fields(key, &yaml(key, text)?)?;
        }
    }
    let compare: Value =
        yaml("resource.compareoptions", data.get("resource.compareoptions").map_or("{}", String::as_str))?;
    let ignored = match compare.get("ignoreResourceStatusField") {
        Some(Value::String(scope)) if scope == "crd" => Some(CRD),
        Some(Value::String(scope)) if matches!(scope.as_str(), "none" | "off" | "false") => None,
        Some(Value::Bool(false)) => None,
        _ => Some("*/*"),
    };
    if let Some(kind) = ignored {
        rules.entry(kind.into()).or_default().json_pointers.push("/status".into());
    }
    Ok(rules)
}

/// `all` stands for `*/*`, `<group>_<kind>` for `<group>/<kind>`.
fn group_kind(suffix: &str) -> String {
    if suffix == "all" { "*/*".into() } else { suffix.replacen('_', "/", 1) }
}

fn add_ignored(rule: &mut ResourceOverride, ignored: Ignored) {
    rule.json_pointers.extend(ignored.json_pointers);
    rule.jq_path_expressions.extend(ignored.jq_path_expressions);
    rule.managed_fields_managers.extend(ignored.managed_fields_managers);
}

fn known_fields(key: &str, value: &Value) -> Result<Vec<KnownTypeField>, DiffError> {
    let error = |reason: String| DiffError::Overrides { key: key.into(), reason };
    Vec::deserialize(value).map_err(|e| error(e.to_string()))
}

fn yaml<T: for<'a> Deserialize<'a>>(key: &str, text: &str) -> Result<T, DiffError> {
    serde_saphyr::from_str(text).map_err(|e| DiffError::Overrides { key: key.into(), reason: e.to_string() })
}

/// One rule as it applies to an object: the Application's, the object's own annotation, the system's.
pub(super) fn rules(options: &DiffOptions, config: Option<&Manifest>) -> Vec<ResourceIgnoreDifferences> {
    let mut rules = options.ignore.clone();
    rules.extend(config.and_then(annotated));
    for (key, rule) in &options.overrides {
        let (group, kind) = key.split_once('/').unwrap_or(("", key));
        rules.push(ResourceIgnoreDifferences {
            group: group.into(),
            kind: kind.into(),
            json_pointers: rule.json_pointers.clone(),
            jq_path_expressions: rule.jq_path_expressions.clone(),
            ..ResourceIgnoreDifferences::default()
        });
    }
    rules
}

/// The rule an object carries itself (JSON pointers only); one that cannot be read is none.
fn annotated(config: &Manifest) -> Option<ResourceIgnoreDifferences> {
    let text = config.annotation(annotations::IGNORE_DIFFERENCES)?;
    let parsed: Ignored = serde_saphyr::from_str(text).ok()?;
    let gvk = config.gvk();
    Some(ResourceIgnoreDifferences {
        group: gvk.group,
        kind: gvk.kind,
        name: config.name().into(),
        namespace: config.namespace().into(),
        json_pointers: parsed.json_pointers,
        ..ResourceIgnoreDifferences::default()
    })
}

/// Whether a rule is for this object: group and kind are globs, name and namespace are not.
pub(super) fn applies(rule: &ResourceIgnoreDifferences, group: &str, kind: &str, name: &str, namespace: &str) -> bool {
    glob_match(&rule.group, group, &[])
        && glob_match(&rule.kind, kind, &[])
        && (rule.name.is_empty() || rule.name == name)
        && (rule.namespace.is_empty() || rule.namespace == namespace)
}

/// The field managers whose changes to the object do not count. System rules count by exact kind and `*/*` only.
pub(super) fn trusted_managers(options: &DiffOptions, config: &Manifest) -> Vec<String> {
    let gvk = config.gvk();
    let exact = format!("{}/{}", gvk.group, gvk.kind);
    let system = [exact.as_str(), "*/*"].into_iter().filter_map(|key| options.overrides.get(key));
    let system = system.flat_map(|rule| rule.managed_fields_managers.iter());
    let own =
        options.ignore.iter().filter(|rule| applies(rule, &gvk.group, &gvk.kind, config.name(), config.namespace()));
    system.chain(own.flat_map(|rule| rule.managed_fields_managers.iter())).cloned().collect()
}
