//! What a render is told besides chart and values.

use std::fmt;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::env::Deterministic;
use crate::helm_version::HelmVersion;

/// How to render.
#[derive(Clone, Debug)]
pub struct RenderOptions {
    /// Which Helm to follow.
    pub helm: HelmVersion,
    /// Fail on a missing map key (`helm template --strict` of the library; off).
    pub strict: bool,
    /// Lint mode: `fail` and `required` warn instead (off).
    pub lint: bool,
    /// Fixes time and randomness (off).
    pub deterministic: Option<Deterministic>,
    /// The time zone of `now` and of dates without one (UTC).
    pub time_zone: TimeZone,
    /// Also find values that no template reads (off; costs time).
    pub unused_values: bool,
    /// What the render may use up.
    pub limits: RenderLimits,
}

impl Default for RenderOptions {
    fn default() -> Self {
        Self {
            helm: HelmVersion::V4,
            strict: false,
            lint: false,
            deterministic: None,
            time_zone: TimeZone::UTC,
            unused_values: false,
            limits: RenderLimits::default(),
        }
    }
}

/// What a render may use up. Charts stay far below the defaults; they are there for hostile ones.
#[derive(Clone, Debug)]
pub struct RenderLimits {
    /// Template nodes run (1 000 000 000).
    pub steps: u64,
    /// Templates inside one another, by `template`, `include` and `tpl` together (10 000).
    pub depth: usize,
    /// Bytes of one file's output, and of all `include` and `tpl` results (1 GiB).
    pub output_bytes: usize,
    /// Bytes that functions may make (4 GiB).
    pub function_bytes: u64,
    /// Time (none).
    pub time: Option<Duration>,
}

impl Default for RenderLimits {
    fn default() -> Self {
        Self { steps: 1_000_000_000, depth: 10_000, output_bytes: 1 << 30, function_bytes: 1 << 32, time: None }
    }
}

/// Answers `lookup`.
pub trait Lookup: fmt::Debug {
    /// The object, or with an empty `name` the list of that kind (`{"items": […]}`), in `namespace` or, when that is
    /// empty, in all. `None` when there is none: the template then sees an empty map, as with `helm template`.
    ///
    /// # Errors
    /// The text for `error calling lookup: …`.
    fn lookup(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Option<serde_json::Value>, String>;
}

/// Finds nothing, as `helm template` does without a cluster.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLookup;

impl Lookup for NoLookup {
    fn lookup(&self, _: &str, _: &str, _: &str, _: &str) -> Result<Option<serde_json::Value>, String> {
        Ok(None)
    }
}
