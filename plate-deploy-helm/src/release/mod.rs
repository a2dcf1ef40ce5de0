//! From rendered files to manifests: splitting, hooks, install order.

mod order;
mod split;

use std::collections::BTreeMap;

pub use order::{INSTALL_ORDER, KindOrder, UNINSTALL_ORDER};
pub use split::{split_manifests, split_manifests_helm3};

use crate::engine::HelmVersion;
use crate::value::yaml::{Head, UnmarshalError, head};

/// One manifest of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The template it came from: `chart/templates/deployment.yaml`, or the file in `crds/`.
    pub source: String,
    /// `apiVersion`; empty for CRD files, which Helm does not read.
    pub api_version: String,
    /// `kind`; empty for CRD files.
    pub kind: String,
    /// `metadata.name`; empty for CRD files and when there is none.
    pub name: String,
    /// What part it has in the release.
    pub role: Role,
    /// The YAML text. A CRD file may hold several documents.
    pub text: String,
}

/// What part a manifest has in the release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// A file of `crds/`, installed before everything else.
    Crd,
    /// An ordinary resource.
    Resource,
    /// A hook.
    Hook(Hook),
}

/// When and how a hook runs: the `helm.sh/hook…` annotations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// `helm.sh/hook`.
    pub events: Vec<HookEvent>,
    /// `helm.sh/hook-weight`, 0 when it is no number.
    pub weight: i64,
    /// `helm.sh/hook-delete-policy`, lower-cased.
    pub delete_policies: Vec<String>,
    /// `helm.sh/hook-output-log-policy`, lower-cased.
    pub output_log_policies: Vec<String>,
}

/// When a hook runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are Helm's")]
pub enum HookEvent {
    PreInstall,
    PostInstall,
    PreDelete,
    PostDelete,
    PreUpgrade,
    PostUpgrade,
    PreRollback,
    PostRollback,
    Test,
}

impl HookEvent {
    /// The event of that name; `test-success` is Helm 2's `test`.
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "pre-install" => Self::PreInstall,
            "post-install" => Self::PostInstall,
            "pre-delete" => Self::PreDelete,
            "post-delete" => Self::PostDelete,
            "pre-upgrade" => Self::PreUpgrade,
            "post-upgrade" => Self::PostUpgrade,
            "pre-rollback" => Self::PreRollback,
            "post-rollback" => Self::PostRollback,
            "test" | "test-success" => Self::Test,
            _ => return None,
        })
    }
}

impl Manifest {
    /// Whether it is a hook that `helm test` runs.
    #[must_use]
    pub fn is_test(&self) -> bool {
        matches!(&self.role, Role::Hook(hook) if hook.events.contains(&HookEvent::Test))
    }
}

/// The manifests of rendered files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SortedManifests {
    /// Resources, in install order.
    pub resources: Vec<Manifest>,
    /// Hooks, in install order of their kinds.
    pub hooks: Vec<Manifest>,
    /// Hooks left out because Helm does not know their event: source and events.
    pub unknown_hooks: Vec<(String, String)>,
}

/// A rendered file with a document that cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
#[error("YAML parse error on {file}: {source}")]
pub struct ManifestError {
    /// The template.
    pub file: String,
    /// What is wrong.
    pub source: UnmarshalError,
}

/// Splits rendered files into documents, tells hooks from resources and sorts both, as Helm's `SortManifests`.
///
/// # Errors
/// The first document, by path, that is no YAML or no manifest.
pub fn sort_manifests(files: &BTreeMap<String, String>, helm: HelmVersion) -> Result<SortedManifests, ManifestError> {
    let mut sorted = SortedManifests::default();
    for (path, content) in files {
        let base = path.rsplit('/').next().unwrap_or_default();
        if base.starts_with('_') || content.trim().is_empty() {
            continue;
        }
        let documents = match helm {
            HelmVersion::V4 => split_manifests(content),
            HelmVersion::V3 => split_manifests_helm3(content),
        };
        for document in documents {
            let head = head(document.as_bytes()).map_err(|source| ManifestError { file: path.clone(), source })?;
            add(&mut sorted, path, head, document);
        }
    }
    let order = KindOrder::install(helm);
    sorted.resources.sort_by(|a, b| order.compare(&a.kind, &b.kind));
    sorted.hooks.sort_by(|a, b| order.compare(&a.kind, &b.kind));
    Ok(sorted)
}

fn add(sorted: &mut SortedManifests, path: &str, mut head: Head, text: &str) {
    let role = match head.annotations.get("helm.sh/hook") {
        None => Role::Resource,
        Some(events) => {
            let parsed: Option<Vec<_>> =
                events.split(',').map(|name| HookEvent::parse(&name.trim().to_lowercase())).collect();
            let Some(parsed) = parsed else {
                sorted.unknown_hooks.push((path.to_owned(), events.clone()));
                return;
            };
            Role::Hook(Hook {
                events: parsed,
                weight: head.annotations.get("helm.sh/hook-weight").map_or(0, |weight| weight.parse().unwrap_or(0)),
                delete_policies: policies(&mut head, "helm.sh/hook-delete-policy"),
                output_log_policies: policies(&mut head, "helm.sh/hook-output-log-policy"),
            })
        }
    };
    let into = if role == Role::Resource { &mut sorted.resources } else { &mut sorted.hooks };
    into.push(Manifest {
        source: path.to_owned(),
        api_version: head.api_version,
        kind: head.kind,
        name: head.name,
        role,
        text: text.to_owned(),
    });
}

fn policies(head: &mut Head, annotation: &str) -> Vec<String> {
    let given = head.annotations.get(annotation);
    given.map(|text| text.split(',').map(|policy| policy.trim().to_lowercase()).collect()).unwrap_or_default()
}
