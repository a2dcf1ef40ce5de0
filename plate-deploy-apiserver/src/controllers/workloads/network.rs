//! The node, and addresses for LoadBalancer Services and Ingresses.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Part;
use super::context::{Context, condition};
use crate::object::{is_deleting, list, text};

/// Addresses of the simulated load balancer: 198.51.100.0/24, which is reserved for examples.
const NETWORK: &str = "198.51.100";

/// The node that all pods run on.
pub(super) const NODE: &str = "embedded";

/// Makes the one node.
pub(super) fn ensure_node(context: &Context<'_>) {
    if context.get("nodes", "", NODE).is_none() {
        let labels = json!({"kubernetes.io/hostname": NODE, "kubernetes.io/os": "linux"});
        context.create(
            "nodes",
            "",
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE, "labels": labels}, "spec": {}}),
        );
    }
    if let Some(node) = context.get("nodes", "", NODE) {
        let capacity = json!({"cpu": "64", "memory": "256Gi", "pods": "1000"});
        let ready = match context.simulation.outages.fails(&Part::Node) {
            false => condition("Ready", true, "KubeletReady", "simulated"),
            true => condition("Ready", false, "NodeStatusUnknown", "Kubelet stopped posting node status."),
        };
        context.set_status(
            "nodes",
            &node,
            json!({"capacity": capacity, "allocatable": capacity, "conditions": [ready]}),
        );
    }
}

/// Gives a LoadBalancer Service an address.
pub(super) fn service(context: &Context<'_>, service: &Value) -> Option<Timestamp> {
    let works = context.simulation.load_balancer && !context.simulation.outages.fails(&Part::LoadBalancer);
    if text(service, &["spec", "type"]) == "LoadBalancer" && works && !is_deleting(service) {
        give_address(context, "services", service, "VIP");
    }
    None
}

/// Gives an Ingress the address of the simulated ingress controller.
pub(super) fn ingress(context: &Context<'_>, ingress: &Value) -> Option<Timestamp> {
    let works = context.simulation.load_balancer && !context.simulation.outages.fails(&Part::IngressController);
    if works && !is_deleting(ingress) {
        let status = json!({"loadBalancer": {"ingress": [{"ip": format!("{NETWORK}.1")}]}});
        context.set_status("ingresses.networking.k8s.io", ingress, status);
    }
    None
}

fn give_address(context: &Context<'_>, resource: &str, object: &Value, mode: &str) {
    if !list(object, &["status", "loadBalancer", "ingress"]).is_empty() {
        return;
    }
    let taken: BTreeSet<String> = context
        .list(resource, "")
        .iter()
        .flat_map(|other| list(other, &["status", "loadBalancer", "ingress"]))
        .map(|ingress| text(ingress, &["ip"]).to_owned())
        .collect();
    let wished = text(object, &["spec", "loadBalancerIP"]);
    let free = (2..255).map(|n| format!("{NETWORK}.{n}")).find(|ip| !taken.contains(ip));
    let Some(ip) = Some(wished.to_owned()).filter(|ip| !ip.is_empty()).or(free) else { return };
    context.set_status(resource, object, json!({"loadBalancer": {"ingress": [{"ip": ip, "ipMode": mode}]}}));
}
