//! YAML, JSON, TOML, `--set` and the merging of values against what Go and Helm 4.3.1 answered.
//!
//! `tests/data/go/*.jsonl` holds random inputs, made for this test, with the answers of sigs.k8s.io/yaml 1.6,
//! go-yaml v3, BurntSushi/toml 1.6, and Helm's `strvals`, `ProcessDependencies` and `CoalesceValues`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking")]

use plate_deploy_helm::chart::{Chart, RenderChart, ValueRules, ValueSources};
use plate_deploy_helm::value::{Map, Value, json, toml, yaml};
use serde_json::Value as Json;

fn cases(text: &str) -> Vec<Json> {
    let cases: Vec<Json> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(cases.len() >= 200, "the data is gone");
    cases
}

/// Compares all cases and shows the first that differ.
fn compare(cases: &[Json], answer: impl Fn(&Json) -> Result<(), String>) {
    let wrong: Vec<String> =
        cases.iter().filter_map(|case| answer(case).err().map(|got| format!("{case}\n  got {got}"))).collect();
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.len(), wrong[..wrong.len().min(5)].join("\n"));
}

fn same(got: String, want: &Json) -> Result<(), String> {
    if want.as_str() == Some(&got) { Ok(()) } else { Err(got) }
}

#[test]
fn yaml_reads_as_in_go() {
    compare(&cases(include_str!("data/go/yaml.jsonl")), |case| {
        match yaml::parse(case["in"].as_str().unwrap().as_bytes()) {
            Err(error) => same(format!("error converting YAML to JSON: {error}"), &case["err"]),
            Ok(value) => {
                same(json::encode(&value).unwrap(), &case["out"])?;
                same(yaml::to_yaml(&value).unwrap(), &case["yaml"])
            }
        }
    });
}

#[test]
fn values_are_written_as_in_go() {
    compare(&cases(include_str!("data/go/values.jsonl")), |case| {
        let value = json::decode(case["json"].as_str().unwrap().as_bytes()).unwrap();
        match yaml::to_yaml(&value) {
            Ok(text) => same(text, &case["yaml"])?,
            Err(error) if !case["yaml"].is_null() => return Err(error.to_string()),
            Err(_) => {}
        }
        same(yaml::to_yaml_pretty(&value).unwrap(), &case["pretty"])?;
        match case["toml"].as_str() {
            Some("ERR") => toml::encode(&value).map_or(Ok(()), Err),
            Some(_) => same(toml::encode(&value)?, &case["toml"]),
            None => Ok(()),
        }
    });
}

/// Go writes whole floats without a point.
fn plain(json: &Json) -> String {
    json::encode(&Value::from(json)).unwrap()
}

#[test]
fn set_flags_parse_as_in_helm() {
    compare(&cases(include_str!("data/go/set.jsonl")), |case| {
        let text = vec![case["text"].as_str().unwrap().to_owned()];
        let base = case["base"].as_object().unwrap().clone();
        let mut sources = ValueSources { object: base, ..ValueSources::default() };
        match case["flag"].as_str().unwrap() {
            "set" => sources.set = text,
            "set-string" => sources.set_string = text,
            "set-json" => sources.set_json = text,
            _ => sources.set_literal = text,
        }
        match sources.merge() {
            Ok(map) => {
                let got = json::encode(&Value::Map(map)).unwrap();
                if got == plain(&case["out"]) { Ok(()) } else { Err(got) }
            }
            Err(error) => match case["err"].as_str() {
                // Helm hides what is wrong with --set-json.
                Some(want) if case["flag"] == "set-json" || error.to_string().ends_with(want) => Ok(()),
                _ => Err(error.to_string()),
            },
        }
    });
}

fn names(chart: &RenderChart<'_>, prefix: &str, into: &mut Vec<Json>) {
    let name = format!("{prefix}{}", chart.name());
    into.push(name.clone().into());
    chart.dependencies.iter().for_each(|subchart| names(subchart, &format!("{name}/"), into));
}

fn chart_of(case: &Json) -> Chart {
    let metadata = |name: &str, version: &str, dependencies: &Json| serde_json::json!({"apiVersion": "v2", "name": name, "version": version, "dependencies": dependencies});
    let none = serde_json::json!([]);
    let files = [
        ("Chart.yaml", metadata("root", "1.0.0", &case["deps"])),
        ("values.yaml", case["root"].clone()),
        ("charts/sub/Chart.yaml", metadata("sub", "1.2.0", &case["subdeps"])),
        ("charts/sub/values.yaml", case["sub"].clone()),
        ("charts/sub/charts/b/Chart.yaml", metadata("b", "0.1.0", &none)),
        ("charts/sub/charts/b/values.yaml", case["b"].clone()),
        ("charts/sub2/Chart.yaml", metadata("sub2", "0.1.0", &none)),
        ("charts/sub2/values.yaml", case["sub2"].clone()),
    ];
    Chart::from_dir_files(
        files.iter().map(|(name, json)| ((*name).to_owned(), json.to_string().into_bytes())).collect(),
    )
    .unwrap_or_default()
}

#[test]
fn values_merge_as_in_helm() {
    compare(&cases(include_str!("data/go/coalesce.jsonl")), |case| {
        let chart = chart_of(case);
        if chart.name().is_empty() {
            // Two dependencies of one name: Helm's loader, which Go was not asked about, refuses the chart as well.
            return Ok(());
        }
        let user = Map::from(case["user"].as_object().unwrap());
        match chart.prepare(&user, ValueRules::default()) {
            Ok(prepared) => {
                let mut found = Vec::new();
                names(&prepared.chart, "", &mut found);
                let got = json::encode(&Value::Map(prepared.values)).unwrap();
                if Json::from(found.clone()) == case["names"] && got == plain(&case["out"]) {
                    Ok(())
                } else {
                    Err(format!("{found:?} {got}"))
                }
            }
            Err(error) if case["err"].as_str().is_some_and(|want| !want.is_empty()) => {
                let _ = error;
                Ok(())
            }
            Err(error) => Err(error.to_string()),
        }
    });
}

#[test]
fn bombs_fail_fast() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let before = level - 1;
        let items = vec![format!("*a{before}"); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{items}]\n"));
    }
    let error = yaml::parse(bomb.as_bytes()).err().unwrap();
    assert_eq!(error.to_string(), "yaml: document contains excessive aliasing");
    for deep in ["[".repeat(100_000), "{a: ".repeat(100_000), "- ".repeat(100_000), "a:\n".to_owned() + &deep_map()] {
        let error = yaml::parse(deep.as_bytes()).err().unwrap().to_string();
        assert!(error.contains("exceeded max depth"), "{error}");
    }
    let nested = "[".repeat(450) + &"]".repeat(450);
    let value = yaml::parse(nested.as_bytes()).unwrap();
    assert!(yaml::to_yaml(&value).unwrap().ends_with("- []\n"));
    assert!(yaml::parse(b"a: &a [*a]").err().unwrap().to_string().contains("value contains itself"));
    let mut chain = String::from("a0: &a0 x\n");
    for level in 1..5_000 {
        chain.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
    }
    assert!(yaml::parse(chain.as_bytes()).is_err());
}

fn deep_map() -> String {
    (1..1_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect()
}
