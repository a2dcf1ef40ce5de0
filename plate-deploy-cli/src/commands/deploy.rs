//! `deploy`.

use std::sync::Arc;

use async_trait::async_trait;
use plate_deploy_core::pipeline::{Approval, Approver, DeployRequest, ImageChange, Libraries};
use plate_deploy_core::report::DeployPlan;

use super::{Outcome, open};
use crate::args::{Deploy, Format, Global};
use crate::command_error::CommandError;
use crate::output;

/// Deploys, and prints the report.
pub(crate) async fn run(global: &Global, args: Deploy) -> Outcome {
    let request = DeployRequest::new(&args.environment)
        .libraries(libraries(args.skip_libraries, args.libraries_only))
        .dry_run(args.dry_run)
        .timeout(args.timeout);
    let request = DeployRequest { images: images(&args.set_image)?, ..request };
    let approver = Ask { yes: args.yes, show_diff: args.show_diff, quiet: global.output != Format::Text };
    let deployer =
        open::deployer(&args.repo, &args.target).await?.reporter(output::reporter(global)).approver(Arc::new(approver));
    if args.dry_run && global.output == Format::Text {
        let (plan, report) = deployer.plan(request).await.map_err(open::engine_error)?;
        if let Some(plan) = plan {
            output::raw(&output::plan_text(&plan, args.show_diff))?;
        }
        output::result(global.output, &report, output::report_text)?;
        return Ok(report.outcome.exit_code());
    }
    let report = deployer.deploy(request).await.map_err(open::engine_error)?;
    output::result(global.output, &report, output::report_text)?;
    Ok(report.outcome.exit_code())
}

/// Which libraries two flags mean.
pub(super) fn libraries(skip: bool, only: bool) -> Libraries {
    match (skip, only) {
        (true, _) => Libraries::Skip,
        (_, true) => Libraries::Only,
        _ => Libraries::Include,
    }
}

/// The image changes of the flags.
pub(super) fn images(flags: &[String]) -> Result<Vec<ImageChange>, CommandError> {
    flags
        .iter()
        .map(|flag| ImageChange::parse(flag).map_err(|e| CommandError::usage(format!("--set-image {e}"))))
        .collect()
}

/// Shows the plan and asks on the terminal.
#[derive(Debug)]
struct Ask {
    yes: bool,
    show_diff: bool,
    /// Standard output belongs to a machine-readable report.
    quiet: bool,
}

#[async_trait]
impl Approver for Ask {
    async fn approve(&self, plan: &DeployPlan, must_type: Option<&str>) -> Approval {
        if !self.quiet {
            output::note(output::plan_text(plan, self.show_diff).trim_end());
        }
        let Some(word) = must_type.filter(|_| !self.yes) else { return Approval::Yes };
        match output::ask(&format!("Type {word:?} to deploy this plan:")) {
            Some(answer) if answer == word => Approval::Yes,
            Some(_) => Approval::No(format!("{word:?} was not typed")),
            None => Approval::No(format!(
                "{word} needs a typed confirmation; there is no terminal to ask on (--yes says yes)"
            )),
        }
    }
}
