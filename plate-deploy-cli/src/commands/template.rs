//! `template`.

use plate_deploy_core::engine::TemplateOptions;
use serde_json::json;

use super::{Outcome, open};
use crate::args::{Format, Global, Template};
use crate::command_error::CommandError;
use crate::output;

/// Prints the manifests; an Application that cannot be rendered is an error after all others.
pub(crate) async fn run(global: &Global, args: Template) -> Outcome {
    let options = TemplateOptions {
        revision: args.repo.revision.clone(),
        environment: args.environment,
        applications: args.apps,
        kube_version: args.kube_version,
    };
    let repo = open::repo(&args.repo, None, true).await?;
    let rendered = repo.offline().template(&options).await.map_err(open::engine_error)?;
    let mut failed = Vec::new();
    let mut manifests = Vec::new();
    for application in rendered {
        match application.manifests {
            Ok(found) => manifests.push((application.name, found)),
            Err(finding) => failed.push(format!("{}: {finding}", application.name)),
        }
    }
    match global.output {
        Format::Json => {
            let value: Vec<_> =
                manifests.iter().map(|(name, all)| json!({"application": name, "manifests": all})).collect();
            output::result(Format::Json, &value, |_| String::new())?;
        }
        _ => {
            for (name, all) in &manifests {
                for manifest in all {
                    let yaml = plate_deploy_core::yaml::to_string(manifest.value());
                    output::raw(&format!("---\n# Application: {name}\n{yaml}"))?;
                }
            }
        }
    }
    if failed.is_empty() { Ok(0) } else { Err(CommandError::failed(failed.join("\n"))) }
}
