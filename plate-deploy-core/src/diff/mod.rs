//! Whether a live object is what Git wants, as Argo CD decides it.
//!
//! A [`Differ`] holds the settings of one Application. [`Differ::diff`] compares on this side: the wanted object is
//! merged over the live one with what was applied last (three ways; two ways without `last-applied-configuration`),
//! built-in kinds by strategic merge and with Kubernetes' defaults, custom kinds by JSON merge. [`Differ::plan`] also
//! knows the server-side diff: it hands out the object to send for a dry run and judges the answer.
//!
//! ```
//! use plate_deploy_core::diff::{DiffOptions, Differ};
//! use plate_deploy_core::model::Manifest;
//!
//! let wanted = Manifest::new(serde_json::json!({"apiVersion": "v1", "kind": "Service",
//!     "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}))?;
//! let live = Manifest::new(serde_json::json!({"apiVersion": "v1", "kind": "Service",
//!     "metadata": {"name": "web", "namespace": "shop"},
//!     "spec": {"clusterIP": "10.0.0.7", "type": "ClusterIP", "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}]}}))?;
//! let differ = Differ::new(DiffOptions::argo_defaults())?;
//! assert!(!differ.diff(Some(&wanted), Some(&live))?.modified);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod builtin;
mod compare_options;
mod endpoints;
mod error;
mod fingerprint;
mod ignore;
mod jq;
mod json;
mod json_merge;
mod known_types;
mod legacy;
mod managed_fields;
mod normalize;
mod options;
mod overrides;
mod pointer;
mod respect;
mod secret;
mod server_side;
mod three_way;

use serde_json::Value;

use crate::model::{Manifest, annotations};
use normalize::Normalizer;

pub use compare_options::{CompareOptions, has_option};
pub use error::DiffError;
pub use fingerprint::{SecretFingerprints, SecretKey};
pub use options::{DiffOptions, ServerSide};
pub use overrides::{KnownTypeField, ResourceOverride, overrides_from_config_map};
pub use secret::hide_secret;
pub use server_side::DryRun;

/// How a live object compares with the wanted one.
///
/// The values may hold secrets: print [`DiffResult::shown`], never these fields.
#[derive(Clone, PartialEq)]
pub struct DiffResult {
    /// Whether they differ (OutOfSync).
    pub modified: bool,
    /// The live object, normalized; `None` when it is missing.
    pub normalized_live: Option<Value>,
    /// What the live object would become; `None` when it is to be pruned.
    pub predicted_live: Option<Value>,
    /// Rules of `ignoreDifferences` that could not be applied, for people.
    pub warnings: Vec<String>,
}

impl DiffResult {
    /// Both sides with the values of a Secret masked, as Argo CD shows them; equal values get equal masks.
    ///
    /// # Errors
    /// A Secret whose `data` is no map cannot be masked.
    pub fn shown(&self) -> Result<(Option<Value>, Option<Value>), DiffError> {
        let side = |value: &Option<Value>| value.clone().and_then(|v| Manifest::new(v).ok());
        let (predicted, live) =
            hide_secret(side(&self.predicted_live).as_ref(), side(&self.normalized_live).as_ref(), &[])?;
        Ok((live.map(Manifest::into_value), predicted.map(Manifest::into_value)))
    }
}

impl std::fmt::Debug for DiffResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DiffResult")
            .field("modified", &self.modified)
            .field("live", &self.normalized_live.is_some())
            .field("predicted", &self.predicted_live.is_some())
            .field("warnings", &self.warnings)
            .finish()
    }
}

/// What it takes to compare two objects.
#[derive(Debug)]
pub enum DiffPlan {
    /// Nothing more: here is the answer.
    Done(DiffResult),
    /// A server-side dry run.
    DryRun(Box<DryRun>),
}

/// Compares objects under one Application's settings.
#[derive(Clone, Debug)]
pub struct Differ {
    options: DiffOptions,
}

impl Differ {
    /// Checks the settings.
    ///
    /// # Errors
    /// A jq expression that does not parse or that uses what could run for ever: as in Argo CD it fails the whole
    /// comparison.
    pub fn new(options: DiffOptions) -> Result<Self, DiffError> {
        let own = options.ignore.iter().flat_map(|ignore| &ignore.jq_path_expressions);
        let system = options.overrides.values().flat_map(|rule| &rule.jq_path_expressions);
        own.chain(system).try_for_each(|expression| jq::check(expression))?;
        Ok(Self { options })
    }

    /// The settings.
    #[must_use]
    pub fn options(&self) -> &DiffOptions {
        &self.options
    }

    /// Compares on this side, whatever the settings say about server-side diffs. `config` is the wanted object, `None`
    /// when it left Git; `live` is `None` when it is missing.
    ///
    /// # Errors
    /// Both `None`, or lists of a built-in kind that cannot be merged.
    pub fn diff(&self, config: Option<&Manifest>, live: Option<&Manifest>) -> Result<DiffResult, DiffError> {
        let normalizer = Normalizer::new(&self.options, config);
        let (config, live) = self.prepare(config, live)?;
        let (config, live) = (config.map(|c| normalizer.full(c)), live.map(|l| normalizer.full(l)));
        self.compare(config, live, &normalizer)
    }

    /// Compares as the settings say: a server-side diff needs the answer to a dry run, which the caller sends.
    ///
    /// Server-side diffs are chosen by [`DiffOptions::server_side`] or, where
    /// [`ServerSide::Available`], by the object's own sync option `ServerSideApply=true`.
    ///
    /// # Errors
    /// As [`Differ::diff`].
    pub fn plan(&self, config: Option<&Manifest>, live: Option<&Manifest>) -> Result<DiffPlan, DiffError> {
        let wanted_by_object = config.is_some_and(|c| has_option(c, annotations::SYNC_OPTIONS, "ServerSideApply=true"));
        let server_side = match self.options.server_side {
            ServerSide::Never => false,
            ServerSide::Available => wanted_by_object,
            ServerSide::Always => true,
        };
        if !server_side {
            return self.diff(config, live).map(DiffPlan::Done);
        }
        let normalizer = Normalizer::new(&self.options, config);
        let (config, live) = self.prepare(config, live)?;
        let (config, live) = (config.map(|c| normalizer.kind_only(c)), live.map(|l| normalizer.kind_only(l)));
        match (config, live) {
            (Some(config), Some(live)) => {
                let dry_run = DryRun::new(config, live, self.options.clone(), normalizer)?;
                Ok(DiffPlan::DryRun(Box::new(dry_run)))
            }
            (config, live) => created_or_deleted(config, live, &normalizer).map(DiffPlan::Done),
        }
    }

    /// The wanted object with the live values of everything that is ignored: what a sync with
    /// `RespectIgnoreDifferences=true` applies. Without a live object it is the wanted one.
    ///
    /// # Errors
    /// As [`Differ::diff`].
    pub fn respecting_ignored(&self, config: &Manifest, live: Option<&Manifest>) -> Result<Manifest, DiffError> {
        let Some(live) = live else { return Ok(config.clone()) };
        let normalizer = Normalizer::new(&self.options, Some(config));
        let (Some(bare_config), Some(bare_live)) = self.prepare(Some(config), Some(live))? else {
            return Ok(config.clone());
        };
        let (bare_config, bare_live) = (normalizer.rules_only(bare_config), normalizer.rules_only(bare_live));
        let merge_error = |reason: String| DiffError::Merge { object: config.key(), reason };
        let applied = respect::respect(config.value(), live.value(), &bare_config, &bare_live).map_err(merge_error)?;
        Manifest::new(applied).map_err(|e| merge_error(e.to_string()))
    }

    /// What has to happen before any normalization: marks of tracking, fields of trusted managers.
    fn prepare(
        &self,
        config: Option<&Manifest>,
        live: Option<&Manifest>,
    ) -> Result<(Option<Value>, Option<Value>), DiffError> {
        for object in [config, live].into_iter().flatten() {
            if json::is_too_deep(object.value()) {
                return Err(DiffError::TooDeep(object.key()));
            }
        }
        let (Some(config), Some(live)) = (config, live) else {
            return Ok((config.map(|c| c.value().clone()), live.map(|l| l.value().clone())));
        };
        let mut live = live.clone();
        // As in Argo CD: metadata that cannot be read stays as it is, the difference then shows.
        let _ = self.options.tracker.normalize(config, &mut live);
        let managers = overrides::trusted_managers(&self.options, config);
        let (config, live) = managed_fields::normalize(config.value(), live.value(), &managers);
        Ok((Some(config), Some(live)))
    }

    fn compare(
        &self,
        config: Option<Value>,
        live: Option<Value>,
        normalizer: &Normalizer<'_>,
    ) -> Result<DiffResult, DiffError> {
        let (Some(config), Some(live)) = (&config, &live) else {
            return created_or_deleted(config, live, normalizer);
        };
        let original = three_way::last_applied(live).map(|original| normalizer.unread(original));
        let merged = original
            .and_then(|original| three_way::diff(&original, config, live).ok())
            .map_or_else(|| three_way::diff(config, config, live), Ok);
        let (live, predicted) = merged.map_err(|reason| DiffError::Merge { object: key_of(config), reason })?;
        Ok(result(live, predicted, normalizer))
    }
}

fn key_of(object: &Value) -> crate::model::ResourceKey {
    Manifest::new(object.clone()).map(|m| m.key()).unwrap_or_default()
}

fn result(live: Value, predicted: Value, normalizer: &Normalizer<'_>) -> DiffResult {
    let modified = live != predicted;
    let warnings = normalizer.take_warnings();
    DiffResult { modified, normalized_live: Some(live), predicted_live: Some(predicted), warnings }
}

/// A missing object differs, one that is to be pruned does not.
fn created_or_deleted(
    config: Option<Value>,
    live: Option<Value>,
    normalizer: &Normalizer<'_>,
) -> Result<DiffResult, DiffError> {
    if config.is_none() && live.is_none() {
        return Err(DiffError::Nothing);
    }
    let warnings = normalizer.take_warnings();
    Ok(DiffResult { modified: live.is_none(), normalized_live: live, predicted_live: config, warnings })
}

#[cfg(test)]
mod tests;
