//! Values that an Application sets and no template reads: most often a misspelt key.

use plate_deploy_helm::chart::Chart;
use plate_deploy_helm::value::{Map, Value};

use super::helm::Values;
use crate::model::FieldPath;
use crate::report::{Diagnostic, Severity};
use crate::yaml;

/// Deepest nesting of charts that is looked at.
const MAX_DEPTH: usize = 8;

/// A warning for each of the `unread` paths that the Application's own values set; the chart's defaults are not its
/// fault. The file and line are told for values files of the Application's own repository.
pub(super) fn warnings(chart: &Chart, unread: &[String], values: &Values<'_>, repository: &str) -> Vec<Diagnostic> {
    let Some(user) = (!unread.is_empty()).then(|| values.sources.merge().ok()).flatten() else { return Vec::new() };
    let mut switches = Vec::new();
    collect_switches(chart, "", 0, &mut switches);
    let is_switch = |path: &str| {
        // Global values may be meant for any subchart.
        let helms_own = ["global", "tags"].contains(&path.split('.').next().unwrap_or_default());
        helms_own || switches.iter().any(|switch| switch == path || is_below(switch, path))
    };
    let set = unread.iter().filter(|path| !is_switch(path) && contains(&user, path));
    set.map(|path| warning(chart, path, values, repository)).collect()
}

/// The values that Helm itself reads: conditions of dependencies, and the tables of those that are switched off.
fn collect_switches(chart: &Chart, prefix: &str, depth: usize, switches: &mut Vec<String>) {
    if depth > MAX_DEPTH {
        return;
    }
    for dependency in &chart.metadata.dependencies {
        let conditions = dependency.condition.split(',').map(str::trim).filter(|condition| !condition.is_empty());
        switches.extend(conditions.map(|condition| format!("{prefix}{condition}")));
        let name = if dependency.alias.is_empty() { &dependency.name } else { &dependency.alias };
        switches.push(format!("{prefix}{name}"));
        if let Some(subchart) = chart.dependencies.iter().find(|chart| chart.name() == dependency.name) {
            collect_switches(subchart, &format!("{prefix}{name}."), depth + 1, switches);
        }
    }
}

/// Whether a dotted path lies below another.
fn is_below(path: &str, parent: &str) -> bool {
    path.strip_prefix(parent).is_some_and(|rest| rest.starts_with('.'))
}

fn warning(chart: &Chart, path: &str, values: &Values<'_>, repository: &str) -> Diagnostic {
    let message = format!("no template of chart {} reads the value {path}", chart.name());
    let diagnostic =
        Diagnostic::new(Severity::Warning, "unused-value", message).remedy("correct the name, or remove it");
    let place = values.files.iter().rev().filter(|(located, _)| located.repository.url == repository).find_map(
        |(located, content)| {
            let field = FieldPath::keys(path.split('.'));
            let parsed = yaml::parse(&String::from_utf8_lossy(content));
            let document = parsed.documents.iter().find(|document| document.mark(&field).is_some())?;
            Some((located.path.clone(), document.key_mark(&field).line))
        },
    );
    match place {
        Some((file, line)) => diagnostic.at(file, Some(line)),
        None => diagnostic,
    }
}

/// Whether a dotted path is set. A dot may also be part of a key.
fn contains(map: &Map, path: &str) -> bool {
    if map.get(path).is_some() {
        return true;
    }
    path.match_indices('.').any(|(at, _)| match (path.get(..at).and_then(|key| map.get(key)), path.get(at + 1..)) {
        (Some(Value::Map(inner)), Some(rest)) => contains(&inner, rest),
        _ => false,
    })
}
