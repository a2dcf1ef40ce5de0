//! `plan`.

use plate_deploy_core::pipeline::DeployRequest;
use plate_deploy_core::report::Outcome as Ended;

use super::{Outcome, deploy, open};
use crate::args::{Global, Plan};
use crate::command_error::CommandError;
use crate::output;

/// Plans, and prints the plan with all differences.
pub(crate) async fn run(global: &Global, args: Plan) -> Outcome {
    let request =
        DeployRequest::new(&args.environment).libraries(deploy::libraries(args.skip_libraries, args.libraries_only));
    let request = DeployRequest { images: deploy::images(&args.set_image)?, ..request };
    let deployer = open::deployer(&args.repo, &args.target).await?.reporter(output::reporter(global));
    let (plan, report) = deployer.plan(request).await.map_err(open::engine_error)?;
    match plan {
        Some(plan) => output::result(global.output, &plan, |plan| output::plan_text(plan, true))?,
        None => {
            let finding = report.findings.first();
            let error = match report.outcome {
                Ended::Refused => CommandError::refused(&report.summary),
                _ => CommandError::failed(&report.summary),
            };
            return Err(error.hint(finding.map_or("", |f| f.remedy.as_str())));
        }
    }
    Ok(0)
}
