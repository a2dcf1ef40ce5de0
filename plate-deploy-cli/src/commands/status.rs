//! `status`.

use super::{Outcome, open};
use crate::args::{Global, Status};
use crate::output;

/// Prints sync and health; success when everything is Synced and Healthy, else 4.
pub(crate) async fn run(global: &Global, args: Status) -> Outcome {
    let deployer = open::deployer(&args.repo, &args.target).await?;
    let reports = deployer.status(args.environment.as_deref()).await.map_err(open::engine_error)?;
    output::result(global.output, &reports, |reports| output::status_text(reports))?;
    Ok(if reports.iter().all(plate_deploy_core::report::ApplicationReport::ready) { 0 } else { 4 })
}
