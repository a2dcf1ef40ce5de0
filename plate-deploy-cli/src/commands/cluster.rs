//! `cluster …`: the embedded one.

use std::fs;
use std::io::ErrorKind;

use plate_deploy_core::engine::STATE_DIR;

use super::Outcome;
use crate::args::Cluster;
use crate::command_error::CommandError;
use crate::output;

/// Runs a `cluster` verb.
pub(crate) fn run(args: Cluster) -> Outcome {
    let Cluster::Reset(state) = args;
    let dir = state.state_dir.unwrap_or_else(|| state.repo.join(STATE_DIR)).join("cluster");
    match fs::remove_dir_all(&dir) {
        Ok(()) => output::note(&format!("forgot {}", dir.display())),
        Err(e) if e.kind() == ErrorKind::NotFound => output::note("there is no embedded cluster"),
        Err(e) => return Err(CommandError::failed(format!("{}: {e}", dir.display()))),
    }
    Ok(0)
}
