//! `helm lint`: Helm's rules about a chart folder, with its messages.

mod chartfile;
mod crds;
mod deprecations;
mod documents;
mod names;
mod templates;

use std::fmt;

use crate::chart::{Chart, ChartError, KubeVersion, ValueSources, ValuesError, check_schema, read_values};
use crate::engine::HelmVersion;
use crate::value::Map;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Advice.
    Info,
    /// Against convention.
    Warning,
    /// The chart will not install.
    Error,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LintMessage {
    /// How bad.
    pub severity: Severity,
    /// The file or folder; for dependencies, the chart as it was named.
    pub path: String,
    /// What, in Helm's words.
    pub text: String,
}

impl fmt::Display for LintMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Info => "INFO",
            Severity::Warning => "WARNING",
            Severity::Error => "ERROR",
        };
        write!(f, "[{severity}] {}: {}", self.path, self.text)
    }
}

/// The flags of `helm lint`.
#[derive(Clone, Debug)]
pub struct LintOptions {
    /// `--namespace` (`default`).
    pub namespace: String,
    /// `-f`, `--set…`.
    pub values: ValueSources,
    /// `--kube-version`.
    pub kube_version: Option<KubeVersion>,
    /// `--skip-schema-validation`.
    pub skip_schema_validation: bool,
    /// Which Helm to follow where 3 and 4 differ (4).
    pub helm: HelmVersion,
}

impl Default for LintOptions {
    fn default() -> Self {
        Self {
            namespace: "default".into(),
            values: ValueSources::default(),
            kube_version: None,
            skip_schema_validation: false,
            helm: HelmVersion::V4,
        }
    }
}

/// What Helm says about a chart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LintReport {
    /// The chart as it was named.
    pub path: String,
    /// Findings, in Helm's order.
    pub messages: Vec<LintMessage>,
    /// Why this is no chart at all; there are no messages then.
    pub error: Option<String>,
}

impl LintReport {
    /// Whether the chart fails; `strict` counts warnings, too.
    #[must_use]
    pub fn failed(&self, strict: bool) -> bool {
        let least = if strict { Severity::Warning } else { Severity::Error };
        self.error.is_some() || self.messages.iter().any(|message| message.severity >= least)
    }

    fn add(&mut self, severity: Severity, path: &str, text: impl Into<String>) {
        self.messages.push(LintMessage { severity, path: path.to_owned(), text: text.into() });
    }

    /// Adds the problem, if there is one; true when there is none.
    fn check(&mut self, severity: Severity, path: &str, outcome: Result<(), String>) -> bool {
        let ok = outcome.is_ok();
        if let Err(text) = outcome {
            self.add(severity, path, text);
        }
        ok
    }
}

impl fmt::Display for LintReport {
    /// What `helm lint` prints for one chart.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "==> Linting {}", self.path)?;
        if let Some(error) = &self.error {
            writeln!(f, "Error {error}")?;
        }
        self.messages.iter().try_for_each(|message| writeln!(f, "{message}"))?;
        writeln!(f)
    }
}

/// Checks a chart folder, given its files as they are (`.helmignore` applies where Helm applies it).
///
/// ```
/// use plate_deploy_helm::lint::{LintOptions, lint};
///
/// let file = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
/// let files = vec![file("Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"), file("values.yaml", "")];
/// let report = lint("charts/web", &files, &LintOptions::default())?;
/// assert_eq!(report.messages[0].to_string(), "[INFO] Chart.yaml: icon is recommended");
/// assert!(!report.failed(false));
/// # Ok::<(), plate_deploy_helm::chart::ValuesError>(())
/// ```
///
/// # Errors
/// User values that cannot be read; everything about the chart itself is in the report.
pub fn lint(path: &str, files: &[(String, Vec<u8>)], options: &LintOptions) -> Result<LintReport, ValuesError> {
    let user = options.values.merge_as(options.helm)?;
    let mut report = LintReport { path: path.to_owned(), ..LintReport::default() };
    let folder = Folder { files };
    if !folder.has("Chart.yaml") {
        report.error = Some(format!(
            "unable to check Chart.yaml file in chart: stat {path}/Chart.yaml: no such file or directory"
        ));
        return Ok(report);
    }
    chartfile::check(&folder, &mut report);
    check_values(&folder, &user, options, &mut report);
    let chart = Chart::from_dir_files(files.to_vec());
    templates::check(&folder, &chart, &user, options, &mut report);
    check_dependencies(&chart, &mut report);
    crds::check(&folder, &chart, &mut report);
    Ok(report)
}

/// A chart's path below its parent, and its files.
pub type NamedChart = (String, Vec<(String, Vec<u8>)>);

/// The charts inside `charts/` that `--with-subcharts` lints as well: path below the chart, and files.
///
/// # Errors
/// An archive that cannot be read.
pub fn subcharts(files: &[(String, Vec<u8>)]) -> Result<Vec<NamedChart>, ChartError> {
    let mut found = Vec::new();
    let mut sorted: Vec<&(String, Vec<u8>)> = files.iter().filter(|(name, _)| name.starts_with("charts/")).collect();
    sorted.sort_by(|(a, _), (b, _)| a.split('/').cmp(b.split('/')));
    for (name, data) in sorted {
        if let Some(folder) = name.strip_suffix("/Chart.yaml") {
            let inside = format!("{folder}/");
            let files =
                files.iter().filter_map(|(name, data)| Some((name.strip_prefix(&inside)?.to_owned(), data.clone())));
            found.push((folder.to_owned(), files.collect()));
        } else if name.ends_with(".tgz") || name.ends_with(".tar.gz") {
            found.push((name.clone(), crate::chart::unpack_files(data)?));
        }
    }
    Ok(found)
}

/// The files of the chart's folder.
struct Folder<'f> {
    files: &'f [(String, Vec<u8>)],
}

impl Folder<'_> {
    fn get(&self, name: &str) -> Option<&[u8]> {
        self.files.iter().find(|(known, _)| known == name).map(|(_, data)| data.as_slice())
    }

    fn has(&self, name: &str) -> bool {
        self.get(name).is_some() || self.has_folder(name)
    }

    fn has_folder(&self, name: &str) -> bool {
        self.files.iter().any(|(known, _)| known.strip_prefix(name).is_some_and(|rest| rest.starts_with('/')))
    }
}

fn check_values(folder: &Folder<'_>, user: &Map, options: &LintOptions, report: &mut LintReport) {
    let Some(bytes) = folder.get("values.yaml") else {
        report.add(Severity::Info, "values.yaml", "file does not exist");
        return;
    };
    let outcome =
        read_values(bytes).map_err(|problem| format!("unable to parse YAML: {problem}")).and_then(
            |values| match folder.get("values.schema.json") {
                Some(schema) if !schema.is_empty() && !options.skip_schema_validation => {
                    check_schema(schema, &values, user, options.helm == HelmVersion::V4)
                }
                _ => Ok(()),
            },
        );
    report.check(Severity::Error, "values.yaml", outcome);
}

fn check_dependencies(chart: &Result<Chart, ChartError>, report: &mut LintReport) {
    let chart = match chart {
        Ok(chart) => chart,
        Err(error) => {
            report.add(Severity::Error, "", format!("unable to load chart\n\t{error}"));
            return;
        }
    };
    let path = report.path.clone();
    let declared = &chart.metadata.dependencies;
    let there = &chart.dependencies;
    let missing = |names: Vec<&str>, what: &str| {
        if names.is_empty() { Ok(()) } else { Err(format!("{what}: {}", names.join(","))) }
    };
    let undeclared = there.iter().map(Chart::name).filter(|name| !declared.iter().any(|d| d.name == *name));
    let outcome = missing(undeclared.collect(), "chart metadata is missing these dependencies");
    report.check(Severity::Error, &path, outcome);
    let absent = chart.missing_dependencies();
    let absent = absent.iter().map(String::as_str).collect();
    report.check(Severity::Warning, &path, missing(absent, "chart directory is missing these dependencies"));
}
