//! Helm charts.

use serde_json::Value;

use super::{RenderError, Source};

impl Source<'_> {
    /// The chart's objects.
    pub(super) fn helm(&mut self) -> Result<Vec<Value>, RenderError> {
        Err(RenderError::Unsupported("charts, for the moment".into()))
    }
}
