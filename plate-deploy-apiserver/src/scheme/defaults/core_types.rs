//! Defaults of the types of `core/v1`.

use serde_json::{Map, Value, json};

use super::{SetDefaults, object, set, set_nonzero, text};

type Object = Map<String, Value>;

pub(super) fn function(type_name: &str) -> Option<SetDefaults> {
    Some(match type_name {
        "core/v1.Pod" => pod,
        "core/v1.PodSpec" => pod_spec,
        "core/v1.PodStatus" => pod_status,
        "core/v1.Container" | "core/v1.EphemeralContainer" => container,
        "core/v1.Probe" => probe,
        "core/v1.HTTPGetAction" => http_get,
        "core/v1.GRPCAction" => |m| {
            // A pointer to "": present and empty.
            if m.get("service").is_none_or(Value::is_null) {
                m.insert("service".to_owned(), json!(""));
            }
        },
        "core/v1.Volume" => volume,
        "core/v1.SecretVolumeSource"
        | "core/v1.ConfigMapVolumeSource"
        | "core/v1.DownwardAPIVolumeSource"
        | "core/v1.ProjectedVolumeSource" => |m| set(m, "defaultMode", 0o644),
        "core/v1.ServiceAccountTokenProjection" => |m| set(m, "expirationSeconds", 3600),
        "core/v1.HostPathVolumeSource" => |m| {
            // A pointer to "": present and empty.
            m.entry("type").or_insert(json!(""));
        },
        "core/v1.ObjectFieldSelector" => |m| set(m, "apiVersion", "v1"),
        "core/v1.Service" => service,
        "core/v1.Secret" => |m| set(m, "type", "Opaque"),
        "core/v1.PersistentVolume" => persistent_volume,
        "core/v1.PersistentVolumeClaim" => |m| {
            if let Some(status) = object(m, "status") {
                set(status, "phase", "Pending");
            }
        },
        "core/v1.PersistentVolumeClaimSpec" => |m| set(m, "volumeMode", "Filesystem"),
        "core/v1.EndpointPort" => |m| set(m, "protocol", "TCP"),
        "core/v1.Namespace" => namespace,
        "core/v1.NamespaceStatus" => |m| set(m, "phase", "Active"),
        "core/v1.NodeStatus" => |m| {
            if let (None, Some(capacity)) = (m.get("allocatable"), m.get("capacity").cloned()) {
                m.insert("allocatable".to_owned(), capacity);
            }
        },
        "core/v1.LimitRangeItem" => limit_range_item,
        "core/v1.ReplicationController" => replication_controller,
        _ => return None,
    })
}

fn pod(m: &mut Object) {
    let Some(spec) = object(m, "spec") else { return };
    if spec.get("terminationGracePeriodSeconds").and_then(Value::as_i64).is_some_and(|s| s < 0) {
        spec.insert("terminationGracePeriodSeconds".to_owned(), json!(1));
    }
    for list in ["containers", "initContainers"] {
        for c in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            requests_from_limits(c);
        }
    }
    set(spec, "enableServiceLinks", true);
    if spec.get("hostNetwork") == Some(&Value::Bool(true)) {
        host_ports(spec);
    }
}

/// A pod on the host's network uses its ports on the host (top-level pods only).
fn host_ports(spec: &mut Object) {
    for list in ["containers", "initContainers"] {
        for c in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            for port in c.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
                let number = port.get("containerPort").and_then(Value::as_i64).unwrap_or(0);
                if let Value::Object(port) = port {
                    set_nonzero(port, "hostPort", number);
                }
            }
        }
    }
}

fn requests_from_limits(container: &mut Value) {
    let Some(resources) = container.get_mut("resources").and_then(Value::as_object_mut) else { return };
    let Some(limits) = resources.get("limits").and_then(Value::as_object).cloned() else { return };
    let requests = resources.entry("requests").or_insert_with(|| json!({}));
    if let Value::Object(requests) = requests {
        for (k, v) in limits {
            requests.entry(k).or_insert(v);
        }
    }
}

fn pod_spec(m: &mut Object) {
    if text(m, "serviceAccountName").is_empty() && !text(m, "serviceAccount").is_empty() {
        let name = text(m, "serviceAccount").to_owned();
        m.insert("serviceAccountName".to_owned(), name.into());
    }
    if !text(m, "serviceAccountName").is_empty() {
        let name = text(m, "serviceAccountName").to_owned();
        m.insert("serviceAccount".to_owned(), name.into());
    }
    set(m, "dnsPolicy", "ClusterFirst");
    set(m, "restartPolicy", "Always");
    set(m, "securityContext", json!({}));
    set(m, "terminationGracePeriodSeconds", 30);
    set(m, "schedulerName", "default-scheduler");
}

fn pod_status(m: &mut Object) {
    let ip = text(m, "podIP").to_owned();
    let first =
        m.get("podIPs").and_then(|v| v.get(0)).and_then(|v| v.get("ip")).and_then(Value::as_str).map(str::to_owned);
    match (ip.is_empty(), first) {
        (true, Some(first)) => {
            m.insert("podIP".to_owned(), first.into());
        }
        (false, first) if first.as_deref() != Some(&ip) => {
            m.insert("podIPs".to_owned(), json!([{ "ip": ip }]));
        }
        _ => {}
    }
}

fn container(m: &mut Object) {
    let policy = pull_policy(text(m, "image"));
    set(m, "imagePullPolicy", policy);
    set(m, "terminationMessagePath", "/dev/termination-log");
    set(m, "terminationMessagePolicy", "File");
}

/// `Always` for images tagged `latest` (or not tagged at all), else `IfNotPresent`.
fn pull_policy(image: &str) -> &'static str {
    if image_tag(image) == Some("latest") { "Always" } else { "IfNotPresent" }
}

/// The tag of an image reference, `latest` when it has neither tag nor digest; `None` when it is not a reference.
fn image_tag(image: &str) -> Option<&str> {
    let (named, digest) = image.split_once('@').map_or((image, None), |(n, d)| (n, Some(d)));
    let slash = named.rfind('/').map_or(0, |i| i + 1);
    let (path, tag) = match named[slash..].rfind(':') {
        Some(colon) => (&named[..slash + colon], Some(&named[slash + colon + 1..])),
        None => (named, None),
    };
    let remote = match path.split_once('/') {
        Some((domain, rest))
            if domain.contains(['.', ':']) || domain == "localhost" || domain.to_lowercase() != domain =>
        {
            rest
        }
        _ => path,
    };
    let valid = !remote.is_empty()
        && path.len() <= 255
        && remote.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-/".contains(c));
    let tag_ok = tag.is_none_or(|t| !t.is_empty() && t.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)));
    if !valid || !tag_ok {
        return None;
    }
    tag.or(if digest.is_some() { None } else { Some("latest") })
}

fn probe(m: &mut Object) {
    set_nonzero(m, "timeoutSeconds", 1);
    set_nonzero(m, "periodSeconds", 10);
    set_nonzero(m, "successThreshold", 1);
    set_nonzero(m, "failureThreshold", 3);
}

fn http_get(m: &mut Object) {
    set(m, "path", "/");
    set(m, "scheme", "HTTP");
}

fn volume(m: &mut Object) {
    if m.keys().all(|k| k == "name") {
        m.insert("emptyDir".to_owned(), json!({}));
    }
    if let Some(image) = object(m, "image") {
        let policy = pull_policy(text(image, "reference"));
        set(image, "pullPolicy", policy);
    }
}

fn service(m: &mut Object) {
    if let Some(spec) = object(m, "spec") {
        service_spec(spec);
    }
    let balanced = m.get("spec").and_then(|s| s.get("type")).and_then(Value::as_str) == Some("LoadBalancer");
    let ingress = m.get_mut("status").and_then(|s| s.get_mut("loadBalancer")).and_then(|l| l.get_mut("ingress"));
    if let (true, Some(Value::Array(ingress))) = (balanced, ingress) {
        for i in ingress.iter_mut().filter_map(Value::as_object_mut) {
            if !text(i, "ip").is_empty() {
                set(i, "ipMode", "VIP");
            }
        }
    }
}

fn service_spec(m: &mut Object) {
    set(m, "sessionAffinity", "None");
    match text(m, "sessionAffinity") {
        "None" => {
            m.remove("sessionAffinityConfig");
        }
        "ClientIP" => {
            let timeout =
                m.get("sessionAffinityConfig").and_then(|c| c.get("clientIP")).and_then(|c| c.get("timeoutSeconds"));
            if timeout.is_none_or(Value::is_null) {
                m.insert("sessionAffinityConfig".to_owned(), json!({"clientIP": {"timeoutSeconds": 10800}}));
            }
        }
        _ => {}
    }
    set(m, "type", "ClusterIP");
    for port in m.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut)
    {
        set(port, "protocol", "TCP");
        let number = port.get("port").cloned().unwrap_or(json!(0));
        if port.get("targetPort").is_none_or(|t| *t == 0 || t == "") {
            port.insert("targetPort".to_owned(), number);
        }
    }
    let kind = text(m, "type").to_owned();
    let external_ips = m.get("externalIPs").and_then(Value::as_array).is_some_and(|a| !a.is_empty());
    let reachable = kind == "LoadBalancer" || kind == "NodePort" || (kind == "ClusterIP" && external_ips);
    if reachable {
        set(m, "externalTrafficPolicy", "Cluster");
    }
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer" | "ClusterIP") {
        set(m, "internalTrafficPolicy", "Cluster");
    }
    if kind == "LoadBalancer" {
        set(m, "allocateLoadBalancerNodePorts", true);
    }
}

fn persistent_volume(m: &mut Object) {
    if let Some(status) = object(m, "status") {
        set(status, "phase", "Pending");
    }
    if let Some(spec) = object(m, "spec") {
        set(spec, "persistentVolumeReclaimPolicy", "Retain");
        set(spec, "volumeMode", "Filesystem");
    }
}

fn namespace(m: &mut Object) {
    let Some(metadata) = object(m, "metadata") else { return };
    let name = text(metadata, "name").to_owned();
    if name.is_empty() {
        return;
    }
    if let Value::Object(labels) = metadata.entry("labels").or_insert_with(|| json!({})) {
        labels.insert("kubernetes.io/metadata.name".to_owned(), name.into());
    }
}

fn limit_range_item(m: &mut Object) {
    if text(m, "type") != "Container" {
        return;
    }
    for (from, to) in [("max", "default"), ("default", "defaultRequest"), ("min", "defaultRequest")] {
        let Some(given) = m.get(from).and_then(Value::as_object).cloned() else { continue };
        if let Value::Object(target) = m.entry(to).or_insert_with(|| json!({})) {
            for (k, v) in given {
                target.entry(k).or_insert(v);
            }
        }
    }
}

fn replication_controller(m: &mut Object) {
    let labels = m
        .get("spec")
        .and_then(|s| s.get("template"))
        .and_then(|t| t.get("metadata"))
        .and_then(|t| t.get("labels"))
        .cloned();
    let Some(labels) = labels else { return };
    if let Some(spec) = object(m, "spec") {
        set(spec, "selector", labels.clone());
    }
    if let Some(metadata) = object(m, "metadata") {
        set(metadata, "labels", labels);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pull_policies() {
        for (image, want) in [
            ("nginx", "Always"),
            ("nginx:latest", "Always"),
            ("nginx:1.2", "IfNotPresent"),
            ("reg:5000/a/b", "Always"),
            ("reg:5000/a/b:1", "IfNotPresent"),
            ("a@sha256:0123", "IfNotPresent"),
            ("", "IfNotPresent"),
            ("Bad Image", "IfNotPresent"),
            ("ghcr.io/Org/App", "IfNotPresent"),
            ("a:", "IfNotPresent"),
        ] {
            assert_eq!(pull_policy(image), want, "{image}");
        }
    }
}
