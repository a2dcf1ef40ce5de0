//! Rules about `crds/`.

use super::documents::documents;
use super::{Folder, LintReport, Severity};
use crate::chart::{Chart, ChartError, File};

const FOLDER: &str = "crds/";

pub(super) fn check(folder: &Folder<'_>, chart: &Result<Chart, ChartError>, report: &mut LintReport) {
    if folder.get("crds").is_some() {
        report.add(Severity::Error, FOLDER, "not a directory");
        return;
    }
    if !folder.has_folder("crds") {
        return;
    }
    match chart {
        Ok(chart) => {
            check_chart(chart, report);
        }
        Err(error) => report.add(Severity::Error, FOLDER, error.to_string()),
    }
}

/// False when a file is no YAML: Helm then stops.
fn check_chart(chart: &Chart, report: &mut LintReport) -> bool {
    chart.crd_files().all(|file| check_file(file, report))
        && chart.dependencies.iter().all(|subchart| check_chart(subchart, report))
}

fn check_file(file: &File, report: &mut LintReport) -> bool {
    for document in documents(&String::from_utf8_lossy(&file.data)) {
        match document {
            Ok(None) => {}
            Ok(Some(head)) => {
                if !head.api_version.starts_with("apiextensions.k8s.io") {
                    report.add(Severity::Error, &file.name, "apiVersion is not in 'apiextensions.k8s.io'");
                }
                if head.kind != "CustomResourceDefinition" {
                    report.add(Severity::Error, &file.name, "object kind is not 'CustomResourceDefinition'");
                }
            }
            Err(problem) => {
                report.add(Severity::Error, &file.name, format!("unable to parse YAML: {problem}"));
                return false;
            }
        }
    }
    true
}
