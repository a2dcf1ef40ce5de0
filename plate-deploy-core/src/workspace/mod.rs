//! The workspace: what a revision of a GitOps repository says there is to deploy, found without configuration.
//!
//! [`Workspace::discover`] reads a snapshot ([`RepoFiles`]) and returns environments, components, Applications with the
//! place of every field, the libraries in layers and the app-of-apps trees. `plate-deploy.yaml` overrides what was found
//! ([`config`]). Nothing here does IO, and nothing in a hostile repository ends the reading of the rest.

mod application;
mod chart;
mod component;
pub mod config;
mod deployment;
mod diagnostic;
mod environment;
mod image;
mod library;
pub(crate) mod paths;
mod tree;

use std::collections::BTreeMap;

pub use application::{Sourced, SourcedApplication, SourcedProject};
pub use chart::{Chart, ChartDependency};
pub use component::{Component, DiscoveredComponent, ImageEditError, ImageRequest};
pub use config::{CONFIG_FILE, ConfigError, WorkspaceConfig};
pub use deployment::{Deployment, ValueFile};
pub use diagnostic::{Location, nearest};
pub(crate) use diagnostic::{located, place_of};
pub use environment::{DiscoveredEnvironment, Environment, Evidence};
pub use image::{ImageName, ImagePart, ImageReference, Place, ValueEdit};
pub use library::{Library, LibraryLayer, LibrarySource};
pub use tree::AppOfApps;

use crate::files::{FileError, RepoFiles};
use crate::model::annotations::DEPENDS_ON;
use crate::report::{Diagnostic, Severity};
use environment::Vocabulary;

/// The name that stands for "belongs to no environment" in `plate-deploy.yaml`.
const SHARED: &str = "shared";

/// What a revision of a repository says there is to deploy.
#[derive(Clone, Debug, Default)]
pub struct Workspace {
    /// The revision that was read; may be empty.
    pub revision: String,
    /// The URL under which the Applications name this repository; `""` when there are none.
    pub repo_url: String,
    /// `plate-deploy.yaml`, or its defaults.
    pub config: WorkspaceConfig,
    /// The environments, by name.
    pub environments: Vec<DiscoveredEnvironment>,
    /// The components, by name. App-of-apps are none.
    pub components: Vec<DiscoveredComponent>,
    /// Every Application, by name, app-of-apps included.
    pub applications: Vec<WorkspaceApplication>,
    /// Every AppProject, by file.
    pub projects: Vec<SourcedProject>,
    /// What the cluster needs first, in layers.
    pub libraries: Vec<LibraryLayer>,
    /// The app-of-apps, by name.
    pub trees: Vec<AppOfApps>,
    /// The charts, by folder.
    pub charts: Vec<Chart>,
    /// What was found wrong while reading.
    pub diagnostics: Vec<Diagnostic>,
}

/// An Application and what discovery makes of it.
#[derive(Clone, Debug)]
pub struct WorkspaceApplication {
    /// The Application, its file and the places of its fields.
    pub source: SourcedApplication,
    /// Its environment; `None`: shared by all.
    pub environment: Option<String>,
    /// Why, the strongest reason first; empty when it is configured or shared.
    pub evidence: Vec<Evidence>,
    /// Its component; `None` for app-of-apps and ignored ones.
    pub component: Option<String>,
}

impl WorkspaceApplication {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.source.name()
    }
}

impl Workspace {
    /// Reads the files of `revision` (a commit id, or `""`).
    ///
    /// # Errors
    /// [`ConfigError`] when `plate-deploy.yaml` is refused; everything else that is wrong becomes a diagnostic.
    pub fn discover(files: &RepoFiles, revision: &str) -> Result<Self, ConfigError> {
        let config = match files.read(CONFIG_FILE) {
            Err(FileError::NotFound { .. }) => WorkspaceConfig::default(),
            _ => WorkspaceConfig::parse(
                paths::text(files, CONFIG_FILE)
                    .map_err(|message| ConfigError { location: Location::start(CONFIG_FILE), message })?,
            )?,
        };
        let folders = chart::chart_folders(files);
        let loaded = load_all(files, &folders);
        let mut workspace = Self {
            revision: revision.to_owned(),
            repo_url: home_url(&config, &loaded.applications),
            libraries: library::discover(files, &config.libraries),
            charts: folders.iter().map(|folder| chart::read_chart(files, folder)).collect(),
            projects: loaded.projects,
            diagnostics: loaded.diagnostics,
            config,
            ..Self::default()
        };
        workspace.take_applications(files, loaded.applications);
        workspace.diagnostics.sort_by(|a, b| place_of(a).cmp(&place_of(b)));
        Ok(workspace)
    }

    /// The environment that a word means: its name or an alias.
    #[must_use]
    pub fn environment(&self, word: &str) -> Option<&DiscoveredEnvironment> {
        let word = word.to_ascii_lowercase();
        self.environments.iter().find(|e| e.name == word || e.aliases.contains(&word))
    }

    /// The component of this name, or the only one with this alias.
    #[must_use]
    pub fn component(&self, word: &str) -> Option<&DiscoveredComponent> {
        self.components.iter().find(|component| component.name == word).or_else(|| {
            let mut fitting = self.components.iter().filter(|component| component.aliases.contains(word));
            fitting.next().filter(|_| fitting.next().is_none())
        })
    }

    /// The Application of this name; the first one when there are several (see the rule `duplicate-application`).
    #[must_use]
    pub fn application(&self, name: &str) -> Option<&WorkspaceApplication> {
        self.applications.iter().find(|application| application.name() == name)
    }

    /// The app-of-apps that nothing brings.
    pub fn roots(&self) -> impl Iterator<Item = &AppOfApps> {
        self.trees.iter().filter(|tree| tree.is_root)
    }

    fn take_applications(&mut self, files: &RepoFiles, mut applications: Vec<SourcedApplication>) {
        applications.sort_by(|a, b| a.name().cmp(b.name()).then_with(|| a.file.cmp(&b.file)));
        let (trees, circles) = tree::discover(files, &self.repo_url, &applications);
        for (name, sentence) in circles {
            if let Some(application) = applications.iter().find(|application| application.name() == name) {
                let finding = located("application-cycle", Severity::Error, application.location(), sentence);
                self.diagnostics.push(finding.remedy("narrow the folder or the include of the app-of-apps"));
            }
        }
        let configured = self.config.environments();
        let vocabulary = Vocabulary::new(&configured);
        for source in applications {
            let application = self.assign(&vocabulary, source, &trees);
            if let Some(component) = application.component.clone() {
                self.add_deployment(files, &component, &application);
            }
            self.applications.push(application);
        }
        let assigned: Vec<_> = self.applications.iter().map(|a| (a.environment.clone(), &a.source)).collect();
        self.environments = environment::collect(&vocabulary, &configured, &assigned).into_values().collect();
        self.components.sort_by(|a, b| a.name.cmp(&b.name));
        self.trees = trees;
    }

    fn assign(
        &self,
        vocabulary: &Vocabulary,
        mut source: SourcedApplication,
        trees: &[AppOfApps],
    ) -> WorkspaceApplication {
        let configured = self.config.applications.get(source.name()).cloned().unwrap_or_default();
        if !configured.depends_on.is_empty() {
            let needs = source.object.metadata.annotations.entry(DEPENDS_ON.into()).or_default();
            let known = std::mem::take(needs);
            let all = known.split(',').chain(configured.depends_on.iter().map(String::as_str));
            *needs = all.map(str::trim).filter(|name| !name.is_empty()).collect::<Vec<_>>().join(",");
        }
        let is_tree = trees.iter().any(|tree| tree.name == source.name());
        let evidence = if is_tree { Vec::new() } else { vocabulary.evidence(&source) };
        let environment = match configured.environment {
            Some(word) if word == SHARED => None,
            Some(word) => Some(vocabulary.find(&word).map_or(word, |environment| environment.name.clone())),
            None => evidence.first().map(|evidence| evidence.environment.clone()),
        };
        let component = (!is_tree && !configured.ignore)
            .then(|| configured.component.unwrap_or_else(|| vocabulary.strip(source.name())));
        WorkspaceApplication { source, environment, evidence, component }
    }

    fn add_deployment(&mut self, files: &RepoFiles, name: &str, application: &WorkspaceApplication) {
        let deployment = deployment::read(files, &self.repo_url, &application.source, application.environment.clone());
        let index = self.components.iter().position(|component| component.name == name).unwrap_or_else(|| {
            self.components.push(DiscoveredComponent { name: name.to_owned(), ..DiscoveredComponent::default() });
            self.components.len() - 1
        });
        let chart = self.charts.iter().find(|chart| deployment.folder.as_ref() == Some(&chart.folder));
        if let Some(component) = self.components.get_mut(index) {
            let folder_name = deployment.folder.as_deref().and_then(|folder| folder.rsplit('/').next());
            let aliases = chart.map(|chart| chart.name.as_str()).into_iter().chain(folder_name);
            component.aliases.extend(aliases.filter(|alias| !alias.is_empty() && *alias != name).map(str::to_owned));
            component.deployments.push(deployment);
        }
    }
}

/// Loads twice when there are app-of-apps: once to learn their folders, once to be strict about the files in them.
fn load_all(files: &RepoFiles, charts: &[String]) -> application::Loaded {
    let first = application::load(files, charts, &[]);
    let home = home_url(&WorkspaceConfig::default(), &first.applications);
    let (trees, _) = tree::discover(files, &home, &first.applications);
    let parents = first.applications.iter().filter(|a| trees.iter().any(|tree| tree.name == a.name()));
    let sources = parents.flat_map(SourcedApplication::sources);
    let folders: Vec<String> = sources.filter_map(|(_, source)| paths::folder(files, &source.path)).collect();
    if folders.is_empty() { first } else { application::load(files, charts, &folders) }
}

/// The configured URL, else the one that most Applications name.
fn home_url(config: &WorkspaceConfig, applications: &[SourcedApplication]) -> String {
    if !config.repository.url.is_empty() {
        return config.repository.url.clone();
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, source) in applications.iter().flat_map(SourcedApplication::sources).filter(|(_, s)| s.chart.is_empty()) {
        *counts.entry(source.repo_url.as_str()).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(url, _)| url.to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
