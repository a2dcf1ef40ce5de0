//! Values that an Application sets and no template reads: most often a misspelt key.

use plate_deploy_helm::chart::Chart;
use plate_deploy_helm::value::{Map, Value};

use super::helm::Values;
use crate::model::FieldPath;
use crate::report::{Diagnostic, Severity};
use crate::yaml;

/// A warning for each of the `unread` paths that the Application's own values set; the chart's defaults are not its
/// fault. The file and line are told for values files of the Application's own repository.
pub(super) fn warnings(chart: &Chart, unread: &[String], values: &Values<'_>, repository: &str) -> Vec<Diagnostic> {
    // Global values may be meant for any subchart.
    let own = |path: &&String| path.as_str() != "global" && !path.starts_with("global.");
    let Some(user) = (!unread.is_empty()).then(|| values.sources.merge().ok()).flatten() else { return Vec::new() };
    let set = unread.iter().filter(own).filter(|path| contains(&user, path));
    set.map(|path| warning(chart, path, values, repository)).collect()
}

fn warning(chart: &Chart, path: &str, values: &Values<'_>, repository: &str) -> Diagnostic {
    let message = format!("no template of chart {} reads the value {path}", chart.name());
    let diagnostic = Diagnostic::new(Severity::Warning, "unused-value", message)
        .remedy("correct the name, or remove it");
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
