//! What a deploy of an environment touches: its Applications, the shared ones, and the libraries in layers.

use super::Libraries;
use crate::model::Application;
use crate::model::application::{ApplicationSource, ApplicationSpec, Automated, Destination, ObjectMeta, SyncPolicy};
use crate::workspace::{Library, LibraryLayer, Workspace};

/// The Applications and libraries of a run, in order.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// The environment's Applications and the shared ones, by name. App-of-apps are not among them: their children are.
    pub applications: Vec<Application>,
    /// The libraries, layer by layer.
    pub libraries: Vec<LibraryLayer>,
}

impl Selection {
    /// Of a workspace, for an environment.
    #[must_use]
    pub fn new(workspace: &Workspace, environment: &str, libraries: Libraries) -> Self {
        let mine = |app: &&crate::workspace::WorkspaceApplication| {
            app.component.is_some() && app.environment.as_deref().is_none_or(|e| e == environment)
        };
        Self {
            applications: match libraries {
                Libraries::Only => Vec::new(),
                _ => workspace.applications.iter().filter(mine).map(|app| app.source.object.clone()).collect(),
            },
            libraries: match libraries {
                Libraries::Skip => Vec::new(),
                _ => workspace.libraries.clone(),
            },
        }
    }
}

impl Selection {
    /// The Applications that belong to this environment alone, and no libraries.
    #[must_use]
    pub fn own(workspace: &Workspace, environment: &str) -> Self {
        let mine = workspace
            .applications
            .iter()
            .filter(|app| app.component.is_some() && app.environment.as_deref() == Some(environment));
        Self { applications: mine.map(|app| app.source.object.clone()).collect(), libraries: Vec::new() }
    }
}

/// The Application that deploys a library: what `helm install --create-namespace` would do, as a sync. Nothing is pruned:
/// a library may be shared with others.
#[must_use]
pub fn library_application(library: &Library, repo_url: &str) -> Application {
    let source =
        ApplicationSource { repo_url: repo_url.into(), path: library.folder.clone(), ..ApplicationSource::default() };
    Application {
        api_version: "argoproj.io/v1alpha1".into(),
        kind: "Application".into(),
        metadata: ObjectMeta { name: library.name.clone(), ..ObjectMeta::default() },
        spec: ApplicationSpec {
            source: Some(source),
            destination: Destination { namespace: library.namespace.clone(), ..Destination::default() },
            sync_policy: Some(SyncPolicy {
                automated: Some(Automated::default()),
                // Large CRDs do not fit into the annotation of a client-side apply.
                sync_options: vec!["CreateNamespace=true".into(), "ServerSideApply=true".into()],
                ..SyncPolicy::default()
            }),
            ..ApplicationSpec::default()
        },
        ..Application::default()
    }
}
