//! Verbs that look and explain: `diff`, `impact`, `graph`, `doctor`, `explain`, `completions`, `man`.

use std::path::PathBuf;

use clap::Args;

use super::Repo;

/// Examples of `diff`.
pub(crate) const DIFF_EXAMPLES: &str = "\
Examples:
  plate-deploy diff main..feature
  plate-deploy diff origin/main...HEAD --env production --markdown comment.md
  plate-deploy diff HEAD~1 --side-by-side
  plate-deploy diff v1.0..v1.1 --html diff.html --output json";

/// `diff`.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// Two revisions: A..B, A...B (from where both parted), or A (up to HEAD)
    #[arg(value_name = "REV..REV")]
    pub(crate) range: String,
    /// Only this environment and what all share
    #[arg(long = "env", value_name = "ENVIRONMENT")]
    pub(crate) environment: Option<String>,
    /// Folder of the Git repository
    #[arg(long, default_value = ".", value_name = "PATH")]
    pub(crate) repo: PathBuf,
    /// Use a local repository for a repository URL (URL=PATH)
    #[arg(long = "repo-url-map", value_name = "URL=PATH")]
    pub(crate) url_map: Vec<String>,
    /// Leave the libraries out
    #[arg(long)]
    pub(crate) skip_libraries: bool,
    /// Kubernetes version to render for
    #[arg(long, value_name = "VERSION")]
    pub(crate) kube_version: Option<String>,
    /// Two columns instead of a unified diff
    #[arg(long)]
    pub(crate) side_by_side: bool,
    /// Name what changes without the differences
    #[arg(long, conflicts_with = "side_by_side")]
    pub(crate) summary: bool,
    /// Also write a comment for a pull request ("-": to standard output instead of the text)
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
    /// Longest comment, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = plate_deploy_core::changes::GITHUB_LIMIT)]
    pub(crate) markdown_limit: usize,
    /// Also write a self-contained page
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

impl Diff {
    /// The repository's flags as the other verbs have them.
    pub(crate) fn repo(&self) -> Repo {
        Repo { repo: self.repo.clone(), revision: "HEAD".into(), url_map: self.url_map.clone() }
    }
}
