//! `deploy`.

use plate_deploy_core::pipeline::{DeployRequest, ImageChange, Libraries};

use super::runs::{Prepared, carry_out, prepare, request};
use super::{Outcome, open};
use crate::args::{Deploy, Format, Global};
use crate::command_error::CommandError;
use crate::output;

/// Deploys, and prints the report.
pub(crate) async fn run(global: &Global, args: Deploy) -> Outcome {
    let wish = DeployRequest::new(&args.environment)
        .libraries(libraries(args.skip_libraries, args.libraries_only))
        .dry_run(args.dry_run);
    let wish = DeployRequest { images: images(&args.set_image)?, release_hold: args.release_hold, ..wish };
    let Prepared { deployer, planned } = prepare(global, (&args.repo, &args.target, &args.flags), "deploy").await?;
    let wish = match planned {
        None => wish,
        Some(planned) if planned.environment != wish.environment => {
            return Err(CommandError::usage(format!(
                "the plan is for {}, not for {}",
                planned.environment, wish.environment
            )));
        }
        Some(planned) if !wish.images.is_empty() && wish.images != planned.images => {
            return Err(CommandError::usage("the plan is for other images; leave --set-image out"));
        }
        Some(planned) => DeployRequest { dry_run: args.dry_run, release_hold: args.release_hold, ..planned },
    };
    let wish = request(wish, &args.flags);
    if args.dry_run && global.output == Format::Text {
        let (plan, report) = deployer.plan(wish).await.map_err(open::engine_error)?;
        if let Some(plan) = plan {
            output::raw(&output::plan_text(&plan, args.flags.show_diff))?;
        }
        output::result(global.output, &report, output::report_text)?;
        return Ok(report.outcome.exit_code());
    }
    carry_out(global, &deployer, wish).await
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
