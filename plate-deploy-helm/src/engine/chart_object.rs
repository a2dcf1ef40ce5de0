//! `.Chart` of Helm 3: a Go struct, where a missing field is an error and JSON has the names of `Chart.yaml`.

use std::any::Any;

use crate::chart::Metadata;
use crate::value::{Map, Object, Value, print};

/// Helm 3's `struct { chart.Metadata; IsRoot bool }`.
pub(super) struct ChartObject {
    fields: Map,
}

/// Go field, JSON name.
const FIELDS: [(&str, &str); 18] = [
    ("Name", "name"),
    ("Home", "home"),
    ("Sources", "sources"),
    ("Version", "version"),
    ("Description", "description"),
    ("Keywords", "keywords"),
    ("Maintainers", "maintainers"),
    ("Icon", "icon"),
    ("APIVersion", "apiVersion"),
    ("Condition", "condition"),
    ("Tags", "tags"),
    ("AppVersion", "appVersion"),
    ("Deprecated", "deprecated"),
    ("Annotations", "annotations"),
    ("KubeVersion", "kubeVersion"),
    ("Dependencies", "dependencies"),
    ("Type", "type"),
    ("IsRoot", "IsRoot"),
];

impl ChartObject {
    pub(super) fn new(metadata: &Metadata, is_root: bool) -> Self {
        Self { fields: metadata.to_map(is_root) }
    }
}

impl Object for ChartObject {
    fn type_name(&self) -> &str {
        "struct { chart.Metadata; IsRoot bool }"
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.fields.get(name)
    }

    fn print(&self) -> String {
        let value = |name: &str| print::to_string(&self.fields.get(name).unwrap_or_default());
        let (last, metadata) = (value("IsRoot"), FIELDS.iter().take(FIELDS.len() - 1));
        let metadata: Vec<String> = metadata.map(|(field, _)| value(field)).collect();
        format!("{{{{{}}} {last}}}", metadata.join(" "))
    }

    fn to_json(&self) -> Option<Value> {
        Some(json_of(&self.fields, &FIELDS).into())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The fields under their JSON names, without empty ones (`IsRoot` has no `omitempty`).
fn json_of(fields: &Map, names: &[(&str, &str)]) -> Map {
    names
        .iter()
        .filter_map(|(field, json)| {
            let value = fields.get(field)?;
            (value.truth() || *field == "IsRoot").then(|| (*json, lower(field, value)))
        })
        .collect()
}

/// Maintainers and dependencies are structs of their own.
fn lower(field: &str, value: Value) -> Value {
    const MAINTAINER: [(&str, &str); 3] = [("Name", "name"), ("Email", "email"), ("URL", "url")];
    const DEPENDENCY: [(&str, &str); 8] = [
        ("Name", "name"),
        ("Version", "version"),
        ("Repository", "repository"),
        ("Condition", "condition"),
        ("Tags", "tags"),
        ("Enabled", "enabled"),
        ("ImportValues", "import-values"),
        ("Alias", "alias"),
    ];
    let names: &[(&str, &str)] = match field {
        "Maintainers" => &MAINTAINER,
        "Dependencies" => &DEPENDENCY,
        _ => return value,
    };
    let items = value.as_list().map(|list| {
        let item = |item: &Value| item.as_map().map_or_else(|| item.clone(), |map| json_of(&map, names).into());
        Value::list(list.items().iter().map(item).collect())
    });
    items.unwrap_or(value)
}
