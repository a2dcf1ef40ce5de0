//! Deploys the example platform on the embedded cluster and prints how every Application is.

use plate_deploy_core::clock::SystemClock;
use plate_deploy_core::engine::Repo;
use plate_deploy_core::pipeline::DeployRequest;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/plate-gitops");
    let repo = Repo::open_or_import(folder, None, &SystemClock).await?;
    let report = repo.embedded().await?.deploy(DeployRequest::new("staging")).await?;
    #[expect(clippy::print_stdout, reason = "an example prints")]
    {
        println!("{}", report.summary);
        for app in &report.applications {
            println!("{:20} {:?} {:?}", app.name, app.sync, app.health.status);
        }
    }
    anyhow::ensure!(report.outcome.exit_code() == 0, "not deployed");
    Ok(())
}
