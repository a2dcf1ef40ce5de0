//! The two renderers: Helm behind a pipe, and this crate.

use std::io::{BufRead as _, BufReader, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use plate_deploy_helm::chart::{Capabilities, Chart, File, KubeVersion, RenderChart};
use plate_deploy_helm::engine::{Engine, NoLookup, Release, RenderInput, RenderLimits, RenderOptions};
use plate_deploy_helm::value::{Map, yaml};

use super::generator::Case;

/// The text of the file both charts carry.
pub(crate) const FILE: (&str, &str) = ("f.txt", "line 1\nline: 2\n");

/// The output, or the error's text.
pub(crate) type Answer = Result<String, String>;

/// A running Helm oracle.
pub(crate) struct Oracle {
    path: String,
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Oracle {
    pub(crate) fn start(path: &str) -> std::io::Result<Self> {
        let mut process = Command::new(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .env("TZ", "UTC")
            .spawn()?;
        let missing = || std::io::Error::other("the oracle has no pipes");
        let input = process.stdin.take().ok_or_else(missing)?;
        let output = BufReader::new(process.stdout.take().ok_or_else(missing)?);
        Ok(Self { path: path.to_owned(), process, input, output })
    }

    /// Asks for several cases at once; few enough that neither pipe fills up. A case that kills Helm (an endless
    /// recursion overflows Go's stack) is one it fails.
    pub(crate) fn ask(&mut self, cases: &[&Case]) -> std::io::Result<Vec<Answer>> {
        match (self.try_ask(cases), cases) {
            (Ok(answers), _) => Ok(answers),
            (Err(_), [_]) => {
                *self = Self::start(&self.path.clone())?;
                Ok(vec![Err("Helm crashed".to_owned())])
            }
            (Err(_), _) => {
                *self = Self::start(&self.path.clone())?;
                cases.iter().map(|case| Ok(self.ask(&[case])?.remove(0))).collect()
            }
        }
    }

    fn try_ask(&mut self, cases: &[&Case]) -> std::io::Result<Vec<Answer>> {
        for case in cases {
            let request = serde_json::json!({
                "template": case.template(), "partials": case.partials, "values": case.values,
                "files": { FILE.0: FILE.1 },
            });
            writeln!(self.input, "{request}")?;
        }
        self.input.flush()?;
        let mut answers = Vec::with_capacity(cases.len());
        for _ in cases {
            let mut line = String::new();
            self.output.read_line(&mut line)?;
            let answer: serde_json::Value = serde_json::from_str(&line)?;
            answers.push(match answer["out"].as_str() {
                Some(out) => Ok(out.to_owned()),
                None => Err(answer["error"].as_str().unwrap_or("?").to_owned()),
            });
        }
        Ok(answers)
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Renders with this crate; a panic is its own kind of error text.
pub(crate) fn ours(engine: &Engine, case: &Case) -> Answer {
    catch_unwind(AssertUnwindSafe(|| render(engine, case))).unwrap_or_else(|_| Err("PANIC".to_owned()))
}

fn render(engine: &Engine, case: &Case) -> Answer {
    let values: Map = yaml::unmarshal_map(case.values.as_bytes()).map_err(|error| format!("values: {error}"))?;
    let file = |name: &str, data: &str| File { name: name.to_owned(), data: Arc::from(data.as_bytes()) };
    let mut chart = Chart::default();
    chart.metadata.api_version = "v2".to_owned();
    chart.metadata.name = "oracle".to_owned();
    chart.metadata.version = "1.2.3".to_owned();
    chart.metadata.app_version = "4.5".to_owned();
    chart.templates = vec![file("templates/_p.tpl", &case.partials), file("templates/t.yaml", &case.template())];
    chart.files = vec![file(FILE.0, FILE.1)];
    let view =
        RenderChart { chart: &chart, metadata: chart.metadata.clone(), values: Map::new(), dependencies: Vec::new() };
    let release = Release { name: "rel".to_owned(), namespace: "ns".to_owned(), revision: 1, is_upgrade: false };
    let version = "v1.34.0".to_owned();
    let kube_version =
        KubeVersion { version: version.clone(), normalized: version, major: "1".to_owned(), minor: "34".to_owned() };
    let capabilities = Capabilities { kube_version, ..Capabilities::default() };
    let input = RenderInput {
        chart: &view,
        values: &values,
        release: &release,
        capabilities: &capabilities,
        lookup: &NoLookup,
    };
    let limits = RenderLimits { steps: 5_000_000, time: Some(Duration::from_secs(20)), ..RenderLimits::default() };
    let options = RenderOptions { limits, ..RenderOptions::default() };
    let mut rendered = engine.render(input, &options).map_err(|error| error.to_string())?;
    rendered.files.remove("oracle/templates/t.yaml").ok_or_else(|| "no output".to_owned())
}
