//! Git followed for as long as somebody wants: what a commit changes is rendered, what differs is reconciled.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};

use super::{Deployer, EngineError};
use crate::driver::{EmbeddedDriver, Pass, Reconciler, ReconcilerOptions, Target};
use crate::git::{CommitId, SnapshotCache};
use crate::model::Application;
use crate::pipeline::{Capabilities, render_one};
use crate::render::{CachedRenderer, RenderCounts, Renderer, Repository};
use crate::report::Diagnostic;
use crate::workspace::Workspace;

/// Renders that run at the same time.
const PARALLEL: usize = 8;

/// A repository followed into a cluster. Made by [`Deployer::gitops`].
///
/// The loop is the caller's: [`GitOps::refresh`] when Git may have changed, [`GitOps::pass`] when
/// [`GitOps::changed`] returns.
#[derive(Debug)]
pub struct GitOps {
    deployer: Deployer,
    revision: String,
    renderer: Arc<CachedRenderer>,
    snapshots: SnapshotCache,
    reconciler: Reconciler,
    commit: Option<CommitId>,
    capabilities: Option<Capabilities>,
}

/// What a refresh found.
#[derive(Clone, Debug, Default)]
pub struct Refresh {
    /// The commit.
    pub commit: String,
    /// Applications whose desired state is new or has changed.
    pub changed: usize,
    /// Renders that were needed, and answers from memory.
    pub renders: RenderCounts,
    /// Applications that cannot be rendered, and why: they stay as they were.
    pub broken: Vec<(String, Diagnostic)>,
}

impl Deployer {
    /// Follows a revision (a branch; `"HEAD"`) into the cluster.
    ///
    /// # Errors
    /// When the cluster cannot be listed.
    pub async fn gitops(&self, revision: &str, options: ReconcilerOptions) -> Result<GitOps, EngineError> {
        let cluster = Arc::clone(self.cluster());
        let options_of_driver = self.options_at_head().await?;
        let driver = EmbeddedDriver::start(cluster, Arc::clone(&self.clock), options_of_driver).await?;
        Ok(GitOps {
            deployer: self.clone(),
            revision: revision.to_owned(),
            renderer: Arc::new(CachedRenderer::new(Arc::clone(&self.renderer))),
            snapshots: SnapshotCache::default(),
            reconciler: Reconciler::new(Arc::new(driver), options),
            commit: None,
            capabilities: None,
        })
    }
}

impl GitOps {
    /// The reconciler, for status, requests, holds.
    #[must_use]
    pub fn reconciler(&mut self) -> &mut Reconciler {
        &mut self.reconciler
    }

    /// Reads Git again. The same commit as before costs one look at the branch.
    ///
    /// # Errors
    /// When the branch cannot be read, or `plate-deploy.yaml` is refused.
    pub async fn refresh(&mut self) -> Result<Refresh, EngineError> {
        let commit = self.deployer.repo.git().resolve(&self.revision).await?;
        if self.commit == Some(commit) {
            return Ok(Refresh { commit: commit.to_string(), ..Refresh::default() });
        }
        let refreshed = self.take(commit).await?;
        self.commit = Some(commit);
        Ok(refreshed)
    }

    /// Reads and renders everything anew, whatever is known (Argo CD's hard refresh).
    ///
    /// # Errors
    /// As [`GitOps::refresh`].
    pub async fn hard_refresh(&mut self) -> Result<Refresh, EngineError> {
        self.renderer.clear();
        self.capabilities = None;
        self.commit = None;
        self.refresh().await
    }

    /// See [`Reconciler::pass`].
    ///
    /// # Errors
    /// As there.
    pub async fn pass(&mut self) -> Result<Pass, EngineError> {
        Ok(self.reconciler.pass().await?)
    }

    /// See [`Reconciler::changed`].
    pub async fn changed(&mut self, longest: Duration) {
        self.reconciler.changed(longest).await;
    }

    async fn take(&mut self, commit: CommitId) -> Result<Refresh, EngineError> {
        let files = self.snapshots.read(&**self.deployer.repo.git(), commit).await?;
        let workspace = Workspace::discover(&files, &commit.to_string())?;
        let own = Repository { url: workspace.repo_url.clone(), files, revision: commit.to_string() };
        let capabilities = match &self.capabilities {
            Some(known) => known.clone(),
            None => self.capabilities.insert(Capabilities::of(&**self.deployer.cluster()).await?).clone(),
        };
        let before = self.renderer.counts();
        let sources = self.deployer.repo.sources.clone().tracker(self.tracker());
        let applications: Vec<Application> = workspace
            .applications
            .iter()
            .filter(|application| application.component.is_some())
            .map(|application| application.source.object.clone())
            .collect();
        let renders = applications.into_iter().map(|application| {
            let (sources, own, capabilities) = (&sources, &own, &capabilities);
            let renderer: &dyn Renderer = &*self.renderer;
            async move {
                let rendered = render_one(sources, renderer, &application, own, capabilities).await;
                (application, rendered)
            }
        });
        let mut renders = stream::iter(renders).buffer_unordered(PARALLEL);
        let mut refresh = Refresh { commit: commit.to_string(), ..Refresh::default() };
        let mut targets = Vec::new();
        while let Some((application, rendered)) = renders.next().await {
            match rendered {
                Ok(rendered) => targets.push(Target { application, rendered, revision: commit.to_string() }),
                Err(finding) => refresh.broken.push((application.metadata.name, finding)),
            }
        }
        drop(renders);
        let kept: Vec<&str> = refresh.broken.iter().map(|(name, _)| name.as_str()).collect();
        targets.extend(self.reconciler.targets().filter(|target| kept.contains(&target.name())).cloned());
        refresh.changed = self.reconciler.set_targets(targets);
        let after = self.renderer.counts();
        refresh.renders = RenderCounts { rendered: after.rendered - before.rendered, kept: after.kept - before.kept };
        Ok(refresh)
    }

    fn tracker(&self) -> crate::tracking::Tracker {
        self.reconciler.driver().options().settings.tracker.clone()
    }
}
