//! One Application of a component: its chart, its value files and the images they name.

use std::collections::BTreeMap;

use super::application::SourcedApplication;
use super::diagnostic::Location;
use super::image::{Found, ImagePart, ImageReference, Place, parent, parse_dotted, part_of, scan};
use super::paths;
use crate::files::RepoFiles;
use crate::model::application::HelmSource;
use crate::model::{FieldPath, Glob, same_repo};
use crate::yaml::parse;

/// A value file that an Application names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueFile {
    /// As written, e.g. `values-stg.yaml`.
    pub written: String,
    /// From the root of the repository; `None` for one that is elsewhere (a URL, a `$ref` to another repository) or
    /// leads out of the repository.
    pub path: Option<String>,
    /// Whether it exists.
    pub exists: bool,
    /// Where it is named.
    pub location: Location,
}

/// One Application of a component.
#[derive(Clone, Debug, Default)]
pub struct Deployment {
    /// Name of the Application.
    pub application: String,
    /// The environment; `None`: shared by all.
    pub environment: Option<String>,
    /// Namespace it deploys to; may be empty.
    pub namespace: String,
    /// The chart's folder (or the folder of plain manifests), when it is in this repository.
    pub folder: Option<String>,
    /// Whether the folder holds a chart.
    pub is_chart: bool,
    /// The value files it names, the weakest first; the chart's own `values.yaml` comes before all of them.
    pub value_files: Vec<ValueFile>,
    /// The chart's own `values.yaml`, when there is one.
    pub default_values: Option<String>,
    /// The images that hold in the end.
    pub images: Vec<ImageReference>,
}

impl Deployment {
    /// The environment for messages.
    #[must_use]
    pub fn environment_name(&self) -> String {
        self.environment.clone().unwrap_or_else(|| "all environments".into())
    }

    /// Every value file that counts and exists, the weakest first.
    pub fn existing_value_files(&self) -> impl Iterator<Item = &str> {
        let named = self.value_files.iter().filter(|file| file.exists).filter_map(|file| file.path.as_deref());
        let defaults = self.default_values.as_deref();
        let named: Vec<&str> = named.collect();
        defaults.into_iter().filter(|d| !named.contains(d)).collect::<Vec<_>>().into_iter().chain(named)
    }
}

/// Reads what one Application deploys. `home` is the URL of this repository.
pub(super) fn read(
    files: &RepoFiles,
    home: &str,
    application: &SourcedApplication,
    environment: Option<String>,
) -> Deployment {
    let spec = &application.object.spec;
    let mut deployment = Deployment {
        application: application.name().to_owned(),
        environment,
        namespace: spec.destination.namespace.clone(),
        ..Deployment::default()
    };
    let mut parts = Parts::default();
    for (path, source) in application.sources() {
        let local = same_repo(&source.repo_url, home) && source.chart.is_empty() && !source.is_ref();
        let Some(folder) = local.then(|| paths::folder(files, &source.path)).flatten() else { continue };
        deployment.is_chart |= files.is_file(&paths::join(&folder, "Chart.yaml"));
        if deployment.is_chart {
            let defaults = paths::join(&folder, "values.yaml");
            if files.is_file(&defaults) {
                parts.add_file(files, &defaults);
                deployment.default_values = Some(defaults);
            }
        }
        let helm = source.helm.clone().unwrap_or_default();
        let named = value_files(files, home, application, &path, &folder, &helm);
        for file in named.iter().filter(|file| file.exists) {
            if let Some(path) = &file.path {
                parts.add_file(files, path);
            }
        }
        deployment.value_files.extend(named);
        parts.add_inline(application, &path.key("helm"), &helm);
        deployment.folder.get_or_insert(folder);
    }
    deployment.images = parts.images();
    deployment
}

fn value_files(
    files: &RepoFiles,
    home: &str,
    application: &SourcedApplication,
    source: &FieldPath,
    folder: &str,
    helm: &HelmSource,
) -> Vec<ValueFile> {
    let at = source.key("helm").key("valueFiles");
    let explicit: Vec<Option<String>> =
        helm.value_files.iter().map(|written| resolve(files, home, application, folder, written)).collect();
    let mut found = Vec::new();
    for (i, (written, path)) in helm.value_files.iter().zip(&explicit).enumerate() {
        let location = application.location_of(&at.index(i));
        let one = |path: Option<String>, exists: bool| ValueFile {
            written: written.clone(),
            path,
            exists,
            location: location.clone(),
        };
        match path {
            Some(pattern) if written.contains(['*', '?', '[', '{']) => {
                // A file that is also named outright counts where it is named.
                let matches = expand(files, pattern).into_iter().filter(|m| !explicit.contains(&Some(m.clone())));
                let matches: Vec<ValueFile> = matches.map(|m| one(Some(m), true)).collect();
                if matches.is_empty() {
                    found.push(one(Some(pattern.clone()), false));
                }
                found.extend(matches);
            }
            path => {
                let exists = path.as_deref().is_some_and(|path| files.is_file(path));
                found.push(one(path.clone(), exists));
            }
        }
    }
    found
}

/// The path in this repository that a value file means.
fn resolve(
    files: &RepoFiles,
    home: &str,
    application: &SourcedApplication,
    folder: &str,
    written: &str,
) -> Option<String> {
    if written.contains("://") {
        return None;
    }
    if let Some(rest) = written.strip_prefix('$') {
        let (name, rest) = rest.split_once('/')?;
        let sources = application.sources();
        return match sources.iter().find(|(_, source)| source.reference == name) {
            Some((_, source)) => same_repo(&source.repo_url, home).then(|| files.resolve(rest).ok()).flatten(),
            // Argo CD takes an unknown reference for a local path.
            None => files.resolve(&paths::join(folder, written)).ok(),
        };
    }
    match written.strip_prefix('/') {
        Some(rest) => files.resolve(rest).ok(),
        None => files.resolve(&paths::join(folder, written)).ok(),
    }
}

fn expand(files: &RepoFiles, pattern: &str) -> Vec<String> {
    match Glob::new(pattern, &['/']) {
        Ok(glob) => files.paths().filter(|path| glob.matches(path)).map(str::to_owned).collect(),
        Err(_) => Vec::new(),
    }
}

/// The parts of images from all values, the strongest last.
#[derive(Default)]
struct Parts(BTreeMap<FieldPath, BTreeMap<ImagePart, Place>>);

impl Parts {
    fn add_file(&mut self, files: &RepoFiles, file: &str) {
        let Ok(text) = paths::text(files, file) else { return };
        // A broken value file is lint's to report.
        let parsed = parse(text);
        let Some(document) = parsed.documents.first() else { return };
        let Ok(values) = document.json() else { return };
        for found in scan(&values) {
            let mark = document.mark(&found.path).unwrap_or_else(|| document.key_mark(&found.path));
            let location = Location::new(file, mark);
            self.add(&found, file, 0, found.path.clone(), location);
        }
    }

    /// `valuesObject` and `parameters`; `values` is text in a text, which no edit reaches.
    fn add_inline(&mut self, application: &SourcedApplication, helm_path: &FieldPath, helm: &HelmSource) {
        let base = helm_path.key("valuesObject");
        for found in helm.values_object.iter().flat_map(scan) {
            let path = found.path.steps().iter().fold(base.clone(), |at, step| match step {
                crate::model::FieldStep::Key(key) => at.key(key),
                crate::model::FieldStep::Index(index) => at.index(*index),
            });
            let location = application.location_of(&path);
            self.add(&found, &application.file, application.document, path, location);
        }
        for (i, parameter) in helm.parameters.iter().enumerate() {
            let path = helm_path.key("parameters").index(i).key("value");
            let target = parse_dotted(&parameter.name);
            let image = parent(&target);
            let part = match part_of(target.last_key()) {
                // Other `name`s and `tag`s are none of ours: only images that the values know.
                Some(part) if self.0.contains_key(&image) => part,
                _ if self.0.contains_key(&target) => ImagePart::Whole,
                _ => continue,
            };
            let image = if part == ImagePart::Whole { target.clone() } else { image };
            let found = Found { image, part, path: target, value: parameter.value.clone() };
            let location = application.location_of(&path);
            self.add(&found, &application.file, application.document, path, location);
        }
    }

    fn add(&mut self, found: &Found, file: &str, document: usize, path: FieldPath, location: Location) {
        let place = Place { file: file.to_owned(), path, document, location, value: found.value.clone() };
        let parts = self.0.entry(found.image.clone()).or_default();
        if found.part == ImagePart::Whole {
            parts.clear();
        } else {
            parts.remove(&ImagePart::Whole);
        }
        parts.insert(found.part, place);
    }

    fn images(self) -> Vec<ImageReference> {
        let references = self.0.into_iter().map(|(path, parts)| ImageReference { path, parts });
        references.filter(|reference| !reference.name().repository.is_empty()).collect()
    }
}
