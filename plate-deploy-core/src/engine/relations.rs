//! The relation graph of a revision, and what a failure would do to it.

use std::collections::BTreeSet;

use super::{EngineError, Loaded, Offline};
use crate::git::RepoUrlMap;
use crate::graph::{Graph, Member, NodeKind};
use crate::impact::{Facts, Failure, FailureError, Impact, predict};
use crate::model::Application;
use crate::pipeline::{Capabilities, library_application, render_one};
use crate::render::NativeRenderer;

/// A revision with its graph.
#[derive(Debug)]
pub struct Related {
    /// The revision.
    pub loaded: Loaded,
    /// What is in it, rendered.
    pub members: Vec<Member>,
    /// The graph.
    pub graph: Graph,
    /// Names of what could not be rendered, with the reason.
    pub broken: Vec<(String, String)>,
}

impl Offline<'_> {
    /// Renders everything at a revision and relates it. Those that cannot be rendered have no manifests.
    ///
    /// # Errors
    /// As [`Offline::load`].
    pub async fn relations(&self, revision: &str, kube_version: Option<&str>) -> Result<Related, EngineError> {
        let loaded = self.load(revision).await?;
        let own = loaded.repository();
        let (renderer, capabilities) = (NativeRenderer::default(), Capabilities::offline(kube_version));
        let (mut members, mut broken) = (Vec::new(), Vec::new());
        for (kind, environment, application) in subjects(&loaded) {
            let rendered = render_one(&self.repo.sources, &renderer, &application, &own, &capabilities).await;
            let (manifests, files) = match rendered {
                Ok(rendered) => {
                    let mine = rendered.files_read.into_iter().filter(|(url, _)| RepoUrlMap::same(url, &own.url));
                    (rendered.manifests, mine.flat_map(|(_, files)| files).collect())
                }
                Err(problem) => {
                    broken.push((application.metadata.name.clone(), problem.message));
                    (Vec::new(), BTreeSet::new())
                }
            };
            members.push(Member { kind, environment, application, manifests, files });
        }
        let graph = Graph::build(&loaded.workspace, &members);
        Ok(Related { loaded, members, graph, broken })
    }

    /// What a failure (`KIND[/NAME]`) would do, predicted from the graph of `HEAD`.
    ///
    /// # Errors
    /// As [`Offline::load`]; [`EngineError::Failure`] when there is no such part.
    pub async fn impact(&self, failure: &str, facts: &Facts) -> Result<(Failure, Impact, Related), EngineError> {
        let related = self.relations("HEAD", None).await?;
        let failure = Failure::parse(failure, &related.graph)?;
        let impact = predict(&related.graph, &related.loaded.workspace, &failure, facts);
        Ok((failure, impact, related))
    }
}

/// Libraries first, in their order, then the Applications that are deployed. An Application that has a library's name stands
/// for it.
fn subjects(loaded: &Loaded) -> Vec<(NodeKind, Option<String>, Application)> {
    let workspace = &loaded.workspace;
    let applications = workspace.applications.iter().filter(|app| app.component.is_some());
    let applications: Vec<_> =
        applications.map(|app| (NodeKind::Application, app.environment.clone(), app.source.object.clone())).collect();
    let libraries = workspace.libraries.iter().flat_map(|layer| &layer.libraries);
    let libraries =
        libraries.filter(|library| !applications.iter().any(|(_, _, app)| app.metadata.name == library.name));
    let libraries = libraries.map(|l| (NodeKind::Library, None, library_application(l, &workspace.repo_url)));
    libraries.chain(applications.clone()).collect()
}

impl From<FailureError> for EngineError {
    fn from(error: FailureError) -> Self {
        Self::Failure(error)
    }
}
