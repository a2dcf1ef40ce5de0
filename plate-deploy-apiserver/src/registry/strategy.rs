//! What differs from resource to resource when objects are created and updated: generations, status, and which writes
//! are allowed.

use serde_json::Value;

use super::catalog::Resource;
use crate::object::{at, generation, set_meta};
use crate::scheme::base64;

/// Built-in resources whose objects have a generation.
const WITH_GENERATION: &[&str] = &[
    "validatingadmissionpolicies.admissionregistration.k8s.io",
    "validatingadmissionpolicybindings.admissionregistration.k8s.io",
    "mutatingadmissionpolicies.admissionregistration.k8s.io",
    "mutatingadmissionpolicybindings.admissionregistration.k8s.io",
    "validatingwebhookconfigurations.admissionregistration.k8s.io",
    "mutatingwebhookconfigurations.admissionregistration.k8s.io",
    "daemonsets.apps",
    "deployments.apps",
    "replicasets.apps",
    "statefulsets.apps",
    "horizontalpodautoscalers.autoscaling",
    "cronjobs.batch",
    "jobs.batch",
    "pods",
    "podtemplates",
    "replicationcontrollers",
    "endpointslices.discovery.k8s.io",
    "flowschemas.flowcontrol.apiserver.k8s.io",
    "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
    "ingresses.networking.k8s.io",
    "ingressclasses.networking.k8s.io",
    "networkpolicies.networking.k8s.io",
    "poddisruptionbudgets.policy",
    "deviceclasses.resource.k8s.io",
    "resourceslices.resource.k8s.io",
    "priorityclasses.scheduling.k8s.io",
    "customresourcedefinitions.apiextensions.k8s.io",
];

/// Built-in resources whose updates must name a resource version.
const CONDITIONAL_UPDATE: &[&str] = &[
    "runtimeclasses.node.k8s.io",
    "storageversionmigrations.storagemigration.k8s.io",
    "poddisruptionbudgets.policy",
    "csidrivers.storage.k8s.io",
    "csistoragecapacities.storage.k8s.io",
    "volumeattachments.storage.k8s.io",
    "csinodes.storage.k8s.io",
    "leases.coordination.k8s.io",
    "validatingadmissionpolicies.admissionregistration.k8s.io",
    "mutatingadmissionpolicies.admissionregistration.k8s.io",
    "mutatingwebhookconfigurations.admissionregistration.k8s.io",
    "validatingwebhookconfigurations.admissionregistration.k8s.io",
    "mutatingadmissionpolicybindings.admissionregistration.k8s.io",
    "validatingadmissionpolicybindings.admissionregistration.k8s.io",
    "customresourcedefinitions.apiextensions.k8s.io",
    "apiservices.apiregistration.k8s.io",
];

/// Built-in resources that a PUT creates.
const CREATE_ON_UPDATE: &[&str] = &[
    "runtimeclasses.node.k8s.io",
    "roles.rbac.authorization.k8s.io",
    "rolebindings.rbac.authorization.k8s.io",
    "clusterroles.rbac.authorization.k8s.io",
    "clusterrolebindings.rbac.authorization.k8s.io",
    "leases.coordination.k8s.io",
    "limitranges",
    "events",
    "services",
    "endpoints",
];

/// Resources whose deletion answers with the object instead of a Status.
const RETURN_DELETED: &[&str] = &[
    "pods",
    "persistentvolumes",
    "persistentvolumeclaims",
    "podtemplates",
    "resourcequotas",
    "serviceaccounts",
    "services",
    "namespaces",
    "csidrivers.storage.k8s.io",
    "csinodes.storage.k8s.io",
    "storageclasses.storage.k8s.io",
    "volumeattachments.storage.k8s.io",
    "volumeattributesclasses.storage.k8s.io",
    "deviceclasses.resource.k8s.io",
    "resourceclaims.resource.k8s.io",
    "resourceclaimtemplates.resource.k8s.io",
    "resourceslices.resource.k8s.io",
];

/// True when a PUT without resource version is allowed.
pub(super) fn allows_unconditional_update(resource: &Resource) -> bool {
    resource.custom.is_none() && !CONDITIONAL_UPDATE.contains(&resource.builtin_name())
}

/// True when a PUT creates objects that do not exist.
pub(super) fn allows_create_on_update(resource: &Resource) -> bool {
    CREATE_ON_UPDATE.contains(&resource.builtin_name())
}

/// True when a deletion answers with the deleted object.
pub(super) fn returns_deleted(resource: &Resource) -> bool {
    RETURN_DELETED.contains(&resource.builtin_name())
}

/// True when a deletion of a resource without policy leaves dependents alone (`batch/v1` Jobs and core RCs).
pub(super) fn orphans_by_default(resource: &Resource) -> bool {
    matches!(resource.builtin_name(), "jobs.batch" | "replicationcontrollers")
}

/// Sets status and generation of a new object.
pub(super) fn prepare_create(resource: &Resource, object: &mut Value) {
    if resource.has_status() {
        if let Value::Object(map) = object {
            map.remove("status");
        }
        if let crate::scheme::Type::Struct(ty) = &resource.info.ty
            && resource.custom.is_none()
        {
            if let Ok(v) = crate::scheme::decode(std::mem::take(object), ty, &mut Vec::new()) {
                *object = v;
            }
            crate::scheme::defaults::apply(object);
        }
    }
    match resource.builtin_name() {
        "pods" => prepare_pod(object),
        "persistentvolumes" => {
            let now = object["metadata"]["creationTimestamp"].clone();
            object["status"]["lastPhaseTransitionTime"] = now;
        }
        "persistentvolumeclaims" => complete_data_source(object),
        "namespaces" => {
            if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
                let list = spec.entry("finalizers").or_insert_with(|| Value::Array(Vec::new()));
                if let Value::Array(list) = list
                    && !list.iter().any(|f| f == "kubernetes")
                {
                    list.push("kubernetes".into());
                }
            }
        }
        "jobs.batch" => {
            prepare_job(object);
            // Kubernetes defaults once more when it reads: the labels come from the template.
            crate::scheme::defaults::apply(object);
        }
        "daemonsets.apps" => set_template_generation(object, 1),
        _ => {}
    }
    let generation = resource.custom.is_some() || WITH_GENERATION.contains(&resource.builtin_name());
    if generation {
        set_meta(object, "generation", 1);
    } else if resource.info.group != "rbac.authorization.k8s.io" {
        crate::object::remove_meta(object, &["generation"]);
    }
}

/// `dataSource` and `dataSourceRef` of a claim are the same, as long as it stays in its namespace.
fn complete_data_source(claim: &mut Value) {
    let Some(spec) = claim.get_mut("spec").and_then(Value::as_object_mut) else { return };
    let given = |key: &str| spec.get(key).filter(|v| v.is_object()).cloned();
    match (given("dataSource"), given("dataSourceRef")) {
        (Some(source), None) => {
            spec.insert("dataSourceRef".to_owned(), source);
        }
        (None, Some(reference)) if reference.get("namespace").is_none_or(|n| n == "") => {
            spec.insert("dataSource".to_owned(), reference);
        }
        _ => {}
    }
}

/// DaemonSets keep a field of their first version in an annotation, which is always there.
const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

fn template_generation(object: &Value) -> i64 {
    crate::object::text(object, &["metadata", "annotations", TEMPLATE_GENERATION]).parse().unwrap_or(0)
}

fn set_template_generation(object: &mut Value, generation: i64) {
    if let Some(m) = crate::object::metadata_mut(object) {
        let annotations = m.entry("annotations").or_insert_with(|| serde_json::json!({}));
        if let Value::Object(a) = annotations {
            a.insert(TEMPLATE_GENERATION.to_owned(), generation.to_string().into());
        }
    }
}

/// Reads and writes the annotation, as the conversion from and to `apps/v1` does.
pub(super) fn keep_template_generation(object: &mut Value) {
    let generation = template_generation(object);
    set_template_generation(object, generation);
}

/// `stringData` is written over `data`, base64 encoded.
pub(super) fn merge_string_data(secret: &mut Value) {
    let Some(map) = secret.as_object_mut() else { return };
    let Some(Value::Object(texts)) = map.remove("stringData") else { return };
    let data = map.entry("data").or_insert_with(|| Value::Object(serde_json::Map::new()));
    if let Value::Object(data) = data {
        for (key, text) in texts {
            data.insert(key, base64(text.as_str().unwrap_or_default().as_bytes()).into());
        }
    }
}

fn prepare_pod(pod: &mut Value) {
    let class = quality_of_service(pod);
    if let Value::Object(map) = pod {
        map.insert("status".to_owned(), serde_json::json!({"phase": "Pending", "qosClass": class}));
    }
}

/// The QoS class of a pod from the requests and limits of its containers.
fn quality_of_service(pod: &Value) -> &'static str {
    let mut any = false;
    let mut guaranteed = true;
    for list in ["containers", "initContainers"] {
        for c in crate::object::list(pod, &["spec", list]) {
            for resource in ["cpu", "memory"] {
                let amount = |kind: &str| at(c, &["resources", kind, resource]).filter(|v| *v != "0");
                let (request, limit) = (amount("requests"), amount("limits"));
                any |= request.is_some() || limit.is_some();
                guaranteed &= limit.is_some() && request.is_none_or(|r| Some(r) == limit);
            }
        }
    }
    match (any, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        _ => "Burstable",
    }
}

/// A job's pods are found by labels with the job's uid, unless the selector is the user's.
fn prepare_job(job: &mut Value) {
    let manual = at(job, &["spec", "manualSelector"]) == Some(&Value::Bool(true));
    if manual {
        return;
    }
    let (name, uid) = (crate::object::meta(job, "name").to_owned(), crate::object::meta(job, "uid").to_owned());
    let Some(spec) = job.get_mut("spec").and_then(Value::as_object_mut) else { return };
    let Some(template) = spec.get_mut("template") else { return };
    let Some(metadata) = crate::object::metadata_mut(template) else { return };
    let labels = metadata.entry("labels").or_insert_with(|| serde_json::json!({}));
    if let Value::Object(labels) = labels {
        for key in ["batch.kubernetes.io/job-name", "job-name"] {
            labels.insert(key.to_owned(), name.clone().into());
        }
        for key in ["batch.kubernetes.io/controller-uid", "controller-uid"] {
            labels.insert(key.to_owned(), uid.clone().into());
        }
    }
    let given = spec.get("selector").is_some_and(|s| !s.is_null());
    if !given {
        spec.insert(
            "selector".to_owned(),
            serde_json::json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}),
        );
    }
}

/// Keeps of `new` what a write to `subresource` may change, takes the rest from `old`, and bumps the generation.
pub(super) fn prepare_update(resource: &Resource, subresource: &str, new: &mut Value, old: &Value) {
    let counted = resource.custom.is_some() || WITH_GENERATION.contains(&resource.builtin_name());
    if counted || resource.info.group != "rbac.authorization.k8s.io" {
        set_meta_from(new, old, "generation");
    }
    if resource.builtin_name() == "persistentvolumeclaims" {
        complete_data_source(new);
    }
    if subresource == "status" {
        keep_all_but_status(resource, new, old);
        return;
    }
    if resource.has_status() {
        copy_field(new, old, "status");
    }
    if resource.builtin_name() == "namespaces"
        && subresource != "finalize"
        && let (Some(spec), Some(finalizers)) =
            (new.get_mut("spec").and_then(Value::as_object_mut), at(old, &["spec", "finalizers"]))
    {
        spec.insert("finalizers".to_owned(), finalizers.clone());
    }
    if resource.builtin_name() == "daemonsets.apps" {
        let template = |o: &Value| at(o, &["spec", "template"]).cloned();
        let next = template_generation(old) + i64::from(template(new) != template(old));
        set_template_generation(new, next);
    }
    let has_generation = resource.custom.is_some() || WITH_GENERATION.contains(&resource.builtin_name());
    if has_generation && changed(resource, new, old) {
        set_meta(new, "generation", generation(old) + 1);
    }
}

/// True when a change is one that generations count.
fn changed(resource: &Resource, new: &Value, old: &Value) -> bool {
    let differs = |key: &str| new.get(key) != old.get(key);
    let annotations = |v: &Value| at(v, &["metadata", "annotations"]).cloned();
    match resource.builtin_name() {
        "deployments.apps" => differs("spec") || annotations(new) != annotations(old),
        "" => {
            let skip = |k: &str| k == "metadata" || k == "apiVersion" || (k == "status" && resource.has_status());
            let keys = |v: &Value| v.as_object().map(|m| m.keys().filter(|k| !skip(k)).cloned().collect::<Vec<_>>());
            let all: Vec<String> = keys(new).into_iter().chain(keys(old)).flatten().collect();
            all.iter().any(|k| differs(k))
        }
        "validatingwebhookconfigurations.admissionregistration.k8s.io"
        | "mutatingwebhookconfigurations.admissionregistration.k8s.io" => differs("webhooks"),
        "podtemplates" => differs("template"),
        "endpointslices.discovery.k8s.io" => {
            let labels = |v: &Value| at(v, &["metadata", "labels"]).cloned();
            differs("endpoints") || differs("ports") || differs("addressType") || labels(new) != labels(old)
        }
        "priorityclasses.scheduling.k8s.io" => false,
        _ => differs("spec"),
    }
}

fn copy_field(new: &mut Value, old: &Value, key: &str) {
    let Value::Object(map) = new else { return };
    match old.get(key) {
        Some(v) => map.insert(key.to_owned(), v.clone()),
        None => map.remove(key),
    };
}

fn set_meta_from(new: &mut Value, old: &Value, key: &str) {
    match at(old, &["metadata", key]) {
        Some(v) => set_meta(new, key, v.clone()),
        None => crate::object::remove_meta(new, &[key]),
    }
}

/// A status write changes status only; of built-in kinds also metadata (of Deployments, all of it but labels).
fn keep_all_but_status(resource: &Resource, new: &mut Value, old: &Value) {
    let keys: Vec<String> =
        new.as_object().into_iter().chain(old.as_object()).flat_map(|m| m.keys().cloned()).collect();
    for key in keys.iter().filter(|k| !matches!(k.as_str(), "status" | "metadata" | "apiVersion" | "kind")) {
        copy_field(new, old, key);
    }
    if resource.custom.is_some() {
        let managed = at(new, &["metadata", "managedFields"]).cloned();
        copy_field(new, old, "metadata");
        match managed {
            Some(m) => set_meta(new, "managedFields", m),
            None => crate::object::remove_meta(new, &["managedFields"]),
        }
    } else if resource.builtin_name() == "deployments.apps" {
        set_meta_from(new, old, "labels");
    }
}
