//! `status`.

use std::io::IsTerminal;

use plate_deploy_core::engine::Deployer;

use super::{Outcome, open};
use crate::args::{Format, Global, Status};
use crate::command_error::CommandError;
use crate::language::Message;
use crate::output;

/// Prints sync and health; success when everything is Synced and Healthy, else 4.
pub(crate) async fn run(global: &Global, args: Status) -> Outcome {
    let deployer = open::deployer(&args.repo, &args.target).await?;
    if args.watch {
        return watch(global, &args, &deployer).await;
    }
    let reports = deployer.status(args.environment.as_deref()).await.map_err(open::engine_error)?;
    output::result(global.output, &reports, |reports| output::status_text(reports))?;
    Ok(if reports.iter().all(plate_deploy_core::report::ApplicationReport::ready) { 0 } else { 4 })
}

/// Shows the state again and again; each time it changes, unless on a terminal, which is drawn anew.
async fn watch(global: &Global, args: &Status, deployer: &Deployer) -> Outcome {
    let terminal = std::io::stdout().is_terminal() && global.output == Format::Text;
    output::note(Message::Interrupted.text());
    let mut last = String::new();
    loop {
        let reports = deployer.status(args.environment.as_deref()).await.map_err(open::engine_error)?;
        let now = serde_json::to_string(&reports).map_err(CommandError::failed)?;
        if terminal {
            // Home, and clear to the end of the screen.
            output::raw("\x1b[H\x1b[2J")?;
        }
        if terminal || now != last {
            output::result(global.output, &reports, |reports| output::status_text(reports))?;
        }
        last = now;
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(0),
            () = tokio::time::sleep(args.interval) => {}
        }
    }
}
