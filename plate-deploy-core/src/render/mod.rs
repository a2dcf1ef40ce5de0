//! From an Application to its target manifests: Argo CD's repo-server, without processes and without a disk.
//!
//! A render is pure: it reads [`RepoFiles`], the Application's source and the cluster's capabilities, and gives
//! manifests with tracking, the files that were read, and warnings. Helm charts render natively; kustomize, jsonnet and
//! plugins are refused by name.

mod cache;
mod chart;
mod directory;
mod documents;
mod env;
mod error;
mod file_glob;
mod helm;
mod inputs;
mod overrides;
mod unused;
mod value_files;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use plate_deploy_helm::engine::Deterministic;
use plate_deploy_helm::engine::Engine;
use sha2::{Digest, Sha256};

pub use cache::{CachedRenderer, RenderCounts};
pub use error::RenderError;
pub use inputs::Inputs;

use crate::files::{FileError, RepoFiles};
use crate::model::Manifest;
use crate::model::application::{ApplicationSource, SourceType};
use crate::report::Diagnostic;
use crate::tracking::Tracker;

/// A repository at a revision.
#[derive(Clone, Debug)]
pub struct Repository {
    /// Its URL, as the Application names it.
    pub url: String,
    /// Its files.
    pub files: RepoFiles,
    /// The commit, as a full id.
    pub revision: String,
}

/// Everything a render depends on.
#[derive(Clone, Debug, Default)]
pub struct RenderRequest {
    /// The Application's instance name (`name`, or `namespace_name` outside of Argo CD's own namespace).
    pub app_name: String,
    /// Its AppProject.
    pub project: String,
    /// Namespace of its destination.
    pub namespace: String,
    /// Its sources in order, each with its repository. A source that is only referred to is among them.
    pub sources: Vec<(ApplicationSource, Repository)>,
    /// Kubernetes version to render for, e.g. `v1.37.2`; `""`: the one that Helm assumes.
    pub kube_version: String,
    /// API versions to render for on top of those that Helm knows, e.g. `example.com/v1`, `example.com/v1/Widget`.
    pub api_versions: Vec<String>,
    /// How objects are marked.
    pub tracker: Tracker,
    /// Makes renders repeatable; `None`: the random functions of charts give something else each time, as in Argo CD.
    pub seed: Option<RenderSeed>,
}

/// What the random functions and the clock of charts are made from, so that the same chart renders the same twice.
///
/// Passwords and keys come from it: it is a secret, and `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct RenderSeed {
    /// The secret.
    pub key: [u8; 32],
    /// What `now` gives.
    pub now: Timestamp,
}

impl RenderSeed {
    /// The settings of one Application's renders: no two Applications share their random values.
    fn of(&self, app_name: &str) -> Deterministic {
        let seed = Sha256::new().chain_update(self.key).chain_update(app_name).finalize();
        Deterministic { now: self.now, seed: seed.into() }
    }
}

impl std::fmt::Debug for RenderSeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RenderSeed").field("now", &self.now).finish_non_exhaustive()
    }
}

/// What a render gives.
#[derive(Clone, Debug, Default)]
pub struct Rendered {
    /// The manifests, in Argo CD's order.
    pub manifests: Vec<Manifest>,
    /// Type of each rendered source, in order.
    pub source_types: Vec<SourceType>,
    /// The files that were read, by repository URL: what a commit must touch to change this render.
    pub files_read: BTreeMap<String, BTreeSet<String>>,
    /// What to know about it.
    pub warnings: Vec<Diagnostic>,
}

/// Renders Applications. The built-in one is [`NativeRenderer`].
#[async_trait]
pub trait Renderer: Debug + Send + Sync {
    /// Renders one Application.
    async fn render(&self, request: RenderRequest) -> Result<Rendered, RenderError>;
}

/// Renders in process: Helm charts and plain directories. Cloning shares its caches of charts and templates.
#[derive(Clone, Debug, Default)]
pub struct NativeRenderer {
    caches: Arc<Caches>,
}

#[derive(Debug, Default)]
struct Caches {
    engine: Engine,
    charts: chart::ChartCache,
}

#[async_trait]
impl Renderer for NativeRenderer {
    async fn render(&self, request: RenderRequest) -> Result<Rendered, RenderError> {
        // Rendering is pure computation; it must not hold up the runtime's threads.
        let renderer = self.clone();
        let work = tokio::task::spawn_blocking(move || renderer.render_blocking(&request));
        work.await.map_err(|e| RenderError::Internal(e.to_string()))?
    }
}

impl NativeRenderer {
    /// Renders one Application, on this thread.
    ///
    /// ```
    /// use plate_deploy_core::files::RepoFiles;
    /// use plate_deploy_core::model::application::ApplicationSource;
    /// use plate_deploy_core::render::{NativeRenderer, RenderRequest, Repository};
    ///
    /// let files = RepoFiles::from_texts([("app/cm.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n")]);
    /// let repository = Repository { url: "https://git.example.com/r".into(), files, revision: "0123".into() };
    /// let source = ApplicationSource { path: "app".into(), ..ApplicationSource::default() };
    /// let request = RenderRequest {
    ///     app_name: "shop".into(),
    ///     namespace: "prod".into(),
    ///     sources: vec![(source, repository)],
    ///     ..RenderRequest::default()
    /// };
    /// let rendered = NativeRenderer::default().render_blocking(&request)?;
    /// assert_eq!(rendered.manifests[0].name(), "x");
    /// # Ok::<(), plate_deploy_core::render::RenderError>(())
    /// ```
    ///
    /// # Errors
    /// [`RenderError`], in Argo CD's words where it has any.
    pub fn render_blocking(&self, request: &RenderRequest) -> Result<Rendered, RenderError> {
        let mut rendered = Rendered::default();
        for (source, repository) in &request.sources {
            // A source with a `ref` and no path or chart only lends its files.
            if source.is_ref() && source.path.is_empty() && source.chart.is_empty() && request.sources.len() > 1 {
                continue;
            }
            Source::new(request, source, repository, &self.caches, &mut rendered)?.render()?;
        }
        Ok(rendered)
    }
}

/// One source being rendered.
struct Source<'a> {
    request: &'a RenderRequest,
    source: ApplicationSource,
    repository: &'a Repository,
    /// The source's folder without symlinks, `""` for the root.
    folder: String,
    env: env::Env,
    renderer: &'a Caches,
    out: &'a mut Rendered,
}

impl<'a> Source<'a> {
    fn new(
        request: &'a RenderRequest,
        source: &ApplicationSource,
        repository: &'a Repository,
        renderer: &'a Caches,
        out: &'a mut Rendered,
    ) -> Result<Self, RenderError> {
        if !source.chart.is_empty() {
            return Err(RenderError::Unsupported(format!(
                "chart {:?} from the Helm repository {} (vendor the chart into Git)",
                source.chart,
                crate::git::redact_url(&source.repo_url)
            )));
        }
        let folder = folder(&source.path, &repository.files)?;
        let mut read = BTreeSet::new();
        let source = overrides::merged(source, &request.app_name, &folder, &repository.files, &mut read)?;
        let env = env::Env::new(request, &source, repository);
        let mut source = Self { request, source, repository, folder, env, renderer, out };
        source.note_all(read);
        Ok(source)
    }

    fn render(mut self) -> Result<(), RenderError> {
        let source_type = match self.source.explicit_type()? {
            Some(explicit) => explicit,
            None => self.detect(),
        };
        let objects = match source_type {
            SourceType::Helm => self.helm()?,
            SourceType::Directory => self.directory()?,
            SourceType::Kustomize => return Err(self.unsupported("kustomize")),
            SourceType::Plugin => return Err(self.unsupported("a config management plugin")),
        };
        for mut object in documents::expand_lists(objects)? {
            if Tracker::tracks(&object) {
                self.request.tracker.set(&mut object, &self.request.app_name, &self.request.namespace)?;
            }
            self.out.manifests.push(object);
        }
        self.out.source_types.push(source_type);
        Ok(())
    }

    fn unsupported(&self, what: &str) -> RenderError {
        RenderError::Unsupported(format!("{what} ({:?})", self.source.path))
    }

    /// By the files directly in the folder: a chart, a kustomization, or plain manifests.
    fn detect(&self) -> SourceType {
        let mut detected = SourceType::Directory;
        for (path, _) in self.repository.files.below(&self.folder).filter(|(path, _)| !path.contains('/')) {
            // Argo CD looks at the end of the name, and the last file in order decides.
            if path.ends_with("Chart.yaml") {
                detected = SourceType::Helm;
            }
            if matches!(path, "kustomization.yaml" | "kustomization.yml" | "Kustomization") {
                detected = SourceType::Kustomize;
            }
        }
        detected
    }

    /// Notes that a file was read, or would be if it were there.
    fn note_read(&mut self, repository: &str, path: &str) {
        if let Some(files) = self.out.files_read.get_mut(repository) {
            files.insert(path.to_owned());
        } else {
            self.out.files_read.insert(repository.to_owned(), BTreeSet::from([path.to_owned()]));
        }
    }

    /// Notes files of the source's own repository.
    fn note_all(&mut self, paths: BTreeSet<String>) {
        self.out.files_read.entry(self.repository.url.clone()).or_default().extend(paths);
    }
}

/// The source's folder in the repository, as Argo CD's `path.Path` finds it.
fn folder(path: &str, files: &RepoFiles) -> Result<String, RenderError> {
    let refused = |why: &str| RenderError::Path(format!("{path}: {why}"));
    if path.starts_with('/') {
        return Err(refused("app path is absolute"));
    }
    let folder = files.resolve(path).map_err(|error| match error {
        FileError::Outside { .. } => refused("app path outside root"),
        other => RenderError::File(other),
    })?;
    match () {
        () if files.is_folder(&folder) => Ok(folder),
        () if files.is_file(&folder) => Err(refused("app path is not a directory")),
        () => Err(refused("app path does not exist")),
    }
}

/// A path below a folder; `""` is the root.
fn join(folder: &str, path: &str) -> String {
    if folder.is_empty() { path.to_owned() } else { format!("{folder}/{path}") }
}
