//! What templates see as `.`: one map per chart, sharing release, capabilities and values.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::chart_object::ChartObject;
use super::files::{Files, FilesRead};
use crate::chart::RenderChart;
use crate::helm_version::HelmVersion;
use crate::value::{Map, MapKind, Value};

/// A template file with the data of its chart.
pub(super) struct Renderable {
    pub(super) text: Arc<[u8]>,
    pub(super) data: Map,
    pub(super) base_path: String,
}

/// The parts that all charts share.
pub(super) struct Shared {
    pub(super) release: Value,
    pub(super) capabilities: Value,
    pub(super) helm: HelmVersion,
    pub(super) files_read: FilesRead,
}

/// All templates of a chart and its subcharts by path. Of two with the same path the later one counts.
pub(super) fn all_templates(chart: &RenderChart<'_>, values: &Map, shared: &Shared) -> BTreeMap<String, Renderable> {
    let mut templates = BTreeMap::new();
    collect(chart, values.alias_as(MapKind::Values), chart.name(), true, shared, &mut templates);
    templates
}

fn collect(
    chart: &RenderChart<'_>,
    values: Map,
    path: &str,
    is_root: bool,
    shared: &Shared,
    templates: &mut BTreeMap<String, Renderable>,
) -> Map {
    let subcharts = Map::new();
    let files = Files::new(&chart.chart.files, Rc::from(path), Rc::clone(&shared.files_read));
    let described = match shared.helm {
        HelmVersion::V4 => Value::Map(chart.metadata.to_map(is_root)),
        HelmVersion::V3 => Value::object(ChartObject::new(&chart.metadata, is_root)),
    };
    let data: Map = [
        ("Chart", described),
        ("Files", Value::object(files)),
        ("Release", shared.release.clone()),
        ("Capabilities", shared.capabilities.clone()),
        ("Values", Value::Map(values.clone())),
        ("Subcharts", Value::Map(subcharts.clone())),
    ]
    .into_iter()
    .collect();
    for child in &chart.dependencies {
        let scoped = match values.get(child.name()) {
            Some(Value::Map(table)) => table.alias_as(MapKind::Values),
            _ => Map::with_kind(BTreeMap::new(), MapKind::Values),
        };
        let path = format!("{path}/charts/{}", child.name());
        subcharts.insert(child.name(), Value::Map(collect(child, scoped, &path, false, shared, templates)));
    }
    for file in &chart.chart.templates {
        let base = file.name.rsplit('/').next().unwrap_or_default();
        if chart.is_library() && !base.starts_with('_') {
            continue;
        }
        let renderable = Renderable {
            text: Arc::clone(&file.data),
            data: data.alias_as(MapKind::Values),
            base_path: format!("{path}/templates"),
        };
        templates.insert(format!("{path}/{}", file.name), renderable);
    }
    data
}

/// Helm's order of parsing and running: deepest path first, then reverse alphabetical.
pub(super) fn in_order(templates: &BTreeMap<String, Renderable>) -> Vec<(&str, &Renderable)> {
    let mut order: Vec<(&str, &Renderable)> =
        templates.iter().map(|(name, renderable)| (name.as_str(), renderable)).collect();
    let depth = |name: &str| name.bytes().filter(|byte| *byte == b'/').count();
    order.sort_by(|(a, _), (b, _)| depth(b).cmp(&depth(a)).then_with(|| b.cmp(a)));
    order
}
