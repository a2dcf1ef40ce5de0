//! GitOps Promoter: kinds with a `Ready` condition, a shared vocabulary, and messages of their own while deleted.

use super::gitops_promotion::{change_transfer_policy, promotion_strategy};
use super::rule::{P, Rule, Step::Run};
use crate::health::node::Node;
use crate::health::{degraded, healthy, progressing};
use crate::model::{GroupVersionKind, HealthStatus};

const GROUP: &str = "promoter.argoproj.io";

pub(super) const RULES: &[Rule] = &[
    Rule {
        kinds: "promoter.argoproj.io/ArgoCDCommitStatus",
        steps: &[Run(|o| reconciliation(o, "Argo CD commit status")), Run(argocd_commit_status)],
        otherwise: (P, ""),
    },
    Rule {
        kinds: "promoter.argoproj.io/ChangeTransferPolicy",
        steps: &[Run(|o| reconciliation(o, "Change transfer policy")), Run(change_transfer_policy)],
        otherwise: (P, ""),
    },
    Rule {
        kinds: "promoter.argoproj.io/CommitStatus",
        steps: &[Run(|o| reconciliation(o, "Commit status")), Run(commit_status)],
        otherwise: (P, ""),
    },
    Rule {
        kinds: "promoter.argoproj.io/PromotionStrategy",
        steps: &[Run(|o| reconciliation(o, "Promotion strategy")), Run(promotion_strategy)],
        otherwise: (P, ""),
    },
    Rule {
        kinds: "promoter.argoproj.io/PullRequest",
        steps: &[Run(|o| reconciliation(o, "Pull request")), Run(pull_request)],
        otherwise: (P, ""),
    },
    Rule {
        kinds: "promoter.argoproj.io/ClusterScmProvider|ScmProvider|GitRepository|GitCommitStatus|TimedCommitStatus|\
                WebRequestCommitStatus",
        steps: &[Run(validated), Run(environments)],
        otherwise: (P, ""),
    },
];

/// Finalizers and what to say of them.
type Finalizers = &'static [(&'static str, &'static str)];

/// (kind, sentence while deleted, finalizers with what they wait for and what removing them by hand risks).
const DELETIONS: &[(&str, &str, Finalizers)] = &[
    ("ArgoCDCommitStatus", "Argo CD commit status is being deleted", &[]),
    ("CommitStatus", "Commit status is being deleted", &[]),
    ("GitCommitStatus", "GitCommitStatus is being deleted", &[]),
    ("PromotionStrategy", "Promotion strategy is being deleted", &[]),
    ("TimedCommitStatus", "TimedCommitStatus is being deleted", &[]),
    ("WebRequestCommitStatus", "WebRequestCommitStatus is being deleted", &[]),
    (
        "ChangeTransferPolicy",
        "Change transfer policy is being deleted.",
        &[(
            "changetransferpolicy.promoter.argoproj.io/finalizer",
            "Waiting to clear related PullRequest finalizers and finish cleanup before this policy is removed. Risk if \
             removed manually: The 'changetransferpolicy.promoter.argoproj.io/pullrequest-finalizer' finalizer may not \
             be cleaned up from PullRequests owned by this ChangeTransferPolicy.",
        )],
    ),
    (
        "ClusterScmProvider",
        "ClusterScmProvider is being deleted.",
        &[(
            "clusterscmprovider.promoter.argoproj.io/finalizer",
            "Waiting until no GitRepository still references this cluster-wide SCM provider. Risk if removed manually: \
             GitRepository objects can reference a provider that no longer exists.",
        )],
    ),
    (
        "ScmProvider",
        "ScmProvider is being deleted.",
        &[(
            "scmprovider.promoter.argoproj.io/finalizer",
            "Waiting until no GitRepository in this namespace still references this provider. Risk if removed \
             manually: GitRepository objects can reference a provider that no longer exists.",
        )],
    ),
    (
        "GitRepository",
        "GitRepository is being deleted.",
        &[(
            "gitrepository.promoter.argoproj.io/finalizer",
            "Waiting until no non-deleting PullRequests still reference this repository. Risk if removed manually: \
             repository metadata may be removed while promotions still depend on it.",
        )],
    ),
    (
        "PullRequest",
        "Pull request is being deleted.",
        &[
            (
                "pullrequest.promoter.argoproj.io/finalizer",
                "Waiting for SCM closure or reconciliation of the pull request. Risk if removed manually: the real PR \
                 can stay open after the CR is gone.",
            ),
            (
                "changetransferpolicy.promoter.argoproj.io/pullrequest-finalizer",
                "Waiting for the ChangeTransferPolicy to observe PR identity and state. Risk if removed manually: \
                 promotion status or history can be wrong or racy.",
            ),
        ],
    ),
];

/// What these kinds say instead of "Pending deletion".
pub(super) fn deletion_message(gvk: &GroupVersionKind, object: Node<'_>) -> Option<String> {
    if gvk.group != GROUP || object.at("/metadata/deletionTimestamp").is_null() {
        return None;
    }
    let (_, sentence, known) = DELETIONS.iter().find(|(kind, ..)| *kind == gvk.kind)?;
    if !sentence.ends_with('.') {
        return Some((*sentence).to_owned());
    }
    let mut message = (*sentence).to_owned();
    for finalizer in object.at("/metadata/finalizers").items().map(Node::str) {
        let waits = known.iter().find(|(name, _)| *name == finalizer).map_or("still present.", |(_, text)| *text);
        message = format!("{message} {finalizer}: {waits}");
    }
    Some(message)
}

/// The words of one kind around its `Ready` condition.
struct Words<'a> {
    initializing: &'a str,
    stale: &'a str,
    failed: &'a str,
    not_ready: &'a str,
    unknown: Option<&'a str>,
    missing: &'a str,
}

/// The part all kinds share; `None` when `Ready` is there and not bad.
fn ready(object: Node<'_>, words: &Words<'_>) -> Option<HealthStatus> {
    if object.at("/metadata/deletionTimestamp").exists() {
        return Some(progressing(""));
    }
    if object.at("/status").is_null() {
        return Some(progressing(format!("Initializing {}", words.initializing)));
    }
    let is_pull_request = object.at("/kind").str() == "PullRequest";
    let generation = object.at("/metadata/generation");
    let mut found = false;
    for condition in object.at("/status/conditions").items() {
        let kind = condition.at("/type").str();
        if kind != "Ready" && !(is_pull_request && kind == "Reconciled") {
            continue;
        }
        found = true;
        let seen = condition.at("/observedGeneration");
        if seen.exists() && generation.exists() && !seen.same(generation) {
            return Some(progressing(format!("Waiting for {} spec update to be observed", words.stale)));
        }
        let reason = condition.at("/reason").text().unwrap_or("Unknown");
        let message = |default| condition.at("/message").text().unwrap_or(default);
        match (condition.at("/status").str(), words.unknown) {
            ("False", _) if reason == "ReconciliationError" => {
                return Some(degraded(format!("{}: {}", words.failed, message("Unknown error"))));
            }
            ("False", _) => {
                return Some(degraded(format!("{} ({reason}): {}", words.not_ready, message("Unknown error"))));
            }
            ("Unknown", Some(words)) => {
                return Some(progressing(format!("{words} ({reason}): {}", message("Unknown"))));
            }
            _ => {}
        }
    }
    (!found).then(|| progressing(words.missing))
}

/// Kinds that reconcile: `what` is their name at the start of a sentence.
fn reconciliation(object: Node<'_>, what: &str) -> Option<HealthStatus> {
    let inside = if what.starts_with("Argo") { what.to_owned() } else { what.to_lowercase() };
    let failed = format!("{what} reconciliation failed");
    ready(
        object,
        &Words {
            initializing: &inside,
            stale: &inside,
            failed: &failed,
            not_ready: &failed,
            unknown: None,
            missing: &format!("{what} is not ready yet"),
        },
    )
}

/// (kind, subject while initializing, failed, not ready, unknown, healthy or reconciled).
type Validation = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

const VALIDATIONS: &[Validation] = &[
    (
        "ClusterScmProvider",
        "cluster SCM provider",
        "Cluster SCM provider validation failed",
        "Cluster SCM provider not ready",
        "Cluster SCM provider readiness unknown",
        "Cluster SCM provider is ready",
    ),
    (
        "ScmProvider",
        "SCM provider",
        "SCM provider validation failed",
        "SCM provider not ready",
        "SCM provider readiness unknown",
        "SCM provider is ready",
    ),
    (
        "GitRepository",
        "Git repository",
        "Git repository validation failed",
        "Git repository not ready",
        "Git repository readiness unknown",
        "Git repository is ready",
    ),
    (
        "GitCommitStatus",
        "git commit validation",
        "Git commit validation failed",
        "Git commit validation not ready",
        "Git commit validation status unknown",
        "Git commit validation reconciled",
    ),
    (
        "TimedCommitStatus",
        "timed commit gate",
        "Timed commit gate failed",
        "Timed commit gate not ready",
        "Timed commit gate status unknown",
        "Timed commit gate reconciled",
    ),
    (
        "WebRequestCommitStatus",
        "web request commit validation",
        "Web request commit validation failed",
        "Web request commit validation not ready",
        "Web request commit validation unknown",
        "Web request commit validation reconciled",
    ),
];

fn validation(object: Node<'_>) -> Option<&'static Validation> {
    VALIDATIONS.iter().find(|row| row.0 == object.at("/kind").str())
}

fn validated(object: Node<'_>) -> Option<HealthStatus> {
    let (kind, subject, failed, not_ready, unknown, _) = validation(object)?;
    let missing = format!("{kind} Ready condition is missing");
    ready(
        object,
        &Words { initializing: subject, stale: kind, failed, not_ready, unknown: Some(unknown), missing: &missing },
    )
}

/// The gates count their environments' phases.
fn environments(object: Node<'_>) -> Option<HealthStatus> {
    let (kind, .., reconciled) = validation(object)?;
    let (subject, passed) = match *kind {
        "GitCommitStatus" => ("Git commit validation", "passed"),
        "TimedCommitStatus" => ("Timed commit gate", "satisfied"),
        "WebRequestCommitStatus" => ("Web request validation", "passed"),
        _ => return Some(healthy(*reconciled)),
    };
    let all = object.at("/status/environments").items();
    if all.len() == 0 {
        return Some(healthy(*reconciled));
    }
    let in_phase = |wanted: fn(&str) -> bool| {
        let chosen = all.clone().filter(|env| wanted(env.at("/phase").text().unwrap_or("pending")));
        chosen.map(|env| env.at("/branch").text().unwrap_or("?")).collect::<Vec<_>>()
    };
    let failed = in_phase(|phase| phase == "failure");
    let pending = in_phase(|phase| !matches!(phase, "failure" | "success"));
    Some(if !failed.is_empty() {
        degraded(format!("{subject} failed for branch(es): {}", failed.join(", ")))
    } else if !pending.is_empty() {
        progressing(format!("{subject} pending for branch(es): {}", pending.join(", ")))
    } else {
        healthy(format!("{subject} {passed} for {} environment(s)", all.len()))
    })
}

fn argocd_commit_status(object: Node<'_>) -> Option<HealthStatus> {
    let count = object.at("/status/applicationsSelected").items().len();
    Some(if count == 0 {
        degraded("Argo CD commit status has no applications configured")
    } else {
        healthy(format!("Argo CD commit status is healthy and is tracking {count} applications"))
    })
}

fn commit_status(object: Node<'_>) -> Option<HealthStatus> {
    let (sha, phase) = (object.at("/status/sha").text(), object.at("/status/phase").text());
    Some(healthy(match (sha, phase) {
        (Some(sha), Some(phase)) => format!("Commit status for commit {sha} reports {phase}"),
        _ => "Commit status is healthy".into(),
    }))
}

fn pull_request(object: Node<'_>) -> Option<HealthStatus> {
    let (id, state) = (object.at("/status/id"), object.at("/status/state").text());
    Some(healthy(match state {
        Some(state) if id.exists() => format!("Pull request is {state} as PR {}", id.lua()),
        _ => "Pull request is healthy".into(),
    }))
}
