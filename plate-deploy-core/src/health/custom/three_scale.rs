//! Red Hat 3scale.

use super::rule::Step::{By, First, Run};
use super::rule::{D, H, P, Rule, S, t};
use crate::health::node::Node;
use crate::health::{degraded, healthy};
use crate::model::HealthStatus;

const WAITING: super::rule::Answer = (P, "Waiting for 3scale {.kind} status...");

pub(super) const RULES: &[Rule] = &[
    Rule {
        kinds: "apps.3scale.net/APIManager",
        steps: &[Run(api_manager)],
        otherwise: (P, "Waiting for 3scale APIManager status..."),
    },
    Rule {
        kinds: "capabilities.3scale.net/ActiveDoc",
        steps: &[First(&[
            t("Ready", H, "3scale ActiveDoc is ready"),
            t("Invalid", D, "{message|3scale ActiveDoc configuration is invalid}"),
            t("Orphan", D, "{message|3scale ActiveDoc references non-existing resources}"),
            t("Failed", D, "{message|3scale ActiveDoc synchronization failed}"),
        ])],
        otherwise: WAITING,
    },
    Rule {
        kinds: "capabilities.3scale.net/Application",
        steps: &[
            By("/status/state", &[("suspended", S, "3scale Application is suspended")]),
            First(&[t("Ready", H, "3scale Application is ready")]),
            Run(application_not_ready),
        ],
        otherwise: WAITING,
    },
    Rule {
        kinds: "capabilities.3scale.net/ApplicationAuth",
        steps: &[First(&[
            t("Ready", H, "3scale ApplicationAuth is ready"),
            t("Failed", D, "{message|3scale ApplicationAuth failed}"),
        ])],
        otherwise: WAITING,
    },
    Rule {
        kinds: "capabilities.3scale.net/Backend",
        steps: &[First(&[
            t("Synced", H, "3scale Backend is synced"),
            t("Invalid", D, "{message|3scale Backend configuration is invalid}"),
            t("Failed", D, "{message|3scale Backend synchronization failed}"),
        ])],
        otherwise: WAITING,
    },
    Rule {
        kinds: "capabilities.3scale.net/CustomPolicyDefinition",
        steps: &[First(&[
            t("Ready", H, "3scale CustomPolicyDefinition is ready"),
            t("Invalid", D, "{message|3scale CustomPolicyDefinition configuration is invalid}"),
            t("Failed", D, "{message|3scale CustomPolicyDefinition synchronization failed}"),
        ])],
        otherwise: WAITING,
    },
    Rule {
        kinds: "capabilities.3scale.net/DeveloperAccount",
        steps: &[First(&[
            t("Ready", H, "3scale DeveloperAccount is ready"),
            t("Invalid", D, "{message|3scale DeveloperAccount configuration is invalid}"),
            t("Failed", D, "{message|3scale DeveloperAccount synchronization failed}"),
            t("Waiting", S, "{message|3scale DeveloperAccount is waiting for approval}"),
        ])],
        otherwise: WAITING,
    },
    Rule {
        kinds: "capabilities.3scale.net/DeveloperUser",
        steps: &[
            By(
                "/status/developerUserState",
                &[("suspended", S, "3scale Developer user is waiting for admin approval")],
            ),
            First(&[
                t("Ready", H, "3scale DeveloperUser is ready"),
                t("Invalid", D, "{message|3scale DeveloperUser configuration is invalid}"),
                t("Orphan", D, "{message|3scale DeveloperUser references non-existing resources}"),
                t("Failed", D, "{message|3scale DeveloperUser synchronization failed}"),
            ]),
        ],
        otherwise: WAITING,
    },
    Rule {
        kinds: "capabilities.3scale.net/OpenAPI",
        steps: &[First(&[
            t("Ready", H, "3scale OpenAPI is ready"),
            t("Invalid", D, "{message|3scale OpenAPI configuration is invalid}"),
            t("Failed", D, "{message|3scale OpenAPI reconciliation failed}"),
        ])],
        otherwise: WAITING,
    },
    Rule {
        kinds: "capabilities.3scale.net/Product",
        steps: &[First(&[
            t("Synced", H, "3scale Product is synced"),
            t("Invalid", D, "{message|3scale Product configuration is invalid}"),
            t("Orphan", D, "{message|3scale Product references non-existing resources}"),
            t("Failed", D, "{message|3scale Product synchronization failed}"),
        ])],
        otherwise: WAITING,
    },
    Rule {
        kinds: "capabilities.3scale.net/ProxyConfigPromote",
        steps: &[First(&[
            t("Ready", H, "3scale ProxyConfigPromote is ready"),
            t("In-progress", P, "{message|3scale ProxyConfigPromote is in progress}"),
            t("Failed", D, "{message|3cale ProxyConfigPromote failed}"),
        ])],
        otherwise: WAITING,
    },
    Rule { kinds: "capabilities.3scale.net/Tenant", steps: &[Run(tenant)], otherwise: WAITING },
];

fn api_manager(manager: Node<'_>) -> Option<HealthStatus> {
    let deployments = manager.at("/status/deployments");
    let there = |name: &str| deployments.entry(name).exists();
    if there("ready") && !there("starting") && !there("stopped") {
        return Some(healthy("3scale APIManager is available"));
    }
    manager.at("/status/conditions").items().filter(|c| c.at("/type").str() == "Available").find_map(
        |condition| match (condition.at("/status").str(), condition.at("/reason").str()) {
            ("True", _) => Some(healthy("3scale APIManager is available")),
            (_, "") => None,
            (_, reason) => Some(degraded(format!("3scale APIManager is degraded: {reason}"))),
        },
    )
}

fn application_not_ready(application: Node<'_>) -> Option<HealthStatus> {
    let registered = application.at("/status/adminId").count() > 0.0;
    let condition = application.condition("Ready").filter(|_| !registered)?;
    Some(degraded(condition.at("/message").text().unwrap_or("3scale Application is not ready")))
}

fn tenant(tenant: Node<'_>) -> Option<HealthStatus> {
    let registered = tenant.at("/status/tenantId").count() > 0.0 && tenant.at("/status/adminId").count() > 0.0;
    let ready = || tenant.at("/status/conditions").items().filter(|c| c.at("/type").str() == "Ready");
    if registered && ready().any(|c| c.at("/status").str() == "True") {
        return Some(healthy("3scale Tenant is ready"));
    }
    let bad = ready().find(|c| c.at("/status").str() != "True")?;
    Some(degraded(bad.at("/message").text().unwrap_or("3scale Tenant is degraded")))
}
