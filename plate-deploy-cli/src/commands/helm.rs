//! `helm template`, `helm lint` and `helm dependency`, with Helm's flags and Helm's output.

mod dependency;

use std::fs;
use std::io::{Read, stdin};
use std::path::{Path, PathBuf};

use plate_deploy_helm::chart::{Chart, KubeVersion, ValueSources};
use plate_deploy_helm::engine::HelmVersion;
use plate_deploy_helm::lint::{LintOptions, LintReport, Severity, lint, subcharts};
use plate_deploy_helm::{TemplateOptions, template};

use super::Outcome;
use crate::args::{Helm, HelmLint, HelmTemplate, HelmValues};
use crate::command_error::CommandError;
use crate::output;

/// Deepest folder that is read.
const MAX_DEPTH: usize = 100;

/// Runs a `helm` verb.
pub(crate) fn run(args: Helm) -> Outcome {
    match args {
        Helm::Template(args) => run_template(args),
        Helm::Lint(args) => run_lint(args),
        Helm::Dependency(args) => dependency::run(args),
    }
}

fn run_template(args: HelmTemplate) -> Outcome {
    let (name, path) = match args.name_and_chart.as_slice() {
        [chart] => ("release-name", chart),
        [name, chart] => (name.as_str(), chart),
        _ => return Err(CommandError::usage("expected [NAME] CHART")),
    };
    let chart = Chart::load_path(Path::new(path)).map_err(CommandError::failed)?;
    let options = TemplateOptions {
        release_name: name.to_owned(),
        namespace: args.namespace,
        values: values(&args.values)?,
        kube_version: args.kube_version,
        api_versions: args.api_versions,
        show_only: args.show_only,
        include_crds: args.include_crds && !args.skip_crds,
        is_upgrade: args.is_upgrade,
        skip_tests: args.skip_tests,
        no_hooks: args.no_hooks,
        skip_schema_validation: args.skip_schema_validation,
        helm: if args.helm_version == 3 { HelmVersion::V3 } else { HelmVersion::V4 },
        ..TemplateOptions::default()
    };
    let rendered = template(&chart, &options).map_err(CommandError::failed)?;
    rendered.warnings.iter().for_each(|warning| output::note(&format!("warning: {warning}")));
    output::data(&rendered.text)?;
    // The process ends here: taking the chart and its output apart piece by piece would only cost time.
    std::mem::forget((chart, rendered));
    Ok(0)
}

fn run_lint(args: HelmLint) -> Outcome {
    let kube_version = args.kube_version.as_deref().map(KubeVersion::parse).transpose();
    let options = LintOptions {
        namespace: args.namespace,
        values: values(&args.values)?,
        kube_version: kube_version.map_err(|e| CommandError::failed(format!("invalid kube version: {e}")))?,
        skip_schema_validation: args.skip_schema_validation,
        ..LintOptions::default()
    };
    let mut reports = Vec::new();
    for path in &args.charts {
        let name = path.display().to_string();
        let files = read_chart(path)?;
        reports.push(lint(&name, &files, &options).map_err(CommandError::failed)?);
        if args.with_subcharts {
            for (inner, files) in subcharts(&files).map_err(CommandError::failed)? {
                reports.push(lint(&format!("{name}/{inner}"), &files, &options).map_err(CommandError::failed)?);
            }
        }
    }
    let failed = reports.iter().filter(|report| report.failed(args.strict)).count();
    let mut text = String::new();
    for report in reports.iter().filter_map(|report| shown(report, args.quiet)) {
        text.push_str(&report.to_string());
    }
    let summary = format!("{} chart(s) linted, {failed} chart(s) failed", reports.len());
    if failed > 0 {
        output::raw(&text)?;
        return Err(CommandError::failed(summary));
    }
    if !args.quiet {
        text.push_str(&format!("{summary}\n"));
    }
    output::raw(&text)?;
    Ok(0)
}

/// The report with what `--quiet` leaves of it; `None` when that is nothing.
fn shown(report: &LintReport, quiet: bool) -> Option<LintReport> {
    let mut report = report.clone();
    if quiet {
        report.messages.retain(|message| message.severity > Severity::Info);
        if report.messages.is_empty() && report.error.is_none() {
            return None;
        }
    }
    Some(report)
}

fn values(args: &HelmValues) -> Result<ValueSources, CommandError> {
    let mut sources = ValueSources {
        set: args.set.clone(),
        set_string: args.set_string.clone(),
        set_json: args.set_json.clone(),
        set_file: args.set_file.clone(),
        set_literal: args.set_literal.clone(),
        ..ValueSources::default()
    };
    for path in &args.values {
        sources.files.push((path.display().to_string(), read(path)?));
    }
    for name in args.set_file.iter().flat_map(|text| set_file_names(text)) {
        sources.set_file_contents.push((name.to_owned(), read(Path::new(name))?));
    }
    Ok(sources)
}

/// The files of `a=path,b=path`.
fn set_file_names(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').filter_map(|part| Some(part.split_once('=')?.1))
}

fn read(path: &Path) -> Result<Vec<u8>, CommandError> {
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        stdin().read_to_end(&mut bytes).map_err(|e| CommandError::failed(format!("standard input: {e}")))?;
        return Ok(bytes);
    }
    fs::read(path).map_err(|e| CommandError::failed(format!("{}: {e}", path.display())))
}

/// All files of a chart folder, as they are.
fn read_chart(path: &Path) -> Result<Vec<(String, Vec<u8>)>, CommandError> {
    let mut files = Vec::new();
    let mut folders: Vec<(PathBuf, String, usize)> = vec![(path.to_owned(), String::new(), 0)];
    while let Some((folder, prefix, depth)) = folders.pop() {
        // A chart that is not there is the linter's own finding.
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                if depth < MAX_DEPTH {
                    folders.push((entry.path(), format!("{name}/"), depth + 1));
                }
            } else {
                files.push((name, read(&entry.path())?));
            }
        }
    }
    files.sort();
    Ok(files)
}
