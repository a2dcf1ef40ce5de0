//! Users' Lua checks, deletion, overrides.

use super::*;
use crate::model::annotations;
use serde_json::{Value, json};

fn object(value: Value) -> Manifest {
    Manifest::new(value).unwrap()
}

fn widget(status: Value) -> Manifest {
    object(json!({"apiVersion": "example.io/v1", "kind": "Widget", "metadata": {"name": "w"}, "status": status}))
}

fn with_script(key: &str, script: &str) -> HealthOverrides {
    HealthOverrides::new().with(key, HealthOverride { script: script.into(), use_open_libs: true })
}

#[test]
fn deletion_overrides_health_unless_the_hook_finalizer_waits() {
    let mut job = json!({"apiVersion": "batch/v1", "kind": "Job", "status": {"conditions": [{"type": "Complete"}]},
        "metadata": {"name": "j", "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["x/y", "z"]}});
    let health = assess(&object(job.clone()), &HealthOverrides::default()).unwrap().unwrap();
    assert_eq!(health, progressing("Pending deletion; blocked by finalizers: x/y, z"));
    job["metadata"]["finalizers"] = json!([annotations::HOOK_FINALIZER]);
    assert_eq!(assess(&object(job), &HealthOverrides::default()).unwrap(), Some(healthy("")));
}

#[test]
fn lua_checks_by_exact_key_and_by_glob() {
    let script = "local hs = {} hs.status = obj.status.ok and 'Healthy' or 'Degraded' hs.message = 'n=' .. obj.status.n return hs";
    for key in ["example.io/Widget", "*.io/*"] {
        let health = assess(&widget(json!({"ok": true, "n": 3})), &with_script(key, script)).unwrap();
        assert_eq!(health, Some(healthy("n=3")), "{key}");
    }
    assert_eq!(assess(&widget(json!({})), &with_script("other.io/Widget", script)), Ok(None));
}

#[test]
fn lua_answers_that_are_no_health() {
    let assess = |script: &str| assess(&widget(json!({})), &with_script("example.io/Widget", script));
    assert_eq!(assess("return nil"), Ok(None));
    assert_eq!(assess("return {status = 'Great'}"), Ok(Some(unknown("Lua returned an invalid health status"))));
    assert!(matches!(assess("return 'Healthy'"), Err(HealthError::LuaOutput { found, .. }) if found == "string"));
    assert!(matches!(assess("return obj.spec.replicas"), Err(HealthError::Lua { .. })));
}

#[test]
fn lua_is_bounded_and_closed_in() {
    let assess = |script: &str| assess(&widget(json!({})), &with_script("example.io/Widget", script));
    for script in ["while true do end", "while true do pcall(function() while true do end end) end"] {
        assert!(matches!(assess(script), Err(HealthError::LuaLimit { .. })), "{script}");
    }
    assert!(matches!(assess("local t = {} for i = 1, 1e8 do t[i] = {} end"), Err(HealthError::LuaLimit { .. })));
    assert!(matches!(assess("return {message = string.rep('x', 1e9)}"), Err(HealthError::LuaLimit { .. })));
    for call in [
        "io.open('/etc/passwd')",
        "os.getenv('HOME')",
        "os.execute('id')",
        "load('return 1')()",
        "require('io')",
        "debug.getinfo(1)",
    ] {
        assert!(matches!(assess(call), Err(HealthError::Lua { .. })), "{call}");
    }
}

#[test]
fn lua_string_functions_take_patterns_within_a_budget() {
    let message = |script: &str| {
        let health = assess(&widget(json!({})), &with_script("example.io/Widget", script));
        health.map(|health| health.unwrap().message)
    };
    let cases = [
        ("return {status = 'Healthy', message = string.match('v1.22', 'v(%d+)%.(%d+)')}", "1"),
        ("return {status = 'Healthy', message = ('ERROR, no key'):gsub('ERROR, ', '') .. ''}", "no key"),
        ("return {status = 'Healthy', message = (string.gsub('a-b', '(%w)', '<%1>'))}", "<a>-<b>"),
        (
            "local n = 0 for w in ('a bb c'):gmatch('%a+') do n = n + #w end return {status = 'Healthy', message = '' .. n}",
            "4",
        ),
        (
            "return {status = 'Healthy', message = tostring(('a.b'):find('.', 1, true)) .. tostring(('ab'):find('^b'))}",
            "2nil",
        ),
    ];
    for (script, want) in cases {
        assert_eq!(message(script).as_deref(), Ok(want), "{script}");
    }
    let hostile = "return {status = 'Healthy', message = tostring(string.find(('a'):rep(30), ('a?'):rep(30) .. ('a'):rep(30) .. 'b'))}";
    assert!(matches!(message(hostile), Err(HealthError::Lua { .. })));
}

#[test]
fn deletion_message_of_a_lua_check_stands() {
    let mut o = widget(json!({}));
    o.value_mut()["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    let script = "return {status = 'Degraded', message = 'm', deletionMessage = 'stuck'}";
    assert_eq!(assess(&o, &with_script("example.io/Widget", script)).unwrap(), Some(degraded("stuck")));
}

#[test]
fn overrides_from_argocd_cm() {
    let data = [
        ("resource.customizations.health.example.io_Widget", "return {status = 'Healthy'}"),
        ("resource.customizations", "other.io/Thing:\n  health.lua: |\n    return {status = 'Suspended'}\n"),
        ("resource.customizations.useOpenLibs.example.io_Widget", "true"),
        ("unrelated", "x"),
    ];
    let data = data.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    let overrides = HealthOverrides::from_config_map(&data).unwrap();
    assert_eq!(assess(&widget(json!({})), &overrides).unwrap(), Some(healthy("")));
    let thing = object(json!({"apiVersion": "other.io/v1", "kind": "Thing", "metadata": {"name": "t"}}));
    assert_eq!(assess(&thing, &overrides).unwrap(), Some(suspended("")));
}

#[test]
fn lua_has_a_clock_only_when_given_one() {
    let overrides =
        with_script("example.io/Widget", "return {status = 'Healthy', message = '' .. os.time() .. os.date('!%Y')}");
    assert!(assess(&widget(json!({})), &overrides).is_err());
    assert_eq!(assess(&widget(json!({})), &overrides.at(86_400)).unwrap(), Some(healthy("864001970")));
}
