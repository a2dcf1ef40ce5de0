//! Comparisons that the vectors do not hold: refused expressions, hidden values, the settings.

use super::*;
use crate::model::application::ResourceIgnoreDifferences;
use serde_json::json;

fn object(value: Value) -> Manifest {
    Manifest::new(value).unwrap()
}

fn deployment(replicas: i64, image: &str) -> Manifest {
    object(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "main", "image": image}]}}}}))
}

fn ignoring(pointers: &[&str], expressions: &[&str]) -> DiffOptions {
    let text = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
    let rule = ResourceIgnoreDifferences {
        group: "apps".into(),
        kind: "Dep*".into(),
        json_pointers: text(pointers),
        jq_path_expressions: text(expressions),
        ..ResourceIgnoreDifferences::default()
    };
    DiffOptions { ignore: vec![rule], ..DiffOptions::argo_defaults() }
}

fn differs(options: DiffOptions, config: &Manifest, live: &Manifest) -> bool {
    Differ::new(options).unwrap().diff(Some(config), Some(live)).unwrap().modified
}

#[test]
fn what_is_ignored_does_not_count() {
    let (config, live) = (deployment(2, "web:1"), deployment(5, "web:2"));
    let image = ".spec.template.spec.containers[] | select(.name == \"main\") | .image";
    let cases = [
        (ignoring(&["/spec/replicas"], &[]), true),
        (ignoring(&["/spec/replicas", "/spec/template/spec/containers/0/image"], &[]), false),
        (ignoring(&["/spec/replicas", "/spec/template/spec/containers/-1/image"], &[]), false),
        (ignoring(&[], &[".spec.replicas", image]), false),
        (ignoring(&["/no/such"], &[".spec.replicas | keys", image]), true),
    ];
    for (options, want) in cases {
        let rule = format!("{:?}", options.ignore);
        assert_eq!(differs(options, &config, &live), want, "{rule}");
    }
}

#[test]
fn jq_that_may_never_end_or_sees_too_much_is_refused() {
    let refused = [
        ".spec[",
        "env",
        "$ENV.PATH",
        "input",
        "now",
        "halt",
        "def f: f; f",
        "last(repeat(1))",
        "recurse(.a)",
        "limit(3; .a)",
        "reduce .[] as $x (0; .)",
        "range(1000000000)",
        ".a = 1",
        ".a * 1000000",
        "label $x | .a",
        "include \"x\"; .a",
    ];
    let doubling = format!(".a | {}", vec!["\"\\(.)\\(.)\""; 40].join(" | "));
    let branching = format!("select({} | empty)", vec!["(., .)"; 40].join(" | "));
    let walks = [".. | .. | ..", doubling.as_str(), branching.as_str()];
    for expression in refused.into_iter().chain(walks) {
        let error = Differ::new(ignoring(&[], &[expression])).map(|_| ()).unwrap_err();
        assert!(matches!(error, DiffError::Jq { .. }), "{expression}: {error}");
    }
    for expression in [
        ".. | .image?",
        ".a[] | select(.b | test(\"^x\"))",
        ".a[1:]",
        ".a | to_entries",
        "paths",
        ".a, .b, .c, .d, .e, .f, .g, .h, .i, .j, .k, .l, .m, .n, .o, .p, .q, .r",
        ".a[] | select((.b // \"\") | sub(\"x\"; \"y\") == \"z\")",
    ] {
        assert!(Differ::new(ignoring(&[], &[expression])).is_ok(), "{expression}");
    }
}

#[test]
fn jq_nested_as_deep_as_allowed_does_not_overflow_the_stack() {
    let deep = [
        format!("{}.a{}", "(".repeat(50), ")".repeat(50)),
        format!("{}.a{}", "(".repeat(490), ")".repeat(490)),
        format!("{}.a", "-".repeat(990)),
        format!("{}.a", "try ".repeat(240)),
        format!(".{}", "[0]".repeat(320)),
        format!(".{}", "|.".repeat(490)),
        format!(".{}", ",.".repeat(490)),
        format!("{}.a{}", "if .a then ".repeat(70), " end".repeat(70)),
    ];
    let (config, live) = (deployment(2, "web:1"), deployment(2, "web:1"));
    for expression in &deep {
        if let Ok(differ) = Differ::new(ignoring(&[], &[expression])) {
            assert!(!differ.diff(Some(&config), Some(&live)).unwrap().modified);
        }
    }
}

#[test]
fn a_jq_rule_that_fails_is_a_warning() {
    let (config, live) = (deployment(2, "web:1"), deployment(2, "web:1"));
    let differ = Differ::new(ignoring(&[], &[".metadata | keys"])).unwrap();
    let result = differ.diff(Some(&config), Some(&live)).unwrap();
    assert!(!result.modified && result.warnings.len() == 1, "{result:?}");
}

#[test]
fn the_annotation_on_the_wanted_object_ignores_on_both_sides() {
    let (mut config, live) = (deployment(2, "web:1"), deployment(5, "web:1"));
    config
        .set_annotation(annotations::IGNORE_DIFFERENCES, "jsonPointers:\n- /spec/replicas\n- /metadata/annotations\n");
    assert!(!differs(DiffOptions::argo_defaults(), &config, &live));
    assert!(differs(DiffOptions::argo_defaults(), &live, &config));
}

#[test]
fn a_sync_that_respects_ignored_fields_keeps_their_live_values() {
    let (config, mut live) = (deployment(2, "web:2"), deployment(5, "web:1"));
    live.value_mut()["status"] = json!({"replicas": 5});
    let differ = Differ::new(ignoring(&["/spec/replicas"], &[])).unwrap();
    let applied = differ.respecting_ignored(&config, Some(&live)).unwrap();
    assert_eq!(applied, deployment(5, "web:2"));
    assert_eq!(differ.respecting_ignored(&config, None).unwrap(), config);
    // The selector of a budget is merged as a whole; only its ignored part comes from the live object.
    let budget = |labels: Value| {
        object(json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "b"},
            "spec": {"selector": {"matchLabels": labels}}}))
    };
    let rule = ResourceIgnoreDifferences {
        group: "policy".into(),
        kind: "*".into(),
        json_pointers: vec!["/spec/selector/matchLabels/track".into()],
        ..ResourceIgnoreDifferences::default()
    };
    let differ = Differ::new(DiffOptions { ignore: vec![rule], ..DiffOptions::default() }).unwrap();
    let (wanted, found) = (budget(json!({"app": "new"})), budget(json!({"app": "old", "track": "live", "extra": "x"})));
    let applied = differ.respecting_ignored(&wanted, Some(&found)).unwrap();
    assert_eq!(applied, budget(json!({"app": "new", "track": "live"})));
}

#[test]
fn secret_values_are_never_shown() {
    let secret = |value: &str| {
        object(
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"password": value}}),
        )
    };
    let result =
        Differ::new(DiffOptions::default()).unwrap().diff(Some(&secret("hunter2")), Some(&secret("old"))).unwrap();
    assert!(result.modified);
    let (live, predicted) = result.shown().unwrap();
    assert_eq!(live.unwrap()["data"], json!({"password": "++++++++++++"}));
    assert_eq!(predicted.unwrap()["data"], json!({"password": "++++++++"}));
    assert!(!format!("{result:?}").contains("hunter2"));
}

#[test]
fn secrets_compare_by_keyed_hash() {
    let secret = |data: Value| {
        object(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": data}))
    };
    let key = SecretKey::new([7; 32]);
    let hash = |data: Value| SecretFingerprints::of(&secret(data), &key);
    assert_eq!(hash(json!({"a": "1", "b": "2"})).differing(&hash(json!({"a": "1", "b": "3", "c": "4"}))), ["b", "c"]);
    assert_ne!(hash(json!({"a": "1"})), SecretFingerprints::of(&secret(json!({"a": "1"})), &SecretKey::new([8; 32])));
    assert!(!format!("{key:?}").contains('7'));
}

#[test]
fn overrides_from_argocd_cm() {
    let data = [
        ("resource.customizations.ignoreDifferences.all", "managedFieldsManagers: [kube-controller-manager]"),
        ("resource.customizations.ignoreDifferences.apps_Deployment", "jqPathExpressions: ['.spec.replicas']"),
        ("resource.customizations.knownTypeFields.example.io_Widget", "- field: spec.cpu\n  type: core/Quantity"),
        ("resource.compareoptions", "ignoreResourceStatusField: crd"),
    ];
    let data = data.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    let rules = overrides_from_config_map(&data).unwrap();
    assert_eq!(rules["*/*"].managed_fields_managers, ["kube-controller-manager"]);
    assert_eq!(rules["apps/Deployment"].jq_path_expressions, [".spec.replicas"]);
    assert_eq!(rules["apiextensions.k8s.io/CustomResourceDefinition"].json_pointers, ["/status"]);
    let widget = |cpu: Value| {
        object(
            json!({"apiVersion": "example.io/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"cpu": cpu}}),
        )
    };
    let options = DiffOptions { overrides: rules, ..DiffOptions::default() };
    assert!(!differs(options, &widget(json!("1000m")), &widget(json!(1))));
}

#[test]
fn deep_objects_are_refused() {
    let mut value = json!({});
    for _ in 0..120 {
        value = json!({"a": value});
    }
    let deep = object(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": value}));
    let error = Differ::new(DiffOptions::default()).unwrap().diff(Some(&deep), None).unwrap_err();
    assert!(matches!(error, DiffError::TooDeep(_)));
}
