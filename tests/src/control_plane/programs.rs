//! Which of the real programs this machine has.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result};

/// Paths of the programs of one control plane.
#[derive(Debug)]
pub(super) struct Programs {
    pub(super) etcd: PathBuf,
    pub(super) api_server: PathBuf,
    pub(super) workloads: Option<Workloads>,
    pub(super) argocd: Option<ArgoCd>,
}

/// What runs Deployments without a kubelet.
#[derive(Debug)]
pub(super) struct Workloads {
    pub(super) controller_manager: PathBuf,
    pub(super) scheduler: PathBuf,
    pub(super) kwok: PathBuf,
}

/// Argo CD and the programs it starts.
#[derive(Debug)]
pub(super) struct ArgoCd {
    /// One program, several names.
    pub(super) argocd: PathBuf,
    /// Folder with its custom resource definitions.
    pub(super) crds: PathBuf,
    pub(super) helm: PathBuf,
    pub(super) redis: PathBuf,
}

impl Programs {
    /// # Errors
    /// Names the program that is missing and how to get it.
    pub(super) fn find(workloads: bool, argocd: bool) -> Result<Self> {
        Ok(Self {
            etcd: kubernetes("etcd")?,
            api_server: kubernetes("kube-apiserver")?,
            workloads: workloads.then(Workloads::find).transpose()?,
            argocd: argocd.then(ArgoCd::find).transpose()?,
        })
    }
}

impl Workloads {
    fn find() -> Result<Self> {
        Ok(Self {
            controller_manager: kubernetes("kube-controller-manager")?,
            scheduler: kubernetes("kube-scheduler")?,
            kwok: kubernetes("kwok")?,
        })
    }
}

impl ArgoCd {
    fn find() -> Result<Self> {
        let missing = |what: &str, how: &str| format!("no {what} ({how}, or run `cargo suite`)");
        let dir = env::var_os("PLATE_ARGOCD").map(PathBuf::from);
        let argocd = dir.as_ref().map(|dir| dir.join("argocd")).filter(|path| path.exists());
        let helm = env::var_os("PLATE_HELM").map(PathBuf::from).filter(|path| path.exists());
        Ok(Self {
            argocd: argocd.with_context(|| missing("argocd", "set PLATE_ARGOCD to its folder"))?,
            crds: dir.unwrap_or_default().join("crds"),
            helm: helm.or_else(|| on_path("helm")).with_context(|| missing("helm", "set PLATE_HELM to the program"))?,
            redis: on_path("redis-server").with_context(|| missing("redis-server", "install the package"))?,
        })
    }
}

/// The real kubectl, when it is there.
pub(super) fn kubectl() -> Option<PathBuf> {
    kubernetes("kubectl").ok()
}

/// One program of the control plane: each is looked for in both folders, as `KUBEBUILDER_ASSETS` holds few of them.
fn kubernetes(program: &str) -> Result<PathBuf> {
    ["KUBEBUILDER_ASSETS", "PLATE_CONTROL_PLANE"]
        .iter()
        .filter_map(|name| env::var_os(name).map(|dir| PathBuf::from(dir).join(program)))
        .find(|path| path.exists())
        .with_context(|| format!("no {program} (set KUBEBUILDER_ASSETS, or run `cargo suite`)"))
}

fn on_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|dir| dir.join(program)).find(|path| path.is_file())
}
