//! `cluster …`: the embedded one.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

use plate_deploy_apiserver::controllers::Simulation;
use plate_deploy_apiserver::{ApiServer, random_token};
use plate_deploy_core::engine::STATE_DIR;

use super::Outcome;
use crate::args::{Cluster, ClusterServe, ClusterState};
use crate::command_error::CommandError;
use crate::output;

/// Runs a `cluster` verb.
pub(crate) async fn run(args: Cluster) -> Outcome {
    match args {
        Cluster::Reset(state) => reset(state),
        Cluster::Serve(args) => serve(args).await,
    }
}

fn reset(state: ClusterState) -> Outcome {
    let dir = state.state_dir.unwrap_or_else(|| state.repo.join(STATE_DIR)).join("cluster");
    match fs::remove_dir_all(&dir) {
        Ok(()) => output::note(&format!("forgot {}", dir.display())),
        Err(e) if e.kind() == ErrorKind::NotFound => output::note("there is no embedded cluster"),
        Err(e) => return Err(CommandError::failed(format!("{}: {e}", dir.display()))),
    }
    Ok(0)
}

async fn serve(args: ClusterServe) -> Outcome {
    if !args.listen.ip().is_loopback() && args.token.is_none() {
        return Err(CommandError::refused("other machines could reach this address, and there is no encryption")
            .hint("listen on 127.0.0.1, or give a --token to say that it is meant so"));
    }
    let mut builder = ApiServer::builder();
    if !args.bare {
        builder = builder.controllers(Simulation { failures: args.simulate_failure, ..Simulation::default() });
    }
    if let Some(path) = &args.store {
        builder = builder.store_file(path);
    }
    let server = builder.build().map_err(CommandError::failed)?;
    let token = args.token.unwrap_or_else(random_token);
    let listener = server
        .serve(args.listen, Some(token))
        .await
        .map_err(|e| CommandError::failed(format!("cannot listen on {}: {e}", args.listen)))?;
    match &args.kubeconfig {
        Some(path) => {
            write_private(path, &listener.kubeconfig())
                .map_err(|e| CommandError::failed(format!("{}: {e}", path.display())))?;
            output::note(&format!("serving http://{}; kubectl --kubeconfig {}", listener.address(), path.display()));
        }
        None => {
            output::raw(&listener.kubeconfig())?;
            output::note(&format!("serving http://{}", listener.address()));
        }
    }
    tokio::signal::ctrl_c().await.map_err(CommandError::failed)?;
    Ok(0)
}

/// Writes a file that only its owner can read: it holds the token.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}
