//! The admission plug-ins that a default kube-apiserver runs and that need nothing but the store.

use serde_json::{Value, json};

use super::catalog::Resource;
use super::{Registry, limits};
use crate::object::{is_deleting, list, meta, metadata_mut, text};
use crate::status::{ApiError, ApiResult, Target};
use crate::storage::Key;

/// Namespaces that may not be deleted.
const IMMORTAL: [&str; 3] = ["default", "kube-system", "kube-public"];

/// NamespaceLifecycle for a creation.
pub(super) fn check_namespace(registry: &Registry, resource: &Resource, namespace: &str, name: &str) -> ApiResult<()> {
    if namespace.is_empty() || !resource.info.namespaced {
        return Ok(());
    }
    let target = Target { group: "", resource: "namespaces" };
    let found = registry.store().get(&Key::new("namespaces", "", namespace));
    let found = found.ok_or_else(|| ApiError::not_found(target, namespace))?;
    if text(&found.object, &["status", "phase"]) != "Terminating" && !is_deleting(&found.object) {
        return Ok(());
    }
    let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
    let mut err = ApiError::forbidden(resource.target(), name, &why);
    if let Some(details) = &mut err.details {
        details["causes"] = json!([{"reason": "NamespaceTerminating",
            "message": format!("namespace {namespace} is being terminated"), "field": "metadata.namespace"}]);
    }
    Err(err)
}

/// NamespaceLifecycle for a deletion.
pub(super) fn check_delete(resource: &Resource, name: &str) -> ApiResult<()> {
    if resource.builtin_name() == "namespaces" && IMMORTAL.contains(&name) {
        return Err(ApiError::forbidden(resource.target(), name, "this namespace may not be deleted"));
    }
    Ok(())
}

/// Mutating plug-ins for a creation.
pub(super) fn mutate_create(registry: &Registry, resource: &Resource, object: &mut Value) -> ApiResult<()> {
    match resource.builtin_name() {
        "pods" => {
            if registry.service_accounts {
                service_account(registry, resource, object)?;
            }
            priority(registry, resource, object)?;
            tolerations(object);
            limits::admit(registry, resource, object)?;
        }
        "persistentvolumeclaims" => {
            default_storage_class(registry, object);
            add_finalizer(object, "kubernetes.io/pvc-protection");
        }
        "persistentvolumes" => add_finalizer(object, "kubernetes.io/pv-protection"),
        "ingresses.networking.k8s.io" => default_ingress_class(registry, object),
        _ => {}
    }
    Ok(())
}

fn add_finalizer(object: &mut Value, name: &str) {
    let Some(metadata) = metadata_mut(object) else { return };
    let list = metadata.entry("finalizers").or_insert_with(|| json!([]));
    if let Value::Array(list) = list
        && !list.iter().any(|f| f == name)
    {
        list.push(name.into());
    }
}

/// The ServiceAccount plug-in: the default account, and its token as a volume of every container.
fn service_account(registry: &Registry, resource: &Resource, pod: &mut Value) -> ApiResult<()> {
    let (namespace, name) = (meta(pod, "namespace").to_owned(), meta(pod, "name").to_owned());
    if metadata_mut(pod).and_then(|m| m.get("annotations")).and_then(|a| a.get("kubernetes.io/config.mirror")).is_some()
    {
        return Ok(());
    }
    let mut account = text(pod, &["spec", "serviceAccountName"]).to_owned();
    if account.is_empty() {
        account = "default".to_owned();
        pod["spec"]["serviceAccountName"] = "default".into();
        pod["spec"]["serviceAccount"] = "default".into();
    }
    let Some(found) = registry.store().get(&Key::new("serviceaccounts", &namespace, &account)) else {
        let why =
            format!("error looking up service account {namespace}/{account}: serviceaccount {account:?} not found");
        return Err(ApiError::forbidden(resource.target(), &name, &why));
    };
    let off = |v: &Value, path: &[&str]| crate::object::at(v, path).and_then(Value::as_bool);
    let mount = off(pod, &["spec", "automountServiceAccountToken"])
        .or_else(|| off(&found.object, &["automountServiceAccountToken"]))
        .unwrap_or(true);
    if mount {
        mount_token(registry, pod);
    }
    let secrets = found.object.get("imagePullSecrets").cloned();
    if let (Some(secrets), true) = (secrets, list(pod, &["spec", "imagePullSecrets"]).is_empty()) {
        pod["spec"]["imagePullSecrets"] = secrets;
    }
    Ok(())
}

const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

fn mount_token(registry: &Registry, pod: &mut Value) {
    let volume = format!("kube-api-access-{}", registry.random_suffix());
    let mut mounted = false;
    for kind in ["initContainers", "containers"] {
        for c in pod["spec"].get_mut(kind).and_then(Value::as_array_mut).into_iter().flatten() {
            let mounts = list(c, &["volumeMounts"]);
            if mounts.iter().any(|m| text(m, &["mountPath"]) == TOKEN_PATH) {
                continue;
            }
            let mount = json!({"name": volume, "readOnly": true, "mountPath": TOKEN_PATH});
            match c.get_mut("volumeMounts").and_then(Value::as_array_mut) {
                Some(mounts) => mounts.push(mount),
                None => c["volumeMounts"] = json!([mount]),
            }
            mounted = true;
        }
    }
    if !mounted {
        return;
    }
    let source = json!({"name": volume, "projected": {"defaultMode": 0o644, "sources": [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
    ]}});
    match pod["spec"].get_mut("volumes").and_then(Value::as_array_mut) {
        Some(volumes) => volumes.push(source),
        None => pod["spec"]["volumes"] = json!([source]),
    }
}

/// The Priority plug-in.
fn priority(registry: &Registry, resource: &Resource, pod: &mut Value) -> ApiResult<()> {
    let class = text(pod, &["spec", "priorityClassName"]).to_owned();
    let (_, classes) = registry.store().list("priorityclasses.scheduling.k8s.io", None);
    let found = if class.is_empty() {
        classes.iter().find(|(_, c)| c.object.get("globalDefault") == Some(&Value::Bool(true)))
    } else {
        let found = classes.iter().find(|(k, _)| k.name == class);
        let system = matches!(class.as_str(), "system-node-critical" | "system-cluster-critical");
        if found.is_none() && !system {
            let why = format!("no PriorityClass with name {class} was found");
            return Err(ApiError::forbidden(resource.target(), meta(pod, "name"), &why));
        }
        found
    };
    let (mut value, mut policy) = (json!(0), json!("PreemptLowerPriority"));
    match class.as_str() {
        "system-node-critical" => value = json!(2_000_001_000),
        "system-cluster-critical" => value = json!(2_000_000_000),
        _ => {}
    }
    if let Some((key, c)) = found {
        value = c.object.get("value").cloned().unwrap_or(value);
        policy = c.object.get("preemptionPolicy").cloned().unwrap_or(policy);
        pod["spec"]["priorityClassName"] = key.name.as_str().into();
    }
    pod["spec"]["priority"] = value;
    if text(pod, &["spec", "preemptionPolicy"]).is_empty() {
        pod["spec"]["preemptionPolicy"] = policy;
    }
    Ok(())
}

/// The DefaultTolerationSeconds plug-in.
fn tolerations(pod: &mut Value) {
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let covers = |t: &Value| {
            let (own, effect) = (text(t, &["key"]), text(t, &["effect"]));
            (own == key || own.is_empty()) && (effect == "NoExecute" || effect.is_empty())
        };
        if list(pod, &["spec", "tolerations"]).iter().any(covers) {
            continue;
        }
        let t = json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300});
        match pod["spec"].get_mut("tolerations").and_then(Value::as_array_mut) {
            Some(list) => list.push(t),
            None => pod["spec"]["tolerations"] = json!([t]),
        }
    }
}

fn default_of(registry: &Registry, resource: &str, annotation: &str) -> Option<String> {
    let (_, classes) = registry.store().list(resource, None);
    let marked = classes.into_iter().find(|(_, c)| text(&c.object, &["metadata", "annotations", annotation]) == "true");
    marked.map(|(key, _)| key.name)
}

fn default_storage_class(registry: &Registry, claim: &mut Value) {
    if claim["spec"].get("storageClassName").is_some() {
        return;
    }
    let class = default_of(registry, "storageclasses.storage.k8s.io", "storageclass.kubernetes.io/is-default-class");
    if let Some(class) = class {
        claim["spec"]["storageClassName"] = class.into();
    }
}

fn default_ingress_class(registry: &Registry, ingress: &mut Value) {
    let legacy = text(ingress, &["metadata", "annotations", "kubernetes.io/ingress.class"]);
    if ingress["spec"].get("ingressClassName").is_some() || !legacy.is_empty() {
        return;
    }
    let class = default_of(registry, "ingressclasses.networking.k8s.io", "ingressclass.kubernetes.io/is-default-class");
    if let Some(class) = class {
        ingress["spec"]["ingressClassName"] = class.into();
    }
}
