//! Where the files of an Application's sources come from: the repository itself, or others that are mapped to local ones.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::Prepared;
use crate::cluster::{ClusterError, ClusterReader};
use crate::files::RepoFiles;
use crate::git::{GitBackend, GitError, GixGit, RepoUrlMap, snapshot};
use crate::model::Application;
use crate::model::application::ApplicationSource;
use crate::render::{RenderRequest, RenderSeed, Repository};
use crate::report::{Diagnostic, Severity};
use crate::tracking::Tracker;

/// Opens other repositories at most once.
#[derive(Clone, Debug)]
pub struct Sources {
    map: RepoUrlMap,
    seed: Option<RenderSeed>,
    tracker: Tracker,
    opened: Arc<Mutex<HashMap<String, Arc<dyn GitBackend>>>>,
}

/// The capabilities to render for.
#[derive(Clone, Debug)]
pub struct Capabilities {
    /// `v1.37.2`; `""`: what Helm assumes.
    pub kube_version: String,
    /// `apps/v1`, `apps/v1/Deployment` …; empty: what Helm assumes.
    pub api_versions: Vec<String>,
}

impl Capabilities {
    /// A cluster's.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub async fn of(cluster: &dyn ClusterReader) -> Result<Self, ClusterError> {
        let api_versions = cluster.catalog(false).await?.api_versions();
        Ok(Self { kube_version: cluster.version().await?, api_versions })
    }

    /// Those that `helm template` assumes without a cluster, for a Kubernetes version.
    #[must_use]
    pub fn offline(kube_version: Option<&str>) -> Self {
        Self { kube_version: kube_version.unwrap_or_default().into(), api_versions: Vec::new() }
    }
}

impl Sources {
    /// With this mapping of URLs to local repositories.
    #[must_use]
    pub fn new(map: RepoUrlMap) -> Self {
        Self { map, seed: None, tracker: Tracker::default(), opened: Arc::default() }
    }

    /// Without the local repository for a URL: as if its remote could not be reached.
    #[must_use]
    pub fn without(self, url: &str) -> Self {
        Self { map: self.map.without(url), opened: Arc::default(), ..self }
    }

    /// With repeatable renders.
    #[must_use]
    pub fn seed(mut self, seed: Option<RenderSeed>) -> Self {
        self.seed = seed;
        self
    }

    /// With another way to mark objects.
    #[must_use]
    pub fn tracker(mut self, tracker: Tracker) -> Self {
        self.tracker = tracker;
        self
    }

    /// Everything that a render of the Application depends on. Sources in the workspace's own repository are read from
    /// `own` (the revision that is being deployed), whatever branch they track.
    ///
    /// # Errors
    /// A finding with its remedy when a repository cannot be had.
    pub async fn request(
        &self,
        application: &Application,
        own: &Repository,
        capabilities: &Capabilities,
    ) -> Result<RenderRequest, Diagnostic> {
        let mut sources = Vec::new();
        for source in application.spec.effective_sources() {
            let repository = if RepoUrlMap::same(&source.repo_url, &own.url) {
                Repository { url: source.repo_url.clone(), ..own.clone() }
            } else {
                self.other(source).await?
            };
            sources.push((source.clone(), repository));
        }
        Ok(RenderRequest {
            app_name: application.metadata.name.clone(),
            project: application.spec.project().to_owned(),
            namespace: application.spec.destination.namespace.clone(),
            sources,
            kube_version: capabilities.kube_version.clone(),
            api_versions: capabilities.api_versions.clone(),
            tracker: self.tracker.clone(),
            seed: self.seed.clone(),
        })
    }

    async fn other(&self, source: &ApplicationSource) -> Result<Repository, Diagnostic> {
        let url = &source.repo_url;
        let finding = |message: String| Diagnostic::new(Severity::Error, "repository", message);
        let Some(folder) = self.map.get(url) else {
            let shown = crate::git::redact_url(url);
            return Err(finding(format!("the repository {shown} is not available here"))
                .remedy(format!("clone it and pass --repo-url-map {shown}=PATH")));
        };
        let read = async {
            let mut opened = self.opened.lock().await;
            let git = match opened.get(url) {
                Some(git) => Arc::clone(git),
                None => {
                    let git: Arc<dyn GitBackend> = Arc::new(GixGit::open(folder).await?);
                    opened.insert(url.clone(), Arc::clone(&git));
                    git
                }
            };
            let commit = git.resolve(&source.target_revision).await?;
            Ok::<(RepoFiles, String), GitError>((snapshot(&*git, commit).await?, commit.to_string()))
        };
        let (files, revision) = read.await.map_err(|e| finding(e.to_string()))?;
        Ok(Repository { url: url.clone(), files, revision })
    }
}

impl Prepared {
    /// The workspace's repository with the edits in it.
    #[must_use]
    pub fn repository(&self, revision: &str) -> Repository {
        Repository { url: self.workspace.repo_url.clone(), files: self.files.clone(), revision: revision.into() }
    }
}
