//! What to do: concrete commands for this repository.

use super::{Affected, ArgoPart, ClusterPart, Facts, Failure, MemberImpact, Step};
use crate::graph::{Graph, Needs};
use crate::workspace::Workspace;

/// What the failure means, in a sentence.
pub(super) fn meaning(failure: &Failure) -> String {
    match failure {
        Failure::Pipeline => "plate-deploy, or the machine that runs it, does not work. What runs keeps running, and Argo CD goes on by itself.".into(),
        Failure::ArgoCd(ArgoPart::Controller) => "Argo CD compares and syncs nothing any more. What runs keeps running; drift is not put right.".into(),
        Failure::ArgoCd(ArgoPart::RepoServer) => "Argo CD cannot read Git or render charts. What runs keeps running; no change comes through it.".into(),
        Failure::ArgoCd(ArgoPart::Redis) => "Argo CD loses its cache and renders everything anew. It is slower; nothing is lost.".into(),
        Failure::Chart(name) => format!("The chart {name} cannot be rendered. What runs keeps running; nothing made from it can change."),
        Failure::Values(path) => format!("{path} is missing or broken. What runs keeps running; nothing that reads it can change."),
        Failure::Library(name) => format!("The library {name} does not run."),
        Failure::Git(url) => format!("The Git remote {url} cannot be read. What runs keeps running; no change comes through."),
        Failure::Application(name) => format!("The pods of {name} crash."),
        Failure::Registry(host) => format!("No image comes from {host}. What runs keeps running; nodes start again what they already hold."),
        Failure::Cluster(ClusterPart::ApiServer) => "The Kubernetes API does not answer. What runs keeps running, but nothing can be seen or changed.".into(),
        Failure::Cluster(ClusterPart::Etcd) => "etcd does not answer, so that the Kubernetes API refuses everything. What runs keeps running.".into(),
        Failure::Cluster(ClusterPart::Scheduler) => "New pods get no node. What runs keeps running.".into(),
        Failure::Cluster(ClusterPart::ControllerManager) => "No workload makes or replaces pods. What runs keeps running.".into(),
        Failure::Cluster(ClusterPart::Node(_)) => "The pods on the node are lost.".into(),
        Failure::Cluster(ClusterPart::StorageClass(_)) => "New volumes are not made. Those that are bound stay.".into(),
        Failure::Cluster(ClusterPart::IngressController) => "Nothing answers at any Ingress. Inside the cluster all goes on.".into(),
        Failure::Cluster(ClusterPart::LoadBalancer) => "Nothing answers at addresses of Services. Inside the cluster all goes on.".into(),
    }
}

struct Commands<'a> {
    graph: &'a Graph,
    workspace: &'a Workspace,
    repo: String,
    environments: Vec<String>,
}

impl Commands<'_> {
    fn each(&self, command: impl Fn(&str) -> String) -> Vec<String> {
        self.environments.iter().map(|environment| command(environment)).collect()
    }

    /// Deploys without Argo CD, as soon as there is a cluster.
    fn deploy(&self, what: &str, more: &str) -> Step {
        let repo = &self.repo;
        Step { what: what.into(), commands: self.each(|e| format!("plate-deploy deploy {e} --repo {repo}{more}")) }
    }

    fn status(&self) -> Step {
        let repo = &self.repo;
        let commands = self.each(|e| format!("plate-deploy status {e} --repo {repo}"));
        Step { what: "See that everything is Synced and Healthy again".into(), commands }
    }

    /// Find the bad commit, revert it, look, deploy.
    fn revert(&self, paths: &[String]) -> Vec<Step> {
        let repo = &self.repo;
        let paths = paths.iter().map(|path| quote(path)).collect::<Vec<_>>().join(" ");
        let changes = vec![
            format!("git -C {repo} log --oneline -5 -- {paths}"),
            format!("git -C {repo} revert --no-edit \"$(git -C {repo} rev-list -1 HEAD -- {paths})\""),
            format!("plate-deploy diff HEAD~1..HEAD --repo {repo}"),
            format!("git -C {repo} push"),
        ];
        vec![
            Step {
                what: "See what is wrong, with file and line".into(),
                commands: vec![format!("plate-deploy lint --repo {repo}")],
            },
            Step {
                what: "Revert the last commit that touched it, and look at what that changes".into(),
                commands: changes,
            },
            self.deploy("Sync the revert", ""),
            self.status(),
        ]
    }

    /// Restarts a workload of a library.
    fn restart(&self, needs: &Needs) -> Vec<String> {
        let mut commands: Vec<String> = needs
            .workloads
            .iter()
            .map(|w| {
                format!(
                    "kubectl -n {} rollout restart {}/{}",
                    quote(&w.namespace),
                    w.kind.to_lowercase(),
                    quote(&w.name)
                )
            })
            .collect();
        commands.extend(needs.workloads.iter().map(|w| {
            format!(
                "kubectl -n {} logs {}/{} --all-containers --tail=50",
                quote(&w.namespace),
                w.kind.to_lowercase(),
                quote(&w.name)
            )
        }));
        commands
    }

    fn argocd_namespace(&self) -> String {
        let namespaces = self.workspace.applications.iter().map(|app| app.source.object.metadata.namespace.clone());
        namespaces.filter(|namespace| !namespace.is_empty()).next().unwrap_or_else(|| "argocd".into())
    }
}

/// The steps, the best first.
pub(super) fn steps(
    graph: &Graph,
    workspace: &Workspace,
    failure: &Failure,
    facts: &Facts,
    members: &[MemberImpact],
) -> Vec<Step> {
    let hit = || members.iter().filter(|member| member.affected != Affected::No);
    let mut environments: Vec<String> = hit().filter_map(|member| member.environment.clone()).collect();
    environments.sort();
    environments.dedup();
    if environments.is_empty() {
        environments = workspace.environments.iter().map(|environment| environment.name.clone()).collect();
    }
    let to = Commands { graph, workspace, repo: quote(&facts.repo), environments };
    match failure {
        Failure::Pipeline => pipeline(&to),
        Failure::ArgoCd(part) => argocd(&to, *part),
        Failure::Chart(name) => to.revert(graph.charts.get(name).map_or(&[], Vec::as_slice)),
        Failure::Values(path) => to.revert(std::slice::from_ref(path)),
        Failure::Git(url) => git(&to, url),
        Failure::Library(name) => library(&to, name),
        Failure::Application(name) => application(&to, name),
        Failure::Registry(host) => registry(&to, host),
        Failure::Cluster(part) => cluster(&to, part),
    }
}

fn pipeline(to: &Commands<'_>) -> Vec<Step> {
    let repo = &to.repo;
    let mut by_hand = vec![format!("plate-deploy template --repo {repo} > /tmp/manifests.yaml")];
    by_hand.push("kubectl apply --server-side --dry-run=server -f /tmp/manifests.yaml".into());
    let doctor =
        Step { what: "Find out what is missing".into(), commands: vec![format!("plate-deploy doctor --repo {repo}")] };
    let argocd = Step {
        what: "Let Argo CD deploy: push the change, and ask it to look at once".into(),
        commands: vec![
            format!("git -C {repo} push"),
            format!(
                "kubectl -n {} annotate applications --all argocd.argoproj.io/refresh=normal --overwrite",
                to.argocd_namespace()
            ),
        ],
    };
    let other = to.deploy("Deploy from another machine: it goes on where the last run stopped", "");
    vec![doctor, argocd, other, Step { what: "Or render and apply by hand".into(), commands: by_hand }, to.status()]
}

fn argocd(to: &Commands<'_>, part: ArgoPart) -> Vec<Step> {
    let namespace = to.argocd_namespace();
    let (object, label) = match part {
        ArgoPart::Controller => ("statefulset/argocd-application-controller", "argocd-application-controller"),
        ArgoPart::RepoServer => ("deployment/argocd-repo-server", "argocd-repo-server"),
        ArgoPart::Redis => ("deployment/argocd-redis", "argocd-redis"),
    };
    let mut steps = Vec::new();
    if part != ArgoPart::Redis {
        steps.push(to.deploy(
            "Bypass Argo CD: deploy directly, with the same tracking, so that it finds everything Synced later",
            "",
        ));
    }
    steps.push(Step {
        what: "Restart the part, and see why it failed".into(),
        commands: vec![
            format!("kubectl -n {namespace} rollout restart {object}"),
            format!("kubectl -n {namespace} rollout status {object} --timeout=5m"),
            format!("kubectl -n {namespace} logs -l app.kubernetes.io/name={label} --tail=50"),
        ],
    });
    steps.push(Step {
        what: "Let it look at everything again".into(),
        commands: vec![format!(
            "kubectl -n {namespace} annotate applications --all argocd.argoproj.io/refresh=hard --overwrite"
        )],
    });
    steps.push(to.status());
    steps
}

fn git(to: &Commands<'_>, url: &str) -> Vec<Step> {
    let repo = &to.repo;
    vec![
        Step {
            what: "See whether the remote answers".into(),
            commands: vec![format!("git ls-remote {} HEAD", quote(url))],
        },
        to.deploy("Deploy from the local clone", &format!(" --repo-url-map {}={repo}", quote(url))),
        Step {
            what: "Publish the clone at another place, and map to it until the remote is back".into(),
            commands: vec![
                format!("git clone --bare {repo} /srv/git/standby.git"),
                format!("git -C {repo} remote add standby /srv/git/standby.git"),
            ],
        },
        to.status(),
    ]
}

fn library(to: &Commands<'_>, name: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    if let Some(needs) = to.graph.needs.get(name).filter(|needs| !needs.workloads.is_empty()) {
        steps.push(Step { what: format!("Restart {name}, and see why it failed"), commands: to.restart(needs) });
    }
    let repo = &to.repo;
    let libraries = to.each(|e| format!("plate-deploy deploy {e} --libraries-only --repo {repo}"));
    steps.push(Step { what: "Deploy the libraries again".into(), commands: libraries });
    let folder = to.workspace.libraries.iter().flat_map(|layer| &layer.libraries).find(|library| library.name == name);
    if let Some(library) = folder {
        steps.extend(to.revert(std::slice::from_ref(&library.folder)));
    }
    steps.push(restore(to));
    steps
}

fn application(to: &Commands<'_>, name: &str) -> Vec<Step> {
    let repo = &to.repo;
    let mut steps = Vec::new();
    let Some(needs) = to.graph.needs.get(name) else { return steps };
    steps.push(Step {
        what: "See why".into(),
        commands: to.restart(needs).into_iter().filter(|c| c.contains(" logs ")).collect(),
    });
    let mut back = to.each(|e| format!("plate-deploy history {e} --repo {repo}"));
    back.extend(to.each(|e| format!("plate-deploy rollback {e} --repo {repo}")));
    steps.push(Step { what: "Go back to the last deploy that was healthy".into(), commands: back });
    steps.push(Step {
        what: "Restart its pods".into(),
        commands: to.restart(needs).into_iter().filter(|c| c.contains(" restart ")).collect(),
    });
    let paths: Vec<String> = needs
        .files
        .iter()
        .filter(|file| needs.values.contains(*file) || file.ends_with("/Chart.yaml"))
        .cloned()
        .collect();
    steps.extend(to.revert(&paths));
    steps
}

fn registry(to: &Commands<'_>, host: &str) -> Vec<Step> {
    vec![
        Step {
            what: "See whether it answers, and which pods wait".into(),
            commands: vec![
                format!("curl -sS -o /dev/null -w '%{{http_code}}\\n' https://{}/v2/", quote(host)),
                "kubectl get pods -A --field-selector=status.phase=Pending".into(),
            ],
        },
        Step {
            what: "Stop rollouts, so that old pods stay".into(),
            commands: to
                .graph
                .needs
                .values()
                .filter(|needs| needs.registries.contains_key(host))
                .flat_map(|needs| &needs.workloads)
                .filter(|w| w.kind == "Deployment")
                .map(|w| format!("kubectl -n {} rollout pause deployment/{}", quote(&w.namespace), quote(&w.name)))
                .collect(),
        },
        to.deploy("When it is back, or with images from a mirror (--set-image COMPONENT=MIRROR/IMAGE:TAG)", ""),
        to.status(),
    ]
}

fn restore(to: &Commands<'_>) -> Step {
    let repo = &to.repo;
    Step {
        what: "Restore objects from the last backup".into(),
        commands: to.each(|e| format!("plate-deploy restore {e} --repo {repo}")),
    }
}

fn cluster(to: &Commands<'_>, part: &ClusterPart) -> Vec<Step> {
    let static_pod = |name: &str| Step {
        what: format!("On a control plane node: see and restart {name} (the kubelet starts static pods again)"),
        commands: vec![
            format!("crictl ps -a --name {name}"),
            format!("crictl logs \"$(crictl ps -a -q --name {name} | head -1)\""),
            format!(
                "mv /etc/kubernetes/manifests/{name}.yaml /tmp/ && sleep 20 && mv /tmp/{name}.yaml /etc/kubernetes/manifests/"
            ),
        ],
    };
    let one = |what: &str, commands: &[&str]| Step {
        what: what.into(),
        commands: commands.iter().map(|c| (*c).to_owned()).collect(),
    };
    let mut steps = match part {
        ClusterPart::ApiServer => {
            vec![one("See whether it answers", &["kubectl get --raw=/readyz?verbose"]), static_pod("kube-apiserver")]
        }
        ClusterPart::Etcd => vec![
            static_pod("etcd"),
            one(
                "With quorum lost: restore the last snapshot",
                &[
                    "etcdutl snapshot status /var/backups/etcd.db",
                    "etcdutl snapshot restore /var/backups/etcd.db --data-dir /var/lib/etcd-restored",
                ],
            ),
            restore(to),
        ],
        ClusterPart::Scheduler => vec![static_pod("kube-scheduler")],
        ClusterPart::ControllerManager => vec![static_pod("kube-controller-manager")],
        ClusterPart::Node(name) => {
            let node = if name.is_empty() { "NODE".to_owned() } else { quote(name) };
            vec![Step {
                what: "Move its pods to other nodes; bring it back".into(),
                commands: vec![
                    format!("kubectl describe node {node}"),
                    format!("kubectl drain {node} --ignore-daemonsets --delete-emptydir-data --force"),
                    format!("kubectl uncordon {node}"),
                ],
            }]
        }
        ClusterPart::StorageClass(_) => {
            let mut steps = vec![one(
                "See which claims wait and why",
                &["kubectl get pvc -A", "kubectl get events -A --field-selector reason=ProvisioningFailed"],
            )];
            steps.extend(serving(to, |provides| !provides.storage_classes.is_empty()));
            steps
        }
        ClusterPart::IngressController => {
            let forward =
                one("Reach a Service without it", &["kubectl -n NAMESPACE port-forward service/NAME 8080:80"]);
            serving(to, |provides| provides.ingress).into_iter().chain([forward]).collect()
        }
        ClusterPart::LoadBalancer => {
            let forward =
                one("Reach a Service without it", &["kubectl -n NAMESPACE port-forward service/NAME 8080:80"]);
            serving(to, |provides| provides.load_balancer).into_iter().chain([forward]).collect()
        }
    };
    steps.push(to.deploy("Bring everything to what Git says again", ""));
    steps.push(to.status());
    steps
}

/// Restarts of the libraries that provide something.
fn serving(to: &Commands<'_>, fits: impl Fn(&crate::graph::Provides) -> bool) -> Vec<Step> {
    let libraries = to.graph.provides.iter().filter(|(_, provides)| fits(provides));
    let restart = libraries.filter_map(|(name, _)| Some((name, to.graph.needs.get(name)?)));
    restart
        .filter(|(_, needs)| !needs.workloads.is_empty())
        .map(|(name, needs)| Step { what: format!("Restart {name}, which provides it"), commands: to.restart(needs) })
        .collect()
}

/// A word that a shell takes as one.
fn quote(word: &str) -> String {
    let plain = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:@=,".contains(c));
    if plain { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}
