//! The settings of a comparison.

use std::collections::BTreeMap;

use super::overrides::ResourceOverride;
use crate::model::application::ResourceIgnoreDifferences;
use crate::tracking::Tracker;

/// Whether objects are compared by a dry run of server-side apply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServerSide {
    /// Never: there is nobody to send the dry run.
    #[default]
    Never,
    /// Where the object asks for it (`ServerSideApply=true`); Argo CD's behaviour by default.
    Available,
    /// For every object (`ServerSideDiff=true`).
    Always,
}

/// The settings of a comparison: the Application's and the system's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DiffOptions {
    /// The Application's `spec.ignoreDifferences`.
    pub ignore: Vec<ResourceIgnoreDifferences>,
    /// The system's rules by `<group>/<kind>`, globs allowed (`*/*` for all).
    pub overrides: BTreeMap<String, ResourceOverride>,
    /// How objects are marked, so that a change of the method makes no difference.
    pub tracker: Tracker,
    /// Ignore the rules of ClusterRoles that other roles are aggregated into
    /// (`resource.compareoptions: ignoreAggregatedRoles`).
    pub ignore_aggregated_roles: bool,
    /// Whether and when to compare by a dry run.
    pub server_side: ServerSide,
    /// In a server-side diff, show what admission webhooks change too (`IncludeMutationWebhook=true`).
    pub include_mutation_webhook: bool,
    /// The field manager of server-side apply.
    pub manager: String,
}

impl DiffOptions {
    /// Argo CD's own defaults: `/status` is ignored everywhere, objects are tracked by annotation, the field manager is
    /// `argocd-controller`.
    #[must_use]
    pub fn argo_defaults() -> Self {
        let status = ResourceOverride { json_pointers: vec!["/status".into()], ..ResourceOverride::default() };
        Self {
            overrides: BTreeMap::from([("*/*".into(), status)]),
            manager: "argocd-controller".into(),
            ..Self::default()
        }
    }
}
