//! `Chart.yaml`: its fields, and what templates see of them as `.Chart`.

use crate::value::{List, ListKind, Map, MapKind, Value};

/// `Chart.yaml`, as Helm's `chart.Metadata`. A field that is not given is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    /// Name of the chart; under an alias, the alias.
    pub name: String,
    /// Project page.
    pub home: String,
    /// Source code addresses.
    pub sources: Vec<String>,
    /// SemVer version of the chart.
    pub version: String,
    /// One sentence.
    pub description: String,
    /// Keywords.
    pub keywords: Vec<String>,
    /// Maintainers.
    pub maintainers: Vec<Maintainer>,
    /// Icon address.
    pub icon: String,
    /// `v1` or `v2`; `v1` when not given.
    pub api_version: String,
    /// Condition (unused by Helm at this level).
    pub condition: String,
    /// Tags (unused by Helm at this level).
    pub tags: String,
    /// Version of the application, free text.
    pub app_version: String,
    /// Whether the chart is deprecated.
    pub deprecated: bool,
    /// Annotations, sorted by key; `None` when not given.
    pub annotations: Option<Vec<(String, String)>>,
    /// SemVer constraint on the Kubernetes version.
    pub kube_version: String,
    /// Declared dependencies.
    pub dependencies: Vec<Dependency>,
    /// `application`, `library` or empty.
    pub chart_type: String,
}

/// A maintainer of a chart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Maintainer {
    /// Name.
    pub name: String,
    /// Mail address.
    pub email: String,
    /// Address.
    pub url: String,
    /// Given as `null`: refused when the chart is validated.
    pub(super) is_null: bool,
}

/// A declared dependency.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dependency {
    /// Name of the chart it asks for.
    pub name: String,
    /// SemVer constraint; an exact version in a lock.
    pub version: String,
    /// Repository address: `https://…`, `oci://…`, `file://…`, `@alias` or empty (vendored).
    pub repository: String,
    /// Comma-separated value paths; the first that holds a bool decides.
    pub condition: String,
    /// Tags that switch it on or off together with others.
    pub tags: Vec<String>,
    /// Whether the current values enable it.
    pub enabled: bool,
    /// `import-values`: strings, or maps with `child` and `parent`.
    pub import_values: Vec<serde_json::Value>,
    /// Name to use instead.
    pub alias: String,
    /// Given as `null`: refused when the chart is validated.
    pub(super) is_null: bool,
}

/// `Chart.lock`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lock {
    /// When it was written, as written.
    pub generated: String,
    /// `sha256:…` of the dependencies it was made from.
    pub digest: String,
    /// The dependencies with exact versions.
    pub dependencies: Vec<Dependency>,
}

impl Metadata {
    /// What templates see as `.Chart`: a map by Go field name (Helm 4), with every field there, empty or not.
    #[must_use]
    pub fn to_map(&self, is_root: bool) -> Map {
        let maintainers = self.maintainers.iter().map(|m| {
            Value::from(
                [("Name", &m.name), ("Email", &m.email), ("URL", &m.url)]
                    .into_iter()
                    .map(|(k, v)| (k, Value::str(v.as_str())))
                    .collect::<Map>(),
            )
        });
        [
            ("Name", text(&self.name)),
            ("Home", text(&self.home)),
            ("Sources", texts(&self.sources)),
            ("Version", text(&self.version)),
            ("Description", text(&self.description)),
            ("Keywords", texts(&self.keywords)),
            ("Maintainers", Value::List(maintainers.collect())),
            ("Icon", text(&self.icon)),
            ("APIVersion", text(&self.api_version)),
            ("Condition", text(&self.condition)),
            ("Tags", text(&self.tags)),
            ("AppVersion", text(&self.app_version)),
            ("Deprecated", Value::Bool(self.deprecated)),
            ("Annotations", self.annotations_map()),
            ("KubeVersion", text(&self.kube_version)),
            ("Dependencies", Value::List(self.dependencies.iter().map(|d| Value::Map(d.to_map())).collect())),
            ("Type", text(&self.chart_type)),
            ("IsRoot", Value::Bool(is_root)),
        ]
        .into_iter()
        .collect()
    }

    fn annotations_map(&self) -> Value {
        let Some(annotations) = &self.annotations else { return Value::Map(Map::nil(MapKind::String)) };
        let entries = annotations.iter().map(|(k, v)| (k.as_str().into(), text(v)));
        Value::Map(Map::with_kind(entries.collect(), MapKind::String))
    }
}

impl Maintainer {
    /// Given as `null`.
    pub(crate) fn is_null(&self) -> bool {
        self.is_null
    }
}

impl Dependency {
    fn to_map(&self) -> Map {
        [
            ("Name", text(&self.name)),
            ("Version", text(&self.version)),
            ("Repository", text(&self.repository)),
            ("Condition", text(&self.condition)),
            ("Tags", texts(&self.tags)),
            ("Enabled", Value::Bool(self.enabled)),
            ("ImportValues", Value::List(self.import_values.iter().map(Value::from).collect())),
            ("Alias", text(&self.alias)),
        ]
        .into_iter()
        .collect()
    }
}

fn text(s: &str) -> Value {
    Value::str(s)
}

/// Helm copies string slices into `[]any`.
fn texts(items: &[String]) -> Value {
    Value::List(List::new(items.iter().map(|s| text(s)).collect(), ListKind::Any))
}
