//! Cases of server-side apply, as structured-merge-diff and the apiserver decide them.

use super::*;
use crate::scheme::{Gvk, StructRef, builtin_kind};

struct Same;

impl Converter for Same {
    fn convert(&self, object: &TypedObject, version: &str) -> Option<TypedObject> {
        (object.version == version).then(|| object.clone())
    }
}

fn deployment_type() -> Type {
    builtin_kind(&Gvk::new("apps", "v1", "Deployment")).unwrap().ty.clone()
}

fn manager<'a>(name: &'a str, ty: &'a Type, now: &'a str) -> FieldManager<'a> {
    FieldManager { manager: name, version: "apps/v1", ty, subresource: "", now, reset: &["status"] }
}

fn deployment(spec: Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec})
}

fn apply(live: Option<&Value>, name: &str, spec: Value, force: bool) -> ApiResult<Value> {
    let ty = deployment_type();
    manager(name, &ty, "2026-01-01T00:00:00Z").apply(live, &deployment(spec), force, &Same)
}

fn containers(items: Value) -> Value {
    json!({"template": {"spec": {"containers": items}}})
}

#[test]
fn apply_owns_fields_and_drops_those_it_no_longer_names() {
    let one = apply(None, "a", json!({"replicas": 1, "paused": true}), false).unwrap();
    assert_eq!(
        one["metadata"]["managedFields"],
        json!([{
        "manager": "a", "operation": "Apply", "apiVersion": "apps/v1", "time": "2026-01-01T00:00:00Z",
        "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:replicas": {}, "f:paused": {}}}}])
    );
    let two = apply(Some(&one), "a", json!({"replicas": 1}), false).unwrap();
    assert_eq!((two["spec"].get("replicas"), two["spec"].get("paused")), (Some(&json!(1)), None));
    // A field two appliers own stays when one of them drops it.
    let both = apply(Some(&one), "b", json!({"replicas": 1}), false).unwrap();
    let left = apply(Some(&both), "a", json!({"paused": true}), false).unwrap();
    assert_eq!((&left["spec"]["replicas"], &left["spec"]["paused"]), (&json!(1), &json!(true)));
}

#[test]
fn conflicts_name_manager_and_field_and_force_takes_over() {
    let one = apply(None, "a", json!({"replicas": 1, "paused": true}), false).unwrap();
    let err = apply(Some(&one), "b", json!({"replicas": 2}), false).unwrap_err();
    assert_eq!(err.code, 409);
    assert_eq!(err.message, "Apply failed with 1 conflict: conflict with \"a\": .spec.replicas");
    let details = err.details.unwrap();
    assert_eq!(details["causes"][0]["reason"], "FieldManagerConflict");
    let err = apply(Some(&one), "b", json!({"replicas": 2, "paused": false}), false).unwrap_err();
    assert_eq!(err.message, "Apply failed with 2 conflicts: conflicts with \"a\":\n- .spec.paused\n- .spec.replicas");
    let forced = apply(Some(&one), "b", json!({"replicas": 2}), true).unwrap();
    assert_eq!(forced["spec"]["replicas"], 2);
    assert_eq!(forced["metadata"]["managedFields"][0]["fieldsV1"], json!({"f:spec": {"f:paused": {}}}));
}

#[test]
fn list_items_merge_by_key_and_keep_order() {
    let one =
        apply(None, "a", containers(json!([{"name": "x", "image": "1"}, {"name": "y", "image": "1"}])), false).unwrap();
    let two =
        apply(Some(&one), "b", containers(json!([{"name": "z", "image": "1"}, {"name": "x", "tty": true}])), false)
            .unwrap();
    let names: Vec<&str> = two["spec"]["template"]["spec"]["containers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["z", "x", "y"]);
    let three = apply(Some(&two), "a", containers(json!([{"name": "x", "image": "1"}])), false).unwrap();
    assert_eq!(
        three["spec"]["template"]["spec"]["containers"],
        json!([{"name": "z", "image": "1"}, {"name": "x", "image": "1", "tty": true}])
    );
    let fields = &three["metadata"]["managedFields"][0]["fieldsV1"];
    assert_eq!(
        fields["f:spec"]["f:template"]["f:spec"]["f:containers"],
        json!({"k:{\"name\":\"x\"}": {".": {}, "f:name": {}, "f:image": {}}})
    );
    let twice = apply(None, "a", containers(json!([{"name": "x"}, {"name": "x"}])), false).unwrap_err();
    assert!(
        twice.message.ends_with(".spec.template.spec.containers: duplicate entries for key [name=\"x\"]"),
        "{}",
        twice.message
    );
}

#[test]
fn ports_use_their_default_protocol_as_key() {
    let ports = json!([{"name": "x", "ports": [{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}]}]);
    let one = apply(None, "a", containers(ports), false).unwrap();
    let fields = &one["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:containers"];
    let ports = fields["k:{\"name\":\"x\"}"]["f:ports"].as_object().unwrap();
    assert!(ports.contains_key("k:{\"containerPort\":80,\"protocol\":\"TCP\"}"), "{ports:?}");
    assert_eq!(ports.len(), 2);
}

#[test]
fn atomic_values_are_owned_as_a_whole() {
    let spec = |v: &str| json!({"selector": {"matchLabels": {"a": v}}, "template": {"spec": {"nodeSelector": {"n": v}, "tolerations": [{"key": v}]}}});
    let one = apply(None, "a", spec("1"), false).unwrap();
    let fields = &one["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"];
    assert_eq!(fields["f:selector"], json!({}));
    assert_eq!(fields["f:template"]["f:spec"], json!({"f:nodeSelector": {}, "f:tolerations": {}}));
    let err = apply(Some(&one), "b", spec("2"), false).unwrap_err();
    assert_eq!(err.details.unwrap()["causes"].as_array().unwrap().len(), 3);
}

#[test]
fn updates_take_what_they_change_and_applies_then_conflict() {
    let ty = deployment_type();
    let one = apply(None, "a", json!({"replicas": 1, "paused": true}), false).unwrap();
    let mut scaled = one.clone();
    scaled["spec"]["replicas"] = json!(5);
    manager("kubectl", &ty, "2026-01-02T00:00:00Z").update(Some(&one), &mut scaled, &Same);
    let fields = scaled["metadata"]["managedFields"].as_array().unwrap();
    assert_eq!(fields.len(), 2);
    assert_eq!(fields[0]["fieldsV1"], json!({"f:spec": {"f:paused": {}}}));
    assert_eq!(fields[1]["manager"], "kubectl");
    assert_eq!(fields[1]["fieldsV1"], json!({"f:spec": {"f:replicas": {}}}));
    let err = apply(Some(&scaled), "a", json!({"replicas": 1, "paused": true}), false).unwrap_err();
    assert_eq!(err.message, "Apply failed with 1 conflict: conflict with \"kubectl\" using apps/v1: .spec.replicas");
    // Status is not the main resource's to own.
    let mut status = scaled.clone();
    status["status"] = json!({"replicas": 5});
    manager("kubectl", &ty, "2026-01-03T00:00:00Z").update(Some(&scaled), &mut status, &Same);
    assert_eq!(status["metadata"]["managedFields"], scaled["metadata"]["managedFields"]);
}

#[test]
fn repeated_apply_changes_nothing() {
    let one = apply(None, "a", json!({"replicas": 1}), false).unwrap();
    let ty = deployment_type();
    let again =
        manager("a", &ty, "2027-01-01T00:00:00Z").apply(Some(&one), &deployment(json!({"replicas": 1})), false, &Same);
    assert_eq!(again.unwrap(), one);
}

#[test]
fn untracked_objects_get_before_first_apply() {
    let live = deployment(json!({"replicas": 1}));
    let err = apply(Some(&live), "a", json!({"replicas": 2}), false).unwrap_err();
    assert_eq!(
        err.message,
        "Apply failed with 1 conflict: conflict with \"before-first-apply\" using apps/v1: .spec.replicas"
    );
}

#[test]
fn unknown_fields_and_wrong_types_are_refused() {
    let err = apply(None, "a", json!({"bogus": 1, "replicas": "x"}), false).unwrap_err();
    assert!(
        err.message.starts_with("failed to create typed patch object (/d; apps/v1, Kind=Deployment): errors:"),
        "{}",
        err.message
    );
    assert!(err.message.contains(".spec.bogus: field not declared in schema"));
    assert!(err.message.contains(".spec.replicas: expected numeric (int or float), got string"));
    assert_eq!(err.code, 500);
}

#[test]
fn at_most_ten_update_managers_are_kept() {
    let ty = deployment_type();
    let mut live = deployment(json!({"replicas": 1}));
    manager("m", &ty, "2026-01-01T00:00:00Z").update(None, &mut live, &Same);
    for i in 0..15 {
        let mut new = live.clone();
        new["metadata"]["annotations"][format!("k{i}")] = json!("v");
        let (name, now) = (format!("m{i:02}"), format!("2026-01-01T00:00:{:02}Z", i + 1));
        manager(&name, &ty, &now).update(Some(&live), &mut new, &Same);
        live = new;
    }
    let entries = live["metadata"]["managedFields"].as_array().unwrap();
    assert_eq!(entries.len(), 10);
    assert_eq!(entries[0]["manager"], "ancient-changes");
}

#[test]
fn schemaless_objects_are_deduced() {
    let ty = Type::Any;
    let fm = |name| FieldManager {
        manager: name,
        version: "x.io/v1",
        ty: &ty,
        subresource: "",
        now: "2026-01-01T00:00:00Z",
        reset: &[],
    };
    let obj = |spec: Value| json!({"apiVersion": "x.io/v1", "kind": "X", "metadata": {"name": "x"}, "spec": spec});
    let one = fm("a").apply(None, &obj(json!({"a": {"b": 1}, "l": [1]})), false, &Same).unwrap();
    let two = fm("b").apply(Some(&one), &obj(json!({"a": {"c": 2}})), false, &Same).unwrap();
    assert_eq!(two["spec"], json!({"a": {"b": 1, "c": 2}, "l": [1]}));
    assert_eq!(fm("b").apply(Some(&one), &obj(json!({"l": [2]})), false, &Same).unwrap_err().code, 409);
}

#[test]
fn field_sets_survive_the_wire() {
    let wire = json!({"f:a": {".": {}, "f:b": {}, "k:{\"x\":1,\"y\":\"z\"}": {"f:c": {}}, "v:\"q\"": {}, "i:3": {}}});
    assert_eq!(Set::from_fields(&wire).unwrap().to_fields(), wire);
    assert!(Set::from_fields(&json!({"bogus": {}})).is_none());
    let _ = StructRef::Builtin("x".into());
}
