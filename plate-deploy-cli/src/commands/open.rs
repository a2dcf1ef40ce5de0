//! From flags to a repository and a cluster.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use plate_deploy_core::clock::{Clock, SystemClock};
use plate_deploy_core::cluster::{ClusterBackend, ClusterError, ConnectOptions, connect};
use plate_deploy_core::driver::argocd::ArgoCdOptions;
use plate_deploy_core::engine::{Deployer, EngineError, Repo};
use plate_deploy_core::git::RepoUrlMap;
use plate_deploy_core::state::{Occupant, StateError};

use crate::args;
use crate::command_error::CommandError;
use crate::output;

/// Opens the repository of the flags. `embedded`: a plain folder will do, too.
pub(crate) async fn repo(args: &args::Repo, state_dir: Option<&PathBuf>, embedded: bool) -> Result<Repo, CommandError> {
    let opened = if embedded {
        Repo::open_or_import(&args.repo, state_dir.map(PathBuf::as_path), &SystemClock).await
    } else {
        Repo::open(&args.repo).await
    };
    let mut map = RepoUrlMap::default();
    for entry in &args.url_map {
        let (url, path) = entry
            .rsplit_once('=')
            .ok_or_else(|| CommandError::usage(format!("--repo-url-map {entry:?} is not URL=PATH")))?;
        map.insert(url, path);
    }
    let repo = opened.map_err(engine_error)?.url_map(map);
    Ok(match state_dir {
        Some(dir) => repo.state_dir(dir),
        None => repo,
    })
}

/// Connects to the cluster of the flags: a context, a kubeconfig, or the embedded one when there is neither.
pub(crate) async fn deployer(args: &args::Repo, target: &args::Target) -> Result<Deployer, CommandError> {
    deployer_for(args, target, ("look", &who(), Duration::ZERO)).await
}

/// The same for a run: another process that uses the embedded cluster is waited for, and learns who this one is.
pub(crate) async fn deployer_for(
    args: &args::Repo,
    target: &args::Target,
    (what, who, wait): (&str, &str, Duration),
) -> Result<Deployer, CommandError> {
    let kubeconfig = kubeconfig(target);
    if target.embedded || (target.context.is_none() && kubeconfig.is_empty()) {
        if !target.embedded {
            output::note("no kubeconfig: using the embedded cluster (--embedded)");
        }
        let repo = repo(args, target.state_dir.as_ref(), true).await?;
        let since = Some(SystemClock.now());
        let me = Occupant { what: what.into(), who: who.into(), since, ..Occupant::default() };
        return repo.embedded_for(&me, wait).await.map_err(engine_error);
    }
    let cluster = cluster(target).await?;
    let repo = repo(args, target.state_dir.as_ref(), false).await?;
    let argocd = ArgoCdOptions { hard_refresh: target.hard_refresh, ..ArgoCdOptions::default() };
    let deployer = repo.on(cluster).driver(target.driver, argocd);
    Ok(deployer.confirm_context(target.confirm_context.clone()))
}

/// The cluster of a context.
pub(crate) async fn cluster(target: &args::Target) -> Result<Arc<dyn ClusterBackend>, CommandError> {
    let options = ConnectOptions {
        kubeconfig: kubeconfig(target),
        context: target.context.clone(),
        allow_exec: target.allow_exec,
    };
    let connection = connect(&options).await.map_err(|e| engine_error(EngineError::Cluster(e)))?;
    Ok(Arc::new(connection.cluster))
}

/// `user@host`, as far as the system says.
pub(crate) fn who() -> String {
    let user = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| env::var(name).ok());
    let host = env::var("HOSTNAME").ok().or_else(|| std::fs::read_to_string("/etc/hostname").ok());
    let host = host.map(|host| format!("@{}", host.trim())).unwrap_or_default();
    format!("{}{host}", user.unwrap_or_else(|| "somebody".into()))
}

/// `--kubeconfig`, `$KUBECONFIG`, `~/.kube/config`: the first that is given or exists.
fn kubeconfig(target: &args::Target) -> Vec<PathBuf> {
    if let Some(path) = &target.kubeconfig {
        return vec![path.clone()];
    }
    if let Some(paths) = env::var_os("KUBECONFIG").filter(|paths| !paths.is_empty()) {
        return env::split_paths(&paths).filter(|path| path.exists()).collect();
    }
    let home = env::var_os("HOME").map(|home| PathBuf::from(home).join(".kube/config"));
    home.into_iter().filter(|path| path.exists()).collect()
}

/// The one place where library errors become command errors.
pub(crate) fn engine_error(error: EngineError) -> CommandError {
    match error {
        EngineError::UnknownEnvironment { .. } | EngineError::UnknownApplication { .. } => CommandError::refused(error),
        EngineError::Cluster(ClusterError::Config { .. }) => CommandError::refused(error),
        EngineError::State(error @ StateError::Busy { .. }) => {
            CommandError::refused(error).hint("wait for it with --lock-timeout, or use another --state-dir")
        }
        EngineError::Range(_) => CommandError::usage(error),
        EngineError::Stage(stage) if stage.refused => CommandError::refused(&stage).hint(&stage.remedy),
        EngineError::Stage(stage) => CommandError::failed(&stage).hint(&stage.remedy),
        other => CommandError::failed(other),
    }
}
