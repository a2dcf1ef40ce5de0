//! CustomResourceDefinitions: what they serve, and how their objects are pruned, defaulted and validated.

mod cel;
mod definition;
mod structural;
mod validate;

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::catalog::Resource;
use crate::object::{at, list, text};
use crate::scheme::{Gvk, ResourceInfo, SubresourceInfo, Type, builtin_kind};
use crate::status::FieldError;

pub(crate) use definition::{accept, initialize, own_status, validate_definition};

/// Name of the definitions in the store.
pub(crate) const STORAGE: &str = "customresourcedefinitions.apiextensions.k8s.io";

const VERBS: [&str; 8] = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];

/// Paths of the scale subresource.
#[derive(Debug)]
pub(crate) struct Scale {
    pub(crate) spec: String,
    pub(crate) status: String,
    pub(crate) selector: Option<String>,
}

/// One served version of a custom resource.
#[derive(Debug)]
pub(crate) struct CustomVersion {
    schema: Value,
    pub(crate) has_status: bool,
    pub(crate) scale: Option<Scale>,
    pub(crate) columns: Vec<Value>,
    pub(crate) selectable: Vec<String>,
    patterns: HashMap<String, regex::Regex>,
    rules: cel::Rules,
}

impl CustomVersion {
    fn new(version: &Value) -> Self {
        let schema = at(version, &["schema", "openAPIV3Schema"]).cloned().unwrap_or_else(|| json!({}));
        let mut patterns = HashMap::new();
        structural::collect_patterns(&schema, &mut patterns);
        let scale = at(version, &["subresources", "scale"]).map(|s| Scale {
            spec: text(s, &["specReplicasPath"]).to_owned(),
            status: text(s, &["statusReplicasPath"]).to_owned(),
            selector: s.get("labelSelectorPath").and_then(Value::as_str).map(str::to_owned),
        });
        let selectable = list(version, &["selectableFields"]).iter();
        CustomVersion {
            has_status: at(version, &["subresources", "status"]).is_some(),
            scale,
            columns: list(version, &["additionalPrinterColumns"]).to_vec(),
            selectable: selectable.map(|f| text(f, &["jsonPath"]).trim_start_matches('.').to_owned()).collect(),
            rules: cel::Rules::of(&schema),
            schema,
            patterns,
        }
    }

    /// The schema.
    pub(crate) fn schema(&self) -> &Value {
        &self.schema
    }

    /// Drops fields that the schema does not have, and reports them.
    pub(super) fn prune(&self, object: &mut Value, unknown: &mut Vec<String>) {
        structural::prune(object, &self.schema, true, &mut String::new(), unknown);
    }

    /// Fills defaults.
    pub(super) fn default(&self, object: &mut Value) {
        structural::default(object, &self.schema);
    }

    /// Drops nulls of fields that may not be null and have no default.
    pub(super) fn drop_nulls(&self, object: &mut Value) {
        structural::drop_nulls(object, &self.schema);
    }

    /// The errors of an object that replaces `old`.
    pub(super) fn validate(&self, object: &Value, old: Option<&Value>) -> Vec<FieldError> {
        let mut out = Vec::new();
        validate::root(object, &self.schema, &self.patterns, &mut out);
        if out.is_empty() {
            self.rules.check(object, old, &self.schema, &mut out);
        } else if !self.rules.is_empty() {
            let detail = "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";
            out.push(FieldError::invalid("<nil>", Value::Null, detail));
        }
        out
    }
}

/// What to warn of when a definition is written: the CEL rules that are not evaluated, with the reason.
pub(super) fn unsupported_rules(resource: &Resource, definition: &Value) -> Vec<String> {
    if resource.builtin_name() != STORAGE {
        return Vec::new();
    }
    let schemas = list(definition, &["spec", "versions"]).iter().map(|v| &v["schema"]);
    let mut out: Vec<String> = schemas.flat_map(|s| cel::Rules::of(s).unsupported().to_vec()).collect();
    out.sort();
    out.dedup();
    out
}

/// The resources that a definition serves.
pub(super) fn resources(definition: &Value) -> Vec<Arc<Resource>> {
    let versions = list(definition, &["spec", "versions"]);
    let storage = versions.iter().find(|v| v.get("storage") == Some(&Value::Bool(true)));
    let group = text(definition, &["spec", "group"]);
    let storage_version = crate::scheme::api_version(group, storage.map_or("v1", |v| text(v, &["name"])));
    let served = versions.iter().filter(|v| v.get("served") == Some(&Value::Bool(true)));
    let mut out: Vec<Arc<Resource>> =
        served.map(|v| Arc::new(resource(definition, v, group, storage_version.clone()))).collect();
    out.sort_by_key(|r| std::cmp::Reverse(version_order(&r.info.version)));
    out
}

/// Kubernetes' version priority: GA before beta before alpha, then higher numbers first.
pub(crate) fn version_order(version: &str) -> (u8, u64, u64, std::cmp::Reverse<String>) {
    let name = std::cmp::Reverse(version.to_owned());
    let parse = || -> Option<(u8, u64, u64)> {
        let rest = version.strip_prefix('v')?;
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let major = rest[..digits].parse().ok()?;
        let (stage, minor) = match &rest[digits..] {
            "" => (3, 0),
            s if s.starts_with("beta") => (2, s[4..].parse().ok()?),
            s if s.starts_with("alpha") => (1, s[5..].parse().ok()?),
            _ => return None,
        };
        Some((stage, major, minor))
    };
    let (stage, major, minor) = parse().unwrap_or((0, 0, 0));
    (stage, major, minor, name)
}

fn words(value: &Value, path: &[&str]) -> Vec<String> {
    list(value, path).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn resource(definition: &Value, version: &Value, group: &str, storage_version: String) -> Resource {
    let names = &definition["spec"]["names"];
    let custom = CustomVersion::new(version);
    let ty = structural::root_type(&custom.schema);
    let name = text(version, &["name"]);
    let kind = text(names, &["kind"]).to_owned();
    let mut subresources = Vec::new();
    let verbs = |list: &[&str]| list.iter().map(|v| (*v).to_owned()).collect();
    if custom.has_status {
        let kind = Gvk::new(group, name, &kind);
        subresources.push(SubresourceInfo {
            name: "status".to_owned(),
            kind,
            verbs: verbs(&["get", "patch", "update"]),
            ty: ty.clone(),
        });
    }
    if custom.scale.is_some() {
        let kind = Gvk::new("autoscaling", "v1", "Scale");
        subresources.push(SubresourceInfo {
            name: "scale".to_owned(),
            kind,
            verbs: verbs(&["get", "patch", "update"]),
            ty: Type::Any,
        });
    }
    let list_kind = text(names, &["listKind"]);
    let info = ResourceInfo {
        group: group.to_owned(),
        version: name.to_owned(),
        plural: text(names, &["plural"]).to_owned(),
        singular: text(names, &["singular"]).to_owned(),
        list_kind: if list_kind.is_empty() { format!("{kind}List") } else { list_kind.to_owned() },
        kind,
        namespaced: text(definition, &["spec", "scope"]) == "Namespaced",
        short_names: words(names, &["shortNames"]),
        categories: words(names, &["categories"]),
        verbs: verbs(&VERBS),
        subresources,
        ty,
        builtin: false,
    };
    Resource::custom(info, storage_version, custom)
}

/// True when a group belongs to the built-in API.
fn is_builtin_kind(group: &str, version: &str, kind: &str) -> bool {
    builtin_kind(&Gvk::new(group, version, kind)).is_some()
}
