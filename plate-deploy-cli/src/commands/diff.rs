//! `diff`.

use std::fs;
use std::path::Path;

use plate_deploy_core::changes::{html, markdown};
use plate_deploy_core::engine::CompareOptions;

use super::{Outcome, open};
use crate::args::{Diff, Format, Global};
use crate::command_error::CommandError;
use crate::output::{self, Style};

/// Compares two revisions; fails when something cannot be rendered at the second one.
pub(crate) async fn run(global: &Global, args: Diff) -> Outcome {
    let repo = open::repo(&args.repo(), None, false).await?;
    let options = CompareOptions {
        environment: args.environment.clone(),
        skip_libraries: args.skip_libraries,
        kube_version: args.kube_version.clone(),
    };
    let found = repo.offline().compare(&args.range, &options).await.map_err(open::engine_error)?;
    let mut to_stdout = None;
    if let Some(path) = &args.markdown {
        let text = markdown(&found, args.markdown_limit);
        if path == Path::new("-") { to_stdout = Some(text) } else { write(path, &text)? }
    }
    if let Some(path) = &args.html {
        let text = html(&found);
        if path == Path::new("-") { to_stdout = Some(text) } else { write(path, &text)? }
    }
    let style = match (args.summary, args.side_by_side) {
        (true, _) => Style::Summary,
        (_, true) => Style::SideBySide,
        _ => Style::Unified,
    };
    match to_stdout {
        Some(text) if global.output == Format::Text => output::raw(&text)?,
        Some(_) => return Err(CommandError::usage("standard output holds one thing: \"-\" or --output, not both")),
        None => output::result(global.output, &found, |found| output::changes_text(found, style))?,
    }
    Ok(u8::from(found.is_broken()))
}

/// Writes a file that was asked for.
pub(super) fn write(path: &Path, text: &str) -> Result<(), CommandError> {
    fs::write(path, text).map_err(|e| CommandError::failed(format!("{}: {e}", path.display())))
}
