//! From the graph and a failure to what works.

use std::collections::{BTreeMap, BTreeSet};

use super::{Ability, Affected, ArgoPart, ClusterPart, Failure, Impact, MemberImpact, prevention, recovery};
use crate::graph::{EntryPoint, Graph, Needs, NodeKind};
use crate::workspace::Workspace;

/// What is known about the cluster.
#[derive(Clone, Debug)]
pub struct Facts {
    /// How many nodes can take pods. Default: 1, so that a node that fails takes everything with it.
    pub nodes: usize,
    /// The folder of the repository, for commands.
    pub repo: String,
}

impl Default for Facts {
    fn default() -> Self {
        Self { nodes: 1, repo: ".".into() }
    }
}

/// What the failure does to every Application and library, and what to do about it.
#[must_use]
pub fn predict(graph: &Graph, workspace: &Workspace, failure: &Failure, facts: &Facts) -> Impact {
    let world = World { graph, failure, facts };
    let mut members: Vec<MemberImpact> = graph.needs.iter().map(|(name, needs)| world.member(name, needs)).collect();
    members.sort_by(|a, b| (a.affected, &a.name).cmp(&(b.affected, &b.name)));
    Impact {
        version: Impact::VERSION,
        failure: failure.to_string(),
        meaning: recovery::meaning(failure),
        recovery: recovery::steps(graph, workspace, failure, facts, &members),
        prevention: prevention::measures(graph, workspace, failure, &members),
        members,
        evidence: Vec::new(),
        measured: None,
        differences: Vec::new(),
    }
}

struct World<'a> {
    graph: &'a Graph,
    failure: &'a Failure,
    facts: &'a Facts,
}

impl World<'_> {
    fn member(&self, name: &str, needs: &Needs) -> MemberImpact {
        let mut works = BTreeMap::new();
        let mut because = BTreeSet::new();
        for ability in Ability::ALL.into_iter().filter(|ability| has(self.graph, *ability, needs)) {
            let stopped = self.stops(ability, name, needs);
            works.insert(ability, stopped.is_none());
            because.extend(stopped);
        }
        let lost = |immediate: bool| works.iter().any(|(ability, works)| !works && ability.is_immediate() == immediate);
        let affected = match (lost(true), lost(false)) {
            (true, _) => Affected::Now,
            (_, true) => Affected::Later,
            _ => Affected::No,
        };
        MemberImpact {
            name: name.to_owned(),
            kind: needs.kind,
            environment: needs.environment.clone(),
            affected,
            works,
            because: because.into_iter().collect(),
        }
    }

    /// Why the ability is lost; `None`: it is not.
    fn stops(&self, ability: Ability, name: &str, needs: &Needs) -> Option<String> {
        let because = |lost: bool, why: &str| lost.then(|| why.to_owned());
        let changes = matches!(ability, Ability::Deploy | Ability::AutoSync);
        let pods = matches!(ability, Ability::Heal | Ability::Rollout);
        match self.failure {
            Failure::Pipeline => because(ability == Ability::Deploy, "plate-deploy brings its changes"),
            Failure::ArgoCd(ArgoPart::Redis) => None,
            Failure::ArgoCd(_) => because(ability == Ability::AutoSync, "Argo CD syncs it"),
            Failure::Chart(chart) => because(
                changes && self.graph.charts_of(needs).contains(chart),
                &format!("it is rendered from the chart {chart}"),
            ),
            Failure::Values(path) => because(changes && needs.files.contains(path), &format!("it reads {path}")),
            Failure::Git(url) => {
                // plate-deploy reads every Application from the home repository.
                let read = needs.git.contains(url) || *url == self.graph.home;
                because(changes && read, &format!("it is kept in {url}"))
            }
            Failure::Library(library) => self.library(ability, name, needs, library),
            Failure::Application(app) => self.application(ability, name, needs, app),
            Failure::Registry(host) => {
                let always = needs.registries.get(host);
                let lost = match ability {
                    Ability::Rollout => always.is_some(),
                    Ability::Heal => always == Some(&true),
                    Ability::Deploy | Ability::AutoSync => needs.hooks_always_pull && always == Some(&true),
                    _ => false,
                };
                because(lost, &format!("it pulls images from {host}"))
            }
            Failure::Cluster(part) => self.cluster(ability, name, needs, part, changes, pods),
        }
    }

    fn cluster(
        &self,
        ability: Ability,
        name: &str,
        needs: &Needs,
        part: &ClusterPart,
        changes: bool,
        pods: bool,
    ) -> Option<String> {
        let because = |lost: bool, why: &str| lost.then(|| why.to_owned());
        let hooks = changes && needs.hooks_run_pods;
        match part {
            ClusterPart::ApiServer | ClusterPart::Etcd => {
                because(!ability.is_immediate(), "every change goes through the Kubernetes API")
            }
            ClusterPart::Scheduler => because(pods || hooks, "its new pods wait for a node"),
            ClusterPart::ControllerManager => {
                because(pods || hooks || ability == Ability::Storage, "nobody makes its pods and binds its volumes")
            }
            ClusterPart::Node(_) => self.node(ability, name, needs),
            ClusterPart::StorageClass(class) => because(
                ability == Ability::Storage && needs.storage_classes.contains(class),
                "its volumes come from this storage class",
            ),
            ClusterPart::IngressController => because(
                ability == Ability::Reach && uses(needs, "ingress-controller"),
                "its Ingress needs the controller",
            ),
            ClusterPart::LoadBalancer => because(
                ability == Ability::Reach && uses(needs, "load-balancer"),
                "its Service of type LoadBalancer needs the address",
            ),
        }
    }

    /// A node: with others beside it, only what has a single pod stops, until it is scheduled again.
    fn node(&self, ability: Ability, name: &str, needs: &Needs) -> Option<String> {
        let only = self.facts.nodes <= 1;
        let fragile = |needs: &Needs| only || needs.workloads.iter().any(|w| w.kind != "DaemonSet" && w.replicas <= 1);
        let backends = || needs.entry_points.iter().flat_map(|entry| &entry.backends);
        let mut behind = backends().filter_map(|backend| self.graph.needs.get(backend));
        let changes = matches!(ability, Ability::Deploy | Ability::AutoSync);
        let lost = match ability {
            Ability::Run => fragile(needs),
            Ability::Reach => behind.any(fragile),
            Ability::Heal | Ability::Rollout => only,
            Ability::Deploy | Ability::AutoSync => only && changes && (needs.hooks_run_pods || needs.waits_for_pods),
            Ability::Operators => self.serving(name, needs).iter().any(|library| {
                self.graph.needs.get(*library).is_some_and(|library| !library.workloads.is_empty() && fragile(library))
            }),
            Ability::Storage => false,
        };
        lost.then(|| "its pods run on the node".to_owned())
    }

    /// The libraries whose custom resources a member uses.
    fn serving(&self, name: &str, needs: &Needs) -> Vec<&String> {
        let provides = self.graph.provides.iter();
        let serving = provides.filter(|(library, p)| *library != name && !p.groups.is_disjoint(&needs.custom_groups));
        serving.map(|(library, _)| library).collect()
    }

    fn library(&self, ability: Ability, name: &str, needs: &Needs, library: &str) -> Option<String> {
        if name == library {
            let lost = matches!(ability, Ability::Run | Ability::Heal | Ability::Rollout)
                || (ability == Ability::Reach && own_pods_answer(needs, name));
            return lost.then(|| "it fails itself".to_owned());
        }
        let provides = self.graph.provides.get(library)?;
        let runs = self.graph.needs.get(library).is_some_and(|needs| !needs.workloads.is_empty());
        let lost = match ability {
            Ability::Storage => !provides.storage_classes.is_disjoint(&needs.storage_classes),
            Ability::Operators => runs && !provides.groups.is_disjoint(&needs.custom_groups),
            Ability::Reach => {
                (provides.ingress && uses(needs, "ingress-controller"))
                    || (provides.load_balancer && uses(needs, "load-balancer"))
                    || needs.entry_points.iter().any(|entry| entry.backends.contains(library))
            }
            Ability::Rollout => needs.registries.keys().any(|host| provides.hosts.contains(host)),
            Ability::Heal => needs.registries.iter().any(|(host, always)| *always && provides.hosts.contains(host)),
            _ => false,
        };
        lost.then(|| format!("it needs what {library} provides"))
    }

    fn application(&self, ability: Ability, name: &str, needs: &Needs, app: &str) -> Option<String> {
        let leads_there = |entry: &EntryPoint| entry.backends.contains(app);
        if name == app {
            let lost = match ability {
                Ability::Run | Ability::Heal | Ability::Rollout => true,
                Ability::Reach => needs.entry_points.iter().any(leads_there),
                Ability::Deploy | Ability::AutoSync => needs.waits_for_pods,
                _ => false,
            };
            return lost.then(|| "it fails itself".to_owned());
        }
        let lost = ability == Ability::Reach && needs.entry_points.iter().any(leads_there);
        lost.then(|| format!("its Ingress leads to {app}"))
    }
}

fn own_pods_answer(needs: &Needs, name: &str) -> bool {
    needs.entry_points.iter().any(|entry| entry.backends.contains(name))
}

fn uses(needs: &Needs, part: &str) -> bool {
    needs.entry_points.iter().any(|entry| entry.through() == part)
}

/// Whether a member has the ability when all is well.
fn has(graph: &Graph, ability: Ability, needs: &Needs) -> bool {
    match ability {
        Ability::Run | Ability::Heal | Ability::Rollout => needs.workloads.iter().any(|workload| workload.replicas > 0),
        Ability::Reach => !needs.entry_points.is_empty(),
        Ability::Deploy => needs.rendered,
        Ability::AutoSync => needs.rendered && needs.kind == NodeKind::Application && needs.automated,
        Ability::Storage => !needs.storage_classes.is_empty(),
        Ability::Operators => {
            graph.provides.values().any(|provides| !provides.groups.is_disjoint(&needs.custom_groups))
                && needs.kind == NodeKind::Application
        }
    }
}
