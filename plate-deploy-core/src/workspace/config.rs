//! `plate-deploy.yaml`: what overrides discovery. One table (`ROOT`) says which keys there are; reading, the refusal
//! of unknown keys and the published JSON Schema all follow from it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::diagnostic::{Location, nearest};
use super::environment::DiscoveredEnvironment;
use crate::model::FieldPath;
use crate::report::Severity;
use crate::yaml::{Document, parse};

/// The file, at the root of the repository.
pub const CONFIG_FILE: &str = "plate-deploy.yaml";

/// `plate-deploy.yaml`, typed. Everything is optional.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WorkspaceConfig {
    /// The repository itself.
    pub repository: RepositoryConfig,
    /// Environments by name.
    pub environments: BTreeMap<String, EnvironmentConfig>,
    /// Applications by name.
    pub applications: BTreeMap<String, ApplicationConfig>,
    /// Libraries.
    pub libraries: LibrariesConfig,
    /// Lint.
    pub lint: LintConfig,
}

/// `repository`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RepositoryConfig {
    /// The URL under which Applications name this repository; default: the one that most of them name.
    pub url: String,
}

/// One of `environments`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EnvironmentConfig {
    /// Other words for it.
    pub aliases: BTreeSet<String>,
    /// Namespaces that belong to it.
    pub namespaces: BTreeSet<String>,
    /// Whether deploying needs approval and leaves a backup; default: only for `production`.
    pub production: Option<bool>,
}

/// One of `applications`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApplicationConfig {
    /// Its environment; `shared`: none.
    pub environment: Option<String>,
    /// The component it belongs to.
    pub component: Option<String>,
    /// Leave it alone.
    pub ignore: bool,
    /// Applications that must be Synced and Healthy before it is synced, besides those its annotation names.
    pub depends_on: Vec<String>,
}

/// `libraries`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LibrariesConfig {
    /// The layers in order; empty: found by the names of folders.
    pub layers: Vec<LayerConfig>,
    /// Namespaces by library.
    pub namespaces: BTreeMap<String, String>,
    /// Libraries that are left alone.
    pub ignore: Vec<String>,
}

/// One of `libraries.layers`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LayerConfig {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub path: String,
    /// Libraries that go first, in this order.
    pub order: Vec<String>,
}

/// `lint`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LintConfig {
    /// Rules that are not looked at.
    pub ignore: BTreeSet<String>,
    /// Severities by rule, instead of the rules' own.
    pub severity: BTreeMap<String, SeverityName>,
}

/// A severity as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SeverityName {
    /// Good to know.
    Info,
    /// Works, but likely not as meant.
    Warning,
    /// Will not deploy.
    Error,
}

impl From<SeverityName> for Severity {
    fn from(name: SeverityName) -> Self {
        match name {
            SeverityName::Info => Self::Info,
            SeverityName::Warning => Self::Warning,
            SeverityName::Error => Self::Error,
        }
    }
}

/// Why `plate-deploy.yaml` is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{location}: {message}")]
pub struct ConfigError {
    /// Where.
    pub location: Location,
    /// What is wrong and what to do.
    pub message: String,
}

/// What a key may hold.
enum Entry {
    Text,
    Bool,
    Texts,
    Choice(&'static [&'static str]),
    Version,
    Object(&'static [(&'static str, Entry, &'static str)]),
    Objects(&'static [(&'static str, Entry, &'static str)]),
    MapOf(&'static Entry),
}

static ROOT: Entry = Entry::Object(&[
    ("version", Entry::Version, "Version of this format: 1."),
    (
        "repository",
        Entry::Object(&[("url", Entry::Text, "URL under which Applications name this repository.")]),
        "The repository itself.",
    ),
    (
        "environments",
        Entry::MapOf(&ENVIRONMENT),
        "Environments by name; built in: staging, production, development, qa.",
    ),
    ("applications", Entry::MapOf(&APPLICATION), "Applications by name, where discovery is wrong about them."),
    (
        "libraries",
        Entry::Object(&[
            (
                "layers",
                Entry::Objects(&[
                    ("name", Entry::Text, "Name of the layer."),
                    ("path", Entry::Text, "Folder of the layer."),
                    ("order", Entry::Texts, "Libraries that go first, in this order."),
                ]),
                "The layers, in order, instead of the ones found by the names of folders.",
            ),
            ("namespaces", Entry::MapOf(&Entry::Text), "Namespaces by library."),
            ("ignore", Entry::Texts, "Libraries that are left alone."),
        ]),
        "What the cluster needs before the Applications.",
    ),
    (
        "lint",
        Entry::Object(&[
            ("ignore", Entry::Texts, "Rules that are not looked at."),
            ("severity", Entry::MapOf(&Entry::Choice(&["info", "warning", "error"])), "Severities by rule."),
        ]),
        "Lint.",
    ),
]);

static ENVIRONMENT: Entry = Entry::Object(&[
    ("aliases", Entry::Texts, "Other words for it."),
    ("namespaces", Entry::Texts, "Namespaces that belong to it."),
    ("production", Entry::Bool, "Deploying needs approval and leaves a backup."),
]);

static APPLICATION: Entry = Entry::Object(&[
    ("environment", Entry::Text, "Its environment; shared: none."),
    ("component", Entry::Text, "The component it belongs to."),
    ("ignore", Entry::Bool, "Leave it alone."),
    ("dependsOn", Entry::Texts, "Applications that must be Synced and Healthy before it is synced."),
]);

impl WorkspaceConfig {
    /// Reads the text of `plate-deploy.yaml`.
    ///
    /// # Errors
    /// [`ConfigError`] with file and line: broken YAML, a key that is not known (with the one that may be meant), a value
    /// of the wrong type.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let parsed = parse(text);
        let fail = |location: Location, message: String| ConfigError { location, message };
        if let Some(error) = parsed.error {
            return Err(fail(Location::new(CONFIG_FILE, error.mark), format!("broken YAML: {}", error.message)));
        }
        let documents: Vec<&Document> = parsed.documents.iter().filter(|d| !d.is_empty()).collect();
        let document = match documents.as_slice() {
            [] => return Ok(Self::default()),
            [one] => one,
            [_, second, ..] => {
                let location = Location::new(CONFIG_FILE, second.key_mark(&FieldPath::root()));
                return Err(fail(location, "only one document is expected".into()));
            }
        };
        let value = document.json().map_err(|e| fail(Location::new(CONFIG_FILE, e.mark), e.message))?;
        check(&ROOT, &value, &FieldPath::root(), document)?;
        serde_json::from_value(value).map_err(|error| fail(Location::start(CONFIG_FILE), error.to_string()))
    }

    /// The configured environments; `production` is one unless said otherwise.
    pub(super) fn environments(&self) -> Vec<DiscoveredEnvironment> {
        let environments = self.environments.iter().map(|(name, config)| DiscoveredEnvironment {
            name: name.to_ascii_lowercase(),
            aliases: config.aliases.iter().map(|alias| alias.to_ascii_lowercase()).collect(),
            namespaces: config.namespaces.clone(),
            production: config.production.unwrap_or(name == "production"),
        });
        environments.collect()
    }

    /// The JSON Schema (2020-12) of `plate-deploy.yaml`, published as docs/plate-deploy.schema.json.
    #[must_use]
    pub fn json_schema() -> Value {
        let mut schema = entry_schema(&ROOT);
        if let Some(map) = schema.as_object_mut() {
            map.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
            map.insert("title".into(), CONFIG_FILE.into());
        }
        schema
    }
}

fn check(entry: &Entry, value: &Value, path: &FieldPath, document: &Document) -> Result<(), ConfigError> {
    let fail = |path: &FieldPath, message: String| {
        Err(ConfigError { location: Location::new(CONFIG_FILE, document.key_mark(path)), message })
    };
    let wrong = |wanted: &str| {
        let place = if path.steps().is_empty() { "the file".to_owned() } else { path.to_string() };
        fail(path, format!("{place} must be {wanted}"))
    };
    match (entry, value) {
        (Entry::Text, Value::String(_)) | (Entry::Bool, Value::Bool(_)) => Ok(()),
        (Entry::Text, _) => wrong("text"),
        (Entry::Bool, _) => wrong("true or false"),
        (Entry::Version, value) => {
            if value == &json!(1) {
                Ok(())
            } else {
                wrong("1, the only version there is")
            }
        }
        (Entry::Choice(choices), Value::String(text)) if choices.contains(&text.as_str()) => Ok(()),
        (Entry::Choice(choices), _) => wrong(&format!("one of {}", choices.join(", "))),
        (Entry::Texts, Value::Array(items)) => {
            items.iter().enumerate().try_for_each(|(i, item)| check(&Entry::Text, item, &path.index(i), document))
        }
        (Entry::Texts, _) => wrong("a list of texts"),
        (Entry::Objects(keys), Value::Array(items)) => {
            items.iter().enumerate().try_for_each(|(i, item)| check_keys(keys, item, &path.index(i), document))
        }
        (Entry::Objects(_), _) => wrong("a list"),
        (Entry::Object(keys), value) => check_keys(keys, value, path, document),
        (Entry::MapOf(inner), Value::Object(map)) => {
            map.iter().try_for_each(|(key, value)| check(inner, value, &path.key(key), document))
        }
        (Entry::MapOf(_), _) => wrong("a mapping"),
    }
}

fn check_keys(
    keys: &'static [(&'static str, Entry, &'static str)],
    value: &Value,
    path: &FieldPath,
    document: &Document,
) -> Result<(), ConfigError> {
    let at = |path: &FieldPath| Location::new(CONFIG_FILE, document.key_mark(path));
    let Value::Object(map) = value else {
        let place = if path.steps().is_empty() { "the file".to_owned() } else { path.to_string() };
        return Err(ConfigError { location: at(path), message: format!("{place} must be a mapping") });
    };
    for (key, value) in map {
        let place = path.key(key);
        match keys.iter().find(|(name, ..)| name == key) {
            Some((_, entry, _)) => check(entry, value, &place, document)?,
            None => {
                let names = keys.iter().map(|(name, ..)| *name);
                let hint = match nearest(key, names.clone()) {
                    Some(name) => format!("did you mean {name}?"),
                    None => format!("known keys: {}", names.collect::<Vec<_>>().join(", ")),
                };
                return Err(ConfigError { location: at(&place), message: format!("unknown key {place}; {hint}") });
            }
        }
    }
    Ok(())
}

fn entry_schema(entry: &Entry) -> Value {
    match entry {
        Entry::Text => json!({"type": "string"}),
        Entry::Bool => json!({"type": "boolean"}),
        Entry::Texts => json!({"type": "array", "items": {"type": "string"}}),
        Entry::Choice(choices) => json!({"enum": choices}),
        Entry::Version => json!({"const": 1}),
        Entry::Object(keys) => keys_schema(keys),
        Entry::Objects(keys) => json!({"type": "array", "items": keys_schema(keys)}),
        Entry::MapOf(inner) => json!({"type": "object", "additionalProperties": entry_schema(inner)}),
    }
}

fn keys_schema(keys: &[(&str, Entry, &str)]) -> Value {
    let mut properties = Map::new();
    for (name, entry, description) in keys {
        let mut schema = entry_schema(entry);
        if let Some(map) = schema.as_object_mut() {
            map.insert("description".into(), (*description).into());
        }
        properties.insert((*name).into(), schema);
    }
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

#[cfg(test)]
mod tests {
    use super::WorkspaceConfig;

    #[test]
    fn reads_what_it_knows() {
        let text = "version: 1\nenvironments:\n  canary: {aliases: [cny], namespaces: [plate-canary]}\napplications:\n  x: {environment: shared}\nlint:\n  severity: {unknown-field: error}\n";
        let config = WorkspaceConfig::parse(text).unwrap();
        assert!(config.environments["canary"].aliases.contains("cny"));
        assert_eq!(config.applications["x"].environment.as_deref(), Some("shared"));
        assert!(WorkspaceConfig::parse("").unwrap().environments.is_empty());
    }

    #[test]
    fn refuses_the_rest_with_file_and_line() {
        let cases = [
            ("enviroments: {}\n", "plate-deploy.yaml:1:1: unknown key enviroments; did you mean environments?"),
            ("lint:\n  zzz: 1\n", "plate-deploy.yaml:2:3: unknown key lint.zzz; known keys: ignore, severity"),
            (
                "libraries:\n  layers:\n    - nam: x\n",
                "plate-deploy.yaml:3:7: unknown key libraries.layers[0].nam; did you mean name?",
            ),
            ("version: 2\n", "plate-deploy.yaml:1:1: version must be 1, the only version there is"),
            ("lint: {ignore: x}\n", "plate-deploy.yaml:1:8: lint.ignore must be a list of texts"),
            (
                "lint: {severity: {a: bad}}\n",
                "plate-deploy.yaml:1:19: lint.severity.a must be one of info, warning, error",
            ),
            ("- a\n", "plate-deploy.yaml:1:1: the file must be a mapping"),
            ("a: 1\n---\nb: 1\n", "plate-deploy.yaml:3:1: only one document is expected"),
        ];
        for (text, want) in cases {
            assert_eq!(WorkspaceConfig::parse(text).unwrap_err().to_string(), want);
        }
        assert!(WorkspaceConfig::parse("a: [").unwrap_err().to_string().contains("broken YAML"));
    }

    #[test]
    fn the_published_schema_is_this_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/plate-deploy.schema.json");
        let published: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        assert_eq!(published, WorkspaceConfig::json_schema(), "write the schema to {path}");
    }
}
