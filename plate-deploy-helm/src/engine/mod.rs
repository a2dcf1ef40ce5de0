//! Helm's engine: renders the templates of a chart and its subcharts.
//!
//! All template files are parsed into one set, in Helm's order, then those that are no partials run one after the
//! other. An [`Engine`] keeps parsed texts; share one between renders and threads.

mod cache;
mod chart_object;
mod codecs;
mod data;
mod durations;
mod env;
mod error;
mod files;
mod functions;
mod glob;
mod host;
mod objects;
mod options;
mod signatures;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Instant;

pub use crate::helm_version::HelmVersion;
pub use env::Deterministic;
pub use error::{RenderError, RenderErrorKind};
pub use options::{Lookup, NoLookup, RenderLimits, RenderOptions};

use crate::chart::{Capabilities, RenderChart};
use crate::template::{Exec, Limits, Scope};
use crate::value::{Map, MapKind, Value};

/// Stack for a render.
const STACK: usize = 16 << 20;

/// The release that a render is for: `.Release`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// Revision, from 1.
    pub revision: i64,
    /// Whether it is an upgrade (`.Release.IsUpgrade`), else an install.
    pub is_upgrade: bool,
}

impl Release {
    /// `.Release`. Lint installs nothing and upgrades nothing.
    fn to_map(&self, lint: bool) -> Map {
        [
            ("Name", Value::str(self.name.as_str())),
            ("Namespace", Value::str(self.namespace.as_str())),
            ("Revision", Value::int(self.revision)),
            ("IsUpgrade", Value::Bool(self.is_upgrade)),
            ("IsInstall", Value::Bool(!self.is_upgrade && !lint)),
            ("Service", Value::str("Helm")),
        ]
        .into_iter()
        .collect()
    }
}

/// What to render.
#[derive(Clone, Copy, Debug)]
pub struct RenderInput<'a> {
    /// The chart, its disabled subcharts removed.
    pub chart: &'a RenderChart<'a>,
    /// The chart's computed values: defaults and the user's, merged. Templates may change them.
    pub values: &'a Map,
    /// The release.
    pub release: &'a Release,
    /// The cluster.
    pub capabilities: &'a Capabilities,
    /// Answers `lookup`.
    pub lookup: &'a dyn Lookup,
}

/// What a render made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// Output by template: `chart/templates/x.yaml`, `chart/charts/sub/templates/NOTES.txt`. Partials are not here.
    pub files: BTreeMap<String, String>,
    /// Other files of the charts that templates read, by path from the root chart, sorted.
    pub files_read: Vec<String>,
    /// Values that no template reads, as dotted paths, sorted; only when asked for.
    pub unused_values: Vec<String>,
    /// What `required` and `fail` said in lint mode.
    pub warnings: Vec<String>,
}

/// Renders charts. Keeps parsed templates, by their text.
#[derive(Debug, Default)]
pub struct Engine {
    cache: cache::ParseCache,
}

impl Engine {
    /// Renders a chart.
    ///
    /// # Errors
    /// The first template, in Helm's order, that cannot be parsed or run; or a reached limit.
    pub fn render(&self, input: RenderInput<'_>, options: &RenderOptions) -> Result<Rendered, RenderError> {
        let files_read = files::FilesRead::default();
        let shared = data::Shared {
            release: input.release.to_map(options.lint).into(),
            capabilities: Value::object(objects::CapabilitiesObject::new(input.capabilities, options.helm)),
            helm: options.helm,
            files_read: Rc::clone(&files_read),
        };
        let templates = data::all_templates(input.chart, input.values, &shared);
        let order = data::in_order(&templates);
        let scope = self.parse_all(&order)?;

        let deterministic = options.deterministic.as_ref();
        let env = env::RenderEnv::new(deterministic, options.time_zone.clone(), options.limits.function_bytes);
        let host = host::RenderHost::new(input.lookup, options.lint);
        let mut exec = Exec::new(scope, &host, &env, options.strict, limits(&options.limits));
        if options.unused_values {
            exec.track();
        }
        let mut files = BTreeMap::new();
        // One big stack for the whole render, instead of one whenever a function asks for room.
        stacker::maybe_grow(STACK, STACK, || {
            order.into_iter().filter(|(name, _)| !is_partial(name)).try_for_each(|(name, renderable)| {
                files.insert(name.to_owned(), run(&mut exec, name, renderable)?);
                Ok(())
            })
        })?;
        let unused_values = exec.tracker().map(|tracker| tracker.unread(input.values)).unwrap_or_default();
        drop(exec);
        let files_read = files_read.take().into_iter().collect();
        Ok(Rendered { files, files_read, unused_values, warnings: host.into_warnings() })
    }

    fn parse_all(&self, order: &[(&str, &data::Renderable)]) -> Result<Rc<Scope>, RenderError> {
        let scope = Scope::default();
        for (name, renderable) in order {
            match self.cache.get(&renderable.text) {
                Ok(parsed) => scope.add(&Rc::from(*name), &parsed),
                Err(error) => {
                    let line = renderable.text.split(|byte| *byte == b'\n').nth(error.line.saturating_sub(1));
                    let excerpt = String::from_utf8_lossy(line.unwrap_or_default()).into_owned();
                    return Err(RenderError::parse(name, &error, excerpt));
                }
            }
        }
        Ok(Rc::new(scope))
    }
}

/// Partials are there to be included: what they print themselves is dropped.
fn is_partial(name: &str) -> bool {
    name.rsplit('/').next().unwrap_or_default().starts_with('_')
}

fn run(exec: &mut Exec<'_>, name: &str, renderable: &data::Renderable) -> Result<String, RenderError> {
    let template = Map::with_kind(
        [("Name", name), ("BasePath", &renderable.base_path)].map(|(k, v)| (k.into(), Value::str(v))).into(),
        MapKind::Values,
    );
    renderable.data.insert("Template", template.into());
    let Some(entry) = exec.scope().get(name) else { return Ok(String::new()) };
    let out = exec.render_bytes(&entry, Value::Map(renderable.data.clone()));
    let out = out.map_err(|error| RenderError::exec(name, &error))?;
    let out = host::cut_no_value(&out).unwrap_or(out);
    Ok(String::from_utf8(out).unwrap_or_else(|wrong| String::from_utf8_lossy(wrong.as_bytes()).into_owned()))
}

fn limits(limits: &RenderLimits) -> Limits {
    Limits {
        steps: limits.steps,
        depth: limits.depth,
        output: limits.output_bytes,
        deadline: limits.time.and_then(|time| Instant::now().checked_add(time)),
    }
}
