//! Libraries: what the applications need in the cluster before them, in layers.

use super::chart::{Chart, read_chart};
use super::config::LibrariesConfig;
use super::paths::{self, folders_in};
use crate::files::RepoFiles;

/// Folders that hold libraries, lower layers first, and the words that mean them.
const LAYERS: [(&str, &[&str]); 2] = [
    ("cluster-services", &["cluster-services", "cluster-service", "cluster", "infrastructure", "infra", "platform"]),
    ("development-tools", &["development-tools", "dev-tools", "devtools", "tools"]),
];

/// Libraries whose place in a layer is known: name, namespace, reason. Earlier ones go first.
const KNOWN: [(&str, &str, &str); 22] = [
    ("metallb", "metallb-system", "Services of type LoadBalancer wait for its addresses"),
    ("cert-manager", "cert-manager", "certificates and issuers need its custom resources"),
    ("external-secrets", "external-secrets", "secret stores need its custom resources"),
    ("sealed-secrets", "kube-system", "sealed secrets need its custom resources"),
    ("openebs", "openebs", "volume claims wait for its storage classes"),
    ("nfs-provisioner", "nfs-provisioner", "volume claims wait for its storage class"),
    ("nfs-subdir-external-provisioner", "nfs-provisioner", "volume claims wait for its storage class"),
    ("longhorn", "longhorn-system", "volume claims wait for its storage class"),
    ("ingress-nginx", "ingress-nginx", "Ingresses need a controller"),
    ("nginx-ingress", "ingress-nginx", "Ingresses need a controller"),
    ("traefik", "traefik", "Ingresses need a controller"),
    ("metrics-server", "kube-system", "autoscaling needs metrics"),
    ("openbao", "openbao", "secret stores read from it"),
    ("vault", "vault", "secret stores read from it"),
    ("redis", "redis", "other tools keep their state in it"),
    ("harbor", "harbor", "images are pulled from it"),
    ("argocd", "argocd", "Applications need its custom resources"),
    ("argo-cd", "argocd", "Applications need its custom resources"),
    ("prometheus", "monitoring", "dashboards read from it"),
    ("grafana", "monitoring", "it shows what the others measure"),
    ("kubernetes-dashboard", "kubernetes-dashboard", "nothing depends on it"),
    ("jenkins", "jenkins", "nothing depends on it"),
];

/// What a library consists of.
#[derive(Clone, Debug)]
pub enum LibrarySource {
    /// A Helm chart.
    Chart(Chart),
    /// Plain manifests, in the order of their names.
    Manifests(Vec<String>),
}

/// One library.
#[derive(Clone, Debug)]
pub struct Library {
    /// Its folder's name, e.g. `cert-manager`.
    pub name: String,
    /// Its folder, from the root of the repository.
    pub folder: String,
    /// Chart or manifests.
    pub source: LibrarySource,
    /// Where it is installed unless its manifests say otherwise.
    pub namespace: String,
    /// Why it stands where it does in its layer.
    pub reason: String,
}

/// Libraries that are deployed together; a layer waits until the one before is ready.
#[derive(Clone, Debug)]
pub struct LibraryLayer {
    /// `cluster-services`, `development-tools` …
    pub name: String,
    /// Its folder.
    pub folder: String,
    /// The libraries, in the order in which they are deployed.
    pub libraries: Vec<Library>,
}

/// The layers of the repository: those configured, else those whose folders have a known name.
pub(super) fn discover(files: &RepoFiles, config: &LibrariesConfig) -> Vec<LibraryLayer> {
    let folders: Vec<(String, String, Vec<String>)> = if config.layers.is_empty() {
        LAYERS
            .iter()
            .filter_map(|(name, words)| Some(((*name).to_owned(), layer_folder(files, words)?, Vec::new())))
            .collect()
    } else {
        let layers = config.layers.iter();
        layers.map(|layer| (layer.name.clone(), layer.path.trim_matches('/').to_owned(), layer.order.clone())).collect()
    };
    folders
        .into_iter()
        .map(|(name, folder, order)| {
            let libraries = libraries_in(files, &folder, &order, config);
            LibraryLayer { name, folder, libraries }
        })
        .filter(|layer| !layer.libraries.is_empty())
        .collect()
}

/// The first folder, at most three deep, whose name is one of `words` (in the order of `words`) and that holds libraries.
fn layer_folder(files: &RepoFiles, words: &[&str]) -> Option<String> {
    let mut folders: Vec<String> = vec![String::new()];
    let mut level = folders.clone();
    for _ in 0..3 {
        level = level
            .iter()
            .flat_map(|outer| {
                let prefix = if outer.is_empty() { String::new() } else { format!("{outer}/") };
                folders_in(files, outer).into_iter().map(move |name| format!("{prefix}{name}")).collect::<Vec<_>>()
            })
            .collect();
        folders.extend(level.iter().cloned());
    }
    let is_named = |folder: &str, word: &str| folder.rsplit('/').next() == Some(word);
    words.iter().find_map(|word| {
        folders
            .iter()
            .filter(|folder| is_named(folder, word))
            .find(|folder| {
                folders_in(files, folder)
                    .iter()
                    .any(|name| library_source(files, &format!("{folder}/{name}")).is_some())
            })
            .cloned()
    })
}

fn library_source(files: &RepoFiles, folder: &str) -> Option<LibrarySource> {
    if files.is_file(&format!("{folder}/Chart.yaml")) {
        return Some(LibrarySource::Chart(read_chart(files, folder)));
    }
    let direct = files.below(folder).filter(|(path, _)| !path.contains('/') && paths::is_manifest(path));
    let manifests: Vec<String> = direct.map(|(path, _)| paths::join(folder, path)).collect();
    (!manifests.is_empty()).then_some(LibrarySource::Manifests(manifests))
}

fn libraries_in(files: &RepoFiles, folder: &str, order: &[String], config: &LibrariesConfig) -> Vec<Library> {
    let mut libraries: Vec<(usize, Library)> = folders_in(files, folder)
        .into_iter()
        .filter(|name| !config.ignore.iter().any(|ignored| ignored == name))
        .filter_map(|name| {
            let folder = format!("{folder}/{name}");
            let source = library_source(files, &folder)?;
            let (rank, namespace, reason) = place(name, order);
            let namespace = config.namespaces.get(name).cloned().unwrap_or(namespace);
            Some((rank, Library { name: name.to_owned(), folder, source, namespace, reason }))
        })
        .collect();
    libraries.sort_by(|(a, x), (b, y)| a.cmp(b).then_with(|| x.name.cmp(&y.name)));
    libraries.into_iter().map(|(_, library)| library).collect()
}

/// Rank, namespace and reason of a library: the configured order first, then the known ones, then the rest by name.
fn place(name: &str, order: &[String]) -> (usize, String, String) {
    let known = KNOWN.iter().position(|(known, ..)| *known == name);
    let namespace = known.and_then(|i| KNOWN.get(i)).map_or(name, |(_, namespace, _)| namespace).to_owned();
    if let Some(i) = order.iter().position(|configured| configured == name) {
        return (i, namespace, "its place is set in plate-deploy.yaml".into());
    }
    match known.and_then(|i| Some((i, KNOWN.get(i)?))) {
        Some((i, (_, _, reason))) => (order.len() + i, namespace, (*reason).to_owned()),
        None => (order.len() + KNOWN.len(), namespace, "no known order: by name, after the known ones".into()),
    }
}
