//! Monitoring: Prometheus operator, Grafana, VictoriaMetrics, Datadog, Jaeger, OpenTelemetry, Humio, Coralogix, Elastic
//! shippers.

use super::rule::Step::{By, First, Last, Missing, Run, Stale};
use super::rule::{Answer, D, H, M, P, Rule, S, U, any, f, not, t};
use crate::health::node::Node;
use crate::health::{degraded, healthy, progressing, status};
use crate::model::{HealthCode, HealthStatus};

/// All kinds of `operator.victoriametrics.com`.
pub(super) const VICTORIA_METRICS: Rule = Rule {
    kinds: "",
    steps: &[
        Missing("/status", (P, "Waiting for the operator to reconcile")),
        Stale((P, "Waiting for the operator to reconcile")),
        By(
            "/status/updateStatus",
            &[
                ("operational", H, "All components are operational"),
                ("ignored", H, "Resource was not picked by any parent object"),
                ("expanding", P, "{.status.reason?Reconciliation in progress}"),
                ("paused", S, "{.status.reason?Reconciliation is paused}"),
                ("failed", D, "{.status.reason?Reconciliation failed}"),
            ],
        ),
    ],
    otherwise: (P, "Waiting for the operator to report status"),
};

/// All kinds of the Grafana organisation operator.
pub(super) const GRAFANA_ORG: Rule = Rule {
    kinds: "",
    steps: &[First(&[f("Ready", D, "{message}"), t("Ready", H, "{message}"), any("Ready", P, "{message}")])],
    otherwise: (P, "Waiting ..."),
};

const UPDATING: Answer = (P, "Update in progress");

pub(super) const RULES: &[Rule] = &[
    Rule {
        kinds: "monitoring.coreos.com/Alertmanager|Prometheus|ThanosRuler",
        steps: &[Last(&[
            t("Available", H, "All instances are available"),
            not("Available", P, "{message|=reason}").because("SomePodsNotReady"),
            not("Available", D, "{message|=reason}"),
        ])],
        otherwise: (P, "Waiting for initialization"),
    },
    Rule {
        kinds: "grafana.integreatly.org/Grafana",
        steps: &[
            Missing("/status/stageStatus", (P, "Waiting for Grafana status info")),
            By("/status/stageStatus", &[("failed", D, "Failed at stage {.status.stage}")]),
            Run(|grafana| {
                let state = (grafana.at("/status/stage").str(), grafana.at("/status/stageStatus").str());
                (state == ("complete", "success")).then(|| healthy(""))
            }),
        ],
        otherwise: (P, "{.status.stage}"),
    },
    Rule {
        kinds: "grafana.integreatly.org/GrafanaDashboard|GrafanaFolder",
        steps: &[Run(grafana_conditions)],
        otherwise: (P, ""),
    },
    Rule {
        kinds: "grafana.integreatly.org/GrafanaDatasource",
        steps: &[
            Missing("/status", (P, "")),
            By("/status/uid", &[("", P, "")]),
            Run(|source| {
                let unmatched = source.at("/status/NoMatchingInstances").truthy();
                unmatched.then(|| degraded("can't find matching grafana instance"))
            }),
        ],
        otherwise: (H, ""),
    },
    Rule {
        kinds: "datadoghq.com/DatadogMetric",
        steps: &[Run(datadog_metric), First(&[f("Valid", D, "{message|DatadogMetric is not valid}")])],
        otherwise: (H, "DatadogMetric is healthy"),
    },
    Rule {
        kinds: "jaegertracing.io/Jaeger",
        steps: &[By(
            "/status/phase",
            &[("Running", H, "Jaeger is Running"), ("Failed", D, "Jaeger Failed For Some Reason")],
        )],
        otherwise: (P, "Waiting for Jaeger"),
    },
    Rule {
        kinds: "kiali.io/Kiali",
        steps: &[First(&[
            t("Successful", H, "{message}"),
            t("Failure", D, "{message}"),
            any("Running", P, "{message}").because("Running"),
        ])],
        otherwise: (P, "Waiting for Kiali"),
    },
    Rule {
        kinds: "opentelemetry.io/OpenTelemetryCollector",
        steps: &[Run(open_telemetry)],
        otherwise: (P, "Waiting for OpenTelemetry Collector status"),
    },
    Rule {
        kinds: "core.humio.com/HumioAction|HumioAlert|HumioIngestToken|HumioParser|HumioRepository|HumioView",
        steps: &[By(
            "/status/state",
            &[
                ("Exists", H, "Component state: Exists."),
                ("NotFound", M, "Component state: NotFound."),
                ("ConfigError", D, "Component state: ConfigError."),
                ("Unknown", U, "Component state: Unknown."),
            ],
        )],
        otherwise: UPDATING,
    },
    Rule {
        kinds: "core.humio.com/HumioCluster",
        steps: &[By(
            "/status/state",
            &[
                ("Running", H, "{.status.message|Cluster is in a healthy running state}"),
                ("Restarting", P, "{.status.message|Cluster pods are being restarted}"),
                ("Upgrading", P, "{.status.message|Cluster pods are being upgraded}"),
                (
                    "ConfigError",
                    D,
                    "{.status.message|User-provided cluster specification resulted in a configuration error}",
                ),
                ("Pending", P, "{.status.message|Cluster is waiting on resources to be provisioned}"),
                ("Unknown", U, "{.status.message|Component state: Unknown.}"),
            ],
        )],
        otherwise: UPDATING,
    },
    Rule {
        kinds: "coralogix.com/Alert|RecordingRuleGroupSet",
        steps: &[First(&[t("RemoteSynced", H, "Resource is ready"), f("RemoteSynced", D, "{message}")])],
        otherwise: (P, "Waiting for status to be updated"),
    },
    Rule {
        kinds: "beat.k8s.elastic.co/Beat",
        steps: &[Run(beat)],
        otherwise: (
            U,
            "Elastic Beat status is unknown. Ensure your ArgoCD is current and then check for/file a bug report: \
             https://github.com/argoproj/argo-cd/issues",
        ),
    },
    Rule {
        kinds: "logstash.k8s.elastic.co/Logstash",
        steps: &[By(
            "/status/health",
            &[
                ("green", H, "Logstash status is Green"),
                ("yellow", P, "Logstash status is Yellow"),
                ("red", D, "Logstash status is Red"),
            ],
        )],
        otherwise: (P, "Waiting for Logstash"),
    },
];

/// All conditions go into one sentence; the first bad one ends it.
fn grafana_conditions(object: Node<'_>) -> Option<HealthStatus> {
    let (mut code, mut message) = (HealthCode::Progressing, String::new());
    let is_folder = object.at("/kind").str() == "GrafanaFolder";
    for condition in object.at("/status/conditions").items() {
        let Some(state) = condition.at("/status").text() else { continue };
        let kind = condition.at("/type").text();
        if !message.is_empty() {
            message.push_str(", ");
        }
        if let Some(reason) = condition.at("/reason").text() {
            message.push_str(reason);
            if let Some(kind) = kind {
                message = format!("{message} for {kind}");
                if let Some(why) = condition.at("/message").text() {
                    message = format!("{message} because {why}");
                }
            }
        }
        let mismatch = is_folder && kind == Some("FolderUIDMismatch");
        match state {
            "True" if mismatch => return Some(degraded(message)),
            "False" if !mismatch => return Some(degraded(message)),
            "True" => code = HealthCode::Healthy,
            _ => {}
        }
    }
    Some(status(code, message))
}

fn datadog_metric(metric: Node<'_>) -> Option<HealthStatus> {
    let failed = |c: &Node<'_>| c.at("/type").str() == "Error" && c.at("/status").str() == "True";
    let condition = metric.at("/status/conditions").items().find(failed)?;
    let message = condition.at("/message").text().unwrap_or("DatadogMetric reported an error");
    Some(degraded(match condition.at("/reason").str() {
        "" => message.to_owned(),
        reason => format!("{reason}: {message}"),
    }))
}

fn open_telemetry(collector: Node<'_>) -> Option<HealthStatus> {
    let mode = collector.at("/spec/mode").str();
    if collector.at("/status").is_null() {
        return None;
    }
    let Some(replicas) = collector.at("/status/scale/statusReplicas").text() else {
        return Some(if mode == "sidecar" {
            healthy("Collector is running in sidecar mode")
        } else {
            progressing("Scale status not available")
        });
    };
    let Some((ready, total)) = fraction(replicas) else {
        return Some(progressing(format!("Unable to parse replica status: {replicas}")));
    };
    Some(match (ready, total) {
        (0, 0) if mode == "daemonset" => healthy("DaemonSet has no eligible nodes (0/0)"),
        (0, _) => degraded("No replicas are ready"),
        (ready, total) if ready == total => healthy("All replicas are ready"),
        _ => progressing("Replicas are starting up"),
    })
}

/// The two numbers around the first `/` that has digits on both sides.
fn fraction(text: &str) -> Option<(u64, u64)> {
    text.match_indices('/').find_map(|(at, _)| {
        let (before, after) = (text.get(..at)?, text.get(at + 1..)?);
        let left = before.rsplit(|c: char| !c.is_ascii_digit()).next()?;
        let right = after.split(|c: char| !c.is_ascii_digit()).next()?;
        Some((left.parse().ok()?, right.parse().ok()?))
    })
}

fn beat(beat: Node<'_>) -> Option<HealthStatus> {
    let state = beat.at("/status");
    let (available, expected) = (state.at("/availableNodes"), state.at("/expectedNodes"));
    if state.at("/health").is_null() && expected.is_null() {
        return None;
    }
    Some(match state.at("/health").text() {
        Some("red") => degraded("Elastic Beat status is Red"),
        Some("green") => healthy("Elastic Beat status is Green"),
        Some("yellow") if available.exists() && expected.exists() => progressing(format!(
            "Elastic Beat status is deploying, there is {} instance(s) on {} expected",
            available.lua(),
            expected.lua()
        )),
        Some("yellow") | None => progressing("Elastic Beat phase is progressing"),
        Some(_) => return None,
    })
}
