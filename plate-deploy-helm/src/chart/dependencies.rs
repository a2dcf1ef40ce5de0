//! Which subcharts a render has, under which names and with which defaults: conditions, tags, aliases, import-values.

use super::coalesce::{Coalescer, deep_copy_map};
use super::{Chart, ChartError, Dependency, RenderChart};
use crate::sprig::semver::{Constraint, Version};
use crate::value::{Map, Value, print};

impl<'a> RenderChart<'a> {
    /// The whole chart: every subchart under its own name, no imported values.
    fn all_of(chart: &'a Chart) -> Self {
        Self {
            chart,
            metadata: chart.metadata.clone(),
            values: Map::from(&chart.values),
            dependencies: chart.dependencies.iter().map(Self::all_of).collect(),
        }
    }

    /// A clone with values of its own: a plain clone shares the map with the original.
    fn copy(&self) -> Self {
        Self { values: deep_copy_map(&self.values), ..self.clone() }
    }

    /// The chart under its alias, if it has one.
    fn under(mut self, alias: &str) -> Self {
        if !alias.is_empty() {
            alias.clone_into(&mut self.metadata.name);
        }
        self
    }
}

/// Helm's `ProcessDependencies`: what one render sees of a chart, given the user's values.
pub(super) fn process<'a>(
    chart: &'a Chart,
    user: &Map,
    coalescer: &mut Coalescer,
) -> Result<RenderChart<'a>, ChartError> {
    let mut render = RenderChart::all_of(chart);
    enable(&mut render, user, "", coalescer)?;
    import(&mut render, coalescer)?;
    Ok(render)
}

/// Removes disabled subcharts and gives the others their aliases.
fn enable(chart: &mut RenderChart<'_>, values: &Map, path: &str, coalescer: &mut Coalescer) -> Result<(), ChartError> {
    if chart.metadata.dependencies.is_empty() {
        return Ok(());
    }
    let mut existing: Vec<Option<RenderChart<'_>>> =
        std::mem::take(&mut chart.dependencies).into_iter().map(Some).collect();
    let wanted = &mut chart.metadata.dependencies;
    let fits = |found: &RenderChart<'_>, wanted: &Dependency| {
        found.name() == wanted.name && is_compatible(&wanted.version, &found.metadata.version)
    };
    // For each declared dependency, the subchart it asks for.
    let picks: Vec<Option<usize>> = wanted
        .iter()
        .map(|wanted| existing.iter().position(|found| found.as_ref().is_some_and(|found| fits(found, wanted))))
        .collect();
    // Subcharts that nobody declared stay as they are.
    for found in &mut existing {
        if found.as_ref().is_some_and(|found| !wanted.iter().any(|wanted| fits(found, wanted))) {
            chart.dependencies.extend(found.take());
        }
    }
    for (i, wanted) in wanted.iter_mut().enumerate() {
        if let Some(at) = picks.get(i).copied().flatten() {
            let is_last = !picks.iter().skip(i + 1).any(|other| *other == Some(at));
            let found = existing.get_mut(at);
            let found =
                found.and_then(|found| if is_last { found.take() } else { found.as_ref().map(RenderChart::copy) });
            chart.dependencies.extend(found.map(|found| found.under(&wanted.alias)));
        }
        if !wanted.alias.is_empty() {
            wanted.name.clone_from(&wanted.alias);
        }
        wanted.enabled = true;
    }
    let merged = coalescer.coalesce(chart, values)?;
    apply_tags(&mut chart.metadata.dependencies, &merged, &mut coalescer.warnings);
    apply_conditions(&mut chart.metadata.dependencies, &merged, path, &mut coalescer.warnings);
    let declared = &chart.metadata.dependencies;
    let off: Vec<String> = declared.iter().filter(|d| !d.enabled).map(|d| d.name.clone()).collect();
    chart.dependencies.retain(|subchart| !off.iter().any(|name| name == subchart.name()));
    chart.metadata.dependencies.retain(|dependency| !off.contains(&dependency.name));
    for subchart in &mut chart.dependencies {
        let path = format!("{path}{}.", subchart.name());
        enable(subchart, &merged, &path, coalescer)?;
    }
    Ok(())
}

fn is_compatible(constraint: &str, version: &str) -> bool {
    match (Version::parse(version), Constraint::parse(constraint)) {
        (Ok(version), Ok(constraint)) => constraint.check(&version),
        _ => false,
    }
}

fn apply_tags(dependencies: &mut [Dependency], values: &Map, warnings: &mut Vec<String>) {
    let Some(Value::Map(tags)) = values.get("tags") else { return };
    for dependency in dependencies {
        let (mut on, mut off) = (false, false);
        for tag in &dependency.tags {
            match tags.get(tag) {
                Some(Value::Bool(true)) => on = true,
                Some(Value::Bool(false)) => off = true,
                Some(_) => {
                    warnings.push(format!("returned non-bool value: tag {tag} of chart {}", dependency.name));
                }
                None => {}
            }
        }
        dependency.enabled = on || !off;
    }
}

/// The first condition whose path holds a bool decides.
fn apply_conditions(dependencies: &mut [Dependency], values: &Map, path: &str, warnings: &mut Vec<String>) {
    for dependency in dependencies {
        for condition in dependency.condition.trim().split(',').filter(|condition| !condition.is_empty()) {
            match scalar_at(values, &format!("{path}{condition}")) {
                Some(Value::Bool(enabled)) => {
                    dependency.enabled = enabled;
                    break;
                }
                Some(_) => {
                    let name = &dependency.name;
                    warnings.push(format!("returned non-bool value: path {condition} of chart {name}"));
                }
                None => {}
            }
        }
    }
}

/// What stands at a dotted path, when it is no table.
fn scalar_at(values: &Map, path: &str) -> Option<Value> {
    let (tables, key) = path.rsplit_once('.').map_or((None, path), |(tables, key)| (Some(tables), key));
    let table = match tables {
        Some(tables) => table_at(values, tables)?,
        None => values.clone(),
    };
    table.get(key).filter(|value| !matches!(value, Value::Map(_)))
}

/// The table at a dotted path.
fn table_at(values: &Map, path: &str) -> Option<Map> {
    path.split('.').try_fold(values.clone(), |table, key| match table.get(key) {
        Some(Value::Map(inner)) => Some(inner),
        _ => None,
    })
}

/// Helm's `processDependencyImportValues`, innermost charts first.
fn import(chart: &mut RenderChart<'_>, coalescer: &mut Coalescer) -> Result<(), ChartError> {
    for subchart in &mut chart.dependencies {
        import(subchart, coalescer)?;
    }
    if chart.metadata.dependencies.is_empty() {
        return Ok(());
    }
    let merged = coalescer.merge(chart, &Map::new())?;
    let imported = Map::new();
    for dependency in &mut chart.metadata.dependencies {
        let wishes = std::mem::take(&mut dependency.import_values);
        for wish in &wishes {
            let (child, parent) = match wish {
                serde_json::Value::String(name) => (format!("exports.{name}"), ".".to_owned()),
                serde_json::Value::Object(pair) => {
                    let part = |key: &str| print::to_string(&pair.get(key).map(Value::from).unwrap_or_default());
                    (part("child"), part("parent"))
                }
                _ => continue,
            };
            dependency.import_values.push(serde_json::json!({"child": child, "parent": parent}));
            let Some(table) = table_at(&merged, &format!("{}.{child}", dependency.name)) else {
                let name = &dependency.name;
                coalescer.warnings.push(format!("ImportValues missing table {child} from chart {name}"));
                continue;
            };
            // An empty table is imported as a new one.
            let table = if table.is_empty() { Map::new() } else { table };
            // Helm merges tables that are still part of `merged`, so what one import changes shows in the next.
            let source = if parent == "." { table } else { nest(&parent, table) };
            coalescer.tables(&imported, &source, "", true);
        }
    }
    chart.values = deep_copy_map(&merged);
    coalescer.tables(&chart.values, &imported, "", true);
    Ok(())
}

/// A table inside tables for each part of a dotted path.
fn nest(path: &str, table: Map) -> Map {
    path.rsplit('.').fold(table, |inner, key| Map::from_iter([(key, Value::Map(inner))]))
}
