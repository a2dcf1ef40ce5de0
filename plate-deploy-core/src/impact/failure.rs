//! What can fail, as people write it: `KIND[/NAME]`.

use std::fmt;

use crate::git::RepoUrlMap;
use crate::graph::{Graph, NodeKind};
use crate::workspace::nearest;

/// A part of Argo CD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgoPart {
    /// The application controller.
    Controller,
    /// The repo-server.
    RepoServer,
    /// Redis, its cache.
    Redis,
}

/// A part of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterPart {
    /// kube-apiserver.
    ApiServer,
    /// etcd.
    Etcd,
    /// kube-scheduler.
    Scheduler,
    /// kube-controller-manager.
    ControllerManager,
    /// A node; `""`: the one that everything runs on.
    Node(String),
    /// A storage class; `""`: the default one.
    StorageClass(String),
    /// The ingress controller.
    IngressController,
    /// What gives addresses to Services.
    LoadBalancer,
}

/// A failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// plate-deploy itself, or where it runs.
    Pipeline,
    /// A part of Argo CD.
    ArgoCd(ArgoPart),
    /// A chart in the repository, by name.
    Chart(String),
    /// A values file, by path.
    Values(String),
    /// A library, by name.
    Library(String),
    /// A Git remote, by URL.
    Git(String),
    /// A part of the cluster.
    Cluster(ClusterPart),
    /// An Application, by name.
    Application(String),
    /// An image registry, by host.
    Registry(String),
}

/// Why a word names no failure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FailureError {
    /// The kind is unknown.
    #[error("{word:?} is no kind of failure{hint}; kinds: {}", Failure::KINDS.join(", "))]
    Kind {
        /// The word.
        word: String,
        /// `; did you mean …?`, or nothing.
        hint: String,
    },
    /// The kind needs a name, or there is none of that name.
    #[error("{kind}: there is no {name:?} in this repository{hint}; there are: {}", if .known.is_empty() { "none".to_owned() } else { .known.join(", ") })]
    Name {
        /// The kind.
        kind: String,
        /// The name.
        name: String,
        /// `; did you mean …?`, or nothing.
        hint: String,
        /// All names.
        known: Vec<String>,
    },
}

impl Failure {
    /// The kinds, as they are written.
    pub const KINDS: [&str; 18] = [
        "pipeline",
        "argocd/controller",
        "argocd/repo-server",
        "argocd/redis",
        "chart/NAME",
        "values/PATH",
        "library/NAME",
        "git[/URL]",
        "cluster/api-server",
        "cluster/etcd",
        "cluster/scheduler",
        "cluster/controller-manager",
        "cluster/node[/NAME]",
        "cluster/storage-class[/NAME]",
        "cluster/ingress-controller",
        "cluster/load-balancer",
        "app/NAME",
        "registry/HOST",
    ];

    /// Reads `KIND[/NAME]`; names are looked up in the graph.
    ///
    /// # Errors
    /// [`FailureError`], with what there is.
    pub fn parse(word: &str, graph: &Graph) -> Result<Self, FailureError> {
        let (kind, name) = word.split_once('/').unwrap_or((word, ""));
        let members = |kind: NodeKind| {
            graph.needs.iter().filter(move |(_, needs)| needs.kind == kind).map(|(name, _)| name.clone()).collect()
        };
        let nodes = |kind: NodeKind| {
            graph.nodes.iter().filter(move |node| node.kind == kind).map(|node| node.name.clone()).collect()
        };
        Ok(match kind {
            "pipeline" if name.is_empty() => Self::Pipeline,
            "argocd" | "argo" => Self::ArgoCd(match name {
                "" | "controller" | "application-controller" => ArgoPart::Controller,
                "repo-server" | "reposerver" => ArgoPart::RepoServer,
                "redis" => ArgoPart::Redis,
                _ => return Err(unknown(word)),
            }),
            "chart" => Self::Chart(known(kind, name, graph.charts.keys().cloned().collect())?),
            "values" => {
                let files = graph.needs.values().flat_map(|needs| needs.values.iter().cloned()).collect::<Vec<_>>();
                let all = graph.needs.values().flat_map(|needs| needs.files.iter()).any(|file| file == name);
                Self::Values(if all { name.to_owned() } else { known(kind, name, files)? })
            }
            "library" => Self::Library(known(kind, name, members(NodeKind::Library))?),
            "git" if name.is_empty() => Self::Git(graph.home.clone()),
            "git" => {
                let urls: Vec<String> = nodes(NodeKind::Git);
                match urls.iter().find(|url| RepoUrlMap::same(url, name)) {
                    Some(url) => Self::Git(url.clone()),
                    None => Self::Git(known(kind, name, urls)?),
                }
            }
            "app" | "application" => Self::Application(known(kind, name, members(NodeKind::Application))?),
            "registry" => Self::Registry(known(kind, name, nodes(NodeKind::Registry))?),
            "cluster" => Self::Cluster(part(name).ok_or_else(|| unknown(word))?),
            _ => Self::Cluster(part(word).ok_or_else(|| unknown(word))?),
        })
    }
}

fn part(word: &str) -> Option<ClusterPart> {
    let (kind, name) = word.split_once('/').unwrap_or((word, ""));
    let plain = |part: ClusterPart| name.is_empty().then_some(part);
    match kind {
        "api-server" | "apiserver" => plain(ClusterPart::ApiServer),
        "etcd" => plain(ClusterPart::Etcd),
        "scheduler" => plain(ClusterPart::Scheduler),
        "controller-manager" => plain(ClusterPart::ControllerManager),
        "node" => Some(ClusterPart::Node(name.to_owned())),
        "storage-class" => Some(ClusterPart::StorageClass(name.to_owned())),
        "ingress-controller" | "ingress" => plain(ClusterPart::IngressController),
        "load-balancer" => plain(ClusterPart::LoadBalancer),
        _ => None,
    }
}

fn unknown(word: &str) -> FailureError {
    let kinds =
        Failure::KINDS.map(|kind| kind.split(['[', 'N', 'P', 'H']).next().unwrap_or(kind).trim_end_matches('/'));
    let kind = word.split('/').next().unwrap_or(word);
    let hint = nearest(word, kinds.into_iter())
        .or_else(|| nearest(kind, kinds.into_iter()))
        .map_or_else(String::new, |near| format!("; did you mean {near}?"));
    FailureError::Kind { word: word.to_owned(), hint }
}

fn known(kind: &str, name: &str, mut all: Vec<String>) -> Result<String, FailureError> {
    all.sort();
    all.dedup();
    if all.iter().any(|one| one == name) {
        return Ok(name.to_owned());
    }
    let hint = nearest(name, all.iter().map(String::as_str))
        .map_or_else(String::new, |near| format!("; did you mean {near}?"));
    Err(FailureError::Name { kind: kind.to_owned(), name: name.to_owned(), hint, known: all })
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let optional = |f: &mut fmt::Formatter<'_>, kind: &str, name: &str| match name {
            "" => f.write_str(kind),
            name => write!(f, "{kind}/{name}"),
        };
        match self {
            Self::Pipeline => f.write_str("pipeline"),
            Self::ArgoCd(ArgoPart::Controller) => f.write_str("argocd/controller"),
            Self::ArgoCd(ArgoPart::RepoServer) => f.write_str("argocd/repo-server"),
            Self::ArgoCd(ArgoPart::Redis) => f.write_str("argocd/redis"),
            Self::Chart(name) => write!(f, "chart/{name}"),
            Self::Values(path) => write!(f, "values/{path}"),
            Self::Library(name) => write!(f, "library/{name}"),
            Self::Git(url) => write!(f, "git/{url}"),
            Self::Application(name) => write!(f, "app/{name}"),
            Self::Registry(host) => write!(f, "registry/{host}"),
            Self::Cluster(part) => match part {
                ClusterPart::ApiServer => f.write_str("cluster/api-server"),
                ClusterPart::Etcd => f.write_str("cluster/etcd"),
                ClusterPart::Scheduler => f.write_str("cluster/scheduler"),
                ClusterPart::ControllerManager => f.write_str("cluster/controller-manager"),
                ClusterPart::Node(name) => optional(f, "cluster/node", name),
                ClusterPart::StorageClass(name) => optional(f, "cluster/storage-class", name),
                ClusterPart::IngressController => f.write_str("cluster/ingress-controller"),
                ClusterPart::LoadBalancer => f.write_str("cluster/load-balancer"),
            },
        }
    }
}
