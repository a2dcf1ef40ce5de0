//! `impact`.

use plate_deploy_core::engine::SimulateOptions;
use plate_deploy_core::impact::{Facts, predict};

use super::{Outcome, open};
use crate::args::{Global, Impact};
use crate::output;

/// Predicts, looks, proves; fails when the simulation contradicts the prediction.
pub(crate) async fn run(global: &Global, args: Impact) -> Outcome {
    let repo = open::repo(&args.repo, args.target.state_dir.as_ref(), true).await?;
    let mut facts = Facts { repo: args.repo.repo.display().to_string(), ..Facts::default() };
    let (failure, mut impact, related) =
        repo.offline().impact(&args.failure, &facts).await.map_err(open::engine_error)?;
    if args.live {
        let deployer = open::deployer(&args.repo, &args.target).await?;
        let (evidence, nodes) = deployer.evidence(&failure, &related).await;
        facts.nodes = nodes.unwrap_or(facts.nodes);
        impact = predict(&related.graph, &related.loaded.workspace, &failure, &facts);
        impact.evidence = evidence;
    }
    if args.simulate {
        output::note("deploying everything to an embedded cluster in memory, then letting the part fail …");
        let options = SimulateOptions::default();
        let measured = repo.simulate(&related, &failure, &options).await.map_err(open::engine_error)?;
        impact = impact.with_measured(measured);
    }
    output::result(global.output, &impact, output::impact_text)?;
    Ok(u8::from(!impact.differences.is_empty()))
}
