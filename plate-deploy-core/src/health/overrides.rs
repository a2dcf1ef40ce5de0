//! Users' own health checks, as Argo CD's `argocd-cm` holds them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Checked, HealthError, lua};
use crate::model::Manifest;
use crate::model::glob::glob_match;

const SPLIT_PREFIX: &str = "resource.customizations.health.";
const OPEN_LIBS_PREFIX: &str = "resource.customizations.useOpenLibs.";
const WHOLE: &str = "resource.customizations";

/// One Lua check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HealthOverride {
    /// The script: reads the global `obj`, returns a table with `status` and `message`, or nil for "ask the built-in
    /// check".
    pub script: String,
    /// Whether the script may use Lua's `string` and `math` libraries besides `table` and the safe part of `os`.
    pub use_open_libs: bool,
}

/// Lua checks by `<group>/<kind>` (`Kind` alone for the core group); keys may be globs (`*.example.io/*`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HealthOverrides {
    checks: BTreeMap<String, HealthOverride>,
    now: Option<i64>,
}

/// Why `argocd-cm` could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OverrideError {
    /// A key that names no group and kind.
    #[error("argocd-cm: key {0:?}: expected <group>_<kind> or <kind> at its end")]
    Key(String),
    /// The old all-in-one key is no YAML map.
    #[error("argocd-cm: key \"resource.customizations\": {0}")]
    Customizations(String),
}

impl HealthOverrides {
    /// No checks but the shipped ones.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a check for `<group>/<kind>` (or `<kind>`); an empty script is none.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, check: HealthOverride) -> Self {
        if !check.script.is_empty() {
            self.checks.insert(key.into(), check);
        }
        self
    }

    /// The time the scripts' `os.time()` and `os.date()` tell, in seconds since 1970; without it they are
    /// errors.
    #[must_use]
    pub fn at(mut self, now: i64) -> Self {
        self.now = Some(now);
        self
    }

    /// Reads the `data` of Argo CD's ConfigMap `argocd-cm`: `resource.customizations.health.<group>_<kind>`, with
    /// `resource.customizations.useOpenLibs.<group>_<kind>`, and the older `resource.customizations`.
    ///
    /// # Errors
    /// [`OverrideError`] for a key without a kind and for YAML that is no map.
    pub fn from_config_map(data: &BTreeMap<String, String>) -> Result<Self, OverrideError> {
        let mut overrides = Self::default();
        if let Some(text) = data.get(WHOLE) {
            overrides.read_whole(text)?;
        }
        for (key, value) in data {
            if let Some(suffix) = key.strip_prefix(SPLIT_PREFIX) {
                overrides.entry(group_kind(key, suffix)?).script.clone_from(value);
            } else if let Some(suffix) = key.strip_prefix(OPEN_LIBS_PREFIX) {
                overrides.entry(group_kind(key, suffix)?).use_open_libs = value.trim() == "true";
            }
        }
        overrides.checks.retain(|_, check| !check.script.is_empty());
        Ok(overrides)
    }

    /// Whether a user's check is responsible for the object.
    pub(super) fn covers(&self, object: &Manifest) -> bool {
        self.find(object).is_some()
    }

    /// Runs the responsible check; `None` without one, and when it returned nil.
    pub(super) fn check(&self, object: &Manifest) -> Result<Option<Checked>, HealthError> {
        match self.find(object) {
            Some((key, check)) => lua::run(key, check, object, self.now),
            None => Ok(None),
        }
    }

    /// The exact key, else the first matching glob. (Argo CD picks any one of several matching globs.)
    fn find(&self, object: &Manifest) -> Option<(&str, &HealthOverride)> {
        if self.checks.is_empty() {
            return None;
        }
        let wanted = object.gvk().group_kind().to_string();
        let exact = self.checks.get_key_value(&wanted);
        let found = exact.or_else(|| self.checks.iter().find(|(pattern, _)| glob_match(pattern, &wanted, &[])));
        found.map(|(key, check)| (key.as_str(), check))
    }

    fn entry(&mut self, key: String) -> &mut HealthOverride {
        self.checks.entry(key).or_default()
    }

    fn read_whole(&mut self, text: &str) -> Result<(), OverrideError> {
        let all: BTreeMap<String, Value> =
            serde_saphyr::from_str(text).map_err(|e| OverrideError::Customizations(e.to_string()))?;
        for (key, value) in all {
            let check = self.entry(key);
            check.script = value.get("health.lua").and_then(Value::as_str).unwrap_or_default().into();
            check.use_open_libs = value.get("health.lua.useOpenLibs") == Some(&Value::Bool(true));
        }
        Ok(())
    }
}

/// `<group>_<kind>` as `<group>/<kind>`.
fn group_kind(key: &str, suffix: &str) -> Result<String, OverrideError> {
    match suffix.split('_').collect::<Vec<_>>().as_slice() {
        [kind] if !kind.is_empty() => Ok((*kind).to_owned()),
        [group, kind] => Ok(format!("{group}/{kind}")),
        _ => Err(OverrideError::Key(key.into())),
    }
}
