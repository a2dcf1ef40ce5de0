//! Defaults of the other groups: networking, rbac, storage, scheduling, admission, discovery, resource, flow control,
//! custom resource definitions.

use serde_json::{Map, Value, json};

use super::{SetDefaults, object, set, set_nonzero, text};

type Object = Map<String, Value>;

const RBAC: &str = "rbac.authorization.k8s.io";

pub(super) fn function(type_name: &str) -> Option<SetDefaults> {
    Some(match type_name {
        "networking/v1.NetworkPolicyPort" => |m| set(m, "protocol", "TCP"),
        "networking/v1.NetworkPolicy" => network_policy,
        "networking/v1.IngressClassParametersReference" => |m| set(m, "scope", "Cluster"),
        "rbac/v1.ClusterRoleBinding" | "rbac/v1.RoleBinding" => |m| {
            if let Some(role) = object(m, "roleRef") {
                set(role, "apiGroup", RBAC);
            }
        },
        "rbac/v1.Subject" => |m| {
            if matches!(text(m, "kind"), "User" | "Group") {
                set(m, "apiGroup", RBAC);
            }
        },
        "storage/v1.StorageClass" => |m| {
            set(m, "reclaimPolicy", "Delete");
            set(m, "volumeBindingMode", "Immediate");
        },
        "storage/v1.CSIDriverSpec" => csi_driver,
        "scheduling/v1.PriorityClass" => |m| set(m, "preemptionPolicy", "PreemptLowerPriority"),
        "admissionregistration/v1.ValidatingWebhook" => webhook,
        "admissionregistration/v1.MutatingWebhook" => |m| {
            webhook(m);
            set(m, "reinvocationPolicy", "Never");
        },
        "admissionregistration/v1.RuleWithOperations" | "admissionregistration/v1.NamedRuleWithOperations" => {
            |m| set(m, "scope", "*")
        }
        "admissionregistration/v1.ServiceReference"
        | "apiextensions/v1.ServiceReference"
        | "apiregistration/v1.ServiceReference" => |m| set(m, "port", 443),
        "admissionregistration/v1.ValidatingAdmissionPolicySpec"
        | "admissionregistration/v1.MutatingAdmissionPolicySpec" => |m| set(m, "failurePolicy", "Fail"),
        "admissionregistration/v1.MatchResources" => |m| {
            set(m, "matchPolicy", "Equivalent");
            set(m, "namespaceSelector", json!({}));
            set(m, "objectSelector", json!({}));
        },
        "discovery/v1.EndpointPort" => |m| {
            m.entry("name").or_insert(json!(""));
            set(m, "protocol", "TCP");
        },
        "resource/v1.ExactDeviceRequest" | "resource/v1.DeviceSubRequest" => |m| {
            set(m, "allocationMode", "ExactCount");
            if text(m, "allocationMode") == "ExactCount" {
                set_nonzero(m, "count", 1);
            }
        },
        "flowcontrol/v1.FlowSchemaSpec" => |m| set_nonzero(m, "matchingPrecedence", 1000),
        "flowcontrol/v1.ExemptPriorityLevelConfiguration" => |m| {
            set(m, "nominalConcurrencyShares", 0);
            set(m, "lendablePercent", 0);
        },
        "flowcontrol/v1.LimitedPriorityLevelConfiguration" => |m| {
            set(m, "nominalConcurrencyShares", 30);
            set(m, "lendablePercent", 0);
        },
        "flowcontrol/v1.QueuingConfiguration" => |m| {
            set_nonzero(m, "handSize", 8);
            set_nonzero(m, "queues", 64);
            set_nonzero(m, "queueLengthLimit", 50);
        },
        "apiextensions/v1.CustomResourceDefinition" => custom_resource_definition,
        _ => return None,
    })
}

fn network_policy(m: &mut Object) {
    let Some(spec) = object(m, "spec") else { return };
    let filled = |spec: &Object, key: &str| spec.get(key).and_then(Value::as_array).is_some_and(|a| !a.is_empty());
    if !filled(spec, "policyTypes") {
        let types = if filled(spec, "egress") { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) };
        spec.insert("policyTypes".to_owned(), types);
    }
}

fn csi_driver(m: &mut Object) {
    set(m, "attachRequired", true);
    set(m, "podInfoOnMount", false);
    set(m, "storageCapacity", false);
    set(m, "fsGroupPolicy", "ReadWriteOnceWithFSType");
    set(m, "volumeLifecycleModes", json!(["Persistent"]));
    set(m, "requiresRepublish", false);
    set(m, "seLinuxMount", false);
    // VolumeLimitScaling is on by default since 1.37.
    set(m, "preventPodSchedulingIfMissing", false);
}

fn webhook(m: &mut Object) {
    set(m, "failurePolicy", "Fail");
    set(m, "matchPolicy", "Equivalent");
    set(m, "namespaceSelector", json!({}));
    set(m, "objectSelector", json!({}));
    set(m, "timeoutSeconds", 10);
}

fn custom_resource_definition(m: &mut Object) {
    let Some(spec) = object(m, "spec") else { return };
    if let Some(names) = object(spec, "names") {
        let kind = text(names, "kind").to_owned();
        if !kind.is_empty() {
            set(names, "singular", kind.to_lowercase());
            set(names, "listKind", format!("{kind}List"));
        }
    }
    set(spec, "conversion", json!({"strategy": "None"}));
    let stored = spec.get("versions").and_then(Value::as_array).into_iter().flatten();
    let stored = stored.filter(|v| v.get("storage") == Some(&Value::Bool(true))).find_map(|v| v.get("name").cloned());
    if let (Some(stored), Some(status)) = (stored, object(m, "status"))
        && status.get("storedVersions").and_then(Value::as_array).is_none_or(Vec::is_empty)
    {
        status.insert("storedVersions".to_owned(), json!([stored]));
    }
}
