//! A real control plane for tests: etcd and kube-apiserver (and, when wanted, the controllers) on loopback.
//!
//! The binaries come from `KUBEBUILDER_ASSETS`, or from the folder that `cargo suite` built them into
//! (`PLATE_CONTROL_PLANE`). Everything is stopped, and its data removed, when the value is dropped.

use std::env;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use plate_deploy_core::cluster::{ClusterReader, ConnectOptions, KubeCluster, connect};
use rsa::pkcs8::{EncodePrivateKey, LineEnding};
use tempfile::TempDir;

/// Longest wait for the API server to serve.
const READY: Duration = Duration::from_secs(90);
const TOKEN: &str = "plate-deploy-test-token";

/// A running control plane.
#[derive(Debug)]
pub struct ControlPlane {
    processes: Vec<Child>,
    dir: TempDir,
    url: String,
}

/// Where the binaries are; `None` when this machine has none, and the suites that need them do not run.
#[must_use]
pub fn binaries() -> Option<PathBuf> {
    ["KUBEBUILDER_ASSETS", "PLATE_CONTROL_PLANE"]
        .iter()
        .filter_map(|name| env::var_os(name).map(PathBuf::from))
        .find(|dir| dir.join("kube-apiserver").exists() && dir.join("etcd").exists())
}

impl ControlPlane {
    /// Starts etcd and the API server, and waits until it serves.
    ///
    /// # Errors
    /// When a program cannot be started or does not become ready in time; the end of its log is in the text.
    pub async fn start(binaries: &Path) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let [client, peer, api] = free_ports()?;
        let url = format!("https://127.0.0.1:{api}");
        let mut plane = Self { processes: Vec::new(), dir, url };
        plane.start_etcd(binaries, client, peer)?;
        plane.start_api_server(binaries, client, api)?;
        plane.wait_ready().await?;
        Ok(plane)
    }

    /// A cluster backend for it, as an administrator.
    ///
    /// # Errors
    /// When the kubeconfig cannot be written or used.
    pub async fn cluster(&self) -> Result<KubeCluster> {
        let options = ConnectOptions { kubeconfig: vec![self.kubeconfig()?], ..ConnectOptions::default() };
        Ok(connect(&options).await?.cluster)
    }

    /// A kubeconfig file for it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn kubeconfig(&self) -> Result<PathBuf> {
        let path = self.dir.path().join("kubeconfig");
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
             clusters: [{{name: test, cluster: {{server: '{}', insecure-skip-tls-verify: true}}}}]\n\
             users: [{{name: admin, user: {{token: {TOKEN}}}}}]\n\
             contexts: [{{name: test, context: {{cluster: test, user: admin}}}}]\n",
            self.url
        );
        fs::write(&path, text)?;
        Ok(path)
    }

    fn start_etcd(&mut self, binaries: &Path, client: u16, peer: u16) -> Result<()> {
        let (client, peer) = (format!("http://127.0.0.1:{client}"), format!("http://127.0.0.1:{peer}"));
        let data = self.dir.path().join("etcd");
        let mut command = Command::new(binaries.join("etcd"));
        command
            .arg("--data-dir")
            .arg(data)
            .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
            .args(["--initial-cluster", &format!("default={peer}")])
            // The data is thrown away: there is no need to wait for the disk.
            .arg("--unsafe-no-fsync");
        self.spawn("etcd", command)
    }

    fn start_api_server(&mut self, binaries: &Path, etcd: u16, port: u16) -> Result<()> {
        let dir = self.dir.path().to_owned();
        let key = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048)?;
        fs::write(dir.join("sa.key"), key.to_pkcs8_pem(LineEnding::LF)?.as_bytes())?;
        fs::write(dir.join("tokens.csv"), format!("{TOKEN},admin,admin,system:masters\n"))?;
        let file = |name: &str| dir.join(name).display().to_string();
        let mut command = Command::new(binaries.join("kube-apiserver"));
        command
            .args(["--etcd-servers", &format!("http://127.0.0.1:{etcd}")])
            .args(["--bind-address", "127.0.0.1", "--secure-port", &port.to_string()])
            .args(["--cert-dir", &file("certs"), "--token-auth-file", &file("tokens.csv")])
            .args([
                "--service-account-key-file",
                &file("sa.key"),
                "--service-account-signing-key-file",
                &file("sa.key"),
            ])
            .args(["--service-account-issuer", "https://kubernetes.default.svc", "--authorization-mode", "RBAC"])
            .args(["--service-cluster-ip-range", "10.96.0.0/16", "--disable-admission-plugins", "ServiceAccount"]);
        self.spawn("kube-apiserver", command)
    }

    fn spawn(&mut self, name: &str, mut command: Command) -> Result<()> {
        let log = fs::File::create(self.log(name))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        self.processes.push(child);
        Ok(())
    }

    fn log(&self, name: &str) -> PathBuf {
        self.dir.path().join(format!("{name}.log"))
    }

    async fn wait_ready(&mut self) -> Result<()> {
        let cluster = self.cluster().await?;
        let start = Instant::now();
        while start.elapsed() < READY {
            for process in &mut self.processes {
                if let Some(status) = process.try_wait()? {
                    bail!("a control plane program ended with {status}: {}", self.log_tail());
                }
            }
            // The default namespace is made once the server's own hooks have run.
            let default = plate_deploy_core::cluster::ObjectRef {
                kind: plate_deploy_core::model::GroupVersionKind::parse("v1", "Namespace"),
                namespace: String::new(),
                name: "default".into(),
            };
            if matches!(cluster.get(&default).await, Ok(Some(_))) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        bail!("the API server was not ready in time: {}", self.log_tail())
    }

    fn log_tail(&self) -> String {
        let text = fs::read_to_string(self.log("kube-apiserver")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        // The API server first: etcd going away under it would only fill its log.
        for process in self.processes.iter_mut().rev() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Three ports that were free a moment ago.
fn free_ports() -> Result<[u16; 3]> {
    let listeners =
        [TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?];
    let mut ports = [0; 3];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}
