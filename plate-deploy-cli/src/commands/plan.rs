//! `plan`.

use plate_deploy_core::pipeline::{DeployRequest, PlanFile};
use plate_deploy_core::report::Outcome as Ended;

use super::{Outcome, deploy, open};
use crate::args::{Global, Plan};
use crate::command_error::CommandError;
use crate::output;

/// Plans, and prints the plan with all differences; what the server would not take is an error after it.
pub(crate) async fn run(global: &Global, args: Plan) -> Outcome {
    let request =
        DeployRequest::new(&args.environment).libraries(deploy::libraries(args.skip_libraries, args.libraries_only));
    let request = DeployRequest { images: deploy::images(&args.set_image)?, ..request };
    let deployer = open::deployer(&args.repo, &args.target).await?.reporter(output::reporter(global));
    let (plan, report) = deployer.plan(request.clone()).await.map_err(open::engine_error)?;
    if let Some(plan) = &plan {
        output::result(global.output, plan, |plan| output::plan_text(plan, true))?;
    }
    if report.outcome.exit_code() != 0 {
        let error = match report.outcome {
            Ended::Refused => CommandError::refused(&report.summary),
            _ => CommandError::failed(&report.summary),
        };
        return Err(report.findings.iter().fold(error, |error, finding| match finding.code.as_str() {
            "stopped" => error.hint(&finding.remedy),
            _ => error.hint(finding),
        }));
    }
    if let (Some(plan), Some(path)) = (plan, args.out) {
        let file = PlanFile::new(request, plan);
        std::fs::write(&path, file.to_json()).map_err(|e| CommandError::failed(format!("{}: {e}", path.display())))?;
        output::note(&format!(
            "carry it out with: plate-deploy deploy {} --plan {}",
            args.environment,
            path.display()
        ));
    }
    Ok(0)
}
