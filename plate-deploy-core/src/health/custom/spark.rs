//! Batch and stream processing: Spark, Flink, Tekton, Ansible.

use super::rule::Step::{By, First, Run};
use super::rule::{D, H, M, P, Rule, S, any, f, t};
use crate::health::node::Node;
use crate::health::{degraded, healthy, progressing};
use crate::model::HealthStatus;

pub(super) const RULES: &[Rule] = &[
    Rule {
        kinds: "sparkoperator.k8s.io/SparkApplication",
        steps: &[
            Run(running_application),
            By(
                "/status/applicationState/state",
                &[
                    ("", P, "SparkApplication was added, enqueuing it for submission"),
                    ("SUBMITTED", P, "SparkApplication was submitted successfully"),
                    ("COMPLETED", H, "SparkApplication was Completed"),
                    ("FAILED", D, "{.status.applicationState.errorMessage}"),
                    ("SUBMISSION_FAILED", D, "{.status.applicationState.errorMessage}"),
                    ("PENDING_RERUN", P, "SparkApplication is Pending Rerun"),
                    ("INVALIDATING", M, "SparkApplication is in InvalidatingState"),
                    (
                        "SUCCEEDING",
                        P,
                        "The driver pod has been completed successfully. The executor pods terminate and are cleaned \
                     up.\n                                Under this circumstances, we assume the executor pod are \
                     completed.",
                    ),
                    ("FAILING", D, "{.status.applicationState.errorMessage}"),
                    (
                        "UNKNOWN",
                        P,
                        "SparkApplication is in UnknownState because either driver pod or one or all executor pods in \
                     unknown state ",
                    ),
                ],
            ),
        ],
        otherwise: (P, "Waiting for Executor pods"),
    },
    Rule {
        kinds: "flink.apache.org/FlinkDeployment",
        steps: &[Run(flink_deployment)],
        otherwise: (P, "Waiting for Flink operator"),
    },
    Rule {
        kinds: "flink.apache.org/FlinkSessionJob",
        steps: &[
            By(
                "/status/jobStatus/state",
                &[
                    ("RUNNING", H, "RUNNING"),
                    ("FINISHED", H, "FINISHED"),
                    ("RECONCILING", P, "RECONCILING"),
                    ("CREATED", P, "CREATED"),
                    ("SUSPENDED", S, "SUSPENDED"),
                    ("CANCELED", S, "CANCELED"),
                    ("FAILED", D, "{.status.error|FlinkSessionJob failed}"),
                ],
            ),
            By("/status/error", &[("*", D, "{.status.error}")]),
        ],
        otherwise: (P, "Waiting for FlinkSessionJob to be reconciled"),
    },
    Rule {
        kinds: "tekton.dev/PipelineRun|TaskRun",
        steps: &[First(&[
            t("Succeeded", H, "{message|=reason}"),
            f("Succeeded", D, "{message|=reason}"),
            any("Succeeded", P, "{message|=reason}"),
        ])],
        otherwise: (P, "Waiting for run to start"),
    },
    Rule {
        kinds: "tower.ansible.com/AnsibleJob",
        steps: &[Run(|job| {
            let result = job.at("/status/ansibleJobResult");
            let state = result.at("/status").str();
            let message = format!("{state} job - {}", result.at("/url").str());
            match state {
                "successful" => Some(healthy(message)),
                "failed" | "error" | "canceled" => Some(degraded(message)),
                "new" | "pending" | "waiting" | "running" => Some(progressing(message)),
                _ => None,
            }
        })],
        otherwise: (P, "Waiting for AnsibleJob"),
    },
];

/// A running application is healthy when as many executors run as were asked for.
fn running_application(application: Node<'_>) -> Option<HealthStatus> {
    let executors = application.at("/status/executorState");
    if application.at("/status/applicationState/state").str() != "RUNNING" || executors.is_null() {
        return None;
    }
    let running = executors.entries().filter(|(_, state)| state.str() == "RUNNING").fold(0.0, |n, _| n + 1.0);
    let wanted = application.at("/spec/executor/instances").number();
    let enough = if wanted.is_some_and(|wanted| (wanted - running).abs() < f64::EPSILON) {
        true
    } else if let Some((least, most)) = executor_range(application.at("/spec")) {
        running >= least && running <= most
    } else {
        application.at("/spec/dynamicAllocation").is_null() && wanted.is_none() && running >= 1.0
    };
    enough.then(|| healthy("SparkApplication is Running"))
}

/// How many executors dynamic allocation may run: from the API's field or from Spark's own configuration.
fn executor_range(spec: Node<'_>) -> Option<(f64, f64)> {
    let dynamic = spec.at("/dynamicAllocation");
    if dynamic.at("/enabled").truthy() {
        let bound = |name: &str| dynamic.entry(name).number();
        return Some((bound("minExecutors").unwrap_or(0.0), bound("maxExecutors").unwrap_or(f64::INFINITY)));
    }
    let conf = spec.at("/sparkConf");
    ["spark.streaming.dynamicAllocation", "spark.dynamicAllocation"].into_iter().find_map(|prefix| {
        let read = |name: &str| conf.entry(&format!("{prefix}.{name}"));
        let bound = |name: &str| read(name).str().parse::<f64>().ok();
        (read("enabled").str() == "true")
            .then(|| (bound("minExecutors").unwrap_or(0.0), bound("maxExecutors").unwrap_or(f64::INFINITY)))
    })
}

fn flink_deployment(deployment: Node<'_>) -> Option<HealthStatus> {
    let reconciliation = deployment.at("/status/reconciliationStatus");
    if reconciliation.exists() {
        if reconciliation.at("/success").truthy() || reconciliation.at("/state").str() == "DEPLOYED" {
            return Some(healthy(""));
        }
        match deployment.at("/status/jobManagerDeploymentStatus").str() {
            "DEPLOYED_NOT_READY" | "DEPLOYING" => return Some(progressing("Waiting for deploying")),
            "ERROR" => return Some(degraded(reconciliation.at("/error").str())),
            _ => {}
        }
    }
    let suspended = deployment.at("/spec/job/state").str() == "suspended";
    let never_ran = reconciliation.at("/lastReconciledSpec").is_null();
    (suspended && never_ran).then(|| healthy("Job is suspended"))
}
