//! Which rules hold for which built-in kind. The rules themselves are in the modules beside.

use serde_json::Value;

use super::common::{Errors, same};
use super::{admin, autoscaling, cluster, network, pods, policy, quota, workloads};
use crate::object::{at, text};
use crate::registry::catalog::Resource;
use crate::status::FieldError;

/// The errors of a new object.
pub(super) fn create(resource: &Resource, object: &Value) -> Errors {
    let mut errors = Errors::new();
    let out = &mut errors;
    match resource.builtin_name() {
        "pods" => pods::spec(&object["spec"], "spec", &[], out),
        "podtemplates" => pods::template(&object["template"], "template", out),
        "configmaps" => policy::data_keys(object, &["data", "binaryData"], out),
        "secrets" => {
            policy::data_keys(object, &["data"], out);
            policy::secret(object, out);
        }
        "limitranges" => quota::limit_range(object, out),
        "persistentvolumes" => admin::persistent_volume(object, out),
        "storageclasses.storage.k8s.io" => admin::storage_class(object, out),
        "ingressclasses.networking.k8s.io" => admin::ingress_class(object, out),
        "runtimeclasses.node.k8s.io" => admin::runtime_class(object, out),
        "priorityclasses.scheduling.k8s.io" => admin::priority_class(object, out),
        "validatingwebhookconfigurations.admissionregistration.k8s.io"
        | "mutatingwebhookconfigurations.admissionregistration.k8s.io" => admin::webhooks(object, out),
        "resourcequotas" => quota::quota(object, out),
        "endpoints" => cluster::endpoints(object, out),
        "endpointslices.discovery.k8s.io" => cluster::endpoint_slice(object, out),
        "events" => cluster::event(object, out),
        "leases.coordination.k8s.io" => cluster::lease(object, out),
        "services" => network::service(object, out),
        "persistentvolumeclaims" => policy::claim(object, "", out),
        "deployments.apps" => workloads::deployment(object, out),
        "replicasets.apps" => workloads::replica_set(object, out),
        "replicationcontrollers" => workloads::replication_controller(object, out),
        "apiservices.apiregistration.k8s.io" => cluster::api_service(object, out),
        "daemonsets.apps" => workloads::daemon_set(object, out),
        "statefulsets.apps" => workloads::stateful_set(object, out),
        "jobs.batch" => workloads::job_spec(&object["spec"], "spec", true, out),
        "cronjobs.batch" => workloads::cron_job(object, out),
        "horizontalpodautoscalers.autoscaling" => {
            let stored = crate::registry::convert(object.clone(), resource, &resource.storage_version);
            autoscaling::autoscaler(&stored, out);
        }
        "poddisruptionbudgets.policy" => workloads::disruption_budget(object, out),
        "ingresses.networking.k8s.io" => {
            network::ingress(object, out);
            network::balancer_status(object, out);
        }
        "networkpolicies.networking.k8s.io" => network::network_policy(object, out),
        "roles.rbac.authorization.k8s.io" => policy::role(object, true, out),
        "clusterroles.rbac.authorization.k8s.io" => policy::role(object, false, out),
        "rolebindings.rbac.authorization.k8s.io" => policy::role_binding(object, true, out),
        "clusterrolebindings.rbac.authorization.k8s.io" => policy::role_binding(object, false, out),
        "customresourcedefinitions.apiextensions.k8s.io" => {
            out.extend(crate::registry::crd::validate_definition(object))
        }
        _ => {}
    }
    errors
}

/// The errors of an object that replaces `old`.
pub(super) fn update(resource: &Resource, new: &Value, old: &Value) -> Errors {
    let mut errors = create(resource, new);
    let out = &mut errors;
    match resource.builtin_name() {
        "pods" => pods::update(new, old, out),
        "configmaps" => policy::immutable_data(new, old, &["data", "binaryData"], out),
        "namespaces" => policy::namespace_phase(new, out),
        "secrets" => {
            same(new, old, &["type"], out);
            policy::immutable_data(new, old, &["data"], out);
        }
        "services" => service_update(new, old, out),
        "persistentvolumeclaims" => policy::claim_update(new, old, out),
        "deployments.apps" | "daemonsets.apps" | "replicasets.apps" => same(new, old, &["spec", "selector"], out),
        "endpointslices.discovery.k8s.io" => cluster::endpoint_slice_update(new, old, out),
        "statefulsets.apps" => workloads::stateful_set_update(new, old, out),
        "jobs.batch" => workloads::job_update(new, old, out),
        "rolebindings.rbac.authorization.k8s.io" | "clusterrolebindings.rbac.authorization.k8s.io" => {
            same(new, old, &["roleRef"], out);
        }
        "resourcequotas" => same(new, old, &["spec", "scopes"], out),
        "persistentvolumes" => admin::volume_update(new, old, out),
        "storageclasses.storage.k8s.io" => admin::storage_class_update(new, old, out),
        "ingressclasses.networking.k8s.io" => same(new, old, &["spec", "controller"], out),
        "runtimeclasses.node.k8s.io" => same(new, old, &["handler"], out),
        "priorityclasses.scheduling.k8s.io" => {
            if new.get("value") != old.get("value") {
                out.push(FieldError::forbidden("value", "may not be changed in an update."));
            }
            same(new, old, &["preemptionPolicy"], out);
        }
        _ => {}
    }
    errors
}

fn service_update(new: &Value, old: &Value, out: &mut Errors) {
    let (was, is) = (text(old, &["spec", "clusterIP"]), text(new, &["spec", "clusterIP"]));
    let external = |o: &Value| text(o, &["spec", "type"]) == "ExternalName";
    if !external(old) && !external(new) && !was.is_empty() && was != is {
        let value = at(new, &["spec", "clusterIPs"]).cloned().unwrap_or_default();
        out.push(FieldError::invalid("spec.clusterIPs[0]", value, "may not change once set"));
    }
}
