//! The relation graph of a repository: what every Application and library needs, found in its definition, the files its
//! render read and the manifests that came out.
//!
//! [`Graph::build`] is pure. [`draw`] shows it as Mermaid, DOT, SVG or a page; [`crate::impact`] asks it what a failure reaches.

pub mod draw;
mod needs;
mod timeline;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use needs::{EntryPoint, Needs, Provides, Workload};
pub use timeline::{TimelineStep, propagation};

use crate::git::redact_url;
use crate::model::{Application, Manifest};
use crate::workspace::Workspace;

/// What a node stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NodeKind {
    /// A Git remote.
    Git,
    /// A chart in the repository.
    Chart,
    /// A values file outside of the chart's defaults.
    Values,
    /// An Application that brings Applications.
    AppOfApps,
    /// A library.
    Library,
    /// An Application.
    Application,
    /// An image registry.
    Registry,
    /// A storage class.
    StorageClass,
    /// Ingress controller or load balancer.
    Network,
}

impl NodeKind {
    /// A word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::Chart => "chart",
            Self::Values => "values",
            Self::AppOfApps => "app-of-apps",
            Self::Library => "library",
            Self::Application => "app",
            Self::Registry => "registry",
            Self::StorageClass => "storage-class",
            Self::Network => "network",
        }
    }

    /// Column in a drawing: sources on the left, what the cluster offers on the right.
    #[must_use]
    pub fn column(self) -> usize {
        match self {
            Self::Git => 0,
            Self::Chart | Self::Values | Self::AppOfApps => 1,
            Self::Application => 2,
            Self::Library => 3,
            Self::Registry | Self::StorageClass | Self::Network => 4,
        }
    }
}

/// A node: kind and name are its identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// Its name: a URL, path, name, host or class.
    pub name: String,
}

/// How one node needs another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Relation {
    /// Its manifests come from there.
    RendersFrom,
    /// It takes values from there.
    ReadsValues,
    /// It is kept there.
    StoredIn,
    /// It brings it.
    Brings,
    /// Its custom resources are served by it.
    ServedBy,
    /// Its images come from there.
    PullsFrom,
    /// Its volumes come from there.
    StoresOn,
    /// Requests from outside come through it.
    ReachedBy,
    /// Its Ingress leads to the other's Services.
    RoutesTo,
}

impl Relation {
    /// A word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::RendersFrom => "renders",
            Self::ReadsValues => "reads",
            Self::StoredIn => "in",
            Self::Brings => "brings",
            Self::ServedBy => "served by",
            Self::PullsFrom => "pulls from",
            Self::StoresOn => "stores on",
            Self::ReachedBy => "reached by",
            Self::RoutesTo => "routes to",
        }
    }
}

/// `from` needs `to`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Edge {
    /// Who needs.
    pub from: Node,
    /// What is needed.
    pub to: Node,
    /// How.
    pub relation: Relation,
}

/// An Application or library as it was rendered; the manifests are missing when it could not be.
#[derive(Clone, Debug)]
pub struct Member {
    /// Application or library.
    pub kind: NodeKind,
    /// Its environment.
    pub environment: Option<String>,
    /// The Application (a library as one).
    pub application: Application,
    /// Its manifests.
    pub manifests: Vec<Manifest>,
    /// The files that its render read in this repository.
    pub files: BTreeSet<String>,
}

/// The graph.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Graph {
    /// The URL of this repository.
    pub home: String,
    /// The nodes, sorted.
    pub nodes: BTreeSet<Node>,
    /// The edges, sorted.
    pub edges: BTreeSet<Edge>,
    /// What each Application and library needs, by name.
    pub needs: BTreeMap<String, Needs>,
    /// What each library provides, by name.
    pub provides: BTreeMap<String, Provides>,
    /// Folders of the charts, by name.
    pub charts: BTreeMap<String, Vec<String>>,
}

impl Graph {
    /// Builds it from a workspace and its rendered members.
    #[must_use]
    pub fn build(workspace: &Workspace, members: &[Member]) -> Self {
        let mut graph = Self { home: redact_url(&workspace.repo_url).into_owned(), ..Self::default() };
        for chart in &workspace.charts {
            graph.charts.entry(chart.name.clone()).or_default().push(chart.folder.clone());
        }
        let selectors = needs::Workloads::of(members);
        for member in members {
            let name = member.application.metadata.name.clone();
            if member.kind == NodeKind::Library {
                graph.provides.insert(name.clone(), Provides::of(member));
            }
            graph.needs.insert(name, Needs::of(member, workspace, &selectors));
        }
        graph.connect(workspace);
        graph
    }

    fn connect(&mut self, workspace: &Workspace) {
        let mut edges = BTreeSet::new();
        let node = |kind: NodeKind, name: &str| Node { kind, name: name.to_owned() };
        for (name, needs) in &self.needs {
            let from = node(needs.kind, name);
            self.nodes.insert(from.clone());
            let mut add = |kind: NodeKind, to: &str, relation: Relation| {
                edges.insert(Edge { from: from.clone(), to: node(kind, to), relation });
            };
            needs.git.iter().for_each(|url| add(NodeKind::Git, url, Relation::StoredIn));
            needs.values.iter().for_each(|path| add(NodeKind::Values, path, Relation::ReadsValues));
            needs.registries.keys().for_each(|host| add(NodeKind::Registry, host, Relation::PullsFrom));
            needs.storage_classes.iter().for_each(|class| add(NodeKind::StorageClass, class, Relation::StoresOn));
            for chart in self.charts_of(needs) {
                add(NodeKind::Chart, &chart, Relation::RendersFrom);
            }
            for entry in &needs.entry_points {
                add(NodeKind::Network, entry.through(), Relation::ReachedBy);
                entry.backends.iter().filter(|b| *b != name).for_each(|b| {
                    let kind = self.needs.get(b).map_or(NodeKind::Application, |needs| needs.kind);
                    add(kind, b, Relation::RoutesTo);
                });
            }
            for library in self.libraries_of(needs) {
                if library != *name {
                    add(NodeKind::Library, &library, Relation::ServedBy);
                }
            }
        }
        for tree in &workspace.trees {
            for child in &tree.children {
                let kind = self.needs.get(child).map_or(NodeKind::AppOfApps, |needs| needs.kind);
                let (from, to) = (node(NodeKind::AppOfApps, &tree.name), node(kind, child));
                edges.insert(Edge { from, to, relation: Relation::Brings });
            }
        }
        for edge in &edges {
            self.nodes.extend([edge.from.clone(), edge.to.clone()]);
        }
        self.edges = edges;
    }

    /// Names of the charts that a render read.
    #[must_use]
    pub fn charts_of(&self, needs: &Needs) -> BTreeSet<String> {
        let read = |folder: &String| needs.files.contains(&format!("{folder}/Chart.yaml"));
        self.charts.iter().filter(|(_, folders)| folders.iter().any(read)).map(|(name, _)| name.clone()).collect()
    }

    /// Names of the libraries that serve what a member needs.
    #[must_use]
    pub fn libraries_of(&self, needs: &Needs) -> BTreeSet<String> {
        self.provides.iter().filter(|(_, provides)| provides.serves(needs)).map(|(name, _)| name.clone()).collect()
    }
}
