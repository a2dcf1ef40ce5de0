//! The resources that are served: the built-in ones and those of CustomResourceDefinitions.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use serde_json::Value;

use super::crd::{self, CustomVersion};
use crate::scheme::{Gvk, ResourceInfo, builtin_resources};
use crate::status::Target;

/// One resource in one version.
#[derive(Debug)]
pub struct Resource {
    /// Names, verbs and type.
    pub info: Arc<ResourceInfo>,
    /// Name in the store: versions of a resource share it.
    pub storage: Arc<str>,
    /// `group/version` that objects are stored in.
    pub storage_version: String,
    /// `group/version` of this version.
    pub(super) version: String,
    /// Schema and subresources of a custom resource.
    pub(crate) custom: Option<Arc<CustomVersion>>,
}

impl Resource {
    /// Group and resource, for messages.
    #[must_use]
    pub fn target(&self) -> Target<'_> {
        Target { group: &self.info.group, resource: &self.info.plural }
    }

    /// Group and kind, for messages of validation.
    #[must_use]
    pub fn kind_target(&self) -> Target<'_> {
        Target { group: &self.info.group, resource: &self.info.kind }
    }

    /// `group/version` of this version.
    #[must_use]
    pub fn version_text(&self) -> &str {
        &self.version
    }

    /// A custom resource.
    pub(super) fn custom(info: ResourceInfo, storage_version: String, custom: CustomVersion) -> Self {
        Resource {
            storage: info.group_resource().into(),
            storage_version,
            version: info.api_version(),
            info: Arc::new(info),
            custom: Some(Arc::new(custom)),
        }
    }

    /// True when the status subresource is served.
    #[must_use]
    pub fn has_status(&self) -> bool {
        self.info.subresource("status").is_some()
    }

    /// `plural.group` of built-in resources; `""` of custom ones. For matching kind-specific rules.
    #[must_use]
    pub fn builtin_name(&self) -> &str {
        if self.custom.is_some() { "" } else { &self.storage }
    }
}

/// All served resources; replaced as a whole when a CustomResourceDefinition changes.
#[derive(Debug, Default)]
pub struct Catalog {
    resources: Vec<Arc<Resource>>,
    by_path: HashMap<(String, String, String), usize>,
}

static BUILTIN: LazyLock<Vec<Arc<Resource>>> = LazyLock::new(|| builtin_resources().iter().map(builtin).collect());

/// Events of both groups are the same objects.
const EVENTS: &str = "events";

fn builtin(info: &Arc<ResourceInfo>) -> Arc<Resource> {
    let (storage, version) = match (info.group.as_str(), info.plural.as_str()) {
        ("events.k8s.io", "events") => (EVENTS.to_owned(), "v1".to_owned()),
        ("autoscaling", "horizontalpodautoscalers") => (info.group_resource(), "autoscaling/v2".to_owned()),
        _ => (info.group_resource(), info.api_version()),
    };
    Arc::new(Resource {
        info: info.clone(),
        storage: storage.into(),
        storage_version: version,
        version: info.api_version(),
        custom: None,
    })
}

impl Catalog {
    /// The built-in resources and those of the given CustomResourceDefinitions.
    #[must_use]
    pub fn new<'a>(definitions: impl IntoIterator<Item = &'a Value>) -> Self {
        let mut resources = BUILTIN.clone();
        for definition in definitions {
            resources.extend(crd::resources(definition));
        }
        let key = |r: &Resource| (r.info.group.clone(), r.info.version.clone(), r.info.plural.clone());
        let by_path = resources.iter().enumerate().map(|(i, r)| (key(r), i)).collect();
        Catalog { resources, by_path }
    }

    /// All resources, in discovery order.
    #[must_use]
    pub fn all(&self) -> &[Arc<Resource>] {
        &self.resources
    }

    /// The resource of a path.
    #[must_use]
    pub fn find(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Resource>> {
        let i = self.by_path.get(&(group.to_owned(), version.to_owned(), plural.to_owned()))?;
        self.resources.get(*i).cloned()
    }

    /// The resource of a kind.
    #[must_use]
    pub fn find_kind(&self, gvk: &Gvk) -> Option<Arc<Resource>> {
        let same =
            |r: &&Arc<Resource>| r.info.kind == gvk.kind && r.info.group == gvk.group && r.info.version == gvk.version;
        self.resources.iter().find(same).cloned()
    }

    /// Any version of the resource with that name in the store, the stored version first.
    #[must_use]
    pub fn find_storage(&self, storage: &str) -> Option<Arc<Resource>> {
        let mut same = self.resources.iter().filter(|r| r.storage.as_ref() == storage);
        let stored = same.clone().find(|r| r.info.api_version() == r.storage_version);
        stored.or_else(|| same.next()).cloned()
    }

    /// True when the group has a version that is served.
    #[must_use]
    pub fn has_group_version(&self, group: &str, version: &str) -> bool {
        self.resources.iter().any(|r| r.info.group == group && r.info.version == version)
    }
}
