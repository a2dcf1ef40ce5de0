//! Databases, search, messaging, coordination.

use super::rule::Step::{By, First, Missing, Run};
use super::rule::{Answer, D, H, P, Rule, U, any, t};
use crate::health::node::{Node, number};
use crate::health::{degraded, healthy, progressing, status, suspended, unknown};
use crate::model::{HealthCode, HealthStatus};

const NO_INFO: Answer = (P, "No status info available");

pub(super) const RULES: &[Rule] = &[
    Rule {
        kinds: "acid.zalan.do/postgresql",
        steps: &[By(
            "/status/PostgresClusterStatus",
            &[
                ("Running", H, "{.status.PostgresClusterStatus}"),
                ("Creating", P, "{.status.PostgresClusterStatus}"),
                ("Updating", P, "{.status.PostgresClusterStatus}"),
                ("*", D, "{.status.PostgresClusterStatus}"),
            ],
        )],
        otherwise: (P, "Waiting for postgres cluster status..."),
    },
    Rule { kinds: "postgresql.cnpg.io/Cluster", steps: &[Run(cnpg_cluster)], otherwise: (P, "{.status.phaseReason}") },
    Rule {
        kinds: "postgresql.cnpg.io/Backup",
        steps: &[By(
            "/status/phase",
            &[
                ("", P, "Waiting for backup to be processed"),
                ("completed", H, "Backup completed"),
                ("failed", D, "{.status.error|=.status.phase}"),
                ("walArchivingFailing", D, "{.status.error|=.status.phase}"),
                ("invalid backup definition", D, "{.status.error|=.status.phase}"),
                ("*", P, "{.status.phase}"),
            ],
        )],
        otherwise: (P, "Waiting for backup to be processed"),
    },
    Rule {
        kinds: "postgresql.cnpg.io/Database",
        steps: &[Run(cnpg_database)],
        otherwise: (P, "{.status.message?Waiting for CloudNativePG to reconcile Database}"),
    },
    Rule { kinds: "k8s.mariadb.com/Backup", steps: &[Run(mariadb_backup)], otherwise: NO_INFO },
    Rule {
        kinds: "k8s.mariadb.com/Database|Grant|User",
        steps: &[First(&[t("Ready", H, "{message}"), any("Ready", D, "{message}")]), Run(last_message)],
        otherwise: NO_INFO,
    },
    Rule { kinds: "k8s.mariadb.com/MariaDB mariadb.mmontes.io/MariaDB", steps: &[Run(mariadb)], otherwise: NO_INFO },
    Rule { kinds: "k8s.mariadb.com/SqlJob", steps: &[Run(sql_job)], otherwise: NO_INFO },
    Rule {
        kinds: "psmdb.percona.com/PerconaServerMongoDB",
        steps: &[
            Missing("/status", (U, "Cluster status is unknown")),
            By(
                "/status/state",
                &[
                    ("initializing", P, "{.status.ready}/{.status.size} node(s) are ready"),
                    ("ready", H, "{.status.ready}/{.status.size} node(s) are ready"),
                    ("error", D, "{.status.ready}/{.status.size} node(s) are ready"),
                    ("stopping", P, "{.status.ready}/{.status.size} node(s) are ready"),
                    ("paused", super::rule::S, "{.status.ready}/{.status.size} node(s) are ready"),
                ],
            ),
        ],
        otherwise: (U, "{.status.ready}/{.status.size} node(s) are ready"),
    },
    Rule {
        kinds: "pxc.percona.com/PerconaXtraDBCluster",
        steps: &[
            By(
                "/status/state",
                &[
                    ("initializing", P, "{.status.ready}/{.status.size} node(s) are ready"),
                    ("ready", H, "{.status.ready}/{.status.size} node(s) are ready"),
                    ("paused", U, "Cluster is paused"),
                    ("stopping", D, "Cluster is stopping ({.status.ready}/{.status.size} node(s) are ready)"),
                ],
            ),
            Run(|cluster| {
                let messages: Vec<_> = cluster.at("/status/message").items().map(Node::lua).collect();
                let failed = cluster.at("/status/state").str() == "error";
                failed.then(|| degraded(format!("Cluster is on error: {}", messages.join(", "))))
            }),
        ],
        otherwise: (
            U,
            "Cluster status is unknown. Ensure your ArgoCD is current and then check for/file a bug report: \
             https://github.com/argoproj/argo-cd/issues",
        ),
    },
    Rule {
        kinds: "clickhouse-keeper.altinity.com/ClickHouseKeeperInstallation",
        steps: &[By(
            "/status/status",
            &[
                ("Completed", H, "ClickHouseKeeper installation completed successfully"),
                ("InProgress", P, "ClickHouseKeeper installation in progress"),
                ("*", D, "ClickHouseKeeper status: {.status.status}"),
            ],
        )],
        otherwise: (P, "ClickHouseKeeper status not yet available"),
    },
    Rule {
        kinds: "clickhouse.altinity.com/ClickHouseInstallation",
        steps: &[By(
            "/status/status",
            &[
                ("Completed", H, "ClickHouse installation completed successfully"),
                ("InProgress", P, "ClickHouse installation in progress"),
                ("*", D, "ClickHouse status: {.status.status}"),
            ],
        )],
        otherwise: (P, "ClickHouse status not yet available"),
    },
    Rule {
        kinds: "db.atlasgo.io/AtlasMigration|AtlasSchema",
        steps: &[Run(atlas)],
        otherwise: (P, "Waiting for Atlas Operator"),
    },
    Rule {
        kinds: "elasticsearch.k8s.elastic.co/Elasticsearch",
        steps: &[Run(elasticsearch)],
        otherwise: (
            U,
            "Elasticsearch Cluster status is unknown. Ensure your ArgoCD is current and then check for/file a bug \
             report: https://github.com/argoproj/argo-cd/issues",
        ),
    },
    Rule {
        kinds: "solr.apache.org/SolrCloud",
        steps: &[
            Missing("/status/solrNodes", (P, "Waiting for solr to exist")),
            Run(|cloud| {
                let waits = cloud.at("/status/solrNodes").items().any(|node| !node.at("/ready").truthy());
                waits.then(|| progressing("Not all replicas are ready"))
            }),
        ],
        otherwise: (H, "Solr is ready"),
    },
    Rule {
        kinds: "zookeeper.pravega.io/ZookeeperCluster",
        steps: &[Run(|cluster| {
            let ready = cluster.at("/status/readyReplicas");
            let all = cluster.at("/status").exists()
                && ready.number() != Some(0.0)
                && ready.same(cluster.at("/status/replicas"));
            all.then(|| healthy("All ZK Nodes have joined the ensemble"))
        })],
        otherwise: (P, "Waiting for ZK Nodes to join the ensemble"),
    },
    Rule {
        kinds: "rabbitmq.com/Binding|Exchange|Permission|Policy|Queue|Shovel|User|Vhost",
        steps: &[Run(rabbitmq_part)],
        otherwise: (U, ""),
    },
    Rule {
        kinds: "rabbitmq.com/RabbitmqCluster",
        steps: &[Run(rabbitmq_cluster)],
        otherwise: (P, "Waiting for RabbitMQ Operator"),
    },
];

/// (phase, code) of CloudNativePG clusters; other phases are Unknown.
const CNPG_PHASES: &[(&str, HealthCode)] = &[
    ("Cluster in healthy state", HealthCode::Healthy),
    ("Setting up primary", HealthCode::Progressing),
    ("Creating a new replica", HealthCode::Progressing),
    ("Upgrading cluster", HealthCode::Progressing),
    ("Waiting for the instances to become active", HealthCode::Progressing),
    ("Promoting to primary cluster", HealthCode::Progressing),
    ("Switchover in progress", HealthCode::Degraded),
    ("Failing over", HealthCode::Degraded),
    ("Upgrading Postgres major version", HealthCode::Degraded),
    ("Cluster upgrade delayed", HealthCode::Degraded),
    ("Waiting for user action", HealthCode::Degraded),
    ("Primary instance is being restarted in-place", HealthCode::Degraded),
    ("Primary instance is being restarted without a switchover", HealthCode::Degraded),
    ("Cluster cannot execute instance online upgrade due to missing architecture binary", HealthCode::Degraded),
    ("Online upgrade in progress", HealthCode::Degraded),
    ("Applying configuration", HealthCode::Degraded),
    ("Unable to create required cluster objects", HealthCode::Suspended),
    ("Cluster cannot proceed to reconciliation due to an unknown plugin being required", HealthCode::Suspended),
    ("Cluster has incomplete or invalid image catalog", HealthCode::Suspended),
    ("Cluster is unrecoverable and needs manual intervention", HealthCode::Suspended),
];

fn cnpg_cluster(cluster: Node<'_>) -> Option<HealthStatus> {
    if cluster.at("/metadata/annotations").entry("cnpg.io/reconciliationLoop").str() == "disabled" {
        return Some(suspended("Cluster reconciliation is suspended"));
    }
    if cluster.at("/status/conditions").is_null() {
        return None;
    }
    if let Some(hibernation) = cluster.condition("cnpg.io/hibernation") {
        let message = hibernation.at("/message").str();
        let asleep = hibernation.at("/status").str() == "True";
        return Some(if asleep { suspended(message) } else { degraded(message) });
    }
    let phase = cluster.at("/status/phase").str();
    let known = CNPG_PHASES.iter().find(|(name, _)| *name == phase);
    Some(status(known.map_or(HealthCode::Unknown, |(_, code)| *code), cluster.at("/status/phaseReason").str()))
}

fn cnpg_database(database: Node<'_>) -> Option<HealthStatus> {
    let state = database.at("/status");
    let generation = database.at("/metadata/generation");
    if !(generation.is_null() || state.at("/observedGeneration").same(generation)) {
        return None;
    }
    let message = |default: &str| state.at("/message").text().unwrap_or(default).to_owned();
    let applied = state.at("/applied");
    if applied.is_true() {
        return Some(healthy(message("")));
    }
    applied.is_false().then(|| degraded(message("CloudNativePG failed to apply the Database")))
}

fn reason_and_message(condition: Node<'_>) -> String {
    format!("{} {}", condition.at("/reason").str(), condition.at("/message").str())
}

fn mariadb_backup(backup: Node<'_>) -> Option<HealthStatus> {
    let conditions = backup.at("/status/conditions");
    if conditions.is_null() {
        return None;
    }
    if let Some(condition) = conditions.items().find(|c| c.at("/status").str() == "False") {
        let failed = condition.at("/reason").str() == "CronJobScheduled" && condition.at("/message").str() == "Failed";
        let message = reason_and_message(condition);
        return Some(if failed { degraded(message) } else { progressing(message) });
    }
    Some(healthy(conditions.items().last().map(reason_and_message).unwrap_or_default()))
}

fn mariadb(database: Node<'_>) -> Option<HealthStatus> {
    let conditions = database.at("/status/conditions");
    if conditions.is_null() {
        return None;
    }
    if let Some(condition) = conditions.items().find(|c| c.at("/status").str() == "False") {
        let message = condition.at("/message").str();
        let failed = condition.at("/reason").str() == "Failed";
        return Some(if failed { degraded(message) } else { progressing(message) });
    }
    Some(healthy(conditions.items().last().map(|c| c.at("/message").str()).unwrap_or_default()))
}

fn last_message(object: Node<'_>) -> Option<HealthStatus> {
    object.at("/status/conditions").items().last().map(|c| progressing(c.at("/message").str()))
}

fn sql_job(job: Node<'_>) -> Option<HealthStatus> {
    let ended = job.at("/status/conditions").items().find_map(|condition| {
        match (condition.at("/reason").str(), condition.at("/status").str()) {
            ("JobComplete", "True") => Some(healthy(reason_and_message(condition))),
            ("JobFailed", "True") => Some(degraded(reason_and_message(condition))),
            _ => None,
        }
    });
    ended.or_else(|| job.at("/status/conditions").items().last().map(|c| progressing(reason_and_message(c))))
}

fn atlas(object: Node<'_>) -> Option<HealthStatus> {
    let ready = object.condition("Ready")?;
    let (reason, message) = (ready.at("/reason").str(), ready.at("/message").str());
    let working = match object.at("/kind").str() {
        "AtlasMigration" => reason == "Reconciling",
        _ => matches!(message, "Reconciling" | "GettingDevDB"),
    };
    Some(match ready.at("/status").str() {
        "True" => healthy(reason),
        _ if working => progressing(reason),
        _ => degraded(reason),
    })
}

fn elasticsearch(cluster: Node<'_>) -> Option<HealthStatus> {
    let available = cluster.at("/status/availableNodes").number()?;
    let wanted: f64 = cluster.at("/spec/nodeSets").items().map(|set| set.at("/count").count()).sum();
    if available < wanted {
        return Some(progressing(format!(
            "The desired amount of availableNodes is {} but the current amount is {}",
            number(wanted),
            number(available)
        )));
    }
    if available > wanted || cluster.at("/status/health").is_null() {
        return None;
    }
    const CHECK: &str = "Check the status of indices, replicas and shards";
    match (cluster.at("/status/phase").str(), cluster.at("/status/health").str()) {
        ("Ready", "green") => Some(healthy("Elasticsearch Cluster status is Green")),
        ("Ready", "yellow") => Some(progressing(format!("Elasticsearch Cluster status is Yellow. {CHECK}"))),
        ("Ready", "red") => Some(degraded(format!("Elasticsearch Cluster status is Red. {CHECK}"))),
        (phase @ ("ApplyingChanges" | "MigratingData"), _) => {
            Some(progressing(format!("Elasticsearch phase is {phase}")))
        }
        ("Invalid", _) => Some(degraded("Elasticsearch phase is Invalid")),
        _ => None,
    }
}

fn rabbitmq_part(part: Node<'_>) -> Option<HealthStatus> {
    let what = format!("RabbitMQ {}", part.at("/kind").str().to_lowercase());
    let ready = part.at("/status/conditions").items().filter(|c| c.at("/type").str() == "Ready");
    let judged = ready.map(|c| (c.at("/status").str(), c.at("/reason").str())).find_map(|state| match state {
        ("True", "SuccessfulCreateOrUpdate") => Some(healthy(format!("{what} ready"))),
        ("False", "FailedCreateOrUpdate") => Some(degraded(format!("{what} failed to be created or updated"))),
        _ => None,
    });
    judged.or_else(|| Some(unknown(format!("{what} status is unknown"))))
}

fn rabbitmq_cluster(cluster: Node<'_>) -> Option<HealthStatus> {
    let conditions = cluster.at("/status/conditions");
    let failed = |c: &Node<'_>| c.at("/type").str() == "ReconcileSuccess" && c.at("/status").str() == "False";
    if let Some(condition) = conditions.items().find(failed) {
        return Some(degraded(condition.at("/message").str()));
    }
    let last = |kind: &str, field: &str| {
        let found = conditions.items().rfind(|c| c.at("/type").str() == kind);
        found.map(|c| c.entry(field).str()).unwrap_or_default()
    };
    let (available, replicas) = (last("ClusterAvailable", "status"), last("AllReplicasReady", "status"));
    let scaled_down = last("AllReplicasReady", "reason") == "ScaledToZero"
        && replicas == "False"
        && cluster.at("/spec/replicas").int() == Some(0);
    if available == "Unknown" || replicas == "Unknown" {
        return Some(progressing("Waiting for RabbitMQ cluster readiness (conditions unknown)"));
    }
    if scaled_down {
        return Some(suspended("RabbitmqCluster is scaled to 0 replicas"));
    }
    match (available, replicas) {
        ("False", _) => Some(progressing("Waiting for RabbitMQ cluster formation")),
        (_, "False") => Some(progressing("Waiting for RabbitMQ instances ready")),
        ("True", "True") => Some(healthy("RabbitMQ cluster ready")),
        _ => None,
    }
}
