//! `lint`.

use plate_deploy_core::report::Severity;

use super::{Outcome, open};
use crate::args::{Global, Lint};
use crate::output;

/// Prints the findings; fails when there are errors (with `--strict`: or warnings).
pub(crate) async fn run(global: &Global, args: Lint) -> Outcome {
    let repo = open::repo(&args.repo, None, true).await?;
    let findings = repo.offline().lint(&args.repo.revision).await.map_err(open::engine_error)?;
    let limit = if args.strict { Severity::Warning } else { Severity::Error };
    let bad = findings.iter().any(|finding| finding.severity >= limit);
    output::result(global.output, &findings, |findings| output::lint_text(findings))?;
    Ok(u8::from(bad))
}
