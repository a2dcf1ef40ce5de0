//! The verbs that change an environment: `deploy`, `resume`, `rollback`, `promote`, `backup`, `restore`, `delete`; and
//! `history`.

use std::sync::Arc;

use async_trait::async_trait;
use plate_deploy_core::backup::{Identities, Recipients};
use plate_deploy_core::engine::{Deployer, ResumeOptions, STATE_DIR};
use plate_deploy_core::pipeline::{
    Approval, ApproveDigest, Approver, DeployRequest, LockOptions, Notifier, PlanFile, RollbackTo, Safety, Verb,
    VerifyOptions, Webhook,
};
use plate_deploy_core::report::DeployPlan;
use plate_deploy_core::state::{FileHistory, HistoryStore};

use super::{Outcome, open};
use crate::args::{Backup, Delete, Format, Global, History, Promote, Repo, Restore, Resume, Rollback, RunFlags, Target};
use crate::command_error::CommandError;
use crate::output;

/// Digits of a plan's digest.
const DIGEST: usize = 16;

/// Everything that a run's flags mean.
pub(super) struct Prepared {
    pub(super) deployer: Deployer,
    /// The request of a plan file.
    pub(super) planned: Option<DeployRequest>,
}

/// Opens repository and cluster for a run, with the approver and the safety settings of the flags.
pub(super) async fn prepare(
    global: &Global,
    (repo, target, flags): (&Repo, &Target, &RunFlags),
    verb: &str,
) -> Result<Prepared, CommandError> {
    let who = flags.who.clone().unwrap_or_else(open::who);
    let deployer = open::deployer_for(repo, target, (verb, &who, flags.lock_timeout)).await?;
    let keys = flags.backup_recipients.iter().map(String::as_str);
    let notifiers: Result<Vec<Arc<dyn Notifier>>, CommandError> = flags
        .notify
        .iter()
        .map(|url| Webhook::new(url).map(|hook| Arc::new(hook) as Arc<dyn Notifier>).map_err(CommandError::usage))
        .collect();
    let safety = Safety {
        who,
        recipients: Recipients::parse(keys).map_err(CommandError::usage)?,
        keep_backups: flags.keep_backups,
        notifiers: notifiers?,
        ..Safety::default()
    };
    let (approver, planned) = approver(global, flags, verb)?;
    let deployer = deployer.reporter(output::reporter(global)).approver(approver).safety(safety);
    Ok(Prepared { deployer, planned })
}

/// The request with the flags in it.
pub(super) fn request(request: DeployRequest, flags: &RunFlags) -> DeployRequest {
    DeployRequest {
        timeout: flags.timeout,
        lock: lock(flags),
        verify: VerifyOptions {
            soak: flags.soak,
            probes: flags.probes.clone(),
            max_restarts: flags.max_restarts,
            fail_after: flags.fail_after,
        },
        auto_rollback: !flags.no_auto_rollback,
        backup: flags.backup,
        ..request
    }
}

fn lock(flags: &RunFlags) -> LockOptions {
    LockOptions {
        timeout: flags.lock_timeout,
        break_reason: flags.reason.clone().filter(|_| flags.break_lock),
    }
}

/// Carries a request out and prints its report.
pub(super) async fn carry_out(global: &Global, deployer: &Deployer, request: DeployRequest) -> Outcome {
    let report = deployer.deploy(request).await.map_err(open::engine_error)?;
    output::result(global.output, &report, output::report_text)?;
    Ok(report.outcome.exit_code())
}

/// `resume`.
pub(crate) async fn resume(global: &Global, args: Resume) -> Outcome {
    let Prepared { deployer, .. } = prepare(global, (&args.repo, &args.target, &args.flags), "resume").await?;
    let options = ResumeOptions {
        environment: args.environment,
        abandon: args.abandon,
        lock: lock(&args.flags),
        timeout: Some(args.flags.timeout),
    };
    let before = deployer.cut_off().map_err(open::engine_error)?;
    match deployer.resume(options).await.map_err(open::engine_error)? {
        Some(report) => {
            output::result(global.output, &report, output::report_text)?;
            Ok(report.outcome.exit_code())
        }
        None => {
            let dropped = if args.abandon && !before.is_empty() { "dropped" } else { "no run was cut off" };
            output::note(dropped);
            Ok(0)
        }
    }
}

/// `rollback`.
pub(crate) async fn rollback(global: &Global, args: Rollback) -> Outcome {
    let Prepared { deployer, .. } = prepare(global, (&args.repo, &args.target, &args.flags), "rollback").await?;
    let to = match args.to.as_str() {
        "last-healthy" => RollbackTo::LastHealthy,
        revision => RollbackTo::Revision(revision.to_owned()),
    };
    let why = args.flags.reason.clone().unwrap_or_default();
    let rollback = DeployRequest::new(&args.environment).verb(Verb::Rollback { to, why });
    let rollback = DeployRequest { own_files_only: args.own_files_only, ..request(rollback, &args.flags) };
    carry_out(global, &deployer, rollback).await
}

/// `promote`.
pub(crate) async fn promote(global: &Global, args: Promote) -> Outcome {
    let Prepared { mut deployer, .. } = prepare(global, (&args.repo, &args.target, &args.flags), "promote").await?;
    if args.from_context.is_some() {
        let target = Target { context: args.from_context.clone(), ..args.target.clone() };
        deployer = deployer.promote_from(open::cluster(&target).await?);
    }
    let promote = DeployRequest::new(&args.to).verb(Verb::Promote { from: args.from, components: args.components });
    carry_out(global, &deployer, request(promote, &args.flags)).await
}

/// `backup`.
pub(crate) async fn backup(global: &Global, args: Backup) -> Outcome {
    if args.list {
        let repo = open::repo(&args.repo, args.target.state_dir.as_ref(), true).await?;
        let loaded = repo.offline().load("HEAD").await.map_err(open::engine_error)?;
        let name = loaded.workspace.environment(&args.environment).map_or(&args.environment, |e| &e.name);
        let backups = repo.backups().list(name).map_err(CommandError::failed)?;
        output::result(global.output, &backups, |all| output::backups_text(all))?;
        return Ok(0);
    }
    let Prepared { deployer, .. } = prepare(global, (&args.repo, &args.target, &args.flags), "backup").await?;
    carry_out(global, &deployer, request(DeployRequest::new(&args.environment).verb(Verb::Backup), &args.flags)).await
}

/// `restore`.
pub(crate) async fn restore(global: &Global, args: Restore) -> Outcome {
    let Prepared { deployer, .. } = prepare(global, (&args.repo, &args.target, &args.flags), "restore").await?;
    let identities = match &args.identity {
        None => Identities::default(),
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|e| CommandError::usage(format!("{}: {e}", path.display())))?;
            Identities::parse(&text).map_err(|e| CommandError::usage(format!("{}: {e}", path.display())))?
        }
    };
    let deployer = deployer.identities(identities);
    let verb = Verb::Restore { backup: args.backup, applications: args.apps };
    carry_out(global, &deployer, request(DeployRequest::new(&args.environment).verb(verb), &args.flags)).await
}

/// `delete`.
pub(crate) async fn delete(global: &Global, args: Delete) -> Outcome {
    let Prepared { deployer, .. } = prepare(global, (&args.repo, &args.target, &args.flags), "delete").await?;
    let verb = Verb::Delete { applications: args.apps };
    carry_out(global, &deployer, request(DeployRequest::new(&args.environment).verb(verb), &args.flags)).await
}

/// `history`.
pub(crate) fn history(global: &Global, args: History) -> Outcome {
    let dir = args.state_dir.unwrap_or_else(|| args.repo.join(STATE_DIR));
    let history: Arc<dyn HistoryStore> = Arc::new(FileHistory::new(dir.join("history.log")));
    let mut entries = history.entries().map_err(CommandError::failed)?;
    if let Some(environment) = &args.environment {
        entries.retain(|entry| entry.environment.starts_with(environment.as_str()));
    }
    let surplus = entries.len().saturating_sub(args.limit);
    entries.drain(..surplus);
    output::result(global.output, &entries, |all| output::history_text(all))?;
    Ok(0)
}

/// The approver of the flags, and the request of a plan file.
fn approver(
    global: &Global,
    flags: &RunFlags,
    verb: &str,
) -> Result<(Arc<dyn Approver>, Option<DeployRequest>), CommandError> {
    let quiet = global.output != Format::Text;
    let ask = |yes: bool, digest_needed: bool| Ask { yes, digest_needed, show_diff: flags.show_diff, quiet };
    let Some(plan) = &flags.plan else {
        // A deletion is no deploy of something that was looked at before.
        return Ok((Arc::new(ask(flags.yes, verb != "delete")), None));
    };
    let is_digest = plan.len() == DIGEST && plan.chars().all(|c| c.is_ascii_hexdigit());
    let (digest, planned) = if is_digest {
        (plan.to_ascii_lowercase(), None)
    } else {
        let text = std::fs::read_to_string(plan).map_err(|e| CommandError::usage(format!("--plan {plan}: {e}")))?;
        let file = PlanFile::parse(&text).map_err(|e| CommandError::refused(format!("{plan}: {e}")))?;
        (file.digest, Some(file.request))
    };
    let also = Arc::new(ask(flags.yes, false));
    Ok((Arc::new(ApproveDigest::new(digest).and(also)), planned))
}

/// Shows the plan and asks on the terminal.
#[derive(Debug)]
struct Ask {
    yes: bool,
    /// A yes in advance is only good for a plan that was looked at.
    digest_needed: bool,
    show_diff: bool,
    /// Standard output belongs to a machine-readable report.
    quiet: bool,
}

#[async_trait]
impl Approver for Ask {
    async fn approve(&self, plan: &DeployPlan, must_type: Option<&str>) -> Approval {
        if !self.quiet {
            output::note(output::plan_text(plan, self.show_diff).trim_end());
        }
        let Some(word) = must_type else { return Approval::Yes };
        let digest = plan.digest();
        if self.yes && !self.digest_needed {
            return Approval::Yes;
        }
        if self.yes {
            return Approval::No(format!(
                "--yes alone is not enough for {word}: say which plan, with --yes --plan {digest} for this one"
            ));
        }
        match output::ask(&format!("Type {word:?} to go on with this plan:")) {
            Some(answer) if answer == word => Approval::Yes,
            Some(_) => Approval::No(format!("{word:?} was not typed")),
            None => Approval::No(format!(
                "{word} needs a typed confirmation; there is no terminal to ask on (--yes --plan {digest} says yes to \
                 this plan)"
            )),
        }
    }
}
