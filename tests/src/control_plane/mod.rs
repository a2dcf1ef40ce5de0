//! A real control plane for tests: etcd and kube-apiserver on loopback and, when asked for, the controllers, the
//! scheduler, simulated nodes (kwok) and a real Argo CD.
//!
//! The programs come from `KUBEBUILDER_ASSETS`, or from the folders that `cargo suite` built them into
//! (`PLATE_CONTROL_PLANE`, `PLATE_ARGOCD`, `PLATE_HELM`). Everything is stopped and its data removed when the value is
//! dropped, and also when the test process ends in any other way.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use plate_deploy_tests::control_plane::{ControlPlane, GitRepository};
//! use plate_deploy_tests::platform::Platform;
//!
//! // Deployments become ready on four simulated nodes, and Argo CD reconciles Applications in namespace argocd.
//! let Some(builder) = ControlPlane::builder().workloads(4).argocd().available() else { return Ok(()) };
//! let plane = builder.start().await?;
//! let repository = GitRepository::from_folder(&Platform::example()?.folder())?;
//! let application = r#"{"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
//!     "metadata": {"name": "web", "namespace": "argocd"}, "spec": {"project": "default",
//!     "source": {"repoURL": "URL", "path": "helm/applications/plate-web", "targetRevision": "main"},
//!     "destination": {"server": "https://kubernetes.default.svc", "namespace": "web"},
//!     "syncPolicy": {"automated": {}, "syncOptions": ["CreateNamespace=true"]}}}"#.replace("URL", &repository.url());
//! plane.apply(serde_json::from_str(&application)?).await?;
//! plane.stop("argocd-application-controller")?;                 // Argo CD is down …
//! plane.restart("argocd-application-controller").await?;        // … and comes back
//! for program in plane.usage() {
//!     println!("{} {} MiB {:.1} s", program.name, program.resident >> 20, program.cpu.as_secs_f64());
//! }
//! # Ok(()) }
//! ```

mod argocd;
mod git_repository;
mod kubernetes;
mod process;
mod programs;
mod workloads;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use plate_deploy_core::cluster::{
    ApplyMode, ClusterReader, ClusterWriter, ConnectOptions, KubeCluster, ObjectRef, WriteOptions, connect,
};
use plate_deploy_core::model::{GroupVersionKind, Manifest};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::{Mutex, OnceCell};

pub use argocd::NAMESPACE as ARGOCD_NAMESPACE;
pub use git_repository::GitRepository;
pub use process::Usage;

use process::Processes;
use programs::Programs;

/// Longest wait for one part to be ready.
const READY: Duration = Duration::from_secs(120);

/// What a control plane is made of; see [`ControlPlane::builder`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Builder {
    nodes: usize,
    addresses: bool,
    kinds: bool,
    argocd: bool,
}

/// A running control plane.
#[derive(Debug)]
pub struct ControlPlane {
    // Stops the programs when dropped; the folder goes after it.
    processes: Processes,
    dir: TempDir,
    url: String,
    started_in: Duration,
}

impl Builder {
    /// Adds the controllers, the scheduler and `nodes` simulated nodes, on which every pod becomes ready at once.
    #[must_use]
    pub fn workloads(self, nodes: usize) -> Self {
        Self { nodes: nodes.max(1), ..self }
    }

    /// With [`Self::workloads`]: Services of type LoadBalancer and Ingresses get an address, and claims of an existing
    /// storage class a volume, as where a load balancer, an ingress controller and a provisioner run. Without it they
    /// wait for ever, as on a bare cluster.
    #[must_use]
    pub fn addresses(self) -> Self {
        Self { addresses: true, ..self }
    }

    /// Adds Argo CD's custom resources, its configuration and the default project; Applications can be stored, and
    /// nothing acts on them.
    #[must_use]
    pub fn application_kinds(self) -> Self {
        Self { kinds: true, ..self }
    }

    /// Adds Argo CD: its custom resources, redis, repo server and application controller in namespace `argocd`.
    #[must_use]
    pub fn argocd(self) -> Self {
        Self { argocd: true, kinds: true, ..self }
    }

    /// The builder itself when this machine has every program; otherwise says on standard output what is missing, and
    /// the test that needs it does not run.
    #[must_use]
    pub fn available(self) -> Option<Self> {
        match self.programs() {
            Ok(_) => Some(self),
            Err(missing) => {
                #[allow(clippy::print_stdout, reason = "a test says that it did not run")]
                {
                    println!("NOT RUN: {missing:#}");
                }
                None
            }
        }
    }

    fn programs(self) -> Result<Programs> {
        Programs::find(self.nodes > 0, self.kinds)
    }

    /// Starts everything and waits until it serves and the nodes are ready.
    ///
    /// # Errors
    /// When a program is missing, cannot be started or does not become ready in time; the end of its log is in the
    /// text.
    pub async fn start(self) -> Result<ControlPlane> {
        let begin = Instant::now();
        let programs = self.programs()?;
        let dir = tempfile::Builder::new().prefix("plate-control-plane-").tempdir()?;
        let processes = Processes::new(dir.path())?;
        let ports = free_ports::<3>()?;
        let url = format!("https://127.0.0.1:{}", ports[2]);
        let mut plane = ControlPlane { processes, dir, url, started_in: Duration::ZERO };
        kubernetes::write_kubeconfig(plane.dir.path(), &plane.url)?;
        kubernetes::start(&plane.processes, &programs, plane.dir.path(), ports)?;
        plane.wait_for_api().await?;
        let cluster = plane.cluster().await?;
        tokio::try_join!(
            async {
                if self.nodes > 0 {
                    workloads::start(&plane, &programs, &cluster, self.nodes, self.addresses).await?;
                }
                anyhow::Ok(())
            },
            async {
                if self.kinds {
                    argocd::start(&plane, &programs, &cluster, self.argocd).await?;
                }
                anyhow::Ok(())
            },
        )?;
        plane.started_in = begin.elapsed();
        Ok(plane)
    }
}

impl ControlPlane {
    /// A control plane of etcd and the API server alone; the builder adds to it.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The bare API server that all tests of this process share: each test uses its own namespaces and names. `None`
    /// when this machine has none.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn shared() -> Result<Option<&'static Self>> {
        static SHARED: OnceCell<Option<ControlPlane>> = OnceCell::const_new();
        let plane = SHARED.get_or_try_init(|| async {
            match Self::builder().available() {
                Some(builder) => builder.start().await.map(Some),
                None => Ok(None),
            }
        });
        Ok(plane.await?.as_ref())
    }

    /// The turn of a test that needs a control plane of its own: at most one such test of a process runs at a time,
    /// so that neither memory nor the processors are overcommitted.
    pub async fn turn() -> impl Sized {
        static TURN: Mutex<()> = Mutex::const_new(());
        TURN.lock().await
    }

    /// A cluster backend for it, as an administrator.
    ///
    /// # Errors
    /// When the kubeconfig cannot be used.
    pub async fn cluster(&self) -> Result<KubeCluster> {
        let options = ConnectOptions { kubeconfig: vec![self.kubeconfig()], ..ConnectOptions::default() };
        Ok(connect(&options).await?.cluster)
    }

    /// The administrator's kubeconfig file.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        kubernetes::kubeconfig(self.dir.path())
    }

    /// The API server's address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How long it took from the first program to everything being ready.
    #[must_use]
    pub fn started_in(&self) -> Duration {
        self.started_in
    }

    /// The real kubectl, with the kubeconfig set; `None` when it was not built.
    #[must_use]
    pub fn kubectl(&self) -> Option<std::process::Command> {
        let mut command = std::process::Command::new(programs::kubectl()?);
        command.arg("--kubeconfig").arg(self.kubeconfig());
        Some(command)
    }

    /// Applies one object as an administrator, server-side, taking over what is in the way.
    ///
    /// # Errors
    /// When it is no object, or the API server refuses it.
    pub async fn apply(&self, object: Value) -> Result<Manifest> {
        let cluster = self.cluster().await?;
        apply(&cluster, object).await
    }

    /// Kills a program by name (`argocd-repo-server`, `kube-controller-manager` …), as a crash does.
    ///
    /// # Errors
    /// When there is no such program.
    pub fn stop(&self, program: &str) -> Result<()> {
        self.processes.stop(program)
    }

    /// Starts a program again that was stopped, on the same ports and data, and waits until it serves. Of a running
    /// one it is a restart.
    ///
    /// # Errors
    /// When there is no such program, or it does not come back.
    pub async fn restart(&self, program: &str) -> Result<()> {
        self.processes.restart(program)?;
        if program == "kube-apiserver" || program == "etcd" {
            self.wait_for_api().await?;
        }
        Ok(())
    }

    /// Memory and processor time of every running program.
    #[must_use]
    pub fn usage(&self) -> Vec<Usage> {
        self.processes.usage()
    }

    /// The last `lines` lines of a program's log.
    #[must_use]
    pub fn log_tail(&self, program: &str, lines: usize) -> String {
        self.processes.log_tail(program, lines)
    }

    /// Waits until the API server's own hooks have run; a program that ended is an error at once.
    async fn wait_for_api(&self) -> Result<()> {
        let cluster = self.cluster().await?;
        let default = ObjectRef {
            kind: GroupVersionKind::parse("v1", "Namespace"),
            namespace: String::new(),
            name: "default".into(),
        };
        // The default namespace is made by one of the last hooks.
        self.wait("kube-apiserver", || async { matches!(cluster.get(&default).await, Ok(Some(_))) }).await
    }

    /// Polls until `ready`, watching that every program still runs.
    async fn wait<F: Future<Output = bool>>(&self, what: &str, ready: impl Fn() -> F) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < READY {
            if ready().await {
                return Ok(());
            }
            self.processes.check()?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("{what} was not ready within {} s: {}", READY.as_secs(), self.log_tail(what, 15))
    }
}

async fn apply(cluster: &KubeCluster, object: Value) -> Result<Manifest> {
    let manifest = Manifest::new(object).context("not an object")?;
    let options = WriteOptions { field_manager: "plate-tests".into(), ..WriteOptions::default() };
    Ok(cluster.apply(&manifest, ApplyMode::ServerSide { force: true }, &options).await?)
}

/// The YAML documents of a file, empty ones left out.
fn yaml_documents(path: &Path) -> Result<Vec<Value>> {
    use serde::Deserialize;
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let mut documents = Vec::new();
    for document in serde_yaml::Deserializer::from_str(&text) {
        documents.push(Value::deserialize(document)?);
    }
    documents.retain(|value| !value.is_null());
    Ok(documents)
}

/// Ports that were free a moment ago.
fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut listeners = Vec::new();
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        *port = listener.local_addr()?.port();
        listeners.push(listener);
    }
    Ok(ports)
}
