//! Single templates against what Helm 4.3.1 printed for them, or its error: the corpus' `snippets.jsonl`.

#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, reason = "a test")]

mod common;

use common::{corpus, lines, text, texts};
use plate_deploy_helm::chart::{Capabilities, Chart, KubeVersion, ValueRules, ValueSources};
use plate_deploy_helm::engine::{Engine, NoLookup, Release, RenderInput, RenderOptions};
use plate_deploy_helm::{TemplateOptions, template};
use serde_json::Value as Json;

const CHART: &str = "apiVersion: v2\nname: snippet\nversion: 0.1.0\nappVersion: \"1.2.3\"\n";

#[test]
fn snippets_print_what_helm_prints() {
    let Some(corpus) = corpus() else { return };
    let cases = lines(&corpus.join("snippets.jsonl"));
    let mut wrong = Vec::new();
    for case in &cases {
        let want = match case["expect"]["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(text(&case["expect"], "out").to_owned()),
        };
        let got = run(case);
        if !same(&want, &got) {
            let cut = |result: &Result<String, String>| format!("{result:?}").chars().take(600).collect::<String>();
            wrong.push(format!(
                "{}: {}\n  want {}\n   got {}",
                text(case, "id"),
                text(case, "template"),
                cut(&want),
                cut(&got)
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {} snippets differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// The corpus keeps the beginning of long errors. The text of a TOML syntax error is that of our TOML reader.
fn same(want: &Result<String, String>, got: &Result<String, String>) -> bool {
    match (want, got) {
        (Err(want), Err(got)) => want == got || (want.len() >= 400 && got.starts_with(want)),
        (Ok(want), Ok(got)) => {
            want == got
                || got.replace("key with no value, expected `=`", "unexpected EOF; expected key separator '='") == *want
        }
        _ => false,
    }
}

fn run(case: &Json) -> Result<String, String> {
    let mut chart = Chart::from_dir_files(files(case)).map_err(|error| error.to_string())?;
    // The expected text was made without reading the template from a folder, where a byte order mark is dropped.
    if let Some(file) = chart.templates.iter_mut().find(|file| file.name == "templates/snippet.yaml") {
        file.data = text(case, "template").as_bytes().into();
    }
    if case["manifest"] == true {
        return template(&chart, &options(case)).map(|out| out.text).map_err(|error| error.to_string());
    }
    let options = options(case);
    let user = options.values.merge().map_err(|error| error.to_string())?;
    let prepared = chart.prepare(&user, ValueRules::default()).map_err(|error| error.to_string())?;
    let mut capabilities = Capabilities::default();
    capabilities.kube_version = KubeVersion::parse(options.kube_version.as_deref().unwrap_or("1.33.0"))?;
    capabilities.api_versions.extend(options.api_versions.iter().cloned());
    let input = RenderInput {
        chart: &prepared.chart,
        values: &prepared.values,
        release: &Release {
            name: options.release_name.clone(),
            namespace: options.namespace.clone(),
            revision: 1,
            is_upgrade: options.is_upgrade,
        },
        capabilities: &capabilities,
        lookup: &NoLookup,
    };
    let how = RenderOptions { strict: case["strict"] == true, lint: case["lint"] == true, ..RenderOptions::default() };
    let rendered = Engine::default().render(input, &how).map_err(|error| error.to_string())?;
    let name = format!("{}/templates/snippet.yaml", prepared.chart.name());
    Ok(rendered.files.get(&name).cloned().unwrap_or_default())
}

fn files(case: &Json) -> Vec<(String, Vec<u8>)> {
    let mut files = vec![("templates/snippet.yaml".to_owned(), text(case, "template").to_owned())];
    files.push(("Chart.yaml".into(), case["chart"].as_str().unwrap_or(CHART).into()));
    if let Some(values) = case["values_yaml"].as_str() {
        files.push(("values.yaml".into(), values.into()));
    } else if !case["values"].is_null() {
        files.push(("values.yaml".into(), case["values"].to_string()));
    }
    if let Some(helpers) = case["helpers"].as_str() {
        files.push(("templates/_helpers.tpl".into(), helpers.into()));
    }
    for (folder, key) in [("templates/", "templates"), ("", "files")] {
        for (name, content) in case[key].as_object().into_iter().flatten() {
            files.push((format!("{folder}{name}"), content.as_str().unwrap().into()));
        }
    }
    files.into_iter().map(|(name, content)| (name, content.into_bytes())).collect()
}

fn options(case: &Json) -> TemplateOptions {
    let release = &case["release"];
    let value_files = texts(case, "value_files");
    let named =
        value_files.iter().enumerate().map(|(index, yaml)| (format!("v{index}.yaml"), yaml.clone().into_bytes()));
    TemplateOptions {
        release_name: release["name"].as_str().unwrap_or("demo").into(),
        namespace: release["namespace"].as_str().unwrap_or("demo-ns").into(),
        is_upgrade: release["is_upgrade"] == true,
        kube_version: Some(case["kube_version"].as_str().unwrap_or("1.33.0").into()),
        api_versions: texts(case, "api_versions"),
        values: ValueSources {
            files: named.collect(),
            set: texts(case, "set"),
            set_string: texts(case, "set_string"),
            set_json: texts(case, "set_json"),
            ..ValueSources::default()
        },
        ..TemplateOptions::default()
    }
}
