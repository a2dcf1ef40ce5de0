//! Endpoints: addresses and ports are sets, which Kubernetes and Argo CD write in an order of their own.

use std::fmt::Write;

use md5::{Digest, Md5};
use plate_deploy_apiserver::scheme::{StructRef, decode};
use serde_json::Value;

/// Ports get their protocol, everything is sorted as Kubernetes' endpoints package does: addresses by IP, ports and
/// subsets by a hash.
pub(super) fn normalize(object: &mut Value) {
    let typed = decode(object.clone(), &StructRef::Builtin("core/v1.Endpoints".into()), &mut Vec::new());
    let Ok(mut typed) = typed else { return };
    for subset in typed.get_mut("subsets").and_then(Value::as_array_mut).into_iter().flatten() {
        for port in subset.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
            if port.get("protocol").and_then(Value::as_str).unwrap_or_default().is_empty()
                && let Some(port) = port.as_object_mut()
            {
                port.insert("protocol".into(), "TCP".into());
            }
        }
        for list in ["addresses", "notReadyAddresses"] {
            if let Some(Value::Array(addresses)) = subset.get_mut(list) {
                addresses.sort_by(|a, b| address_key(a).cmp(&address_key(b)));
            }
        }
        if let Some(Value::Array(ports)) = subset.get_mut("ports") {
            ports.sort_by_cached_key(|port| hash(&port_text(port)));
        }
    }
    if let Some(Value::Array(subsets)) = typed.get_mut("subsets") {
        subsets.sort_by_cached_key(|subset| hash(&subset_text(subset)));
    }
    *object = typed;
}

fn address_key(address: &Value) -> (&str, Option<&str>) {
    let target = address.get("targetRef").map(|target| text(target, "uid"));
    (text(address, "ip"), target)
}

fn hash(text: &str) -> [u8; 16] {
    Md5::digest(text.as_bytes()).into()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// An optional text as Go's debug printer writes it.
fn pointer(value: &Value, field: &str) -> String {
    format!("(*string){}", value.get(field).and_then(Value::as_str).unwrap_or("<nil>"))
}

/// The texts that are hashed are those of Go's debug printer (`%#v` of go-spew).
fn port_text(port: &Value) -> String {
    format!(
        "(v1.EndpointPort){{Name:(string){} Port:(int32){} Protocol:(v1.Protocol){} AppProtocol:{}}}",
        text(port, "name"),
        port.get("port").and_then(Value::as_i64).unwrap_or_default(),
        text(port, "protocol"),
        pointer(port, "appProtocol"),
    )
}

fn address_text(address: &Value) -> String {
    let target = address.get("targetRef").map_or_else(|| "<nil>".to_owned(), target_text);
    format!(
        "(v1.EndpointAddress){{IP:(string){} Hostname:(string){} NodeName:{} TargetRef:(*v1.ObjectReference){target}}}",
        text(address, "ip"),
        text(address, "hostname"),
        pointer(address, "nodeName"),
    )
}

fn target_text(target: &Value) -> String {
    let fields = [
        ("Kind", "string", "kind"),
        ("Namespace", "string", "namespace"),
        ("Name", "string", "name"),
        ("UID", "types.UID", "uid"),
        ("APIVersion", "string", "apiVersion"),
        ("ResourceVersion", "string", "resourceVersion"),
        ("FieldPath", "string", "fieldPath"),
    ];
    let fields: Vec<_> =
        fields.iter().map(|(name, ty, field)| format!("{name}:({ty}){}", text(target, field))).collect();
    format!("{{{}}}", fields.join(" "))
}

fn subset_text(subset: &Value) -> String {
    let list = |field: &str, ty: &str, write: fn(&Value) -> String| match subset.get(field).and_then(Value::as_array) {
        None => format!("([]{ty})<nil>"),
        Some(items) => format!("([]{ty})[{}]", items.iter().map(write).collect::<Vec<_>>().join(" ")),
    };
    let mut out = String::from("(v1.EndpointSubset){");
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "Addresses:{} NotReadyAddresses:{} Ports:{}}}",
        list("addresses", "v1.EndpointAddress", address_text),
        list("notReadyAddresses", "v1.EndpointAddress", address_text),
        list("ports", "v1.EndpointPort", port_text),
    );
    out
}
