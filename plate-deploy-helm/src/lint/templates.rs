//! Rules about templates and what they render.

use super::documents::documents;
use super::names::object_name_problem;
use super::{Folder, LintOptions, LintReport, Severity, deprecations};
use crate::chart::{Capabilities, Chart, ChartError, ValueRules};
use crate::engine::{Engine, HelmVersion, NoLookup, Release, RenderInput, RenderOptions, Rendered};
use crate::value::quote::quote;
use crate::value::yaml::Head;
use crate::value::{Map, Value, yaml};

const FOLDER: &str = "templates/";

pub(super) fn check(
    folder: &Folder<'_>,
    chart: &Result<Chart, ChartError>,
    user: &Map,
    options: &LintOptions,
    report: &mut LintReport,
) {
    if folder.get("templates").is_some() {
        report.add(Severity::Error, FOLDER, "not a directory");
        return;
    }
    if !folder.has_folder("templates") {
        report.add(Severity::Warning, FOLDER, "directory does not exist");
        return;
    }
    let chart = match chart {
        Ok(chart) => chart,
        Err(error) => {
            report.add(Severity::Error, FOLDER, error.to_string());
            return;
        }
    };
    let Some((root, rendered)) = render(chart, user, options, report) else { return };
    let kube = options.kube_version.clone().unwrap_or_default();
    let number = |text: &str| text.parse().unwrap_or_default();
    let kube = (number(&kube.major), number(&kube.minor));
    for file in &chart.templates {
        let extension = file.name.rsplit('/').next().and_then(|base| base.rfind('.').map(|dot| &base[dot..]));
        let extension = extension.unwrap_or_default();
        if !matches!(extension, ".yaml" | ".yml" | ".tpl" | ".txt") {
            let text =
                format!("file extension '{extension}' not valid. Valid extensions are .yaml, .yml, .tpl, or .txt");
            report.add(Severity::Error, &file.name, text);
        }
        if !matches!(extension.to_lowercase().as_str(), ".yaml" | ".yml") {
            continue;
        }
        let Some(content) = rendered.files.get(&format!("{root}/{}", file.name)) else { continue };
        if !content.trim().is_empty() && !check_content(&file.name, content, kube, report) {
            return;
        }
    }
}

/// Renders with lint's release. `None` when it fails; Helm is silent about values that clash with subcharts.
fn render(chart: &Chart, user: &Map, options: &LintOptions, report: &mut LintReport) -> Option<(String, Rendered)> {
    let rules =
        ValueRules { clean_nulls: options.helm == HelmVersion::V4, check_schema: !options.skip_schema_validation };
    let prepared = match chart.prepare(user, rules) {
        Ok(prepared) => prepared,
        Err(error @ ChartError::Schema(_)) => {
            report.add(Severity::Error, FOLDER, error.to_string());
            return None;
        }
        Err(_) => return None,
    };
    let mut capabilities = Capabilities::default();
    if let Some(version) = &options.kube_version {
        let version = version.clone();
        capabilities.kube_version = if options.helm == HelmVersion::V3 { version.without_vendor() } else { version };
    }
    let release =
        Release { name: "test-release".into(), namespace: options.namespace.clone(), revision: 0, is_upgrade: false };
    let input = RenderInput {
        chart: &prepared.chart,
        values: &prepared.values,
        release: &release,
        capabilities: &capabilities,
        lookup: &NoLookup,
    };
    let render_options = RenderOptions { helm: options.helm, lint: true, ..RenderOptions::default() };
    match Engine::default().render(input, &render_options) {
        Ok(rendered) => Some((prepared.chart.name().to_owned(), rendered)),
        Err(error) => {
            report.add(Severity::Error, FOLDER, error.to_string());
            None
        }
    }
}

/// False when the file is no YAML: Helm then stops.
fn check_content(name: &str, content: &str, kube: (u32, u32), report: &mut LintReport) -> bool {
    let first = content.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if first.starts_with([' ', '\t']) {
        let line = quote(first.as_bytes());
        let text = format!("document starts with an illegal indent: {line}, which may cause parsing problems");
        report.add(Severity::Warning, name, text);
    }
    for document in documents(content) {
        let head = match document {
            Ok(Some(head)) => head,
            Ok(None) => continue,
            Err(problem) => {
                report.add(Severity::Error, name, format!("unable to parse YAML: {problem}"));
                return false;
            }
        };
        if let Some(problem) = object_name_problem(&head.kind, &head.name) {
            report.add(Severity::Warning, name, problem);
        }
        if let Some(warning) = deprecations::warning(&head.api_version, &head.kind, kube.0, kube.1) {
            report.add(Severity::Warning, name, warning);
        }
        report.check(Severity::Error, name, has_selector(&head, content));
        if head.kind == "List" {
            report.check(Severity::Error, name, list_annotations(content));
        }
    }
    true
}

fn has_selector(head: &Head, content: &str) -> Result<(), String> {
    let needs = matches!(head.kind.as_str(), "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet");
    if !needs || content.contains("matchLabels") || content.contains("matchExpressions") {
        return Ok(());
    }
    let name = quote(head.name.as_bytes());
    Err(format!("a {} must contain matchLabels or matchExpressions, and {name} does not", head.kind))
}

fn list_annotations(content: &str) -> Result<(), String> {
    let list = yaml::parse(content.as_bytes())
        .map_err(|error| format!("unable to parse YAML: error converting YAML to JSON: {error}"))?;
    let at = |value: &Value, key: &str| value.as_map().and_then(|map| map.get(key)).unwrap_or_default();
    let items = at(&list, "items");
    let ignored = items.as_list().is_some_and(|items| {
        items.items().iter().any(|item| {
            let annotations = at(&at(item, "metadata"), "annotations");
            annotations.as_map().is_some_and(|map| map.contains_key("helm.sh/resource-policy"))
        })
    });
    if ignored {
        return Err("annotation 'helm.sh/resource-policy' within List objects are ignored".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::lint::{LintOptions, Severity, lint};

    #[test]
    fn lint_neither_installs_nor_upgrades() {
        let file = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
        let template =
            "{{ if or .Release.IsInstall .Release.IsUpgrade }}{{ .Values.a.b.c }}{{ end }}a: {{ .Release.Revision }}\n";
        let files =
            [file("Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"), file("templates/a.yaml", template)];
        let report = lint("web", &files, &LintOptions::default()).unwrap();
        let errors: Vec<_> = report.messages.iter().filter(|message| message.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
}
