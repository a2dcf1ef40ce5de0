//! etcd and the API server, and how to reach it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use rsa::pkcs8::{EncodePrivateKey, LineEnding};

use super::process::{Processes, Recipe};
use super::programs::Programs;

/// Good for a server that listens on loopback for the minutes of a test.
const TOKEN: &str = "plate-deploy-test-token";

pub(super) fn kubeconfig(dir: &Path) -> PathBuf {
    dir.join("kubeconfig")
}

/// The key that signs tokens of service accounts.
pub(super) fn service_account_key(dir: &Path) -> PathBuf {
    dir.join("sa.key")
}

pub(super) fn write_kubeconfig(dir: &Path, url: &str) -> Result<()> {
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
         clusters: [{{name: test, cluster: {{server: '{url}', insecure-skip-tls-verify: true}}}}]\n\
         users: [{{name: admin, user: {{token: {TOKEN}}}}}]\n\
         contexts: [{{name: test, context: {{cluster: test, user: admin}}}}]\n"
    );
    Ok(fs::write(kubeconfig(dir), text)?)
}

/// Starts both; `ports` are etcd's client and peer port and the API server's.
pub(super) fn start(processes: &Processes, programs: &Programs, dir: &Path, ports: [u16; 3]) -> Result<()> {
    let [client, peer, api] = ports;
    processes.spawn(etcd(programs, dir, client, peer))?;
    let key = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048)?;
    fs::write(service_account_key(dir), key.to_pkcs8_pem(LineEnding::LF)?.as_bytes())?;
    fs::write(dir.join("tokens.csv"), format!("{TOKEN},admin,admin,system:masters\n"))?;
    processes.spawn(api_server(programs, dir, client, api))
}

fn etcd(programs: &Programs, dir: &Path, client: u16, peer: u16) -> Recipe {
    let (client, peer) = (format!("http://127.0.0.1:{client}"), format!("http://127.0.0.1:{peer}"));
    Recipe::new("etcd", &programs.etcd)
        .args([Path::new("--data-dir"), &dir.join("etcd")])
        .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
        .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
        .args(["--initial-cluster", &format!("default={peer}")])
        // The data is thrown away: there is no need to wait for the disk.
        .args(["--unsafe-no-fsync"])
}

fn api_server(programs: &Programs, dir: &Path, etcd: u16, port: u16) -> Recipe {
    let key = service_account_key(dir);
    Recipe::new("kube-apiserver", &programs.api_server)
        .args(["--etcd-servers", &format!("http://127.0.0.1:{etcd}")])
        .args(["--bind-address", "127.0.0.1", "--secure-port", &port.to_string()])
        .args([Path::new("--cert-dir"), &dir.join("certs")])
        .args([Path::new("--token-auth-file"), &dir.join("tokens.csv")])
        .args([Path::new("--service-account-key-file"), &key])
        .args([Path::new("--service-account-signing-key-file"), &key])
        .args(["--service-account-issuer", "https://kubernetes.default.svc", "--authorization-mode", "RBAC"])
        // Nobody makes tokens for pods that no kubelet runs.
        .args(["--service-cluster-ip-range", "10.96.0.0/16", "--disable-admission-plugins", "ServiceAccount"])
}
