//! A target made ready to be compared: placed in the cluster, with its project and its comparison rules. Made once for a
//! target and the kinds that are served; looking at the cluster again does not repeat it.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::compare::place;
use super::live_state::Detail;
use super::project::Membership;
use super::settings::ArgoSettings;
use super::{LiveCache, Target};
use crate::cluster::{ApiCatalog, ObjectRef};
use crate::diff::{DiffOptions, Differ, ServerSide};
use crate::model::application::ManagedNamespaceMetadata;
use crate::model::{Manifest, ResourceKey, annotations};
use crate::report::{Diagnostic, Severity};

/// A target made ready.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    pub(super) catalog: Arc<ApiCatalog>,
    /// The manifests, where they belong.
    pub(super) placed: Vec<Arc<Manifest>>,
    /// The keys of those that have a name.
    pub(super) keys: Arc<BTreeSet<ResourceKey>>,
    /// `None`: the rules cannot be used; `problems` says why.
    pub(super) differ: Option<Differ>,
    pub(super) membership: Membership,
    /// What is known to be wrong before the cluster is looked at.
    pub(super) problems: Vec<Diagnostic>,
    /// The Application's own key, were it an object of the cluster.
    pub(super) own_key: ResourceKey,
    /// How much of the live objects a comparison needs.
    pub(super) detail: Detail,
}

impl Prepared {
    /// Makes a target ready.
    pub(super) fn new(
        target: &Target,
        catalog: Arc<ApiCatalog>,
        settings: &ArgoSettings,
        membership: Membership,
        own_key: ResourceKey,
    ) -> Self {
        let (placed, mut problems) = place(target, &catalog, &settings.tracker, &settings.filter);
        problems.extend(membership.problems.iter().cloned());
        let options = diff_options(target, &settings.diff);
        let managers = options.ignore.iter().any(|rule| !rule.managed_fields_managers.is_empty())
            || options.overrides.values().any(|rule| !rule.managed_fields_managers.is_empty());
        let by_object =
            |object: &Arc<Manifest>| crate::diff::has_option(object, annotations::SYNC_OPTIONS, "ServerSideApply=true");
        let server_side = match options.server_side {
            ServerSide::Never => false,
            ServerSide::Always => true,
            ServerSide::Available => placed.iter().any(by_object),
        };
        let differ = match Differ::new(options) {
            Ok(differ) => Some(differ),
            Err(error) => {
                problems.push(Diagnostic::new(Severity::Error, "comparison-error", error.to_string()));
                None
            }
        };
        let named = placed.iter().map(|object| object.key()).filter(|key| !key.name.is_empty());
        let keys = named.chain(managed_namespace(target)).chain([membership.key()]).collect();
        let detail = if managers || server_side { Detail::Full } else { Detail::Plain };
        Self { catalog, placed, keys: Arc::new(keys), differ, membership, problems, own_key, detail }
    }

    /// Where to read an object of this Application.
    pub(super) fn at(&self, key: &ResourceKey) -> Option<ObjectRef> {
        let placed = self.placed.iter().find(|object| object.key() == *key).map(|object| ObjectRef::of(object));
        placed.or_else(|| {
            let kind = self.catalog.preferred(&key.group_kind())?.kind.clone();
            Some(ObjectRef { kind, namespace: key.namespace.clone(), name: key.name.clone() })
        })
    }
}

/// The Application's own part in the rules: `ignoreDifferences`, and the comparison options in its annotations (Argo
/// CD's `shouldUseServerSideDiff`).
fn diff_options(target: &Target, base: &DiffOptions) -> DiffOptions {
    let application = &target.application;
    let policy = application.spec.sync_policy.as_ref();
    let asks = |option: &str| {
        let list = application.metadata.annotations.get(annotations::COMPARE_OPTIONS);
        list.is_some_and(|list| list.split(',').any(|entry| entry.trim() == option))
    };
    let applies_server_side = policy.is_some_and(|p| p.sync_options.iter().any(|o| o == "ServerSideApply=true"));
    let server_side = if asks("ServerSideDiff=false") {
        ServerSide::Never
    } else if asks("ServerSideDiff=true") || applies_server_side && base.server_side != ServerSide::Never {
        ServerSide::Always
    } else {
        base.server_side
    };
    DiffOptions {
        ignore: application.spec.ignore_differences.clone(),
        server_side,
        include_mutation_webhook: asks("IncludeMutationWebhook=true"),
        ..base.clone()
    }
}

/// The Namespace whose labels and annotations the Application keeps.
fn managed_namespace(target: &Target) -> Option<ResourceKey> {
    let policy = target.application.spec.sync_policy.as_ref()?;
    policy.managed_namespace_metadata.as_ref()?;
    let creates = policy.sync_options.iter().any(|option| option == "CreateNamespace=true");
    let name = target.namespace().to_owned();
    creates.then(|| ResourceKey { kind: "Namespace".into(), name, ..ResourceKey::default() })
}

/// Whether the live Namespace lacks labels or annotations that `managedNamespaceMetadata` asks for.
pub(super) fn namespace_differs(target: &Target, live: &LiveCache) -> bool {
    let managed = target.application.spec.sync_policy.as_ref().and_then(|p| p.managed_namespace_metadata.as_ref());
    let namespace = managed_namespace(target).and_then(|key| live.get(&key));
    managed.zip(namespace).is_some_and(|(managed, namespace)| lacks(&namespace, managed))
}

fn lacks(namespace: &Manifest, managed: &ManagedNamespaceMetadata) -> bool {
    let has = |field: &str, name: &str, value: &str| {
        let map = namespace.value().get("metadata").and_then(|metadata| metadata.get(field));
        map.and_then(|map| map.get(name)).and_then(Value::as_str) == Some(value)
    };
    managed.labels.iter().any(|(name, value)| !has("labels", name, value))
        || managed.annotations.iter().any(|(name, value)| !has("annotations", name, value))
}

/// Names a target by content: Application, manifests and revision.
#[must_use]
pub(super) fn digest(target: &Target) -> [u8; 32] {
    let mut hash = Sha256::new();
    let application = serde_json::to_vec(&target.application).unwrap_or_default();
    hash.update((application.len() as u64).to_be_bytes());
    hash.update(application);
    for manifest in &target.rendered.manifests {
        let text = manifest.value().to_string();
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    hash.finalize().into()
}
