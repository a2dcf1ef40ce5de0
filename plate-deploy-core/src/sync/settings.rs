//! A request's options, parsed once: Argo CD's sync options compare as whole texts, spaces and case included.

use super::operation::Propagation;
use super::request::SyncRequest;

/// The application-level settings of a sync.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one sync option, as Argo CD names them")]
pub(super) struct Settings {
    pub(super) dry_run: bool,
    pub(super) prune: bool,
    pub(super) force: bool,
    pub(super) skip_hooks: bool,
    pub(super) validate: bool,
    pub(super) replace: bool,
    pub(super) server_side_apply: bool,
    pub(super) client_side_migration: bool,
    pub(super) out_of_sync_only: bool,
    pub(super) skip_missing_dry_run: bool,
    pub(super) prune_last: bool,
    pub(super) create_namespace: bool,
    pub(super) fail_on_shared_resource: bool,
    /// Value of the application's `Prune=` option.
    pub(super) default_prune: Option<String>,
    pub(super) propagation: Propagation,
}

impl Settings {
    pub(super) fn of(request: &SyncRequest) -> Self {
        let options = &request.operation.sync_options;
        let has = |option: &str| options.iter().any(|found| found == option);
        let propagation = if has("PrunePropagationPolicy=background") {
            Propagation::Background
        } else if has("PrunePropagationPolicy=orphan") && !has("PrunePropagationPolicy=foreground") {
            Propagation::Orphan
        } else {
            Propagation::Foreground
        };
        Self {
            dry_run: request.operation.dry_run,
            prune: request.operation.prune,
            force: request.operation.force(),
            skip_hooks: request.operation.skips_hooks(),
            validate: !has("Validate=false"),
            replace: has("Replace=true"),
            server_side_apply: has("ServerSideApply=true"),
            client_side_migration: !has("ClientSideApplyMigration=false"),
            out_of_sync_only: has("ApplyOutOfSyncOnly=true"),
            skip_missing_dry_run: has("SkipDryRunOnMissingResource=true"),
            prune_last: has("PruneLast=true") || request.behaviour.prune_after_healthy,
            create_namespace: has("CreateNamespace=true"),
            fail_on_shared_resource: has("FailOnSharedResource=true") || request.behaviour.refuse_shared,
            default_prune: options.iter().find_map(|option| option.strip_prefix("Prune=").map(Into::into)),
            propagation,
        }
    }
}
