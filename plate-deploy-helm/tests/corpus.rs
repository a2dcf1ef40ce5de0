//! Whole charts against what Helm 4.3.1 printed for them: the corpus' `cases.jsonl`.
//!
//! Verdicts are those of the corpus: equal bytes; equal manifests (the same documents under the same sources in the same
//! order); another order; different. `CORPUS_FILTER` runs only the cases whose name contains it.

#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, reason = "a test")]

mod common;

use std::collections::{BTreeMap, HashMap};
use std::io::Read as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use common::{corpus, lines, text, texts};
use plate_deploy_helm::chart::{Chart, ChartError, ValueSources};
use plate_deploy_helm::engine::{Engine, NoLookup};
use plate_deploy_helm::value::yaml;
use plate_deploy_helm::{TemplateOptions, template_with};
use serde_json::Value as Json;

#[test]
fn charts_render_as_helm_renders_them() {
    let Some(corpus) = corpus() else { return };
    let filter = std::env::var("CORPUS_FILTER").unwrap_or_default();
    let cases: Vec<Json> =
        lines(&corpus.join("cases.jsonl")).into_iter().filter(|case| text(case, "id").contains(&filter)).collect();
    let run = Run { corpus: &corpus, engine: Engine::default(), charts: Mutex::default() };
    let (next, verdicts) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let verdict = run.judge(case);
                    verdicts.lock().unwrap().push((text(case, "id").to_owned(), verdict));
                }
            });
        }
    });
    let verdicts = verdicts.into_inner().unwrap();
    let mut counts = BTreeMap::new();
    for (_, (verdict, _)) in &verdicts {
        *counts.entry(format!("{verdict:?}")).or_insert(0) += 1;
    }
    let wrong: Vec<String> = verdicts
        .iter()
        .filter(|(_, (verdict, _))| !verdict.is_right())
        .map(|(id, (verdict, detail))| format!("{verdict:?} {id}\n    {detail}"))
        .collect();
    eprintln!("{} cases: {counts:?}", verdicts.len());
    assert!(wrong.is_empty(), "{} of {} cases differ:\n{}", wrong.len(), verdicts.len(), wrong.join("\n"));
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    EqualBytes,
    EqualManifests,
    BothFail,
    OrderDiffers,
    Differs,
    FailsAlone,
    ShouldFail,
}

impl Verdict {
    fn is_right(self) -> bool {
        matches!(self, Self::EqualBytes | Self::EqualManifests | Self::BothFail)
    }
}

struct Run<'a> {
    corpus: &'a Path,
    engine: Engine,
    charts: Mutex<HashMap<String, Arc<Result<Chart, ChartError>>>>,
}

impl Run<'_> {
    fn judge(&self, case: &Json) -> (Verdict, String) {
        let must_fail = case["expect"]["exit"] != 0;
        match (self.render(case), must_fail) {
            (Err(_), true) => (Verdict::BothFail, String::new()),
            (Err(error), false) => (Verdict::FailsAlone, error.chars().take(700).collect()),
            (Ok(_), true) => (Verdict::ShouldFail, text(&case["expect"], "stderr").to_owned()),
            (Ok(got), false) => compare(&self.expected(case), &got, case),
        }
    }

    fn render(&self, case: &Json) -> Result<String, String> {
        let chart = self.chart(text(case, "chart"));
        let chart = chart.as_ref().as_ref().map_err(ToString::to_string)?;
        if let Some(missing) = texts(&case["args"], "values").iter().find(|path| !self.corpus.join(path).exists()) {
            return Err(format!("open {missing}: no such file or directory"));
        }
        let options = self.options(&case["args"]);
        template_with(&self.engine, chart, &options, &NoLookup).map(|out| out.text).map_err(|error| error.to_string())
    }

    fn chart(&self, path: &str) -> Arc<Result<Chart, ChartError>> {
        if let Some(chart) = self.charts.lock().unwrap().get(path) {
            return Arc::clone(chart);
        }
        let chart = Arc::new(Chart::load_path(&self.corpus.join(path)));
        self.charts.lock().unwrap().insert(path.to_owned(), Arc::clone(&chart));
        chart
    }

    fn read(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.corpus.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn options(&self, args: &Json) -> TemplateOptions {
        let or = |key: &str, default: &str| match text(args, key) {
            "" => default.to_owned(),
            given => given.to_owned(),
        };
        let set_file = texts(args, "set_file");
        let paths = set_file.iter().flat_map(|set| set.split(',')).filter_map(|set| set.split_once('='));
        TemplateOptions {
            release_name: or("name", "release-name"),
            namespace: or("namespace", "default"),
            values: ValueSources {
                files: texts(args, "values").into_iter().map(|path| (path.clone(), self.read(&path))).collect(),
                set: texts(args, "set"),
                set_string: texts(args, "set_string"),
                set_json: texts(args, "set_json"),
                set_literal: texts(args, "set_literal"),
                // A file that is not there is left out: the library then fails as Helm does.
                set_file_contents: paths
                    .filter_map(|(_, path)| Some((path.to_owned(), std::fs::read(self.corpus.join(path)).ok()?)))
                    .collect(),
                set_file: set_file.clone(),
                ..ValueSources::default()
            },
            kube_version: args["kube_version"].as_str().map(str::to_owned),
            api_versions: texts(args, "api_versions")
                .iter()
                .flat_map(|set| set.split(',').map(str::to_owned))
                .collect(),
            show_only: texts(args, "show_only"),
            include_crds: args["include_crds"] == true,
            is_upgrade: args["is_upgrade"] == true,
            skip_tests: args["skip_tests"] == true,
            no_hooks: args["no_hooks"] == true,
            skip_schema_validation: args["skip_schema_validation"] == true,
            ..TemplateOptions::default()
        }
    }

    fn expected(&self, case: &Json) -> String {
        let path = text(&case["expect"], "stdout");
        let bytes = self.read(path);
        if !path.ends_with(".gz") {
            return String::from_utf8_lossy(&bytes).into_owned();
        }
        let mut out = Vec::new();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut out).unwrap();
        String::from_utf8_lossy(&out).into_owned()
    }
}

/// A printed part: its `# Source:`, and the documents in it.
type Part = (String, Vec<Json>);

fn compare(want: &str, got: &str, case: &Json) -> (Verdict, String) {
    if want == got {
        return (Verdict::EqualBytes, String::new());
    }
    let (mut want, mut got) = (parts(want, case), parts(got, case));
    for path in case["nondet_paths"].as_array().into_iter().flatten() {
        let path: Vec<&str> = path.as_array().into_iter().flatten().filter_map(Json::as_str).collect();
        mask(&mut want, &path);
        mask(&mut got, &path);
    }
    if want == got {
        return (Verdict::EqualManifests, String::new());
    }
    // A part that holds only comments is no manifest.
    want.retain(|(_, documents)| !documents.is_empty());
    got.retain(|(_, documents)| !documents.is_empty());
    if want == got {
        return (Verdict::EqualManifests, String::new());
    }
    let sorted = |parts: &[Part]| {
        let mut keys: Vec<String> = parts.iter().map(|part| format!("{part:?}")).collect();
        keys.sort();
        keys
    };
    if sorted(&want) == sorted(&got) {
        return (Verdict::OrderDiffers, String::new());
    }
    (Verdict::Differs, first_difference(&want, &got))
}

fn first_difference(want: &[Part], got: &[Part]) -> String {
    let Some(at) = want.iter().zip(got).position(|(want, got)| want != got) else {
        return format!("{} parts expected, {} got", want.len(), got.len());
    };
    let pair = (
        Json::Array(std::iter::once(Json::from(want[at].0.clone())).chain(want[at].1.clone()).collect()),
        Json::Array(std::iter::once(Json::from(got[at].0.clone())).chain(got[at].1.clone()).collect()),
    );
    let mut path = String::new();
    let (want, got) = descend(&pair.0, &pair.1, &mut path);
    let cut = |json: &Json| json.to_string().chars().take(300).collect::<String>();
    format!("part {at} ({}){path}: expected {}, got {}", pair.0[0], cut(want), cut(got))
}

/// The innermost first values that differ.
fn descend<'a>(want: &'a Json, got: &'a Json, path: &mut String) -> (&'a Json, &'a Json) {
    match (want, got) {
        (Json::Object(a), Json::Object(b)) if a.keys().eq(b.keys()) => {
            if let Some((key, value)) = a.iter().find(|(key, value)| b.get(*key) != Some(value)) {
                path.push_str(&format!("/{key}"));
                return descend(value, &b[key], path);
            }
        }
        (Json::Array(a), Json::Array(b)) if a.len() == b.len() => {
            if let Some(at) = (0..a.len()).find(|at| a[*at] != b[*at]) {
                path.push_str(&format!("/{at}"));
                return descend(&a[at], &b[at], path);
            }
        }
        _ => {}
    }
    (want, got)
}

/// Blanks the place that two runs of Helm fill differently: `[part, "1", document, key, …]`.
fn mask(parts: &mut [Part], path: &[&str]) {
    let [part, _, document, keys @ ..] = path else { return };
    let index = |text: &str| text.parse::<usize>().unwrap_or(usize::MAX);
    let mut place = parts.get_mut(index(part)).and_then(|(_, documents)| documents.get_mut(index(document)));
    for key in keys {
        place = match place {
            Some(Json::Array(items)) => items.get_mut(index(key)),
            Some(Json::Object(map)) => map.get_mut(*key),
            _ => None,
        };
    }
    if let Some(place) = place {
        *place = Json::Null;
    }
}

fn parts(text: &str, case: &Json) -> Vec<Part> {
    const HEAD: &str = "---\n# Source: ";
    let mut parts: Vec<(String, &str)> = Vec::new();
    let mut starts: Vec<usize> = text.match_indices(HEAD).map(|(at, _)| at).collect();
    starts.retain(|at| *at == 0 || text.as_bytes()[at - 1] == b'\n');
    starts.push(text.len());
    for pair in starts.windows(2) {
        let (source, body) = text[pair[0] + HEAD.len()..pair[1]].split_once('\n').unwrap_or_default();
        parts.push((source.to_owned(), body));
    }
    if case["nondet_crd_order"] == true {
        let is_crd = |source: &str| source.contains("/crds/") && !source.contains("/templates/");
        parts.sort_by_key(|(source, _)| if is_crd(source) { (0, source.clone()) } else { (1, String::new()) });
    }
    parts.into_iter().map(|(source, body)| (source, documents(body))).collect()
}

/// The YAML documents of a part; text that is no YAML stays text.
fn documents(body: &str) -> Vec<Json> {
    let mut documents = vec![String::new()];
    for line in body.lines() {
        if line == "---" || line.starts_with("--- ") {
            documents.push(String::new());
        } else if let Some(document) = documents.last_mut() {
            document.push_str(line);
            document.push('\n');
        }
    }
    let parse = |text: &String| yaml::parse_json(text.as_bytes()).unwrap_or_else(|_| Json::from(text.trim()));
    documents.iter().map(parse).filter(|document| !document.is_null()).collect()
}
