//! The automated sync: whether a sync starts by itself, and why not (Argo CD's `autoSync`, in its own words).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::application::{ApplicationSource, RetryStrategy};
use crate::model::{ApplicationSpec, GoDuration, OperationPhase, SyncCode};

use super::retry::SelfHealWait;
use super::spec::{Initiator, OperationRequest, SelectedResource, SyncOperation};

/// Retries of an automated sync whose policy does not say.
const DEFAULT_RETRIES: i64 = 5;

/// What the decision is made from.
#[derive(Clone, Debug)]
pub struct Autosync<'a> {
    /// The application.
    pub spec: &'a ApplicationSpec,
    /// An operation is under way.
    pub operating: bool,
    /// The application is being deleted.
    pub deleting: bool,
    /// How the application compares to Git.
    pub status: SyncCode,
    /// The revision compared to, one for each source when there are several.
    pub revisions: &'a [String],
    /// The application's objects.
    pub resources: &'a [ResourceSyncStatus],
    /// Whether the revision brings changes to this application. Without, a revision that was not synced counts as
    /// synced when the sources are the same.
    pub revision_has_changes: bool,
    /// The last operation, if it is still known.
    pub last: Option<&'a LastOperation>,
    /// The controller's wait between self-heal syncs.
    pub self_heal: SelfHealWait,
    /// The time.
    pub now: Timestamp,
}

/// How one object compares to Git.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceSyncStatus {
    /// API group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Whether it is in sync.
    pub status: SyncCode,
    /// It left Git.
    pub requires_pruning: bool,
}

/// The last operation, as far as it matters here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LastOperation {
    /// Phase.
    pub phase: OperationPhase,
    /// Message.
    pub message: String,
    /// Its `autoHealAttemptsCount`.
    pub self_heal_attempts: i64,
    /// What it synced; `None` when it ended before that was known.
    pub synced: Option<SyncedSources>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// What an operation synced.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SyncedSources {
    /// The revisions, one for each source.
    pub revisions: Vec<String>,
    /// The sources.
    pub sources: Vec<ApplicationSource>,
}

/// The decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The operation to start.
    pub operation: Option<Box<OperationRequest>>,
    /// Message of a `SyncError` condition to show.
    pub condition: Option<String>,
    /// The reason, as Argo CD logs it; `None` where automated sync is off.
    pub log: Option<String>,
    /// Ask again after this time.
    pub ask_again_in: Option<GoDuration>,
}

impl Decision {
    fn skip(log: Option<String>) -> Self {
        Self { operation: None, condition: None, log, ask_again_in: None }
    }

    fn skipping(reason: &str) -> Self {
        Self::skip(Some(format!("Skipping auto-sync: {reason}")))
    }
}

/// Go's `%s` of a list.
fn listed(revisions: &[String]) -> String {
    format!("[{}]", revisions.join(" "))
}

/// Whether the newest state was synced before, and how that ended.
struct Attempt<'a> {
    same: bool,
    revisions: &'a [String],
    phase: OperationPhase,
}

impl Autosync<'_> {
    /// Decides.
    #[must_use]
    pub fn decide(&self) -> Decision {
        let Some(automated) =
            self.spec.sync_policy.as_ref().filter(|policy| policy.is_automated()).and_then(|p| p.automated.as_ref())
        else {
            return Decision::skip(None);
        };
        if let Some(reason) = self.reason_to_rest(automated.prunes()) {
            return Decision::skipping(&reason);
        }
        let mut operation = self.operation(automated.prunes());
        let wanted = listed(self.revisions);
        if let Some(attempt) = self.attempt().filter(|attempt| attempt.same) {
            let attempted = listed(attempt.revisions);
            if attempt.phase != OperationPhase::Succeeded {
                let message = self.last.map(|last| last.message.as_str()).unwrap_or_default();
                let reason = format!("failed previous sync attempt to {attempted} and will not retry for {wanted}");
                let condition = Some(format!("Failed last sync attempt to {attempted}: {message}"));
                return Decision { condition, ..Decision::skipping(&reason) };
            }
            if !automated.heals() {
                return Decision::skipping(&format!("most recent sync already to {wanted}"));
            }
            if let Some(left) = self.self_heal_wait_left() {
                let timeout = self.self_heal.fixed();
                let reason = format!("already attempted sync to {attempted} with timeout {timeout}");
                return Decision { ask_again_in: Some(left), ..Decision::skipping(&reason) };
            }
            self.narrow_to_self_heal(&mut operation.sync);
        }
        let all_go = self.resources.iter().all(|resource| resource.requires_pruning);
        if automated.prunes() && !automated.allows_empty() && all_go {
            let message = format!("Skipping sync attempt to {wanted}: auto-sync will wipe out all resources");
            return Decision { condition: Some(message.clone()), ..Decision::skip(Some(message)) };
        }
        let log = format!("Initiated automated sync to '{}'", self.revisions.join(", "));
        Decision { operation: Some(Box::new(operation)), ..Decision::skip(Some(log)) }
    }

    /// Why nothing is to be done, whatever was synced before.
    fn reason_to_rest(&self, prunes: bool) -> Option<String> {
        if self.operating {
            return Some("another operation is in progress".into());
        }
        if self.deleting {
            return Some("deletion in progress".into());
        }
        if self.status != SyncCode::OutOfSync {
            return Some(format!("application status is {:?}", self.status));
        }
        let only_prunes = self.resources.iter().all(|r| r.status == SyncCode::Synced || r.requires_pruning);
        (!prunes && only_prunes).then(|| "need to prune extra resources only but automated prune is disabled".into())
    }

    /// A sync of everything.
    fn operation(&self, prune: bool) -> OperationRequest {
        let policy = self.spec.sync_policy.as_ref();
        let several = self.spec.is_multi_source();
        let sync = SyncOperation {
            revision: if several { String::new() } else { self.revisions.first().cloned().unwrap_or_default() },
            revisions: if several { self.revisions.to_vec() } else { Vec::new() },
            prune,
            sync_options: policy.map(|policy| policy.sync_options.clone()).unwrap_or_default(),
            source: (!several).then(|| self.spec.first_source().into_owned()),
            sources: self.spec.sources.clone(),
            ..SyncOperation::default()
        };
        let retry = policy.and_then(|policy| policy.retry.clone());
        OperationRequest {
            sync,
            initiated_by: Initiator { automated: true, ..Initiator::default() },
            info: Vec::new(),
            retry: retry.unwrap_or(RetryStrategy { limit: DEFAULT_RETRIES, ..RetryStrategy::default() }),
        }
    }

    /// Whether the last operation was a sync of the same revisions and sources (Argo CD's `alreadyAttemptedSync`).
    fn attempt(&self) -> Option<Attempt<'_>> {
        let last = self.last?;
        let Some(synced) = &last.synced else {
            // It ended early, very likely with an error: do not try for ever.
            return Some(Attempt { same: last.phase.completed(), revisions: &[], phase: last.phase });
        };
        let same_revisions = !self.revision_has_changes || synced.revisions == self.revisions;
        let same_sources = if self.spec.is_multi_source() {
            synced.sources == self.spec.sources
        } else {
            let source = self.spec.first_source();
            synced.sources.first().map_or_else(|| *source == ApplicationSource::default(), |synced| *synced == *source)
        };
        Some(Attempt { same: same_revisions && same_sources, revisions: &synced.revisions, phase: last.phase })
    }

    /// Time left until self-heal may sync again; `None` when it may.
    fn self_heal_wait_left(&self) -> Option<GoDuration> {
        let last = self.last?;
        let wait = self.self_heal.after(last.self_heal_attempts).nanoseconds();
        let passed = last.finished_at.map_or(0, |finished| self.now.duration_since(finished).as_nanos());
        let left = i128::from(wait).saturating_sub(passed);
        (left > 0).then(|| GoDuration::from_nanoseconds(i64::try_from(left).unwrap_or(i64::MAX)))
    }

    /// Self-heal syncs only what is out of sync, and counts.
    fn narrow_to_self_heal(&self, sync: &mut SyncOperation) {
        let attempts = self.last.map(|last| last.self_heal_attempts).unwrap_or_default();
        sync.self_heal_attempts_count = attempts.saturating_add(1);
        sync.resources = self
            .resources
            .iter()
            .filter(|resource| resource.status != SyncCode::Synced)
            .map(|resource| SelectedResource {
                group: resource.group.clone(),
                kind: resource.kind.clone(),
                name: resource.name.clone(),
                namespace: String::new(),
            })
            .collect();
    }
}
