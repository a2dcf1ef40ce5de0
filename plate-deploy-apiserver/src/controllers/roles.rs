//! Aggregated ClusterRoles: their rules are those of the roles they select.

use std::sync::Arc;

use jiff::Timestamp;

use super::Controller;
use crate::registry::Registry;
use crate::storage::Change;

#[derive(Debug)]
pub(super) struct RoleAggregation;

impl Controller for RoleAggregation {
    fn name(&self) -> &'static str {
        "clusterrole-aggregation"
    }

    fn reset(&mut self) {}

    fn sync(&mut self, registry: &Registry, changes: &[Arc<Change>]) -> Option<Timestamp> {
        // A role may select one that selects others.
        let touched = changes.iter().any(|c| c.key.resource.as_ref() == "clusterroles.rbac.authorization.k8s.io");
        let mut again = touched;
        for _ in 0..8 {
            again = again && registry.aggregate_roles();
        }
        None
    }
}
