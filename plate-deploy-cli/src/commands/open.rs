//! From flags to a repository and a cluster.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;

use plate_deploy_core::clock::SystemClock;
use plate_deploy_core::cluster::{ClusterError, ConnectOptions, connect};
use plate_deploy_core::driver::argocd::ArgoCdOptions;
use plate_deploy_core::engine::{Deployer, EngineError, Repo};
use plate_deploy_core::git::RepoUrlMap;

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
    let kubeconfig = kubeconfig(target);
    if target.embedded || (target.context.is_none() && kubeconfig.is_empty()) {
        if !target.embedded {
            output::note("no kubeconfig: using the embedded cluster (--embedded)");
        }
        let repo = repo(args, target.state_dir.as_ref(), true).await?;
        return repo.embedded().await.map_err(engine_error);
    }
    let options = ConnectOptions { kubeconfig, context: target.context.clone(), allow_exec: target.allow_exec };
    let connection = connect(&options).await.map_err(|e| engine_error(EngineError::Cluster(e)))?;
    let repo = repo(args, target.state_dir.as_ref(), false).await?;
    let argocd = ArgoCdOptions { hard_refresh: target.hard_refresh, ..ArgoCdOptions::default() };
    let deployer = repo.on(Arc::new(connection.cluster)).driver(target.driver, argocd);
    Ok(deployer.confirm_context(target.confirm_context.clone()))
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
        EngineError::Range(_) => CommandError::usage(error),
        EngineError::Stage(stage) if stage.refused => CommandError::refused(&stage).hint(&stage.remedy),
        EngineError::Stage(stage) => CommandError::failed(&stage).hint(&stage.remedy),
        other => CommandError::failed(other),
    }
}
