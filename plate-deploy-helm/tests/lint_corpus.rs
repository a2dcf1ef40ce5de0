//! `helm lint` on the charts of the corpus: the same messages and the same verdict as real Helm 4.3.1.
//!
//! Runs when the corpus is there (`$PLATE_CORPUS` or `shared/corpus` beside the workspace); says so when it is not.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use plate_deploy_helm::chart::{KubeVersion, ValueSources};
use plate_deploy_helm::lint::{LintOptions, LintReport, Severity, lint, subcharts};
use serde_json::Value;

type Files = Vec<(String, Vec<u8>)>;

fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let given = std::env::var_os("PLATE_CORPUS").map(PathBuf::from);
    given.into_iter().chain([beside]).find(|path| path.join("lint.jsonl").is_file())
}

fn read_folder(folder: &Path, prefix: &str, files: &mut Files) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            read_folder(&entry.path(), &format!("{name}/"), files);
        } else if let Ok(data) = std::fs::read(entry.path()) {
            files.push((name, data));
        }
    }
}

fn options(root: &Path, args: &Value) -> LintOptions {
    let texts = |key: &str| -> Vec<String> {
        let items = args[key].as_array().into_iter().flatten();
        items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
    };
    let mut options = LintOptions {
        values: ValueSources {
            files: texts("values").into_iter().map(|f| (f.clone(), std::fs::read(root.join(f)).unwrap())).collect(),
            set: texts("set"),
            set_string: texts("set_string"),
            set_json: texts("set_json"),
            ..ValueSources::default()
        },
        skip_schema_validation: args["skip_schema_validation"].as_bool().unwrap_or(false),
        ..LintOptions::default()
    };
    if let Some(namespace) = args["namespace"].as_str() {
        options.namespace = namespace.to_owned();
    }
    options.kube_version = args["kube_version"].as_str().map(|text| KubeVersion::parse(text).unwrap());
    options
}

fn reports(root: &Path, case: &Value) -> Vec<LintReport> {
    let path = case["chart"].as_str().unwrap();
    let mut files = Files::new();
    read_folder(&root.join(path), "", &mut files);
    let options = options(root, &case["args"]);
    let mut all = vec![(path.to_owned(), files.clone())];
    if case["args"]["with_subcharts"].as_bool() == Some(true) {
        let inner = subcharts(&files).unwrap();
        all.extend(inner.into_iter().map(|(name, files)| (format!("{path}/{name}"), files)));
    }
    all.iter().map(|(path, files)| lint(path, files, &options).unwrap()).collect()
}

#[test]
fn lint_says_what_helm_says() {
    let Some(root) = corpus() else {
        println!("skipped: no corpus; set PLATE_CORPUS");
        return;
    };
    let cases = std::fs::read_to_string(root.join("lint.jsonl")).unwrap();
    let (mut count, mut different) = (0, Vec::new());
    for line in cases.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let (args, expect) = (&case["args"], &case["expect"]);
        let quiet = args["quiet"].as_bool() == Some(true);
        let strict = args["strict"].as_bool() == Some(true);
        let reports = reports(&root, &case);
        let shown = reports.iter().flat_map(|report| &report.messages);
        let got: Vec<String> =
            shown.filter(|m| !quiet || m.severity > Severity::Info).map(|m| m.to_string().trim().to_owned()).collect();
        // The corpus lists the lines that open a message; a message may go on.
        let got: Vec<&str> = got.iter().filter_map(|m| m.lines().next()).collect();
        let want: Vec<&str> = expect["messages"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let failed = reports.iter().any(|report| report.failed(strict));
        count += 1;
        if got.iter().map(|m| m.trim()).ne(want.iter().map(|m| m.trim())) || failed != (expect["exit"] != 0) {
            different.push(format!("{}\n  got  {got:#?}\n  want {want:#?}\n  failed {failed}", case["id"]));
        }
    }
    assert!(count > 0, "lint.jsonl is empty");
    assert!(different.is_empty(), "{} of {count} differ:\n{}", different.len(), different.join("\n"));
}
