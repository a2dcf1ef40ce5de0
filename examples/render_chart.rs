//! Renders a chart as `helm template` does, with a value set on top.

use std::path::Path;

use plate_deploy_helm::chart::{Chart, ValueSources};
use plate_deploy_helm::{TemplateOptions, template};

fn main() -> anyhow::Result<()> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/plate-gitops/helm/applications/plate-web");
    let chart = Chart::load_path(Path::new(folder))?;
    let values = ValueSources { set: vec!["replicaCount=3".into()], ..ValueSources::default() };
    let options = TemplateOptions { release_name: "web".into(), values, ..TemplateOptions::default() };
    let rendered = template(&chart, &options)?;
    #[expect(clippy::print_stdout, reason = "an example prints")]
    {
        print!("{}", rendered.text);
    }
    Ok(())
}
