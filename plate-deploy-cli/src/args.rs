//! The command line as typed: every verb, flag and default, in one place.

mod inspect;
mod runs;

use std::path::PathBuf;

pub(crate) use runs::{Backup, Delete, History, Promote, Restore, Resume, Rollback, RunFlags};

use clap::{Args, Parser, Subcommand, ValueEnum};
use plate_deploy_core::driver::DriverChoice;

pub(crate) use inspect::{Completions, Diff, Doctor, Drawing, Explain, Graph, Impact, Man};

const EXIT_CODES: &str = "\
Exit status:
  0  deployed and healthy, or nothing to do
  1  failed
  2  wrong usage
  3  refused by a safety check, nothing was changed
  4  applied and nothing left half-done, but not healthy in time";

/// Deploys Argo CD Applications and Helm charts from a Git repository onto Kubernetes.
#[derive(Debug, Parser)]
#[command(name = "plate-deploy", version, after_help = EXIT_CODES, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every verb.
#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// Format of the result on standard output
    #[arg(long, short = 'o', value_enum, default_value_t = Format::Text, global = true)]
    pub(crate) output: Format,
    /// When to use colours and moving progress bars
    #[arg(long, value_enum, default_value_t = When::Auto, global = true)]
    pub(crate) color: When,
    /// Language of what is said: en or ko (default: from $LC_ALL, $LC_MESSAGES, $LANG)
    #[arg(long, value_enum, global = true)]
    pub(crate) lang: Option<crate::language::Language>,
    /// Also write what a run did as a self-contained page (deploy, rollback and the other verbs that change something)
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) report: Option<PathBuf>,
    /// Say more (-v: what is read and written, -vv: everything)
    #[arg(long, short = 'v', action = clap::ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// One JSON document
    Json,
    /// One YAML document
    Yaml,
}

/// Yes, no, or where it fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// On a terminal
    Auto,
    /// Yes
    Always,
    /// No
    Never,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Deploy an environment: plan, commit, sync, wait until healthy, report
    #[command(after_help = DEPLOY_EXAMPLES)]
    Deploy(Deploy),
    /// Show what a deploy would change, and change nothing
    #[command(
        after_help = "Examples:\n  plate-deploy plan staging --set-image plate-server=harbor.example.com/stg/plate-server:1.4.2"
    )]
    Plan(Plan),
    /// Go on with a run that was cut off (killed, lost its machine), as the same run
    #[command(after_help = "Examples:\n  plate-deploy resume\n  plate-deploy resume staging --abandon")]
    Resume(Resume),
    /// Bring an environment back to an earlier state: a new commit, and a hold that keeps it there
    #[command(
        after_help = "Examples:\n  plate-deploy rollback production --reason \"1.4.2 leaks\"\n  plate-deploy rollback staging --to HEAD~3"
    )]
    Rollback(Rollback),
    /// Copy the images that are healthy in one environment to another
    #[command(after_help = "Examples:\n  plate-deploy promote staging production plate-server")]
    Promote(Promote),
    /// Back an environment up (production does so by itself before each change), or list its backups
    #[command(after_help = "Examples:\n  plate-deploy backup staging\n  plate-deploy backup production --list")]
    Backup(Backup),
    /// Bring objects back from a backup
    #[command(
        after_help = "Examples:\n  plate-deploy restore production\n  plate-deploy restore staging --app plate-web-stg"
    )]
    Restore(Restore),
    /// Delete what an environment's Applications brought; production is refused
    #[command(after_help = "Examples:\n  plate-deploy delete staging --app plate-web-stg")]
    Delete(Delete),
    /// Show what was deployed when, by whom, and how it ended
    #[command(after_help = "Examples:\n  plate-deploy history production\n  plate-deploy history --output json")]
    History(History),
    /// Show what a change of the repository changes in the clusters, between two revisions
    #[command(after_help = inspect::DIFF_EXAMPLES)]
    Diff(Diff),
    /// What a failure would reach, what to do about it, and what would have helped
    #[command(after_help = inspect::IMPACT_EXAMPLES)]
    Impact(Impact),
    /// Draw how Applications, charts, values, libraries and the cluster hang together
    #[command(after_help = inspect::GRAPH_EXAMPLES)]
    Graph(Graph),
    /// Check repository, cluster, permissions, Argo CD and versions, and say what to do
    #[command(after_help = "Examples:\n  plate-deploy doctor\n  plate-deploy doctor --context prod --output json")]
    Doctor(Doctor),
    /// Explain the code of a finding
    #[command(
        after_help = "Examples:\n  plate-deploy explain missing-value-file\n  plate-deploy explain --lang ko storage-class-missing"
    )]
    Explain(Explain),
    /// Print completions for a shell
    #[command(
        after_help = "Examples:\n  plate-deploy completions bash > /etc/bash_completion.d/plate-deploy\n  plate-deploy completions zsh > ~/.zfunc/_plate-deploy"
    )]
    Completions(Completions),
    /// Print the manual page
    #[command(
        after_help = "Examples:\n  plate-deploy man | man -l -\n  plate-deploy man --out /usr/local/share/man/man1"
    )]
    Man(Man),
    /// Show sync and health of an environment's Applications
    #[command(after_help = "Examples:\n  plate-deploy status staging\n  plate-deploy status --watch --interval 5s")]
    Status(Status),
    /// Render the manifests of an environment's Applications
    #[command(
        after_help = "Examples:\n  plate-deploy template staging\n  plate-deploy template --app plate-web-stg --output json"
    )]
    Template(Template),
    /// Check the repository: values, Applications, charts
    #[command(after_help = "Examples:\n  plate-deploy lint\n  plate-deploy lint --strict --revision feature")]
    Lint(Lint),
    /// Helm's own commands, without Helm
    #[command(subcommand)]
    Helm(Helm),
    /// The embedded cluster
    #[command(subcommand)]
    Cluster(Cluster),
}

const DEPLOY_EXAMPLES: &str = "\
Examples:
  plate-deploy deploy staging --repo examples/plate-gitops --embedded
  plate-deploy deploy staging --set-image plate-server=harbor.example.com/stg/plate-server:1.4.2
  plate-deploy deploy production --context prod-cluster
  plate-deploy deploy staging --dry-run --output json";

/// Where the repository is.
#[derive(Clone, Debug, Args)]
pub(crate) struct Repo {
    /// Folder of the Git repository
    #[arg(long, default_value = ".", value_name = "PATH")]
    pub(crate) repo: PathBuf,
    /// Revision to read: branch, tag or commit
    #[arg(long, default_value = "HEAD", value_name = "REV")]
    pub(crate) revision: String,
    /// Use a local repository for a repository URL (URL=PATH). The URLs that the Applications of --repo name are mapped
    /// to --repo itself without being told
    #[arg(long = "repo-url-map", value_name = "URL=PATH")]
    pub(crate) url_map: Vec<String>,
}

/// Which cluster.
#[derive(Clone, Debug, Args)]
pub(crate) struct Target {
    /// Context of the kubeconfig
    #[arg(long, value_name = "NAME", conflicts_with = "embedded")]
    pub(crate) context: Option<String>,
    /// kubeconfig file (default: $KUBECONFIG, then ~/.kube/config)
    #[arg(long, value_name = "FILE", conflicts_with = "embedded")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Use the embedded cluster, kept under the state directory. The default when there is neither a --context nor a
    /// kubeconfig
    #[arg(long)]
    pub(crate) embedded: bool,
    /// Deploy to this context although its name does not fit the environment
    #[arg(long, value_name = "NAME", conflicts_with = "embedded")]
    pub(crate) confirm_context: Option<String>,
    /// Allow the kubeconfig to start a program for credentials
    #[arg(long)]
    pub(crate) allow_exec: bool,
    /// Who carries syncs out: auto (an Argo CD that works in the cluster, else the embedded engine), embedded, argocd
    #[arg(long, value_name = "DRIVER", default_value = "auto")]
    pub(crate) driver: DriverChoice,
    /// Let Argo CD throw its cached manifests away when it refreshes
    #[arg(long)]
    pub(crate) hard_refresh: bool,
    /// Where state lives between commands: the embedded cluster, journals, backups (default: .plate-deploy in the
    /// repository)
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,
}

/// `deploy`.
#[derive(Debug, Args)]
pub(crate) struct Deploy {
    /// Environment, e.g. staging or production (aliases: stg, stage, prod)
    pub(crate) environment: String,
    #[command(flatten)]
    pub(crate) repo: Repo,
    #[command(flatten)]
    pub(crate) target: Target,
    /// Set a component's image, as one commit to its values file
    #[arg(long = "set-image", value_name = "COMPONENT=IMAGE:TAG")]
    pub(crate) set_image: Vec<String>,
    /// Leave the libraries (cluster services, development tools) as they are
    #[arg(long, conflicts_with = "libraries_only")]
    pub(crate) skip_libraries: bool,
    /// Deploy the libraries and nothing else
    #[arg(long)]
    pub(crate) libraries_only: bool,
    /// Plan and check on the server, write nothing anywhere
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Lift the hold that a rollback or a restore put on the environment
    #[arg(long)]
    pub(crate) release_hold: bool,
    #[command(flatten)]
    pub(crate) flags: RunFlags,
}

/// `plan`.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// Environment
    pub(crate) environment: String,
    #[command(flatten)]
    pub(crate) repo: Repo,
    #[command(flatten)]
    pub(crate) target: Target,
    /// Plan as if this image were set
    #[arg(long = "set-image", value_name = "COMPONENT=IMAGE:TAG")]
    pub(crate) set_image: Vec<String>,
    /// Leave the libraries out
    #[arg(long, conflicts_with = "libraries_only")]
    pub(crate) skip_libraries: bool,
    /// Plan the libraries and nothing else
    #[arg(long)]
    pub(crate) libraries_only: bool,
    /// Keep the plan in this file, for `deploy --plan FILE`
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// `status`.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Environment; without one, all Applications
    pub(crate) environment: Option<String>,
    /// Show it again and again, until interrupted
    #[arg(long)]
    pub(crate) watch: bool,
    /// Time between two looks
    #[arg(long, default_value = "2s", value_name = "DURATION", value_parser = humantime::parse_duration, requires = "watch")]
    pub(crate) interval: std::time::Duration,
    #[command(flatten)]
    pub(crate) repo: Repo,
    #[command(flatten)]
    pub(crate) target: Target,
}

/// `template`.
#[derive(Debug, Args)]
pub(crate) struct Template {
    /// Environment; without one, all Applications
    pub(crate) environment: Option<String>,
    /// Only these Applications
    #[arg(long = "app", value_name = "NAME")]
    pub(crate) apps: Vec<String>,
    #[command(flatten)]
    pub(crate) repo: Repo,
    /// Kubernetes version to render for
    #[arg(long, value_name = "VERSION")]
    pub(crate) kube_version: Option<String>,
}

/// `lint`.
#[derive(Debug, Args)]
pub(crate) struct Lint {
    #[command(flatten)]
    pub(crate) repo: Repo,
    /// Fail on warnings, too
    #[arg(long)]
    pub(crate) strict: bool,
}

/// `helm …`.
#[derive(Debug, Subcommand)]
pub(crate) enum Helm {
    /// Render a chart as `helm template` does
    Template(HelmTemplate),
    /// Check charts as `helm lint` does
    Lint(HelmLint),
    /// Look after the dependencies of a chart, as `helm dependency` does
    #[command(subcommand, visible_alias = "dep")]
    Dependency(HelmDependency),
}

/// `helm dependency …`.
#[derive(Debug, Subcommand)]
pub(crate) enum HelmDependency {
    /// Check that charts/ holds what Chart.lock says; nothing is downloaded
    Build {
        /// Chart folder
        #[arg(value_name = "CHART", default_value = ".")]
        chart: PathBuf,
    },
    /// List the declared dependencies and whether they are there
    #[command(visible_alias = "ls")]
    List {
        /// Chart folder
        #[arg(value_name = "CHART", default_value = ".")]
        chart: PathBuf,
        /// Longest column
        #[arg(long, value_name = "CHARACTERS", default_value_t = 80)]
        max_col_width: usize,
    },
}

/// Values, by Helm's own flags.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct HelmValues {
    /// Values file (repeatable; later ones win)
    #[arg(short = 'f', long = "values", value_name = "FILE")]
    pub(crate) values: Vec<PathBuf>,
    /// Set values (key1=val1,key2=val2)
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Set string values
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set_string: Vec<String>,
    /// Set values from files
    #[arg(long, value_name = "KEY=PATH")]
    pub(crate) set_file: Vec<String>,
    /// Set JSON values
    #[arg(long, value_name = "KEY=JSON")]
    pub(crate) set_json: Vec<String>,
    /// Set a literal string value
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set_literal: Vec<String>,
}

/// `helm template`.
#[derive(Debug, Args)]
pub(crate) struct HelmTemplate {
    /// Release name (may be left out) and chart folder or archive
    #[arg(required = true, num_args = 1..=2, value_name = "[NAME] CHART")]
    pub(crate) name_and_chart: Vec<String>,
    #[command(flatten)]
    pub(crate) values: HelmValues,
    /// Namespace of the release
    #[arg(short = 'n', long, default_value = "default")]
    pub(crate) namespace: String,
    /// Kubernetes version for .Capabilities.KubeVersion
    #[arg(long, value_name = "VERSION")]
    pub(crate) kube_version: Option<String>,
    /// API versions for .Capabilities.APIVersions
    #[arg(short = 'a', long, value_name = "VERSION", value_delimiter = ',')]
    pub(crate) api_versions: Vec<String>,
    /// Also print the chart's crds/
    #[arg(long)]
    pub(crate) include_crds: bool,
    /// Leave crds/ out (the default; kept for Helm's scripts)
    #[arg(long)]
    pub(crate) skip_crds: bool,
    /// Set .Release.IsUpgrade
    #[arg(long)]
    pub(crate) is_upgrade: bool,
    /// Leave test hooks out
    #[arg(long)]
    pub(crate) skip_tests: bool,
    /// Leave all hooks out
    #[arg(long)]
    pub(crate) no_hooks: bool,
    /// Only these templates
    #[arg(short = 's', long, value_name = "TEMPLATE", value_delimiter = ',')]
    pub(crate) show_only: Vec<String>,
    /// Do not check values against values.schema.json
    #[arg(long)]
    pub(crate) skip_schema_validation: bool,
    /// Behave as this Helm version
    #[arg(long = "helm", value_name = "3|4", default_value_t = 4, value_parser = clap::value_parser!(u8).range(3..=4))]
    pub(crate) helm_version: u8,
}

/// `helm lint`.
#[derive(Debug, Args)]
pub(crate) struct HelmLint {
    /// Charts (default: the current folder)
    #[arg(value_name = "PATH", default_value = ".")]
    pub(crate) charts: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) values: HelmValues,
    /// Namespace for the check
    #[arg(short = 'n', long, default_value = "default")]
    pub(crate) namespace: String,
    /// Kubernetes version to check deprecations against
    #[arg(long, value_name = "VERSION")]
    pub(crate) kube_version: Option<String>,
    /// Fail on warnings
    #[arg(long)]
    pub(crate) strict: bool,
    /// Print only warnings and errors
    #[arg(long)]
    pub(crate) quiet: bool,
    /// Also check subcharts
    #[arg(long)]
    pub(crate) with_subcharts: bool,
    /// Do not check values against values.schema.json
    #[arg(long)]
    pub(crate) skip_schema_validation: bool,
}

/// `cluster …`.
#[derive(Debug, Subcommand)]
pub(crate) enum Cluster {
    /// Forget everything in the embedded cluster
    Reset(ClusterState),
    /// Serve an embedded Kubernetes API over HTTP, with simulated workloads, until interrupted
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(ClusterServe),
}

const SERVE_EXAMPLES: &str = "\
Examples:
  plate-deploy cluster serve --kubeconfig /tmp/kubeconfig
  plate-deploy cluster serve --listen 127.0.0.1:8001 --store cluster.store
  plate-deploy cluster serve --simulate-failure image=plate-server:crash-loop --simulate-failure image=slow-app:slow=90s";

/// `cluster serve`.
#[derive(Debug, Args)]
pub(crate) struct ClusterServe {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(crate) listen: std::net::SocketAddr,
    /// Write a kubeconfig for it to this file (default: print it)
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Keep the objects in this file (default: in memory)
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
    /// Token that clients must send (default: a random one, in the kubeconfig)
    #[arg(long, value_name = "TOKEN")]
    pub(crate) token: Option<String>,
    /// Let the containers of an image fail: image=PATTERN:KIND with never-ready, crash-loop, image-pull, unschedulable or
    /// slow=DURATION (repeatable; the first that fits counts)
    #[arg(long, value_name = "RULE")]
    pub(crate) simulate_failure: Vec<plate_deploy_apiserver::controllers::FailureRule>,
    /// Serve without controllers: nothing is simulated, nothing is collected
    #[arg(long, conflicts_with = "simulate_failure")]
    pub(crate) bare: bool,
}

/// Where the embedded cluster's state is.
#[derive(Debug, Args)]
pub(crate) struct ClusterState {
    /// Folder of the Git repository
    #[arg(long, default_value = ".", value_name = "PATH")]
    pub(crate) repo: PathBuf,
    /// State directory (default: .plate-deploy in the repository)
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,
}
