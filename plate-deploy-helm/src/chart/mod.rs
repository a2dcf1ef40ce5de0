//! Charts: what one holds, how it is loaded, and how values, conditions, tags and aliases choose what renders.
//!
//! A [`Chart`] is plain owned data: load it once, share it between threads, render it many times. What one render sees
//! of it (aliased, with disabled dependencies gone and imported values in) is a [`RenderChart`], made anew each time.

mod archive;
mod capabilities;
mod chartfile;
mod coalesce;
mod dependencies;
mod dependency_list;
mod directory;
mod error;
mod ignore;
mod load;
mod lock;
mod metadata;
mod schema;
mod strvals;
mod values;

use std::sync::Arc;

pub use archive::MAX_CHART_BYTES;
pub use capabilities::{Capabilities, KubeVersion};
pub use dependency_list::{DependencyList, DependencyRow};
pub use error::{ChartError, DocumentError, ValuesError};
pub use metadata::{Dependency, Lock, Maintainer, Metadata};
pub use values::{Prepared, ValueRules, ValueSources};

pub(crate) use archive::unpack_files;
pub(crate) use ignore::matches as glob_matches;
pub(crate) use load::split_documents;
pub(crate) use values::{check_schema, read_values};

use crate::value::Map;

/// One file of a chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Path inside the chart, `/`-separated: `templates/deployment.yaml`.
    pub name: String,
    /// The bytes, without a leading UTF-8 byte order mark.
    pub data: Arc<[u8]>,
}

/// A loaded chart with its subcharts, as Helm's `chart.Chart`.
#[derive(Clone, Debug, Default)]
pub struct Chart {
    /// `Chart.yaml` (and `requirements.yaml` of a v1 chart).
    pub metadata: Metadata,
    /// `Chart.lock` or `requirements.lock`.
    pub lock: Option<Lock>,
    /// Everything under `templates/`.
    pub templates: Vec<File>,
    /// `values.yaml`, its documents merged; every number is a float, as Helm has it.
    pub values: serde_json::Map<String, serde_json::Value>,
    /// `values.schema.json`.
    pub schema: Option<Arc<[u8]>>,
    /// All other files: what `.Files` shows, and `crds/`.
    pub files: Vec<File>,
    /// The charts in `charts/`, sorted by the name of their file or folder (Helm's order is random).
    pub dependencies: Vec<Chart>,
}

impl Chart {
    /// `metadata.name`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// The manifests in `crds/`, without those of subcharts.
    pub(crate) fn crd_files(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| {
            let lower = file.name.to_ascii_lowercase();
            file.name.starts_with("crds/") && [".yaml", ".yml", ".json"].iter().any(|ext| lower.ends_with(ext))
        })
    }

    /// The declared dependencies that are not in `charts/`.
    #[must_use]
    pub fn missing_dependencies(&self) -> Vec<String> {
        let there = |name: &str| self.dependencies.iter().any(|chart| chart.name() == name);
        let declared = self.metadata.dependencies.iter();
        declared.filter(|wanted| !there(&wanted.name)).map(|wanted| wanted.name.clone()).collect()
    }
}

/// A chart as one render sees it: under its alias, without disabled dependencies, with imported values.
#[derive(Clone, Debug)]
pub struct RenderChart<'a> {
    /// The loaded chart: its templates, files and schema.
    pub chart: &'a Chart,
    /// The metadata with the alias as `name` and only the enabled dependencies.
    pub metadata: Metadata,
    /// The chart's default values after `import-values`. Shared with nothing: copy before changing.
    pub values: Map,
    /// The enabled subcharts.
    pub dependencies: Vec<RenderChart<'a>>,
}

impl RenderChart<'_> {
    /// The name under which values and templates know the chart (its alias, when it has one).
    #[must_use]
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// Whether it is a library chart: its templates are partials, never output.
    #[must_use]
    pub fn is_library(&self) -> bool {
        self.metadata.chart_type.eq_ignore_ascii_case("library")
    }
}
