//! OpenAPI documents: the schemas of what is served, for clients that check or explain objects.
//!
//! They are made from the same types that objects are read with. Descriptions are left out, and of the paths only
//! what clients look up: which kinds there are, and which parameters a patch takes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::registry::{Catalog, Resource};
use crate::scheme::{Field, ListKind, Scalar, StructRef, Type, api_version};

/// The two versions of the format.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// `/openapi/v2`: one document.
    V2,
    /// `/openapi/v3`: one document for each group and version.
    V3,
}

impl Version {
    fn prefix(self) -> &'static str {
        match self {
            Version::V2 => "#/definitions/",
            Version::V3 => "#/components/schemas/",
        }
    }
}

/// `api/v1`, `apis/apps/v1`.
fn root(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{}", api_version(group, version)) }
}

/// `/openapi/v3`.
pub(super) fn index(catalog: &Catalog) -> Value {
    let mut paths = Map::new();
    for r in catalog.all() {
        let root = root(&r.info.group, &r.info.version);
        let url = format!("/openapi/v3/{root}");
        paths.insert(root, json!({ "serverRelativeURL": url }));
    }
    json!({ "paths": paths })
}

/// `/openapi/v3/ROOT`; `None` when nothing is served there.
pub(super) fn document(catalog: &Catalog, wanted: &str) -> Option<Value> {
    let own: Vec<&Arc<Resource>> =
        catalog.all().iter().filter(|r| root(&r.info.group, &r.info.version) == wanted).collect();
    if own.is_empty() {
        return None;
    }
    let (schemas, paths) = describe(&own, Version::V3);
    let info = json!({"title": "Kubernetes", "version": "v1.37.2"});
    Some(json!({"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": schemas}}))
}

/// `/openapi/v2`.
pub(super) fn swagger(catalog: &Catalog) -> Value {
    let all: Vec<&Arc<Resource>> = catalog.all().iter().collect();
    let (schemas, paths) = describe(&all, Version::V2);
    let info = json!({"title": "Kubernetes", "version": "v1.37.2"});
    json!({"swagger": "2.0", "info": info, "paths": paths, "definitions": schemas})
}

fn describe(resources: &[&Arc<Resource>], version: Version) -> (BTreeMap<String, Value>, Map<String, Value>) {
    let mut schemas = BTreeMap::new();
    let mut paths = Map::new();
    for r in resources {
        let info = &r.info;
        let kind = json!([{"group": info.group, "version": info.version, "kind": info.kind}]);
        let name = match &info.ty {
            Type::Struct(StructRef::Builtin(name)) => {
                collect(name, version, &mut schemas);
                definition_name(name)
            }
            _ => {
                let reversed: Vec<&str> = info.group.rsplit('.').collect();
                let name = format!("{}.{}.{}", reversed.join("."), info.version, info.kind);
                schemas.insert(name.clone(), custom_schema(r));
                collect("meta/v1.ObjectMeta", version, &mut schemas);
                name
            }
        };
        if let Some(schema) = schemas.get_mut(&name) {
            schema["x-kubernetes-group-version-kind"] = kind.clone();
        }
        let mut path = format!("/{}", root(&info.group, &info.version));
        if info.namespaced {
            path.push_str("/namespaces/{namespace}");
        }
        path = format!("{path}/{}/{{name}}", info.plural);
        paths.insert(path, operations(&kind, version, &name));
    }
    (schemas, paths)
}

fn operations(kind: &Value, version: Version, name: &str) -> Value {
    let parameter = |name: &str| match version {
        Version::V2 => json!({"name": name, "in": "query", "type": "string", "uniqueItems": true}),
        Version::V3 => json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}}),
    };
    let reference = json!({"$ref": format!("{}{name}", version.prefix())});
    let body = match version {
        Version::V2 => json!({ "schema": reference }),
        Version::V3 => json!({"content": {"application/json": {"schema": reference}}}),
    };
    let mut ok = body;
    ok["description"] = "OK".into();
    let kind = kind.get(0).cloned().unwrap_or_default();
    let operation = |action: &str, parameters: &[&str]| {
        let parameters: Vec<Value> = parameters.iter().map(|p| parameter(p)).collect();
        json!({"x-kubernetes-action": action, "x-kubernetes-group-version-kind": kind, "parameters": parameters, "responses": {"200": ok}})
    };
    let write = ["dryRun", "fieldManager", "fieldValidation"];
    json!({"get": operation("get", &[]), "put": operation("put", &write),
        "patch": operation("patch", &["dryRun", "fieldManager", "fieldValidation", "force"]), "delete": operation("delete", &["dryRun"])})
}

/// The schema of a custom resource, as its definition has it.
fn custom_schema(resource: &Resource) -> Value {
    let mut schema = resource.custom.as_ref().map(|c| c.schema().clone()).unwrap_or_default();
    if !schema.is_object() {
        schema = json!({"type": "object"});
    }
    let fields = [
        ("apiVersion", json!({"type": "string"})),
        ("kind", json!({"type": "string"})),
        ("metadata", json!({"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"})),
    ];
    if !schema["properties"].is_object() {
        schema["properties"] = json!({});
    }
    for (name, field) in fields {
        schema["properties"][name] = field;
    }
    schema
}

/// The published name of a type of the table: `apps/v1.Deployment` is `io.k8s.api.apps.v1.Deployment`.
fn definition_name(name: &str) -> String {
    let package = name.split('/').next().unwrap_or(name);
    let prefix = match package {
        "meta" => "io.k8s.apimachinery.pkg.apis",
        "apiextensions" => "io.k8s.apiextensions-apiserver.pkg.apis",
        "apiregistration" => "io.k8s.kube-aggregator.pkg.apis",
        _ => "io.k8s.api",
    };
    format!("{prefix}.{}", name.replace('/', "."))
}

/// Adds the schema of a built-in type and of all types it refers to.
fn collect(name: &str, version: Version, out: &mut BTreeMap<String, Value>) {
    let mut queue = vec![name.to_owned()];
    while let Some(name) = queue.pop() {
        let published = definition_name(&name);
        if out.contains_key(&published) {
            continue;
        }
        let def = StructRef::Builtin(name.as_str().into()).resolve();
        let mut properties = Map::new();
        for field in &def.fields {
            properties.insert(field.name.clone(), field_schema(field, version, &mut queue));
        }
        let mut schema = json!({"type": "object", "properties": properties});
        let required: Vec<&str> = def.fields.iter().filter(|f| f.required).map(|f| f.name.as_str()).collect();
        if !required.is_empty() {
            schema["required"] = required.into();
        }
        if def.atomic {
            schema["x-kubernetes-map-type"] = "atomic".into();
        }
        out.insert(published, schema);
    }
}

fn field_schema(field: &Field, version: Version, queue: &mut Vec<String>) -> Value {
    let mut schema = type_schema(&field.ty, version, queue);
    if let Some(rule) = &field.patch {
        let flags = [(rule.merge, "merge"), (rule.retain_keys, "retainKeys"), (rule.replace, "replace")];
        let words: Vec<&str> = flags.iter().filter(|(on, _)| *on).map(|(_, w)| *w).collect();
        schema["x-kubernetes-patch-strategy"] = words.join(",").into();
        if !rule.key.is_empty() {
            schema["x-kubernetes-patch-merge-key"] = rule.key.as_str().into();
        }
    }
    if let Some(default) = &field.default {
        schema["default"] = default.clone();
    }
    schema
}

fn type_schema(ty: &Type, version: Version, queue: &mut Vec<String>) -> Value {
    match ty {
        Type::Any => json!({"x-kubernetes-preserve-unknown-fields": true}),
        Type::Scalar(s) => scalar_schema(s, version),
        Type::Struct(StructRef::Builtin(name)) => {
            queue.push(name.to_string());
            json!({"$ref": format!("{}{}", version.prefix(), definition_name(name))})
        }
        Type::Struct(StructRef::Custom(_)) => json!({"type": "object"}),
        Type::Map(m) => {
            let mut schema = json!({"type": "object", "additionalProperties": type_schema(&m.elem, version, queue)});
            if m.atomic {
                schema["x-kubernetes-map-type"] = "atomic".into();
            }
            schema
        }
        Type::List(l) => {
            let mut schema = json!({"type": "array", "items": type_schema(&l.elem, version, queue)});
            schema["x-kubernetes-list-type"] = match &l.kind {
                ListKind::Atomic => "atomic".into(),
                ListKind::Set => "set".into(),
                ListKind::Map(keys) => {
                    schema["x-kubernetes-list-map-keys"] = keys.clone().into();
                    "map".into()
                }
            };
            schema
        }
    }
}

fn scalar_schema(scalar: &Scalar, version: Version) -> Value {
    match scalar {
        Scalar::String(_) | Scalar::Duration => json!({"type": "string"}),
        Scalar::Bool => json!({"type": "boolean"}),
        Scalar::Int32 | Scalar::Uint32 => json!({"type": "integer", "format": "int32"}),
        Scalar::Int64 => json!({"type": "integer", "format": "int64"}),
        Scalar::Float => json!({"type": "number", "format": "double"}),
        Scalar::Time | Scalar::MicroTime => json!({"type": "string", "format": "date-time"}),
        Scalar::Bytes => json!({"type": "string", "format": "byte"}),
        Scalar::Untyped => json!({}),
        // A text, or a number.
        Scalar::Quantity if version == Version::V2 => json!({"type": "string"}),
        Scalar::Quantity => json!({"oneOf": [{"type": "string"}, {"type": "number"}]}),
        Scalar::IntOrString if version == Version::V2 => json!({"type": "string", "format": "int-or-string"}),
        Scalar::IntOrString => json!({"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_hold_every_type_they_refer_to() {
        let catalog = Catalog::new([]);
        let doc = document(&catalog, "apis/apps/v1").unwrap();
        let schemas = doc["components"]["schemas"].as_object().unwrap();
        let pod = &schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"];
        assert_eq!(
            (&pod["x-kubernetes-patch-merge-key"], &pod["x-kubernetes-list-map-keys"]),
            (&json!("name"), &json!(["name"]))
        );
        for text in doc.to_string().split("#/components/schemas/").skip(1) {
            let name = text.split('"').next().unwrap();
            assert!(schemas.contains_key(name), "{name}");
        }
        assert!(document(&catalog, "apis/nope/v1").is_none());
        assert!(index(&catalog)["paths"]["api/v1"].is_object());
        assert!(swagger(&catalog)["definitions"].as_object().unwrap().len() > 400);
    }
}
