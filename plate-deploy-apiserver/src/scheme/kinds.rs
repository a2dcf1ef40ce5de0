//! The resources a default kube-apiserver 1.37 serves, and the shape that custom resources are described with too.

use std::sync::{Arc, LazyLock};

use super::types::{StructRef, Type};

/// Group, version and kind of an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Gvk {
    /// API group; empty for the core group.
    pub group: String,
    /// Version, such as `v1`.
    pub version: String,
    /// Kind, such as `Deployment`.
    pub kind: String,
}

impl Gvk {
    /// Makes one from its parts.
    #[must_use]
    pub fn new(group: &str, version: &str, kind: &str) -> Self {
        Gvk { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() }
    }

    /// Makes one from `apiVersion` and `kind` of an object.
    #[must_use]
    pub fn from_api_version(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        Gvk::new(group, version, kind)
    }

    /// `apps/v1`, or `v1` for the core group.
    #[must_use]
    pub fn api_version(&self) -> String {
        api_version(&self.group, &self.version)
    }
}

impl std::fmt::Display for Gvk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, Kind={}", self.api_version(), self.kind)
    }
}

/// `group/version`, or the version alone for the core group.
#[must_use]
pub fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

/// One served resource in one version.
#[derive(Clone, Debug)]
pub struct ResourceInfo {
    /// API group of the path.
    pub group: String,
    /// Version of the path.
    pub version: String,
    /// Kind of the objects.
    pub kind: String,
    /// Lower-case plural name in paths.
    pub plural: String,
    /// Singular name.
    pub singular: String,
    /// Kind of lists.
    pub list_kind: String,
    /// True when objects live in a namespace.
    pub namespaced: bool,
    /// Short names, such as `deploy`.
    pub short_names: Vec<String>,
    /// Categories, such as `all`.
    pub categories: Vec<String>,
    /// Verbs served on the resource.
    pub verbs: Vec<String>,
    /// Subresources.
    pub subresources: Vec<SubresourceInfo>,
    /// The type of the objects.
    pub ty: Type,
    /// True for kinds of the generated table, false for custom resources.
    pub builtin: bool,
}

/// A subresource of a resource.
#[derive(Clone, Debug)]
pub struct SubresourceInfo {
    /// Name after the slash.
    pub name: String,
    /// Kind of the bodies.
    pub kind: Gvk,
    /// Verbs served.
    pub verbs: Vec<String>,
    /// The type of the bodies.
    pub ty: Type,
}

impl ResourceInfo {
    /// Group, version and kind.
    #[must_use]
    pub fn gvk(&self) -> Gvk {
        Gvk::new(&self.group, &self.version, &self.kind)
    }

    /// `plural.group`, or the plural alone for the core group, as messages print it.
    #[must_use]
    pub fn group_resource(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// `apps/v1` or `v1`.
    #[must_use]
    pub fn api_version(&self) -> String {
        api_version(&self.group, &self.version)
    }

    /// True when the verb is served.
    #[must_use]
    pub fn has_verb(&self, verb: &str) -> bool {
        self.verbs.iter().any(|v| v == verb)
    }

    /// The subresource of that name.
    #[must_use]
    pub fn subresource(&self, name: &str) -> Option<&SubresourceInfo> {
        self.subresources.iter().find(|s| s.name == name)
    }
}

static BUILTIN: LazyLock<Vec<Arc<ResourceInfo>>> = LazyLock::new(parse_table);

/// Every built-in resource, in discovery order.
#[must_use]
pub fn builtin_resources() -> &'static [Arc<ResourceInfo>] {
    &BUILTIN
}

/// The built-in resource of a kind.
#[must_use]
pub fn builtin_kind(gvk: &Gvk) -> Option<&'static Arc<ResourceInfo>> {
    BUILTIN.iter().find(|r| r.kind == gvk.kind && r.group == gvk.group && r.version == gvk.version)
}

fn words(text: &str) -> Vec<String> {
    text.split(',').filter(|w| !w.is_empty()).map(str::to_owned).collect()
}

fn parse_table() -> Vec<Arc<ResourceInfo>> {
    let mut out: Vec<ResourceInfo> = Vec::new();
    for line in super::data::resource_table().lines() {
        let cols: Vec<&str> = line.split('\t').collect();
        let [group, version, name, singular, kind, kind_group, kind_version, ns, short, categories, verbs, ty] =
            cols[..]
        else {
            continue;
        };
        let ty = Type::Struct(StructRef::Builtin(ty.into()));
        if let Some((_, sub)) = name.split_once('/') {
            if let Some(parent) = out.last_mut() {
                let kind = Gvk::new(kind_group, kind_version, kind);
                parent.subresources.push(SubresourceInfo { name: sub.to_owned(), kind, verbs: words(verbs), ty });
            }
            continue;
        }
        out.push(ResourceInfo {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
            plural: name.to_owned(),
            singular: singular.to_owned(),
            list_kind: format!("{kind}List"),
            namespaced: ns == "1",
            short_names: words(short),
            categories: words(categories),
            verbs: words(verbs),
            subresources: Vec::new(),
            ty,
            builtin: true,
        });
    }
    out.into_iter().map(Arc::new).collect()
}
