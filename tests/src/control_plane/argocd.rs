//! A real Argo CD: its custom resources, redis, repo server and application controller.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use plate_deploy_core::cluster::{ClusterReader, KubeCluster, ObjectRef};
use plate_deploy_core::model::GroupVersionKind;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::process::Recipe;
use super::programs::{ArgoCd, Programs};
use super::{ControlPlane, apply, free_ports, kubernetes, yaml_documents};

/// The namespace that Argo CD reads its configuration and Applications in.
pub const NAMESPACE: &str = "argocd";

/// Argo CD asks this script for signatures of commits; nothing here is signed, and no project asks for it.
const VERIFY_SCRIPT: &str = "#!/bin/sh\ngit verify-commit \"$1\" 2>/dev/null || true\n";

/// Installs it; when it shall `run`, also starts it and waits until its parts serve.
pub(super) async fn start(plane: &ControlPlane, programs: &Programs, cluster: &KubeCluster, run: bool) -> Result<()> {
    let Some(programs) = &programs.argocd else { return Ok(()) };
    if !run {
        return install(plane, programs, cluster).await;
    }
    let [redis, repo_server, metrics, repo_metrics] = free_ports::<4>()?;
    let home = plane.dir.path().join("argocd");
    let path = prepare_home(programs, &home)?;
    plane.processes.spawn(
        Recipe::new("redis-server", &programs.redis)
            .args(["--bind", "127.0.0.1", "--port", &redis.to_string()])
            .args(["--save", "", "--appendonly", "no"]),
    )?;
    let parts = Parts { programs, home: &home, path: &path, kubeconfig: kubernetes::kubeconfig(plane.dir.path()) };
    plane.processes.spawn(parts.repo_server(repo_server, repo_metrics, redis))?;
    install(plane, programs, cluster).await?;
    plane.wait("redis-server", || listens(redis)).await?;
    plane.processes.spawn(parts.controller(repo_server, metrics, redis))?;
    plane.wait("argocd-repo-server", || listens(repo_server)).await?;
    plane.wait("argocd-application-controller", || listens(metrics)).await
}

async fn listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).await.is_ok()
}

/// The custom resources, the configuration and the default project.
async fn install(plane: &ControlPlane, programs: &ArgoCd, cluster: &KubeCluster) -> Result<()> {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
    apply(cluster, namespace).await?;
    let mut definitions = Vec::new();
    for name in ["application", "appproject", "applicationset"] {
        definitions.extend(yaml_documents(&programs.crds.join(format!("{name}-crd.yaml")))?);
    }
    let names: Vec<ObjectRef> = definitions.iter().map(definition_ref).collect();
    futures::future::try_join_all(definitions.into_iter().map(|crd| apply(cluster, crd))).await?;
    for object in configuration() {
        apply(cluster, object).await?;
    }
    plane.wait("kube-apiserver", || established(cluster, &names)).await?;
    cluster.catalog(true).await?;
    let project = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
        "metadata": {"name": "default", "namespace": NAMESPACE},
        "spec": {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}],
            "clusterResourceWhitelist": [{"group": "*", "kind": "*"}]}});
    apply(cluster, project).await?;
    Ok(())
}

fn definition_ref(crd: &Value) -> ObjectRef {
    ObjectRef {
        kind: GroupVersionKind::parse("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
        namespace: String::new(),
        name: crd.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().into(),
    }
}

async fn established(cluster: &KubeCluster, definitions: &[ObjectRef]) -> bool {
    for definition in definitions {
        let Ok(Some(live)) = cluster.get(definition).await else { return false };
        let conditions = live.value().pointer("/status/conditions").and_then(Value::as_array);
        if !conditions.into_iter().flatten().any(|c| c["type"] == "Established" && c["status"] == "True") {
            return false;
        }
    }
    true
}

/// What Argo CD's own installation makes of configuration, as far as these two parts read it.
fn configuration() -> Vec<Value> {
    let labels = json!({"app.kubernetes.io/part-of": "argocd"});
    let config = |name: &str| {
        json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels}})
    };
    let mut objects: Vec<Value> =
        ["argocd-cm", "argocd-rbac-cm", "argocd-cmd-params-cm", "argocd-gpg-keys-cm", "argocd-ssh-known-hosts-cm"]
            .map(config)
            .into();
    objects.push(config("argocd-tls-certs-cm"));
    objects.push(json!({"apiVersion": "v1", "kind": "Secret", "stringData": {"server.secretkey": "of a test"},
        "metadata": {"name": "argocd-secret", "namespace": NAMESPACE, "labels": labels}}));
    objects
}

/// Makes the folders that Argo CD's image has, and the `PATH` with the programs it starts.
fn prepare_home(programs: &ArgoCd, home: &Path) -> Result<OsString> {
    for name in ["bin", "gpg/keys", "gpg/source", "tls", "ssh", "plugins", "tmp"] {
        fs::create_dir_all(home.join(name))?;
    }
    fs::set_permissions(home.join("gpg/keys"), fs::Permissions::from_mode(0o700))?;
    fs::write(home.join("ssh/ssh_known_hosts"), "")?;
    let script = home.join("bin/git-verify-wrapper.sh");
    fs::write(&script, VERIFY_SCRIPT)?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
    std::os::unix::fs::symlink(&programs.helm, home.join("bin/helm"))?;
    let mut path = OsString::from(home.join("bin"));
    path.push(":");
    path.push(env::var_os("PATH").unwrap_or_default());
    Ok(path)
}

struct Parts<'a> {
    programs: &'a ArgoCd,
    home: &'a Path,
    path: &'a OsString,
    kubeconfig: PathBuf,
}

impl Parts<'_> {
    fn recipe(&self, name: &'static str) -> Recipe {
        let home = |name: &str| self.home.join(name).into_os_string();
        Recipe::new(name, &self.programs.argocd)
            .env("PATH", self.path)
            .env("HOME", self.home)
            .env("TMPDIR", home("tmp"))
            .env("KUBECONFIG", &self.kubeconfig)
            // `https://kubernetes.default.svc` is the cluster of the kubeconfig.
            .env("ARGOCD_FAKE_IN_CLUSTER", "true")
            .env("ARGOCD_GPG_ENABLED", "false")
            .env("ARGOCD_GNUPGHOME", home("gpg/keys"))
            .env("ARGOCD_GPG_DATA_PATH", home("gpg/source"))
            .env("ARGOCD_TLS_DATA_PATH", home("tls"))
            .env("ARGOCD_SSH_DATA_PATH", home("ssh"))
            .env("ARGOCD_PLUGINSOCKFILEPATH", home("plugins"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
    }

    fn repo_server(&self, port: u16, metrics: u16, redis: u16) -> Recipe {
        self.recipe("argocd-repo-server")
            .args(["--address", "127.0.0.1", "--port", &port.to_string()])
            .args(["--metrics-address", "127.0.0.1", "--metrics-port", &metrics.to_string()])
            .args(["--redis", &format!("127.0.0.1:{redis}"), "--disable-tls", "--client-ca-path", ""])
    }

    fn controller(&self, repo_server: u16, metrics: u16, redis: u16) -> Recipe {
        self.recipe("argocd-application-controller")
            .args([Path::new("--kubeconfig"), &self.kubeconfig])
            .args(["--namespace", NAMESPACE, "--metrics-port", &metrics.to_string()])
            .args(["--repo-server", &format!("127.0.0.1:{repo_server}"), "--repo-server-plaintext"])
            .args(["--redis", &format!("127.0.0.1:{redis}")])
    }
}
