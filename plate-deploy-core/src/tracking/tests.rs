//! Marks that the vectors do not hold: other installations, the oldest label, broken metadata.

use super::*;
use serde_json::{Value, json};

fn object(value: Value) -> Manifest {
    Manifest::new(value).unwrap()
}

#[test]
fn label_of_a_long_name_ends_in_a_letter_or_digit() {
    let long = format!("{}-.-.tail", "x".repeat(60));
    assert_eq!(truncate_label(&long), Ok("x".repeat(60).as_str()));
    assert_eq!(truncate_label("short-"), Ok("short-"));
    assert_eq!(truncate_label(&"-".repeat(64)), Err(TrackingError::LabelTruncation));
}

#[test]
fn objects_of_another_installation_are_not_ours() {
    let ours = Tracker { installation_id: "a".into(), ..Tracker::default() };
    let mut o = object(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "n"}}));
    ours.set(&mut o, "shop", "prod").unwrap();
    assert_eq!(ours.app_name(&o).as_deref(), Some("shop"));
    assert_eq!(Tracker { installation_id: "b".into(), ..Tracker::default() }.app_name(&o), None);
    ours.remove(&mut o).unwrap();
    assert_eq!(o.value().pointer("/metadata/annotations"), None);
}

#[test]
fn metadata_that_is_no_map_of_strings_is_an_error_without_the_value() {
    let mut o = object(json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "s", "annotations": {"token": 1234}}}));
    let error = Tracker::default().set(&mut o, "shop", "prod").unwrap_err().to_string();
    assert!(error.contains("\"token\"") && !error.contains("1234"), "{error}");
}

#[test]
fn oldest_label_key_also_marks_pod_templates() {
    let tracker = Tracker {
        method: TrackingMethod::Label,
        label_key: "applications.argoproj.io/app-name".into(),
        ..Tracker::default()
    };
    let mut o = object(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
        "spec": {"template": {"metadata": {"labels": {"app": "d"}}}}}));
    tracker.set(&mut o, "shop", "prod").unwrap();
    assert_eq!(
        o.value().pointer("/spec/template/metadata/labels"),
        Some(&json!({"app": "d", "applications.argoproj.io/app-name": "shop"}))
    );
    let mut o = object(json!({"apiVersion": "extensions/v1beta1", "kind": "Deployment", "metadata": {"name": "d"},
        "spec": {"template": {"metadata": {"labels": {"app": "d"}}}}}));
    tracker.set(&mut o, "shop", "prod").unwrap();
    assert_eq!(o.value().pointer("/spec/selector"), Some(&json!({"matchLabels": {"app": "d"}})));
}
