//! Argo CD's own settings (`argocd-cm`, `argocd-cmd-params-cm`), as far as they decide about syncs.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::filter::{FilteredResource, ResourceFilter};
use crate::cluster::{ClusterError, ClusterReader, ObjectRef};
use crate::diff::{DiffError, DiffOptions, ServerSide, overrides_from_config_map};
use crate::files::RepoFiles;
use crate::health::{HealthOverrides, OverrideError};
use crate::model::annotations::INSTANCE_LABEL;
use crate::model::{GroupVersionKind, Manifest};
use crate::tracking::{Tracker, TrackingMethod};
use crate::yaml;

/// Argo CD's main ConfigMap.
const CONFIG_MAP: &str = "argocd-cm";
/// Argo CD's ConfigMap of command line parameters.
const PARAMETERS: &str = "argocd-cmd-params-cm";

/// What an Argo CD installation is configured to do. The default is Argo CD's.
#[derive(Clone, Debug)]
pub struct ArgoSettings {
    /// `application.resourceTrackingMethod`, `application.instanceLabelKey`, `installationID`.
    pub tracker: Tracker,
    /// `resource.customizations.health.*`.
    pub health: HealthOverrides,
    /// `resource.customizations.ignoreDifferences.*`, `….knownTypeFields.*`, `resource.compareoptions`, and
    /// `controller.diff.server.side`.
    pub diff: DiffOptions,
    /// `resource.exclusions`, `resource.inclusions`.
    pub filter: ResourceFilter,
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A health check.
    #[error(transparent)]
    Health(#[from] OverrideError),
    /// A comparison rule.
    #[error(transparent)]
    Diff(#[from] DiffError),
    /// Something else.
    #[error("argocd-cm: key {key:?}: {reason}")]
    Key {
        /// The key.
        key: &'static str,
        /// What is wrong.
        reason: String,
    },
}

impl Default for ArgoSettings {
    /// Objects are tracked by annotation, `/status` is ignored, `ServerSideApply=true` compares by dry run.
    fn default() -> Self {
        let diff = DiffOptions { server_side: ServerSide::Available, ..DiffOptions::argo_defaults() };
        Self {
            tracker: Tracker::default(),
            health: HealthOverrides::default(),
            diff,
            filter: ResourceFilter::default(),
        }
    }
}

impl ArgoSettings {
    /// Reads the `data` of `argocd-cm` and of `argocd-cmd-params-cm`. Keys that are about something else (users, links,
    /// `resource.customizations.actions.*`, `ignoreResourceUpdates`, which only saves Argo CD work) mean nothing here.
    ///
    /// # Errors
    /// [`SettingsError`] for a value that Argo CD would not accept either; names the key.
    pub fn from_config_maps(
        data: &BTreeMap<String, String>,
        parameters: &BTreeMap<String, String>,
    ) -> Result<Self, SettingsError> {
        let text = |key: &str| data.get(key).map(String::as_str).unwrap_or_default();
        let tracker = Tracker {
            method: match text("application.resourceTrackingMethod") {
                "" => TrackingMethod::default(),
                name => TrackingMethod::parse(name),
            },
            label_key: match text("application.instanceLabelKey") {
                "" => INSTANCE_LABEL.into(),
                key => key.into(),
            },
            installation_id: text("installationID").into(),
        };
        let compare: Value = yaml_of("resource.compareoptions", text("resource.compareoptions"))?.unwrap_or_default();
        let server_side = parameters.get("controller.diff.server.side").is_some_and(|value| value == "true");
        let diff = DiffOptions {
            overrides: overrides_from_config_map(data)?,
            tracker: tracker.clone(),
            ignore_aggregated_roles: compare.get("ignoreAggregatedRoles") == Some(&Value::Bool(true)),
            server_side: if server_side { ServerSide::Always } else { ServerSide::Available },
            ..DiffOptions::argo_defaults()
        };
        let list = |key| Ok::<Vec<FilteredResource>, SettingsError>(yaml_of(key, text(key))?.unwrap_or_default());
        let filter =
            ResourceFilter { exclusions: list("resource.exclusions")?, inclusions: list("resource.inclusions")? };
        Ok(Self { tracker, health: HealthOverrides::from_config_map(data)?, diff, filter })
    }

    /// The settings of the Argo CD in a namespace of the cluster; `None` when there is none, or it may not be read.
    ///
    /// # Errors
    /// When the cluster cannot be asked; [`SettingsError`] as text when the settings are broken.
    pub async fn in_cluster(cluster: &dyn ClusterReader, namespace: &str) -> Result<Option<Self>, ClusterError> {
        let read = async |name: &str| {
            let kind = GroupVersionKind::parse("v1", "ConfigMap");
            match cluster.get(&ObjectRef { kind, namespace: namespace.into(), name: name.into() }).await {
                Err(error) if error.is_forbidden() => Ok(None),
                other => other,
            }
        };
        let Some(main) = read(CONFIG_MAP).await? else { return Ok(None) };
        let parameters = read(PARAMETERS).await?;
        let settings = Self::from_config_maps(&data(&main), &parameters.map(|p| data(&p)).unwrap_or_default());
        settings.map(Some).map_err(|error| ClusterError::Config { message: error.to_string() })
    }

    /// The settings that a repository holds as plain manifests of the two ConfigMaps, wherever they are; `None` when it
    /// holds none. Charts that would render them are not looked at.
    ///
    /// # Errors
    /// As [`ArgoSettings::from_config_maps`].
    pub fn in_files(files: &RepoFiles) -> Result<Option<Self>, SettingsError> {
        let mut found: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
        let manifests = files.paths().filter(|path| path.ends_with(".yaml") || path.ends_with(".yml"));
        for path in manifests.filter(|path| !path.contains("/templates/")) {
            let Some(text) = files.read(path).ok().and_then(|bytes| std::str::from_utf8(bytes).ok()) else { continue };
            if !text.contains(CONFIG_MAP) && !text.contains(PARAMETERS) {
                continue;
            }
            let documents = yaml::parse(text).documents;
            let objects = documents.iter().filter_map(|d| d.json().ok()).filter_map(|v| Manifest::new(v).ok());
            for object in objects.filter(|object| object.kind() == "ConfigMap") {
                if let Some(name) = [CONFIG_MAP, PARAMETERS].into_iter().find(|name| *name == object.name()) {
                    found.entry(name).or_insert_with(|| data(&object));
                }
            }
        }
        let parameters = found.remove(PARAMETERS).unwrap_or_default();
        found.remove(CONFIG_MAP).map(|main| Self::from_config_maps(&main, &parameters)).transpose()
    }
}

fn data(config_map: &Manifest) -> BTreeMap<String, String> {
    let entries = config_map.value().get("data").and_then(Value::as_object).into_iter().flatten();
    entries.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

/// `None` for an empty text.
fn yaml_of<T: for<'a> Deserialize<'a>>(key: &'static str, text: &str) -> Result<Option<T>, SettingsError> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    serde_saphyr::from_str(text).map(Some).map_err(|e| SettingsError::Key { key, reason: e.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPOSITORY: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-cm}\ndata:\n  \
        application.resourceTrackingMethod: label\n  application.instanceLabelKey: example.com/app\n  \
        resource.compareoptions: |\n    ignoreAggregatedRoles: true\n  \
        resource.exclusions: |\n    - apiGroups: [cilium.io]\n      kinds: ['*']\n  \
        resource.customizations.ignoreDifferences.apps_Deployment: |\n    jsonPointers: [/spec/replicas]\n";

    #[test]
    fn settings_come_from_the_repository() {
        let parameters = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-cmd-params-cm}\n\
            data: {controller.diff.server.side: 'true'}\n";
        let files = RepoFiles::from_texts([("argocd/cm.yaml", REPOSITORY), ("argocd/params.yaml", parameters)]);
        let settings = ArgoSettings::in_files(&files).unwrap().unwrap();
        assert_eq!(settings.tracker.method, TrackingMethod::Label);
        assert_eq!(settings.tracker.label_key, "example.com/app");
        assert!(settings.diff.ignore_aggregated_roles && settings.filter.excludes("cilium.io", "X"));
        assert_eq!(settings.diff.server_side, ServerSide::Always);
        assert_eq!(settings.diff.overrides["apps/Deployment"].json_pointers, ["/spec/replicas"]);
        assert!(ArgoSettings::in_files(&RepoFiles::default()).unwrap().is_none());
    }

    #[test]
    fn a_broken_setting_is_named() {
        let data = BTreeMap::from([("resource.exclusions".to_owned(), "{".to_owned())]);
        let error = ArgoSettings::from_config_maps(&data, &BTreeMap::new()).unwrap_err();
        assert!(error.to_string().contains("resource.exclusions"), "{error}");
    }
}
