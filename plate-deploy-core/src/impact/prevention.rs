//! What would have helped, and whether it is on in this repository.

use super::{Affected, ArgoPart, ClusterPart, Failure, MemberImpact, Prevention, Protection};
use crate::graph::{Graph, NodeKind};
use crate::lint::RULES;
use crate::workspace::Workspace;

/// The measures for a failure.
pub(super) fn measures(
    graph: &Graph,
    workspace: &Workspace,
    failure: &Failure,
    members: &[MemberImpact],
) -> Vec<Prevention> {
    let hit: Vec<&str> = members.iter().filter(|m| m.affected != Affected::No).map(|m| m.name.as_str()).collect();
    let rules = |ids: &[&str]| ids.iter().filter_map(|id| rule(workspace, id)).collect::<Vec<_>>();
    let unknown = |what: &str, how: &str| Prevention { what: what.into(), state: Protection::Unknown, how: how.into() };
    let backups = || {
        unknown(
            "backups before each deploy",
            "plate-deploy backup ENVIRONMENT; production environments leave one at every deploy",
        )
    };
    match failure {
        Failure::Pipeline => vec![
            automated(graph),
            unknown("the state directory on a disk that outlives the machine", "--state-dir DIR"),
        ],
        Failure::ArgoCd(part) => {
            let setting = match part {
                ArgoPart::Controller => "controller.replicas: 2 or more (sharding), or let plate-deploy sync",
                ArgoPart::RepoServer => "repoServer.replicas: 2 or more, and a PodDisruptionBudget",
                ArgoPart::Redis => "redis-ha.enabled: true",
            };
            vec![library_replicas(graph, &["argocd", "argo-cd"], setting)]
        }
        Failure::Chart(_) => {
            let mut all = rules(&["dependency-not-vendored", "missing-path", "invalid-yaml"]);
            all.push(unknown(
                "a diff of every pull request",
                "plate-deploy diff origin/main...HEAD --markdown comment.md",
            ));
            all
        }
        Failure::Values(_) => {
            let mut all = rules(&["missing-value-file", "missing-environment-values", "invalid-yaml"]);
            all.push(unknown(
                "a diff of every pull request",
                "plate-deploy diff origin/main...HEAD --markdown comment.md",
            ));
            all
        }
        Failure::Library(name) => {
            let mut all = rules(&["missing-crds", "storage-class-missing", "load-balancer-without-provider"]);
            all.push(replicas(graph, &[name.as_str()]));
            all.push(backups());
            all
        }
        Failure::Git(_) => {
            let mut all = rules(&["dependency-not-vendored"]);
            all.push(unknown("a mirror of the remote", "git clone --mirror, and --repo-url-map URL=PATH"));
            all
        }
        Failure::Application(name) => {
            let mut all = vec![replicas(graph, &[name.as_str()])];
            all.extend(rules(&["mutable-image-tag", "secret-name-differs"]));
            all.push(backups());
            all
        }
        Failure::Registry(host) => {
            let mut all = rules(&["mutable-image-tag", "image-repository-environment"]);
            let pulled = graph
                .needs
                .iter()
                .filter(|(_, n)| n.registries.get(host) == Some(&true))
                .map(|(name, _)| name.as_str());
            let pulled: Vec<&str> = pulled.collect();
            let state = if pulled.is_empty() { Protection::On } else { Protection::Off };
            let how = if pulled.is_empty() {
                "no image is pulled each time".into()
            } else {
                format!("set imagePullPolicy: IfNotPresent and a fixed tag in {}", pulled.join(", "))
            };
            all.push(Prevention { what: "images that nodes keep".into(), state, how });
            all.push(unknown("a mirror", "registry mirrors of the container runtime"));
            all
        }
        Failure::Cluster(part) => match part {
            ClusterPart::ApiServer | ClusterPart::Scheduler | ClusterPart::ControllerManager => {
                vec![unknown("three control plane nodes", "kubeadm join --control-plane"), backups()]
            }
            ClusterPart::Etcd => vec![
                unknown("three or five members of etcd", "etcdctl member list"),
                unknown("snapshots of etcd", "etcdctl snapshot save, from a CronJob"),
                backups(),
            ],
            ClusterPart::Node(_) => vec![replicas(graph, &hit), unknown("more than one node", "kubectl get nodes")],
            ClusterPart::StorageClass(_) => rules(&["storage-class-missing"]),
            ClusterPart::IngressController => {
                let serving: Vec<&str> =
                    graph.provides.iter().filter(|(_, p)| p.ingress).map(|(name, _)| name.as_str()).collect();
                vec![replicas(graph, &serving)]
            }
            ClusterPart::LoadBalancer => rules(&["load-balancer-without-provider"]),
        },
    }
}

/// A lint rule and whether it is on here.
fn rule(workspace: &Workspace, id: &str) -> Option<Prevention> {
    let (id, _, what) = RULES.iter().find(|(known, ..)| *known == id)?;
    let off = workspace.config.lint.ignore.contains(*id);
    let (state, how) = if off {
        (Protection::Off, "take it out of lint.ignore in plate-deploy.yaml".to_owned())
    } else {
        (Protection::On, format!("plate-deploy lint finds {what}"))
    };
    Some(Prevention { what: format!("lint rule {id}"), state, how })
}

fn automated(graph: &Graph) -> Prevention {
    let apps = graph.needs.iter().filter(|(_, needs)| needs.kind == NodeKind::Application);
    let manual: Vec<&str> = apps.filter(|(_, needs)| !needs.automated).map(|(name, _)| name.as_str()).collect();
    let state = if manual.is_empty() { Protection::On } else { Protection::Off };
    let how = if manual.is_empty() {
        "Argo CD goes on by itself".into()
    } else {
        format!("set spec.syncPolicy.automated in {}", manual.join(", "))
    };
    Prevention { what: "automated sync".into(), state, how }
}

/// Whether workloads have more than one pod.
fn replicas(graph: &Graph, names: &[&str]) -> Prevention {
    let workloads = names.iter().filter_map(|name| graph.needs.get(*name)).flat_map(|needs| &needs.workloads);
    let single: Vec<String> = workloads
        .filter(|w| w.kind != "DaemonSet" && w.replicas < 2)
        .map(|w| format!("{} {}/{}", w.kind, w.namespace, w.name))
        .collect();
    let state = if single.is_empty() { Protection::On } else { Protection::Off };
    let how = if single.is_empty() {
        "every workload has two pods or more".into()
    } else {
        format!("two replicas or more for {}", single.join(", "))
    };
    Prevention { what: "more than one pod".into(), state, how }
}

fn library_replicas(graph: &Graph, names: &[&str], setting: &str) -> Prevention {
    let there: Vec<&str> = names.iter().copied().filter(|name| graph.needs.contains_key(*name)).collect();
    if there.is_empty() {
        return Prevention {
            what: "high availability of Argo CD".into(),
            state: Protection::Unknown,
            how: setting.into(),
        };
    }
    Prevention { what: "high availability of Argo CD".into(), how: setting.into(), ..replicas(graph, &there) }
}
