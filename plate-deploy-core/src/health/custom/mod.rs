//! Custom kinds: the same kinds that Argo CD ships checks for, with the same answers.
//!
//! Most are rows of the tables (see [`rule`]); kinds that need more than a table have a function in the file of their
//! family. Files are families: who the kind comes from, or what it is for.

mod argo;
mod cloud;
mod cluster_api;
mod crossplane;
mod data;
mod flux;
mod gateway;
mod gitops_promoter;
mod gitops_promotion;
mod governance;
mod kafka;
mod kruise;
mod kyverno;
mod monitoring;
mod network;
mod numa;
mod operators;
mod platform;
mod rule;
mod serverless;
mod spark;
mod storage;
mod three_scale;
mod virtualization;

use std::collections::HashMap;
use std::sync::LazyLock;

use super::Checked;
use super::node::Node;
use crate::model::Manifest;
use rule::Rule;

/// Rules for single kinds.
const TABLES: &[&[Rule]] = &[
    argo::RULES,
    cloud::RULES,
    cluster_api::RULES,
    crossplane::RULES,
    data::RULES,
    flux::RULES,
    gateway::RULES,
    gitops_promoter::RULES,
    governance::RULES,
    kafka::RULES,
    kruise::RULES,
    kyverno::RULES,
    monitoring::RULES,
    network::RULES,
    numa::RULES,
    operators::RULES,
    platform::RULES,
    serverless::RULES,
    spark::RULES,
    storage::RULES,
    three_scale::RULES,
    virtualization::RULES,
];

/// Rules for all kinds of a group, or of the groups below a domain (`.crossplane.io`), in the order they are tried.
const FAMILIES: &[(&str, &Rule)] = &[
    (".cnrm.cloud.google.com", &cloud::CONFIG_CONNECTOR),
    (".crossplane.io", &crossplane::CROSSPLANE),
    (".services.k8s.aws", &cloud::AWS_CONTROLLERS),
    (".upbound.io", &crossplane::UPBOUND),
    ("grafana-org-operator.kubitus-project.gitlab.io", &monitoring::GRAFANA_ORG),
    ("kro.run", &operators::KRO_INSTANCE),
    ("microgateway.airlock.com", &gateway::AIRLOCK),
    ("operator.victoriametrics.com", &monitoring::VICTORIA_METRICS),
];

static BY_KIND: LazyLock<HashMap<(&str, &str), &Rule>> = LazyLock::new(|| {
    let mut map = HashMap::new();
    for rule in TABLES.iter().copied().flatten() {
        for (group, kinds) in rule.kinds.split(' ').filter_map(|entry| entry.split_once('/')) {
            for kind in kinds.split('|') {
                map.insert((group, kind), rule);
            }
        }
    }
    map
});

/// The health of a custom kind; `None` without a rule.
pub(super) fn assess(object: &Manifest) -> Option<Checked> {
    let gvk = object.gvk();
    let exact = BY_KIND.get(&(gvk.group.as_str(), gvk.kind.as_str())).copied();
    let rule = exact.or_else(|| family(&gvk.group))?;
    let node = Node::new(object.value());
    Some(Checked { status: rule.assess(node), deletion_message: gitops_promoter::deletion_message(&gvk, node) })
}

fn family(group: &str) -> Option<&'static Rule> {
    let fits = |pattern: &str| if pattern.starts_with('.') { group.ends_with(pattern) } else { group == pattern };
    FAMILIES.iter().find(|(pattern, _)| fits(pattern)).map(|(_, rule)| *rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_one_rule_and_every_template_closes() {
        let mut seen = std::collections::HashSet::new();
        for rule in TABLES.iter().copied().flatten() {
            for (group, kinds) in rule.kinds.split(' ').map(|entry| entry.split_once('/').unwrap()) {
                for kind in kinds.split('|') {
                    assert!(!kind.is_empty() && seen.insert((group, kind)), "{group}/{kind} twice");
                }
            }
        }
        assert!(seen.len() > 280, "only {} kinds", seen.len());
    }
}
