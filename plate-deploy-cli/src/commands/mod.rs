//! One file a verb; each is arguments in, library call, rendering out.

mod cluster;
mod deploy;
mod diff;
mod doctor;
mod explain;
mod graph;
mod helm;
mod impact;
mod lint;
mod manual;
mod open;
mod plan;
mod runs;
mod status;
mod template;

use crate::args::{Cli, Command};
use crate::command_error::CommandError;

/// Result of a command: the exit status.
pub(crate) type Outcome = Result<u8, CommandError>;

/// Runs the command.
pub(crate) fn run(cli: Cli) -> Outcome {
    match cli.command {
        // Rendering a chart needs no runtime, and starts faster without one.
        Command::Helm(helm) => helm::run(helm),
        command => {
            crate::output::log(&cli.global);
            let runtime =
                tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CommandError::failed)?;
            let outcome = runtime.block_on(dispatch(&cli.global, command));
            // A blocking read of a dead remote must not hold up the exit.
            runtime.shutdown_background();
            outcome
        }
    }
}

async fn dispatch(global: &crate::args::Global, command: Command) -> Outcome {
    match command {
        Command::Deploy(args) => deploy::run(global, args).await,
        Command::Plan(args) => plan::run(global, args).await,
        Command::Resume(args) => runs::resume(global, args).await,
        Command::Rollback(args) => runs::rollback(global, args).await,
        Command::Promote(args) => runs::promote(global, args).await,
        Command::Backup(args) => runs::backup(global, args).await,
        Command::Restore(args) => runs::restore(global, args).await,
        Command::Delete(args) => runs::delete(global, args).await,
        Command::History(args) => runs::history(global, args),
        Command::Diff(args) => diff::run(global, args).await,
        Command::Impact(args) => impact::run(global, args).await,
        Command::Graph(args) => graph::run(global, args).await,
        Command::Doctor(args) => doctor::run(global, args).await,
        Command::Explain(args) => explain::run(global, args),
        Command::Completions(args) => manual::completions(args),
        Command::Man(args) => manual::man(args),
        Command::Status(args) => status::run(global, args).await,
        Command::Template(args) => template::run(global, args).await,
        Command::Lint(args) => lint::run(global, args).await,
        Command::Cluster(args) => cluster::run(args).await,
        Command::Helm(args) => helm::run(args),
    }
}
