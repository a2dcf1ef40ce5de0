//! Kafka: Strimzi, Banzai Cloud, Confluent.

use super::rule::Step::{By, First, Run};
use super::rule::{D, H, P, Rule, t};
use crate::health::node::Node;
use crate::health::{degraded, healthy, progressing};
use crate::model::HealthStatus;

const STRIMZI: &[super::rule::Step] = &[First(&[t("NotReady", D, "{message}"), t("Ready", H, "")])];

pub(super) const RULES: &[Rule] = &[
    Rule {
        kinds: "kafka.strimzi.io/Kafka",
        steps: &[First(&[t("NotReady", D, "{message}").unless("Creating"), t("Ready", H, "")])],
        otherwise: (P, "Waiting for Kafka Cluster"),
    },
    Rule {
        kinds: "kafka.strimzi.io/KafkaBridge|KafkaConnector",
        steps: STRIMZI,
        otherwise: (P, "Waiting for {.kind}"),
    },
    Rule { kinds: "kafka.strimzi.io/KafkaConnect", steps: STRIMZI, otherwise: (P, "Waiting for Kafka Connect") },
    Rule { kinds: "kafka.strimzi.io/KafkaTopic", steps: STRIMZI, otherwise: (P, "Waiting for Kafka Topic") },
    Rule { kinds: "kafka.strimzi.io/KafkaUser", steps: STRIMZI, otherwise: (P, "Waiting for Kafka User") },
    Rule {
        kinds: "kafka.banzaicloud.io/KafkaCluster",
        steps: &[
            By("/status/state", &[("ClusterRollingUpgrading", P, "Kafka Cluster is Rolling Upgrading.")]),
            Run(banzai_cluster),
        ],
        otherwise: (P, "Waiting for KafkaCluster"),
    },
    Rule {
        kinds: "platform.confluent.io/Connect|ControlCenter|Kafka|KsqlDB|SchemaRegistry|Zookeeper",
        steps: &[By(
            "/status/phase",
            &[("RUNNING", H, "{.kind} running"), ("PROVISIONING", P, "{.kind} provisioning")],
        )],
        otherwise: (P, "Waiting for {.kind}"),
    },
    Rule {
        kinds: "platform.confluent.io/Connector",
        steps: &[Run(confluent_connector)],
        otherwise: (P, "Waiting for Kafka Connector"),
    },
];

fn banzai_cluster(cluster: Node<'_>) -> Option<HealthStatus> {
    let state = cluster.at("/status");
    if state.at("/brokersState").is_null() {
        return None;
    }
    let in_sync = |broker: Node<'_>| {
        let action = broker.at("/gracefulActionState/cruiseControlState").str();
        broker.at("/configurationState").str() == "ConfigInSync"
            && matches!(action, "GracefulUpscaleSucceeded" | "GracefulDownscaleSucceeded")
    };
    if !state.at("/brokersState").entries().all(|(_, broker)| in_sync(broker)) {
        return Some(degraded("Broker Config is out of Sync or CruiseControlState is not Ready"));
    }
    match (state.at("/cruiseControlTopicStatus").str(), state.at("/state").str()) {
        ("CruiseControlTopicReady", "ClusterRunning") => {
            Some(healthy("Kafka Brokers, CruiseControl and cluster are in Healthy State."))
        }
        ("CruiseControlTopicNotReady" | "", "ClusterReconciling") => Some(progressing("Kafka Cluster is Reconciling.")),
        _ => None,
    }
}

fn confluent_connector(connector: Node<'_>) -> Option<HealthStatus> {
    let state = connector.at("/status");
    let failed = state.at("/failedTasksCount");
    match (state.at("/state").text()?, state.at("/connectorState").str()) {
        ("CREATED", "RUNNING") if failed.is_null() => Some(healthy("Connector running")),
        ("ERROR", _) => {
            let first = state.at("/conditions").items().next();
            Some(degraded(first.map_or("No conditions available", |c| c.at("/message").str())))
        }
        _ => (failed.count() > 0.0).then(|| degraded("Connector has failed tasks")),
    }
}
