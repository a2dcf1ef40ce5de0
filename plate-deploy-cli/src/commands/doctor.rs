//! `doctor`.

use std::fmt::Write as _;

use owo_colors::OwoColorize;
use plate_deploy_core::cluster::{AccessRequest, ClusterReader, ListOptions};
use plate_deploy_core::engine::{Deployer, Repo};
use plate_deploy_core::model::GroupVersionKind;
use plate_deploy_core::report::Severity;
use serde::Serialize;

use super::{Outcome, open};
use crate::args::{Doctor, Global};
use crate::language::Message;
use crate::output;

/// The oldest Kubernetes that has everything that is used.
const OLDEST_MINOR: u64 = 25;

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Check {
    /// Part: repository, lint, cluster …
    part: &'static str,
    /// `ok`, `warning`, `error`.
    state: Severity,
    /// What was found.
    found: String,
    /// What to do; empty when there is nothing to do.
    #[serde(skip_serializing_if = "String::is_empty")]
    remedy: String,
    #[serde(skip)]
    heading: Message,
}

#[derive(Debug, Default)]
struct Checks(Vec<Check>);

impl Checks {
    fn add(&mut self, heading: Message, state: Severity, found: impl Into<String>, remedy: impl Into<String>) {
        let part = heading.text_in(crate::language::Language::En);
        self.0.push(Check { part, state, found: found.into(), remedy: remedy.into(), heading });
    }

    fn good(&mut self, heading: Message, found: impl Into<String>) {
        self.add(heading, Severity::Info, found, "");
    }
}

/// Looks at everything a deploy needs; 1 when something is in its way.
pub(crate) async fn run(global: &Global, args: Doctor) -> Outcome {
    let mut checks = Checks::default();
    checks.good(Message::CheckVersions, format!("plate-deploy {}", env!("CARGO_PKG_VERSION")));
    match open::repo(&args.repo, args.target.state_dir.as_ref(), true).await {
        Err(error) => checks.add(
            Message::CheckRepository,
            Severity::Error,
            error.message(),
            "run it in the repository, or pass --repo PATH",
        ),
        Ok(repo) => repository(&mut checks, &repo, &args).await,
    }
    match open::deployer(&args.repo, &args.target).await {
        Err(error) => checks.add(
            Message::CheckCluster,
            Severity::Error,
            error.message(),
            "check --context and --kubeconfig; without a cluster, --embedded uses the one inside",
        ),
        Ok(deployer) => cluster(&mut checks, &deployer).await,
    }
    let bad = checks.0.iter().any(|check| check.state == Severity::Error);
    output::result(global.output, &checks.0, |checks| text(checks, bad))?;
    Ok(u8::from(bad))
}

fn text(checks: &[Check], bad: bool) -> String {
    let mut out = String::new();
    for check in checks {
        let mark = match check.state {
            Severity::Info => "✓".green().to_string(),
            Severity::Warning => "!".yellow().to_string(),
            Severity::Error => "✗".red().to_string(),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{mark} {}: {}", check.heading.text().bold(), check.found);
        if !check.remedy.is_empty() {
            let _ = writeln!(out, "    → {}", check.remedy.cyan());
        }
    }
    let end =
        if bad { Message::DoctorBad.text().red().to_string() } else { Message::DoctorGood.text().green().to_string() };
    let _ = writeln!(out, "{end}");
    out
}

async fn repository(checks: &mut Checks, repo: &Repo, args: &Doctor) {
    let at = Message::CheckRepository;
    let loaded = match repo.offline().load(&args.repo.revision).await {
        Ok(loaded) => loaded,
        Err(error) => {
            return checks.add(
                at,
                Severity::Error,
                error.to_string(),
                "correct the file, or choose another --revision",
            );
        }
    };
    let workspace = &loaded.workspace;
    let commit = loaded.commit.short();
    let (apps, libraries) =
        (workspace.applications.len(), workspace.libraries.iter().map(|l| l.libraries.len()).sum::<usize>());
    let environments: Vec<_> = workspace.environments.iter().map(|e| e.name.as_str()).collect();
    if apps == 0 {
        checks.add(
            at,
            Severity::Error,
            format!("{commit}: no Applications"),
            "Applications are argoproj.io/v1alpha1 documents in YAML files outside of charts",
        );
    } else {
        checks.good(
            at,
            format!("{commit}: {apps} Applications, {libraries} libraries; environments: {}", environments.join(", ")),
        );
    }
    if let Ok(status) = repo.git().status("HEAD").await {
        let dirty = status.work_tree.as_ref().map_or(0, |tree| tree.changed.len());
        if dirty > 0 {
            checks.add(
                at,
                Severity::Warning,
                format!("{dirty} files are changed and not committed"),
                "commit them: only what is committed is deployed",
            );
        }
    }
    match repo.offline().lint(&args.repo.revision).await {
        Err(error) => checks.add(Message::CheckLint, Severity::Error, error.to_string(), ""),
        Ok(findings) => {
            let count = |severity| findings.iter().filter(|f| f.severity == severity).count();
            let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
            let found = format!("{errors} errors, {warnings} warnings");
            match (errors, warnings) {
                (0, 0) => checks.good(Message::CheckLint, found),
                (0, _) => checks.add(Message::CheckLint, Severity::Warning, found, "plate-deploy lint"),
                _ => checks.add(Message::CheckLint, Severity::Error, found, "plate-deploy lint"),
            }
        }
    }
}

async fn cluster(checks: &mut Checks, deployer: &Deployer) {
    let cluster = &**deployer.cluster();
    let at = Message::CheckCluster;
    let version = match cluster.version().await {
        Ok(version) => version,
        Err(error) => {
            return checks.add(at, Severity::Error, error.to_string(), "see `plate-deploy impact cluster/api-server`");
        }
    };
    checks.good(at, format!("{} answers", cluster.name()));
    let minor = version.trim_start_matches('v').split('.').nth(1).and_then(|minor| minor.parse::<u64>().ok());
    if minor.is_some_and(|minor| minor < OLDEST_MINOR) {
        checks.add(
            Message::CheckVersions,
            Severity::Warning,
            format!("Kubernetes {version}"),
            format!("tested with 1.{OLDEST_MINOR} and later"),
        );
    } else {
        checks.good(Message::CheckVersions, format!("Kubernetes {version}"));
    }
    permissions(checks, cluster).await;
    argocd(checks, cluster).await;
}

/// What a deploy does to the kinds that every platform has.
async fn permissions(checks: &mut Checks, cluster: &dyn ClusterReader) {
    let mut denied = Vec::new();
    for (group, resource) in
        [("", "namespaces"), ("apps", "deployments"), ("", "services"), ("", "secrets"), ("", "configmaps")]
    {
        for verb in ["list", "watch", "create", "patch", "delete"] {
            let request = AccessRequest {
                verb: verb.into(),
                group: group.into(),
                resource: resource.into(),
                namespace: String::new(),
            };
            match cluster.access(&request).await {
                Ok(access) if access.allowed => {}
                Ok(access) => denied.push(format!("{verb} {resource} {}", access.reason).trim().to_owned()),
                Err(error) => {
                    return checks.add(
                        Message::CheckPermissions,
                        Severity::Warning,
                        error.to_string(),
                        "kubectl auth can-i --list",
                    );
                }
            }
        }
    }
    if denied.is_empty() {
        checks.good(Message::CheckPermissions, "may read and write what a deploy needs");
    } else {
        let found = format!("may not: {}", denied.join(", "));
        checks.add(
            Message::CheckPermissions,
            Severity::Error,
            found,
            "bind a role that allows it (kubectl auth can-i --list)",
        );
    }
}

async fn argocd(checks: &mut Checks, cluster: &dyn ClusterReader) {
    let at = Message::CheckArgoCd;
    let applications = GroupVersionKind::parse("argoproj.io/v1alpha1", "Application");
    let served = cluster.catalog(false).await.is_ok_and(|catalog| catalog.get(&applications).is_some());
    if !served {
        return checks.good(at, "not installed here; plate-deploy syncs by itself");
    }
    let labels = "app.kubernetes.io/name=argocd-application-controller";
    let options = ListOptions { labels: labels.into(), ..ListOptions::default() };
    let pods = cluster.list(&GroupVersionKind::parse("v1", "Pod"), &options).await;
    let running = |pod: &plate_deploy_core::model::Manifest| {
        pod.value().pointer("/status/phase").is_some_and(|phase| phase == "Running")
    };
    match pods {
        Ok(pods) if pods.items.iter().any(running) => checks.good(at, "its controller runs"),
        Ok(_) => checks.add(
            at,
            Severity::Warning,
            "its definitions are there, but no controller runs",
            "plate-deploy impact argocd/controller --live",
        ),
        Err(error) => checks.add(at, Severity::Warning, error.to_string(), "kubectl get pods -A"),
    }
}
