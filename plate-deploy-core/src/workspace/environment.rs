//! Environments: the trait, and the ones that a repository shows without being asked.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use super::application::SourcedApplication;
use super::diagnostic::Location;
use crate::model::FieldPath;

/// Somewhere that components are deployed to. The built-in ones come from [`super::Workspace`]; another tool may bring
/// its own, such as a canary that is part of production.
pub trait Environment: Debug + Send + Sync {
    /// The name under which reports speak of it, e.g. `staging`.
    fn name(&self) -> &str;

    /// Every word that means this environment, the name included: `staging`, `stg`, `stage`.
    fn aliases(&self) -> Vec<&str>;

    /// The namespaces that its Applications deploy to.
    fn namespaces(&self) -> Vec<&str>;

    /// Whether deploying to it needs approval and leaves a backup behind.
    fn is_production(&self) -> bool;
}

/// An environment found in the repository or named in `plate-deploy.yaml`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiscoveredEnvironment {
    /// See [`Environment::name`].
    pub name: String,
    /// See [`Environment::aliases`]; without the name.
    pub aliases: BTreeSet<String>,
    /// See [`Environment::namespaces`].
    pub namespaces: BTreeSet<String>,
    /// See [`Environment::is_production`].
    pub production: bool,
}

impl Environment for DiscoveredEnvironment {
    fn name(&self) -> &str {
        &self.name
    }

    fn aliases(&self) -> Vec<&str> {
        std::iter::once(self.name.as_str()).chain(self.aliases.iter().map(String::as_str)).collect()
    }

    fn namespaces(&self) -> Vec<&str> {
        self.namespaces.iter().map(String::as_str).collect()
    }

    fn is_production(&self) -> bool {
        self.production
    }
}

/// Names and aliases that are understood without configuration; the flag says production.
const BUILT_IN: [(&str, &[&str], bool); 4] = [
    ("staging", &["stg", "stage"], false),
    ("production", &["prod", "prd"], true),
    ("development", &["dev", "develop"], false),
    ("qa", &[], false),
];

/// Labels that name the environment outright.
const LABELS: [&str; 3] = ["environment", "env", "app.kubernetes.io/environment"];

/// The words that mean an environment: built in, and from the configuration.
#[derive(Clone, Debug)]
pub(super) struct Vocabulary {
    known: Vec<DiscoveredEnvironment>,
}

/// Why an Application is taken for one of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The environment's name.
    pub environment: String,
    /// `the label environment: production`, `the name plate-web-prod` …
    pub reason: String,
    /// Where that stands.
    pub location: Location,
}

impl Vocabulary {
    /// The built-in words with `configured` added or put in their place.
    pub(super) fn new(configured: &[DiscoveredEnvironment]) -> Self {
        let mut known: Vec<_> = BUILT_IN
            .iter()
            .map(|(name, aliases, production)| DiscoveredEnvironment {
                name: (*name).into(),
                aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
                namespaces: BTreeSet::new(),
                production: *production,
            })
            .collect();
        for environment in configured {
            match known.iter_mut().find(|k| k.name == environment.name) {
                Some(known) => {
                    known.aliases.extend(environment.aliases.iter().cloned());
                    known.namespaces.extend(environment.namespaces.iter().cloned());
                    known.production = environment.production;
                }
                None => known.push(environment.clone()),
            }
        }
        Self { known }
    }

    /// The environment that `word` means.
    pub(super) fn find(&self, word: &str) -> Option<&DiscoveredEnvironment> {
        let word = word.to_ascii_lowercase();
        self.known.iter().find(|known| known.name == word || known.aliases.contains(&word))
    }

    /// The environment that a part of a name means: `plate-stg`, `values.prod.yaml`, `environments/stg/values.yaml`.
    pub(super) fn find_in(&self, text: &str) -> Option<&DiscoveredEnvironment> {
        text.split(['-', '_', '.', '/']).rev().find_map(|word| self.find(word))
    }

    /// `name` without the part that means an environment: `plate-server-stg` → `plate-server`.
    pub(super) fn strip(&self, name: &str) -> String {
        let parts: Vec<&str> = name.split('-').collect();
        let kept: Vec<&str> = parts.iter().copied().filter(|part| self.find(part).is_none()).collect();
        if kept.is_empty() || kept.len() == parts.len() { name.to_owned() } else { kept.join("-") }
    }

    /// Everything that tells the environment of an Application, the strongest first: label, name, value files,
    /// namespace, instance label.
    pub(super) fn evidence(&self, application: &SourcedApplication) -> Vec<Evidence> {
        let metadata = &application.object.metadata;
        let mut found = Vec::new();
        let mut add = |environment: Option<&DiscoveredEnvironment>, reason: String, path: FieldPath| {
            if let Some(environment) = environment {
                let location = application.location_of(&path);
                found.push(Evidence { environment: environment.name.clone(), reason, location });
            }
        };
        let labels = FieldPath::keys(["metadata", "labels"]);
        let mut label = |name: &str| {
            if let Some(value) = metadata.labels.get(name) {
                add(self.find(value), format!("the label {name}: {value}"), labels.key(name));
            }
        };
        LABELS.into_iter().for_each(&mut label);
        let name = &metadata.name;
        add(self.find_in(name), format!("the name {name}"), FieldPath::keys(["metadata", "name"]));
        for (path, file) in value_file_fields(application) {
            let file_name = file.rsplit('/').next().unwrap_or(&file);
            add(self.find_in(file_name), format!("the value file {file}"), path);
        }
        let namespace = &application.object.spec.destination.namespace;
        let by_namespace = self.known.iter().find(|known| known.namespaces.contains(namespace));
        add(
            by_namespace.or_else(|| self.find_in(namespace)),
            format!("the namespace {namespace}"),
            FieldPath::keys(["spec", "destination", "namespace"]),
        );
        let instance = "app.kubernetes.io/instance";
        if let Some(value) = metadata.labels.get(instance) {
            add(self.find(value), format!("the label {instance}: {value}"), labels.key(instance));
        }
        found
    }
}

/// Every `helm.valueFiles` entry of an Application with its place.
pub(super) fn value_file_fields(application: &SourcedApplication) -> Vec<(FieldPath, String)> {
    let mut fields = Vec::new();
    for (path, source) in application.sources() {
        let files = source.helm.iter().flat_map(|helm| &helm.value_files).enumerate();
        fields.extend(files.map(|(i, file)| (path.key("helm").key("valueFiles").index(i), file.clone())));
    }
    fields
}

/// The environments that have Applications or were configured, by name.
pub(super) fn collect(
    vocabulary: &Vocabulary,
    configured: &[DiscoveredEnvironment],
    assigned: &[(Option<String>, &SourcedApplication)],
) -> BTreeMap<String, DiscoveredEnvironment> {
    let mut environments = BTreeMap::new();
    for environment in configured {
        if let Some(known) = vocabulary.find(&environment.name) {
            environments.insert(known.name.clone(), known.clone());
        }
    }
    for (name, application) in assigned {
        let Some(known) = name.as_deref().and_then(|name| vocabulary.find(name)) else { continue };
        let environment = environments.entry(known.name.clone()).or_insert_with(|| known.clone());
        let namespace = &application.object.spec.destination.namespace;
        if !namespace.is_empty() {
            environment.namespaces.insert(namespace.clone());
        }
    }
    environments
}

#[cfg(test)]
mod tests {
    use super::{DiscoveredEnvironment, Vocabulary};

    #[test]
    fn words() {
        let canary = DiscoveredEnvironment { name: "canary".into(), ..Default::default() };
        let words = Vocabulary::new(&[canary]);
        let found = |text: &str| words.find_in(text).map(|e| e.name.as_str());
        assert_eq!(found("plate-web-stg"), Some("staging"));
        assert_eq!(found("values-production.yaml"), Some("production"));
        assert_eq!(found("environments/prod/values.yaml"), Some("production"));
        assert_eq!(found("devops-tools"), None);
        assert_eq!(found("shop-canary"), Some("canary"));
        assert_eq!(words.strip("plate-server-stg"), "plate-server");
        assert_eq!(words.strip("staging"), "staging");
        assert_eq!(words.strip("plate-cache"), "plate-cache");
    }
}
