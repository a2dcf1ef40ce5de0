//! What needs no cluster: discovery, lint, render.

use super::{EngineError, Repo};
use crate::files::RepoFiles;
use crate::git::{CommitId, snapshot};
use crate::lint::{LintInput, lint};
use crate::model::Manifest;
use crate::pipeline::{Capabilities, Libraries, Selection, render_one};
use crate::render::{NativeRenderer, Repository};
use crate::report::Diagnostic;
use crate::workspace::Workspace;

/// A repository without a cluster.
#[derive(Debug)]
pub struct Offline<'a> {
    pub(super) repo: &'a Repo,
}

/// A revision, read.
#[derive(Debug)]
pub struct Loaded {
    /// The commit.
    pub commit: CommitId,
    /// Its files.
    pub files: RepoFiles,
    /// What they say there is to deploy.
    pub workspace: Workspace,
}

impl Loaded {
    /// The repository, for renders.
    #[must_use]
    pub fn repository(&self) -> Repository {
        Repository {
            url: self.workspace.repo_url.clone(),
            files: self.files.clone(),
            revision: self.commit.to_string(),
        }
    }
}

/// What to render.
#[derive(Clone, Debug, Default)]
pub struct TemplateOptions {
    /// Revision; `""`: `HEAD`.
    pub revision: String,
    /// Environment by name or alias; `None`: everything.
    pub environment: Option<String>,
    /// Only these Applications; empty: all.
    pub applications: Vec<String>,
    /// Kubernetes version; `None`: the one Helm assumes.
    pub kube_version: Option<String>,
}

/// One rendered Application, or why it could not be.
#[derive(Debug)]
pub struct RenderedApplication {
    /// Its name.
    pub name: String,
    /// Its manifests.
    pub manifests: Result<Vec<Manifest>, Diagnostic>,
}

impl<'a> Offline<'a> {
    pub(super) fn new(repo: &'a Repo) -> Self {
        Self { repo }
    }

    /// Reads a revision (`""`: `HEAD`).
    ///
    /// # Errors
    /// [`EngineError`] when there is no such revision or `plate-deploy.yaml` is refused.
    pub async fn load(&self, revision: &str) -> Result<Loaded, EngineError> {
        let commit = self.repo.git().resolve(revision).await?;
        let files = snapshot(&**self.repo.git(), commit).await?;
        let workspace = Workspace::discover(&files, &commit.to_string())?;
        Ok(Loaded { commit, files, workspace })
    }

    /// Findings about a revision.
    ///
    /// # Errors
    /// As [`Offline::load`].
    pub async fn lint(&self, revision: &str) -> Result<Vec<Diagnostic>, EngineError> {
        let loaded = self.load(revision).await?;
        let rendered = self.render(&loaded, &TemplateOptions::default()).await?;
        let rendered = rendered.into_iter().filter_map(|app| Some((app.name, app.manifests.ok()?))).collect();
        let input =
            LintInput { workspace: &loaded.workspace, files: &loaded.files, rendered: Some(&rendered), cluster: None };
        Ok(lint(input))
    }

    /// Renders Applications without asking a cluster: capabilities are those that `helm template` assumes.
    ///
    /// # Errors
    /// As [`Offline::load`], and for names that the repository does not know.
    pub async fn template(&self, options: &TemplateOptions) -> Result<Vec<RenderedApplication>, EngineError> {
        let loaded = self.load(&options.revision).await?;
        self.render(&loaded, options).await
    }

    async fn render(
        &self,
        loaded: &Loaded,
        options: &TemplateOptions,
    ) -> Result<Vec<RenderedApplication>, EngineError> {
        let workspace = &loaded.workspace;
        let mut applications = match &options.environment {
            None => workspace.applications.iter().map(|a| a.source.object.clone()).collect(),
            Some(word) => {
                let environment =
                    workspace.environment(word).ok_or_else(|| EngineError::unknown_environment(word, workspace))?;
                Selection::new(workspace, &environment.name, Libraries::Skip).applications
            }
        };
        if !options.applications.is_empty() {
            for asked in &options.applications {
                if !applications.iter().any(|a| a.metadata.name == *asked) {
                    let known = applications.iter().map(|a| a.metadata.name.clone()).collect();
                    return Err(EngineError::UnknownApplication { asked: asked.clone(), known });
                }
            }
            applications.retain(|a| options.applications.contains(&a.metadata.name));
        }
        let own = loaded.repository();
        let capabilities = Capabilities::offline(options.kube_version.as_deref());
        let renderer = NativeRenderer::default();
        let mut all = Vec::with_capacity(applications.len());
        for application in &applications {
            let rendered = render_one(&self.repo.sources, &renderer, application, &own, &capabilities).await;
            all.push(RenderedApplication {
                name: application.metadata.name.clone(),
                manifests: rendered.map(|rendered| rendered.manifests),
            });
        }
        Ok(all)
    }
}
