//! Applications and projects found in the files of a repository, with the place of every field.

use std::sync::Arc;

use serde_json::Value;

use super::diagnostic::{Location, located, nearest};
use super::paths::{self, is_below, is_manifest};
use crate::files::RepoFiles;
use crate::model::project::AppProject;
use crate::model::{Application, ApplicationSource, ArgoKind, FieldPath, FieldStep};
use crate::report::{Diagnostic, Severity};
use crate::yaml::{Document, Parsed, parse};

/// An Argo CD object in a file.
#[derive(Clone, Debug)]
pub struct Sourced<T> {
    /// The object.
    pub object: T,
    /// The object as written, `status` and `operation` included.
    pub raw: Value,
    /// Path of its file.
    pub file: String,
    /// Which document of the file it is, from 0.
    pub document: usize,
    positions: Arc<Document>,
}

/// An Application in a file.
pub type SourcedApplication = Sourced<Application>;
/// An AppProject in a file.
pub type SourcedProject = Sourced<AppProject>;

impl<T> Sourced<T> {
    /// Where the object begins.
    #[must_use]
    pub fn location(&self) -> Location {
        self.location_of(&FieldPath::root())
    }

    /// Where a field stands; for one that is missing, the nearest field above it that is there.
    #[must_use]
    pub fn location_of(&self, path: &FieldPath) -> Location {
        Location::new(self.file.as_str(), self.positions.key_mark(path))
    }
}

impl SourcedApplication {
    /// The sources in effect with their paths: `sources` when there are any, else `source`.
    #[must_use]
    pub fn sources(&self) -> Vec<(FieldPath, &ApplicationSource)> {
        let spec = &self.object.spec;
        if spec.sources.is_empty() {
            spec.source.iter().map(|source| (FieldPath::keys(["spec", "source"]), source)).collect()
        } else {
            let path = FieldPath::keys(["spec", "sources"]);
            spec.sources.iter().enumerate().map(|(i, source)| (path.index(i), source)).collect()
        }
    }

    /// `metadata.name`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.object.metadata.name
    }
}

/// What was read out of the YAML files.
#[derive(Clone, Debug, Default)]
pub(super) struct Loaded {
    pub(super) applications: Vec<SourcedApplication>,
    pub(super) projects: Vec<SourcedProject>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// Reads every Application and AppProject outside charts. `apps_folders`: folders whose files are all meant to be
/// Applications, so that broken YAML there is an error even when nothing in it looks like one.
pub(super) fn load(files: &RepoFiles, charts: &[String], apps_folders: &[String]) -> Loaded {
    let mut loaded = Loaded::default();
    let candidates = files.paths().filter(|path| is_manifest(path));
    for path in candidates.filter(|path| !charts.iter().any(|chart| is_below(path, chart))) {
        let expected = apps_folders.iter().any(|folder| is_below(path, folder));
        match paths::text(files, path) {
            Ok(text) if expected || text.contains("argoproj.io/") => {
                load_file(path, &parse(text), expected, &mut loaded)
            }
            Ok(_) => {}
            Err(error) if expected => {
                let location = Location::start(path);
                loaded.diagnostics.push(located("unreadable-file", Severity::Error, location, error));
            }
            Err(_) => {}
        }
    }
    loaded
}

fn load_file(path: &str, parsed: &Parsed, expected: bool, loaded: &mut Loaded) {
    for (index, document) in parsed.documents.iter().enumerate() {
        match document.json() {
            Ok(value) => load_document(path, index, document, value, loaded),
            Err(error) => broken(path, &error, loaded),
        }
    }
    if let Some(error) = &parsed.error {
        // A template of some other tool may well mention Argo CD; only where Applications belong is it an error.
        let looks_right = expected || !loaded.applications.iter().all(|a| folder_of(&a.file) != folder_of(path));
        if looks_right || parsed.documents.iter().any(|document| !document.is_empty()) {
            broken(path, error, loaded);
        }
    }
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn broken(path: &str, error: &crate::yaml::YamlError, loaded: &mut Loaded) {
    let location = Location::new(path, error.mark);
    let message = format!("broken YAML: {}", error.message);
    loaded.diagnostics.push(
        located("invalid-yaml", Severity::Error, location, message).remedy("correct the file; the others were read"),
    );
}

fn load_document(path: &str, index: usize, document: &Document, value: Value, loaded: &mut Loaded) {
    let Some(kind) = ArgoKind::of(&value) else { return };
    let positions = Arc::new(document.clone());
    let at = |field: &FieldPath| Location::new(path, positions.key_mark(field));
    let name = value.pointer("/metadata/name").and_then(Value::as_str).unwrap_or("without a name").to_owned();
    let subject = format!("{} {name}", kind.name());
    loaded.diagnostics.extend(field_diagnostics(kind, &value, &subject, &at));
    let decoded = match kind {
        ArgoKind::Application => Application::from_json(&value).map(|mut object| {
            object.extra.retain(|field, _| !matches!(field.as_str(), "status" | "operation"));
            let (file, positions) = (path.to_owned(), Arc::clone(&positions));
            loaded.applications.push(Sourced { object, raw: value, file, document: index, positions });
        }),
        ArgoKind::AppProject => AppProject::from_json(&value).map(|object| {
            let (file, positions) = (path.to_owned(), Arc::clone(&positions));
            loaded.projects.push(Sourced { object, raw: value, file, document: index, positions });
        }),
    };
    if let Err(error) = decoded {
        let message = format!("{subject} cannot be read: {error}");
        loaded.diagnostics.push(
            located("invalid-application", Severity::Error, at(&error.path), message)
                .remedy("the object is left out until the field has the right type"),
        );
    }
}

fn field_diagnostics(
    kind: ArgoKind,
    value: &Value,
    subject: &str,
    at: &dyn Fn(&FieldPath) -> Location,
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for path in kind.unknown_fields(value) {
        found.push(
            located(
                "unknown-field",
                Severity::Warning,
                at(&path),
                format!("{subject}: {path} is no field of {}; the API server drops it without a word", kind.name()),
            )
            .remedy(unknown_field_remedy(kind, &path)),
        );
    }
    for field in ["status", "operation"] {
        if kind == ArgoKind::Application && value.get(field).is_some() {
            let message = format!("{subject}: {field} is not desired state; what Git says there is ignored");
            found.push(
                located("runtime-field", Severity::Warning, at(&FieldPath::keys([field])), message)
                    .remedy(format!("remove {field} from the file")),
            );
        }
    }
    found
}

/// A near known name, or the place in `syncPolicy` where a stray option belongs.
fn unknown_field_remedy(kind: ArgoKind, path: &FieldPath) -> String {
    let name = path.last_key();
    let parent = path.steps().split_last().map_or(&[][..], |(_, parent)| parent);
    let parent = parent.iter().fold(FieldPath::root(), |at, step| match step {
        FieldStep::Key(key) => at.key(key),
        FieldStep::Index(index) => at.index(*index),
    });
    if let Some(known) = nearest(name, kind.known_fields(&parent)) {
        return format!("did you mean {known}?");
    }
    let elsewhere = ["spec", "spec.syncPolicy", "spec.source", "spec.source.helm", "spec.destination"];
    let home = elsewhere.into_iter().find(|place| {
        kind.known_fields(&FieldPath::keys(place.split('.'))).contains(&name) && *place != parent.to_string()
    });
    home.map_or_else(|| "remove it".into(), |place| format!("move it to {place}.{name} or remove it"))
}
