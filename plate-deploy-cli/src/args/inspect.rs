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

/// Examples of `impact`.
pub(crate) const IMPACT_EXAMPLES: &str = "\
Kinds: pipeline, argocd/controller, argocd/repo-server, argocd/redis, chart/NAME, values/PATH, library/NAME, git[/URL],
  cluster/{api-server,etcd,scheduler,controller-manager,node[/NAME],storage-class[/NAME],ingress-controller,load-balancer},
  app/NAME, registry/HOST

Examples:
  plate-deploy impact argocd/controller
  plate-deploy impact chart/plate-web --simulate
  plate-deploy impact cluster/node --live --context prod
  plate-deploy impact registry/harbor.example.com --output json";

/// `impact`.
#[derive(Debug, Args)]
pub(crate) struct Impact {
    /// What fails: KIND[/NAME]
    #[arg(value_name = "KIND[/NAME]")]
    pub(crate) failure: String,
    #[command(flatten)]
    pub(crate) repo: Repo,
    #[command(flatten)]
    pub(crate) target: super::Target,
    /// Also look for evidence in the cluster
    #[arg(long)]
    pub(crate) live: bool,
    /// Prove it: deploy everything to an embedded cluster in memory, let the part fail, and measure
    #[arg(long)]
    pub(crate) simulate: bool,
}

/// How `graph` draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Drawing {
    /// A Mermaid flowchart
    Mermaid,
    /// Graphviz
    Dot,
    /// A drawing
    Svg,
    /// A self-contained page
    Html,
}

/// Examples of `graph`.
pub(crate) const GRAPH_EXAMPLES: &str = "\
Examples:
  plate-deploy graph > relations.mmd
  plate-deploy graph --format html --live --out relations.html
  plate-deploy graph --timeline HEAD
  plate-deploy graph --format dot | dot -Tpng -o relations.png";

/// `graph`.
#[derive(Debug, Args)]
pub(crate) struct Graph {
    #[command(flatten)]
    pub(crate) repo: Repo,
    #[command(flatten)]
    pub(crate) target: super::Target,
    /// How to draw it (--output json gives the data)
    #[arg(long, value_enum, default_value_t = Drawing::Mermaid)]
    pub(crate) format: Drawing,
    /// Colour what is deployed by its live state
    #[arg(long)]
    pub(crate) live: bool,
    /// Show the ten steps on which this commit reaches the cluster, with measured times. Its deploy is measured on an
    /// embedded cluster in memory
    #[arg(long, value_name = "REV")]
    pub(crate) timeline: Option<String>,
    /// Write to a file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// `doctor`.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub(crate) repo: Repo,
    #[command(flatten)]
    pub(crate) target: super::Target,
}

/// `explain`.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The code in brackets behind a finding, e.g. missing-value-file; without one: all codes
    #[arg(value_name = "CODE")]
    pub(crate) code: Option<String>,
}

/// `completions`.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

/// `man`.
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Write one page for each verb into this folder; without it, the main page goes to standard output
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}
