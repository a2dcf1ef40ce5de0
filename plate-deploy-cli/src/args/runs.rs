//! The verbs that change an environment, and the flags they share.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{Repo, Target};

/// How a run is carried out.
#[derive(Clone, Debug, Args)]
pub(crate) struct RunFlags {
    /// Answer yes to the confirmation; production needs --plan with it
    #[arg(long, short = 'y')]
    pub(crate) yes: bool,
    /// Only if the plan is still this one: its digest, or a file made by `plan --out`
    #[arg(long, value_name = "DIGEST|FILE")]
    pub(crate) plan: Option<String>,
    /// How long to wait for everything to become healthy
    #[arg(long, default_value = "10m", value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Duration,
    /// Show created and deleted objects in full in the plan, too (differences of changed ones are always shown)
    #[arg(long)]
    pub(crate) show_diff: bool,
    /// Who this is, for the lock and the history (default: user@host)
    #[arg(long, value_name = "NAME")]
    pub(crate) who: Option<String>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// How long to wait for another run on this environment
    #[arg(long, default_value = "1m", value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(crate) lock_timeout: Duration,
    /// Take the environment's lock from its holder (say why with --reason)
    #[arg(long, requires = "reason")]
    pub(crate) break_lock: bool,
    /// Back up although the environment is not production
    #[arg(long)]
    pub(crate) backup: bool,
    /// Encrypt Secrets in the backup to this age key (repeatable; without one they are left out)
    #[arg(long = "backup-recipient", value_name = "age1…")]
    pub(crate) backup_recipients: Vec<String>,
    /// How many backups to keep
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub(crate) keep_backups: usize,
    /// Everything must stay healthy for this long before the run is a success
    #[arg(long, default_value = "0s", value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(crate) soak: Duration,
    /// A URL that must answer with 2xx or 3xx (repeatable)
    #[arg(long = "probe", value_name = "URL")]
    pub(crate) probes: Vec<String>,
    /// How often a new pod may restart
    #[arg(long, default_value_t = 2, value_name = "N")]
    pub(crate) max_restarts: u64,
    /// Stop waiting when a pod could not start for this long
    #[arg(long, default_value = "10s", value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(crate) fail_after: Duration,
    /// Leave production as it is when its verification fails
    #[arg(long)]
    pub(crate) no_auto_rollback: bool,
    /// Post start, approval, success and failure as JSON to this URL (repeatable)
    #[arg(long = "notify", value_name = "URL")]
    pub(crate) notify: Vec<String>,
}

/// `resume`.
#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// Environment; without one, whichever was cut off last
    pub(crate) environment: Option<String>,
    /// Drop the run instead: nothing more of it is done
    #[arg(long)]
    pub(crate) abandon: bool,
    #[command(flatten)]
    pub(crate) repo: Repo,
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) flags: RunFlags,
}

/// `rollback`.
#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// Environment
    pub(crate) environment: String,
    /// To what: last-healthy, a revision, or a run of `history`
    #[arg(long, default_value = "last-healthy", value_name = "WHAT")]
    pub(crate) to: String,
    /// Leave files alone that other environments read, too
    #[arg(long)]
    pub(crate) own_files_only: bool,
    #[command(flatten)]
    pub(crate) repo: Repo,
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) flags: RunFlags,
}

/// `promote`.
#[derive(Debug, Args)]
pub(crate) struct Promote {
    /// Environment whose images are copied
    pub(crate) from: String,
    /// Environment that gets them
    pub(crate) to: String,
    /// Only these components (default: all that both have and that are healthy)
    pub(crate) components: Vec<String>,
    /// Context in which to look whether the source is healthy (default: the one that is deployed to)
    #[arg(long, value_name = "NAME")]
    pub(crate) from_context: Option<String>,
    #[command(flatten)]
    pub(crate) repo: Repo,
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) flags: RunFlags,
}

/// `backup`.
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// Environment
    pub(crate) environment: String,
    /// List the backups there are
    #[arg(long)]
    pub(crate) list: bool,
    #[command(flatten)]
    pub(crate) repo: Repo,
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) flags: RunFlags,
}

/// `restore`.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// Environment
    pub(crate) environment: String,
    /// Name of the backup (`backup --list`)
    #[arg(id = "name", value_name = "BACKUP", default_value = "latest")]
    pub(crate) backup: String,
    /// Only this Application (repeatable)
    #[arg(long = "app", value_name = "NAME")]
    pub(crate) apps: Vec<String>,
    /// File with the age key that opens the backup's Secrets
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) repo: Repo,
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) flags: RunFlags,
}

/// `delete`.
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// Environment; production is refused
    pub(crate) environment: String,
    /// Only this Application (repeatable)
    #[arg(long = "app", value_name = "NAME")]
    pub(crate) apps: Vec<String>,
    #[command(flatten)]
    pub(crate) repo: Repo,
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) flags: RunFlags,
}

/// `history`.
#[derive(Debug, Args)]
pub(crate) struct History {
    /// Environment; without one, all
    pub(crate) environment: Option<String>,
    /// At most so many, the latest ones
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub(crate) limit: usize,
    /// Folder of the Git repository
    #[arg(long, default_value = ".", value_name = "PATH")]
    pub(crate) repo: PathBuf,
    /// State directory (default: .plate-deploy in the repository)
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,
}
